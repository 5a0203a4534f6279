//! Contestants by turns: every round asks each of them once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::contestant::{Contestant, Entrant};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How often every process is started anew: code and data lie elsewhere each time.
    pub(crate) starts: usize,
    /// Rounds after each start.
    pub(crate) rounds: usize,
    /// How long one contestant is asked in a round; one decision at least.
    pub(crate) turn: Duration,
}

/// What a group of contestants took: nanoseconds per decision and round, or why one took no part.
#[derive(Debug, Default)]
pub(crate) struct Times(BTreeMap<&'static str, Result<Vec<f64>, String>>);

impl Times {
    /// The median of the rounds.
    ///
    /// # Errors
    /// Why the contestant took no part.
    pub(crate) fn of(&self, name: &str) -> Result<f64, String> {
        Ok(median(self.rounds(name)?.clone()))
    }

    /// The median of `this` divided by `that`, round by round, with the quartiles.
    ///
    /// # Errors
    /// Why one of them took no part.
    pub(crate) fn ratio(&self, this: &str, that: &str) -> Result<Ratio, String> {
        let quotients = self.rounds(this)?.iter().zip(self.rounds(that)?).map(|(this, that)| this / that);
        Ok(Ratio::of(quotients.collect()))
    }

    fn rounds(&self, name: &str) -> Result<&Vec<f64>, String> {
        match self.0.get(name) {
            Some(Ok(rounds)) => Ok(rounds),
            Some(Err(reason)) => Err(format!("{name}: {reason}")),
            None => Err(format!("{name} was not measured")),
        }
    }
}

/// A median with its quartiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) quartiles: [f64; 2],
}

impl Ratio {
    pub(crate) fn of(mut quotients: Vec<f64>) -> Self {
        quotients.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (quotients.len().saturating_sub(1)) as f64 * share;
            quotients.get(index.round() as usize).copied().unwrap_or(f64::NAN)
        };
        Self { median: at(0.5), quartiles: [at(0.25), at(0.75)] }
    }
}

/// The middle one.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    Ratio::of(values).median
}

/// Starts every entrant, holds that all of them decide as the first does, and asks them by turns. Whoever fails, or decides
/// otherwise, is out with the reason.
pub(crate) fn race(entrants: &[Entrant], plan: Plan) -> Times {
    let mut times: BTreeMap<_, _> =
        entrants.iter().map(|entrant| (entrant.name, entrant.command.clone().map(|_| Vec::new()))).collect();
    for _ in 0..plan.starts {
        let mut running = start(entrants, &mut times);
        for round in 0..plan.rounds {
            // There and back, so that nobody always follows the same one.
            let order: Vec<usize> =
                if round % 2 == 0 { (0..running.len()).collect() } else { (0..running.len()).rev().collect() };
            for index in order {
                let Some((name, contestant, count)) = running.get_mut(index) else { continue };
                let Some(Ok(rounds)) = times.get_mut(name) else { continue };
                match contestant.run(*count) {
                    Ok(time) => rounds.push(time),
                    Err(reason) => drop(times.insert(name, Err(reason))),
                }
            }
            for (name, _, count) in &mut running {
                if round == 0
                    && let Some(Ok(rounds)) = times.get(name)
                {
                    *count = turn(plan.turn, rounds.last().copied().unwrap_or(f64::INFINITY));
                }
            }
        }
    }
    Times(times)
}

type Running = (&'static str, Contestant, u64);

fn start(entrants: &[Entrant], times: &mut BTreeMap<&'static str, Result<Vec<f64>, String>>) -> Vec<Running> {
    let mut running = Vec::new();
    let mut expected: Option<String> = None;
    for entrant in entrants {
        let (Ok(command), Some(Ok(_))) = (&entrant.command, times.get(entrant.name)) else { continue };
        let started = Contestant::start(command).and_then(|mut contestant| {
            let outcomes = if entrant.name == super::rows::EMPTY { None } else { Some(contestant.outcomes()?) };
            let count = calibrate(&mut contestant, Duration::from_millis(1))?;
            Ok((contestant, outcomes, count))
        });
        match started {
            Ok((_, Some(outcomes), _)) if expected.as_ref().is_some_and(|expected| *expected != outcomes) => {
                let expected = expected.as_deref().unwrap_or_default();
                let reason = format!("it decides the sample calls otherwise: `{outcomes}`, not `{expected}`");
                times.insert(entrant.name, Err(reason));
            }
            Ok((contestant, outcomes, count)) => {
                expected = expected.or(outcomes);
                running.push((entrant.name, contestant, count));
            }
            Err(reason) => drop(times.insert(entrant.name, Err(reason))),
        }
    }
    running
}

/// How many decisions take about that long.
fn calibrate(contestant: &mut Contestant, turn_length: Duration) -> Result<u64, String> {
    let mut count = 1;
    loop {
        let each = contestant.run(count)?;
        let wanted = turn(turn_length, each);
        if count >= wanted / 2 {
            return Ok(wanted);
        }
        // The first ones take longer than those that follow.
        count = wanted.min(count * 16);
    }
}

fn turn(length: Duration, each: f64) -> u64 {
    ((length.as_nanos() as f64 / each) as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disturbed_round_does_not_move_the_ratio() {
        let side = |times: &[f64]| Ok(times.to_vec());
        let times = Times(BTreeMap::from([
            ("a", side(&[1.0, 9.0, 1.0, 1.0, 2.0])),
            ("b", side(&[2.0, 2.0, 2.0, 2.0, 4.0])),
            ("c", Err("is missing".to_owned())),
        ]));
        assert_eq!(times.ratio("a", "b"), Ok(Ratio { median: 0.5, quartiles: [0.5, 0.5] }));
        assert_eq!(times.of("a"), Ok(1.0));
        assert_eq!(times.ratio("a", "c"), Err("c: is missing".to_owned()));
        assert!(times.ratio("a", "d").is_err());
    }

    #[test]
    fn who_cannot_start_is_out_with_the_reason() {
        let entrants = [Entrant::new("nobody", &Ok("there-is-no-such-program".into()), &[])];
        let plan = Plan { starts: 1, rounds: 1, turn: Duration::from_millis(1) };
        assert!(race(&entrants, plan).of("nobody").unwrap_err().contains("cannot be started"));
    }
}
