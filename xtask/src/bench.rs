//! `cargo xtask bench`: Sealgate against other ways to decide, in one go.
//!
//! Builds everything in release (ours, each peer by itself, the Go program), has the policies and calls written, lets every
//! contestant decide the sample calls, and only then measures. What comes out is a table of ratios on the terminal, and the
//! run as JSON, from which the page in the documentation is made.
//!
//! | module | what it does |
//! |---|---|
//! | `programs` | builds, and says why a peer is missing |
//! | `contestant`, `rounds` | a process that decides; many of them by turns |
//! | `figures` | what is no race between processes: threads, swaps, allocations, cold starts, builds, sizes |
//! | `rows` | the rows of the table: what each divides by what, and its bound |
//! | `report` | a run as JSON and as a table |
//! | `page`, `plot` | a run as Markdown and as SVG |
//!
//! A ratio is made of one run. Its two sides are processes that decide by turns for a few milliseconds each, in rounds whose
//! order alternates; each round gives a quotient, and the median of the quotients counts, over several starts of every
//! process. What a busy machine takes from one side it takes from its neighbour too, and a round that was disturbed does not
//! move the median.

use std::path::{Path, PathBuf};

use anyhow::Context;
use sealgate_cli::{Exit, Failure};

mod contestant;
mod figures;
mod page;
mod plot;
mod programs;
mod race;
mod report;
mod rounds;
mod rows;

use programs::Programs;
use report::Report;

/// Where the page lies, and what it shows.
const PAGE: &str = "docs/benchmarks.md";
const PLOT: &str = "docs/benchmarks.svg";
const RUN: &str = "docs/benchmarks.json";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Fewer rounds: some minutes in all.
    #[arg(long)]
    quick: bool,
    /// Print the rows as JSON on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Where the run, and what it needs, is written.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Show a run that has been made, instead of making one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "check"])]
    from: Option<PathBuf>,
    /// Write the page of the documentation, its plot and the run that it shows.
    #[arg(long)]
    page: bool,
    /// Measure nothing: hold only that every contestant decides the sample calls alike. All peers must be there.
    #[arg(long, conflicts_with_all = ["quick", "page"])]
    check: bool,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<Exit, Failure> {
        let out = if self.out.is_absolute() { self.out.clone() } else { root.join(&self.out) };
        let report = match &self.from {
            Some(path) => Report::read(path)?,
            None => {
                let programs = Programs::build(root, !self.check)?;
                if self.check {
                    return race::check(&programs, &out.join("check"));
                }
                let report = race::run(&programs, &out, self.quick)?;
                report.write(&out.join("bench.json"))?;
                report
            }
        };
        if self.page {
            std::fs::write(root.join(PAGE), page::render(&report)).context("cannot write the page")?;
            std::fs::write(root.join(PLOT), plot::render(&report)).context("cannot write the plot")?;
            report.write(&root.join(RUN))?;
        }
        if self.json {
            print!("{}", report.rows_json()?);
        } else {
            print!("{}", report.table());
        }
        Ok(Exit::Ok)
    }
}
