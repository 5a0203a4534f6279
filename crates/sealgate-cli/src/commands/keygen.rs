//! `sealgate keygen`: a key pair.

use std::path::PathBuf;

use anyhow::Context as _;
use sealgate::bundle::SigningKey;
use sealgate::bundle::keys::{KeyError, file};

use crate::output::say;
use crate::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where: PREFIX.private and PREFIX.public.
    #[arg(long, value_name = "PREFIX")]
    out: PathBuf,
    /// Replace files that are there already.
    #[arg(long)]
    force: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if let Some(folder) = self.out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        }
        let key = SigningKey::generate()?;
        let (private, public) = file::write_pair(&self.out, &key, self.force).map_err(|error| match error {
            KeyError::Exists { path } => Failure::Usage(format!("`{path}` exists already; --force replaces it")),
            other => other.into(),
        })?;
        say!("key id   {}", key.public_key().id());
        say!("private  {} (keep it secret)", private.display());
        say!("public   {}", public.display());
        Ok(Exit::Ok)
    }
}
