//! `sealgate validate`: everything that is wrong with policies, in one run.

use std::path::PathBuf;

use sealgate::toolchain::compile::load;
use sealgate::toolchain::diagnostics::Sources;
use serde_json::json;

use crate::output::{self, say};
use crate::{Exit, Failure, policies};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A policy file, or a folder of role files.
    #[arg(required = true, value_name = "POLICY")]
    policies: Vec<PathBuf>,
    /// Print findings as JSON: one object a policy, one a line.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut exit = Exit::Ok;
        for path in &self.policies {
            let files = policies::read(path)?;
            let mut sources = Sources::new();
            let (valid, findings) = match load(&files, &mut sources) {
                Ok((_, warnings)) => (true, warnings),
                Err(errors) => (false, errors),
            };
            if !valid {
                exit = Exit::Refused;
            }
            if self.json {
                let record = json!({
                    "policy": path.display().to_string(),
                    "valid": valid,
                    "diagnostics": findings.records(&sources),
                });
                say!("{record}");
                continue;
            }
            output::write_rendered(&findings.render(&sources, policies::color()));
            let (errors, warnings) = (findings.errors(), findings.len() - findings.errors());
            let verdict = if valid { "valid" } else { "refused" };
            say!("{}: {verdict} ({errors} errors, {warnings} warnings)", path.display());
        }
        Ok(exit)
    }
}
