//! What a module says that it has and needs: its lists of entrypoints and builtins, and the slots of its input.

use sealgate_builtins::Value;

use super::{Instance, Template};
use crate::abi::{ValueAbi, check_version};
use crate::error::LoadError;
use crate::guest::{self, GuestPtr};
use crate::slots::InputSlots;

/// Bytes of a list of entrypoints or builtins.
const MAX_LISTING: usize = 1 << 20;

/// What a module says that it has and needs.
pub(crate) struct Listings {
    pub(crate) entrypoints: Vec<(String, i32)>,
    pub(crate) builtins: Vec<(String, i32)>,
    pub(crate) slots: Option<InputSlots>,
}

impl Instance {
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
}
