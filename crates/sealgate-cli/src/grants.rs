//! What builtins may reach beyond the policy and its input, as the command line grants it.

use sealgate::builtins::{Capability, Network, Value};
use sealgate::{LoadError, RuntimeOptions};

use crate::Failure;

/// Hosts and variables of the environment; none, unless they are named.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct GrantArgs {
    /// Let `http.send` and `net.lookup_ip_addr` reach this host: a name or an address, `HOST:PORT` for one port alone; may
    /// be repeated. Without it a policy that calls them is refused.
    #[arg(long, value_name = "HOST")]
    allow_net: Vec<String>,
    /// Let the names of `--allow-net` have private addresses too, such as those of this machine.
    #[arg(long, requires = "allow_net")]
    allow_private_addresses: bool,
    /// Show this variable of the environment to `opa.runtime`; may be repeated. Without it a policy that calls that is
    /// refused.
    #[arg(long, value_name = "NAME")]
    allow_env: Vec<String>,
}

impl GrantArgs {
    /// The options with what is granted.
    pub(crate) fn apply(&self, mut options: RuntimeOptions) -> Result<RuntimeOptions, Failure> {
        if !self.allow_net.is_empty() {
            let network =
                Network::to(&self.allow_net).map_err(|error| Failure::Usage(format!("--allow-net: {error}")))?;
            let network = if self.allow_private_addresses { network.allow_private_addresses() } else { network };
            options.grants = options.grants.with_network(network);
        }
        if !self.allow_env.is_empty() {
            options.grants = options.grants.with(Capability::Environment);
            options.host = options.host.with_runtime(self.runtime());
        }
        Ok(options)
    }

    /// The document of `opa.runtime`. A variable that is not set, or no text, is left out.
    fn runtime(&self) -> Value {
        let variables = self.allow_env.iter().filter_map(|name| {
            let value = std::env::var(name).ok()?;
            Some((Value::from(name.as_str()), Value::from(value)))
        });
        Value::Object([(Value::from("env"), Value::Object(variables.collect()))].into())
    }
}

/// The refusal of a module, and what would grant it what it lacks.
pub(crate) fn refused(what: &str, error: LoadError) -> Failure {
    let LoadError::BuiltinsNotGranted(missing) = &error else { return Failure::refused(what, error) };
    let lacks = |names: &[&str]| missing.iter().any(|refused| names.contains(&refused.name.as_str()));
    let mut help = String::new();
    if lacks(&["http.send", "net.lookup_ip_addr"]) {
        help += "\nhelp: `--allow-net HOST` lets it reach a host";
    }
    if lacks(&["opa.runtime"]) {
        help += "\nhelp: `--allow-env NAME` shows it a variable of the environment";
    }
    match Failure::refused(what, error) {
        Failure::Refused(text) => Failure::Refused(text + &help),
        other => other,
    }
}
