//! Prints the records of a log file that match a pattern:
//!
//! ```sh
//! cargo run --example scan -- '{"eventName":["CreateTopic"]}' FILE
//! ```

#![allow(clippy::print_stdout, reason = "printing is what it does")]

use std::{env, error::Error, fs::File, io::Read, ops::ControlFlow, sync::Arc};
use trailwire::{Layout, Limits, Match, Pipeline, RuleSet, rule::Rule};

fn main() -> Result<(), Box<dyn Error>> {
    let (Some(pattern), Some(path)) = (env::args().nth(1), env::args().nth(2)) else {
        return Err("usage: scan PATTERN FILE".into());
    };
    let rules = RuleSet::new(vec![Rule::from_pattern("mine", &pattern)?]);
    let mut pipeline = Pipeline::new(Arc::new(rules), &Limits::default(), Layout::Files);
    let mut print = |found: &Match<'_>| {
        println!("record {}: {}", found.number, String::from_utf8_lossy(found.record));
        ControlFlow::Continue(())
    };
    let (mut file, mut chunk) = (File::open(path)?, vec![0; 64 << 10]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            length => pipeline.feed(&chunk[..length], &mut print).0?,
        };
    }
    pipeline.finish(&mut print)?;
    Ok(())
}
