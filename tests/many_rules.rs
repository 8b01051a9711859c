//! What a record costs with one rule, and with thousands of the same kind: the time depends on what the record holds,
//! not on the number of rules.
//!
//! Means something in a release build only: `cargo test --release --test many_rules -- --ignored --nocapture`. The
//! records are the real logs where they are at hand, and else the test data.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{any, files, folder, gunzip, rules};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use trailwire::{Layout, Limits, Match, Pipeline};

/// A kind of rule: the one that some records match, and the n-th of those that none does.
struct Kind {
    name: &'static str,
    first: &'static str,
    other: fn(usize) -> String,
    rules: usize,
    /// How many times longer the matcher may take with all than with one. Budgets are 1.5 and 2; noise comes on top.
    at_most: f64,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "exact",
        first: r#"{"eventSource":["iam.amazonaws.com"],"eventName":["CreateUser","ListUsers"]}"#,
        other: |n| format!(r#"{{"eventSource":["s{}.amazonaws.com"],"eventName":["Create{n}Thing"]}}"#, n % 200),
        rules: 10_000,
        at_most: 1.5,
    },
    Kind {
        name: "exact, sources that records have",
        first: r#"{"eventSource":["iam.amazonaws.com"],"eventName":["CreateUser","ListUsers"]}"#,
        other: |n| {
            let source = ["iam", "s3", "sts", "ec2", "kms"][n % 5];
            format!(r#"{{"eventSource":["{source}.amazonaws.com"],"eventName":["Create{n}Thing"]}}"#)
        },
        rules: 10_000,
        at_most: 1.5,
    },
    Kind {
        name: "prefix",
        first: r#"{"eventName":[{"prefix":"List"}]}"#,
        other: |n| format!(r#"{{"eventName":[{{"prefix":"Create{n}Thing"}}]}}"#),
        rules: 1_000,
        at_most: 2.0,
    },
    Kind {
        name: "prefix with a common start",
        first: r#"{"userIdentity":{"arn":[{"prefix":"arn:aws:sts::"}]}}"#,
        other: |n| format!(r#"{{"userIdentity":{{"arn":[{{"prefix":"arn:aws:iam::{:012}:role/"}}]}}}}"#, n * 7),
        rules: 1_000,
        at_most: 2.0,
    },
    Kind {
        name: "suffix",
        first: r#"{"eventSource":[{"suffix":"iam.amazonaws.com"}]}"#,
        other: |n| format!(r#"{{"eventSource":[{{"suffix":"service-{n}.amazonaws.com"}}]}}"#),
        rules: 1_000,
        at_most: 2.0,
    },
    Kind {
        name: "equals-ignore-case",
        first: r#"{"eventName":[{"equals-ignore-case":"LISTUSERS"}]}"#,
        other: |n| format!(r#"{{"eventName":[{{"equals-ignore-case":"list{n}users"}}]}}"#),
        rules: 1_000,
        at_most: 2.0,
    },
    Kind {
        name: "wildcard, differing in the middle",
        first: r#"{"userAgent":[{"wildcard":"*Boto3*"}]}"#,
        other: |n| format!(r#"{{"userAgent":[{{"wildcard":"*tool-{n}/*"}}]}}"#),
        rules: 1_000,
        at_most: 2.0,
    },
    Kind {
        name: "wildcard, differing at the end",
        first: r#"{"userIdentity":{"arn":[{"wildcard":"arn:*:sts::*:assumed-role/*"}]}}"#,
        other: |n| format!(r#"{{"userIdentity":{{"arn":[{{"wildcard":"arn:aws:iam::*:role/admin-{n}"}}]}}}}"#),
        rules: 1_000,
        at_most: 2.0,
    },
    Kind {
        name: "cidr",
        first: r#"{"sourceIPAddress":[{"cidr":"192.0.0.0/4"}]}"#,
        other: |n| format!(r#"{{"sourceIPAddress":[{{"cidr":"10.{}.{}.0/24"}}]}}"#, n / 256, n % 256),
        rules: 1_000,
        at_most: 2.0,
    },
    Kind {
        name: "anything-but beside an exact value",
        first: r#"{"eventName":["ListUsers"],"userAgent":[{"anything-but":{"prefix":"aws"}}]}"#,
        other: |n| format!(r#"{{"eventName":["List{n}"],"userAgent":[{{"anything-but":["agent-{n}","x"]}}]}}"#),
        rules: 1_000,
        at_most: 2.0,
    },
];

/// All records that are at hand, decompressed, one document per file.
fn documents() -> Vec<Vec<u8>> {
    let mut paths = files(&folder("../shared/corpus/logs"));
    if paths.is_empty() {
        paths = files(&folder("testdata/bucket"));
    }
    paths.iter().filter_map(|path| gunzip(&std::fs::read(path).unwrap())).collect()
}

/// Reads all documents; returns the time and the matches of each rule.
fn read(pipeline: &mut Pipeline, documents: &[Vec<u8>], of: usize) -> (Duration, Vec<u64>) {
    let mut matches = vec![0; of];
    let start = Instant::now();
    for document in documents {
        pipeline.reset();
        let mut sink = |found: &Match<'_>| {
            found.rules.iter().for_each(|&rule| matches[rule as usize] += 1);
            ControlFlow::Continue(())
        };
        let _ = pipeline.feed(document, &mut sink).0.and_then(|_| pipeline.finish(&mut sink));
    }
    (start.elapsed(), matches)
}

#[test]
#[ignore = "takes a minute, and a release build"]
fn time_does_not_grow_with_the_rules() {
    let documents = documents();
    let mut blind = Pipeline::new(any(), &Limits::default(), Layout::Files);
    let records = read(&mut blind, &documents, 1).1[0];
    let mut slow = Vec::new();
    for kind in KINDS {
        let texts: Vec<String> =
            std::iter::once(kind.first.to_owned()).chain((1..kind.rules).map(kind.other)).collect();
        let texts: Vec<&str> = texts.iter().map(|text| &text[..]).collect();
        let mut one = Pipeline::new(rules(&texts[..1]), &Limits::default(), Layout::Files);
        let start = Instant::now();
        let set = rules(&texts);
        let built = start.elapsed();
        let mut all = Pipeline::new(set, &Limits::default(), Layout::Files);
        // In turns, and by the best of each: the clock of a virtual machine drifts.
        let mut best = [Duration::MAX; 3];
        for _ in 0..15 {
            best[0] = best[0].min(read(&mut blind, &documents, 1).0);
            let (time, of_one) = read(&mut one, &documents, 1);
            best[1] = best[1].min(time);
            let (time, of_all) = read(&mut all, &documents, texts.len());
            best[2] = best[2].min(time);
            assert!(of_one[0] > 0, "{}", kind.name);
            assert_eq!(of_all[0], of_one[0], "{}", kind.name);
            assert_eq!(of_all[1..].iter().sum::<u64>(), 0, "{}", kind.name);
        }
        // What it takes to find the records is no part of matching them.
        let [_, one, all] = best.map(|time| (time.saturating_sub(best[0])).as_nanos() as f64 / records as f64);
        println!(
            "{}: {one:.0} ns a record with 1 rule ({:.2} M/s), {all:.0} ns with {} ({:.2} x), built in {built:?}; \
             finding a record takes {:.0} ns",
            kind.name,
            1e3 / one,
            kind.rules,
            all / one,
            best[0].as_nanos() as f64 / records as f64
        );
        if all / one > kind.at_most * 1.3 {
            slow.push(kind.name);
        }
    }
    assert!(slow.is_empty() || cfg!(debug_assertions), "{slow:?}");
}
