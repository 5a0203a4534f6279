//! The deadline thread: it moves the epoch while it is needed, sleeps when it is not, and ends with its engine.

use super::*;

fn engine() -> Engine {
    Engine::new(&EngineOptions { instances: 1, ..EngineOptions::default() }).unwrap()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what} did not happen");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn it_sleeps_when_idle_and_wakes_when_touched() {
    let engine = engine();
    let ticker = Arc::clone(&engine.inner.ticker);
    engine.register_deadline(Duration::from_millis(5));
    for _ in 0..3 {
        wait_until("sleep", || ticker.parked.load(Ordering::SeqCst));
        engine.touch();
        wait_until("waking", || !ticker.parked.load(Ordering::SeqCst));
    }
}

#[test]
fn it_does_not_sleep_while_held() {
    let engine = engine();
    let ticker = Arc::clone(&engine.inner.ticker);
    let hold = engine.hold();
    wait_until("waking", || !ticker.parked.load(Ordering::SeqCst));
    thread::sleep(Duration::from_millis(200));
    assert!(!ticker.parked.load(Ordering::SeqCst));
    drop(hold);
    wait_until("sleep", || ticker.parked.load(Ordering::SeqCst));
}

#[test]
fn it_ends_with_its_engine() {
    let engine = engine();
    let ticker = Arc::downgrade(&engine.inner.ticker);
    drop(engine);
    wait_until("the end", || ticker.strong_count() == 0);
}

#[test]
fn a_deadline_is_never_shorter_than_asked_for() {
    let engine = engine();
    assert_eq!(engine.ticks(Duration::from_millis(50)), 51);
    assert_eq!(engine.ticks(Duration::from_micros(1)), 2);
    assert_eq!(engine.ticks(Duration::ZERO), 1);
    assert_eq!(engine.ticks(Duration::MAX), engine.ticks(engine.options().longest_deadline));
}

#[test]
fn options_out_of_range_are_refused() {
    let good = EngineOptions::default;
    for (option, options) in [
        ("tick", EngineOptions { tick: Duration::ZERO, ..good() }),
        ("longest_deadline", EngineOptions { longest_deadline: Duration::ZERO, ..good() }),
        ("max_memory", EngineOptions { max_memory: 1, ..good() }),
        ("max_memory", EngineOptions { max_memory: usize::MAX, ..good() }),
        ("max_stack", EngineOptions { max_stack: 1, ..good() }),
        ("instances", EngineOptions { instances: 0, ..good() }),
    ] {
        match Engine::new(&options) {
            Err(EngineError::Option { option: refused, .. }) => assert_eq!(refused, option),
            other => panic!("{option}: {other:?}"),
        }
    }
}
