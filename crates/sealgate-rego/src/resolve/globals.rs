//! The names that a module's imports and its package's rules bring into every body.

use std::sync::Arc;

use foldhash::HashMap;
use sealgate_diagnostics::{Diagnostic, Diagnostics, Span};

use crate::ast::{Module, Version};
use crate::resolved::RefHead;

use super::COMPILE_ERROR;
use super::declare::{Declarations, Path};

/// Global names of a module.
#[derive(Debug, Default)]
pub(super) struct Globals {
    names: HashMap<String, Global>,
}

/// What a global name stands for.
#[derive(Clone, Debug)]
pub(super) struct Global {
    /// `input` or `data`.
    pub(super) head: RefHead,
    /// The path below it.
    pub(super) path: Path,
    import: Option<usize>,
}

impl Globals {
    /// The globals of a module; says what is wrong with its imports.
    pub(super) fn of(
        module: &Module,
        index: usize,
        all: &Declarations<'_>,
        strict: bool,
        found: &mut Diagnostics,
    ) -> Self {
        let mut names = HashMap::default();
        let package = all.packages.get(index).cloned().unwrap_or_default();
        for name in all.names.get(&package).into_iter().flatten() {
            let mut path = package.clone();
            path.push(Arc::from(*name));
            names.insert((*name).to_owned(), Global { head: RefHead::Data, path, import: None });
        }
        let strict = strict || module.version == Version::V1;
        let mut imported: HashMap<&str, Span> = HashMap::default();
        for (at, import) in module.imports.iter().enumerate() {
            let Some((root, rest)) = import.path.split_first() else { continue };
            let Some(name) = import.alias.as_ref().or(import.path.last()) else { continue };
            let text = name.text.as_str();
            let head = match root.text.as_str() {
                "input" => Some(RefHead::Input),
                "data" => Some(RefHead::Data),
                _ => None,
            };
            if strict {
                if let Some(first) = imported.insert(text, import.span) {
                    let message = format!("import must not shadow import `{text}`");
                    found.push(
                        Diagnostic::error(COMPILE_ERROR, message).at(import.span).label(first, "the first import"),
                    );
                }
                if import.alias.is_some() && matches!(text, "input" | "data") {
                    let message = format!("import alias must not be called `{text}`");
                    found.push(Diagnostic::error(COMPILE_ERROR, message).at(name.span).help("choose another alias"));
                }
            }
            let Some(head) = head else { continue };
            let path = rest.iter().map(|name| Arc::from(name.text.as_str())).collect();
            names.insert(text.to_owned(), Global { head, path, import: Some(at) });
        }
        Self { names }
    }

    /// What a name stands for.
    pub(super) fn get(&self, name: &str) -> Option<&Global> {
        self.names.get(name)
    }

    /// Adds `import`s of a query.
    pub(super) fn import(&mut self, name: &str, head: RefHead, path: Path) {
        self.names.insert(name.to_owned(), Global { head, path, import: None });
    }
}

impl Global {
    /// The import that brought the name, by position in its module.
    pub(super) fn import(&self) -> Option<usize> {
        self.import
    }
}
