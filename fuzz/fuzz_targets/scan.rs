//! The SIMD scan against a byte-at-a-time twin. What is checked, and how the input is read, is in `checks/scan.rs`.
//!
//! `cargo +nightly fuzz run scan fuzz/corpus/scan fuzz/seeds/scan -- -dict=fuzz/dictionaries/json.dict`

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::scan::check(data));
