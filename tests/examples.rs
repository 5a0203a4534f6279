//! The example policies of `bundles/`, compiled, with the calls that they must decide.

use std::path::{Path, PathBuf};

use sealgate::bundle::SigningKey;
use sealgate::toolchain::compile::CompileError;
use sealgate::toolchain::compile::{CompileOptions, Compiled, DEFAULT_PACKAGE, compile};
use sealgate::toolchain::diagnostics::{Color, Sources};
use sealgate::toolchain::pack::{PackOptions, pack};
use sealgate::toolchain::sources::PolicyFiles;
use sealgate::toolchain::suite::{Call, Expected, Suite};
use serde_json::{Value, json};

/// The entrypoint of a policy in the default package.
pub const ENTRYPOINT: &str = "sealgate/policy/decision";

/// A policy with its calls.
#[derive(Debug)]
pub struct Example {
    /// The folder's name.
    pub name: String,
    /// The policy's texts.
    pub files: PolicyFiles,
    /// The policy, compiled.
    pub compiled: Compiled,
    /// The calls beside it.
    pub suite: Suite,
}

/// Every example, compiled in the default package.
pub fn examples() -> Vec<Example> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundles");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().filter(|folder| folder.is_dir()).map(|folder| policy_example(folder, DEFAULT_PACKAGE)).collect()
}

/// One folder with a policy and its calls, compiled in this package.
pub fn policy_example(folder: &Path, package: &str) -> Example {
    let policy = [folder.join("policy.yaml"), folder.join("policies")].into_iter().find(|path| path.exists()).unwrap();
    let files = PolicyFiles::read(&policy).unwrap();
    let mut sources = Sources::new();
    let compiled = compile(&files, &mut sources, &CompileOptions::new(package)).unwrap_or_else(|error| match error {
        CompileError::Refused(found) => panic!("{}", found.render(&sources, Color::Never)),
        other => panic!("{other}"),
    });
    let suite = Suite::parse(&std::fs::read_to_string(folder.join("calls.yaml")).unwrap()).unwrap();
    Example { name: folder.file_name().unwrap().to_string_lossy().into_owned(), files, compiled, suite }
}

impl Example {
    /// The policy as an archive that a key of the moment signed.
    pub fn archive(&self) -> Vec<u8> {
        let key = SigningKey::generate().unwrap();
        let contents = pack(&self.files, &self.compiled, &PackOptions::default()).unwrap();
        contents.sign(&key).unwrap().tar_gz().unwrap()
    }

    /// The input documents of the calls.
    pub fn inputs(&self) -> Vec<Value> {
        self.suite.calls.iter().map(Call::input).collect()
    }
}

/// What every engine must say of a call: the part of the decision document that the ancestor has too, the violations in
/// Rego's order.
pub fn expected_document(call: &Call) -> Value {
    let mut violations = call.violations.clone();
    violations.sort();
    violations.dedup();
    json!({
        "allow": call.outcome == Expected::Allow,
        "requires_approval": call.outcome == Expected::NeedsApproval,
        "violations": violations,
    })
}

/// That part of an engine's decision document.
pub fn document_core(document: &Value) -> Value {
    json!({
        "allow": document["allow"],
        "requires_approval": document["requires_approval"],
        "violations": document["violations"],
    })
}
