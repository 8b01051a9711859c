//! Strings against serde_json. What is checked, and how the input is read, is in `checks/strings.rs`.
//!
//! `cargo +nightly fuzz run strings fuzz/corpus/strings fuzz/seeds/strings -- -dict=fuzz/dictionaries/json.dict`

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::strings::check(data));
