//! Letters in lower and upper case, one code point for one as Go maps them.

use crate::{Heap, Text, Value};

builtins! { TABLE:
    "lower" => sg_b_lower = lower as (text: STRING);
    "upper" => sg_b_upper = upper as (text: STRING);
}

fn lower<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = text.as_str()?;
    let mut out = Text::new(heap, text.len());
    text.chars().for_each(|letter| out.push(lower_letter(letter)));
    Some(out.finish())
}

fn upper<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = text.as_str()?;
    let mut out = Text::new(heap, text.len());
    text.chars().for_each(|letter| out.push(upper_letter(letter)));
    Some(out.finish())
}

pub(super) fn lower_letter(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    // The one letter whose full mapping has more than one code point and that has a simple one.
    if letter == 'İ' { 'i' } else { only(letter.to_lowercase()).unwrap_or(letter) }
}

fn upper_letter(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_uppercase();
    }
    only(letter.to_uppercase()).unwrap_or(match letter {
        // Greek letters with an iota beneath: their full mapping puts it beside, their simple one is the title case.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => moved(letter, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => moved(letter, 9),
        _ => letter,
    })
}

fn moved(letter: char, distance: u32) -> char {
    char::from_u32(u32::from(letter) + distance).unwrap_or(letter)
}

fn only(mut letters: impl Iterator<Item = char>) -> Option<char> {
    let first = letters.next()?;
    letters.next().is_none().then_some(first)
}
