//! Rego: whatever the text, a tree that survives printing or errors with places; whatever compiles is valid Wasm.

use std::sync::Arc;

use sealgate_diagnostics::{Color, Diagnostics, Sources};
use sealgate_rego::ast::Version;
use sealgate_rego::resolved::ResolvedModules;
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, parse_query, parse_term, resolve};

/// Lexer and parser, in both dialects, as a module, a query and a term.
pub fn rego_parse(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut sources = Sources::new();
    let id = sources.add("m.rego", text);
    for version in [Version::V1, Version::V0] {
        let options = ParseOptions { version };
        for errors in [parse_query(&sources, id, options).err(), parse_term(&sources, id, options).err()] {
            assert!(errors.is_none_or(|errors| errors.has_errors()));
        }
        match parse_module(&sources, id, options) {
            Err(errors) => {
                assert!(errors.has_errors());
                let _ = errors.render(&sources, Color::Never);
            }
            Ok(module) => {
                let printed = module.to_string();
                let mut again = Sources::new();
                let id = again.add("again.rego", printed.as_str());
                match parse_module(&again, id, options) {
                    Ok(module) => assert_eq!(module.to_string(), printed),
                    Err(errors) => panic!("printed as\n{printed}\n{}", errors.render(&again, Color::Never)),
                }
            }
        }
    }
}

/// The whole compiler: a module that validates, or an error.
pub fn rego_compile(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = compile(text);
}

/// Every rule of `text` as an entrypoint, compiled. [`None`] where some stage refuses, which it must do with an error.
pub fn compile(text: &str) -> Option<Vec<u8>> {
    let mut sources = Sources::new();
    let id = sources.add("m.rego", text);
    let refused = |found: &Diagnostics, sources: &Sources| {
        assert!(found.has_errors(), "refused without an error");
        let _ = found.render(sources, Color::Never);
    };
    let module = match parse_module(&sources, id, ParseOptions::default()) {
        Ok(module) => module,
        Err(errors) => {
            refused(&errors, &sources);
            return None;
        }
    };
    let mut found = Diagnostics::new();
    let Some(resolved) = resolve(&[module], ResolveOptions::default(), &mut found) else {
        refused(&found, &sources);
        return None;
    };
    let entrypoints = entrypoints(&resolved);
    if entrypoints.is_empty() {
        return None;
    }
    let plan = match sealgate_compiler::plan::plan(&resolved, &sources, &entrypoints) {
        Ok(plan) => plan,
        Err(errors) => {
            refused(&errors, &sources);
            return None;
        }
    };
    let module = sealgate_compiler::compile_plan(&plan).ok()?;
    wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::WASM2)
        .validate_all(&module.wasm)
        .expect("what is compiled is valid");
    Some(module.wasm)
}

/// The paths of the first few rules.
fn entrypoints(modules: &ResolvedModules) -> Vec<Vec<Arc<str>>> {
    modules.documents.iter().take(4).map(|document| document.path.clone()).collect()
}
