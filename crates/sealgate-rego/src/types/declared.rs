//! The types of builtin declarations as the checker's types.

use crate::builtins;

use super::{Constant, Type};

impl From<&builtins::Type> for Type {
    fn from(declared: &builtins::Type) -> Self {
        match declared {
            builtins::Type::Any => Self::Any,
            builtins::Type::Null => Self::Null,
            builtins::Type::Boolean => Self::Boolean,
            builtins::Type::Number => Self::Number,
            builtins::Type::String => Self::String,
            builtins::Type::Array { fixed, rest } => {
                Self::array(fixed.iter().map(|element| Some(element.into())).collect(), rest.map(Into::into))
            }
            builtins::Type::Set(of) => Self::set(Some((*of).into())),
            builtins::Type::Object { fixed, rest } => Self::object(
                fixed.iter().map(|(key, value)| (Constant::String((*key).into()), Some(value.into()))).collect(),
                rest.map(|(key, value)| (Some(key.into()), Some(value.into()))),
            ),
            builtins::Type::Union(all) => {
                all.iter().fold(None, |union, one| Self::or(union, Some(one.into()))).unwrap_or(Self::Any)
            }
        }
    }
}
