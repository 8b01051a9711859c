//! Any pieces of any bytes give the same. What is checked, and how the input is read, is in `checks/pipeline.rs`.
//!
//! `cargo +nightly fuzz run pipeline fuzz/corpus/pipeline fuzz/seeds/pipeline -- -dict=fuzz/dictionaries/json.dict`

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::pipeline::check(data));
