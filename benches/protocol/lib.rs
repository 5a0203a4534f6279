//! The protocol between `cargo xtask bench` and the programs that it measures.
//!
//! Every contestant is a process of its own: its dependencies, their features and its allocator are what they would be
//! without the others. It is started with the calls to decide as a file, a JSON document per line, says `ready`, and then
//! answers each line on its standard input with one on its standard output:
//!
//! | asked | answers |
//! |---|---|
//! | `outcomes` | a word for every call of the file, `allow` or `deny` |
//! | `run N` | the nanoseconds that it took to decide the first call `N` times |
//!
//! What is not a line of the protocol ends the process with an error. Nothing here depends on anything, so that no
//! contestant gets a feature from it.

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a contestant may fail with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// One way to decide calls.
pub trait Contestant {
    /// Takes the call that is decided from now on, with everything that may be prepared before it is asked.
    ///
    /// # Errors
    /// Fails if the call has no form here.
    fn take(&mut self, call: &[u8]) -> Result<(), Failure>;

    /// Decides the call: what is timed. The answer is thrown away after `std::hint::black_box` has seen it.
    fn decide(&mut self);

    /// Decides the call. What fails is not allowed.
    fn allows(&mut self) -> bool;

    /// Decides `count` times; what it took.
    fn run(&mut self, count: u64) -> Duration {
        let began = Instant::now();
        for _ in 0..count {
            self.decide();
        }
        began.elapsed()
    }
}

/// Answers on standard output what is asked on standard input, until that ends.
///
/// # Errors
/// A call that the contestant does not take, a line that is not of the protocol, or as the streams fail.
pub fn serve(contestant: &mut impl Contestant, calls: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(calls).map_err(|error| format!("{}: {error}", calls.display()))?;
    let calls: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let first = *calls.first().ok_or("there is no call")?;
    contestant.take(first)?;
    let mut out = io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("run", count)) => {
                let count: u64 = count.parse()?;
                // Caches and predictors that another process has used since.
                contestant.run(count / WARM_SHARE);
                writeln!(out, "{}", contestant.run(count).as_nanos())?;
            }
            None if line == "outcomes" => {
                let mut words = Vec::with_capacity(calls.len());
                for call in &calls {
                    contestant.take(call)?;
                    words.push(if contestant.allows() { "allow" } else { "deny" });
                }
                contestant.take(first)?;
                writeln!(out, "{}", words.join(" "))?;
            }
            _ => return Err(format!("`{line}` is not asked here").into()),
        }
        out.flush()?;
    }
    Ok(())
}

/// A run is preceded by that part of it, which is not timed.
const WARM_SHARE: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    struct Counted(u64);

    impl Contestant for Counted {
        fn take(&mut self, _: &[u8]) -> Result<(), Failure> {
            Ok(())
        }

        fn decide(&mut self) {
            self.0 += 1;
        }

        fn allows(&mut self) -> bool {
            true
        }
    }

    #[test]
    fn a_run_decides_as_often_as_asked() {
        let mut counted = Counted(0);
        counted.run(1000);
        assert_eq!(counted.0, 1000);
    }
}
