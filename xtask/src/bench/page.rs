//! A run as the page of the documentation.

use std::fmt::Write as _;

use super::report::{Report, figure, time};
use super::rows::{LABELS, label};

/// The page.
pub(crate) fn render(report: &Report) -> String {
    let mut page = format!(
        "# Benchmarks\n<!-- Made by `cargo xtask bench --page`. -->\n\n\
         One run of `cargo xtask bench{} --page` on {}, {} threads, {}. Times of other machines differ; ratios much less.\n\n\
         ![Time of one decision by the number of rules](benchmarks.svg)\n\n",
        if report.quick { " --quick" } else { "" },
        report.machine.processor,
        report.machine.threads,
        report.machine.platform
    );
    page += "## Ratios\n| row | what | ratio | quartiles | bound | |\n|---|---|---:|---:|---:|---|\n";
    for row in &report.rows {
        let ratio = row.ratio.map_or_else(|| "—".to_owned(), figure);
        let quartiles =
            row.quartiles.map_or_else(String::new, |[low, high]| format!("{}–{}", figure(low), figure(high)));
        let verdict = row.reason.as_deref().unwrap_or_else(|| row.verdict());
        let _ =
            writeln!(page, "| `{}` | {} | {ratio} | {quartiles} | {} | {verdict} |", row.name, row.what, row.bound());
    }
    if !report.notes.is_empty() {
        page += "\nBeside them:\n\n| figure | what | |\n|---|---|---:|\n";
        for note in &report.notes {
            let _ = writeln!(page, "| `{}` | {} | {} |", note.name, note.what, figure(note.value));
        }
    }
    page += "\n## Times\nThe median time of one decision, by the number of rules.\n\n";
    let mut sizes: Vec<usize> =
        report.series.iter().flat_map(|series| &series.points).map(|point| point.rules).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let heads: Vec<String> = sizes.iter().map(|size| format!(" {size} |")).collect();
    let _ = writeln!(page, "| |{}\n|---|{}", heads.concat(), "---:|".repeat(sizes.len()));
    for (name, _) in LABELS {
        let times: Vec<Option<f64>> = sizes.iter().map(|size| report.time(name, *size)).collect();
        if times.iter().any(Option::is_some) {
            let cells: Vec<String> =
                times.into_iter().map(|ns| format!(" {} |", ns.map_or_else(String::new, time))).collect();
            let _ = writeln!(page, "| {} |{}", label(name), cells.concat());
        }
    }
    page + "\n" + METHOD
}

const METHOD: &str = include_str!("method.md");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::{Machine, Note, Point, Series};
    use crate::bench::rows::{JSON, plain, row};

    #[test]
    fn every_row_and_every_time_is_on_the_page() {
        let machine = Machine { processor: "A processor".to_owned(), threads: 2, platform: "linux x86_64".to_owned() };
        let rows = vec![
            row("vs_cedar_4", Ok(plain(0.0612))).unwrap(),
            row("vs_regorus_4", Err("the peer does not build".to_owned())).unwrap(),
        ];
        let series = vec![Series { name: JSON.to_owned(), points: vec![Point { rules: 4, ns: 310.0 }] }];
        let notes = vec![Note { name: "swaps".to_owned(), what: "how many".to_owned(), value: 12.0 }];
        let page = render(&Report { machine, quick: true, rows, series, notes });
        for line in [
            "One run of `cargo xtask bench --quick --page` on A processor, 2 threads, linux x86_64.",
            "| 0.0612 |  | ≤ 0.1 | holds |",
            "| — |  | ≤ 0.0166 | the peer does not build |",
            "| Sealgate, JSON to JSON | 310 ns |",
            "| `swaps` | how many | 12 |",
            "## Method",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
