//! What the compiler of a function sees of its module, constants above all: by making them and by questions about them.
//!
//! Where the body of a rule is compiled that others may be like, everything that is made, asked and answered is noted. The code
//! follows from the statements and the answers alone, so a body with the same statements but other constants, about which the
//! answers are the same, has the same code (`templates.rs`). A constant tells nothing but through here: nothing can be missed.

use std::borrow::Cow;

use super::constants::{ConstId, Constants};
use super::keys::Parameters;
use super::{CodegenError, Input, Module};
use crate::ir::{Location, StringIndex};
use crate::link::Target;

/// More notes than this are not worth their while.
const MOST_NOTES: usize = 2000;
/// Fewer elements than this are compared one by one.
const FEWEST_TABLED: usize = 2;

/// Something that was done for a body; constants by their place among [`Trace::made`], what it names by its place among the
/// body's [`Parameters`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// A constant was made, the same as the one at place `first`.
    Made { recipe: Recipe, first: u32 },
    /// Something was asked, and this was the answer.
    Asked(Question<u32>, Option<u32>),
    /// What a word stands for was laid out.
    Laid(Word<u32, u32>),
}

/// How a constant is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recipe {
    Text(u32),
    Integer(u32),
    Number(u32),
    Bool(bool),
    Null,
    Array(Vec<u32>),
    Set(Vec<u32>),
    Object(Vec<(u32, u32)>),
    /// The object that leads to the plan's functions.
    Functions,
}

/// What can be asked of constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question<C> {
    /// Which boolean it is, if it is one.
    Bool(C),
    /// Whether it is a small integer.
    IsSmall(C),
    IsText(C),
    IsEmptyArray(C),
    /// The index that it is.
    Index(C),
    /// Where objects have it as a key, mostly.
    Hint(C),
    /// Whether it is a collection that a table finds elements in.
    IsTabled(C),
    AreEqual(C, C),
    /// Whether there is a table for it as a pattern, with these delimiters.
    IsPattern(C, Option<C>),
    /// Its address.
    Address(C),
    /// The address of a shape of objects.
    Shape(Vec<(C, Option<C>)>),
    /// Nothing: it is noted that the module tests for it.
    Intern(C),
}

/// A number in code that is not the same for every body of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word<C = ConstId, L = Location> {
    /// The address of the name of a place's file.
    File(L),
    Row(L),
    Column(L),
    /// The address of what strict code knows of the place of a call.
    CallPlace(L),
    /// The table of the elements of a collection.
    Elements(C),
    /// The table of a pattern, and of delimiters.
    Pattern(C, Option<C>),
}

/// What was noted while a body was compiled.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) parameters: Parameters,
    /// The constants that were made, in order.
    pub(super) made: Vec<ConstId>,
    pub(super) notes: Vec<Note>,
}

/// A module as the compiler of a function sees it.
pub(super) struct Traced<'m, 'p> {
    module: &'m mut Module<'p>,
    trace: Option<Trace>,
}

impl Trace {
    pub(super) fn new(parameters: Parameters) -> Self {
        Self { parameters, made: Vec::new(), notes: Vec::new() }
    }

    /// The place of a constant: the first at which it was made.
    pub(super) fn place(&self, id: ConstId) -> Option<u32> {
        self.made.iter().position(|made| *made == id).and_then(|place| u32::try_from(place).ok())
    }

    fn note(&mut self, note: Note) -> Option<()> {
        // What was done before changes nothing when it is done again.
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        (self.notes.len() <= MOST_NOTES).then_some(())
    }

    fn note_made(&mut self, recipe: Recipe, id: ConstId) -> Option<()> {
        let known = |note: &Note| matches!(note, Note::Made { recipe: known, .. } if *known == recipe);
        if self.notes.iter().any(known) {
            return Some(());
        }
        self.made.push(id);
        let first = self.place(id)?;
        self.note(Note::Made { recipe, first })
    }
}

impl<'m, 'p> Traced<'m, 'p> {
    pub(super) fn new(module: &'m mut Module<'p>) -> Self {
        Self { module, trace: None }
    }

    /// Begins to take notes of a body with these parameters.
    pub(super) fn trace(&mut self, parameters: Parameters) {
        self.trace = Some(Trace::new(parameters));
    }

    /// What was noted; nothing where the notes are not complete.
    pub(super) fn take_trace(&mut self) -> Option<Trace> {
        self.trace.take()
    }

    /// The module itself, of which nothing is noted any more.
    pub(super) fn untraced(&mut self) -> &mut Module<'p> {
        self.trace = None;
        self.module
    }

    /// Takes a note; where that cannot be done there are none.
    fn note(&mut self, note: impl FnOnce(&mut Trace) -> Option<()>) {
        if self.trace.as_mut().is_some_and(|trace| note(trace).is_none()) {
            self.trace = None;
        }
    }

    // What is the same for all bodies.

    pub(super) fn is_strict(&self) -> bool {
        self.module.options.strict_builtin_errors
    }

    pub(super) fn has_memos(&self) -> bool {
        self.module.memo_count > 0
    }

    pub(super) fn input(&self) -> Option<&Input> {
        self.module.input.as_ref()
    }

    pub(super) fn place_of_function(&self, name: &str) -> Option<u32> {
        self.module.functions.get(name).copied()
    }

    pub(super) fn memo_slot(&self, name: &str) -> Option<u32> {
        self.module.memo_slots.get(name).copied()
    }

    pub(super) fn has_result(&self, name: &str) -> bool {
        self.module.has_result(name)
    }

    pub(super) fn named(&mut self, name: impl Into<Cow<'static, str>>) -> Target {
        self.module.named(name)
    }

    pub(super) fn signature(&mut self, params: u32, result: bool) -> u32 {
        self.module.signature(params, result)
    }

    pub(super) fn kernel_builtin(&mut self, name: &str, arguments: usize) -> Option<Target> {
        self.module.kernel_builtin(name, arguments)
    }

    pub(super) fn host_builtin(&mut self, name: &str, arguments: usize) -> Result<(&'static str, i32), CodegenError> {
        self.module.host_builtin(name, arguments)
    }

    pub(super) fn builtin_record(&mut self, builtin: &'static sealgate_kernel::builtins::Builtin) -> u32 {
        self.module.builtin_record(builtin)
    }

    /// Where a NUL-terminated text lies.
    pub(super) fn message(&mut self, text: &'static str) -> u32 {
        self.module.constants.text(text)
    }

    // What is not.

    /// A string of the plan, as its text.
    pub(super) fn text(&mut self, index: StringIndex) -> &'p str {
        self.note(|trace| trace.parameters.is_fixed(index).then_some(()));
        super::inputs::text(self.module.policy, index)
    }

    pub(super) fn string(&mut self, index: StringIndex) -> ConstId {
        let id = self.module.string(index);
        self.note(|trace| trace.note_made(Recipe::Text(trace.parameters.string(index)?), id));
        id
    }

    pub(super) fn number(&mut self, index: StringIndex) -> Result<ConstId, CodegenError> {
        let id = self.module.number(index)?;
        self.note(|trace| trace.note_made(Recipe::Number(trace.parameters.string(index)?), id));
        Ok(id)
    }

    pub(super) fn integer(&mut self, value: i64) -> ConstId {
        let id = self.module.constants.integer(value);
        self.note(|trace| trace.note_made(Recipe::Integer(trace.parameters.integer(value)?), id));
        id
    }

    pub(super) fn bool(&mut self, value: bool) -> ConstId {
        let id = self.module.constants.bool(value);
        self.note(|trace| trace.note_made(Recipe::Bool(value), id));
        id
    }

    pub(super) fn null(&mut self) -> ConstId {
        let id = self.module.constants.null();
        self.note(|trace| trace.note_made(Recipe::Null, id));
        id
    }

    pub(super) fn array(&mut self, elements: Vec<ConstId>) -> ConstId {
        self.collection(elements, Constants::array, Recipe::Array)
    }

    pub(super) fn set(&mut self, elements: Vec<ConstId>) -> ConstId {
        self.collection(elements, Constants::set, Recipe::Set)
    }

    fn collection(
        &mut self,
        elements: Vec<ConstId>,
        make: fn(&mut Constants, Vec<ConstId>) -> ConstId,
        recipe: fn(Vec<u32>) -> Recipe,
    ) -> ConstId {
        let places = |trace: &Trace| elements.iter().map(|element| trace.place(*element)).collect::<Option<_>>();
        let places: Option<Vec<u32>> = self.trace.as_ref().and_then(places);
        let id = make(&mut self.module.constants, elements);
        self.note(|trace| trace.note_made(recipe(places?), id));
        id
    }

    pub(super) fn object(&mut self, pairs: Vec<(ConstId, ConstId)>) -> ConstId {
        let places = |trace: &Trace| {
            pairs.iter().map(|(key, value)| Some((trace.place(*key)?, trace.place(*value)?))).collect::<Option<_>>()
        };
        let places: Option<Vec<(u32, u32)>> = self.trace.as_ref().and_then(places);
        let id = self.module.constants.object(pairs);
        self.note(|trace| trace.note_made(Recipe::Object(places?), id));
        id
    }

    pub(super) fn dynamic_functions(&mut self) -> ConstId {
        let id = self.module.dynamic_functions();
        self.note(|trace| trace.note_made(Recipe::Functions, id));
        id
    }

    /// Asks the module; 0 is an answer, and `None` another.
    pub(super) fn ask(&mut self, question: Question<ConstId>) -> Option<u32> {
        let answer = self.module.answer(&question);
        self.note(|trace| {
            let question = question.map(&|id| trace.place(id))?;
            trace.note(Note::Asked(question, answer))
        });
        answer
    }

    pub(super) fn holds(&mut self, question: Question<ConstId>) -> bool {
        self.ask(question).is_some()
    }

    pub(super) fn as_bool(&mut self, id: ConstId) -> Option<bool> {
        self.ask(Question::Bool(id)).map(|value| value != 0)
    }

    /// The address of a constant, which is then the same in every body of the shape.
    pub(super) fn address(&mut self, id: ConstId) -> u32 {
        self.ask(Question::Address(id)).unwrap_or_default()
    }

    /// The number that a word stands for, which is laid out.
    pub(super) fn word(&mut self, word: Word) -> u32 {
        let number = self.module.word(word);
        self.note(|trace| {
            let word = word.map(&|id| trace.place(id), &|location| trace.parameters.location(location))?;
            trace.note(Note::Laid(word))
        });
        number
    }
}

impl<C: Copy> Question<C> {
    /// The same question of other constants.
    pub(super) fn map<D>(&self, to: &dyn Fn(C) -> Option<D>) -> Option<Question<D>> {
        Some(match self {
            Self::Bool(id) => Question::Bool(to(*id)?),
            Self::IsSmall(id) => Question::IsSmall(to(*id)?),
            Self::IsText(id) => Question::IsText(to(*id)?),
            Self::IsEmptyArray(id) => Question::IsEmptyArray(to(*id)?),
            Self::Index(id) => Question::Index(to(*id)?),
            Self::Hint(id) => Question::Hint(to(*id)?),
            Self::IsTabled(id) => Question::IsTabled(to(*id)?),
            Self::AreEqual(a, b) => Question::AreEqual(to(*a)?, to(*b)?),
            Self::IsPattern(id, delimiters) => Question::IsPattern(to(*id)?, optional(*delimiters, to)?),
            Self::Address(id) => Question::Address(to(*id)?),
            Self::Shape(members) => {
                let member = |(key, value): &(C, Option<C>)| Some((to(*key)?, optional(*value, to)?));
                Question::Shape(members.iter().map(member).collect::<Option<_>>()?)
            }
            Self::Intern(id) => Question::Intern(to(*id)?),
        })
    }
}

impl<C: Copy, L: Copy> Word<C, L> {
    /// The same word of other constants and places.
    pub(super) fn map<D, M>(&self, to: &dyn Fn(C) -> Option<D>, at: &dyn Fn(L) -> Option<M>) -> Option<Word<D, M>> {
        Some(match self {
            Self::File(location) => Word::File(at(*location)?),
            Self::Row(location) => Word::Row(at(*location)?),
            Self::Column(location) => Word::Column(at(*location)?),
            Self::CallPlace(location) => Word::CallPlace(at(*location)?),
            Self::Elements(id) => Word::Elements(to(*id)?),
            Self::Pattern(id, delimiters) => Word::Pattern(to(*id)?, optional(*delimiters, to)?),
        })
    }
}

/// `None` only where there is something and it is nothing else.
fn optional<C: Copy, D>(id: Option<C>, to: &dyn Fn(C) -> Option<D>) -> Option<Option<D>> {
    match id {
        Some(id) => to(id).map(Some),
        None => Some(None),
    }
}

impl Module<'_> {
    /// Answers a question; `Some` of whatever number for yes.
    pub(super) fn answer(&mut self, question: &Question<ConstId>) -> Option<u32> {
        let yes = |holds: bool| holds.then_some(1);
        let constants = &mut self.constants;
        match question {
            Question::Bool(id) => constants.is_bool(*id).map(u32::from),
            Question::IsSmall(id) => yes(constants.small_word(*id).is_some()),
            Question::IsText(id) => yes(constants.as_text(*id).is_some()),
            Question::IsEmptyArray(id) => yes(constants.as_array(*id).is_some_and(<[_]>::is_empty)),
            Question::Index(id) => constants.as_index(*id),
            Question::Hint(id) => self.hints.get(id).copied(),
            Question::IsTabled(id) => yes(constants.as_elements(*id).is_some_and(|elements| {
                elements.len() >= FEWEST_TABLED && elements.iter().all(|element| constants.is_index_key(*element))
            })),
            Question::AreEqual(a, b) => yes(constants.compare(*a, *b).is_eq()),
            Question::IsPattern(id, delimiters) => yes(self.pattern_table((*id, *delimiters)).is_some()),
            Question::Address(id) => Some(constants.address(*id)),
            Question::Shape(members) => Some(constants.shape(members.clone())),
            Question::Intern(id) => {
                constants.intern_string(*id);
                None
            }
        }
    }

    /// The number that a word stands for, which is laid out.
    pub(super) fn word(&mut self, word: Word) -> u32 {
        match word {
            Word::File(location) => self.file(location.file),
            Word::Row(location) => location.row,
            Word::Column(location) => location.col,
            Word::CallPlace(location) => self.call_place(location),
            Word::Elements(id) => self.member_table(id),
            Word::Pattern(id, delimiters) => self.pattern_table((id, delimiters)).unwrap_or_default(),
        }
    }
}
