//! Sealgate policies: YAML to a typed policy, what it decides, and the Rego that it becomes.
//!
//! Takes the texts of policy files; gives a [`PolicySet`] (or everything that is wrong with the files, each with its
//! place), decides calls with it ([`PolicySet::evaluate`], the reference), and emits Rego that carries the same meaning
//! by itself ([`emit_rego`]). Does no IO, compiles no Rego, signs nothing.
//!
//! | stage | from | to |
//! |---|---|---|
//! | read | text | [`PolicyDocument`] |
//! | resolve | documents | [`PolicySet`] |
//! | evaluate | [`PolicySet`], input | [`Evaluation`] |
//! | emit | [`PolicySet`] | [`EmittedRego`] |

mod constraint;
mod document;
mod evaluate;
mod file_scope;
mod number;
mod pattern;
mod policy_set;
mod rego;
mod schema;
mod suggest;
#[cfg(feature = "testing")]
pub mod testing;
mod yaml;

pub use constraint::{CompareOp, Condition, List, Operand, Path, Quantifier, Root, Step, TextTest};
pub use document::{
    Body, ConstraintText, FileScopeDocument, Mode, PolicyDocument, RoleDocument, Spanned, ToolDocument,
};
pub use evaluate::{Evaluation, Outcome, Reason, Truth};
pub use file_scope::{AllowedPaths, FileScope, MAX_PATH_CHARACTERS, MAX_PATH_SEGMENTS, normalise};
pub use pattern::Pattern;
pub use policy_set::{
    Check, CheckId, DEFAULT_ROLE, Grant, PolicyFiles, PolicySet, PolicySource, Role, RoleSummary, Summary,
};
pub use rego::{EmitError, EmitOptions, EmittedRego, emit_rego};
pub use schema::policy_schema;
