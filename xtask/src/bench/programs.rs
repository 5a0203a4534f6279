//! Builds what is measured, one workspace at a time.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use sealgate_testkit::Opa;

/// A program, or why there is none.
pub(crate) type Found = Result<PathBuf, String>;

/// Everything that is run.
pub(crate) struct Programs {
    /// Ours, in its ways to be asked.
    pub(crate) contestant: PathBuf,
    /// The command.
    pub(crate) sealgate: PathBuf,
    /// `opa`.
    pub(crate) opa: Found,
    pub(crate) native: Found,
    pub(crate) cedar: Found,
    pub(crate) regorus: Found,
    pub(crate) opa_wasm: Found,
    pub(crate) opa_go: Found,
}

impl Programs {
    /// Builds all of them, optimised or not. A peer that does not build is missing.
    ///
    /// # Errors
    /// Ours do not build.
    pub(crate) fn build(root: &Path, release: bool) -> anyhow::Result<Self> {
        let profile = if release { "release" } else { "debug" };
        let target = root.join("target");
        eprintln!("building Sealgate");
        cargo(root, release, &["-p", "sealgate-benches", "-p", "sealgate-cli", "--bins"])?;
        let peer = |name: &str| -> Found {
            eprintln!("building the peer {name}");
            // By itself: built together they would share the features of their dependencies.
            let package = format!("sealgate-peer-{name}");
            let folder = root.join("benches/peers");
            let arguments = ["--locked", "-p", &package, "--target-dir"];
            let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).chain([target.as_os_str()]).collect();
            cargo(&folder, release, &arguments).map_err(|error| format!("the peer does not build: {error:#}"))?;
            Ok(target.join(profile).join(package))
        };
        Ok(Self {
            contestant: target.join(profile).join("contestant"),
            sealgate: target.join(profile).join("sealgate"),
            opa: Opa::find().map(|opa| opa.program().to_owned()).map_err(|missing| missing.to_string()),
            native: peer("native"),
            cedar: peer("cedar"),
            regorus: peer("regorus"),
            opa_wasm: peer("opa-wasm"),
            opa_go: go(&root.join("benches/peers/opa-go"), &target.join(profile).join("opa-go")),
        })
    }
}

fn cargo<S: AsRef<OsStr>>(folder: &Path, release: bool, arguments: &[S]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.arg("build").arg("--quiet").args(release.then_some("--release")).args(arguments);
    // This command's own standard output is for its result.
    let status = command.current_dir(folder).stdout(Stdio::null()).status().context("cannot run cargo")?;
    if !status.success() {
        bail!("cargo build ended with {status}");
    }
    Ok(())
}

fn go(folder: &Path, program: &Path) -> Found {
    eprintln!("building the peer opa-go");
    let mut command = Command::new("go");
    command.args(["build", "-o"]).arg(program).arg(".").current_dir(folder).stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(program.to_owned()),
        Ok(status) => Err(format!("the peer does not build: go build ended with {status}")),
        Err(error) => Err(format!("Go is not installed: {error}")),
    }
}
