//! A run: its rows and its series, as JSON and as a table. Nothing in it says when it was made.

use std::path::Path;

use anyhow::Context;
use sealgate_cli::table;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A run.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// Whether it was made with fewer rounds.
    pub(crate) quick: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) series: Vec<Series>,
    /// Figures beside the rows, by name.
    pub(crate) notes: Vec<Note>,
}

/// Where it was made.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) threads: usize,
    pub(crate) platform: String,
}

/// A row of the table.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) what: String,
    pub(crate) ratio: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_most: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_least: Option<f64>,
    pub(crate) holds: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quartiles: Option<[f64; 2]>,
    /// Why there is no ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What a contestant took, by the number of rules.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// Nanoseconds per decision.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Point {
    pub(crate) rules: usize,
    pub(crate) ns: f64,
}

/// A figure that no bound is set for.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Note {
    pub(crate) name: String,
    pub(crate) what: String,
    pub(crate) value: f64,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Self {
        let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            processor: model.map_or("unknown", |(_, name)| name.trim()).to_owned(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

impl Report {
    /// A run that has been written.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("`{}` is no run", path.display()))
    }

    /// Writes it.
    ///
    /// # Errors
    /// As the file system fails.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// The rows as `{"rows": […]}`.
    ///
    /// # Errors
    /// None: every figure is finite.
    pub(crate) fn rows_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(&json!({"rows": self.rows}))? + "\n")
    }

    /// What a contestant took for a policy of so many rules.
    pub(crate) fn time(&self, name: &str, rules: usize) -> Option<f64> {
        let series = self.series.iter().find(|series| series.name == name)?;
        series.points.iter().find(|point| point.rules == rules).map(|point| point.ns)
    }

    /// The rows for a terminal.
    pub(crate) fn table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                let spread =
                    row.quartiles.map_or_else(String::new, |[low, high]| format!("{}–{}", figure(low), figure(high)));
                vec![
                    row.name.clone(),
                    row.ratio.map_or_else(|| "—".to_owned(), figure),
                    row.bound(),
                    row.verdict().to_owned(),
                    spread,
                    row.reason.clone().unwrap_or_default(),
                ]
            })
            .collect();
        let mut text = table::render(&["row", "ratio", "bound", "", "quartiles", ""], &rows, &[1, 2]);
        for note in &self.notes {
            text += &format!("{}: {} ({})\n", note.name, figure(note.value), note.what);
        }
        text
    }
}

impl Row {
    /// The bound for people.
    pub(crate) fn bound(&self) -> String {
        match (self.at_most, self.at_least) {
            (Some(most), _) => format!("≤ {}", figure(most)),
            (_, Some(least)) => format!("≥ {}", figure(least)),
            _ => String::new(),
        }
    }

    /// Whether it holds, for people.
    pub(crate) fn verdict(&self) -> &'static str {
        match (self.ratio, self.holds) {
            (None, _) => "not measured",
            (_, true) => "holds",
            (_, false) => "missed",
        }
    }
}

/// Three significant digits.
pub(crate) fn figure(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let text = format!("{value:.*}", usize::try_from(digits).unwrap_or(0));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A time for people, in the unit that suits it.
pub(crate) fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{} ns", figure(ns)),
        ns if ns < 1e6 => format!("{} µs", figure(ns / 1e3)),
        ns => format!("{} ms", figure(ns / 1e6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::rows::{ROWS, plain, row};

    #[test]
    fn figures_have_three_digits() {
        for (value, text) in
            [(0.0, "0"), (0.000_101, "0.000101"), (0.8, "0.8"), (1.904, "1.9"), (61.26, "61.3"), (1024.0, "1024")]
        {
            assert_eq!(figure(value), text);
        }
        assert_eq!([time(13.0), time(5_890_000.0)], ["13 ns", "5.89 ms"]);
    }

    #[test]
    fn a_run_survives_being_written() {
        let rows = vec![
            row("vs_cedar_4", Ok(plain(0.05))).unwrap(),
            row("two_threads", Ok(plain(1.5))).unwrap(),
            row("vs_regorus_4", Err("it is missing".to_owned())).unwrap(),
        ];
        let series = vec![Series { name: "cedar".to_owned(), points: vec![Point { rules: 4, ns: 4500.5 }] }];
        let machine = Machine { processor: "some".to_owned(), threads: 2, platform: "linux".to_owned() };
        let report = Report { machine, quick: true, rows, series, notes: Vec::new() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.json");
        report.write(&path).unwrap();
        let read = Report::read(&path).unwrap();
        assert_eq!(read.time("cedar", 4), Some(4500.5));
        let said: serde_json::Value = serde_json::from_str(&read.rows_json().unwrap()).unwrap();
        let [cedar, threads, regorus] = said["rows"].as_array().unwrap().as_slice() else { panic!("three rows") };
        assert_eq!((&cedar["ratio"], &cedar["at_most"], &cedar["holds"]), (&json!(0.05), &json!(0.1), &json!(true)));
        assert_eq!((&threads["at_least"], &threads["holds"]), (&json!(1.9), &json!(false)));
        assert_eq!((&regorus["ratio"], &regorus["reason"]), (&json!(null), &json!("it is missing")));
        assert!(threads.get("at_most").is_none());
    }

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = ROWS.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), ROWS.len());
    }
}
