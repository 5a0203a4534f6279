//! Builtins as real OPA has them: hundreds of calls in one process, each with its value or its error.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::{Evaluation, Opa, OpaError};

/// Calls that one process of OPA makes.
const BATCH: usize = 500;

/// Calls of one builtin.
#[derive(Clone, Debug)]
pub struct Calls {
    /// The call in Rego, over an array `c` of its arguments.
    pub call: String,
    /// The arguments of each call, as Rego text.
    pub cases: Vec<Vec<String>>,
    /// Whether the call is of Rego v0, which still has the deprecated builtins.
    pub v0: bool,
}

impl Calls {
    /// Calls of the builtin `name`, with these arguments.
    pub fn of(name: &str, cases: Vec<Vec<String>>) -> Self {
        let places: Vec<String> = (0..cases.first().map_or(0, Vec::len)).map(|index| format!("c[{index}]")).collect();
        Self { call: format!("{name}({})", places.join(", ")), cases, v0: false }
    }
}

/// What a call gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A value, as JSON.
    Value(Value),
    /// Nothing, and that is no error.
    Undefined,
    /// An error.
    Error {
        /// `eval_type_error` or `eval_builtin_error`.
        code: String,
        /// What happened, with the builtin's name in front.
        message: String,
    },
    /// A bound ended the evaluation; OPA never answers so.
    Halted(String),
}

impl Answer {
    /// The answer, an error's message left out.
    #[must_use]
    pub fn without_message(self) -> Self {
        match self {
            Self::Error { code, .. } => Self::Error { code, message: String::new() },
            other => other,
        }
    }
}

impl Opa {
    /// The answer of each call; `None` where it crashes OPA.
    ///
    /// # Errors
    /// [`OpaError`] where OPA does not take the calls at all.
    pub fn answers(&self, calls: &Calls) -> Result<Vec<Option<Answer>>, OpaError> {
        let mut answers = Vec::with_capacity(calls.cases.len());
        for batch in calls.cases.chunks(BATCH) {
            self.answer(calls, batch, &mut answers)?;
        }
        Ok(answers)
    }

    /// Asks for all of `cases` at once, and by halves if that crashes.
    fn answer(&self, calls: &Calls, cases: &[Vec<String>], answers: &mut Vec<Option<Answer>>) -> Result<(), OpaError> {
        // Literals and not input: only a module can hold sets. A line for each call, by which errors name it. The elements of
        // what `array.concat` gives are of any type to the checker.
        let mut module = String::from("package t\n\nimport future.keywords\n\ncases := array.concat([\n");
        for case in cases {
            // A byte-order mark is refused in source.
            module.push_str(&format!("\t[{}],\n", case.join(", ")).replace('\u{feff}', "\\ufeff"));
        }
        module.push_str("], [])\n\n");
        let first = module.lines().count().saturating_add(1);
        for index in 0..cases.len() {
            // Writing to a string cannot fail.
            let _ = writeln!(module, "results[{index}] = v if {{ c := cases[{index}]; v := {} }}", calls.call);
        }
        let evaluation = Evaluation { modules: &[("t.rego", &module)], v0: calls.v0, ..Evaluation::default() };
        match self.eval_with_errors(evaluation, "data.t.results") {
            Ok((results, errors)) => {
                let results = results.unwrap_or(Value::Null);
                answers.extend((0..cases.len()).map(|index| {
                    let error = errors.iter().find(|error| error.row == first.saturating_add(index));
                    Some(match (results.get(index.to_string()), error) {
                        (Some(value), _) => Answer::Value(value.clone()),
                        (None, Some(error)) => {
                            Answer::Error { code: error.code.clone(), message: error.message.clone() }
                        }
                        (None, None) => Answer::Undefined,
                    })
                }));
                Ok(())
            }
            Err(OpaError::Failed(reason)) if reason.contains("panic") => {
                if let [_] = cases {
                    answers.push(None);
                    return Ok(());
                }
                let (first, second) = cases.split_at(cases.len() / 2);
                self.answer(calls, first, answers)?;
                self.answer(calls, second, answers)
            }
            Err(error) => Err(error),
        }
    }
}

/// How much a differential run asks: `SEALGATE_DIFFERENTIAL` calls per builtin, drawn anew for each of the seeds
/// `SEALGATE_SEED` (`3`, or `1-4`), of the builtins only whose names begin with `SEALGATE_BUILTIN`.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Calls per builtin and seed.
    pub calls: usize,
    /// What the draws depend on.
    pub seeds: Vec<u64>,
    only: Option<String>,
}

impl Effort {
    /// As the environment says, else one seed and so many calls.
    ///
    /// # Panics
    /// If a variable is no number or range: a run that asks less than its caller wants must not pass.
    #[allow(clippy::expect_used, reason = "a test's setting that is unreadable fails the test")]
    pub fn from_env(calls: usize) -> Self {
        let number = |text: &str| text.trim().parse::<u64>().expect("SEALGATE_SEED is a number or a range `1-4`");
        let variable = |name: &str| std::env::var(name).ok();
        let seeds = variable("SEALGATE_SEED").map_or(vec![1], |text| match text.split_once('-') {
            Some((first, last)) => (number(first)..=number(last)).collect(),
            None => vec![number(&text)],
        });
        let calls = variable("SEALGATE_DIFFERENTIAL")
            .map_or(calls, |text| text.parse().expect("SEALGATE_DIFFERENTIAL is a number"));
        Self { calls, seeds, only: variable("SEALGATE_BUILTIN") }
    }

    /// Whether the builtin of this name is to be asked.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.starts_with(only))
    }
}

/// What `work` gives for each item, in order, made on as many threads as there are cores.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let (at, Some(item)) = take(&next, items) {
                    let result = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, T>(next: &AtomicUsize, items: &'a [T]) -> (usize, Option<&'a T>) {
    let at = next.fetch_add(1, Ordering::Relaxed);
    (at, items.get(at))
}

/// Draws at random, the same in every run.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// A source that depends on a name and a seed.
    pub fn new(name: &str, seed: u64) -> Self {
        let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = name.bytes().fold(start, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(hash | 1)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.bits() >> 33).unwrap_or_default().checked_rem(limit).unwrap_or_default()
    }

    /// True once in so many draws.
    pub fn once_in(&mut self, draws: usize) -> bool {
        self.below(draws) == 0
    }

    /// One of the choices.
    ///
    /// # Panics
    /// If there is none.
    #[allow(clippy::indexing_slicing, reason = "a test that offers no choice is wrong")]
    pub fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// The text with a character changed, lost, doubled or moved.
    #[must_use]
    pub fn mutate(&mut self, text: &str) -> String {
        const OTHERS: [char; 14] = ['0', '9', ' ', '-', ':', 'Z', 'x', 'é', '.', ',', '"', '{', '#', '='];
        let mut chars: Vec<char> = text.chars().collect();
        let (at, middle) = (self.below(chars.len().max(1)), chars.len() / 2);
        let Some(here) = chars.get(at).copied() else { return " ".to_owned() };
        match self.below(4) {
            0 => drop(chars.remove(at)),
            1 => chars.insert(at, here),
            2 => chars.swap(at, middle),
            _ => {
                let other = OTHERS.get(self.below(OTHERS.len())).copied();
                chars.splice(at..=at, other);
            }
        }
        chars.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::require;

    #[test]
    fn answers_come_in_order_with_their_errors() {
        let Some(opa) = require(Opa::find()) else { return };
        let case = |index: usize| match index % 3 {
            0 => vec![index.to_string(), "2".to_owned()],
            1 => vec!["1".to_owned(), "0".to_owned()],
            _ => vec!["\"a\"".to_owned(), "{1}".to_owned()],
        };
        let calls = Calls::of("div", (0..BATCH + 3).map(case).collect());
        let answers = opa.answers(&calls).unwrap();
        assert_eq!(answers.len(), calls.cases.len());
        for (case, answer) in calls.cases.iter().zip(answers) {
            match (case[0].parse::<f64>(), case[1].as_str(), answer.unwrap()) {
                (Ok(number), "2", Answer::Value(value)) => assert_eq!(value.as_f64(), Some(number / 2.0)),
                (Ok(_), "0", Answer::Error { code, message }) => {
                    assert_eq!((code.as_str(), message.as_str()), ("eval_builtin_error", "div: divide by zero"));
                }
                (Err(_), _, Answer::Error { code, .. }) => assert_eq!(code, "eval_type_error"),
                (_, _, answer) => panic!("{case:?}: {answer:?}"),
            }
        }
    }

    #[test]
    fn work_is_shared_and_kept_in_order() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(in_parallel(&items, |item| item * 2), (0..2000).step_by(2).collect::<Vec<_>>());
    }
}
