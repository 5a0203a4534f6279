//! Copies code and data with every hole and relocation filled in.
//!
//! An object's indices are padded to five bytes so that a linker may overwrite them. Here they are written as short as
//! they come, which moves what follows: nothing in a body refers to a position, so that is harmless.

use wasm_encoder::Encode;
use wasmparser::{RelocationEntry, RelocationType};

use super::generated::I32_CONST;
use super::memory::Memory;
use super::object::{Function, Segment, Symbol};
use super::{Body, LinkError, Object, Target};

/// Final indices, as the relocations ask for them.
pub(super) struct Indices<'a> {
    pub(super) object: &'a Object<'a>,
    pub(super) memory: &'a Memory,
    /// Final index of each function of the object, `u32::MAX` where it is not kept.
    pub(super) functions: Vec<u32>,
    /// Final index of each imported function of the object, likewise.
    pub(super) imports: Vec<u32>,
    /// What imported functions of the object give, where they are generated and give a constant.
    pub(super) constants: Vec<Option<i32>>,
    /// Final index of each type of the object, likewise.
    pub(super) types: Vec<u32>,
    /// Index in the table of each function of the object, likewise.
    pub(super) table: Vec<u32>,
    /// Final indices of generated functions, named functions, signatures, in the order of [`super::Generated`].
    pub(super) generated: Vec<u32>,
    pub(super) named: Vec<u32>,
    pub(super) signatures: Vec<u32>,
    /// Index of the first generated global; the stack pointer has index 0.
    pub(super) first_global: u32,
}

/// Index of the global that holds the shadow stack's pointer.
pub(super) const STACK_POINTER: u32 = 0;

fn at(indices: &[u32], place: u32) -> Result<u32, LinkError> {
    let found = indices.get(place as usize).copied().filter(|index| *index != u32::MAX);
    found.ok_or(LinkError::Inconsistent("index of something that is not kept"))
}

impl Indices<'_> {
    /// The body of a generated function, with locals and `end`, without size.
    pub(super) fn generated_body(&self, body: &Body, out: &mut Vec<u8>) -> Result<(), LinkError> {
        if body.locals == 0 {
            out.push(0);
        } else {
            out.push(1);
            body.locals.encode(out);
            wasm_encoder::ValType::I32.encode(out);
        }
        let mut from = 0;
        for (hole, target) in &body.holes {
            copy(&body.code, from..*hole as usize, out)?;
            from = *hole as usize;
            let index = match *target {
                Target::Function(place) => at(&self.generated, place)?,
                Target::Named(place) => at(&self.named, place)?,
                Target::Type(place) => at(&self.signatures, place)?,
                Target::Global(place) => self.first_global + place,
            };
            index.encode(out);
        }
        copy(&body.code, from..body.code.len(), out)?;
        out.push(END);
        Ok(())
    }

    /// The body of one of the object's functions, with locals, without size; `first` comes before its own code.
    pub(super) fn object_body(
        &self,
        function: &Function<'_>,
        first: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), LinkError> {
        let relocations = self.object.relocations.get(function.relocations.clone()).unwrap_or_default();
        let mut from = 0;
        if !first.is_empty() {
            from = function.start_of_code()?;
            copy(function.body, 0..from, out)?;
            out.extend_from_slice(first);
        }
        for entry in relocations {
            let start = entry.offset as usize;
            let end = start + 5;
            copy(function.body, from..start, out)?;
            from = end;
            if let Some(constant) = self.constant(entry)
                && out.pop_if(|opcode| *opcode == CALL).is_some()
            {
                out.push(I32_CONST);
                constant.encode(out);
                continue;
            }
            match entry.ty {
                RelocationType::FunctionIndexLeb
                | RelocationType::TypeIndexLeb
                | RelocationType::GlobalIndexLeb
                | RelocationType::MemoryAddrLeb
                | RelocationType::TableNumberLeb => self.value(entry)?.encode(out),
                RelocationType::MemoryAddrSleb | RelocationType::TableIndexSleb => {
                    self.value(entry)?.cast_signed().encode(out);
                }
                other => return Err(LinkError::Unsupported(format!("relocation {other:?} in code"))),
            }
        }
        copy(function.body, from..function.body.len(), out)
    }

    /// A segment's bytes, written over `out`, which has its length.
    pub(super) fn object_data(&self, segment: &Segment<'_>, out: &mut [u8]) -> Result<(), LinkError> {
        let outside = LinkError::Inconsistent("a segment outside of the data");
        if out.len() != segment.data.len() {
            return Err(outside);
        }
        out.copy_from_slice(segment.data);
        for entry in self.object.relocations.get(segment.relocations.clone()).unwrap_or_default() {
            match entry.ty {
                RelocationType::MemoryAddrI32 | RelocationType::TableIndexI32 => {}
                other => return Err(LinkError::Unsupported(format!("relocation {other:?} in data"))),
            }
            let start = entry.offset as usize;
            let hole = out.get_mut(start..start + 4).ok_or(LinkError::Inconsistent("a relocation in data"))?;
            hole.copy_from_slice(&self.value(entry)?.to_le_bytes());
        }
        Ok(())
    }

    /// What a function gives without being called.
    fn constant(&self, entry: &RelocationEntry) -> Option<i32> {
        match self.object.symbols.get(entry.index as usize) {
            Some(Symbol::Import(place)) if entry.ty == RelocationType::FunctionIndexLeb => {
                self.constants.get(*place as usize).copied().flatten()
            }
            _ => None,
        }
    }

    fn value(&self, entry: &RelocationEntry) -> Result<u32, LinkError> {
        if entry.ty == RelocationType::TypeIndexLeb {
            return at(&self.types, entry.index);
        }
        let symbol = self.object.symbols.get(entry.index as usize).copied();
        let by_table = matches!(entry.ty, RelocationType::TableIndexSleb | RelocationType::TableIndexI32);
        match symbol.ok_or(LinkError::Inconsistent("symbol of a relocation"))? {
            Symbol::Function(place) if by_table => at(&self.table, place),
            Symbol::Function(place) => at(&self.functions, place),
            Symbol::Import(place) => at(&self.imports, place),
            Symbol::Data { segment, offset } => {
                let base = self.memory.segments.get(segment as usize).copied().unwrap_or_default();
                address(base.checked_add(offset), entry.addend)
            }
            Symbol::UndefinedData("__heap_base") => address(Some(self.memory.heap_base), entry.addend),
            Symbol::Global(_) => Ok(STACK_POINTER),
            Symbol::Table => Ok(0),
            Symbol::UndefinedData(name) => Err(LinkError::Undefined(name.to_owned())),
            Symbol::Other => Err(LinkError::Unsupported(format!("relocation {:?}", entry.ty))),
        }
    }
}

const CALL: u8 = 0x10;
/// The opcode that ends a body.
pub(super) const END: u8 = 0x0b;

/// An address with its addend. Compilers fold a negative offset into an address now and then, so this wraps.
fn address(base: Option<u32>, addend: i64) -> Result<u32, LinkError> {
    let addend = i32::try_from(addend).map_err(|_| LinkError::Inconsistent("addend of an address"))?;
    base.map(|base| base.wrapping_add_signed(addend)).ok_or(LinkError::Inconsistent("an address out of range"))
}

fn copy(from: &[u8], range: std::ops::Range<usize>, out: &mut Vec<u8>) -> Result<(), LinkError> {
    out.extend_from_slice(from.get(range).ok_or(LinkError::Inconsistent("overlapping relocations"))?);
    Ok(())
}
