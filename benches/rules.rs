//! Matching, beside the `quamina` crate: records per second with one rule and with 500, over real logs where they are
//! at hand (`../shared/corpus/logs/invictus`) and else over the test data.
//!
//! ```text
//! cargo bench --bench rules
//! ```
//!
//! Both get decompressed bytes that are hot in cache, on one core. trailwire gets log files and has to find the records
//! in them first; quamina gets each record by itself. The numbers of matches are compared rule by rule before anything
//! is timed, so rules are of the operators that both know and agree on.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has failed")]

mod data;

use common::{files, folder, gunzip, rules};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use data::common;
use data::common::oracle::{self, Shape};
use quamina::Quamina;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::ops::ControlFlow;
use trailwire::{Layout, Limits, Match, Pipeline};

/// Log files, and the records in them.
struct Logs {
    documents: Vec<String>,
    records: Vec<String>,
}

fn logs() -> Logs {
    let mut paths = files(&folder("../shared/corpus/logs/invictus"));
    if paths.is_empty() {
        paths = files(&folder("testdata/bucket"));
    }
    let mut logs = Logs { documents: Vec::new(), records: Vec::new() };
    for path in paths {
        let Some(text) = gunzip(&std::fs::read(path).unwrap()).and_then(|text| String::from_utf8(text).ok()) else {
            continue;
        };
        if let Shape::Records(records) = oracle::document(&text) {
            logs.records.extend(records.iter().map(|(_, record)| (*record).to_owned()));
            logs.documents.push(text);
        }
    }
    logs
}

/// A rule on three fields.
const THREE_FIELDS: &str =
    r#"{"eventType":["AwsApiCall"],"eventSource":["iam.amazonaws.com"],"eventName":["CreateUser","ListUsers"]}"#;

/// 500 rules of all operators that both know, made of what the records hold: so that some match, as with rules that
/// people write.
fn many(logs: &Logs) -> Vec<String> {
    let mut calls = BTreeSet::new();
    for record in &logs.records {
        let record: serde_json::Value = serde_json::from_str(record).unwrap();
        if let (Some(source), Some(name)) = (record["eventSource"].as_str(), record["eventName"].as_str()) {
            calls.insert((source.to_owned(), name.to_owned()));
        }
    }
    let calls = Vec::from_iter(calls);
    let pattern = |number: usize| {
        let (source, name) = &calls[number % calls.len()];
        let service = source.split('.').next().unwrap();
        let half = &name[..name.len() / 2];
        match number % 8 {
            0 => format!(r#"{{"eventType":["AwsApiCall"],"eventSource":["{source}"],"eventName":["{name}"]}}"#),
            1 => format!(r#"{{"eventSource":["{source}"],"eventName":[{{"prefix":"{half}{number}"}}]}}"#),
            2 => format!(r#"{{"userIdentity":{{"arn":[{{"suffix":"/{service}-{number}"}}]}}}}"#),
            3 => format!(r#"{{"userAgent":[{{"wildcard":"*{service}*agent-{number}*"}}]}}"#),
            4 => format!(r#"{{"eventName":[{{"equals-ignore-case":"{}"}}]}}"#, name.to_uppercase()),
            5 => format!(
                r#"{{"eventSource":["{source}"],"eventName":["{name}"],"awsRegion":[{{"anything-but":["eu-west-{number}"]}}]}}"#
            ),
            6 => format!(r#"{{"eventName":["{name}"],"errorCode":[{{"exists":true}}]}}"#),
            _ => format!(
                r#"{{"eventName":["{name}"],"requestParameters":{{"maxResults":[{{"numeric":[">",{number}]}}]}}}}"#
            ),
        }
    };
    (0..500).map(pattern).collect()
}

fn matcher(patterns: &[String]) -> Pipeline {
    let patterns: Vec<&str> = patterns.iter().map(|pattern| &pattern[..]).collect();
    Pipeline::new(rules(&patterns), &Limits::default(), Layout::Files)
}

/// Reads all log files; tells each match of a rule.
fn read(pipeline: &mut Pipeline, logs: &Logs, mut matched: impl FnMut(usize)) {
    let mut sink = |found: &Match<'_>| {
        found.rules.iter().for_each(|&rule| matched(rule as usize));
        ControlFlow::Continue(())
    };
    for document in &logs.documents {
        pipeline.reset();
        pipeline.feed(document.as_bytes(), &mut sink).0.unwrap();
        pipeline.finish(&mut sink).unwrap();
    }
}

fn bench(criterion: &mut Criterion) {
    let logs = logs();
    for (name, patterns) in [("1 rule, 3 fields", vec![THREE_FIELDS.to_owned()]), ("500 rules", many(&logs))] {
        let mut pipeline = matcher(&patterns);
        let mut peer = Quamina::new();
        for (number, pattern) in patterns.iter().enumerate() {
            peer.add_pattern(number, pattern).unwrap();
        }
        let (mut ours, mut theirs) = (vec![0; patterns.len()], vec![0; patterns.len()]);
        read(&mut pipeline, &logs, |rule| ours[rule] += 1);
        for record in &logs.records {
            peer.matches_for_event(record.as_bytes()).unwrap().into_iter().for_each(|rule| theirs[rule] += 1);
        }
        for (pattern, (ours, theirs)) in patterns.iter().zip(ours.iter().zip(&theirs)) {
            assert_eq!(ours, theirs, "{pattern}");
        }
        assert!(ours.iter().sum::<i32>() > 0, "some records match");

        data::compare(
            &format!("rules/{name}: time of trailwire by that of quamina"),
            31,
            || {
                let mut matches = 0;
                read(&mut pipeline, &logs, |_| matches += 1);
                matches
            },
            || logs.records.iter().map(|record| peer.matches_for_event(record.as_bytes()).unwrap().len()).sum(),
        );

        let mut group = criterion.benchmark_group(format!("rules/{name}"));
        group.throughput(Throughput::Elements(logs.records.len() as u64));
        group.bench_function("quamina", |bencher| {
            bencher.iter(|| {
                let matches = |record: &String| peer.matches_for_event(record.as_bytes()).unwrap().len();
                black_box(logs.records.iter().map(matches).sum::<usize>())
            });
        });
        group.bench_function("trailwire", |bencher| {
            bencher.iter(|| {
                let mut matches = 0usize;
                read(&mut pipeline, &logs, |_| matches += 1);
                black_box(matches)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
