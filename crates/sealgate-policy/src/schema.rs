//! The JSON Schema of a policy file, for editors.

/// The JSON Schema (draft 2020-12) that describes a policy file of any shape. What the reader accepts is valid under
/// it; it knows fields and their types, not roles, constraints or patterns.
pub fn policy_schema() -> &'static str {
    include_str!("../schema/policy.schema.json")
}

#[cfg(test)]
mod tests;
