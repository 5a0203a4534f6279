//! One instance of a policy: made, asked, and fit or unfit to be asked again.
//!
//! [`Template`] is what all instances of a policy share; [`Instance::start`] makes one under the load deadline. Whoever
//! holds an instance has it alone. What the sandbox returns is checked by `guest` before it is believed.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sealgate_builtins::{Context, Deadline, Grants, Host, Value};
use wasmtime::{AsContextMut, InstancePre, Store};

use crate::abi::{Abi, Eval, Exports, INPUT_REFUSED, RECORDS_REFUSED, ValueAbi, check_version};
use crate::decision::{Finding, PolicyIdentity};
use crate::engine::Engine;
use crate::error::{DecideError, LoadError};
use crate::guest::{self, GuestPtr};
use crate::host::{BuiltinTable, HostState, stopped};
use crate::ids::Ids;
use crate::load::{NO_DATA, check_json};
use crate::options::Isolation;
use crate::request::Request;
use crate::slots::{InputSlots, Known, WriteError, Writer, Written};
use crate::verdict::Memo;

/// What every instance of one policy is made from.
pub(crate) struct Template {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) builtins: Arc<BuiltinTable>,
    /// What the module reads of its input, where it says so and can be asked by that.
    pub(crate) slots: Option<Arc<InputSlots>>,
    /// What the builtins reach outside their arguments.
    pub(crate) host: Host,
    /// What builtins may reach when they are called.
    pub(crate) grants: Grants,
    /// The data document as JSON.
    pub(crate) data: Arc<[u8]>,
    pub(crate) identity: Arc<PolicyIdentity>,
    pub(crate) isolation: Isolation,
    /// Where the heap of an instance begins that has no data: the same in all of them.
    pub(crate) empty_base: OnceLock<GuestPtr>,
    pub(crate) max_memory: usize,
    pub(crate) max_retained: usize,
    pub(crate) max_input: usize,
    pub(crate) max_result: usize,
    pub(crate) load_ticks: u64,
    pub(crate) decide_ticks: u64,
    /// What `decide_ticks` are in time, for builtins of the host.
    pub(crate) deadline: Duration,
}

impl Template {
    /// Whether data is to be loaded: not an empty document into a module that does without.
    pub(crate) fn has_data(&self) -> bool {
        !(self.data.is_empty() || self.exports.can_decide() && *self.data == *NO_DATA)
    }
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// As JSON; sets become lists.
    #[default]
    Json,
    /// As Rego text, which keeps sets and keys that are not strings.
    Rego,
}

impl Format {
    const fn to_abi(self) -> i32 {
        match self {
            Self::Json => 0,
            Self::Rego => 1,
        }
    }
}

/// What an input document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    Json,
    /// Rego values, which have sets and keys that are not strings.
    Rego,
}

/// What of the input of a decision lies behind the heap base.
#[derive(Clone, Copy)]
enum Form {
    Json,
    /// So many records: the rest is in the slots.
    Records(u32),
}

impl Form {
    /// What the module is told of it, which is so many bytes.
    #[inline]
    fn to_abi(self, length: usize) -> Option<i32> {
        match self {
            Self::Json => i32::try_from(length).ok().map(|length| !length),
            Self::Records(count) => i32::try_from(count).ok(),
        }
    }
}

/// An instance of a policy.
pub(crate) struct Instance {
    store: Store<HostState>,
    handle: wasmtime::Instance,
    abi: Abi,
    /// The first address above everything that outlives a decision.
    base: GuestPtr,
    /// The data document.
    data: i32,
    /// Bytes of memory when it was new.
    born_with: usize,
    /// Findings by the text of their documents.
    documents: Memo<Arc<Finding>>,
    /// Findings by what the module says of its answers' identity.
    findings: Memo<Arc<Finding>>,
    /// Texts by the same.
    texts: Memo<Box<str>>,
    /// How many texts in a row were not among them.
    unknown: Unknown,
    /// Constants of the module by their text.
    known: Known,
    /// Bytes of memory when the last decision had ended; 0 where nobody has looked.
    size: usize,
    pub(crate) ids: Ids,
    /// A copy of its own, so that threads do not share the counter of one.
    pub(crate) identity: Arc<PolicyIdentity>,
}

/// Answers in a row that nobody knew. A policy of many rules gives many answers once: after a few of these, having the next one
/// written at once is less work than asking what it is first.
#[derive(Clone, Copy, Default)]
struct Unknown(u32);

impl Unknown {
    /// After so many the next ones are expected to be unknown too.
    const FEW: u32 = 8;
    /// One of so many is asked about all the same, to see whether answers are known again.
    const ASKED: u32 = 16;

    #[inline]
    fn are_expected(&mut self) -> bool {
        if self.0 < Self::FEW {
            return false;
        }
        self.count();
        !self.0.is_multiple_of(Self::ASKED)
    }

    fn count(&mut self) {
        self.0 = self.0.wrapping_add(1);
    }
}

/// Longer texts of answers are written anew each time, so that an instance stays small.
const MAX_KEPT_TEXT: usize = 2048;
/// Alignment of everything that is put above the heap base.
const ALIGN: u32 = 8;

impl Instance {
    /// Makes an instance with the template's data loaded.
    ///
    /// # Errors
    /// [`DecideError`] as for a decision; [`DecideError::InvalidInput`] if the data is no JSON to the policy.
    pub(crate) fn start(template: &Template) -> Result<Self, DecideError> {
        let _awake = template.engine.hold();
        Self::start_within(template, template.load_ticks)
    }

    /// Makes an instance within `ticks`, which must be a registered deadline or one that is held.
    ///
    /// # Errors
    /// As [`Instance::start`].
    pub(crate) fn start_within(template: &Template, ticks: u64) -> Result<Self, DecideError> {
        template.engine.touch();
        let strict = template.exports.strict_builtin_errors();
        let context = Context::with_host(template.host.clone()).granting(&template.grants);
        let state = HostState::new(template.max_memory, Arc::clone(&template.builtins), strict, context);
        let mut store = Store::new(template.engine.wasmtime(), state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(ticks);
        let instance = match template.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(stopped(&error, &store.data().limits)),
        };
        let wrong = |_| DecideError::BrokenAbi("an export has the wrong type");
        let abi = template.exports.bind(&mut store, instance, template.isolation).map_err(wrong)?;
        let in_one_call = !matches!(abi.eval, Eval::Context(_));
        let has_data = template.has_data();
        let values = if template.builtins.is_empty() && !has_data && in_one_call {
            None
        } else {
            Some(template.exports.bind_values(&mut store, instance).map_err(wrong)?)
        };
        let mut made = Self {
            born_with: 0,
            store,
            handle: instance,
            base: GuestPtr(0),
            data: 0,
            documents: Memo::default(),
            findings: Memo::default(),
            texts: Memo::default(),
            unknown: Unknown::default(),
            known: Known::default(),
            size: 0,
            ids: Ids::new(),
            identity: match template.isolation {
                Isolation::Pooled => Arc::new(PolicyIdentity::clone(&template.identity)),
                Isolation::Fresh => Arc::clone(&template.identity),
            },
            abi,
        };
        if let Some(values) = values {
            if has_data {
                made.data = made.load_data(&values, &template.data)?;
            }
            made.store.data_mut().values = Some((made.abi.memory, values));
        }
        made.base = match template.empty_base.get() {
            Some(base) if !has_data => *base,
            _ => {
                let heap_end = template.exports.bind_heap_end(&mut made.store, instance).map_err(wrong)?;
                let heap = made.guarded(|store, _| heap_end.call(store, ()))?;
                let base = aligned(GuestPtr::from_abi(heap))?;
                if has_data { base } else { *template.empty_base.get_or_init(|| base) }
            }
        };
        made.born_with = made.abi.memory.data_size(&made.store);
        Ok(made)
    }

    /// Makes an instance that was started without data or builtins one of `template`, which has none either.
    pub(crate) fn of(self: Box<Self>, template: &Template) -> Box<Self> {
        template.empty_base.get_or_init(|| self.base);
        self
    }

    /// Reads the module's lists of entrypoints and builtins.
    ///
    /// # Errors
    /// [`LoadError`] if the module stops or its lists are not objects of numbers.
    pub(crate) fn listings(&mut self, template: &Template) -> Result<Listings, LoadError> {
        let _awake = template.engine.hold();
        self.store.set_epoch_deadline(template.load_ticks);
        check_version(&mut self.store, self.handle)?;
        let values = template.exports.bind_values(&mut self.store, self.handle)?;
        let entrypoints = self.listing("entrypoints", &values, |values| &values.entrypoints)?;
        let builtins = self.listing("builtins", &values, |values| &values.builtins)?;
        let slots = self.slots(template)?;
        Ok(Listings { entrypoints, builtins, slots })
    }

    /// Evaluates with `input`, which is JSON, as it is; no input at all if it is empty.
    ///
    /// # Errors
    /// [`DecideError`]; after one that spoils the instance it is to be dropped.
    #[inline]
    pub(crate) fn evaluate(
        &mut self,
        template: &Template,
        entrypoint: i32,
        input: &[u8],
        format: Format,
    ) -> Result<GuestPtr, DecideError> {
        self.place_input(template, input)?;
        self.run(template, entrypoint, input.len(), Notation::Json, format)
    }

    /// Evaluates with an input that is a Rego value's text.
    ///
    /// # Errors
    /// As [`Instance::evaluate`].
    pub(crate) fn evaluate_value(
        &mut self,
        template: &Template,
        entrypoint: i32,
        input: &str,
        format: Format,
    ) -> Result<GuestPtr, DecideError> {
        self.place_input(template, input.as_bytes())?;
        self.run(template, entrypoint, input.len(), Notation::Rego, format)
    }

    #[inline]
    fn place_input(&mut self, template: &Template, input: &[u8]) -> Result<(), DecideError> {
        if input.len() > template.max_input {
            return Err(DecideError::InputTooLarge { limit: template.max_input });
        }
        match guest::region(self.abi.memory.data_mut(&mut self.store), self.base, input.len()) {
            Some(region) => region.copy_from_slice(input),
            None => {
                self.make_room(input.len())?;
                guest::region(self.abi.memory.data_mut(&mut self.store), self.base, input.len())
                    .ok_or(DecideError::MemoryLimit)?
                    .copy_from_slice(input);
            }
        }
        Ok(())
    }

    /// Decides on `input`, which is JSON.
    ///
    /// # Errors
    /// As [`Instance::evaluate`], and as `verdict` reads the decision document.
    #[inline]
    pub(crate) fn decide(
        &mut self,
        template: &Template,
        entrypoint: i32,
        input: &[u8],
    ) -> Result<Arc<Finding>, Box<DecideError>> {
        self.place_input(template, input)?;
        self.decide_on_json(template, entrypoint, input.len())
    }

    /// Decides on a request: on what the policy reads of it, where the policy says what that is.
    ///
    /// Errors are boxed on the way of a decision, so that what is given fits into registers.
    ///
    /// # Errors
    /// As [`Instance::decide`], and [`DecideError::InvalidInput`] if the request cannot be written.
    #[inline(always)]
    pub(crate) fn decide_request(
        &mut self,
        template: &Template,
        entrypoint: i32,
        request: &Request<'_>,
    ) -> Result<Arc<Finding>, Box<DecideError>> {
        if let (Some(slots), Some(_)) = (&template.slots, &self.abi.decide) {
            match self.write_slots(template, slots, request) {
                Ok(written) => {
                    let answer = self.answer(template, entrypoint, written.length, Form::Records(written.records));
                    if written.records > 0 && answer.is_ok() {
                        self.learn(slots, written);
                    }
                    return answer;
                }
                Err(WriteError::NotTyped) => {}
                Err(error) => return Err(Box::new(error.of_decision(template.max_input))),
            }
        }
        let length = self.write_json(template, request).map_err(|error| error.of_decision(template.max_input))?;
        if !template.exports.checks_input() {
            self.check_written(length)?;
        }
        self.decide_on_json(template, entrypoint, length)
    }

    /// Looks at what the module has made of records.
    #[cold]
    fn learn(&mut self, slots: &InputSlots, written: Written) {
        self.known.learn(slots, self.abi.memory.data(&self.store), self.base, written);
    }

    /// Decides on the JSON that has been placed.
    #[inline]
    fn decide_on_json(
        &mut self,
        template: &Template,
        entrypoint: i32,
        length: usize,
    ) -> Result<Arc<Finding>, Box<DecideError>> {
        if self.abi.decide.is_some() {
            return self.answer(template, entrypoint, length, Form::Json);
        }
        let at = self.run(template, entrypoint, length, Notation::Json, Format::Json)?;
        Ok(self.finding(template, at)?)
    }

    /// Writes what is read of a request, with as much room as it takes.
    #[inline(always)]
    fn write_slots(
        &mut self,
        template: &Template,
        slots: &InputSlots,
        request: &Request<'_>,
    ) -> Result<Written, WriteError> {
        let room = Room::of(template);
        match self.write_slots_within(slots, request, room.bytes) {
            Err(error @ (WriteError::Full | WriteError::NoMemory)) => {
                self.write_slots_again(slots, request, room, error)
            }
            done => done,
        }
    }

    /// The same with more room, after there was not enough.
    #[cold]
    fn write_slots_again(
        &mut self,
        slots: &InputSlots,
        request: &Request<'_>,
        mut room: Room,
        mut error: WriteError,
    ) -> Result<Written, WriteError> {
        loop {
            self.widen(&mut room, error)?;
            match self.write_slots_within(slots, request, room.bytes) {
                Err(again @ (WriteError::Full | WriteError::NoMemory)) => error = again,
                done => return done,
            }
        }
    }

    #[inline(always)]
    fn write_slots_within(
        &mut self,
        slots: &InputSlots,
        request: &Request<'_>,
        room: usize,
    ) -> Result<Written, WriteError> {
        let memory = self.abi.memory.data_mut(&mut self.store);
        let (below, above) = guest::around(memory, self.base, room).ok_or(WriteError::NoMemory)?;
        request.write_slots(slots, Writer::new(slots, &self.known, below, above)?)
    }

    /// Writes a request as JSON, with as much room as it takes; the length.
    fn write_json(&mut self, template: &Template, request: &Request<'_>) -> Result<usize, WriteError> {
        let mut room = Room::of(template);
        loop {
            let memory = self.abi.memory.data_mut(&mut self.store);
            let Some(mut rest) = guest::region(memory, self.base, room.bytes) else {
                self.widen(&mut room, WriteError::NoMemory)?;
                continue;
            };
            match request.write_to(&mut rest) {
                Ok(()) => return Ok(room.bytes.saturating_sub(rest.len())),
                Err(error) if error.kind() == io::ErrorKind::WriteZero => self.widen(&mut room, WriteError::Full)?,
                Err(error) => return Err(WriteError::invalid(&error)),
            }
        }
    }

    /// Sees to more room, or to memory for it.
    #[cold]
    fn widen(&mut self, room: &mut Room, error: WriteError) -> Result<(), WriteError> {
        if matches!(error, WriteError::NoMemory) {
            return self.make_room(room.bytes).map_err(|_| WriteError::NoMemory);
        }
        if room.bytes == room.most {
            return Err(WriteError::TooLarge);
        }
        room.bytes = room.bytes.saturating_mul(8).min(room.most);
        Ok(())
    }

    /// Decides by the module's own export, and recognises what it has decided before.
    #[inline(always)]
    fn answer(
        &mut self,
        template: &Template,
        entrypoint: i32,
        length: usize,
        form: Form,
    ) -> Result<Arc<Finding>, Box<DecideError>> {
        self.begin(template);
        let answer = match self.ask(entrypoint, length, form) {
            Ok(answer) => {
                let memory = self.abi.memory.data(&self.store);
                self.size = memory.len();
                match guest::identity(memory, answer).map(|identity| self.findings.find(identity)) {
                    Ok(Some(finding)) => Ok(Arc::clone(finding)),
                    Ok(None) => self.new_finding(template, answer).map_err(Box::new),
                    Err(error) => Err(Box::new(error)),
                }
            }
            Err(error) => Err(error),
        };
        self.end(template);
        answer
    }

    /// Decides on `input`, which is JSON, and appends the result set to `out`.
    ///
    /// # Errors
    /// As [`Instance::evaluate`].
    #[inline]
    pub(crate) fn decide_into(
        &mut self,
        template: &Template,
        entrypoint: i32,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Box<DecideError>> {
        self.place_input(template, input)?;
        if self.abi.decide.is_none() || self.unknown.are_expected() {
            let at = self.run(template, entrypoint, input.len(), Notation::Json, Format::Json)?;
            out.extend_from_slice(self.text(template, at)?.as_bytes());
            return Ok(());
        }
        self.begin(template);
        let answer = match self.ask(entrypoint, input.len(), Form::Json) {
            Ok(answer) => {
                let memory = self.abi.memory.data(&self.store);
                self.size = memory.len();
                match guest::identity(memory, answer).map(|identity| self.texts.find(identity)) {
                    Ok(Some(text)) => {
                        self.unknown = Unknown::default();
                        out.extend_from_slice(text.as_bytes());
                        Ok(())
                    }
                    Ok(None) => self.new_text(template, answer, out).map_err(Box::new),
                    Err(error) => Err(Box::new(error)),
                }
            }
            Err(error) => Err(error),
        };
        self.end(template);
        answer
    }

    /// Asks the module's own export; what it says of its answer.
    #[inline(always)]
    fn ask(&mut self, entrypoint: i32, length: usize, form: Form) -> Result<u64, Box<DecideError>> {
        let Some(decide) = &self.abi.decide else { return Err(cannot_decide()) };
        let Some(heap) = end_of(self.base, length).and_then(aligned_up) else { return Err(no_memory()) };
        let Some(form) = form.to_abi(length) else { return Err(no_memory()) };
        let input = (entrypoint, self.data, self.base.to_abi(), heap.to_abi(), form);
        match decide.decide.call(&mut self.store, input) {
            Ok(answer) => Ok(answer.cast_unsigned()),
            Err(error) => Err(Box::new(self.evaluation_stopped(&error, length))),
        }
    }

    /// Reads an answer that is not known, and remembers it where it has an identity.
    #[cold]
    fn new_finding(&mut self, template: &Template, answer: u64) -> Result<Arc<Finding>, DecideError> {
        let identity: Box<[u8]> = guest::identity(self.abi.memory.data(&self.store), answer)?.into();
        let text = self.written()?;
        let finding = self.finding(template, text)?;
        self.findings.keep(identity, Arc::clone(&finding));
        Ok(finding)
    }

    /// Appends the text of an answer that is not known, and remembers it where it has an identity and is seen again.
    #[cold]
    fn new_text(&mut self, template: &Template, answer: u64, out: &mut Vec<u8>) -> Result<(), DecideError> {
        let text = self.written()?;
        let memory = self.abi.memory.data(&self.store);
        let (identity, text) = (guest::identity(memory, answer)?, guest::text(memory, text, template.max_result)?);
        out.extend_from_slice(text.as_bytes());
        self.unknown.count();
        // A policy of many rules gives many answers once: keeping each would cost more than it saves.
        if text.len() <= MAX_KEPT_TEXT && self.texts.is_second_miss(identity) {
            self.texts.keep(identity.into(), text.into());
        }
        Ok(())
    }

    /// Has the last answer written; where its text lies.
    fn written(&mut self) -> Result<GuestPtr, DecideError> {
        // Writing may take memory.
        self.size = 0;
        let text = self.guarded(|store, abi| match &abi.decide {
            Some(decide) => decide.text.call(store, ()),
            None => Ok(0),
        })?;
        Ok(GuestPtr::from_abi(text))
    }

    /// The text of the result at `at`.
    ///
    /// # Errors
    /// [`DecideError::BrokenAbi`] or [`DecideError::ResultTooLarge`].
    #[inline]
    pub(crate) fn text(&self, template: &Template, at: GuestPtr) -> Result<&str, DecideError> {
        guest::text(self.abi.memory.data(&self.store), at, template.max_result)
    }

    /// What the result at `at` says.
    ///
    /// # Errors
    /// As [`Instance::text`], and as `verdict` reads it.
    #[inline]
    pub(crate) fn finding(&mut self, template: &Template, at: GuestPtr) -> Result<Arc<Finding>, DecideError> {
        let text = guest::text(self.abi.memory.data(&self.store), at, template.max_result)?;
        self.documents.read(text, &self.identity)
    }

    /// Bytes of memory when it was new.
    pub(crate) fn memory(&self) -> usize {
        self.born_with
    }

    /// Whether its memory is still small enough to be kept.
    #[inline]
    pub(crate) fn fit_for_reuse(&mut self, template: &Template) -> bool {
        let size = match std::mem::take(&mut self.size) {
            0 => self.abi.memory.data_size(&self.store),
            size => size,
        };
        size <= template.max_retained.max(self.born_with)
    }

    /// Sets the deadline of an evaluation that begins, for the sandbox and for the host's builtins.
    #[inline]
    fn begin(&mut self, template: &Template) {
        template.engine.touch();
        self.store.set_epoch_deadline(template.decide_ticks);
        if !template.builtins.is_empty() {
            self.store.data_mut().context.start(Deadline::after(template.deadline));
        }
    }

    /// Forgets what the host's builtins saw of an evaluation that is over.
    #[inline]
    fn end(&mut self, template: &Template) {
        if !template.builtins.is_empty() {
            self.store.data_mut().context.clear();
        }
    }

    fn run(
        &mut self,
        template: &Template,
        entrypoint: i32,
        length: usize,
        notation: Notation,
        format: Format,
    ) -> Result<GuestPtr, DecideError> {
        self.begin(template);
        if matches!(self.abi.eval, Eval::Context(_)) {
            return self.run_in_context(entrypoint, length, notation, format);
        }
        let heap = above(self.base, length)?.to_abi();
        let length_abi = i32::try_from(length).map_err(|_| DecideError::MemoryLimit)?;
        let input = if length == 0 { 0 } else { self.base.to_abi() };
        let at = match &self.abi.eval {
            Eval::Strict(eval) if notation == Notation::Json && format == Format::Json && length > 0 => {
                eval.call(&mut self.store, (entrypoint, self.data, input, length_abi, heap))
            }
            eval => {
                let bound;
                let eval = match eval {
                    Eval::OneCall(eval) => eval,
                    _ => {
                        bound = template
                            .exports
                            .bind_any_eval(&mut self.store, self.handle)
                            .map_err(|_| DecideError::BrokenAbi("`opa_eval` has the wrong type"))?;
                        &bound
                    }
                };
                eval.call(&mut self.store, (0, entrypoint, self.data, input, length_abi, heap, format.to_abi()))
            }
        };
        self.end(template);
        match at {
            Ok(at) => Ok(GuestPtr::from_abi(at)),
            Err(error) => Err(self.evaluation_stopped(&error, length)),
        }
    }

    /// What stopped an evaluation. A module that refuses its input has not begun to decide, and starts over with the next
    /// call; it does not say what is wrong, so the host looks.
    #[cold]
    fn evaluation_stopped(&mut self, error: &wasmtime::Error, length: usize) -> DecideError {
        match self.stopped(error) {
            DecideError::Aborted(message) if message == INPUT_REFUSED && matches!(self.abi.eval, Eval::Strict(_)) => {
                match self.check_written(length) {
                    Ok(()) => DecideError::InvalidInput("the policy cannot read it".to_owned()),
                    Err(error) => error,
                }
            }
            DecideError::Aborted(message) if message == RECORDS_REFUSED && self.abi.decide.is_some() => {
                DecideError::InvalidInput("the policy cannot read it".to_owned())
            }
            other => other,
        }
    }

    /// Whether the input that lies in the policy's memory is JSON.
    fn check_written(&mut self, length: usize) -> Result<(), DecideError> {
        let input = guest::region(self.abi.memory.data_mut(&mut self.store), self.base, length).unwrap_or_default();
        check_json(input).map_err(DecideError::InvalidInput)
    }

    /// The evaluation of modules without `opa_eval`.
    fn run_in_context(
        &mut self,
        entrypoint: i32,
        length: usize,
        notation: Notation,
        format: Format,
    ) -> Result<GuestPtr, DecideError> {
        let (base, data) = (self.base, self.data);
        let length_abi = i32::try_from(length).map_err(|_| DecideError::MemoryLimit)?;
        let heap = aligned(GuestPtr(base.0.checked_add(length_abi.cast_unsigned()).ok_or(DecideError::MemoryLimit)?))?;
        let values = match &self.store.data().values {
            Some((_, values)) => values.clone(),
            None => return Err(DecideError::BrokenAbi("it has no `opa_eval`")),
        };
        let parsed = self.guarded(|mut store, abi| {
            if let Eval::Context(context) = &abi.eval {
                context.heap_ptr_set.call(&mut store, heap.to_abi())?;
            }
            if length == 0 {
                Ok(None)
            } else {
                let parse = if notation == Notation::Json { &values.json_parse } else { &values.value_parse };
                parse.call(&mut store, (base.to_abi(), length_abi)).map(Some)
            }
        })?;
        if parsed == Some(0) {
            return Err(DecideError::InvalidInput("the policy cannot read it".to_owned()));
        }
        let given = self.guarded(|mut store, abi| {
            let Eval::Context(context) = &abi.eval else { return Ok(0) };
            let ctx = context.new.call(&mut store, ())?;
            if let Some(input) = parsed {
                context.set_input.call(&mut store, (ctx, input))?;
            }
            context.set_data.call(&mut store, (ctx, data))?;
            context.set_entrypoint.call(&mut store, (ctx, entrypoint))?;
            context.eval.call(&mut store, ctx)?;
            let result = context.get_result.call(&mut store, ctx)?;
            match format {
                Format::Json => values.json_dump.call(&mut store, result),
                Format::Rego => values.value_dump.call(&mut store, result),
            }
        });
        self.store.data_mut().context.clear();
        given.map(GuestPtr::from_abi)
    }

    /// What the builtins see of the decision that is made next, or was made last.
    pub(crate) fn context(&mut self) -> &mut Context {
        &mut self.store.data_mut().context
    }

    fn load_data(&mut self, values: &ValueAbi, data: &[u8]) -> Result<i32, DecideError> {
        let length = i32::try_from(data.len()).map_err(|_| DecideError::MemoryLimit)?;
        let at = self.guarded(|store, _| values.malloc.call(store, length))?;
        let at = GuestPtr::from_abi(at);
        match guest::region(self.abi.memory.data_mut(&mut self.store), at, data.len()) {
            Some(region) if !at.is_null() => region.copy_from_slice(data),
            _ => return Err(DecideError::BrokenAbi("it allocated outside its memory")),
        }
        let parsed = self.guarded(|store, _| values.json_parse.call(store, (at.to_abi(), length)))?;
        if parsed == 0 {
            return Err(DecideError::InvalidInput("the policy cannot read its data".to_owned()));
        }
        Ok(parsed)
    }

    /// What the module says of the slots of its input.
    fn slots(&mut self, template: &Template) -> Result<Option<InputSlots>, LoadError> {
        let Some(slots) = template.exports.bind_slots(&mut self.store, self.handle)? else { return Ok(None) };
        let at = self.guarded(|store, _| slots.call(store, ())).map_err(LoadError::Start)?;
        if at == 0 {
            return Ok(None);
        }
        let text = guest::text(self.abi.memory.data(&self.store), GuestPtr::from_abi(at), MAX_LISTING)
            .map_err(|error| LoadError::Listing { what: "input slots", problem: error.to_string() })?;
        InputSlots::parse(text).map(Some)
    }

    fn listing(
        &mut self,
        what: &'static str,
        values: &ValueAbi,
        list: impl Fn(&ValueAbi) -> &wasmtime::TypedFunc<(), i32>,
    ) -> Result<Vec<(String, i32)>, LoadError> {
        let at = self
            .guarded(|mut store, _| {
                let value = list(values).call(&mut store, ())?;
                values.json_dump.call(&mut store, value)
            })
            .map_err(LoadError::Start)?;
        let unreadable = |problem: String| LoadError::Listing { what, problem };
        let text = guest::text(self.abi.memory.data(&self.store), GuestPtr::from_abi(at), MAX_LISTING)
            .map_err(|error| unreadable(error.to_string()))?;
        let Value::Object(entries) = Value::parse(text).map_err(|error| unreadable(error.to_string()))? else {
            return Err(unreadable("not an object".to_owned()));
        };
        let mut list = Vec::with_capacity(entries.len());
        for (name, id) in entries {
            let id = id.as_number().and_then(sealgate_builtins::Number::as_i64).and_then(|id| i32::try_from(id).ok());
            match (name, id) {
                (Value::String(name), Some(id)) => list.push((name, id)),
                (name, _) => return Err(unreadable(format!("`{}` has no number", name.to_text()))),
            }
        }
        Ok(list)
    }

    /// Grows the memory so that `length` bytes lie above the base.
    fn make_room(&mut self, length: usize) -> Result<(), DecideError> {
        let have = self.abi.memory.data_size(&self.store);
        let base = usize::try_from(self.base.0).unwrap_or(usize::MAX);
        let need = base.checked_add(length).ok_or(DecideError::MemoryLimit)?;
        let pages = need.saturating_sub(have).div_ceil(64 << 10);
        let pages = u64::try_from(pages).unwrap_or(u64::MAX);
        self.abi.memory.grow(&mut self.store, pages).map_err(|_| DecideError::MemoryLimit)?;
        Ok(())
    }

    /// Calls into the sandbox with what stops it made readable.
    fn guarded<R>(
        &mut self,
        call: impl FnOnce(wasmtime::StoreContextMut<'_, HostState>, &Abi) -> Result<R, wasmtime::Error>,
    ) -> Result<R, DecideError> {
        match call(self.store.as_context_mut(), &self.abi) {
            Ok(value) => Ok(value),
            Err(error) => Err(self.stopped(&error)),
        }
    }

    #[cold]
    fn stopped(&mut self, error: &wasmtime::Error) -> DecideError {
        stopped(error, &self.store.data().limits)
    }
}

/// Room for an input that is being written.
struct Room {
    bytes: usize,
    most: usize,
}

impl Room {
    /// Room that mostly suffices.
    #[inline]
    fn of(template: &Template) -> Self {
        Self { bytes: template.max_input.min(4096), most: template.max_input }
    }
}

/// Bytes of a list of entrypoints or builtins.
const MAX_LISTING: usize = 1 << 20;

/// What a module says that it has and needs.
pub(crate) struct Listings {
    pub(crate) entrypoints: Vec<(String, i32)>,
    pub(crate) builtins: Vec<(String, i32)>,
    pub(crate) slots: Option<InputSlots>,
}

#[cold]
fn cannot_decide() -> Box<DecideError> {
    Box::new(DecideError::BrokenAbi("it cannot decide"))
}

#[cold]
fn no_memory() -> Box<DecideError> {
    Box::new(DecideError::MemoryLimit)
}

/// The first address for a heap above an input.
#[inline]
fn above(base: GuestPtr, length: usize) -> Result<GuestPtr, DecideError> {
    match end_of(base, length) {
        Some(end) => aligned(end),
        None => Err(DecideError::MemoryLimit),
    }
}

fn aligned(at: GuestPtr) -> Result<GuestPtr, DecideError> {
    aligned_up(at).ok_or(DecideError::BrokenAbi("its heap lies beyond its memory"))
}

// An error that is made before it is needed must be dropped, which takes longer than the sum.
#[inline(always)]
fn end_of(base: GuestPtr, length: usize) -> Option<GuestPtr> {
    u32::try_from(length).ok().and_then(|length| base.0.checked_add(length)).map(GuestPtr)
}

#[inline(always)]
fn aligned_up(at: GuestPtr) -> Option<GuestPtr> {
    at.0.checked_add(ALIGN - 1).map(|end| GuestPtr(end & !(ALIGN - 1)))
}
