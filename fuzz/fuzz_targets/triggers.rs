//! Trigger events are understood, or refused. What is checked, and how the input is read, is in `checks/triggers.rs`.
//!
//! `cargo +nightly fuzz run triggers fuzz/corpus/triggers fuzz/seeds/triggers -- -dict=fuzz/dictionaries/json.dict`

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::triggers::check(data));
