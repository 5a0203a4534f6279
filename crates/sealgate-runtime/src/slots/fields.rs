//! A value of which members are read: fields and entries by their names; anything but an object has none.

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeStruct, Serializer};

use super::Place;
use super::writer::{WriteError, Writer};

/// Writes what is read of one object.
pub(super) struct Fields<'w, 'm> {
    pub(super) writer: &'w mut Writer<'m>,
    pub(super) place: &'w Place,
}

impl Fields<'_, '_> {
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), WriteError> {
        match self.place.member(key) {
            Some(place) => self.writer.value(place, value),
            None => Ok(()),
        }
    }
}

type Never = Impossible<(), WriteError>;

/// By these names `serde_json` passes texts through its own serializer; another one cannot tell what they are.
const PRIVATE: &str = "$serde_json::private::";

/// What has no members.
macro_rules! no_members {
    ($($name:ident($($argument:ty),*);)*) => {
        $(fn $name(self, $(_: $argument),*) -> Result<(), WriteError> {
            Ok(())
        })*
    };
}

impl<'w, 'm> Serializer for Fields<'w, 'm> {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Entries<'w, 'm>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Never;

    no_members! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    as_json! {
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        self.field(variant, value)
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'w, 'm>, WriteError> {
        Ok(Entries { fields: self, place: None })
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, WriteError> {
        if name.starts_with(PRIVATE) { Err(WriteError::NotTyped) } else { Ok(self) }
    }
}

impl SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = WriteError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), WriteError> {
        self.field(key, value)
    }

    #[inline]
    fn end(self) -> Result<(), WriteError> {
        Ok(())
    }
}

/// The entries of a map.
pub(super) struct Entries<'w, 'm> {
    fields: Fields<'w, 'm>,
    /// Where the value goes whose key came last.
    place: Option<&'w Place>,
}

impl SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = WriteError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), WriteError> {
        self.place = key.serialize(Key { of: self.fields.place })?;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        match self.place.take() {
            Some(place) => self.fields.writer.value(place, value),
            None => Ok(()),
        }
    }

    #[inline]
    fn end(self) -> Result<(), WriteError> {
        Ok(())
    }
}

/// Finds the place of a key. Keys that are no strings are left to JSON, which knows how they are written.
struct Key<'w> {
    of: &'w Place,
}

impl<'w> Serializer for Key<'w> {
    type Ok = Option<&'w Place>;
    type Error = WriteError;
    type SerializeSeq = Impossible<Self::Ok, WriteError>;
    type SerializeTuple = Impossible<Self::Ok, WriteError>;
    type SerializeTupleStruct = Impossible<Self::Ok, WriteError>;
    type SerializeTupleVariant = Impossible<Self::Ok, WriteError>;
    type SerializeMap = Impossible<Self::Ok, WriteError>;
    type SerializeStruct = Impossible<Self::Ok, WriteError>;
    type SerializeStructVariant = Impossible<Self::Ok, WriteError>;

    as_json! {
        serialize_bool(bool) -> Self::Ok;
        serialize_i8(i8) -> Self::Ok;
        serialize_i16(i16) -> Self::Ok;
        serialize_i32(i32) -> Self::Ok;
        serialize_i64(i64) -> Self::Ok;
        serialize_i128(i128) -> Self::Ok;
        serialize_u8(u8) -> Self::Ok;
        serialize_u16(u16) -> Self::Ok;
        serialize_u32(u32) -> Self::Ok;
        serialize_u64(u64) -> Self::Ok;
        serialize_u128(u128) -> Self::Ok;
        serialize_f32(f32) -> Self::Ok;
        serialize_f64(f64) -> Self::Ok;
        serialize_char(char) -> Self::Ok;
        serialize_bytes(&[u8]) -> Self::Ok;
        serialize_none() -> Self::Ok;
        serialize_unit() -> Self::Ok;
        serialize_unit_struct(&'static str) -> Self::Ok;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeSeq;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeSeq;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeSeq;
        serialize_map(Option<usize>) -> Self::SerializeSeq;
        serialize_struct(&'static str, usize) -> Self::SerializeSeq;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeSeq;
    }

    #[inline]
    fn serialize_str(self, key: &str) -> Result<Self::Ok, WriteError> {
        Ok(self.of.member(key))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Self::Ok, WriteError> {
        Ok(self.of.member(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Self::Ok, WriteError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Self::Ok, WriteError> {
        Err(WriteError::NotTyped)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Self::Ok, WriteError> {
        Err(WriteError::NotTyped)
    }
}
