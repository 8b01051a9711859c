//! What the benches read: log files of any size made of records of the test data (or of real logs, where they are at
//! hand), each with an `eventID` of its own, so that they compress as real ones do.
#![allow(dead_code, reason = "each bench uses its part")]

#[path = "../../tests/common/mod.rs"]
pub(crate) mod common;

use common::oracle::{self, Shape};
use common::{files, folder, gunzip};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;
use trailwire::{Match, Pipeline};

/// The records of the real logs, or of the test data.
pub(crate) fn records() -> Vec<String> {
    let mut paths = files(&folder("../shared/corpus/logs/invictus"));
    if paths.is_empty() {
        paths = files(&folder("testdata/bucket"));
    }
    let texts = paths.iter().filter_map(|path| String::from_utf8(gunzip(&std::fs::read(path).unwrap())?).ok());
    let mut records = Vec::new();
    for text in texts {
        if let Shape::Records(of_file) = oracle::document(&text) {
            records.extend(of_file.iter().map(|(_, record)| (*record).to_owned()));
        }
    }
    records
}

/// A log file of at least so many bytes, and how many records it has. One record in a hundred is a call that no other
/// is: `BenchTopic`.
pub(crate) fn log(bytes: usize) -> (String, usize) {
    let records = records();
    let mut text = "{\"Records\":[".to_owned();
    let mut count = 0;
    while text.len() < bytes {
        let record = &records[count % records.len()];
        if count > 0 {
            text.push(',');
        }
        let inside = record.trim_start_matches('{');
        text.push_str(&format!("{{\"benchID\":\"{:016x}\",", (count as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        if count % 100 == 0 {
            text.push_str("\"eventName\":\"BenchTopic\",");
        }
        text.push_str(inside);
        count += 1;
    }
    text.push_str("]}");
    (text, count)
}

/// As [`log`], but of records as they are: no key comes twice, which a struct of serde refuses.
pub(crate) fn plain_log(bytes: usize) -> String {
    let (mut text, mut length) = (Vec::new(), 0);
    for record in records().into_iter().cycle() {
        if length >= bytes {
            break;
        }
        length += record.len() + 1;
        text.push(record);
    }
    format!("{{\"Records\":[{}]}}", text.join(","))
}

/// Bytes that are given to a pipeline at once, as from a file or S3.
const CHUNK: usize = 64 << 10;

/// Reads an object; returns how many records match.
pub(crate) fn read(pipeline: &mut Pipeline, stored: &[u8]) -> usize {
    let mut matches = 0;
    let mut sink = |_: &Match<'_>| {
        matches += 1;
        ControlFlow::Continue(())
    };
    pipeline.reset();
    for chunk in stored.chunks(CHUNK) {
        pipeline.feed(chunk, &mut sink).0.unwrap();
    }
    pipeline.finish(&mut sink).unwrap();
    matches
}

/// Prints how long `work` takes as a part of what `baseline` takes: the median of pairs, since the clock drifts between
/// one bench and the next. All that each needs is in the caches, as far as it fits. Nothing where benches are only tried.
#[allow(clippy::print_stdout, reason = "a result")]
pub(crate) fn compare(name: &str, pairs: usize, mut work: impl FnMut() -> usize, mut baseline: impl FnMut() -> usize) {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let mut ratios: Vec<f64> = (0..pairs).map(|_| seconds(&mut work) / seconds(&mut baseline)).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[pairs / 2];
    println!("{name}: {ratio:.3} (1/{:.2}) in the median of {pairs} pairs", 1.0 / ratio);
}

fn seconds(work: &mut impl FnMut() -> usize) -> f64 {
    black_box(work());
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}
