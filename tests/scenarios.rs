//! The promise of the Lambda function under faults, over many seeded scenarios: an object is reported done only when
//! it was read to its end and SNS accepted every alert of it, and what can be done is.
//!
//! The real `bootstrap` runs between stand-ins that break as scripted. `TRAILWIRE_SCENARIOS` says how many scenarios
//! are run; a failure prints its seed, and `TRAILWIRE_SEED` runs that one alone.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;
mod scenario;
mod standin;

use scenario::{Kind, rules, run};
use standin::function::Function;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use trailwire::handler::Settings;

/// Without a word to the contrary: a few seconds' worth.
const SCENARIOS: u64 = 150;

/// What the unoptimised program takes by itself.
const PROGRAM_BYTES: u64 = 64 << 20;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn nothing_is_lost_and_nothing_is_made_up() {
    let (first, count) = match number("TRAILWIRE_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("TRAILWIRE_SCENARIOS").unwrap_or(SCENARIOS)),
    };
    let (failed, done) = (AtomicBool::new(false), Mutex::new(BTreeMap::<Kind, u64>::new()));
    thread::scope(|scope| {
        // Below 1,769 MB the function has one thread, and with so many it has two. A seed is always of the same one.
        for (odd, memory, alert_bytes) in [(0, "3538", "4194304"), (1, "512", "20000")] {
            let (failed, done) = (&failed, &done);
            let mut seeds = (first..first + count).filter(move |seed| seed % 2 == odd).peekable();
            if seeds.peek().is_none() {
                continue;
            }
            scope.spawn(move || {
                let settings = [
                    ("TRAILWIRE_RULES", &rules()[..]),
                    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory),
                    // With so few, alerts wait for others to be sent.
                    ("TRAILWIRE_ALERT_BYTES", alert_bytes),
                ];
                let function = Function::start(&settings);
                for seed in seeds.take_while(|_| !failed.load(Ordering::Relaxed)) {
                    let kinds = run(&function, seed).unwrap_or_else(|reason| {
                        failed.store(true, Ordering::Relaxed);
                        panic!("TRAILWIRE_SEED={seed}: {reason}");
                    });
                    kinds.into_iter().for_each(|kind| *done.lock().unwrap().entry(kind).or_default() += 1);
                }
                let settings = Settings { lanes: 16, ..Settings::default() };
                let (peak, bound) = (function.peak_bytes(), settings.max_bytes() as u64 + PROGRAM_BYTES);
                assert!(peak <= bound, "{peak} bytes at most, and {bound} allowed");
                println!("peak memory: {} MiB of {}", peak >> 20, bound >> 20);
            });
        }
    });
    let done = done.into_inner().unwrap();
    println!("{count} scenarios, of which each kind of trouble was in so many:");
    done.iter().for_each(|(kind, times)| println!("  {times:5} {kind:?}"));
    if count >= 1_000 {
        assert_eq!(done.len(), Kind::ALL.len(), "every kind was there");
    }
}
