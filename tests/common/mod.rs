//! What the tests of the core share: a runner that feeds a pipeline in chosen pieces, gzip, random numbers, and an
//! oracle: CloudTrail documents and event patterns read with serde_json and matched by the words of the
//! specification, without a line of the crate's own JSON or matching code.
#![allow(dead_code, reason = "each test binary uses its part of these helpers")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

pub(crate) mod oracle;
#[path = "../../src/testing.rs"]
pub(crate) mod testing;

#[allow(unused_imports, reason = "as above")]
pub(crate) use testing::{Random, gzip};

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailwire::rule::{Pattern, Rule};
use trailwire::{Counts, Error, Layout, Limits, Match, Pipeline, RuleSet, Step};

/// A match, copied out of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) number: u64,
    pub(crate) offset: u64,
    pub(crate) record: String,
    pub(crate) rules: Vec<u32>,
}

/// What came of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) found: Vec<Found>,
    pub(crate) result: Result<(), Error>,
    pub(crate) counts: Counts,
}

impl Outcome {
    /// Without what may depend on the pieces: how far the pipeline had read ahead when it met an error.
    pub(crate) fn normal(mut self) -> Self {
        if self.result.is_err() {
            (self.counts.bytes, self.counts.stored_bytes) = (0, 0);
        }
        self
    }
}

/// Whether the sink asks for a pause behind each match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pauses {
    Never,
    EachMatch,
}

/// Compiles patterns to a set of rules, one rule each.
pub(crate) fn rules(patterns: &[&str]) -> Arc<RuleSet> {
    let rule = |(number, text): (usize, &&str)| Rule::new(format!("r{number}"), Pattern::from_json(text).unwrap());
    Arc::new(RuleSet::new(patterns.iter().enumerate().map(rule).collect()))
}

/// The set of one rule that every record matches.
pub(crate) fn any() -> Arc<RuleSet> {
    Arc::new(RuleSet::new(vec![Rule::new("any", Pattern::any())]))
}

/// A pipeline over log files with the default limits, on the backend that TRAILWIRE_SIMD allows.
pub(crate) fn pipeline(rules: &Arc<RuleSet>) -> Pipeline {
    static LIMITED: std::sync::Once = std::sync::Once::new();
    LIMITED.call_once(|| {
        if let Ok(name) = std::env::var("TRAILWIRE_SIMD") {
            trailwire::scan::limit(trailwire::scan::Level::named(&name).unwrap());
        }
    });
    Pipeline::new(rules.clone(), &Limits::default(), Layout::Files)
}

/// Runs one object through a pipeline, piece by piece.
pub(crate) fn run<'a>(pipeline: &mut Pipeline, pieces: impl IntoIterator<Item = &'a [u8]>, pauses: Pauses) -> Outcome {
    pipeline.reset();
    let mut found = Vec::new();
    let mut sink = |it: &Match<'_>| {
        let record = String::from_utf8_lossy(it.record).into_owned();
        found.push(Found { number: it.number, offset: it.offset, record, rules: it.rules.to_vec() });
        if pauses == Pauses::EachMatch { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut result = Ok(());
    'pieces: for mut piece in pieces {
        loop {
            let (step, taken) = pipeline.feed(piece, &mut sink);
            piece = &piece[taken..];
            match step {
                Ok(Step::InputEmpty) => {
                    assert!(piece.is_empty(), "a pipeline that asks for more has taken all");
                    break;
                }
                Ok(Step::Paused) => {}
                Ok(Step::End) => panic!("only finish ends an object"),
                Err(error) => {
                    result = Err(error);
                    break 'pieces;
                }
            }
        }
    }
    let end = loop {
        match pipeline.finish(&mut sink) {
            Ok(Step::Paused) => {}
            Ok(Step::End) => break Ok(()),
            Ok(Step::InputEmpty) => panic!("finish takes no input"),
            Err(error) => break Err(error),
        }
    };
    if result.is_err() {
        assert_eq!(end, result, "an error stays");
    }
    Outcome { found, result: end, counts: pipeline.counts() }
}

/// Runs one object through a pipeline in one piece.
pub(crate) fn run_whole(pipeline: &mut Pipeline, object: &[u8]) -> Outcome {
    run(pipeline, [object], Pauses::Never)
}

/// All members of a gzip file, or the bytes themselves if they are none; `None` where they are damaged.
pub(crate) fn gunzip(stored: &[u8]) -> Option<Vec<u8>> {
    if !stored.starts_with(&[0x1f, 0x8b]) {
        return Some(stored.to_vec());
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::bufread::MultiGzDecoder::new(stored), &mut bytes).ok()?;
    Some(bytes)
}

/// The crate's folder, with `path` behind it.
pub(crate) fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All files in a folder and those below it, by path; none if there is no such folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

impl Random {
    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `all`.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// The text cut into pieces of random sizes up to `longest`.
    pub(crate) fn pieces<'a>(&mut self, mut text: &'a [u8], longest: usize) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !text.is_empty() {
            let (piece, rest) = text.split_at((1 + self.below(longest)).min(text.len()));
            pieces.push(piece);
            text = rest;
        }
        pieces
    }
}
