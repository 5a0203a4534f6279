//! What is asked: the request, written as the input document `{role, tool, args, ctx, user, run}`.
//!
//! A request borrows its parts and is written straight into the sandbox's memory, so asking allocates nothing on the
//! host. Where the policy says what it reads, only that is written, and not as JSON. It holds no policy of its own: every
//! field but `tool` may be missing, and what that means is the policy's say.

use std::fmt;
use std::io;

use serde::Serialize;

use crate::slots::{InputSlots, PartError, PartSlots, WriteError, Writer, Written};

/// A JSON part of a request: any [`Serialize`] value, or text that is JSON already ([`RawJson`]).
pub trait WriteJson {
    /// Writes the value as one JSON text.
    ///
    /// # Errors
    /// Fails if the value has no JSON form, or as `out` does.
    fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()>;

    /// Writes, without JSON, what the policy reads of the value. It must be what [`WriteJson::write_json`] would write.
    ///
    /// # Errors
    /// [`PartError::ONLY_JSON`], as here, to be asked for JSON; or as [`PartSlots::write`] does.
    fn write_slots(&self, _slots: &mut PartSlots<'_, '_>) -> Result<(), PartError> {
        Err(PartError::ONLY_JSON)
    }
}

impl<T: Serialize + ?Sized> WriteJson for T {
    fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer(out, self).map_err(io::Error::from)
    }

    #[inline]
    fn write_slots(&self, slots: &mut PartSlots<'_, '_>) -> Result<(), PartError> {
        slots.write(self)
    }
}

/// Text that is known to be one JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawJson<'a>(&'a str);

impl<'a> RawJson<'a> {
    /// Takes `text` if it is exactly one JSON value.
    ///
    /// # Errors
    /// The parser's error, with line and column, if it is not.
    pub fn new(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<serde::de::IgnoredAny>(text)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl WriteJson for RawJson<'_> {
    fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(self.0.as_bytes())
    }
}

/// A question to a policy. Build one with [`Request::new`] and the methods named like the input's fields.
///
/// ```
/// use sealgate_runtime::Request;
/// let args = serde_json::json!({"amount": 30});
/// let request = Request::new("issue_refund").role("agent").args(&args);
/// assert_eq!(request.to_json().unwrap(), br#"{"tool":"issue_refund","role":"agent","args":{"amount":30}}"#);
/// ```
#[derive(Clone, Copy)]
pub struct Request<'a> {
    tool: &'a str,
    role: Option<&'a str>,
    parts: [Option<&'a dyn WriteJson>; 4],
}

/// The names of a request's parts in the input document.
pub(crate) const PARTS: [&str; 4] = ["args", "ctx", "user", "run"];

impl<'a> Request<'a> {
    /// A request to run `tool`.
    pub fn new(tool: &'a str) -> Self {
        Self { tool, role: None, parts: [None; 4] }
    }

    /// The caller's role.
    #[must_use]
    pub fn role(mut self, role: &'a str) -> Self {
        self.role = Some(role);
        self
    }

    /// The call's arguments, an object.
    #[must_use]
    pub fn args(self, args: &'a dyn WriteJson) -> Self {
        self.part::<0>(args)
    }

    /// Attributes of the call's context, an object.
    #[must_use]
    pub fn ctx(self, ctx: &'a dyn WriteJson) -> Self {
        self.part::<1>(ctx)
    }

    /// Attributes of the caller, an object.
    #[must_use]
    pub fn user(self, user: &'a dyn WriteJson) -> Self {
        self.part::<2>(user)
    }

    /// Facts of the agent's run, an object.
    #[must_use]
    pub fn run(self, run: &'a dyn WriteJson) -> Self {
        self.part::<3>(run)
    }

    /// The input document, as the policy sees it.
    ///
    /// # Errors
    /// Fails if a part has no JSON form.
    pub fn to_json(&self) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(128);
        self.write_to(&mut out)?;
        Ok(out)
    }

    pub(crate) fn write_to(&self, mut out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(b"{\"tool\":")?;
        write_string(&mut out, self.tool)?;
        if let Some(role) = self.role {
            out.write_all(b",\"role\":")?;
            write_string(&mut out, role)?;
        }
        for (name, part) in PARTS.iter().zip(&self.parts) {
            if let Some(part) = part {
                write!(out, ",\"{name}\":")?;
                part.write_json(out)?;
            }
        }
        out.write_all(b"}")
    }

    /// Writes what is read of the request through a writer with these slots.
    #[inline(always)]
    pub(crate) fn write_slots(&self, slots: &InputSlots, mut writer: Writer<'_>) -> Result<Written, WriteError> {
        if let Some(place) = &slots.tool {
            writer.string(place, self.tool)?;
        }
        if let (Some(place), Some(role)) = (&slots.role, self.role) {
            writer.string(place, role)?;
        }
        for (place, part) in slots.parts.iter().zip(&self.parts) {
            if let (Some(place), Some(part)) = (place, part) {
                part.write_slots(&mut PartSlots::new(&mut writer, place)).map_err(|PartError(error)| error)?;
            }
        }
        Ok(writer.done())
    }

    fn part<const INDEX: usize>(mut self, value: &'a dyn WriteJson) -> Self {
        if let Some(slot) = self.parts.get_mut(INDEX) {
            *slot = Some(value);
        }
        self
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("tool", &self.tool).field("role", &self.role).finish_non_exhaustive()
    }
}

fn write_string(out: &mut dyn io::Write, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::from)
}
