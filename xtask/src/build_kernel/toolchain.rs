//! Finds a Rust toolchain that has the sources of `core`, and a WebAssembly linker.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A toolchain that can build the kernel.
#[derive(Debug)]
pub(super) struct Toolchain {
    folder: PathBuf,
    linker: PathBuf,
    /// `rustc --version`.
    pub(super) rustc_version: String,
    /// `wasm-ld --version`.
    pub(super) linker_version: String,
}

const HELP: &str = "no Rust toolchain with the sources of `core` and a `wasm-ld`; get one by `rustup component add rust-src` \
    and LLVM's lld, or on Debian by `apt-get install rustc-web cargo-web rust-web-src lld-19`";

impl Toolchain {
    /// The toolchain of these versions of rustc and linker if there is one, else the first that is found.
    pub(super) fn find(wanted: Option<(&str, &str)>) -> Result<Self> {
        let mut found: Vec<_> = candidates().into_iter().filter_map(|folder| Self::at(&folder)).collect();
        let best = found
            .iter()
            .position(|one| {
                wanted.is_some_and(|(rustc, linker)| one.rustc_version == rustc && one.linker_version == linker)
            })
            .unwrap_or(0);
        (best < found.len()).then(|| found.swap_remove(best)).context(HELP)
    }

    fn at(folder: &Path) -> Option<Self> {
        let rustc = folder.join("rustc");
        let sysroot = PathBuf::from(output(Command::new(&rustc).args(["--print", "sysroot"]))?);
        if !folder.join("cargo").exists() || !sysroot.join("lib/rustlib/src/rust/library/core").exists() {
            return None;
        }
        let (linker, linker_version) = ["wasm-ld-19", "wasm-ld"]
            .into_iter()
            .map(PathBuf::from)
            .chain(std::iter::once(sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/wasm-ld")))
            .find_map(|linker| output(Command::new(&linker).arg("--version")).map(|version| (linker, version)))?;
        let rustc_version = output(Command::new(&rustc).arg("--version"))?;
        Some(Toolchain { folder: folder.to_owned(), linker, rustc_version, linker_version })
    }

    /// Its cargo, set up to build for a target whose standard library is not installed.
    pub(super) fn cargo(&self) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder.clone()).chain(std::env::split_paths(&path));
        let mut command = Command::new(self.folder.join("cargo"));
        // Variables of the outer cargo would name the outer toolchain.
        for name in ["RUSTC", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        command
            .env("PATH", std::env::join_paths(folders).unwrap_or(path))
            .env("RUSTC", self.folder.join("rustc"))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &self.linker);
        command
    }

    /// Its linker.
    pub(super) fn linker(&self) -> Command {
        Command::new(&self.linker)
    }
}

/// Folders with a cargo and a rustc: the system's (Debian), the one that runs this, rustup's.
fn candidates() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("/usr/bin")];
    let sysroot = |command: &mut Command| output(command).map(|sysroot| PathBuf::from(sysroot).join("bin"));
    folders.extend(sysroot(Command::new("rustc").args(["--print", "sysroot"])));
    folders.extend(
        output(Command::new("rustup").args(["toolchain", "list"]))
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .filter_map(|name| sysroot(Command::new("rustup").args(["run", name, "rustc", "--print", "sysroot"]))),
    );
    folders
}

/// What `command` prints, trimmed, if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
