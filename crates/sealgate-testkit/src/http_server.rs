//! A web server on the loopback interface that answers as a test says, and counts what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A running server. It ends with the process.
#[derive(Debug)]
pub struct HttpServer {
    /// Where it listens.
    pub port: u16,
    asked: Arc<AtomicUsize>,
}

/// An answer to a request.
#[derive(Clone, Debug, Default)]
pub struct HttpAnswer {
    /// Such as `200 OK`.
    pub status: String,
    /// Lines without their ends.
    pub headers: Vec<String>,
    /// What follows them.
    pub body: Vec<u8>,
}

impl HttpServer {
    /// Serves connections, each on a thread of its own; the number counts them from 0.
    ///
    /// # Errors
    /// If there is no port to listen on.
    pub fn serve(how: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(AtomicUsize::new(0));
        let (counter, how) = (Arc::clone(&asked), Arc::new(how));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), how) = (stream, Arc::clone(&how)) else { continue };
                let count = counter.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || how(stream, count));
            }
        });
        Ok(Self { port, asked })
    }

    /// Answers requests by their path, query included, and their number.
    ///
    /// # Errors
    /// As [`HttpServer::serve`].
    pub fn answering(how: impl Fn(&str, usize) -> HttpAnswer + Send + Sync + 'static) -> std::io::Result<Self> {
        Self::serve(move |mut stream, count| {
            // A client that goes away needs no answer.
            let _ = answer(&mut stream, count, &how);
        })
    }

    /// The URL of a path here, by address.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// How many connections there were.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(stream: &mut TcpStream, count: usize, how: &dyn Fn(&str, usize) -> HttpAnswer) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut *stream);
    let (mut path, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let HttpAnswer { status, headers, body } = how(&path.unwrap_or_default(), count);
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}
