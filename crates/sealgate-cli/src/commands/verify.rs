//! `sealgate verify`: whether a bundle is what a trusted key signed, and what it holds.

use std::path::{Path, PathBuf};

use sealgate::builtins::Capability;
use sealgate::bundle::fs::LoadError;
use sealgate::bundle::keys::file::read_trust_store;
use sealgate::bundle::{UnixSeconds, VerifiedBundle, VerifyOptions, fs};
use sealgate::toolchain::builtins::registry;

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
    /// Print the signed manifest as JSON, and the capability that each builtin needs as `needs`.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let bundle = load(&self.bundle, &self.key, self.name.as_deref(), self.minimum_serial)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&described(&bundle)?)?);
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

/// The builtins that the module needs, with the capability of each that this host knows.
fn needs(bundle: &VerifiedBundle) -> Vec<(&str, Option<Capability>)> {
    let registry = registry();
    let capability = |name: &str| registry.get(name).map(|entry| entry.capability);
    bundle.builtins().iter().map(|name| (name.as_str(), capability(name))).collect()
}

fn described(bundle: &VerifiedBundle) -> Result<serde_json::Value, serde_json::Error> {
    let mut said = serde_json::to_value(bundle.manifest())?;
    let needs = needs(bundle).into_iter().map(|(builtin, capability)| {
        serde_json::json!({ "builtin": builtin, "capability": capability.map(|capability| capability.to_string()) })
    });
    if let Some(members) = said.as_object_mut() {
        members.insert("needs".to_owned(), needs.collect());
    }
    Ok(said)
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
    let needs = needs(bundle).into_iter().map(|(name, capability)| match capability {
        Some(capability) => format!("{name} ({capability})"),
        None => format!("{name} (unknown here)"),
    });
    let needs = needs.collect::<Vec<_>>().join(", ");
    println!("builtins     {}", if needs.is_empty() { "-" } else { &needs });
    println!("made by      {}, {}", manifest.compiler, manifest.kernel);
    for file in &manifest.files {
        println!("file         {}  {} bytes  sha256 {}", file.name, file.size, file.sha256);
    }
}
