//! Descriptions of slots, good and bad, and the room that records take.

use super::*;

fn problem(description: &str) -> String {
    InputSlots::parse(description).unwrap_err().to_string()
}

#[test]
fn a_description_is_read() {
    let slots =
        InputSlots::parse(r#"[8,[0,5,{"tool":[1,2],"args":[2,5,{"a":[3,4],"b":[4,5]}],"other":[1,2]}]]"#).unwrap();
    assert_eq!(slots.address, GuestPtr(8));
    assert_eq!(slots.count, 5);
    assert_eq!(slots.tool.as_ref().map(|place| (place.slot, place.members.is_some())), Some((1, false)));
    assert!(slots.role.is_none());
    let args = slots.parts[0].as_ref().unwrap();
    assert_eq!(args.member("b").map(|place| place.slot), Some(4));
    assert!(args.member("c").is_none() && slots.parts[1].is_none());
}

#[test]
fn odd_descriptions_are_refused() {
    for description in ["", "null", "[]", "[0,1]", "[0,[0,1],2]", "[-1,[0,1]]", "[4294967296,[0,1]]", "[\"8\",[0,1]]"] {
        assert!(problem(description).contains("input slots"), "{description}");
    }
    for place in [
        "null",
        "[]",
        "[0]",
        "[0,1,2]",
        "[0,1,{},{}]",
        "[0,0]",
        "[0,-1]",
        "[0,1.5]",
        "[0,4097]",
        "[0,2,{\"a\":[2,3]}]",
        "[0,2,{\"a\":[1,3]}]",
        "[0,2,{\"a\":{}}]",
        "[\"0\",1]",
        "[0,18446744073709551616]",
    ] {
        assert!(problem(&format!("[8,{place}]")).contains("input slots"), "{place}");
    }
    let deep = format!("[8,{}[0,1]{}]", "[0,1,{\"a\":".repeat(10_000), "}]".repeat(10_000));
    assert!(problem(&deep).contains("recursion"));
}

fn write(
    request: &crate::Request<'_>,
    slots: &InputSlots,
    known: &Known,
    below: &mut [u8],
    room: &mut [u8],
) -> Result<Written, WriteError> {
    request.write_slots(slots, Writer::new(slots, known, below, room)?)
}

#[test]
fn an_input_never_leaves_its_room() {
    let slots = InputSlots::parse(r#"[4,[0,3,{"tool":[1,2],"args":[2,3]}]]"#).unwrap();
    let request = crate::Request::new("a tool").args(&[1, 2, 3]);
    let known = Known::default();
    let (mut below, mut room) = ([0xFF_u8; 20], [0xFF_u8; 80]);
    for length in 0..room.len() {
        match write(&request, &slots, &known, &mut below, &mut room[..length]) {
            Ok(written) => assert_eq!((written, length >= 61), (Written { length: 61, records: 2 }, true)),
            Err(error) => assert!(matches!(error, WriteError::Full) && length < 61, "{error}"),
        }
    }
    assert_eq!(below[4..16], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!((&below[..4], &below[16..]), (&[0xFF; 4][..], &[0xFF; 4][..]));
    assert_eq!(&room[48..61], b"a tool[1,2,3]");
    assert_eq!((&room[32..48], &room[61..]), (&[0xFF; 16][..], &[0xFF; 19][..]));
    assert_eq!(room[..16], [6, 0, 1, 0, 6, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(room[16..32], [7, 0, 2, 0, 7, 0, 0, 0, 54, 0, 0, 0, 0, 0, 0, 0]);
    for length in 0..16 {
        let written = write(&request, &slots, &known, &mut below[..length], &mut room);
        assert!(matches!(written, Err(WriteError::NoSlots)));
    }
}

/// What a module makes of records is learnt where it is a constant; then there are no more records.
#[test]
fn constants_are_written_as_the_module_had_them() {
    let slots = InputSlots::parse(r#"[4,[0,4,{"tool":[1,2],"role":[2,3],"args":[3,4]}]]"#).unwrap();
    let (tool, base) = ("a tool whose name is rather long", GuestPtr(64));
    let request = crate::Request::new(tool).role("heap").args(&None::<()>);
    let (mut known, mut memory) = (Known::default(), [0_u8; 256]);
    for records in [3, 1, 1] {
        let (below, room) = memory.split_at_mut(64);
        let written = write(&request, &slots, &known, below, room).unwrap();
        assert_eq!(written.records, records);
        for (slot, word) in [(1_usize, 40_u32), (2, 96), (3, 48)] {
            let at = 4 + 4 * slot;
            let is_known = memory[at..at + 4] == word.to_le_bytes();
            assert_eq!(is_known, records == 1 && slot != 2);
            memory[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        known.learn(&slots, &memory, base, written);
    }
    assert_eq!((known.text(tool), known.text("heap"), known.null()), (Some(40), None, Some(48)));
}

#[test]
fn of_two_values_of_one_key_json_says_which_counts() {
    let slots = InputSlots::parse(r#"[4,[0,4,{"args":[1,4,{"a":[2,3],"b":[3,4,{}]}]}]]"#).unwrap();
    struct Twice(&'static str);
    impl serde::Serialize for Twice {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(self.0, 1), (self.0, 2)])
        }
    }
    let (mut below, mut room) = ([0_u8; 20], [0_u8; 80]);
    for (key, typed) in [("a", false), ("b", false), ("c", true)] {
        let args = Twice(key);
        let written = write(&crate::Request::new("t").args(&args), &slots, &Known::default(), &mut below, &mut room);
        assert_eq!(!matches!(written, Err(WriteError::NotTyped)), typed, "{key}");
    }
}
