//! `sealgate verify`: whether a bundle is what a trusted key signed, and what it holds.

use std::path::{Path, PathBuf};

use sealgate::bundle::fs::LoadError;
use sealgate::bundle::keys::file::read_trust_store;
use sealgate::bundle::{UnixSeconds, VerifiedBundle, VerifyOptions, fs};

use crate::{Exit, Failure};

/// Which bundle, and which keys are trusted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A bundle: an archive, or a folder.
    #[arg(long)]
    bundle: PathBuf,
    /// A trusted public key file, or a folder of them; may be repeated.
    #[arg(long, required = true)]
    key: Vec<PathBuf>,
    /// Refuse a bundle of another name.
    #[arg(long)]
    name: Option<String>,
    /// Refuse a bundle with a lower serial.
    #[arg(long, value_name = "N")]
    minimum_serial: Option<u64>,
    /// Print the signed manifest as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let bundle = load(&self.bundle, &self.key, self.name.as_deref(), self.minimum_serial)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(bundle.manifest())?);
        } else {
            print(&bundle);
        }
        Ok(Exit::Ok)
    }
}

/// Reads a bundle and verifies it with the keys of these files and folders.
pub(super) fn load(
    path: &Path,
    keys: &[PathBuf],
    name: Option<&str>,
    minimum_serial: Option<u64>,
) -> Result<VerifiedBundle, Failure> {
    let mut options = VerifyOptions::new(read_trust_store(keys)?, UnixSeconds::system_now());
    options.expected_name = name.map(str::to_owned);
    options.minimum_serial = minimum_serial;
    fs::load(path, &options).map_err(|error| match error {
        LoadError::Refused { .. } => Failure::Refused(format!("error: bundle refused: {error}")),
        other => Failure::Other(other.into()),
    })
}

fn print(bundle: &VerifiedBundle) {
    let manifest = bundle.manifest();
    let optional = |time: Option<UnixSeconds>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    println!("verified     {}", bundle.name());
    println!("revision     {}", bundle.revision());
    println!("serial       {}", bundle.serial());
    println!("key id       {}", bundle.key_id().map_or_else(|| "-".to_owned(), |id| id.to_string()));
    println!("not before   {}", optional(manifest.not_before));
    println!("expires      {}", optional(manifest.expires));
    println!("entrypoints  {}", manifest.entrypoints.join(", "));
    println!(
        "builtins     {}",
        if manifest.builtins.is_empty() { "-".to_owned() } else { manifest.builtins.join(", ") }
    );
    println!("made by      {}, {}", manifest.compiler, manifest.kernel);
    for file in &manifest.files {
        println!("file         {}  {} bytes  sha256 {}", file.name, file.size, file.sha256);
    }
}
