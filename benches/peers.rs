//! One rule on three fields, asked of bytes that are hot in cache: trailwire beside what a Rust program would else read
//! JSON with. All give the same answer. See README.md in this folder.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has failed")]

mod data;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use data::common::rules;
use serde::Deserialize;
use simd_json::prelude::*;
use std::borrow::Cow;
use std::hint::black_box;
use trailwire::{Layout, Limits, Pipeline};

const RULE: &str = r#"{"eventType":["AwsApiCall"],"eventSource":["sts.amazonaws.com"],"eventName":["AssumeRole"]}"#;

/// What the rule asks for.
fn wanted(kind: Option<&str>, source: Option<&str>, name: Option<&str>) -> bool {
    (kind, source, name) == (Some("AwsApiCall"), Some("sts.amazonaws.com"), Some("AssumeRole"))
}

/// The three fields by themselves, borrowed where they hold no escape.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, rename = "eventType")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "eventSource")]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "eventName")]
    name: Option<Cow<'a, str>>,
}

impl Record<'_> {
    fn matches(&self) -> bool {
        wanted(self.kind.as_deref(), self.source.as_deref(), self.name.as_deref())
    }
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow, rename = "Records")]
    records: Vec<Record<'a>>,
}

impl File<'_> {
    fn matches(&self) -> usize {
        self.records.iter().filter(|record| record.matches()).count()
    }
}

fn peers(criterion: &mut Criterion) {
    let text = data::plain_log(192 << 10);
    let text = text.as_bytes();
    let value: serde_json::Value = serde_json::from_slice(text).unwrap();
    let matches = value["Records"].as_array().unwrap().iter().filter(|record| {
        wanted(record["eventType"].as_str(), record["eventSource"].as_str(), record["eventName"].as_str())
    });
    let expected = matches.count();
    assert!(expected > 0, "no record matches");

    let mut group = criterion.benchmark_group("one rule on 192 KiB");
    group.throughput(Throughput::Bytes(text.len() as u64));
    let mut copy = vec![0; text.len()];
    group.bench_function("memcpy", |bencher| bencher.iter(|| copy.copy_from_slice(black_box(text))));
    let mut pipeline = Pipeline::new(rules(&[RULE]), &Limits::default(), Layout::Files);
    group.bench_function("trailwire: scan, records, 3 fields, rule", |bencher| {
        bencher.iter(|| assert_eq!(data::read(&mut pipeline, black_box(text)), expected));
    });
    // It picks its SIMD instructions at compile time: see README.md.
    group.bench_function("sonic-rs, a struct", |bencher| {
        bencher.iter(|| assert_eq!(sonic_rs::from_slice::<File<'_>>(black_box(text)).unwrap().matches(), expected));
    });
    group.bench_function("serde_json, a struct", |bencher| {
        bencher.iter(|| assert_eq!(serde_json::from_slice::<File<'_>>(black_box(text)).unwrap().matches(), expected));
    });
    // simd-json writes to its input, so it gets a copy, which takes it some 3 % longer.
    let (mut buffers, mut bytes) = (simd_json::Buffers::default(), Vec::new());
    let mut tape = || {
        bytes.clear();
        bytes.extend_from_slice(black_box(text));
        let tape = simd_json::to_tape_with_buffers(&mut bytes, &mut buffers).unwrap();
        let records = tape.as_value().as_object().unwrap().get("Records").unwrap().as_array().unwrap();
        let matches = records.iter().filter(|record| {
            let record = record.as_object().unwrap();
            let field = |key| record.get(key).and_then(ValueIntoString::into_string);
            wanted(field("eventType"), field("eventSource"), field("eventName"))
        });
        matches.count()
    };
    data::compare(
        "time of trailwire by that of simd-json's tape",
        301,
        || data::read(&mut pipeline, black_box(text)),
        &mut tape,
    );
    group.bench_function("simd-json, tape", |bencher| bencher.iter(|| assert_eq!(tape(), expected)));
    group.bench_function("simd-json, borrowed value", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            bytes.extend_from_slice(black_box(text));
            let value = simd_json::to_borrowed_value_with_buffers(&mut bytes, &mut buffers).unwrap();
            let matches = value["Records"].as_array().unwrap().iter().filter(|record| {
                wanted(record.get_str("eventType"), record.get_str("eventSource"), record.get_str("eventName"))
            });
            assert_eq!(matches.count(), expected);
        });
    });
    group.finish();
}

criterion_group!(benches, peers);
criterion_main!(benches);
