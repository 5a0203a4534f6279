//! Rego modules to Wasm, for tests that no policy file can express.

use std::sync::Arc;

use sealgate::toolchain::diagnostics::{Color, Diagnostics, Sources};
use sealgate_compiler::{CompiledModule, compile_plan, plan};
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};

/// Compiles one module with these entrypoints (`a/b`).
pub fn compile_rego(text: &str, entrypoints: &[&str]) -> CompiledModule {
    let mut sources = Sources::new();
    let id = sources.add("test.rego", text);
    let refuse = |sources: &Sources, found: &Diagnostics| -> ! { panic!("{}", found.render(sources, Color::Never)) };
    let module = parse_module(&sources, id, ParseOptions::default()).unwrap_or_else(|found| refuse(&sources, &found));
    let mut found = Diagnostics::new();
    let Some(resolved) = resolve(&[module], ResolveOptions::default(), &mut found) else { refuse(&sources, &found) };
    let paths: Vec<Vec<Arc<str>>> =
        entrypoints.iter().map(|entrypoint| entrypoint.split('/').map(Arc::from).collect()).collect();
    let plan = plan::plan(&resolved, &sources, &paths).unwrap_or_else(|found| refuse(&sources, &found));
    compile_plan(&plan).unwrap()
}
