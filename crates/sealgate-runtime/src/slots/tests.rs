//! Descriptions of slots, good and bad, and the room that records take.

use super::*;

fn problem(description: &str) -> String {
    InputSlots::parse(description).unwrap_err().to_string()
}

#[test]
fn a_description_is_read() {
    let slots = InputSlots::parse(r#"[0,5,{"tool":[1,2],"args":[2,5,{"a":[3,4],"b":[4,5]}],"other":[1,2]}]"#).unwrap();
    assert_eq!(slots.count, 5);
    assert_eq!(slots.tool.as_ref().map(|place| (place.slot, place.members.is_some())), Some((1, false)));
    assert!(slots.role.is_none());
    let args = slots.parts[0].as_ref().unwrap();
    assert_eq!(args.member("b").map(|place| place.slot), Some(4));
    assert!(args.member("c").is_none() && slots.parts[1].is_none());
}

#[test]
fn odd_descriptions_are_refused() {
    for description in [
        "",
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
        assert!(problem(description).contains("input slots"), "{description}");
    }
    let deep = format!("{}[0,1]{}", "[0,1,{\"a\":".repeat(10_000), "}]".repeat(10_000));
    assert!(problem(&deep).contains("recursion"));
}

#[test]
fn records_never_leave_their_room() {
    let slots = InputSlots::parse(r#"[0,3,{"tool":[1,2],"args":[2,3]}]"#).unwrap();
    let request = crate::Request::new("a tool").args(&[1, 2, 3]);
    let mut memory = [0xFF_u8; 80];
    for room in 0..memory.len() {
        match request.write_slots(&slots, &mut memory[..room]) {
            Ok(length) => assert_eq!((length, room >= 61), (61, true)),
            Err(error) => assert!(matches!(error, WriteError::Full) && room < 61, "{error}"),
        }
    }
    assert_eq!(&memory[48..61], b"a tool[1,2,3]");
    assert_eq!(memory[61..], [0xFF; 19]);
    assert_eq!(memory[16..32], [6, 0, 0, 0, 6, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(memory[32..48], [7, 0, 0, 0, 7, 0, 0, 0, 54, 0, 0, 0, 0, 0, 0, 0]);
}
