//! HTTP/1.1 as far as the service needs it: one request a connection, bounded in size and in time whatever a client sends.
//!
//! Reads requests, has them answered, closes. A body comes with its length: a request that announces none has no body, and
//! one in chunks is refused.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use httparse::{EMPTY_HEADER, Header, Status};

/// Bytes of a request before its body.
const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// How long a request may take to come, and how long an answer may take to go.
const TIME: Duration = Duration::from_secs(5);
/// Bytes that are passed over behind a request that was refused: a client that is cut off while it sends loses the answer.
const MAX_REST: u64 = 1 << 20;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// What is answered: a status and JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why a request is not read to its end.
enum Refusal {
    /// The client is told.
    Answer(u16, &'static str),
    /// The client has gone, or takes too long.
    Gone,
}

/// Answers requests, one at a time, as long as the process lives.
pub(crate) fn serve(
    listener: &TcpListener,
    max_body: usize,
    answer: impl Fn(Request) -> Answer,
    refuse: impl Fn(u16, &str) -> Answer,
) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let mut client = Client { stream, until: Instant::now() + TIME };
                // The client may have gone away; nobody is left to tell.
                let _ = match client.request(max_body) {
                    Ok(request) => client.answer(&answer(request)),
                    Err(Refusal::Answer(status, problem)) => {
                        client.answer(&refuse(status, problem)).and_then(|()| client.pass_over_rest())
                    }
                    Err(Refusal::Gone) => Ok(()),
                };
            }
            // No more connections for now, most likely.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// A connection, until a time.
struct Client {
    stream: TcpStream,
    until: Instant,
}

impl Client {
    fn request(&mut self, max_body: usize) -> Result<Request, Refusal> {
        let mut read = Vec::new();
        let (mut request, length, head) = loop {
            if read.len() >= MAX_HEAD {
                return Err(Refusal::Answer(431, "the head of the request is too large"));
            }
            self.more(&mut read, MAX_HEAD)?;
            let mut headers = [EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Request::new(&mut headers);
            match parsed.parse(&read) {
                Ok(Status::Partial) => {}
                Ok(Status::Complete(head)) => {
                    let length = body_length(parsed.headers, max_body)?;
                    if length > read.len().saturating_sub(head) && expects_continue(parsed.headers)? {
                        self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Refusal::Gone)?;
                    }
                    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
                    let request = Request { method: text(parsed.method), path: text(parsed.path), body: Vec::new() };
                    break (request, length, head);
                }
                Err(_) => return Err(Refusal::Answer(400, "this is no request of HTTP/1.1")),
            }
        };
        let mut body = read.split_off(head);
        while body.len() < length {
            self.more(&mut body, length)?;
        }
        body.truncate(length);
        request.body = body;
        Ok(request)
    }

    /// Reads some bytes, so that there are at most `limit`.
    fn more(&mut self, read: &mut Vec<u8>, limit: usize) -> Result<(), Refusal> {
        let mut some = [0; 8 << 10];
        let room = limit.saturating_sub(read.len()).min(some.len());
        let some = some.get_mut(..room).unwrap_or_default();
        match self.read(some) {
            Ok(0) | Err(_) => Err(Refusal::Gone),
            Ok(count) => {
                read.extend_from_slice(some.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }

    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        self.stream.set_write_timeout(Some(TIME))?;
        let mut out = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            answer.status,
            reason(answer.status),
            answer.body.len()
        )
        .into_bytes();
        out.extend_from_slice(&answer.body);
        self.stream.write_all(&out)?;
        self.stream.shutdown(Shutdown::Write)
    }

    fn pass_over_rest(&mut self) -> io::Result<()> {
        io::copy(&mut self.by_ref().take(MAX_REST), &mut io::sink()).map(drop)
    }
}

impl Read for Client {
    /// Waits no longer than the connection may last.
    fn read(&mut self, some: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(some)
    }
}

fn values<'h>(headers: &'h [Header<'_>], name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// How many bytes of body are announced. What could be read in two ways is refused.
fn body_length(headers: &[Header<'_>], max_body: usize) -> Result<usize, Refusal> {
    if values(headers, "transfer-encoding").next().is_some() {
        return Err(Refusal::Answer(411, "the body must come with its length"));
    }
    let mut lengths = values(headers, "content-length");
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => return Ok(0),
        (Some(digits), None) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => digits,
        _ => return Err(Refusal::Answer(400, "the length of the body is no number")),
    };
    let length = std::str::from_utf8(length).ok().and_then(|digits| digits.parse().ok());
    length.filter(|length| *length <= max_body).ok_or(Refusal::Answer(413, "the body is too large"))
}

/// Whether the client waits to be told to send the body.
fn expects_continue(headers: &[Header<'_>]) -> Result<bool, Refusal> {
    match values(headers, "expect").next() {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Refusal::Answer(417, "what the client expects is not known")),
    }
}

/// What people call a status.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}
