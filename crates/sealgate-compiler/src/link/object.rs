//! Reading a relocatable object: functions, data segments, symbols and relocations, borrowed from its bytes.

use std::ops::Range;

use foldhash::HashMap;
use wasmparser::{
    FuncType, KnownCustom, Linking, Parser, Payload, RelocSectionReader, RelocationEntry, SymbolFlags, SymbolInfo,
    TypeRef,
};

use super::LinkError;

/// A relocatable object.
#[derive(Debug, Default)]
pub struct Object<'a> {
    pub(super) types: Vec<FuncType>,
    /// Imported functions: name and type.
    pub(super) imports: Vec<(&'a str, u32)>,
    pub(super) functions: Vec<Function<'a>>,
    pub(super) segments: Vec<Segment<'a>>,
    pub(super) symbols: Vec<Symbol<'a>>,
    /// Relocations of code, then of data; offsets count from the start of the function body or segment.
    pub(super) relocations: Vec<RelocationEntry>,
    /// Symbols of defined functions by name.
    pub(super) exports: HashMap<&'a str, u32>,
}

/// A defined function.
#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) ty: u32,
    /// Locals and instructions, without the size.
    pub(super) body: &'a [u8],
    pub(super) relocations: Range<usize>,
}

impl Function<'_> {
    /// Where the instructions begin, behind the locals.
    pub(super) fn start_of_code(&self) -> Result<usize, LinkError> {
        let body = wasmparser::FunctionBody::new(wasmparser::BinaryReader::new(self.body, 0));
        let start = body.get_operators_reader()?.original_position();
        usize::try_from(start).map_err(|_| LinkError::Inconsistent("the locals of a function"))
    }
}

/// A data segment: one static variable, mostly.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) data: &'a [u8],
    pub(super) align: u32,
    /// Whether all of it is zero, so that it need not be in the module.
    pub(super) zero: bool,
    pub(super) relocations: Range<usize>,
}

/// A symbol, as far as relocations refer to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Symbol<'a> {
    /// A function that the object defines, by its place in [`Object::functions`].
    Function(u32),
    /// A function that it imports, by its place in [`Object::imports`].
    Import(u32),
    /// A place in a segment.
    Data { segment: u32, offset: u32 },
    /// An address that the linker defines.
    UndefinedData(&'a str),
    /// A global that it imports.
    Global(&'a str),
    /// The table of functions.
    Table,
    /// Anything that code and data do not refer to.
    Other,
}

impl<'a> Object<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// Refuses what is malformed or uses features that a kernel has no need of.
    pub fn read(bytes: &'a [u8]) -> Result<Self, LinkError> {
        let mut object = Self::default();
        let mut reader = Reader { function_types: Vec::new(), globals: Vec::new(), ..Reader::default() };
        for payload in Parser::new(0).parse_all(bytes) {
            reader.payload(&mut object, payload?)?;
        }
        reader.finish(&mut object)?;
        Ok(object)
    }
}

impl Object<'_> {
    /// Whether the object defines a function of this name for others.
    pub fn defines(&self, name: &str) -> bool {
        self.exports.contains_key(name)
    }
}

/// A section that relocations apply to: where it begins, and the ranges of its parts in rising order.
#[derive(Default)]
struct Place {
    section: u32,
    start: u64,
}

#[derive(Default)]
struct Reader<'a> {
    sections: u32,
    code: Place,
    data: Place,
    function_types: Vec<u32>,
    globals: Vec<&'a str>,
    bodies: Vec<(Range<u64>, &'a [u8])>,
    contents: Vec<(Range<u64>, &'a [u8])>,
    infos: Vec<(&'a str, u32)>,
    relocations: Vec<RelocSectionReader<'a>>,
}

impl<'a> Reader<'a> {
    fn payload(&mut self, object: &mut Object<'a>, payload: Payload<'a>) -> Result<(), LinkError> {
        let section = self.sections;
        match payload {
            Payload::Version { .. } | Payload::End(_) => return Ok(()),
            Payload::CodeSectionEntry(body) => {
                self.bodies.push((body.range(), body.as_bytes()));
                return Ok(());
            }
            Payload::TypeSection(types) => {
                object.types = types.into_iter_err_on_gc_types().collect::<Result<_, _>>()?;
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    match import.ty {
                        TypeRef::Func(ty) => object.imports.push((import.name, ty)),
                        TypeRef::Global(_) => self.globals.push(import.name),
                        TypeRef::Memory(_) | TypeRef::Table(_) => {}
                        _ => return Err(LinkError::Unsupported(format!("import `{}`", import.name))),
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                self.function_types = functions.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::CodeSectionStart { unchecked_range, .. } => {
                self.code = Place { section, start: unchecked_range.start };
            }
            Payload::DataSection(data) => {
                self.data = Place { section, start: data.range().start };
                for segment in data {
                    let segment = segment?;
                    let end = segment.range.end;
                    let start = end.saturating_sub(segment.data.len() as u64);
                    self.contents.push((start..end, segment.data));
                }
            }
            Payload::GlobalSection(globals) if globals.count() > 0 => {
                return Err(LinkError::Unsupported("globals of its own".to_owned()));
            }
            Payload::StartSection { .. } => return Err(LinkError::Unsupported("a start function".to_owned())),
            Payload::CustomSection(custom) => match custom.as_known() {
                KnownCustom::Linking(linking) => {
                    for part in linking.subsections() {
                        self.linking(object, part?)?;
                    }
                }
                KnownCustom::Reloc(relocations) => self.relocations.push(relocations),
                _ => {}
            },
            _ => {}
        }
        self.sections += 1;
        Ok(())
    }

    fn linking(&mut self, object: &mut Object<'a>, part: Linking<'a>) -> Result<(), LinkError> {
        match part {
            Linking::SegmentInfo(infos) => {
                for info in infos {
                    let info = info?;
                    self.infos.push((info.name, info.alignment));
                }
            }
            Linking::InitFuncs(functions) if functions.count() > 0 => {
                return Err(LinkError::Unsupported("constructors".to_owned()));
            }
            Linking::SymbolTable(symbols) => {
                object.symbols.reserve(symbols.count() as usize);
                for symbol in symbols {
                    self.symbol(object, symbol?)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn symbol(&mut self, object: &mut Object<'a>, symbol: SymbolInfo<'a>) -> Result<(), LinkError> {
        let place = u32::try_from(object.symbols.len()).map_err(|_| LinkError::Inconsistent("too many symbols"))?;
        let imports = u32::try_from(object.imports.len()).unwrap_or(u32::MAX);
        let symbol = match symbol {
            SymbolInfo::Func { flags, index, name } => match index.checked_sub(imports) {
                Some(defined) if !flags.contains(SymbolFlags::UNDEFINED) => {
                    if let (Some(name), false) = (name, flags.contains(SymbolFlags::BINDING_LOCAL)) {
                        object.exports.insert(name, place);
                    }
                    Symbol::Function(defined)
                }
                None => Symbol::Import(index),
                Some(_) => return Err(LinkError::Inconsistent("an undefined function with a body")),
            },
            SymbolInfo::Data { symbol: Some(at), .. } => Symbol::Data { segment: at.index, offset: at.offset },
            SymbolInfo::Data { symbol: None, name, .. } => Symbol::UndefinedData(name),
            SymbolInfo::Global { index, .. } => {
                let name = self.globals.get(index as usize).copied();
                Symbol::Global(name.ok_or(LinkError::Inconsistent("global out of range"))?)
            }
            SymbolInfo::Table { .. } => Symbol::Table,
            SymbolInfo::Section { .. } | SymbolInfo::Event { .. } => Symbol::Other,
        };
        object.symbols.push(symbol);
        Ok(())
    }

    fn finish(self, object: &mut Object<'a>) -> Result<(), LinkError> {
        if self.bodies.len() != self.function_types.len() || self.contents.len() != self.infos.len() {
            return Err(LinkError::Inconsistent("functions or segments do not match their descriptions"));
        }
        let mut code = Vec::new();
        let mut data = Vec::new();
        for reader in self.relocations {
            let into = match reader.section_index() {
                index if index == self.code.section => &mut code,
                index if index == self.data.section => &mut data,
                // Debug sections.
                _ => continue,
            };
            for entry in reader.entries() {
                into.push(entry?);
            }
        }
        let all = &mut object.relocations;
        let mut rest = code.into_iter().peekable();
        for (ty, (range, body)) in self.function_types.into_iter().zip(self.bodies) {
            let relocations = take(&mut rest, self.code.start, &range, all)?;
            object.functions.push(Function { ty, body, relocations });
        }
        let mut rest = data.into_iter().peekable();
        for ((name, align), (range, data)) in self.infos.into_iter().zip(self.contents) {
            let relocations = take(&mut rest, self.data.start, &range, all)?;
            let align = 1_u32.checked_shl(align).filter(|align| *align <= 4096);
            let align = align.ok_or(LinkError::Inconsistent("alignment of a segment"))?;
            let zero = name.starts_with(".bss") && data.iter().all(|byte| *byte == 0);
            object.segments.push(Segment { data, align, zero, relocations });
        }
        object.check()
    }
}

/// Moves the relocations that fall into `range` over to `all`, with offsets that count from its start.
fn take(
    rest: &mut std::iter::Peekable<impl Iterator<Item = RelocationEntry>>,
    section: u64,
    range: &Range<u64>,
    all: &mut Vec<RelocationEntry>,
) -> Result<Range<usize>, LinkError> {
    let first = all.len();
    while let Some(entry) = rest.next_if(|entry| section + u64::from(entry.offset) < range.end) {
        let outside = || LinkError::Inconsistent("a relocation outside of functions and segments");
        let offset = (section + u64::from(entry.offset)).checked_sub(range.start).ok_or_else(outside)?;
        let length = range.end.saturating_sub(range.start);
        if offset + entry.ty.extent() as u64 > length {
            return Err(outside());
        }
        let offset = u32::try_from(offset).map_err(|_| outside())?;
        all.push(RelocationEntry { offset, ..entry });
    }
    Ok(first..all.len())
}

impl Object<'_> {
    /// Checks the indices that later steps rely on.
    fn check(&self) -> Result<(), LinkError> {
        let types = self.types.len();
        let known = |ty: u32| (ty as usize) < types;
        if !self.functions.iter().all(|function| known(function.ty)) || !self.imports.iter().all(|(_, ty)| known(*ty)) {
            return Err(LinkError::Inconsistent("type out of range"));
        }
        let fits = |symbol: &Symbol<'_>| match symbol {
            Symbol::Function(index) => (*index as usize) < self.functions.len(),
            Symbol::Import(index) => (*index as usize) < self.imports.len(),
            Symbol::Data { segment, offset } => {
                self.segments.get(*segment as usize).is_some_and(|segment| *offset as usize <= segment.data.len())
            }
            _ => true,
        };
        if self.symbols.iter().all(fits) { Ok(()) } else { Err(LinkError::Inconsistent("symbol out of range")) }
    }
}
