//! Patterns against a naive matcher. What is checked, and how the input is read, is in `checks/patterns.rs`.
//!
//! `cargo +nightly fuzz run patterns fuzz/corpus/patterns fuzz/seeds/patterns -- -dict=fuzz/dictionaries/json.dict`

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::patterns::check(data));
