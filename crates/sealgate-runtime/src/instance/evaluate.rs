//! Evaluates an entrypoint: from an input that has been placed to the result's text, under a deadline.

use sealgate_builtins::Deadline;

use super::{Instance, Template};
use crate::abi::{Eval, INPUT_REFUSED, RECORDS_REFUSED};
use crate::error::DecideError;
use crate::guest::{self, GuestPtr};

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

impl Instance {
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

    pub(super) fn run(
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
        let Some(heap) = self.base.end_of(length).and_then(GuestPtr::aligned) else {
            return Err(DecideError::MemoryLimit);
        };
        let heap = heap.to_abi();
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
        let heap = base.end_of(length).and_then(GuestPtr::aligned).ok_or(DecideError::MemoryLimit)?;
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

    /// Sets the deadline of an evaluation that begins, for the sandbox and for the host's builtins.
    #[inline]
    pub(super) fn begin(&mut self, template: &Template) {
        template.engine.touch();
        self.store.set_epoch_deadline(template.decide_ticks);
        if !template.builtins.is_empty() {
            self.store.data_mut().context.start(Deadline::after(template.deadline));
        }
    }

    /// Forgets what the host's builtins saw of an evaluation that is over.
    #[inline]
    pub(super) fn end(&mut self, template: &Template) {
        if !template.builtins.is_empty() {
            self.store.data_mut().context.clear();
        }
    }

    /// What stopped an evaluation. A module that refuses its input has not begun to decide, and starts over with the next
    /// call; it does not say what is wrong, so the host looks.
    #[cold]
    pub(super) fn evaluation_stopped(&mut self, error: &wasmtime::Error, length: usize) -> DecideError {
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

    /// The text of the result at `at`.
    ///
    /// # Errors
    /// [`DecideError::BrokenAbi`] or [`DecideError::ResultTooLarge`].
    #[inline]
    pub(crate) fn text(&self, template: &Template, at: GuestPtr) -> Result<&str, DecideError> {
        guest::text(self.abi.memory.data(&self.store), at, template.max_result)
    }
}
