//! Standard output and standard error, either of which may go away: what cannot be written never ends the process, and the
//! loss of a command's output shows in its exit code.
//!
//! Names and texts of policies, bundles and paths are printed so that they cannot steer a terminal.

use std::borrow::Cow;
use std::fmt::{Arguments, Write as _};
use std::io::{self, Write as _};
use std::sync::OnceLock;

/// Why standard output took no more.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Writes a line to standard output.
macro_rules! say {
    ($($argument:tt)*) => { $crate::output::print(format_args!("{}\n", format_args!($($argument)*))) };
}

/// Writes a line to standard error.
macro_rules! note {
    ($($argument:tt)*) => { $crate::output::remark(format_args!("{}\n", format_args!($($argument)*))) };
}

pub(crate) use {note, say};

/// Writes to standard output.
pub(crate) fn print(text: Arguments<'_>) {
    if LOST.get().is_none()
        && let Err(error) = io::stdout().write_all(visible(&text.to_string()).as_bytes())
    {
        LOST.get_or_init(|| error);
    }
}

/// Writes to standard error.
pub(crate) fn remark(text: Arguments<'_>) {
    write_rendered(&visible(&text.to_string()));
}

/// Writes to standard error what has its colours already. Where that fails, nobody is left to tell.
pub(crate) fn write_rendered(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A text whose control characters, and those that reorder or hide what follows, are escaped as JSON does, so that JSON
/// means the same.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_hidden(c: char) -> bool {
    let directs = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    directs || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// Writes what is left; why something was not written.
pub(crate) fn finish() -> Result<(), &'static io::Error> {
    if LOST.get().is_none()
        && let Err(error) = io::stdout().flush()
    {
        LOST.get_or_init(|| error);
    }
    LOST.get().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(visible("a\tb é\n"), "a\tb é\n");
        assert_eq!(visible("\u{1b}[2J\r\u{7f}\u{9b}x\u{202e}\u{200b}"), r"\u001b[2J\u000d\u007f\u009bx\u202e\u200b");
        let text = serde_json::json!({"a\u{85}": "\u{1b}\u{2066}\u{feff}"});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&visible(&text.to_string())).unwrap(), text);
    }
}
