//! Alerts of any record are messages that SNS accepts. What is checked, and how the input is read, is in `checks/alerts.rs`.
//!
//! `cargo +nightly fuzz run alerts fuzz/corpus/alerts fuzz/seeds/alerts -- -dict=fuzz/dictionaries/json.dict`

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::alerts::check(data));
