//! Bodies of the same shape are compiled once: what one of them became is the template of the others.
//!
//! A template holds the code, and what compiling it made of the body's constants and asked about them (`traced.rs`). For another
//! body with the same key (`keys.rs`) the same is made of its own constants and asked about these. As long as the answers are the
//! same, compiling would do the same; where they are not, it has done the same up to there, and the body is compiled, which
//! finds again what was made already. So the module is what it would be if every body were compiled.

use foldhash::HashMap;

use super::cases::Rest;
use super::constants::ConstId;
use super::function::Slot;
use super::keys::{KeyReader, Parameters};
use super::traced::{Note, Recipe, Trace, Word};
use super::{CodegenError, Module};
use crate::ir::Local;
use crate::link::Body;

/// How many templates one key may have.
const MOST_TEMPLATES: usize = 8;

/// What a body became.
pub(super) struct Compiled {
    pub(super) code: Body,
    /// What its record must hold.
    pub(super) slots: Vec<Slot>,
    /// Its value, if it does nothing but give a constant.
    pub(super) value: Option<ConstId>,
    /// What was noted meanwhile.
    pub(super) trace: Option<Trace>,
}

/// What a body came to: its code by place among all that there are.
pub(super) struct Filled {
    pub(super) code: usize,
    pub(super) slots: Vec<Slot>,
    pub(super) value: Option<ConstId>,
}

/// The templates of the bodies of a group.
pub(super) struct Templates<'b> {
    reader: KeyReader<'b>,
    known: HashMap<Box<[u32]>, Vec<Template>>,
    /// The code of bodies, in the order in which it was compiled.
    pub(super) codes: Vec<Body>,
    /// The constants of the body that a template is being filled for.
    made: Vec<ConstId>,
}

struct Template {
    notes: Vec<Note>,
    code: usize,
    slots: Vec<SlotOf>,
    value: Option<u32>,
}

/// A slot of any body that the template is for.
enum SlotOf {
    Constant(u32),
    Word(Word<u32, u32>),
}

impl<'b> Templates<'b> {
    /// None yet, for bodies of a function whose last local of its own is `last`.
    pub(super) fn new(last: Local) -> Self {
        Self { reader: KeyReader::new(last), known: HashMap::default(), codes: Vec::new(), made: Vec::new() }
    }

    /// Compiles a body with `compile`, unless a template does. `compile` gets parameters where it is to take notes.
    pub(super) fn compile<'p>(
        &mut self,
        module: &mut Module<'p>,
        body: &Rest<'b>,
        value: Local,
        compile: impl FnOnce(&mut Module<'p>, Option<Parameters>) -> Result<Compiled, CodegenError>,
    ) -> Result<Filled, CodegenError> {
        let has_key = !module.options.each_body_anew && self.reader.read(body, value);
        let templates = self.known.get(self.reader.key()).filter(|_| has_key).map_or(&[][..], Vec::as_slice);
        for template in templates {
            if let Some(filled) = template.fill(module, self.reader.parameters(), &mut self.made) {
                return Ok(filled);
            }
        }
        let wanted = has_key && templates.len() < MOST_TEMPLATES;
        let parameters = wanted.then(|| self.reader.parameters().clone());
        let Compiled { code, slots, value, trace } = compile(module, parameters)?;
        let place = self.codes.len();
        self.codes.push(code);
        if let Some(template) = trace.and_then(|trace| Template::new(trace, place, &slots, value)) {
            match self.known.get_mut(self.reader.key()) {
                Some(templates) => templates.push(template),
                None => drop(self.known.insert(self.reader.key().into(), vec![template])),
            }
        }
        Ok(Filled { code: place, slots, value })
    }
}

impl Template {
    fn new(trace: Trace, code: usize, slots: &[Slot], value: Option<ConstId>) -> Option<Self> {
        let constant = |id: ConstId| trace.place(id);
        let slot = |slot: &Slot| {
            Some(match slot {
                Slot::Constant(id) => SlotOf::Constant(trace.place(*id)?),
                Slot::Word(word) => SlotOf::Word(word.map(&constant, &|location| trace.parameters.location(location))?),
            })
        };
        let slots = slots.iter().map(slot).collect::<Option<_>>()?;
        let value = match value {
            Some(id) => Some(trace.place(id)?),
            None => None,
        };
        Some(Self { notes: trace.notes, code, slots, value })
    }

    /// Does for a body with these parameters what compiling it would do, in the same order; `None` where that would go another
    /// way.
    fn fill(&self, module: &mut Module<'_>, parameters: &Parameters, made: &mut Vec<ConstId>) -> Option<Filled> {
        made.clear();
        for note in &self.notes {
            match note {
                Note::Made { recipe, first } => {
                    let id = recipe.make(module, parameters, made)?;
                    made.push(id);
                    // Which constants are one and the same is an answer too.
                    if made.iter().position(|known| *known == id) != usize::try_from(*first).ok() {
                        return None;
                    }
                }
                Note::Asked(question, answer) => {
                    let question = question.map(&|place| at(made, place))?;
                    if module.answer(&question) != *answer {
                        return None;
                    }
                }
                Note::Laid(word) => {
                    module.word(word.map(&|place| at(made, place), &|place| parameters.location_at(place))?);
                }
            }
        }
        let slot = |slot: &SlotOf| {
            Some(match slot {
                SlotOf::Constant(place) => Slot::Constant(at(made, *place)?),
                SlotOf::Word(word) => {
                    Slot::Word(word.map(&|place| at(made, place), &|place| parameters.location_at(place))?)
                }
            })
        };
        let slots = self.slots.iter().map(slot).collect::<Option<_>>()?;
        let value = match self.value {
            Some(place) => Some(at(made, place)?),
            None => None,
        };
        Some(Filled { code: self.code, slots, value })
    }
}

impl Recipe {
    fn make(&self, module: &mut Module<'_>, parameters: &Parameters, made: &[ConstId]) -> Option<ConstId> {
        let many = |places: &[u32]| places.iter().map(|place| at(made, *place)).collect::<Option<Vec<_>>>();
        Some(match self {
            Self::Text(place) => module.string(parameters.string_at(*place)?),
            // What is no number is refused where it is compiled.
            Self::Number(place) => module.number(parameters.string_at(*place)?).ok()?,
            Self::Integer(place) => module.constants.integer(parameters.integer_at(*place)?),
            Self::Bool(value) => module.constants.bool(*value),
            Self::Null => module.constants.null(),
            Self::Array(places) => module.constants.array(many(places)?),
            Self::Set(places) => module.constants.set(many(places)?),
            Self::Object(places) => {
                let pair = |(key, value): &(u32, u32)| Some((at(made, *key)?, at(made, *value)?));
                module.constants.object(places.iter().map(pair).collect::<Option<_>>()?)
            }
            Self::Functions => module.dynamic_functions(),
        })
    }
}

fn at(made: &[ConstId], place: u32) -> Option<ConstId> {
    made.get(place as usize).copied()
}
