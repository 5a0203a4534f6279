//! The builtins that a host supplies to a compiled policy, and who may use them.
//!
//! Takes Rego values, gives Rego values: [`Registry`] maps a builtin's name to a [`Builtin`] and the [`Capability`] that
//! it needs, [`Grants`] says which capabilities a host hands out. It knows neither WebAssembly nor policies; the runtime
//! carries values across the sandbox's border with [`Value::parse`] and [`Value::write_text`].
//!
//! ```
//! use sealgate_builtins::{Context, Registry, Value};
//! let registry = Registry::standard();
//! let sprintf = registry.get("sprintf").unwrap();
//! let args = [Value::from("%s: %d"), Value::Array(vec!["age".into(), 7.into()])];
//! let text = sprintf.call(&mut Context::new(), &args).unwrap();
//! assert_eq!(text, Some(Value::from("age: 7")));
//! ```

mod aws;
mod context;
mod deadline;
mod differences;
mod grants;
mod graphql;
mod host;
#[cfg(feature = "http")]
mod http;
mod json;
mod jwt;
mod kernel;
mod lookup;
mod network;
mod nondeterministic;
mod number;
mod operand;
mod pattern;
mod pki;
mod recording;
mod registry;
mod reports;
mod schema;
mod template;
mod text;
mod time;
mod uri;
mod url;
mod value;
mod x509;
mod yaml;

pub use context::Context;
pub use deadline::Deadline;
pub use differences::{DIFFERENCES, Difference};
pub use grants::{Grants, Refusal};
pub use host::{Clock, FixedClock, Host, Output, Random, SystemClock, SystemRandom};
pub use network::{HostError, Network};
pub use number::Number;
pub use recording::{Recording, RecordingError};
pub use registry::{Builtin, BuiltinError, Capability, Entry, Registry};
pub use text::ParseError;
pub use value::Value;
