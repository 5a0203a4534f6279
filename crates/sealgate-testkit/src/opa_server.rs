//! `opa run --server` on a port of this machine alone, for as long as a test needs it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::opa::{Opa, OpaError};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);

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
    /// Posts a document and gives the answer's, whatever its status.
    ///
    /// # Errors
    /// [`OpaError::Failed`] if there is no answer or it is not JSON.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, OpaError> {
        self.ask("POST", path, &body.to_string()).map(|(_, said)| said)
    }

    /// Adds a module, or replaces the one of this name.
    ///
    /// # Errors
    /// [`OpaError::Refused`] where it does not compile.
    pub fn put_module(&self, name: &str, rego: &str) -> Result<(), OpaError> {
        self.ask("PUT", &format!("/v1/policies/{name}"), rego).and_then(accepted).map(|_| ())
    }

    /// Takes a module away.
    ///
    /// # Errors
    /// [`OpaError`] where there is none.
    pub fn delete_module(&self, name: &str) -> Result<(), OpaError> {
        self.ask("DELETE", &format!("/v1/policies/{name}"), "").and_then(accepted).map(|_| ())
    }

    /// Makes `data` the base document.
    ///
    /// # Errors
    /// [`OpaError`].
    pub fn put_data(&self, data: &Value) -> Result<(), OpaError> {
        self.ask("PUT", "/v1/data", &data.to_string()).and_then(accepted).map(|_| ())
    }

    /// The document at `path` below `data`, such as `t/p`; `None` where it is undefined.
    ///
    /// # Errors
    /// [`OpaError::Refused`] with the codes of an evaluation that ends with an error.
    pub fn document(&self, path: &str, input: &Value, strict: bool) -> Result<Option<Value>, OpaError> {
        let path = format!("/v1/data/{path}{}", if strict { "?strict-builtin-errors=true" } else { "" });
        let said = self.ask("POST", &path, &json!({ "input": input }).to_string()).and_then(accepted)?;
        Ok(said.get("result").cloned())
    }

    /// Status and document of the answer to a request.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, Value), OpaError> {
        let failed = |error: std::io::Error| OpaError::Failed(format!("{method} {path}: {error}"));
        let mut stream = TcpStream::connect(&self.address).map_err(failed)?;
        stream.set_read_timeout(Some(ANSWER)).map_err(failed)?;
        // HTTP/1.0: the answer comes in one piece and ends with the connection.
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: opa\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes()).map_err(failed)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(failed)?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| OpaError::Failed(format!("{method} {path}: no HTTP: {head}")))?;
        if body.trim().is_empty() {
            return Ok((status, Value::Null));
        }
        serde_json::from_str(body)
            .map(|body| (status, body))
            .map_err(|error| OpaError::Failed(format!("{error}: {body}")))
    }
}

impl Drop for OpaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn accepted((status, body): (u16, Value)) -> Result<Value, OpaError> {
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let text = |error: &Value, key: &str| error.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    match body.get("errors").and_then(Value::as_array) {
        Some(errors) => Err(OpaError::Refused(errors.iter().map(|e| (text(e, "code"), text(e, "message"))).collect())),
        None => Err(OpaError::Failed(format!("status {status}: {body}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::require;

    #[test]
    fn answers_values_undefined_and_errors() {
        let Some(opa) = require(Opa::find()) else { return };
        let folder = tempfile::tempdir().unwrap();
        let server = opa.serve(folder.path(), &[]).unwrap();
        server.put_data(&json!({"base": {"x": 1}})).unwrap();
        let module = "package t\np := data.base.x + input\nq := 1 if input > 5\nr := v if some v in [1, 2]\n";
        server.put_module("t", module).unwrap();
        assert_eq!(server.document("t/p", &json!(2), false).unwrap(), Some(json!(3)));
        assert_eq!(server.document("t/q", &json!(2), false).unwrap(), None);
        assert_eq!(server.document("t/r", &json!(2), false).unwrap_err().codes(), ["eval_conflict_error"]);
        assert_eq!(server.document("t/p", &json!("a"), true).unwrap_err().codes(), ["eval_type_error"]);
        assert_eq!(server.put_module("u", "package u\np := x\n").unwrap_err().codes(), ["rego_unsafe_var_error"]);
        server.delete_module("t").unwrap();
        assert_eq!(server.document("t/p", &json!(2), false).unwrap(), None);
    }
}
