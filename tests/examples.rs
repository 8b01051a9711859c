//! The examples, run as their heads say.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![cfg(feature = "cli")]

use std::process::Command;

/// What an example prints.
fn run(example: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["run", "--quiet", "--locked", "--example", example, "--"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn scan_prints_what_matches() {
    let file = "testdata/bucket/AWSLogs/123456789012/CloudTrail/eu-west-1/2026/10/14/\
                123456789012_CloudTrail_eu-west-1_20261014T0910Z_Kp3vT7aZq0WmXr2C.json.gz";
    let printed = run("scan", &[r#"{"eventSource":["sns.amazonaws.com"],"eventName":["CreateTopic"]}"#, file]);
    let records: Vec<_> = printed.lines().collect();
    assert_eq!(records.len(), 2, "{printed}");
    assert!(records.iter().all(|line| line.starts_with("record ") && line.contains(r#""eventName":"CreateTopic""#)));
}

#[test]
fn sink_counts_the_alerts_of_an_event() {
    let counts = run("sink", &["testdata/bucket", "testdata/events/s3.json"]);
    let of = |rule: &str| counts.lines().find(|line| line.ends_with(rule)).unwrap_or_default();
    assert_eq!(of("sns-topic-created"), "  4 medium sns-topic-created", "{counts}");
    assert_eq!(of("sns-topic-removed"), "  1 high sns-topic-removed", "{counts}");
}
