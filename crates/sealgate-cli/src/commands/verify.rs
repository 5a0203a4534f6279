//! `sealgate verify`: whether a bundle is what a trusted key signed, and what it holds.

use std::path::PathBuf;

use sealgate::builtins::Capability;
use sealgate::bundle::{Trust, UnixSeconds, VerifiedBundle};
use sealgate::toolchain::builtins::registry;

use crate::output::say;
use crate::signing::Expected;
use crate::{Exit, Failure};

/// Which bundle, and which keys are trusted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A bundle: an archive, or a folder.
    #[arg(long)]
    bundle: PathBuf,
    #[command(flatten)]
    expected: Expected,
    /// Print the signed manifest as JSON, and the capability that each builtin needs as `needs`.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let bundle = self.expected.load(&self.bundle)?;
        if self.json {
            say!("{}", serde_json::to_string_pretty(&described(&bundle)?)?);
        } else {
            print(&bundle);
        }
        Ok(Exit::Ok)
    }
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
    say!("{}     {}", if bundle.is_signed() { "verified" } else { "UNSIGNED" }, bundle.name());
    say!("revision     {}", bundle.revision());
    say!("serial       {}", bundle.serial());
    match bundle.trust() {
        Trust::Signed(id) => say!("key id       {id}"),
        Trust::SignedByOpa { key_id, revision } => say!("OPA's key    {key_id}, revision `{revision}`"),
        Trust::Unsigned => say!("key id       -"),
    }
    say!("not before   {}", optional(manifest.not_before));
    say!("expires      {}", optional(manifest.expires));
    say!("entrypoints  {}", manifest.entrypoints.join(", "));
    let needs = needs(bundle).into_iter().map(|(name, capability)| match capability {
        Some(capability) => format!("{name} ({capability})"),
        None => format!("{name} (unknown here)"),
    });
    let needs = needs.collect::<Vec<_>>().join(", ");
    say!("builtins     {}", if needs.is_empty() { "-" } else { &needs });
    say!("made by      {}, {}", manifest.compiler, manifest.kernel);
    for file in &manifest.files {
        say!("file         {}  {} bytes  sha256 {}", file.name, file.size, file.sha256);
    }
}
