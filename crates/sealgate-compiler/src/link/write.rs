//! Writes the finished module, section by section.

use foldhash::HashMap;
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, FunctionSection, GlobalSection, GlobalType, ImportSection, InstructionSink, MemoryType, Module,
    RefType, StartSection, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{FuncType, RelocationEntry, RelocationType};

use super::memory::Memory;
use super::object::Symbol;
use super::reach::{Callee, Reached};
use super::relocate::{END, Indices, STACK_POINTER};
use super::{
    DECLARED_HEAP, Exports, Generated, GeneratedFunction, LinkError, MOST_DECLARED_PAGES, Object, PAGE_SIZE,
    STACK_SIZE, STATIC_BASE, Signature,
};

pub(super) fn module(
    object: &Object<'_>,
    generated: &Generated,
    exports: &Exports<'_>,
    reached: &Reached,
    memory: &Memory,
) -> Result<Vec<u8>, LinkError> {
    let mut types = Types::default();
    let mut writer = Writer { object, generated, exports, reached, memory, functions: FunctionSection::new() };
    let imports = writer.imports(&mut types)?;
    let indices = writer.indices(&mut types)?;
    let mut code = writer.code(&indices)?;
    let export_section = writer.exports(&indices)?;
    let data = writer.data(&indices)?;
    let start = writer.start(&mut types, &mut code, count(data.len()));

    let mut module = Module::new();
    module.section(&types.section);
    module.section(&imports);
    module.section(&writer.functions);
    let slots = 1 + generated.table.len() as u64 + reached.table.len() as u64;
    module.section(TableSection::new().table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: slots,
        maximum: Some(slots),
        shared: false,
    }));
    module.section(&writer.globals());
    module.section(&export_section);
    if let Some(function_index) = start {
        module.section(&StartSection { function_index });
    }
    if slots > 1 {
        module.section(&writer.elements(&indices));
    }
    if start.is_some() && !data.is_empty() {
        module.section(&DataCountSection { count: 1 });
    }
    module.section(&code);
    if !data.is_empty() {
        let mut section = DataSection::new();
        if start.is_some() {
            section.passive(data);
        } else {
            section.active(0, &ConstExpr::i32_const(memory.data_base.cast_signed()), data);
        }
        module.section(&section);
    }
    Ok(module.finish())
}

/// Function types, each once, in the order of first use.
#[derive(Default)]
struct Types {
    section: TypeSection,
    known: HashMap<(Vec<ValType>, Vec<ValType>), u32>,
}

impl Types {
    fn index(&mut self, params: Vec<ValType>, results: Vec<ValType>) -> u32 {
        let next = self.section.len();
        let section = &mut self.section;
        *self.known.entry((params, results)).or_insert_with_key(|(params, results)| {
            section.ty().function(params.iter().copied(), results.iter().copied());
            next
        })
    }

    fn of_object(&mut self, ty: &FuncType) -> Result<u32, LinkError> {
        let convert = |types: &[wasmparser::ValType]| {
            let convert = |ty: &wasmparser::ValType| match ty {
                wasmparser::ValType::I32 => Ok(ValType::I32),
                wasmparser::ValType::I64 => Ok(ValType::I64),
                wasmparser::ValType::F32 => Ok(ValType::F32),
                wasmparser::ValType::F64 => Ok(ValType::F64),
                other => Err(LinkError::Unsupported(format!("type {other}"))),
            };
            types.iter().map(convert).collect::<Result<Vec<_>, _>>()
        };
        Ok(self.index(convert(ty.params())?, convert(ty.results())?))
    }

    fn of_signature(&mut self, signature: &Signature) -> u32 {
        let results = if signature.result { vec![ValType::I32] } else { Vec::new() };
        self.index(vec![ValType::I32; signature.params as usize], results)
    }
}

struct Writer<'a> {
    object: &'a Object<'a>,
    generated: &'a Generated,
    exports: &'a Exports<'a>,
    reached: &'a Reached,
    memory: &'a Memory,
    functions: FunctionSection,
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

impl<'a> Writer<'a> {
    fn imports(&self, types: &mut Types) -> Result<ImportSection, LinkError> {
        let mut section = ImportSection::new();
        let memory = MemoryType {
            minimum: self.declared_pages(),
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        section.import("env", "memory", memory);
        for place in &self.reached.imports {
            let name = self.exports.imports.get(*place as usize).copied().unwrap_or_default();
            // The host's functions take values' addresses only: the arity is in the name or in the object's own import.
            let known = self.object.imports.iter().find(|(import, _)| *import == name);
            let ty = match known.and_then(|(_, ty)| self.object.types.get(*ty as usize)) {
                Some(ty) => types.of_object(ty)?,
                None => types.of_signature(&host_signature(name)),
            };
            section.import("env", name, EntityType::Function(ty));
        }
        Ok(section)
    }

    /// Decides every index: imports, the object's functions, generated functions.
    fn indices(&mut self, types: &mut Types) -> Result<Indices<'a>, LinkError> {
        let reached = self.reached;
        let mut next = 0..;
        let mut hosts = vec![u32::MAX; self.exports.imports.len()];
        assign(&mut hosts, &reached.imports, &mut next);
        let mut functions = vec![u32::MAX; self.object.functions.len()];
        assign(&mut functions, &reached.functions, &mut next);
        let generated: Vec<u32> = next.take(self.generated.functions.len()).collect();
        let mut table = vec![u32::MAX; self.object.functions.len()];
        assign(&mut table, &reached.table, &mut (count(1 + self.generated.table.len())..));

        let object_types = self.object.types.iter().map(|ty| types.of_object(ty)).collect::<Result<Vec<_>, _>>()?;
        for place in &reached.functions {
            let function = self.object.functions.get(*place as usize);
            let ty = function.and_then(|function| object_types.get(function.ty as usize)).copied();
            self.functions.function(ty.unwrap_or_default());
        }
        let signatures: Vec<u32> =
            self.generated.signatures.iter().map(|signature| types.of_signature(signature)).collect();
        for function in &self.generated.functions {
            let ty = signatures.get(function.signature as usize).copied();
            self.functions.function(ty.ok_or(LinkError::Inconsistent("signature of a generated function"))?);
        }
        let callee = |callee: &Callee| {
            let (indices, place) = match callee {
                Callee::Kernel(place) => (&functions, place),
                Callee::Generated(place) => (&generated, place),
                Callee::Host(place) => (&hosts, place),
            };
            indices.get(*place as usize).copied().unwrap_or(u32::MAX)
        };
        let constant = |callee: &Option<Callee>| match callee {
            Some(Callee::Generated(place)) => {
                self.generated.functions.get(*place as usize).and_then(GeneratedFunction::constant)
            }
            _ => None,
        };
        let constants = reached.object_imports.iter().map(constant).collect();
        let named = reached.names.iter().map(callee).collect();
        let imports = reached.object_imports.iter().map(|import| import.as_ref().map_or(u32::MAX, callee)).collect();
        Ok(Indices {
            object: self.object,
            memory: self.memory,
            functions,
            imports,
            constants,
            types: object_types,
            table,
            generated,
            named,
            signatures,
            first_global: STACK_POINTER + 1,
        })
    }

    fn code(&self, indices: &Indices<'_>) -> Result<CodeSection, LinkError> {
        let mut section = CodeSection::new();
        let mut body = Vec::new();
        let outermost = self.outermost()?;
        let mut reset = Vec::new();
        InstructionSink::new(&mut reset).i32_const(STACK_SIZE.cast_signed()).global_set(STACK_POINTER);
        for place in &self.reached.functions {
            let Some(function) = self.object.functions.get(*place as usize) else { continue };
            body.clear();
            indices.object_body(function, if outermost.contains(place) { &reset } else { &[] }, &mut body)?;
            section.raw(&body);
        }
        for function in &self.generated.functions {
            body.clear();
            indices.generated_body(&function.body, &mut body)?;
            section.raw(&body);
        }
        Ok(section)
    }

    /// The functions that reset the shadow stack before all else. Nothing in the module may call them.
    fn outermost(&self) -> Result<Vec<u32>, LinkError> {
        let place = |symbol: &u32| match self.object.symbols.get(*symbol as usize) {
            Some(Symbol::Function(place)) => Some(*place),
            _ => None,
        };
        let named = |name: &&str| self.object.exports.get(*name).and_then(place);
        let outermost: Vec<u32> = self.exports.outermost.iter().filter_map(named).collect();
        let called = |relocation: &RelocationEntry| {
            relocation.ty != RelocationType::TypeIndexLeb
                && place(&relocation.index).is_some_and(|place| outermost.contains(&place))
        };
        if self.object.relocations.iter().any(called) {
            return Err(LinkError::Inconsistent("a call of a function that is outermost"));
        }
        Ok(outermost)
    }

    fn exports(&self, indices: &Indices<'_>) -> Result<ExportSection, LinkError> {
        let mut section = ExportSection::new();
        section.export("memory", ExportKind::Memory, 0);
        for name in self.exports.functions {
            let symbol = self.object.exports.get(name).and_then(|symbol| self.object.symbols.get(*symbol as usize));
            let index = match symbol {
                Some(Symbol::Function(place)) => indices.functions.get(*place as usize).copied(),
                _ => {
                    let place = self.generated.functions.iter().position(|function| function.name == *name);
                    let place = place.ok_or_else(|| LinkError::Undefined((*name).to_owned()))?;
                    indices.generated.get(place).copied()
                }
            };
            section.export(name, ExportKind::Func, index.unwrap_or(u32::MAX));
        }
        for (global, (name, _)) in (STACK_POINTER + 1 + self.generated.globals..).zip(self.exports.constants) {
            section.export(name, ExportKind::Global, global);
        }
        Ok(section)
    }

    /// Pages of memory that the module asks its host for. A new instance costs what its memory is.
    fn declared_pages(&self) -> u64 {
        (u64::from(self.memory.heap_base) + DECLARED_HEAP).div_ceil(PAGE_SIZE.into()).min(MOST_DECLARED_PAGES)
    }

    /// Where the memory that every host offers is too small: a function that grows it and copies the data there.
    fn start(&mut self, types: &mut Types, code: &mut CodeSection, length: u32) -> Option<u32> {
        let pages = u64::from(self.memory.heap_base).div_ceil(u64::from(PAGE_SIZE));
        if pages <= self.declared_pages() {
            return None;
        }
        let pages = i32::try_from(pages).unwrap_or(i32::MAX);
        let base = self.memory.data_base;
        let ty = types.index(Vec::new(), Vec::new());
        Some(self.add(ty, code, |sink| {
            sink.memory_size(0).i32_const(pages).i32_lt_u().if_(wasm_encoder::BlockType::Empty);
            sink.i32_const(pages).memory_size(0).i32_sub().memory_grow(0);
            sink.i32_const(-1).i32_eq().if_(wasm_encoder::BlockType::Empty).unreachable().end().end();
            if length > 0 {
                sink.i32_const(base.cast_signed()).i32_const(0).i32_const(length.cast_signed());
                sink.memory_init(0, 0).data_drop(0);
            }
        }))
    }

    /// Adds a function without locals after all others; gives its index.
    fn add(&mut self, ty: u32, code: &mut CodeSection, write: impl FnOnce(&mut InstructionSink<'_>)) -> u32 {
        let index = count(self.reached.imports.len()) + self.functions.len();
        self.functions.function(ty);
        let mut body = vec![0];
        write(&mut InstructionSink::new(&mut body));
        body.push(END);
        code.raw(&body);
        index
    }

    fn globals(&self) -> GlobalSection {
        let mut section = GlobalSection::new();
        let i32 = |mutable| GlobalType { val_type: ValType::I32, mutable, shared: false };
        section.global(i32(true), &ConstExpr::i32_const(STACK_SIZE.cast_signed()));
        for _ in 0..self.generated.globals {
            section.global(i32(true), &ConstExpr::i32_const(0));
        }
        for (_, value) in self.exports.constants {
            section.global(i32(false), &ConstExpr::i32_const(*value));
        }
        section
    }

    fn elements(&self, indices: &Indices<'_>) -> ElementSection {
        let of = |all: &[u32], places: &[u32]| {
            let index = |place: &u32| all.get(*place as usize).copied().unwrap_or(u32::MAX);
            places.iter().map(index).collect::<Vec<u32>>()
        };
        let mut all = of(&indices.generated, &self.generated.table);
        all.extend(of(&indices.functions, &self.reached.table));
        let mut section = ElementSection::new();
        section.active(None, &ConstExpr::i32_const(1), Elements::Functions(all.into()));
        section
    }

    fn data(&self, indices: &Indices<'_>) -> Result<Vec<u8>, LinkError> {
        let length = self.memory.data_end - self.memory.data_base;
        let mut data = Vec::with_capacity(length as usize);
        data.extend_from_slice(&self.generated.data);
        data.resize(length as usize, 0);
        for place in &self.reached.segments {
            let (place, outside) = (*place as usize, LinkError::Inconsistent("a segment outside of the data"));
            let Some(segment) = self.object.segments.get(place).filter(|segment| !segment.zero) else { continue };
            let address = self.memory.segments.get(place).copied().unwrap_or(STATIC_BASE);
            let start = address.saturating_sub(self.memory.data_base) as usize;
            let Some(out) = data.get_mut(start..start + segment.data.len()) else { return Err(outside) };
            indices.object_data(segment, out)?;
        }
        while data.last() == Some(&0) {
            data.pop();
        }
        Ok(data)
    }
}

fn assign(indices: &mut [u32], places: &[u32], next: &mut impl Iterator<Item = u32>) {
    for (place, index) in places.iter().zip(next) {
        if let Some(slot) = indices.get_mut(*place as usize) {
            *slot = index;
        }
    }
}

/// `opa_abort` takes an address; `opa_builtinN` an id, a context and N arguments, and gives a value.
fn host_signature(name: &str) -> Signature {
    match name.strip_prefix("opa_builtin").and_then(|digits| digits.parse::<u32>().ok()) {
        Some(args) => Signature { params: args + 2, result: true },
        None => Signature { params: 1, result: false },
    }
}
