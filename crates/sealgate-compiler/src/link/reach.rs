//! What of the kernel a module needs: everything that its exports and its generated functions reach.

use foldhash::HashMap;
use wasmparser::{RelocationEntry, RelocationType};

use super::object::Symbol;
use super::{Exports, Generated, LinkError, Object};

/// What a name in generated code or an import of the object stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callee {
    /// Place in [`Object::functions`].
    Kernel(u32),
    /// Place in [`Generated::functions`].
    Generated(u32),
    /// Place in [`Exports::imports`].
    Host(u32),
}

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// Functions of the object, in its order.
    pub(super) functions: Vec<u32>,
    /// Segments of the object, in its order.
    pub(super) segments: Vec<u32>,
    /// Functions of the object whose address is taken, in its order; they follow generated ones in the table.
    pub(super) table: Vec<u32>,
    /// Places in [`Exports::imports`] of what is imported, in that order.
    pub(super) imports: Vec<u32>,
    /// What each of [`Generated::names`] is.
    pub(super) names: Vec<Callee>,
    /// What each of [`Object::imports`] is; `None` for those that nothing reaches.
    pub(super) object_imports: Vec<Option<Callee>>,
}

impl Reached {
    pub(super) fn from(object: &Object<'_>, generated: &Generated, exports: &Exports<'_>) -> Result<Self, LinkError> {
        let mut walk = Walk {
            object,
            generated: (0_u32..).zip(&generated.functions).map(|(place, function)| (&*function.name, place)).collect(),
            hosts: (0_u32..).zip(exports.imports).map(|(place, name)| (*name, place)).collect(),
            functions: vec![false; object.functions.len()],
            segments: vec![false; object.segments.len()],
            taken: vec![false; object.functions.len()],
            imported: vec![false; exports.imports.len()],
            object_imports: vec![None; object.imports.len()],
            pending: Vec::new(),
        };
        for name in exports.functions {
            walk.name(name)?;
        }
        let names = generated.names.iter().map(|name| walk.name(name)).collect::<Result<_, _>>()?;
        walk.run()?;
        Ok(Self {
            functions: marked(&walk.functions),
            segments: marked(&walk.segments),
            table: marked(&walk.taken),
            imports: marked(&walk.imported),
            names,
            object_imports: walk.object_imports,
        })
    }
}

fn marked(flags: &[bool]) -> Vec<u32> {
    (0_u32..).zip(flags).filter_map(|(place, flag)| flag.then_some(place)).collect()
}

enum Part {
    Function(u32),
    Segment(u32),
}

struct Walk<'a> {
    object: &'a Object<'a>,
    generated: HashMap<&'a str, u32>,
    hosts: HashMap<&'a str, u32>,
    functions: Vec<bool>,
    segments: Vec<bool>,
    taken: Vec<bool>,
    imported: Vec<bool>,
    object_imports: Vec<Option<Callee>>,
    pending: Vec<Part>,
}

impl Walk<'_> {
    /// Finds a function by name and marks it: the kernel's own, a generated one, or the host's.
    fn name(&mut self, name: &str) -> Result<Callee, LinkError> {
        if let Some(Symbol::Function(place)) =
            self.object.exports.get(name).and_then(|symbol| self.object.symbols.get(*symbol as usize))
        {
            self.function(*place);
            return Ok(Callee::Kernel(*place));
        }
        self.outside(name)
    }

    fn outside(&mut self, name: &str) -> Result<Callee, LinkError> {
        if let Some(place) = self.generated.get(name) {
            return Ok(Callee::Generated(*place));
        }
        let place = self.hosts.get(name).copied().ok_or_else(|| LinkError::Undefined(name.to_owned()))?;
        mark(&mut self.imported, place);
        Ok(Callee::Host(place))
    }

    fn function(&mut self, place: u32) {
        if mark(&mut self.functions, place) {
            self.pending.push(Part::Function(place));
        }
    }

    fn run(&mut self) -> Result<(), LinkError> {
        let object = self.object;
        while let Some(part) = self.pending.pop() {
            let relocations = match part {
                Part::Function(place) => object.functions.get(place as usize).map(|function| &function.relocations),
                Part::Segment(place) => object.segments.get(place as usize).map(|segment| &segment.relocations),
            };
            let relocations = relocations.and_then(|range| object.relocations.get(range.clone()));
            for entry in relocations.unwrap_or_default() {
                self.relocation(entry)?;
            }
        }
        Ok(())
    }

    fn relocation(&mut self, entry: &RelocationEntry) -> Result<(), LinkError> {
        if entry.ty == RelocationType::TypeIndexLeb {
            return Ok(());
        }
        let symbol = self.object.symbols.get(entry.index as usize);
        match *symbol.ok_or(LinkError::Inconsistent("symbol of a relocation"))? {
            Symbol::Function(place) => {
                if matches!(entry.ty, RelocationType::TableIndexSleb | RelocationType::TableIndexI32) {
                    mark(&mut self.taken, place);
                }
                self.function(place);
            }
            Symbol::Import(place) => {
                let (name, _) = self.object.imports.get(place as usize).ok_or(LinkError::Inconsistent("import"))?;
                if matches!(entry.ty, RelocationType::TableIndexSleb | RelocationType::TableIndexI32) {
                    return Err(LinkError::Unsupported(format!("the address of `{name}`")));
                }
                let callee = self.outside(name)?;
                if let Some(slot) = self.object_imports.get_mut(place as usize) {
                    *slot = Some(callee);
                }
            }
            Symbol::Data { segment, .. } => {
                if mark(&mut self.segments, segment) {
                    self.pending.push(Part::Segment(segment));
                }
            }
            Symbol::UndefinedData("__heap_base") | Symbol::Global("__stack_pointer") | Symbol::Table => {}
            Symbol::UndefinedData(name) | Symbol::Global(name) => return Err(LinkError::Undefined(name.to_owned())),
            Symbol::Other => return Err(LinkError::Unsupported(format!("relocation {:?}", entry.ty))),
        }
        Ok(())
    }
}

/// Sets a flag; whether it was not set before.
fn mark(flags: &mut [bool], place: u32) -> bool {
    flags.get_mut(place as usize).is_some_and(|flag| !std::mem::replace(flag, true))
}
