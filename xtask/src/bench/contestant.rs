//! A process that decides, and is asked as `sealgate-bench-protocol` says.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::programs::Found;

/// What to start for one contestant.
#[derive(Clone, Debug)]
pub(crate) struct Entrant {
    /// What rows and series call it.
    pub(crate) name: &'static str,
    /// The program with its arguments, or why it cannot take part.
    pub(crate) command: Result<Vec<OsString>, String>,
}

impl Entrant {
    /// `program` with these arguments.
    pub(crate) fn new(name: &'static str, program: &Found, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Self {
        let command = program.clone().map(|program| {
            let arguments = arguments.iter().map(|argument| argument.as_ref().to_owned());
            std::iter::once(program.into_os_string()).chain(arguments).collect()
        });
        Self { name, command }
    }
}

/// The longest that a contestant may take to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A started contestant. It ends when this is dropped.
pub(crate) struct Contestant {
    process: Child,
    asked: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Contestant {
    /// Starts a contestant and waits until it is ready.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn start(command: &[OsString]) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("there is no program")?;
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the program cannot be started: {error}"))?;
        let (sender, answers) = mpsc::channel();
        let said = process.stdout.take().ok_or("it has no output")?;
        thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let asked = process.stdin.take();
        let contestant = Self { process, asked, answers };
        match contestant.answer()?.as_str() {
            "ready" => Ok(contestant),
            other => Err(format!("it said `{other}` instead of being ready")),
        }
    }

    /// How it decides each of the calls.
    ///
    /// # Errors
    /// No answer.
    pub(crate) fn outcomes(&mut self) -> Result<String, String> {
        self.ask("outcomes")
    }

    /// Nanoseconds per decision, of `count` in a row.
    ///
    /// # Errors
    /// No answer.
    pub(crate) fn run(&mut self, count: u64) -> Result<f64, String> {
        let answer = self.ask(&format!("run {count}"))?;
        let took: f64 = answer.parse().map_err(|_| format!("it said `{answer}` instead of a number"))?;
        Ok(took / count.max(1) as f64)
    }

    fn ask(&mut self, line: &str) -> Result<String, String> {
        let asked = self.asked.as_mut().ok_or("it has no input")?;
        writeln!(asked, "{line}").and_then(|()| asked.flush()).map_err(|error| format!("it has ended: {error}"))?;
        self.answer()
    }

    fn answer(&self) -> Result<String, String> {
        self.answers.recv_timeout(PATIENCE).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => format!("no answer within {} s", PATIENCE.as_secs()),
            mpsc::RecvTimeoutError::Disconnected => "it ended with an error".to_owned(),
        })
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        drop(self.asked.take());
        // One that does not listen any more would not end by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
