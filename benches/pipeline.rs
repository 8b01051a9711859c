//! Whole pipelines, gzip in and matches out, beside zlib-rs inflating the same bytes and doing nothing else; and each
//! stage by itself on bytes that are hot in cache. See README.md in this folder.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has failed")]

mod data;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use data::common::{any, gzip, rules, run_whole};
use data::read;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::Read;
use std::sync::Arc;
use trailwire::alert::{AlertReader, Origin};
use trailwire::inflate::Inflater;
use trailwire::picker::Picker;
use trailwire::rule::{Format, PACKS, Rule, RuleFile, load};
use trailwire::scan::{Carry, GROUP, Group, classify};
use trailwire::{Layout, Limits, Match, Pipeline, RuleSet};

/// Decompressed, of the large file.
const BYTES: usize = 20_000_000;

/// Inflates with flate2 on zlib-rs; returns the bytes.
fn inflate(stored: &[u8], buffer: &mut [u8]) -> usize {
    let mut reader = flate2::bufread::GzDecoder::new(stored);
    let mut bytes = 0;
    loop {
        match reader.read(buffer).unwrap() {
            0 => return bytes,
            n => bytes += n,
        }
    }
}

fn pipelines(criterion: &mut Criterion) {
    let (text, records) = data::log(BYTES);
    let stored = gzip(text.as_bytes());
    let mut buffer = vec![0; 256 << 10];
    assert_eq!(inflate(&stored, &mut buffer), text.len());

    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
    group.bench_function("zlib-rs inflates the same bytes", |bencher| {
        bencher.iter(|| black_box(inflate(&stored, &mut buffer)));
    });
    let three = r#"{"eventType":["AwsApiCall"],"eventSource":["sns.amazonaws.com"],"eventName":["NoSuchCall"]}"#;
    let exact = |count: usize| {
        (0..count).map(|n| format!(r#"{{"eventSource":["s{}.amazonaws.com"],"eventName":["Create{n}"]}}"#, n % 99))
    };
    let one_in_hundred = records.div_ceil(100);
    for (name, patterns, expected) in [
        ("no match, 3 fields", vec![three.to_owned()], 0),
        ("1 % match", vec![r#"{"eventName":["BenchTopic"]}"#.to_owned()], one_in_hundred),
        ("all match", vec![r#"{"benchID":[{"exists":true}]}"#.to_owned()], records),
        ("field early", vec![r#"{"benchID":["x"]}"#.to_owned()], 0),
        ("field late", vec![r#"{"recipientAccountId":["x"]}"#.to_owned()], 0),
        ("100 rules", exact(100).collect(), 0),
        ("10,000 rules", exact(10_000).collect(), 0),
    ] {
        let texts: Vec<&str> = patterns.iter().map(|pattern| &pattern[..]).collect();
        let mut pipeline = Pipeline::new(rules(&texts), &Limits::default(), Layout::Files);
        assert_eq!(read(&mut pipeline, &stored), expected, "{name}");
        data::compare(
            &format!("pipeline/{name}: time by that of zlib-rs"),
            31,
            || read(&mut pipeline, &stored),
            || inflate(&stored, &mut buffer),
        );
        group.bench_function(name, |bencher| bencher.iter(|| black_box(read(&mut pipeline, &stored))));
    }
    let cis = cis();
    let mut matched = BTreeSet::new();
    for rule in &cis {
        let rules = Arc::new(RuleSet::new(vec![rule.clone()]));
        let alone = run_whole(&mut Pipeline::new(rules, &Limits::default(), Layout::Files), &stored);
        matched.extend(alone.found.iter().map(|found| found.number));
    }
    let mut pipeline = Pipeline::new(Arc::new(RuleSet::new(cis)), &Limits::default(), Layout::Files);
    assert_eq!(read(&mut pipeline, &stored), matched.len());
    group.bench_function("the pack cis", |bencher| bencher.iter(|| black_box(read(&mut pipeline, &stored))));
    group.finish();
    small_files(criterion);
}

/// The rules of the pack.
fn cis() -> Vec<Rule> {
    let pack = PACKS.iter().find(|pack| pack.name == "cis").unwrap();
    load(&[RuleFile { name: pack.name.to_owned(), text: pack.text.to_owned() }]).unwrap()
}

/// Four thousand objects of the median size, with state that is reused.
fn small_files(criterion: &mut Criterion) {
    let (text, records) = data::log(7_000);
    let stored = vec![gzip(text.as_bytes()); 4_000];
    let mut group = criterion.benchmark_group("4,000 objects of 7 KB");
    group.throughput(Throughput::Bytes((text.len() * stored.len()) as u64)).sample_size(10);
    let (mut inflater, mut buffer) = (flate2::Decompress::new(false), vec![0; 256 << 10]);
    group.bench_function("zlib-rs inflates the same bytes", |bencher| {
        bencher.iter(|| {
            for stored in &stored {
                inflater.reset(false);
                // Behind the ten bytes of a header without a name.
                let status = inflater.decompress(&stored[10..], &mut buffer, flate2::FlushDecompress::Finish).unwrap();
                assert_eq!((status, inflater.total_out()), (flate2::Status::StreamEnd, text.len() as u64));
            }
        });
    });
    let mut pipeline = Pipeline::new(any(), &Limits::default(), Layout::Files);
    assert_eq!(read(&mut pipeline, &stored[0]), records);
    group.bench_function("records of all", |bencher| {
        bencher.iter(|| stored.iter().map(|stored| read(&mut pipeline, stored)).sum::<usize>());
    });
    group.finish();
}

fn stages(criterion: &mut Criterion) {
    let (text, _) = data::log(192 << 10);
    let stored = gzip(text.as_bytes());
    let mut group = criterion.benchmark_group("stages, on 192 KiB");
    group.throughput(Throughput::Bytes(text.len() as u64));

    let mut buffer = vec![0; 256 << 10];
    group.bench_function("inflate: zlib-rs", |bencher| bencher.iter(|| black_box(inflate(&stored, &mut buffer))));
    let mut inflater = Inflater::new();
    group.bench_function("inflate", |bencher| {
        bencher.iter(|| {
            inflater.reset();
            let (result, taken, given) = inflater.inflate(&stored, &mut buffer);
            assert!(result.is_ok() && (taken, given) == (stored.len(), text.len()));
        });
    });
    scans(&mut group, &text);

    let one = r#"{"eventType":["AwsApiCall"],"eventSource":["sns.amazonaws.com"],"eventName":["NoSuchCall"]}"#;
    for (name, rules) in
        [("scan, records", Arc::new(RuleSet::new(Vec::new()))), ("scan, records, 3 fields, rule", rules(&[one]))]
    {
        let mut pipeline = Pipeline::new(rules, &Limits::default(), Layout::Files);
        group.bench_function(name, |bencher| bencher.iter(|| assert_eq!(read(&mut pipeline, text.as_bytes()), 0)));
    }
    group.finish();
    alerts(criterion);
}

fn scans(group: &mut BenchmarkGroup<'_, WallTime>, text: &str) {
    let (bytes, _) = text.as_bytes().as_chunks::<GROUP>();
    let mut copy = vec![[0; GROUP]; bytes.len()];
    group.bench_function("scan: memcpy", |bencher| {
        bencher.iter(|| copy.copy_from_slice(black_box(bytes)));
    });
    let mut groups = vec![Group::default(); bytes.len()];
    group.bench_function("scan", |bencher| {
        bencher.iter(|| classify(black_box(bytes), &mut groups, &mut Carry::default()));
    });
    let mut buffers = simd_json::Buffers::default();
    let mut bytes = Vec::new();
    group.bench_function("scan: simd-json's tape", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            bytes.extend_from_slice(text.as_bytes());
            black_box(simd_json::to_tape_with_buffers(&mut bytes, &mut buffers).unwrap().0.len())
        });
    });
}

/// Per record: what is picked of it, and what its alert takes.
fn alerts(criterion: &mut Criterion) {
    let records = data::records();
    let bytes = records.iter().map(String::len).sum::<usize>();
    let mut group = criterion.benchmark_group("records");
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(10);
    let mut picker = Picker::new();
    for path in ["eventSource", "eventName", "userIdentity.type"] {
        picker.want(path);
    }
    group.bench_function("3 fields picked", |bencher| {
        bencher.iter(|| {
            let mut picked = 0;
            for record in &records {
                picker.pick(record.as_bytes(), |_, _| picked += 1).unwrap();
            }
            assert!(picked > 2 * records.len());
        });
    });
    let rule = Rule::from_pattern("bench", r#"{"eventName":["x"]}"#).unwrap();
    let origin = Origin { bucket: None, key: "bench", stored: None };
    let mut reader = AlertReader::new();
    for format in [Format::Text, Format::Json] {
        group.bench_function(format!("alerts: {}", format.name()), |bencher| {
            bencher.iter(|| {
                let alert = |record: &String| {
                    let found = Match { record: record.as_bytes(), number: 1, offset: 0, rules: &[0] };
                    reader.read(&found).alert(format, &rule, &origin).body.len()
                };
                assert!(records.iter().map(alert).sum::<usize>() > bytes);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pipelines, stages);
criterion_main!(benches);
