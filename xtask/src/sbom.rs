//! `cargo xtask sbom`: what a release build of the `sealgate` command is made of, in CycloneDX 1.5.
//!
//! Takes `cargo metadata` (the resolved graph, without dependencies for tests and build scripts' own tools) and the lock file's
//! checksums, gives JSON. The same lock file gives the same bytes: no time and no random number is in it. The kernel's
//! object, which is linked into every policy, is a component too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use sealgate_cli::{Exit, Failure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What is released.
const ROOT: &str = "sealgate-cli";
/// The object that is linked into every policy.
const KERNEL: &str = "crates/sealgate-compiler/kernel/kernel.o";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it is written; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The platform that is built for.
    #[arg(long, default_value = "x86_64-unknown-linux-gnu")]
    target: String,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<Exit, Failure> {
        let output = Command::new("cargo")
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &self.target])
            .current_dir(root)
            .output()
            .context("cannot run cargo")?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Failure::Other(anyhow::anyhow!("cargo metadata failed: {error}")));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let lock = std::fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
        let kernel = std::fs::read(root.join(KERNEL)).context("cannot read the kernel's object")?;
        let text = serde_json::to_string_pretty(&bom(&metadata, &checksums(&lock), &kernel)?)? + "\n";
        match &self.out {
            Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))?,
            None => print!("{text}"),
        }
        Ok(Exit::Ok)
    }
}

/// Checksums of the lock file's packages, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]") {
        let member = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
            Some(line?.strip_suffix('"')?.to_owned())
        };
        if let (Some(name), Some(version), Some(checksum)) = (member("name"), member("version"), member("checksum")) {
            found.insert((name, version), checksum);
        }
    }
    found
}

fn bom(metadata: &Value, checksums: &BTreeMap<(String, String), String>, kernel: &[u8]) -> anyhow::Result<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let listed = |at: &str| metadata.pointer(at).map(list).unwrap_or_default();
    let packages: BTreeMap<String, Value> = listed("/packages")
        .into_iter()
        .map(|package| (package.get("id").map(text).unwrap_or_default(), package))
        .collect();
    let edges: BTreeMap<String, Vec<String>> = listed("/resolve/nodes")
        .iter()
        .map(|node| {
            let normal = |dep: &&Value| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let deps = list(&node["deps"]);
            (text(&node["id"]), deps.iter().filter(normal).map(|dep| text(&dep["pkg"])).collect())
        })
        .collect();
    let Some(root) = packages.iter().find(|(_, package)| package["name"] == ROOT).map(|(id, _)| id.clone()) else {
        bail!("no package `{ROOT}` in the workspace");
    };
    let mut reached = BTreeSet::new();
    let mut waiting = vec![root.clone()];
    while let Some(id) = waiting.pop() {
        if reached.insert(id.clone()) {
            waiting.extend(edges.get(&id).into_iter().flatten().cloned());
        }
    }
    let purl = |id: &str| {
        let package = packages.get(id).unwrap_or(&Value::Null);
        format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
    };
    let component = |id: &str| {
        let package = packages.get(id).unwrap_or(&Value::Null);
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let kind = if id == root { "application" } else { "library" };
        let mut component = serde_json::Map::new();
        component.insert("type".to_owned(), json!(kind));
        component.insert("bom-ref".to_owned(), json!(purl(id)));
        component.insert("name".to_owned(), json!(name));
        component.insert("version".to_owned(), json!(version));
        component.insert("purl".to_owned(), json!(purl(id)));
        if let Some(license) = package["license"].as_str() {
            // Older manifests separate alternatives by a slash.
            let expression = license.replace('/', " OR ");
            component.insert("licenses".to_owned(), json!([{ "expression": expression }]));
        }
        if let Some(checksum) = checksums.get(&(name, version)) {
            component.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": checksum }]));
        }
        Value::Object(component)
    };
    let digest: String = Sha256::digest(kernel).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut components: Vec<Value> = reached.iter().filter(|id| **id != root).map(|id| component(id)).collect();
    components.push(json!({
        "type": "file", "bom-ref": "sealgate-kernel-object", "name": KERNEL,
        "hashes": [{ "alg": "SHA-256", "content": digest }],
    }));
    components.sort_by_key(|component| text(&component["bom-ref"]));
    let mut dependencies: Vec<Value> = reached
        .iter()
        .map(|id| {
            let mut on: BTreeSet<String> = edges.get(id).into_iter().flatten().map(|id| purl(id)).collect();
            if packages.get(id).is_some_and(|package| package["name"] == "sealgate-compiler") {
                on.insert("sealgate-kernel-object".to_owned());
            }
            json!({ "ref": purl(id), "dependsOn": on })
        })
        .collect();
    dependencies.sort_by_key(|dependency| text(&dependency["ref"]));
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": component(&root) },
        "components": components,
        "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_shipped_is_listed() {
        let package =
            |id: &str, name: &str| json!({ "id": id, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0" });
        let dep = |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [package("r", ROOT), package("a", "a"), package("t", "t"), package("x", "x")],
            "resolve": { "nodes": [
                { "id": "r", "deps": [dep("a", Value::Null), dep("t", json!("dev"))] },
                { "id": "a", "deps": [] }, { "id": "t", "deps": [] }, { "id": "x", "deps": [] },
            ] },
        });
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"abc\"\n";
        let bom = bom(&metadata, &checksums(lock), b"").unwrap();
        let names: Vec<_> = bom["components"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", KERNEL]);
        assert_eq!(bom["components"][0]["hashes"][0]["content"], "abc");
        assert_eq!(bom["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bom["metadata"]["component"]["type"], "application");
    }
}
