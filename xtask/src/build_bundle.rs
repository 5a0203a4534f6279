//! `cargo xtask build-bundle`: builds bundles, then shows that they decide.
//!
//! The build itself is `sealgate build`. What is added here: the examples of `bundles/` when no policy is named, a
//! development key made at first use, and the proof at the end: what was written is read back, verified, loaded, and
//! decides the calls that lie beside the policy.

use std::path::{Path, PathBuf};

use sealgate::bundle::keys::file::{pair_paths, read_signing_key, write_pair};
use sealgate::bundle::{SigningKey, TrustStore, UnixSeconds, VerifyOptions, fs};
use sealgate::toolchain::suite::{Call, Suite};
use sealgate::{Policy, RuntimeOptions};
use sealgate_cli::commands::build::{self, Built, Options};
use sealgate_cli::{Exit, Failure, table};

/// Where examples lie in the repository.
const EXAMPLES: &str = "bundles";
/// The development key's prefix in the repository.
const DEVELOPMENT_KEY: &str = "keys/dev";
/// The calls of a policy, in its folder.
const CALLS: &str = "calls.yaml";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Policies: files, or folders of role files. None means every example in `bundles/`.
    #[arg(value_name = "POLICY")]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    options: Options,
    /// The private key that signs. Without it: `keys/dev.private`, made at first use.
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<Exit, Failure> {
        let key = match &self.sign_key {
            Some(path) => read_signing_key(path)?,
            None => development_key(root)?,
        };
        let policies = if self.policies.is_empty() { examples(root)? } else { self.policies };
        let built = build::build_all(&policies, &self.options, &key)?;
        if self.options.json {
            print!("{}", build::json(&built, key.public_key().id())?);
        } else {
            print!("{}", build::summary(&built, key.public_key().id()));
        }
        let mut wrong = 0;
        for built in &built {
            wrong += decide(built, &key, self.options.json)?;
        }
        match wrong {
            0 => Ok(Exit::Ok),
            _ => Err(Failure::Other(anyhow::anyhow!("{wrong} calls are not decided as expected"))),
        }
    }
}

/// Every policy in `bundles/`: a file `policy.yaml`, or a folder `policies`.
fn examples(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(EXAMPLES))? {
        let folder = entry?.path();
        let policy = [folder.join("policy.yaml"), folder.join("policies")].into_iter().find(|path| path.exists());
        found.extend(policy);
    }
    found.sort();
    Ok(found)
}

fn development_key(root: &Path) -> Result<SigningKey, Failure> {
    let prefix = root.join(DEVELOPMENT_KEY);
    let (private, _) = pair_paths(&prefix);
    if private.exists() {
        return Ok(read_signing_key(&private)?);
    }
    let key = SigningKey::generate()?;
    write_pair(&prefix, &key, true)?;
    eprintln!("made the development key {} (mode 0600, ignored by git)", private.display());
    Ok(key)
}

/// Reads back what was written, verifies and loads it, and decides the calls beside the policy. Gives how many are not
/// decided as expected.
fn decide(built: &Built, key: &SigningKey, quiet: bool) -> Result<usize, Failure> {
    let options = VerifyOptions::new(TrustStore::of(key.public_key()), UnixSeconds::system_now());
    let expected = options.expect_name(&built.written.name);
    let mut policies = Vec::new();
    for path in [&built.written.archive, &built.written.folder].into_iter().flatten() {
        let bundle = fs::load(path, &expected)?;
        policies.push(Policy::load(&bundle, &RuntimeOptions::default())?);
    }
    let calls = built.source.parent().map(|folder| folder.join(CALLS)).filter(|path| path.is_file());
    let (Some(policy), Some(calls)) = (policies.first(), calls) else { return Ok(0) };
    let text = std::fs::read_to_string(&calls)?;
    let suite = Suite::parse(&text).map_err(|error| Failure::refused(calls.display(), error))?;
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for call in &suite.calls {
        let decided = call.decide(policy);
        if !call.holds(&decided) {
            wrong.push(complaint(call, &decided));
        }
        rows.push(vec![
            format!("  {}", call.name),
            call.role.clone().unwrap_or_else(|| "-".to_owned()),
            call.tool.clone(),
            decided.outcome.to_string(),
            decided.violations.join("; "),
        ]);
    }
    if !quiet {
        println!("\n{} decides:", built.written.name);
        print!("{}", table::render(&["  call", "role", "tool", "outcome", "violations"], &rows, &[]));
    }
    for complaint in &wrong {
        eprintln!("{complaint}");
    }
    Ok(wrong.len())
}

fn complaint(call: &Call, decided: &sealgate::toolchain::suite::Decided) -> String {
    format!(
        "error: `{}` is decided otherwise than expected\n  expected {} {:?}\n  decided  {} {:?}",
        call.name, call.outcome, call.violations, decided.outcome, decided.violations
    )
}
