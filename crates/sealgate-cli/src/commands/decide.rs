//! `sealgate decide`: one decision, by a bundle or by a policy compiled on the spot.

use std::path::PathBuf;

use sealgate::bundle::{SigningKey, TrustStore, UnixSeconds, UnverifiedBundle, VerifiedBundle, VerifyOptions};
use sealgate::toolchain::builtins::registry;
use sealgate::toolchain::compile::{CompileOptions, DEFAULT_PACKAGE};
use sealgate::toolchain::pack::{PackOptions, pack};
use sealgate::{Decision, Outcome, Policy, Request, RuntimeOptions};
use serde_json::{Map, Value};

use crate::grants::{self, GrantArgs};
use crate::output::say;
use crate::signing::Expected;
use crate::{Exit, Failure, json_argument, policies};

/// A call, and what decides it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    expected: Expected,
    /// The caller's role.
    #[arg(long)]
    role: Option<String>,
    /// The tool that is to run.
    #[arg(long)]
    tool: String,
    /// The tool's arguments: a JSON object, or @FILE.
    #[arg(long, value_parser = json_argument::parse, value_name = "JSON")]
    args: Option<Map<String, Value>>,
    /// Attributes of the call's context: a JSON object, or @FILE.
    #[arg(long, value_parser = json_argument::parse, value_name = "JSON")]
    ctx: Option<Map<String, Value>>,
    /// Attributes of the caller: a JSON object, or @FILE.
    #[arg(long, value_parser = json_argument::parse, value_name = "JSON")]
    user: Option<Map<String, Value>>,
    /// Facts of the agent's run: a JSON object, or @FILE.
    #[arg(long, value_parser = json_argument::parse, value_name = "JSON")]
    run: Option<Map<String, Value>>,
    /// Let a builtin's error end the decision of a policy that is compiled here, instead of being undefined.
    #[arg(long, requires = "policy")]
    strict_builtin_errors: bool,
    /// Print the decision as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    grants: GrantArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct By {
    /// A bundle: an archive, or a folder.
    #[arg(long)]
    bundle: Option<PathBuf>,
    /// A policy file, or a folder of role files.
    #[arg(long)]
    policy: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let bundle = match (&self.by.bundle, &self.by.policy) {
            (Some(bundle), _) => self.expected.load(bundle)?,
            (None, Some(policy)) => built(policy, self.strict_builtin_errors)?,
            (None, None) => return Err(Failure::Usage("give --bundle or --policy".to_owned())),
        };
        let options = self.grants.apply(RuntimeOptions { builtins: registry(), ..RuntimeOptions::default() })?;
        let policy = Policy::load(&bundle, &options)
            .map_err(|error| grants::refused("the bundle's module is refused", error))?;
        let mut request = Request::new(&self.tool);
        if let Some(role) = &self.role {
            request = request.role(role);
        }
        if let Some(args) = &self.args {
            request = request.args(args);
        }
        if let Some(ctx) = &self.ctx {
            request = request.ctx(ctx);
        }
        if let Some(user) = &self.user {
            request = request.user(user);
        }
        if let Some(run) = &self.run {
            request = request.run(run);
        }
        let decision = policy.decide(&request)?;
        if self.json {
            say!("{}", serde_json::to_string(&decision)?);
        } else {
            print(&decision);
        }
        Ok(match decision.outcome() {
            Outcome::Allow => Exit::Ok,
            Outcome::Deny => Exit::Deny,
            Outcome::NeedsApproval => Exit::NeedsApproval,
        })
    }
}

/// The policy as a bundle that a key of the moment signed: it takes the same way through verification as any other.
pub(super) fn built(policy: &std::path::Path, strict_builtin_errors: bool) -> Result<VerifiedBundle, Failure> {
    let options = CompileOptions { strict_builtin_errors, ..CompileOptions::new(DEFAULT_PACKAGE) };
    let (files, compiled) = policies::compile_policy(policy, &options)?;
    let key = SigningKey::generate()?;
    let bytes = pack(&files, &compiled, &PackOptions::default())?.sign(&key)?.tar_gz()?;
    let options = VerifyOptions::new(TrustStore::of(key.public_key()), UnixSeconds::system_now());
    Ok(UnverifiedBundle::read(&bytes)?.verify(&options)?)
}

fn print(decision: &Decision) {
    say!("{} ({})", decision.outcome(), decision.reason());
    for violation in decision.violations() {
        say!("  violated  {violation}");
    }
    if let Some(rule) = decision.rule() {
        say!("  rule      {rule}");
    }
    let policy = decision.policy();
    say!("  policy    {} at {}", policy.name, policy.revision);
    if !policy.verified {
        say!("  UNSIGNED  nobody vouches for this policy");
    }
    say!("  id        {}", decision.id());
}
