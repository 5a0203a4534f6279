//! A run as SVG: time of a decision by the number of rules, both axes logarithmic, a line for each contestant.

use std::fmt::Write as _;

use super::report::{Point, Report, Series, time};
use super::rows::{
    CEDAR, EMPTY, FRESH, JSON, NATIVE_BEST, NATIVE_VALUE, OPA_GO, OPA_WASM, OPA_WASM_CRATE, REGORUS, REGORUS_VM, TYPED,
    UNIFORM, label,
};

const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 600.0;
/// Where the axes are: left, top, right, bottom.
const FRAME: [f64; 4] = [76.0, 56.0, 660.0, 532.0];

/// How a contestant is drawn: colour (of Okabe and Ito's palette, which the colour-blind can tell apart), mark, dashes.
const STYLES: [(&str, &str, Mark, &str); 13] = [
    (JSON, "#0072b2", Mark::Disc, ""),
    (TYPED, "#0072b2", Mark::Square, "7 4"),
    (UNIFORM, "#0072b2", Mark::Triangle, "2 4"),
    (FRESH, "#56b4e9", Mark::Disc, ""),
    (NATIVE_BEST, "#000000", Mark::Square, ""),
    (NATIVE_VALUE, "#000000", Mark::Triangle, ""),
    (EMPTY, "#999999", Mark::Disc, ""),
    (CEDAR, "#009e73", Mark::Disc, ""),
    (REGORUS, "#d55e00", Mark::Disc, ""),
    (REGORUS_VM, "#d55e00", Mark::Square, "7 4"),
    (OPA_WASM, "#cc79a7", Mark::Disc, ""),
    (OPA_WASM_CRATE, "#cc79a7", Mark::Square, "7 4"),
    (OPA_GO, "#e69f00", Mark::Triangle, ""),
];

#[derive(Clone, Copy)]
enum Mark {
    Disc,
    Square,
    Triangle,
}

/// The plot.
pub(crate) fn render(report: &Report) -> String {
    let series: Vec<&Series> = report.series.iter().filter(|series| !series.points.is_empty()).collect();
    let axes = Axes::around(series.iter().flat_map(|series| &series.points));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" \
         font-size=\"13\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">Time of one decision by the number of rules</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    let [left, top, ..] = FRAME;
    text(&mut svg, [left, top - 26.0], "start", "17", "Time of one decision by the number of rules");
    axes.draw(&mut svg);
    for series in &series {
        line(&mut svg, series, &axes);
    }
    legend(&mut svg, series);
    svg + "</svg>\n"
}

/// What the axes span, as powers of ten.
struct Axes {
    rules: [f64; 2],
    ns: [f64; 2],
}

impl Axes {
    fn around<'a>(points: impl Iterator<Item = &'a Point>) -> Self {
        let (mut rules, mut ns) = ([f64::INFINITY, f64::NEG_INFINITY], [f64::INFINITY, f64::NEG_INFINITY]);
        for point in points {
            widen(&mut rules, (point.rules as f64).log10());
            widen(&mut ns, point.ns.log10());
        }
        if !(rules[0].is_finite() && ns[0].is_finite()) {
            return Self { rules: [0.0, 1.0], ns: [0.0, 1.0] };
        }
        let whole = |[low, high]: [f64; 2]| [low.floor(), high.ceil().max(low.floor() + 1.0)];
        Self { rules: [rules[0] - 0.15, rules[1].max(rules[0] + 1.0) + 0.1], ns: whole(ns) }
    }

    fn place(&self, rules: f64, ns: f64) -> [f64; 2] {
        let [left, top, right, bottom] = FRAME;
        let share = |value: f64, [low, high]: [f64; 2]| (value - low) / (high - low);
        [left + (right - left) * share(rules.log10(), self.rules), bottom - (bottom - top) * share(ns.log10(), self.ns)]
    }

    fn draw(&self, svg: &mut String) {
        let [left, top, right, bottom] = FRAME;
        let decades = |[low, high]: [f64; 2]| (low.ceil() as i32..=high.floor() as i32).map(|power| 10_f64.powi(power));
        for ns in decades(self.ns) {
            let [_, y] = self.place(1.0, ns);
            stroke(svg, [left, y], [right, y], "#dddddd");
            text(svg, [left - 8.0, y + 4.5], "end", "13", &time(ns));
        }
        for rules in decades(self.rules) {
            let [x, _] = self.place(rules, 1.0);
            stroke(svg, [x, top], [x, bottom], "#dddddd");
            text(svg, [x, bottom + 20.0], "middle", "13", &thousands(rules));
        }
        stroke(svg, [left, bottom], [right, bottom], "#444444");
        stroke(svg, [left, top], [left, bottom], "#444444");
        text(svg, [(left + right) / 2.0, bottom + 44.0], "middle", "13", "rules in the policy");
    }
}

fn widen([low, high]: &mut [f64; 2], value: f64) {
    *low = low.min(value);
    *high = high.max(value);
}

fn line(svg: &mut String, series: &Series, axes: &Axes) {
    let (colour, mark, dashes) = style(&series.name);
    let places: Vec<[f64; 2]> = series.points.iter().map(|point| axes.place(point.rules as f64, point.ns)).collect();
    let path: Vec<String> = places.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>",
        path.join(" ")
    );
    for place in places {
        draw_mark(svg, place, mark, colour);
    }
}

/// The slowest first, as their lines lie.
fn legend(svg: &mut String, mut series: Vec<&Series>) {
    let height = |series: &Series| series.points.iter().map(|point| point.ns).fold(0.0, f64::max);
    series.sort_by(|one, other| height(other).total_cmp(&height(one)));
    let [_, top, right, _] = FRAME;
    for (index, series) in series.iter().enumerate() {
        let (colour, mark, dashes) = style(&series.name);
        let y = top + 16.0 + 34.0 * index as f64;
        let _ = writeln!(
            svg,
            "<line x1=\"{}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\" \
             stroke-dasharray=\"{dashes}\"/>",
            right + 24.0,
            right + 58.0
        );
        draw_mark(svg, [right + 41.0, y], mark, colour);
        text(svg, [right + 68.0, y - 2.0], "start", "13", label(&series.name));
        text(svg, [right + 68.0, y + 13.0], "start", "11", &ends(&series.points));
    }
}

/// What the first and the last point say.
fn ends(points: &[Point]) -> String {
    let said = |point: &Point| format!("{} at {}", time(point.ns), thousands(point.rules as f64));
    match points {
        [] => String::new(),
        [only] => said(only),
        [first, .., last] => format!("{}, {}", said(first), said(last)),
    }
}

fn style(name: &str) -> (&'static str, Mark, &'static str) {
    let found = STYLES.iter().find(|(known, ..)| *known == name);
    found.map_or(("#666666", Mark::Disc, ""), |(_, colour, mark, dashes)| (colour, *mark, dashes))
}

fn draw_mark(svg: &mut String, [x, y]: [f64; 2], mark: Mark, colour: &str) {
    let _ = match mark {
        Mark::Disc => writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"),
        Mark::Square => writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\" fill=\"{colour}\"/>",
            x - 4.0,
            y - 4.0
        ),
        Mark::Triangle => writeln!(
            svg,
            "<polygon points=\"{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}\" fill=\"{colour}\"/>",
            x - 5.0,
            y + 4.0,
            x + 5.0,
            y + 4.0,
            x,
            y - 5.0
        ),
    };
}

fn stroke(svg: &mut String, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], colour: &str) {
    let _ = writeln!(svg, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>");
}

fn text(svg: &mut String, [x, y]: [f64; 2], anchor: &str, size: &str, said: &str) {
    let said = said.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"#222222\">{said}</text>"
    );
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut said = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::Machine;

    #[test]
    fn a_line_rises_with_time_and_stays_in_the_frame() {
        let point = |rules, ns| Point { rules, ns };
        let points = vec![point(4, 300.0), point(1_000, 30_000.0), point(100_000, 500.0)];
        let axes = Axes::around(points.iter());
        let [left, top, right, bottom] = FRAME;
        let places: Vec<[f64; 2]> = points.iter().map(|point| axes.place(point.rules as f64, point.ns)).collect();
        let [small, middle, large] = places.as_slice() else { panic!("three places") };
        assert!(small[0] < middle[0] && middle[0] < large[0] && middle[1] < large[1] && large[1] < small[1]);
        assert!(places.iter().all(|[x, y]| (left..=right).contains(x) && (top..=bottom).contains(y)));

        let machine = Machine { processor: String::new(), threads: 1, platform: String::new() };
        let series = vec![Series { name: JSON.to_owned(), points }];
        let svg = render(&Report { machine, quick: true, rows: Vec::new(), series, notes: Vec::new() });
        assert!(svg.contains("300 ns at 4, 500 ns at 100,000") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_run_without_points_is_drawn_too() {
        let machine = Machine { processor: String::new(), threads: 1, platform: String::new() };
        let empty = Report { machine, quick: true, rows: Vec::new(), series: Vec::new(), notes: Vec::new() };
        assert!(!render(&empty).contains("NaN"));
    }
}
