//! `cedar POLICY CALLS`: the refund policy in cedar-policy, as `sealgate-bench-protocol` says.
//!
//! The policies are parsed and each call's request is built before anything is timed: no JSON is read and none is written.
//! The role is the principal and the tool the action, both compared in the policy's scope; there are no entities to look
//! up.

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet, Request};
use sealgate_bench_protocol::{Contestant, Failure, serve};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let served = match arguments.as_slice() {
        [policy, calls] => Cedar::new(Path::new(policy)).and_then(|mut cedar| serve(&mut cedar, Path::new(calls))),
        _ => Err("usage: cedar POLICY CALLS".into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cedar: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    request: Option<Request>,
}

impl Cedar {
    fn new(policy: &Path) -> Result<Self, Failure> {
        let policies: PolicySet = std::fs::read_to_string(policy)?.parse()?;
        Ok(Self { authorizer: Authorizer::new(), policies, entities: Entities::empty(), request: None })
    }
}

impl Contestant for Cedar {
    fn take(&mut self, call: &[u8]) -> Result<(), Failure> {
        let call: Value = serde_json::from_slice(call)?;
        let named = |key: &str| call.get(key).and_then(Value::as_str).unwrap_or_default();
        let part = |key: &str| call.get(key).cloned().unwrap_or_else(|| json!({}));
        let context = Context::from_json_value(json!({"args": part("args"), "ctx": part("ctx")}), None)?;
        let resource = uid("Desk", "refunds")?;
        let request =
            Request::new(uid("Role", named("role"))?, uid("Action", named("tool"))?, resource, context, None)?;
        self.request = Some(request);
        Ok(())
    }

    fn decide(&mut self) {
        if let Some(request) = &self.request {
            black_box(self.authorizer.is_authorized(black_box(request), &self.policies, &self.entities));
        }
    }

    fn allows(&mut self) -> bool {
        self.request.as_ref().is_some_and(|request| {
            self.authorizer.is_authorized(request, &self.policies, &self.entities).decision() == Decision::Allow
        })
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Failure> {
    Ok(EntityUid::from_type_name_and_id(kind.parse::<EntityTypeName>()?, EntityId::new(id)))
}
