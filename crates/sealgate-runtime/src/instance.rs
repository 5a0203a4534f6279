//! One instance of a policy: made, asked, and fit or unfit to be asked again.
//!
//! [`Template`] is what all instances of a policy share; [`Instance::start`] makes one under the load deadline. Whoever
//! holds an instance has it alone. What the sandbox returns is checked by `guest` before it is believed.

mod decide;
mod evaluate;
mod input;
mod listings;
mod template;

use std::sync::Arc;

use sealgate_builtins::Context;
use wasmtime::{AsContextMut, Store};

use self::decide::Unknown;
pub use self::evaluate::Format;
pub(crate) use self::listings::Listings;
pub(crate) use self::template::Template;
use crate::abi::{Abi, Eval, ValueAbi};
use crate::decision::{Finding, PolicyIdentity};
use crate::error::DecideError;
use crate::guest::{self, GuestPtr};
use crate::host::{HostState, stopped};
use crate::ids::Ids;
use crate::memo::Memo;
use crate::options::Isolation;
use crate::slots::Known;

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
                let base = GuestPtr::from_abi(heap)
                    .aligned()
                    .ok_or(DecideError::BrokenAbi("its heap lies beyond its memory"))?;
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
