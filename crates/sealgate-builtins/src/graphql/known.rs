//! Schemas that were read before, kept from one call and one decision to the next.
//!
//! A policy mostly holds many queries against one schema, which takes longer to read than the query. What is kept depends on
//! the operand alone, so that no decision learns of another.

use std::fmt;
use std::sync::Arc;

use super::schema::Schema;
use crate::value::Value;

/// Schemas that are kept.
const MAX_SCHEMAS: usize = 8;
/// Bytes that the texts of all of them may have together; what is kept is some ten times as large.
const MAX_BYTES: usize = 2 << 20;

/// A schema that keeps every rule.
pub(super) struct Known {
    /// Its syntax tree as policies see it.
    pub(super) tree: Value,
    pub(super) schema: Schema,
}

/// The schemas that were asked for last, by the operand that they came as.
#[derive(Default)]
pub(crate) struct KnownSchemas {
    /// The last one first, each with the bytes of its operand.
    entries: Vec<(Value, usize, Arc<Known>)>,
}

impl KnownSchemas {
    pub(super) fn get(&mut self, operand: &Value) -> Option<Arc<Known>> {
        let at = self.entries.iter().position(|(known, ..)| known == operand)?;
        let entry = self.entries.remove(at);
        let found = Arc::clone(&entry.2);
        self.entries.insert(0, entry);
        Some(found)
    }

    pub(super) fn insert(&mut self, operand: &Value, known: Arc<Known>) {
        let size = operand.as_str().map_or_else(|| operand.to_text().len(), str::len);
        if size > MAX_BYTES {
            return;
        }
        self.entries.insert(0, (operand.clone(), size, known));
        self.entries.truncate(MAX_SCHEMAS);
        while self.entries.iter().map(|(_, size, _)| size).sum::<usize>() > MAX_BYTES {
            self.entries.pop();
        }
    }
}

impl fmt::Debug for KnownSchemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownSchemas").field("count", &self.entries.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Arc<Known> {
        Arc::new(Known { tree: Value::Null, schema: Schema::default() })
    }

    #[test]
    fn those_asked_for_last_are_kept() {
        let mut schemas = KnownSchemas::default();
        for index in 0..20 {
            schemas.insert(&Value::from(index), known());
            assert!(schemas.get(&Value::from(0)).is_some(), "{index}");
        }
        let kept: Vec<i64> = (0..20).filter(|index| schemas.get(&Value::from(*index)).is_some()).collect();
        assert_eq!(kept, [0, 13, 14, 15, 16, 17, 18, 19]);
        let large = |letter: &str| Value::from(letter.repeat(MAX_BYTES / 2));
        ["a", "b", "c"].iter().for_each(|letter| schemas.insert(&large(letter), known()));
        assert!(schemas.get(&large("a")).is_none());
        assert!(schemas.get(&large("b")).is_some() && schemas.get(&large("c")).is_some());
        schemas.insert(&Value::from("d".repeat(MAX_BYTES + 1)), known());
        assert_eq!(schemas.entries.len(), 2);
    }
}
