//! `opa run --server` on a port of this machine alone, for as long as a test needs it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::opa::{Opa, OpaError};

/// A running server, ended when dropped.
#[derive(Debug)]
pub struct OpaServer {
    child: Child,
    address: String,
}

impl Opa {
    /// Starts `opa run --server` with these flags in `folder`, and waits until it answers.
    ///
    /// # Errors
    /// [`OpaError::Failed`] with what it logged, if it ends or does not answer within half a minute.
    pub fn serve(&self, folder: &Path, flags: &[&str]) -> Result<OpaServer, OpaError> {
        let failed = |error: std::io::Error| OpaError::Failed(error.to_string());
        // OPA does not say which port it was given: take a free one, and ask until it answers.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(failed)?;
        let log = folder.join("opa.log");
        let child = Command::new(self.program())
            .args(["run", "--server", "--addr", &free.to_string()])
            .args(flags)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        let mut server = OpaServer { child, address: free.to_string() };
        let said = || OpaError::Failed(std::fs::read_to_string(&log).unwrap_or_default());
        for _ in 0..300 {
            if server.child.try_wait().map_err(failed)?.is_some() {
                return Err(said());
            }
            if TcpStream::connect(&server.address).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(said())
    }
}

impl OpaServer {
    /// Posts a document and gives the answer's.
    ///
    /// # Errors
    /// [`OpaError::Failed`] if there is no answer or it is not JSON.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, OpaError> {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut response = String::new();
        TcpStream::connect(&self.address)
            .and_then(|mut stream| {
                stream.write_all((head + &body).as_bytes())?;
                stream.read_to_string(&mut response)
            })
            .map_err(|error| OpaError::Failed(error.to_string()))?;
        let document = response.split_once("\r\n\r\n").map_or("", |(_, document)| document);
        serde_json::from_str(document).map_err(|_| OpaError::Failed(response.clone()))
    }
}

impl Drop for OpaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
