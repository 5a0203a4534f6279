//! Decides: asks the module what its answer is, and looks among those that it has given before.

use std::sync::Arc;

use super::evaluate::{Format, Notation};
use super::{Instance, Template};
use crate::decision::Finding;
use crate::error::DecideError;
use crate::guest::{self, GuestPtr};
use crate::request::Request;
use crate::slots::{InputSlots, WriteError, Written};
use crate::verdict;

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

/// Answers in a row that nobody knew. A policy of many rules gives many answers once: after a few of these, having the next one
/// written at once is less work than asking what it is first.
#[derive(Clone, Copy, Default)]
pub(super) struct Unknown(u32);

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

impl Instance {
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
        let Some(heap) = self.base.end_of(length).and_then(GuestPtr::aligned) else { return Err(no_memory()) };
        let Some(form) = form.to_abi(length) else { return Err(no_memory()) };
        let input = (entrypoint, self.data, self.base.to_abi(), heap.to_abi(), form);
        match decide.decide.call(&mut self.store, input) {
            Ok(answer) => Ok(answer.cast_unsigned()),
            Err(error) => Err(Box::new(self.evaluation_stopped(&error, length))),
        }
    }

    /// Reads an answer that is not known, and remembers it where it has an identity and is seen again.
    #[cold]
    fn new_finding(&mut self, template: &Template, answer: u64) -> Result<Arc<Finding>, DecideError> {
        let text = self.written()?;
        let memory = self.abi.memory.data(&self.store);
        let identity = guest::identity(memory, answer)?;
        if identity.is_empty() {
            return self.finding(template, text);
        }
        let verdict = verdict::read(guest::text(memory, text, template.max_result)?)?;
        let finding = Arc::new(Finding { verdict, policy: Arc::clone(&self.identity) });
        if template.asks_again() {
            self.findings.missed(identity, || Arc::clone(&finding));
        }
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
        if template.asks_again() && text.len() <= MAX_KEPT_TEXT {
            self.texts.missed(identity, || text.into());
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

    /// What the result at `at` says.
    ///
    /// # Errors
    /// As [`Instance::text`], and as `verdict` reads it; errors are not remembered.
    #[inline]
    pub(crate) fn finding(&mut self, template: &Template, at: GuestPtr) -> Result<Arc<Finding>, DecideError> {
        let text = guest::text(self.abi.memory.data(&self.store), at, template.max_result)?;
        if let Some(finding) = self.documents.find(text.as_bytes()) {
            return Ok(Arc::clone(finding));
        }
        let finding = Arc::new(Finding { verdict: verdict::read(text)?, policy: Arc::clone(&self.identity) });
        if template.asks_again() {
            self.documents.missed(text.as_bytes(), || Arc::clone(&finding));
        }
        Ok(finding)
    }
}

#[cold]
fn cannot_decide() -> Box<DecideError> {
    Box::new(DecideError::BrokenAbi("it cannot decide"))
}

#[cold]
fn no_memory() -> Box<DecideError> {
    Box::new(DecideError::MemoryLimit)
}
