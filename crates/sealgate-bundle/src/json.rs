//! Strict JSON for what trust hangs on: one object, no member named twice anywhere, at most [`MAX_DEPTH`] deep. Gives
//! back serde types; keeps no values of its own.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::names;

/// Deepest nesting of arrays and objects that is read; the outermost value is at depth 1.
pub const MAX_DEPTH: usize = 32;

/// Reads `bytes` as one JSON object of type `T`, refusing duplicate members and deep nesting. Members that `T` does not
/// name are ignored, but must keep the same rules.
///
/// # Errors
/// The parser's own error, with line and column.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut strict = serde_json::Deserializer::from_slice(bytes);
    Checked { depth: 1 }.deserialize(&mut strict)?;
    strict.end()?;
    serde_json::from_slice::<Object<T>>(bytes).map(|Object(value)| value)
}

/// A list of which every item is an object.
pub(crate) fn objects<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Object<T>>::deserialize(deserializer)?.into_iter().map(|Object(value)| value).collect())
}

/// For a member of which it matters only that it is there, whatever its value; with `#[serde(default)]` beside it.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A struct that is written as an object. By itself serde would take a list of the members' values as well.
struct Object<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Reads any value and keeps nothing but the knowledge that it is strict.
#[derive(Clone, Copy)]
struct Checked {
    depth: usize,
}

impl Checked {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        if self.depth > MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        let mut inner = None;
        while let Some(Key(key)) = map.next_key()? {
            // With serde_json's `arbitrary_precision` a number arrives as a map of this one private member.
            if key == NUMBER_TOKEN {
                // An object may have a member of that name too, which then is no way to nest without being counted. A
                // number is as deep as an item of its list, so one level more is let through.
                if self.depth > MAX_DEPTH + 1 {
                    self.inner::<A::Error>()?;
                }
                map.next_value_seed(Self { depth: self.depth + 1 })?;
            } else {
                map.next_value_seed(*inner.get_or_insert(self.inner()?))?;
            }
            if let Some(key) = seen.replace(key) {
                return Err(de::Error::custom(format_args!("member `{}` is named twice", names::shown(&key))));
            }
        }
        if seen.is_empty() {
            self.inner::<A::Error>()?;
        }
        Ok(())
    }
}

const NUMBER_TOKEN: &str = "$serde_json::private::Number";

struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<std::collections::BTreeMap<String, serde_json::Value>, String> {
        from_slice(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn duplicates_are_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"c":[{"b":{"a":1,"a":1}}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(check(text).unwrap_err().contains("named twice"), "{text}");
        }
        assert!(check(r#"{"a":1.5,"b":{"a":-1e400}}"#).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(check(&nested(MAX_DEPTH)).is_ok());
        assert!(check(&nested(MAX_DEPTH + 1)).unwrap_err().contains("nested deeper"));
        let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert!(check(&objects(MAX_DEPTH)).is_ok());
        assert!(check(&objects(MAX_DEPTH + 1)).unwrap_err().contains("nested deeper"));
        assert!(check(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_list_is_no_object() {
        #[derive(Debug, Deserialize)]
        struct Pair {
            #[expect(dead_code, reason = "only read")]
            a: u64,
        }
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "only read")]
            #[serde(deserialize_with = "objects")]
            list: Vec<Pair>,
        }
        assert!(from_slice::<Pair>(b"[1]").is_err() && from_slice::<Pair>(b"{\"a\":1}").is_ok());
        assert!(
            from_slice::<Outer>(b"{\"list\":[[1]]}").is_err() && from_slice::<Outer>(b"{\"list\":[{\"a\":1}]}").is_ok()
        );
    }

    #[test]
    fn only_one_value_and_only_json() {
        for text in [
            "",
            "1 2",
            "{}x",
            "\u{feff}{}",
            "{'a':1}",
            "{\"a\":NaN}",
            "{\"a\":[1,]}",
            "[]",
            "null",
            r#"{"a":"\ud800"}"#,
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
