//! How a value lies in the linear memory of a compiled module: plain numbers, for the compiler that lays out constants as
//! static data. It has no code; `value.rs` asserts that its own types agree.
//!
//! A value is the address (u32) of a header of [`HEADER_SIZE`] bytes, aligned to [`HEADER_ALIGN`]; address 0 is *undefined*.
//! All fields are little-endian. A word that has [`INLINE_BIT`] is no address but an integer: `value << 1 | 1`.
//!
//! The kernel also makes headers of half the size, for what it parses from a large text (`compact.rs`). They have tag and
//! sub-tag at the places below and nothing else, so other code reads no more than those, and of numbers that are
//! [`NUMBER_INT`] the value.

/// Bytes of a value's header.
pub const HEADER_SIZE: u32 = 16;
/// Bytes of the header of a constant text or collection in static data, which is never changed: it has no capacity, and its
/// content follows where that would be. A constant that has one of the flags below that take the place of the capacity has a
/// whole header.
pub const SHORT_HEADER_SIZE: u32 = 12;
/// Alignment of a value's header, and of the content of a constant.
pub const HEADER_ALIGN: u32 = 4;

/// The bit of a value that is an integer within 31 bits, without a header.
pub const INLINE_BIT: u32 = 1;

/// Offset of the tag (u8), one of `TAG_*`.
pub const TAG_OFFSET: u32 = 0;
/// Offset of the sub-tag (u8): 0 or 1 for a boolean; `NUMBER_*` for a number; 0 for the rest.
pub const SUB_OFFSET: u32 = 1;
/// Offset of the flags (u16), a union of `FLAG_*`.
pub const FLAGS_OFFSET: u32 = 2;
/// Offset of the length (u32): bytes of a string or decimal text, elements of an array or set, pairs of an object.
pub const LEN_OFFSET: u32 = 4;
/// Offset of an integer's value (i64).
pub const INT_OFFSET: u32 = 8;
/// Offset of the buffer's address (u32): UTF-8 bytes, values (u32 each), or pairs (key u32, value u32).
pub const PTR_OFFSET: u32 = 8;
/// Offset of the buffer's capacity (u32), in the unit of the length; 0 for a buffer that the value does not own.
pub const CAP_OFFSET: u32 = 12;

/// Bytes of one element of an array or a set.
pub const ELEMENT_SIZE: u32 = 4;
/// Bytes of one pair of an object.
pub const PAIR_SIZE: u32 = 8;

/// Tag of null. Tags are in the order of Rego's types, so that they compare as types do.
pub const TAG_NULL: u8 = 0;
/// Tag of a boolean.
pub const TAG_BOOL: u8 = 1;
/// Tag of a number.
pub const TAG_NUMBER: u8 = 2;
/// Tag of a string.
pub const TAG_STRING: u8 = 3;
/// Tag of an array.
pub const TAG_ARRAY: u8 = 4;
/// Tag of an object.
pub const TAG_OBJECT: u8 = 5;
/// Tag of a set.
pub const TAG_SET: u8 = 6;

/// Sub-tag of a number held as an i64 at [`INT_OFFSET`]. Every integer that fits is held so, unless it has no header.
pub const NUMBER_INT: u8 = 0;
/// Sub-tag of a number held as text: a JSON number that is not a plain integer within i64.
pub const NUMBER_DECIMAL: u8 = 1;

/// Flag of a value that lies in static data and is never changed in place. An object or set that has it is sorted by
/// Rego's order and has no duplicates.
pub const FLAG_STATIC: u16 = 1;
/// Flag of a set or object whose last elements are not merged into the sorted rest yet. Only the kernel sets and reads it;
/// generated code reaches such values through the kernel's functions.
pub const FLAG_TAIL: u16 = 2;
/// Flag of an object of few pairs that are still in the order of the text they were read from, with the last of equal keys
/// meant. As [`FLAG_TAIL`], it concerns only the kernel.
pub const FLAG_UNSORTED: u16 = 4;
/// Flag of a string in static data that has its quotes around it and nothing to escape: it is written as it lies there.
pub const FLAG_QUOTED: u16 = 8;
/// Flag of an object that generated code has made, which is never changed in place, by a *shape* in static data: for each
/// key address and length of the JSON text between the value before it and its own, and those of the text behind the last
/// value. The text of a constant that objects of the shape have in common is part of the next text, and has no address of
/// its own. The shape's address takes the place of the capacity, and the pairs follow the header.
pub const FLAG_SHAPE: u16 = 16;
/// Flag of a string that was looked up among the strings that the module tests for, or is one of them: those of the input.
/// Its hash (`index.rs`) takes the place of the capacity. Of two such strings, different ones if either is static.
pub const FLAG_INTERNED: u16 = 32;
