//! A value that is read as a whole: scalars are written as they are; of everything else only JSON says what it is.

use serde::ser::{Impossible, Serialize, Serializer};

use super::writer::{WriteError, Writer};

/// Writes one slot.
pub(super) struct Scalar<'w, 'm> {
    pub(super) writer: &'w mut Writer<'m>,
    pub(super) slot: u32,
}

type Never = Impossible<(), WriteError>;

macro_rules! integers {
    ($($name:ident($kind:ty);)*) => {
        $(#[inline]
        fn $name(self, value: $kind) -> Result<(), WriteError> {
            self.writer.integer(self.slot, i64::from(value))
        })*
    };
}

impl Serializer for Scalar<'_, '_> {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    integers! {
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
    }

    as_json! {
        serialize_i128(i128) -> ();
        serialize_u128(u128) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), WriteError> {
        self.writer.integer(self.slot, i64::try_from(value).map_err(|_| WriteError::NotTyped)?)
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), WriteError> {
        self.writer.boolean(self.slot, value)
    }

    fn serialize_char(self, value: char) -> Result<(), WriteError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), WriteError> {
        self.writer.text(self.slot, value)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), WriteError> {
        self.writer.null(self.slot)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), WriteError> {
        self.writer.null(self.slot)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), WriteError> {
        self.writer.null(self.slot)
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), WriteError> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), WriteError> {
        Err(WriteError::NotTyped)
    }
}
