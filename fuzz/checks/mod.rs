//! What the fuzz targets check, each of any bytes at all. The targets hand over what the fuzzer makes up; the same
//! checks run as ordinary tests on what was found that way, and on a little of everything (`tests/regressions.rs`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a check that fails is a failed test")]

pub(crate) mod alerts;
pub(crate) mod inflate;
pub(crate) mod patterns;
pub(crate) mod pipeline;
pub(crate) mod records;
pub(crate) mod scan;
pub(crate) mod strings;
pub(crate) mod triggers;

#[path = "../../tests/common/mod.rs"]
pub(crate) mod common;
#[path = "../../tests/standin/entry.rs"]
#[allow(dead_code, reason = "a part of what the stand-in for SNS uses")]
mod entry;

/// Panics if something is wrong.
pub(crate) type Check = fn(&[u8]);

/// All checks, by the names of their targets.
pub(crate) const CHECKS: [(&str, Check); 8] = [
    ("alerts", alerts::check),
    ("inflate", inflate::check),
    ("patterns", patterns::check),
    ("pipeline", pipeline::check),
    ("records", records::check),
    ("scan", scan::check),
    ("strings", strings::check),
    ("triggers", triggers::check),
];

/// Numbers that the input decides on, taken from its front.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// A number below `n`; 0 when the input is used up.
    fn below(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % n
    }

    /// The front of the input as a seed for any number of choices, and the rest.
    fn seed(self) -> (common::Random, &'a [u8]) {
        match self.0.split_first_chunk::<4>() {
            Some((seed, rest)) => (common::Random::new(u64::from(u32::from_le_bytes(*seed))), rest),
            None => (common::Random::new(0), self.0),
        }
    }
}

/// Cuts bytes into pieces of random lengths, most of them short, some empty.
fn pieces<'a>(random: &mut common::Random, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let most = [2, 10, 200, 5_000][random.below(4)];
        let (piece, rest) = bytes.split_at(random.below(most).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}
