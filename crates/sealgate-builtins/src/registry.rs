//! Which builtins there are, and what each may touch.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use thiserror::Error;

use crate::context::Context;
#[cfg(feature = "http")]
use crate::http;
use crate::value::Value;
use crate::{
    aws, graphql, json, jwt, kernel, lookup, nondeterministic, reports, schema, template, time, uri, x509, yaml,
};

/// What a builtin reaches beyond its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Nothing: the same arguments give the same result.
    Pure,
    /// The wall clock.
    Clock,
    /// Randomness.
    Random,
    /// The network.
    Network,
    /// The process's environment.
    Environment,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pure => "pure",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Network => "network",
            Self::Environment => "environment",
        })
    }
}

/// Why a builtin gives no value.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuiltinError {
    /// An operand is not what the builtin takes, OPA's `eval_type_error`: undefined, or the end of the decision where
    /// errors are strict.
    #[error("{0}")]
    Operand(String),
    /// The call failed for another reason, OPA's `eval_builtin_error`: undefined, or the end of the decision where errors
    /// are strict.
    #[error("{0}")]
    Failed(String),
    /// The decision must not go on: a bound was reached.
    #[error("{0}")]
    Halt(String),
    /// The decision must not go on: its time is up.
    #[error("the decision's deadline has passed")]
    Timeout,
}

impl BuiltinError {
    /// An operand of the wrong type, worded as OPA words it. `position` counts from 1.
    pub fn operand(position: usize, expected: &str, got: &Value) -> Self {
        Self::Operand(format!("operand {position} must be {expected} but got {}", got.type_name()))
    }
}

/// A builtin's code.
pub trait Builtin: Send + Sync {
    /// Calls it. `Ok(None)` is Rego's undefined.
    ///
    /// # Errors
    /// [`BuiltinError`] for arguments that it does not take.
    fn call(&self, context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError>;
}

impl<F> Builtin for F
where
    F: Fn(&mut Context, &[Value]) -> Result<Option<Value>, BuiltinError> + Send + Sync,
{
    fn call(&self, context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
        self(context, args)
    }
}

/// A registered builtin.
#[derive(Clone)]
pub struct Entry {
    name: Arc<str>,
    /// What it reaches.
    pub capability: Capability,
    /// How many arguments it takes; calls with another number never reach it.
    pub arity: usize,
    code: Arc<dyn Builtin>,
}

impl Entry {
    /// Calls it; unless it is pure, the context records the call, or answers it from a recording.
    ///
    /// # Errors
    /// [`BuiltinError`] for arguments that it does not take, their number included.
    pub fn call(&self, context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
        if args.len() != self.arity {
            return Err(BuiltinError::Failed(format!("expected {} arguments but got {}", self.arity, args.len())));
        }
        match self.capability {
            Capability::Pure => self.code.call(context, args),
            _ => context.witnessed(&self.name, args, |context| self.code.call(context, args)),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("capability", &self.capability)
            .field("arity", &self.arity)
            .finish_non_exhaustive()
    }
}

/// The builtins that a host has, by name.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    entries: BTreeMap<String, Entry>,
}

impl Registry {
    /// No builtin at all.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Every builtin of this crate; one shared instance.
    pub fn standard() -> Arc<Self> {
        static STANDARD: OnceLock<Arc<Registry>> = OnceLock::new();
        Arc::clone(STANDARD.get_or_init(|| {
            let mut registry = Self::empty();
            let families = [
                aws::register,
                graphql::register,
                #[cfg(feature = "http")]
                http::register,
                json::register,
                jwt::register,
                lookup::register,
                nondeterministic::register,
                reports::register,
                schema::register,
                template::register,
                time::register,
                uri::register,
                x509::register,
                yaml::register,
            ];
            families.iter().for_each(|register| register(&mut registry));
            kernel::register(&mut registry);
            Arc::new(registry)
        }))
    }

    /// Adds a builtin, or replaces the one of that name.
    pub fn insert(&mut self, name: &str, arity: usize, capability: Capability, code: impl Builtin + 'static) {
        let entry = Entry { name: name.into(), capability, arity, code: Arc::new(code) };
        self.entries.insert(name.to_owned(), entry);
    }

    /// The builtin of that name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Every name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}
