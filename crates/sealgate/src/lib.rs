//! Sealgate decides, before an AI agent or a service acts, whether this caller may run this tool with these arguments:
//! allow, deny, or needs approval. Its policies are signed bundles, verified before anything of them runs, and decided in
//! a sandbox.
//!
//! A host verifies a bundle with the keys that it trusts, loads it, and asks:
//!
//! ```no_run
//! use sealgate::bundle::{UnixSeconds, VerifyOptions, fs, keys::file::read_trust_store};
//! use sealgate::{Outcome, Policy, Request, RuntimeOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let trusted = read_trust_store(["keys"])?;
//! let expected = VerifyOptions::new(trusted, UnixSeconds::system_now()).expect_name("customer-support");
//! let bundle = fs::load("dist/customer-support.tar.gz".as_ref(), &expected)?;
//! let policy = Policy::load(&bundle, &RuntimeOptions::default())?;
//!
//! let args = serde_json::json!({"amount": 20, "currency": "EUR"});
//! let decision = policy.decide_or_deny(&Request::new("refund").role("tier1").args(&args));
//! match decision.outcome() {
//!     Outcome::Allow => println!("go ahead"),
//!     Outcome::NeedsApproval => println!("ask somebody"),
//!     Outcome::Deny => println!("no: {} {:?}", decision.reason(), decision.violations().collect::<Vec<_>>()),
//! }
//! # Ok(()) }
//! ```
//!
//! With the feature `compiler` comes [`toolchain`], the whole way from a policy's text to a signed bundle. A host that
//! only decides leaves it out, and then contains no parser for policies.

/// Bundles: reading, verifying, packing, signing; keys and trust.
pub use sealgate_bundle as bundle;
pub use sealgate_runtime::*;

#[cfg(feature = "compiler")]
pub mod toolchain;

/// Compiles and runs the code of the README.
#[cfg(all(doctest, feature = "compiler"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
