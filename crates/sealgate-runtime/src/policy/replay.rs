//! Decisions that can be made again: with a [`Recording`] of what the clock, randomness and the network gave, and from one.

use std::sync::Arc;
use std::time::Instant;

use sealgate_builtins::Recording;

use super::{Inner, Policy};
use crate::decision::Decision;
use crate::error::DecideError;
use crate::instance::Instance;

impl Policy {
    /// As [`Policy::decide_json_or_deny`], with what its non-deterministic builtins gave. The recording holds the arguments
    /// of those calls, so it is as secret as they are.
    pub fn decide_json_recorded(&self, input: &[u8]) -> (Decision, Recording) {
        let inner = &*self.inner;
        let started = inner.measure_elapsed.then(Instant::now);
        let mut recording = Recording::default();
        let given = inner.decide_in_context(
            input,
            |instance| instance.context().record(),
            |instance| recording = instance.context().take_recording().unwrap_or_default(),
        );
        (inner.settle(given, input, started), recording)
    }

    /// Makes a decision again: its time and every non-deterministic builtin's result come from the recording, nothing is
    /// asked of the clock, of randomness or of the network. With the policy and the input of the recorded decision it is
    /// that decision but for its id; a call that the recording lacks denies.
    ///
    /// The audit sink is not told: nobody acts on a replay.
    pub fn replay_json(&self, input: &[u8], recording: &Arc<Recording>) -> Decision {
        let inner = &*self.inner;
        let started = inner.measure_elapsed.then(Instant::now);
        let given = inner.decide_in_context(input, |instance| instance.context().replay(Arc::clone(recording)), |_| {});
        inner.unrecorded(given, started)
    }
}

impl Inner {
    /// A decision between two looks at the instance, whose context has nothing to do if no builtin is the host's.
    fn decide_in_context(
        &self,
        input: &[u8],
        before: impl FnOnce(&mut Instance),
        after: impl FnOnce(&mut Instance),
    ) -> Result<super::Given, DecideError> {
        let entrypoint = self.decision()?;
        self.check_decision_input(input)?;
        self.with_instance(|template, instance| {
            let served = !template.builtins.is_empty();
            if served {
                before(instance);
            }
            let finding = instance.decide(template, entrypoint.0, input);
            if served {
                after(instance);
            }
            Ok(self.give(instance, finding?))
        })
        .map_err(|error| *error)
    }
}
