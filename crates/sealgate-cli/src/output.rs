//! Standard output and standard error, either of which may go away: what cannot be written never ends the process, and the
//! loss of a command's output shows in its exit code.

use std::fmt::Arguments;
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
        && let Err(error) = io::stdout().write_fmt(text)
    {
        LOST.get_or_init(|| error);
    }
}

/// Writes to standard error. Where that fails, nobody is left to tell.
pub(crate) fn remark(text: Arguments<'_>) {
    let _ = io::stderr().write_fmt(text);
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
