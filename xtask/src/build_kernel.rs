//! `cargo xtask build-kernel [--check]`: compiles `crates/sealgate-kernel` to the relocatable object that the compiler links.
//!
//! Takes the kernel's sources and a Rust toolchain that can build `core` for `wasm32-unknown-unknown`; writes
//! `crates/sealgate-compiler/kernel/kernel.o` and `kernel.toml`, or with `--check` compares them with what it built. The same
//! sources and toolchain give the same bytes in any checkout.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

mod archive;
mod object;
mod toolchain;

use toolchain::Toolchain;

/// The manifest that the kernel is built with: its own, so that neither the workspace's profiles nor its lock file matter.
const MANIFEST: &str = r#"[package]
name = "sealgate-kernel"
version = "0.0.0"
edition = "2024"

[lib]
path = "src/lib.rs"
crate-type = ["staticlib"]

[dependencies]
hmac = { version = "=0.13.0", default-features = false }
md-5 = { version = "=0.11.0", default-features = false }
regex-automata = { version = "=0.4.18", default-features = false, features = ["nfa-pikevm", "syntax"] }
regex-syntax = { version = "=0.8.11", default-features = false, features = ["unicode-case", "unicode-gencat", "unicode-script"] }
sha1 = { version = "=0.11.0", default-features = false }
sha2 = { version = "=0.11.1", default-features = false }
# What these depend on, at versions that do not move.
block-buffer = { version = "=0.12.1", default-features = false }
cmov = { version = "=0.5.4", default-features = false }
crypto-common = { version = "=0.2.2", default-features = false }
ctutils = { version = "=0.4.8", default-features = false }
digest = { version = "=0.11.3", default-features = false }
hybrid-array = { version = "=0.4.15", default-features = false }
typenum = { version = "=1.20.1", default-features = false }

[profile.release]
opt-level = 3
lto = "fat"
codegen-units = 1
panic = "abort"
debug = false

[profile.release.package.regex-automata]
opt-level = "s"

[profile.release.package.regex-syntax]
opt-level = "z"

[profile.release.package.sha1]
opt-level = "s"

[profile.release.package.sha2]
opt-level = "s"

[profile.release.package.md-5]
opt-level = "s"

[profile.release.package.compiler_builtins]
opt-level = "s"
codegen-units = 1000

[workspace]
"#;

/// Nothing that the object keeps depends on where sources lie: no panic message, no location, no debug information.
const RUSTFLAGS: &str = "-Zlocation-detail=none -Zfmt-debug=none -Zunstable-options -Cpanic=immediate-abort";

/// What `kernel.toml` records.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    sources: String,
    object: String,
    size: usize,
    rustc: String,
    linker: String,
}

/// Builds the kernel under `root`, the workspace's folder, and writes or, with `check`, compares it.
///
/// # Errors
/// No usable toolchain, a failed build, or (with `check`) a committed object that is not what the sources give.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    let folder = root.join("crates/sealgate-compiler/kernel");
    let (object_path, record_path) = (folder.join("kernel.o"), folder.join("kernel.toml"));
    let sources = digest_sources(&root.join("crates/sealgate-kernel"))?;
    if !check {
        let toolchain = Toolchain::find(None)?;
        let object = build(root, &toolchain)?;
        let record = Record::new(sources, &object, &toolchain);
        fs::create_dir_all(&folder)?;
        fs::write(&object_path, &object)?;
        fs::write(&record_path, record.to_toml())?;
        println!("kernel.o: {} bytes, {} symbols, {}", record.size, object::symbols(&object)?.len(), record.rustc);
        return Ok(());
    }
    let committed = fs::read(&object_path).with_context(|| format!("cannot read `{}`", object_path.display()))?;
    let text = fs::read_to_string(&record_path).with_context(|| format!("cannot read `{}`", record_path.display()))?;
    let record = Record::parse(&text).with_context(|| format!("in `{}`", record_path.display()))?;
    ensure!(
        record.sources == sources,
        "the kernel's sources are not those that `kernel.o` was built from; run `cargo xtask build-kernel`"
    );
    ensure!(record.object == hex(&committed), "`kernel.o` is not the object that `kernel.toml` records");
    let toolchain = Toolchain::find(Some((&record.rustc, &record.linker)))?;
    let built = build(root, &toolchain)?;
    if (toolchain.rustc_version.as_str(), toolchain.linker_version.as_str()) == (&record.rustc, &record.linker) {
        ensure!(built == committed, "`kernel.o` differs from what its sources give with {}", record.rustc);
        println!("kernel.o is what its sources give, byte for byte ({}, {})", record.rustc, record.linker);
    } else {
        let (ours, theirs) = (object::symbols(&built)?, object::symbols(&committed)?);
        let missing: BTreeSet<_> = theirs.symmetric_difference(&ours).collect();
        ensure!(missing.is_empty(), "a rebuilt kernel has other symbols than `kernel.o`: {missing:?}");
        println!(
            "kernel.o was built by {} ({}); rebuilt here by {} ({}): the digests of the sources and the exported symbols \
             are the same, the bytes were not compared",
            record.rustc, record.linker, toolchain.rustc_version, toolchain.linker_version
        );
    }
    Ok(())
}

impl Record {
    fn new(sources: String, object: &[u8], toolchain: &Toolchain) -> Self {
        Record {
            sources,
            object: hex(object),
            size: object.len(),
            rustc: toolchain.rustc_version.clone(),
            linker: toolchain.linker_version.clone(),
        }
    }

    fn to_toml(&self) -> String {
        format!(
            "# Written by `cargo xtask build-kernel`; `--check` proves that it is true.\n\
             sources_sha256 = \"{}\"\nobject_sha256 = \"{}\"\nobject_bytes = {}\nrustc = \"{}\"\nlinker = \"{}\"\n",
            self.sources, self.object, self.size, self.rustc, self.linker
        )
    }

    fn parse(text: &str) -> Result<Self> {
        let field = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once(" = "))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.trim_matches('"').to_owned())
                .with_context(|| format!("`{name}` is missing"))
        };
        Ok(Record {
            sources: field("sources_sha256")?,
            object: field("object_sha256")?,
            size: field("object_bytes")?.parse()?,
            rustc: field("rustc")?,
            linker: field("linker")?,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A digest of every source file's path and content, and of how they are built.
fn digest_sources(kernel: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(&kernel.join("src"), &mut files)?;
    files.sort();
    let mut all = Vec::new();
    for part in [MANIFEST, RUSTFLAGS] {
        all.extend_from_slice(part.as_bytes());
        all.push(0);
    }
    for file in files {
        let name = file.strip_prefix(kernel)?.to_string_lossy().replace('\\', "/");
        let content = fs::read(&file)?;
        all.extend_from_slice(format!("{name}\0{}\0", content.len()).as_bytes());
        all.extend_from_slice(&content);
    }
    Ok(hex(&all))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Builds the object and gives its bytes.
fn build(root: &Path, toolchain: &Toolchain) -> Result<Vec<u8>> {
    // The package lies in the target folder, with a copy of the sources: cargo's symbol hashes then depend on nothing of
    // the checkout.
    let folder = root.join("target/kernel");
    let package = folder.join("package");
    let _ = fs::remove_dir_all(&package);
    fs::create_dir_all(&package)?;
    fs::write(package.join("Cargo.toml"), MANIFEST)?;
    let kernel = root.join("crates/sealgate-kernel");
    let mut files = Vec::new();
    collect(&kernel.join("src"), &mut files)?;
    for file in files {
        let target = package.join(file.strip_prefix(&kernel)?);
        fs::create_dir_all(target.parent().context("a source file has a folder")?)?;
        fs::copy(&file, target)?;
    }
    let target = folder.join("target");
    let mut cargo = toolchain.cargo();
    cargo
        .args(["build", "--release", "--quiet", "--target", "wasm32-unknown-unknown"])
        .args(["-Zbuild-std=core,alloc", "-Zbuild-std-features=optimize_for_size"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(&package)
        .env("RUSTFLAGS", RUSTFLAGS)
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    // The profile is the manifest's alone.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_PROFILE_")) {
        cargo.env_remove(name);
    }
    succeed(&mut cargo)?;
    let library = target.join("wasm32-unknown-unknown/release/libsealgate_kernel.a");
    // The kernel's own object is linked whole; of the archive's others (compiler-builtins) what it refers to.
    let own = folder.join("own.o");
    fs::write(&own, archive::member(&fs::read(&library)?, "sealgate_kernel-")?)?;
    let merged = folder.join("merged.o");
    let mut linker = toolchain.linker();
    linker.arg("-r").arg("-o").arg(&merged).arg(&own).arg(&library);
    succeed(&mut linker)?;
    object::strip(&fs::read(&merged)?)
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}
