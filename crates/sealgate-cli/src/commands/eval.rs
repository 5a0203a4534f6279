//! `sealgate eval`: an entrypoint of a bundle or of sources, or any query as `opa eval` takes it. Prints JSON.
//!
//! With `--entrypoint` the value of the document is printed, and nothing where it is undefined; without, what `opa eval`
//! prints: `{"result": [{"expressions": […], "bindings": {…}}]}`, and `{}` where there is no answer.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealgate::toolchain::builtins::registry;
use sealgate::toolchain::diagnostics::Sources;
use sealgate::toolchain::rego::files::FolderMode;
use sealgate::toolchain::rego::program::parse_entrypoint;
use sealgate::toolchain::rego::query::{Query, QueryError, runtime_options};
use sealgate::toolchain::rego_version;
use sealgate::{Format, Policy, RuntimeOptions, UnverifiedPolicy};
use serde_json::{Map, Value, json};

use crate::grants::{self, GrantArgs};
use crate::output::say;
use crate::rego::{self, RegoArgs};
use crate::signing::Expected;
use crate::{Exit, Failure};

/// The largest input that is read, in bytes.
const MAX_INPUT: u64 = 256 << 20;

/// What to evaluate over what.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A query, such as `data.app.authz.allow` or `x := data.users[_]; x.admin`.
    #[arg(conflicts_with = "entrypoint", required_unless_present = "entrypoint")]
    query: Option<String>,
    /// Rego and data: files, folders, OPA bundles; may be repeated. Every `.json` and `.yaml` file of a folder is data.
    #[arg(long, short, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// The same, with folders read as bundles: data in files called `data.json|yaml` alone.
    #[arg(long, alias = "policies", value_name = "PATH")]
    policy: Vec<PathBuf>,
    /// A signed bundle: an archive, or a folder. `--data` is then a JSON or YAML document in place of the bundle's.
    #[arg(long, short, requires = "key", requires = "entrypoint", conflicts_with = "policy")]
    bundle: Option<PathBuf>,
    /// A trusted public key file, or a folder of them; may be repeated.
    #[arg(long, requires = "bundle")]
    key: Vec<PathBuf>,
    /// Refuse a bundle of another name.
    #[arg(long, requires = "bundle")]
    name: Option<String>,
    /// The document to evaluate, such as `app/authz/allow`.
    #[arg(long, short, value_name = "PATH")]
    entrypoint: Option<String>,
    /// The input: a JSON or YAML file, or `-` for JSON from standard input. Without it `input` is undefined.
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The package whose rules the query may name without `data`.
    #[arg(long, requires = "query")]
    package: Option<String>,
    /// Let a builtin's error end the evaluation of sources, with OPA's code, instead of being undefined.
    #[arg(long, conflicts_with = "bundle")]
    strict_builtin_errors: bool,
    /// Exit with 1 where there is no answer.
    #[arg(long)]
    fail: bool,
    /// How long the evaluation may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u64,
    #[command(flatten)]
    grants: GrantArgs,
    #[command(flatten)]
    rego: RegoArgs,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let input = self.input.as_deref().map(read_input).transpose()?.unwrap_or_default();
        let options = runtime_options(Duration::from_secs(self.timeout.clamp(1, 60)));
        let options = self.grants.apply(RuntimeOptions { builtins: registry(), ..options })?;
        let answered = match (&self.bundle, &self.entrypoint, &self.query) {
            (Some(bundle), Some(entrypoint), _) => {
                let policy = self.load_bundle(bundle, &options)?;
                print_value(&policy, entrypoint, &input)?
            }
            (None, Some(entrypoint), _) => self.evaluate_sources(entrypoint, &input, &options)?,
            (_, None, Some(query)) => self.ask(query, &input, &options)?,
            _ => return Err(Failure::Usage("give a query or --entrypoint".to_owned())),
        };
        Ok(if answered || !self.fail { Exit::Ok } else { Exit::Other })
    }

    fn load_bundle(&self, path: &Path, options: &RuntimeOptions) -> Result<Policy, Failure> {
        let expected = Expected { key: self.key.clone(), name: self.name.clone(), ..Expected::default() };
        let bundle = expected.load(path)?;
        let refused = |error| grants::refused("the bundle's module is refused", error);
        let policy = Policy::load(&bundle, options).map_err(refused)?;
        let files = rego::read(&self.data, &self.rego.read_options(FolderMode::AllData, false))?;
        if !files.modules.is_empty() {
            return Err(Failure::Usage("a bundle brings its own Rego; `--data` is data alone".to_owned()));
        }
        if self.data.is_empty() {
            Ok(policy)
        } else {
            policy.with_data(&serde_json::to_vec(&files.data)?).map_err(refused)
        }
    }

    /// The files of `--data` and `--policy`, which are read each in its way.
    fn read(&self) -> Result<sealgate::toolchain::rego::files::RegoFiles, Failure> {
        if self.data.is_empty() && self.policy.is_empty() {
            return rego::read(&[], &self.rego.read_options(FolderMode::Bundle, false));
        }
        if !self.data.is_empty() && !self.policy.is_empty() {
            return Err(Failure::Usage("give paths either by `--data` or by `--policy`".to_owned()));
        }
        let (paths, folders) =
            if self.policy.is_empty() { (&self.data, FolderMode::AllData) } else { (&self.policy, FolderMode::Bundle) };
        rego::read(paths, &self.rego.read_options(folders, true))
    }

    fn evaluate_sources(&self, entrypoint: &str, input: &[u8], options: &RuntimeOptions) -> Result<bool, Failure> {
        let files = self.read()?;
        let mut sources = Sources::new();
        let program = rego::resolve(&files, &self.rego, self.strict_builtin_errors, &mut sources)?;
        let asked = [entrypoint.to_owned()];
        program.entrypoints(&files, &asked).map_err(|found| rego::refusal(&found, &sources))?;
        let path = parse_entrypoint(entrypoint);
        let name = path.join("/");
        let compiled = program.compile(&sources, &[path]).map_err(|error| match error {
            sealgate::toolchain::compile::CompileError::Refused(found) => rego::refusal(&found, &sources),
            other => Failure::Other(other.into()),
        })?;
        let data = serde_json::to_vec(&files.data)?;
        let unverified = UnverifiedPolicy { wasm: &compiled.wasm, data: Some(&data), name: &files.stem };
        let policy = Policy::dangerous_load_unverified(unverified, options)
            .map_err(|error| grants::refused("the policy's module is refused", error))?;
        print_value(&policy, &name, input)
    }

    fn ask(&self, query: &str, input: &[u8], options: &RuntimeOptions) -> Result<bool, Failure> {
        let files = self.read()?;
        let mut sources = Sources::new();
        let program = rego::resolve(&files, &self.rego, self.strict_builtin_errors, &mut sources)?;
        let version = rego_version(self.rego.is_v0());
        let asked = Query::new(query, self.package.as_deref(), version, &program, &files.data, &mut sources, options);
        let rows = asked.and_then(|query| query.ask(input)).map_err(|error| match error {
            QueryError::Refused(found) => rego::refusal(&found, &sources),
            QueryError::Load(error) => grants::refused("the query is refused", error),
            other => Failure::Other(other.into()),
        })?;
        let answered = !rows.is_empty();
        let answer = if answered { json!({ "result": rows }) } else { Value::Object(Map::new()) };
        say!("{}", serde_json::to_string_pretty(&answer)?);
        Ok(answered)
    }
}

/// Evaluates an entrypoint and prints its value; gives whether there is one.
fn print_value(policy: &Policy, entrypoint: &str, input: &[u8]) -> Result<bool, Failure> {
    let text = policy.evaluate(entrypoint.trim_matches('/'), input, Format::Json)?;
    let rows: Vec<Map<String, Value>> = serde_json::from_str(&text)?;
    let value = rows.into_iter().next().and_then(|mut row| row.remove("result"));
    if let Some(value) = &value {
        say!("{}", serde_json::to_string_pretty(value)?);
    }
    Ok(value.is_some())
}

fn read_input(path: &Path) -> Result<Vec<u8>, Failure> {
    let refuse = |problem: String| Failure::Usage(format!("the input `{}` {problem}", path.display()));
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_INPUT + 1).read_to_end(&mut bytes))
    };
    let read = read.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if read as u64 > MAX_INPUT {
        return Err(refuse(format!("is larger than {MAX_INPUT} bytes")));
    }
    let yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let value: Value = if yaml {
        sealgate::toolchain::rego::files::yaml(&bytes).map_err(|error| refuse(format!("is not YAML: {error}")))?
    } else {
        serde_json::from_slice(&bytes).map_err(|error| refuse(format!("is not JSON: {error}")))?
    };
    Ok(serde_json::to_vec(&value)?)
}
