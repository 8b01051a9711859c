//! Inflate against miniz_oxide. What is checked, and how the input is read, is in `checks/inflate.rs`.
//!
//! `cargo +nightly fuzz run inflate fuzz/corpus/inflate fuzz/seeds/inflate -- -dict=fuzz/dictionaries/gzip.dict`

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::inflate::check(data));
