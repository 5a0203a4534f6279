//! Golden files: each `golden/NAME.rego` beside `NAME.out` (the tree printed, its annotations' targets) or
//! `NAME.stderr` (the errors). `v0_…` is read as Rego v0. `BLESS=1` updates.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;
use std::path::Path;

use sealgate_diagnostics::{Color, Sources};
use sealgate_rego::ast::Version;
use sealgate_rego::{ParseOptions, parse_module};

#[test]
fn golden_files_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rego"));
    paths.sort();
    assert!(paths.len() > 20, "only {} golden files", paths.len());
    let wrong: Vec<String> = paths.iter().filter_map(|path| check(path).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(path: &Path) -> Result<(), String> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let version = if name.starts_with("v0_") { Version::V0 } else { Version::V1 };
    let mut sources = Sources::new();
    let id = sources.add(name.as_str(), std::fs::read_to_string(path).unwrap());
    let (extension, other, got) = match parse_module(&sources, id, ParseOptions { version }) {
        Ok(module) => {
            let mut text = module.to_string();
            for block in &module.annotations {
                writeln!(text, "# {:?}: {:?}", block.target, block.yaml).unwrap();
            }
            ("out", "stderr", text)
        }
        Err(errors) => ("stderr", "out", errors.render(&sources, Color::Never)),
    };
    let expected = path.with_extension(extension);
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        let _ = std::fs::remove_file(path.with_extension(other));
        std::fs::write(&expected, &got).unwrap();
        return Ok(());
    }
    match std::fs::read_to_string(&expected) {
        Ok(want) if want == got => Ok(()),
        Ok(want) => Err(format!("{name}: want\n{want}\ngot\n{got}")),
        Err(_) => Err(format!("{name}: no {}; got\n{got}", expected.display())),
    }
}
