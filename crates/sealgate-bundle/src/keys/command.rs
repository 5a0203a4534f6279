//! Signing by an external command: a key service, a hardware module, anything that keeps the private key to itself.
//!
//! The command gets the bytes to sign on its standard input and answers with the raw 64 bytes of the signature on its
//! standard output, nothing else. It is started without a shell. What it says on standard error goes where this process's
//! does. Its answer is checked against the public key that it is expected to sign for before anybody uses it.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{KeyError, ManifestSigner, PublicKey};

/// How long a command may take unless another time is given.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is looked whether the command has ended.
const POLL: Duration = Duration::from_millis(5);

/// A command that signs.
#[derive(Clone, Debug)]
pub struct CommandSigner {
    program: String,
    args: Vec<String>,
    public_key: PublicKey,
    timeout: Duration,
}

impl CommandSigner {
    /// The command `program` with `args`, expected to sign for `public_key`.
    pub fn new(program: impl Into<String>, args: Vec<String>, public_key: PublicKey) -> Self {
        Self { program: program.into(), args, public_key, timeout: DEFAULT_TIMEOUT }
    }

    /// From one line: words separated by spaces, or a JSON list of strings where a word holds spaces.
    ///
    /// # Errors
    /// [`KeyError::Signer`] where there is no word, or the list is none.
    pub fn parse(line: &str, public_key: PublicKey) -> Result<Self, KeyError> {
        let mut words: Vec<String> = if line.trim_start().starts_with('[') {
            serde_json::from_str(line)
                .map_err(|error| KeyError::Signer(format!("the command is no JSON list of strings: {error}")))?
        } else {
            line.split_ascii_whitespace().map(str::to_owned).collect()
        };
        if words.is_empty() {
            return Err(KeyError::Signer("the command is empty".to_owned()));
        }
        let program = words.remove(0);
        Ok(Self::new(program, words, public_key))
    }

    /// How long it may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn failed(&self, problem: impl std::fmt::Display) -> KeyError {
        KeyError::Signer(format!("`{}` {problem}", self.program))
    }

    fn ask(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let deadline = Instant::now() + self.timeout;
        let spawned = Command::new(&self.program)
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let child = spawned.map_err(|error| self.failed(format_args!("cannot be started: {error}")))?;
        let mut child = Reaped(child);
        let stdin = child.0.stdin.take();
        let stdout = child.0.stdout.take();
        let message = message.to_vec();
        // On threads of their own, so that a command that reads or writes nothing cannot hold this one up.
        thread::spawn(move || {
            if let Some(mut stdin) = stdin {
                // A command may answer without having read everything; its answer is what counts.
                let _ = stdin.write_all(&message);
            }
        });
        let (send, answer) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.map(|stdout| stdout.take(65).read_to_end(&mut bytes));
            let _ = send.send(read.transpose().map(|_| bytes));
        });
        let late = || self.failed(format_args!("took longer than {} s", self.timeout.as_secs_f32()));
        let status = loop {
            match child.0.try_wait().map_err(|error| self.failed(format_args!("cannot be waited for: {error}")))? {
                Some(status) => break status,
                None if Instant::now() >= deadline => return Err(late()),
                None => thread::sleep(POLL),
            }
        };
        if !status.success() {
            return Err(self.failed(format_args!("failed: {status}")));
        }
        match answer.recv_timeout(deadline.saturating_duration_since(Instant::now()).max(POLL)) {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(self.failed(format_args!("cannot be read from: {error}"))),
            Err(_) => Err(late()),
        }
    }
}

impl ManifestSigner for CommandSigner {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        let answer = self.ask(message)?;
        let signature = <[u8; 64]>::try_from(answer.as_slice()).map_err(|_| {
            self.failed(format_args!(
                "gave {}{} bytes instead of 64",
                answer.len(),
                if answer.len() > 64 { " or more" } else { "" }
            ))
        })?;
        if self.public_key.verifies(message, &signature) { Ok(signature) } else { Err(KeyError::SignerMismatch) }
    }
}

/// A child that does not outlive whoever waits for it.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
