//! A policy module's bytes, checked before they are compiled, with its memory made its own.
//!
//! Takes the bytes of a verified bundle's module, gives bytes that wasmtime may compile. It refuses every import that the
//! OPA ABI does not have, and tables or memories beyond the host's bounds. It compiles and runs nothing.
//!
//! The ABI has the host supply the memory (`env.memory`). An instance with a memory of its own is cheaper to make and to
//! reset, and its code reads the memory's base with one load less, so the import is turned into a definition. Its index
//! stays 0, because one memory is all that is accepted, and nothing else in the module refers to it by anything but that
//! index.

mod cost;

use wasm_encoder::{ImportSection, MemorySection, Module, RawSection, SectionId};
use wasmparser::{Encoding, ExternalKind, Parser, Payload, TypeRef, ValType, Validator, WasmFeatures};

use crate::engine::MAX_TABLE_ELEMENTS;
use crate::error::ModuleError;

/// Bounds for a module that is about to be compiled.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Bounds {
    /// Bytes of module.
    pub(crate) module: usize,
    /// Bytes of memory.
    pub(crate) memory: usize,
}

const PAGE: u64 = 64 << 10;

/// Imports that take nothing from the host's world: the name and how many `i32` parameters, and whether one is returned.
const FUNCTION_IMPORTS: [(&str, usize, bool); 7] = [
    ("opa_abort", 1, false),
    ("opa_println", 1, false),
    ("opa_builtin0", 2, true),
    ("opa_builtin1", 3, true),
    ("opa_builtin2", 4, true),
    ("opa_builtin3", 5, true),
    ("opa_builtin4", 6, true),
];

/// Checks `wasm` and gives the module to compile: the same one, but defining and exporting its memory.
///
/// # Errors
/// [`ModuleError`] names what is refused.
pub(crate) fn prepare(wasm: &[u8], bounds: Bounds) -> Result<Vec<u8>, ModuleError> {
    if wasm.len() > bounds.module {
        return Err(ModuleError::TooLarge { size: wasm.len(), limit: bounds.module });
    }
    validate(wasm)?;
    let mut survey = Survey::default();
    for payload in Parser::new(0).parse_all(wasm) {
        survey.read(&payload.map_err(invalid)?)?;
    }
    survey.finish(wasm, bounds)
}

fn invalid(error: wasmparser::BinaryReaderError) -> ModuleError {
    ModuleError::Invalid(error.to_string())
}

fn validate(wasm: &[u8]) -> Result<(), ModuleError> {
    let features = WasmFeatures::WASM1
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::SIMD
        | WasmFeatures::EXTENDED_CONST;
    Validator::new_with_features(features).validate_all(wasm).map(|_| ()).map_err(invalid)
}

/// What one pass over a module finds.
#[derive(Default)]
struct Survey {
    types: Vec<wasmparser::FuncType>,
    /// The types of all functions, imported ones first.
    functions: Vec<u32>,
    /// How many bodies were read.
    bodies: usize,
    imported_functions: usize,
    cost: cost::Cost,
    /// The imports that stay.
    imports: Option<ImportSection>,
    imported_memory: Option<wasmparser::MemoryType>,
    defined_memory: Option<wasmparser::MemoryType>,
    exported_memory: bool,
    /// Every section but the imports: id and its bytes' range.
    sections: Vec<(u8, std::ops::Range<u64>)>,
}

impl Survey {
    fn read(&mut self, payload: &Payload<'_>) -> Result<(), ModuleError> {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(ModuleError::Invalid("a component, not a module".to_owned()));
            }
            Payload::TypeSection(reader) => {
                for ty in reader.clone().into_iter_err_on_gc_types() {
                    self.types.push(ty.map_err(invalid)?);
                }
            }
            Payload::ImportSection(reader) => return self.read_imports(reader),
            Payload::FunctionSection(reader) => {
                for function in reader.clone() {
                    self.functions.push(function.map_err(invalid)?);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let ty = self.functions.get(self.imported_functions + self.bodies).copied().unwrap_or(u32::MAX);
                self.bodies += 1;
                return self.cost.add(body, ty, &self.types, &self.functions);
            }
            Payload::TableSection(reader) => {
                let mut tables = 0;
                for table in reader.clone() {
                    let elements = usize::try_from(table.map_err(invalid)?.ty.initial).unwrap_or(usize::MAX);
                    tables += 1;
                    if tables > 1 || elements > MAX_TABLE_ELEMENTS {
                        return Err(ModuleError::Table);
                    }
                }
            }
            Payload::MemorySection(reader) => {
                for memory in reader.clone() {
                    let memory = memory.map_err(invalid)?;
                    if self.imported_memory.is_some() || self.defined_memory.replace(memory).is_some() {
                        return Err(ModuleError::Memory);
                    }
                }
                // An empty section would stand beside the one that is added.
                if self.defined_memory.is_none() {
                    return Ok(());
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader.clone() {
                    let export = export.map_err(invalid)?;
                    self.exported_memory |= export.kind == ExternalKind::Memory && export.name == "memory";
                }
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            self.sections.push((id, range));
        }
        Ok(())
    }

    fn read_imports(&mut self, reader: &wasmparser::ImportSectionReader<'_>) -> Result<(), ModuleError> {
        let mut kept = ImportSection::new();
        for import in reader.clone().into_imports() {
            let import = import.map_err(invalid)?;
            let refuse = || ModuleError::Import { module: import.module.to_owned(), name: import.name.to_owned() };
            if import.module != "env" {
                return Err(refuse());
            }
            match import.ty {
                TypeRef::Memory(memory) if import.name == "memory" => {
                    if self.imported_memory.replace(memory).is_some() {
                        return Err(ModuleError::Memory);
                    }
                }
                TypeRef::Func(index) if self.is_abi_function(import.name, index) => {
                    self.functions.push(index);
                    self.imported_functions += 1;
                    kept.import(import.module, import.name, wasm_encoder::EntityType::Function(index));
                }
                _ => return Err(refuse()),
            }
        }
        self.imports = Some(kept);
        Ok(())
    }

    fn is_abi_function(&self, name: &str, type_index: u32) -> bool {
        let Some(ty) = usize::try_from(type_index).ok().and_then(|index| self.types.get(index)) else { return false };
        FUNCTION_IMPORTS.iter().any(|(known, params, result)| {
            *known == name
                && ty.params().len() == *params
                && ty.results().len() == usize::from(*result)
                && ty.params().iter().chain(ty.results()).all(|ty| *ty == ValType::I32)
        })
    }

    fn finish(self, wasm: &[u8], bounds: Bounds) -> Result<Vec<u8>, ModuleError> {
        let Some(memory) = self.imported_memory.or(self.defined_memory) else { return Err(ModuleError::Memory) };
        if memory.memory64 || memory.shared || memory.page_size_log2.is_some() {
            return Err(ModuleError::Memory);
        }
        let limit = u64::try_from(bounds.memory).unwrap_or(u64::MAX) / PAGE;
        if memory.initial > limit {
            return Err(ModuleError::MemoryTooLarge { pages: memory.initial, limit });
        }
        if !self.exported_memory {
            return Err(ModuleError::Export("memory"));
        }
        if self.imported_memory.is_none() {
            return Ok(wasm.to_vec());
        }
        Ok(self.rebuild(wasm, memory))
    }

    /// The module again, section by section, with the memory defined where the order of sections wants it.
    fn rebuild(&self, wasm: &[u8], memory: wasmparser::MemoryType) -> Vec<u8> {
        let mut module = Module::new();
        let mut definition = MemorySection::new();
        definition.memory(wasm_encoder::MemoryType {
            minimum: memory.initial,
            maximum: memory.maximum,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut imports = self.imports.as_ref().filter(|imports| !imports.is_empty());
        let mut definition = Some(definition);
        for (id, range) in &self.sections {
            // Custom sections may stand anywhere and do not matter; dropping them keeps the order simple.
            if *id == u8::from(SectionId::Custom) {
                continue;
            }
            if *id > u8::from(SectionId::Import)
                && let Some(imports) = imports.take()
            {
                module.section(imports);
            }
            if *id > u8::from(SectionId::Memory)
                && let Some(definition) = definition.take()
            {
                module.section(&definition);
            }
            module.section(&RawSection { id: *id, data: bytes_of(wasm, range) });
        }
        if let Some(imports) = imports {
            module.section(imports);
        }
        if let Some(definition) = definition {
            module.section(&definition);
        }
        module.finish()
    }
}

fn bytes_of<'a>(wasm: &'a [u8], range: &std::ops::Range<u64>) -> &'a [u8] {
    let bound = |at| usize::try_from(at).unwrap_or(usize::MAX);
    wasm.get(bound(range.start)..bound(range.end)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
