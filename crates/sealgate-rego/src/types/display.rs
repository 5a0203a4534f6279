//! Types as messages show them: `array[string]`, `object<a: number>[string: any]`, `number or string`.

use std::fmt::{Display, Formatter, Result, Write};

use super::{Constant, Type};

/// How many parts of a list are shown.
const SHOWN: usize = 8;
/// How many bytes of a type are shown.
const MAX_TEXT: usize = 160;

/// A type as a message shows it, cut where it is long; `unknown` where it is not known.
pub(crate) fn text(of: Option<&Type>) -> String {
    let mut cut = Cut(String::new());
    if write!(cut, "{}", Shown(of)).is_err() {
        cut.0.push('…');
    }
    cut.0
}

/// Takes text until there is enough of it.
struct Cut(String);

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> Result {
        if self.0.len() + text.len() > MAX_TEXT {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean => f.write_str("boolean"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::Any => f.write_str("any"),
            Self::Array(array) => {
                f.write_str("array")?;
                if !array.fixed.is_empty() {
                    list(f, "<", ">", array.fixed.iter().map(|element| Shown(element.as_ref())))?;
                }
                match &array.rest {
                    Some(rest) => write!(f, "[{rest}]"),
                    None => Ok(()),
                }
            }
            Self::Object(object) => {
                f.write_str("object")?;
                if !object.fixed.is_empty() {
                    let pairs = object.fixed.iter().map(|(key, value)| Pair(key, Shown(value.as_ref())));
                    list(f, "<", ">", pairs)?;
                }
                match &object.rest {
                    Some((key, value)) => write!(f, "[{}: {}]", Shown(key.as_ref()), Shown(value.as_ref())),
                    None => Ok(()),
                }
            }
            Self::Set(set) => write!(f, "set[{}]", Shown(set.of.as_ref())),
            Self::Union(all) => list_with(f, " or ", "", "", all.iter()),
            Self::Function(function) => {
                list(f, "(", ")", function.args.iter().map(|arg| Shown(arg.as_ref())))?;
                write!(f, " => {}", Shown(function.result.as_ref()))
            }
        }
    }
}

struct Shown<'a>(Option<&'a Type>);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Some(of) => of.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

struct Pair<'a>(&'a Constant, Shown<'a>);

impl Display for Pair<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Constant::String(key) => write!(f, "{key}: {}", self.1),
            key => write!(f, "{key}: {}", self.1),
        }
    }
}

impl Display for Constant {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(text) => f.write_str(text),
            Self::String(text) => write!(f, "{text:?}"),
            Self::Array(items) => list(f, "[", "]", items.iter()),
            Self::Object(pairs) => list(f, "{", "}", pairs.iter().map(|(key, value)| format!("{key}: {value}"))),
        }
    }
}

fn list<T: Display>(f: &mut Formatter<'_>, open: &str, close: &str, parts: impl Iterator<Item = T>) -> Result {
    list_with(f, ", ", open, close, parts)
}

fn list_with<T: Display>(
    f: &mut Formatter<'_>,
    between: &str,
    open: &str,
    close: &str,
    parts: impl Iterator<Item = T>,
) -> Result {
    f.write_str(open)?;
    for (at, part) in parts.enumerate() {
        if at > 0 {
            f.write_str(between)?;
        }
        if at == SHOWN {
            f.write_str("…")?;
            break;
        }
        part.fmt(f)?;
    }
    f.write_str(close)
}
