//! Records against serde_json. What is checked, and how the input is read, is in `checks/records.rs`.
//!
//! `cargo +nightly fuzz run records fuzz/corpus/records fuzz/seeds/records -- -dict=fuzz/dictionaries/json.dict`

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::records::check(data));
