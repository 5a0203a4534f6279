//! `cargo xtask builtins`: the table of every builtin in `docs/builtins.md`, made from what the code has.
//!
//! The names are OPA's; where each runs is asked of the compiler, the kernel and the host's registry, and the differences
//! from the list that stands beside the builtins.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use sealgate::builtins::{Capability, DIFFERENCES, Registry};
use sealgate_cli::{Exit, Failure};
use sealgate_rego::Builtin;

/// Where the table lies in the repository.
const PAGE: &str = "docs/builtins.md";

/// What is resolved before there is a module.
const IN_THE_COMPILER: [&str; 6] =
    ["assign", "eq", "internal.print", "print", "rego.metadata.chain", "rego.metadata.rule"];

const HEAD: &str = "# Builtins
<!-- Made by `cargo xtask builtins`; CI compares it with the code. -->

Every builtin of OPA 1.20.2, and where a Sealgate policy finds it:

- **compiler**: gone before there is a module: a constant, a unification, or nothing.
- **kernel**: inside the sandbox. A module whose builtins are all here runs in any host that speaks OPA's Wasm ABI.
- **host**: an import that the host serves. The signed manifest names those that the module calls, and the module's own list
  must agree.
- **none**: a module that calls it is refused when it is loaded, with every such builtin by name.

A host grants builtins by the capability that they need, and by name:

| capability | what it reaches | granted |
|---|---|---|
| `pure` | nothing: the same arguments give the same result | by default |
| `clock` | the wall clock; a decision sees one time | by default |
| `random` | randomness; a decision sees one value per key | by default |
| `network` | other machines | only where the host grants it, to the hosts that it lists |
| `environment` | the host's process and configuration | only where the host grants it |

```rust
use sealgate::RuntimeOptions;
use sealgate::builtins::{Grants, Network};
let network = Network::to([\"api.example.com\", \"registry.example.com:8443\"])?;
let grants = Grants::default().with_network(network).deny(\"net.lookup_ip_addr\");
let options = RuntimeOptions { grants, ..RuntimeOptions::default() };
```

The network is a list of hosts. It is asked for every request and every redirect, and a name that resolves to a loopback, private
or otherwise special address is refused, unless `allow_private_addresses` says otherwise or the list has the address itself.
Without the feature `http` (on by default) there is no `http.send`. On the command line `--allow-net HOST` and `--allow-env NAME`
grant the same (`docs/rego.md`).

Whatever a call is given, the decision ends at its deadline: the sandbox is stopped there, a request of `http.send` gets no more
time than is left, and a builtin of the host that works long looks at the clock. What was cut short never decides: the decision
denies with `timeout`.

A module that asks for more is refused when it is loaded, with the complete list of what it asks for and why it does not get
it. `sealgate build --capabilities FILE` (OPA's `capabilities.json`) refuses a policy earlier, at each call's place;
`sealgate verify --json` lists what a bundle needs.
";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Compare with the committed page instead of writing it.
    #[arg(long)]
    check: bool,
}

/// A line of the table.
struct Row {
    name: &'static str,
    place: &'static str,
    capability: Option<Capability>,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<Exit, Failure> {
        let path = root.join(PAGE);
        let page = page();
        if !self.check {
            std::fs::write(&path, page).with_context(|| format!("`{}` cannot be written", path.display()))?;
            println!("{} is written", path.display());
            return Ok(Exit::Ok);
        }
        let committed =
            std::fs::read_to_string(&path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        if committed == page {
            println!("{PAGE} is what the code says");
            return Ok(Exit::Ok);
        }
        let differing = committed.lines().zip(page.lines()).find(|(old, new)| old != new);
        if let Some((old, new)) = differing {
            println!("- {old}\n+ {new}");
        }
        println!("{PAGE} is not what the code says: run `cargo xtask builtins`");
        Ok(Exit::Other)
    }
}

fn rows() -> Vec<Row> {
    let registry = sealgate::toolchain::builtins::registry();
    Builtin::all().iter().map(|builtin| row(builtin.name, &registry)).collect()
}

fn row(name: &'static str, registry: &Registry) -> Row {
    if IN_THE_COMPILER.contains(&name) {
        return Row { name, place: "compiler", capability: Some(Capability::Pure) };
    }
    if sealgate_compiler::is_in_kernel(name) {
        return Row { name, place: "kernel", capability: Some(Capability::Pure) };
    }
    match registry.get(name) {
        Some(entry) => Row { name, place: "host", capability: Some(entry.capability) },
        None => Row { name, place: "none", capability: None },
    }
}

fn page() -> String {
    let rows = rows();
    let count = |place: &str| rows.iter().filter(|row| row.place == place).count();
    let mut out = HEAD.to_owned();
    let (all, compiler, kernel, host, none) =
        (rows.len(), count("compiler"), count("kernel"), count("host"), count("none"));
    let _ = writeln!(
        out,
        "\nOf {all} builtins {compiler} are the compiler's, {kernel} the kernel's, {host} the host's; {none} there are not.\n"
    );
    out.push_str("| builtin | where | capability | known difference |\n|---|---|---|---|\n");
    for row in &rows {
        let capability = row.capability.map_or_else(|| "-".to_owned(), |capability| format!("`{capability}`"));
        let _ = writeln!(out, "| `{}` | {} | {capability} | {} |", row.name, row.place, differences(row));
    }
    out
}

fn differences(row: &Row) -> String {
    let about = DIFFERENCES.iter().filter(|difference| difference.is_about(row.name));
    about.map(|difference| difference.text.replace('|', "\\|")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_has_a_line() {
        let rows = rows();
        assert_eq!(rows.len(), 206);
        assert!(rows.iter().any(|row| row.name == "count" && row.place == "kernel"));
        assert!(rows.iter().any(|row| row.name == "graphql.parse" && row.place == "host"));
    }

    #[test]
    fn differences_are_of_builtins_that_there_are() {
        for difference in DIFFERENCES {
            for pattern in difference.builtins {
                let start = pattern.trim_end_matches('*');
                let known = |builtin: &&Builtin| {
                    builtin.name == *pattern || (start != *pattern && builtin.name.starts_with(start))
                };
                assert!(Builtin::all().iter().any(|builtin| known(&builtin)), "{pattern}");
            }
        }
    }
}
