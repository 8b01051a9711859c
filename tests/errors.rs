//! Every error that a user can meet, provoked, with its whole message: they are those of a page, row by row. A message
//! that changes has to change there, and a row that no error has is none.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
mod standin;

use common::gzip;
use serde_json::{Value, json};
use standin::function::{Function, notification};
use standin::http::WireFault;
use standin::runtime::{Deadline, Runtime};
use standin::s3::{S3, S3Fault};
use standin::sns::{Sns, SnsFault};
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;
use trailwire::rule::{self, RuleFile};
use trailwire::{Error, ErrorKind, Expected, handler};

const PAGE: &str = include_str!("../ERRORS.md");

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alerts";

const RULES: &str = r#"{"rules": [{"id": "x", "format": "json", "pattern": {"eventName": ["x"]}}]}"#;

/// Holds messages, in their order, against the first column of the table behind a heading.
#[track_caller]
fn check(heading: &str, messages: &[String]) {
    let section = PAGE.split("\n## ").find_map(|section| section.strip_prefix(heading)?.strip_prefix('\n'));
    let rows = section.unwrap_or_default().lines().filter(|line| line.starts_with("| `"));
    let told: Vec<_> = rows.map(|row| row.trim_start_matches("| ").split(" |").next().unwrap().to_owned()).collect();
    // As Markdown has code that has a backtick in it.
    let fence = |text: &String| if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") };
    let met: Vec<_> = messages.iter().map(fence).collect();
    assert!(told == met, "{heading}: the page should have\n| {} | |", met.join(" | |\n| "));
}

/// Why a function does not start.
fn refusal(mut function: Function) -> String {
    function.ended(Duration::from_secs(20)).unwrap();
    let lines = function.output();
    let line = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).next_back().unwrap();
    assert_eq!(line["message"], "the function cannot start");
    line["error"].as_str().unwrap().to_owned()
}

#[test]
fn settings() {
    let topic = ("TRAILWIRE_TOPIC_ARN", TOPIC);
    let rules = ("TRAILWIRE_RULES", RULES);
    let mut messages: Vec<_> = [
        &[rules, topic, ("AWS_LAMBDA_FUNCTION_VERSION", "")][..],
        &[topic],
        &[topic, ("TRAILWIRE_RULES", "s3://bucket")],
        &[topic, ("TRAILWIRE_RULES", "rules.yml")],
        &[rules],
        &[rules, ("TRAILWIRE_TOPIC_ARN", "alerts")],
        &[rules, ("TRAILWIRE_TOPIC_ARN", "arn:aws:sns:r:1:a,arn:aws:sns:r:1:b")],
        &[rules, topic, ("TRAILWIRE_TOPIC_ARNS", "alerts")],
        &[rules, topic, ("TRAILWIRE_FORMAT", "html")],
        &[rules, topic, ("TRAILWIRE_ROLE_ARN", "role")],
        &[rules, topic, ("TRAILWIRE_SIMD", "mmx")],
        &[rules, topic, ("TRAILWIRE_LANE", "1")],
        &[rules, topic, ("TRAILWIRE_MAX_RECORD_BYTES", "33554432")],
    ]
    .iter()
    .map(|settings| refusal(Function::start(settings)))
    .collect();
    for name in [
        "TRAILWIRE_MAX_RECORD_BYTES",
        "TRAILWIRE_MAX_OBJECT_BYTES",
        "TRAILWIRE_TOPIC_BYTES",
        "TRAILWIRE_LANES",
        "TRAILWIRE_ALERT_BYTES",
        "TRAILWIRE_PUBLISH_CALLS",
        "TRAILWIRE_KNOWN_ALERTS",
        "TRAILWIRE_ATTEMPTS",
        "TRAILWIRE_BACKOFF_MS",
        "TRAILWIRE_CONNECT_TIMEOUT_MS",
        "TRAILWIRE_ANSWER_TIMEOUT_MS",
        "TRAILWIRE_STALL_TIMEOUT_MS",
        "TRAILWIRE_DEADLINE_MARGIN_MS",
        "TRAILWIRE_RULES_TTL_MS",
    ] {
        messages.push(refusal(Function::start(&[rules, topic, (name, "a lot")])));
    }
    check("Settings", &messages);
}

#[test]
fn rules_in_s3() {
    let rule = "rules:\n- {id: x, pattern: {eventName: [x]}}\n";
    let start = |stored: &[u8], fault: Option<S3Fault>| {
        let (s3, sns, runtime) = (S3::start(), Sns::start(), Runtime::start());
        s3.bucket("config");
        s3.put("config", "rules.yaml", None, stored.to_vec());
        s3.always("config", "rules.yaml", fault);
        let settings = [("TRAILWIRE_RULES", "s3://config/rules.yaml"), ("TRAILWIRE_TOPIC_ARN", TOPIC)];
        refusal(Function::start_between(&settings, s3, sns, runtime))
    };
    let status = |status, code| Some(S3Fault::Status(status, code, ""));
    let other = rule.replace("id: x", "id: x, topic_arn: 'arn:aws:sns:eu-west-1:123456789012:other'");
    let messages = [
        start(b"", status(404, "NoSuchKey")),
        start(b"", status(403, "AccessDenied")),
        start(b"", status(503, "SlowDown")),
        start(format!("# {}\n{rule}", "x".repeat(1 << 20)).as_bytes(), None),
        start(b"\xff", None),
        start(b"", None),
        start(b"rules: []\n", None),
        start(b"topic_arn: &a x\nrules: *a\n", None),
        start(other.as_bytes(), None),
    ];
    check("Rules in S3", &messages);
}

/// A function, of which objects are read in vain.
fn function() -> Function {
    let settings = [("TRAILWIRE_RULES", RULES), ("TRAILWIRE_TOPIC_ARN", TOPIC), ("TRAILWIRE_ATTEMPTS", "2")];
    let function = Function::start(&settings);
    function.sns.topic(TOPIC);
    let record = json!({"eventName": "x", "eventTime": "2026-10-14T09:03:11Z", "eventID": "1"});
    let file = gzip(json!({"Records": [record]}).to_string().as_bytes());
    function.s3.put("logs", "k", None, file.clone());
    function.s3.put("logs", "v", Some("1"), file);
    function
}

/// Why an invocation failed, without the object's name.
fn failure(function: &Function, event: &Value, time: Duration) -> String {
    let answer = function.runtime.invoke(&event.to_string(), Deadline::In(time));
    let error: Value = serde_json::from_str(&answer.result.unwrap_err()).unwrap();
    let message = error["errorMessage"].as_str().unwrap();
    message.split_once(": ").filter(|(name, _)| name.starts_with("s3://")).map_or(message, |(_, rest)| rest).to_owned()
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn objects_in_s3() {
    let function = function();
    let mut messages = Vec::new();
    let mut meet = |key: &str, fault: S3Fault| {
        function.s3.always("logs", key, Some(fault));
        let mut event = notification(&[key]);
        if key == "v" {
            event["Records"][0]["s3"]["object"]["versionId"] = "1".into();
        }
        messages.push(failure(&function, &event, LONG));
        function.s3.always("logs", key, None);
    };
    for (key, status, code, message) in [
        ("k", 404, "NoSuchKey", ""),
        ("k", 404, "NoSuchBucket", ""),
        ("v", 404, "NoSuchVersion", ""),
        ("v", 405, "MethodNotAllowed", ""),
        ("k", 403, "AccessDenied", ""),
        ("v", 403, "AccessDenied", ""),
        ("k", 403, "AccessDenied", "not authorized to perform: kms:Decrypt"),
        ("k", 400, "KMS.DisabledException", ""),
        ("k", 403, "InvalidObjectState", ""),
        ("k", 301, "PermanentRedirect", ""),
        ("k", 400, "AuthorizationHeaderMalformed", ""),
        ("k", 410, "Gone", ""),
        ("k", 503, "SlowDown", ""),
        ("k", 400, "ExpiredToken", ""),
    ] {
        meet(key, S3Fault::Status(status, code, message));
    }
    meet("k", S3Fault::Delay(Duration::from_secs(1)));
    meet("k", S3Fault::Wire(WireFault::CutAfter(0)));
    meet("k", S3Fault::WrongChecksum);
    let replaced = |letter: &str| gzip(json!({"Records": [{"eventName": letter}]}).to_string().as_bytes());
    for letter in ["a", "b", "c", "d"] {
        let fault = S3Fault::Replace { cut: 5, version: None, bytes: replaced(letter) };
        function.s3.fault("logs", "k", fault);
        // What meets the request for the rest: none of this object is left.
        function.s3.fault("logs", "k", S3Fault::Delay(Duration::ZERO));
    }
    messages.push(failure(&function, &notification(&["k"]), LONG));
    function.s3.fault("logs", "k", S3Fault::Delay(Duration::from_secs(1)));
    messages.push(failure(&function, &notification(&["k"]), Duration::from_millis(200)));
    check("Objects in S3", &messages);
}

#[test]
fn topics_in_sns() {
    let function = function();
    let mut messages = Vec::new();
    // Twice each, since what passes is tried again, and what is refused for its content is sent with less in it.
    let mut meet = |fault: &dyn Fn() -> SnsFault| {
        for _ in 0..3 {
            function.sns.fault(fault());
        }
        messages.push(failure(&function, &notification(&["k"]), LONG));
        function.sns.reset();
        function.sns.topic(TOPIC);
    };
    for (status, code) in [
        (403, "AuthorizationError"),
        (404, "NotFound"),
        (400, "KMSAccessDenied"),
        (400, "KMSDisabled"),
        (400, "InvalidParameter"),
        (400, "BatchRequestTooLong"),
        (501, "NotImplemented"),
        (400, "Throttling"),
        (500, "InternalFailure"),
    ] {
        meet(&|| SnsFault::Status(status, code, ""));
    }
    for (code, sender_fault) in [("AuthorizationError", true), ("InvalidParameter", true), ("InternalError", false)] {
        meet(&|| SnsFault::Fail { every: Box::new(|_| true), code, sender_fault });
    }
    meet(&|| SnsFault::Omit(vec![0]));
    meet(&|| SnsFault::Delay(Duration::from_secs(1)));
    check("Topics in SNS", &messages);
}

/// That each shows where it should is seen elsewhere (`tests/bounds.rs`, `tests/cli.rs`).
#[test]
fn log_files() {
    let kinds = [
        ErrorKind::GzipHeader,
        ErrorKind::GzipTruncated,
        ErrorKind::GzipChecksum,
        ErrorKind::GzipLength,
        ErrorKind::GzipTrailing,
        ErrorKind::Deflate,
        ErrorKind::ObjectTooLarge,
        ErrorKind::Empty,
        ErrorKind::NoRecords,
        ErrorKind::Ambiguous,
        ErrorKind::RecordsNotArray,
        ErrorKind::RecordNotObject,
        ErrorKind::RecordTooLarge,
        ErrorKind::Truncated,
        ErrorKind::TruncatedRecord,
        ErrorKind::Malformed(Expected::Value),
        ErrorKind::TooDeep,
        ErrorKind::TooManyValues,
        ErrorKind::MatchTooLong { rule: 0 },
    ];
    let source = fs::read_to_string("src/error.rs").unwrap();
    let list = source.split("pub enum ErrorKind {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = list.lines().filter_map(|line| line.strip_prefix("    "));
    let names: Vec<_> = names.filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase())).collect();
    let listed = |name: &str| name.split(|at: char| !at.is_ascii_alphanumeric()).next().unwrap().to_owned();
    let (wanted, got): (Vec<_>, Vec<_>) =
        (names.iter().map(|name| listed(name)).collect(), kinds.map(|kind| listed(&format!("{kind:?}"))).to_vec());
    assert_eq!(wanted, got);
    check("Log files", &kinds.map(|kind| Error { kind, offset: 4_096 }.to_string()));
}

#[test]
fn events() {
    let s3 = |object: &str| {
        format!(r#"{{"Records":[{{"eventSource":"aws:s3","s3":{{"bucket":{{"name":"logs"}},"object":{object}}}}}]}}"#)
    };
    let nested =
        (0..10).fold("{}".to_owned(), |inner, _| json!({"Type": "Notification", "Message": inner}).to_string());
    let messages = [
        "Records:",
        "{}",
        r#"{"Records":[{"eventSource":"aws:kinesis"}]}"#,
        r#"{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification"}"#,
        r#"{"Type":"Notification","Message":"hello"}"#,
        r#"{"invocationSchemaVersion":"3.0","tasks":[]}"#,
        r#"{"invocationSchemaVersion":"1.0","tasks":[]}"#,
        r#"{"Items":[{"Key":"k"}]}"#,
        &s3("{}"),
        &s3(r#"{"key":1}"#),
        &s3(r#"{"key":"100%"}"#),
        &s3(r#"{"key":"%ff"}"#),
        &nested,
    ]
    .map(|event| match handler::decode(event.as_bytes()) {
        Err(error) => error.to_string(),
        Ok(trigger) => {
            let (handler::Trigger::Objects(objects) | handler::Trigger::Items(objects)) = trigger else {
                panic!("{event}")
            };
            objects.faults[0].to_string()
        }
    });
    check("Events", &messages);
}

#[test]
fn rules() {
    let error = |text: String| {
        let files = [RuleFile { name: "rules.yaml".into(), text }];
        rule::load(&files).unwrap_err().to_string()
    };
    let mut messages: Vec<_> = [
        "",
        "rules: []",
        "rules: [",
        "rules: *a",
        "rules: !x []",
        "rule: []",
        "format: text\nformat: json",
        "rules: [x]",
        "rules: [{pattern: {a: [1]}}]",
        "rules: [{id: a b}]",
        "rules: [{id: a}]",
        "rules: [{id: a, pattern: {a: [1]}}, {id: a, pattern: {a: [1]}}]",
        "rules: [{id: a, serverity: low}]",
        "rules: [{id: a, severity: urgent}]",
        "rules: [{id: a, mode: off}]",
        "rules: [{id: a, max_alerts: 0}]",
        "rules: [{id: a, description: 1}]",
        "rules: [{id: a, topic_arn: alerts}]",
        "rules: [{id: a, pattern: {a: [1]}, ignore: [{a: [{exists: true}, {exists: false}]}]}]",
        "rules: [{id: a, pattern: {a: [1]}, tests: [{name: x}]}]",
    ]
    .map(|text| error(text.to_owned()))
    .into();
    let patterns = [
        "{}",
        "[]",
        r#"{"a":1}"#,
        r#"{"a":[]}"#,
        r#"{"a":[[1]]}"#,
        r#"{"a":[{}]}"#,
        r#"{"a":[{"prefix":"x","suffix":"y"}]}"#,
        r#"{"a":[{"starts":"x"}]}"#,
        r#"{"a":[{"prefix":1}]}"#,
        r#"{"a":[{"exists":"yes"}]}"#,
        r#"{"a":[{"wildcard":"x**"}]}"#,
        r#"{"a":[{"wildcard":"\\x"}]}"#,
        r#"{"a":[{"cidr":"10.0.0.0"}]}"#,
        r#"{"a":[{"cidr":"10.0.0.0/33"}]}"#,
        r#"{"a":[{"numeric":[">"]}]}"#,
        r#"{"a":[{"numeric":["!=",1]}]}"#,
        r#"{"a":[{"numeric":[">",2,"<",1]}]}"#,
        r#"{"a":[{"anything-but":[]}]}"#,
        r#"{"a":[{"anything-but":[1,"x"]}]}"#,
        r#"{"a":[{"anything-but":{"numeric":["=",1]}}]}"#,
        r#"{"$or":[{"a":[1]}]}"#,
        r#"{"$or":[{"a":[1]},1]}"#,
        r#"{"a":[1],"a":[2]}"#,
        r#"{"id":["x"],"detail":{"a":[1]}}"#,
        r#"{"source":["sns.amazonaws.com"],"detail":{"a":[1]}}"#,
        r#"{"source":[{"equals-ignore-case":"aws.sns"}],"detail":{"a":[1]}}"#,
    ];
    messages.extend(patterns.map(|pattern| error(format!("rules:\n- {{id: a, pattern: {pattern}}}"))));
    check("Rules", &messages);
}

#[test]
fn command_line() {
    let record = r#"{"eventName":"x"}"#;
    let good = "testdata/bucket/AWSLogs/123456789012/CloudTrail/us-east-1";
    let event = "testdata/events/s3.json";
    let messages = [
        &["scan"][..],
        &["scan", "none.json"],
        &["scan", "none-*.json"],
        &["scan", "-r", "none.yaml", good],
        &["scan", "-p", "{", good],
        &["scan", "-p", r#"{"eventName":"x"}"#, good],
        &["scan", "--since", "yesterdays", good],
        &["scan", "--since", "2026-11-02", "--until", "2026-11-01", good],
        &["scan", "--account", "1", good],
        &["scan", "--region", "Ireland", good],
        &["scan", "--fields", "who", "-o", "json", good],
        &["scan", "--limit", "1", "-o", "count", good],
        &["scan", "--max-record-bytes", "0", good],
        &["scan", "-o", "xml", good],
        &["scan", "--stat", good],
        &["find", good],
        &["preview", good],
        &["check", "none.yaml"],
        &["rules", "none"],
        &["explain", "--event", record],
        &["explain", "-r", "cis", "--event", "{"],
        &["test-pattern", "--event-pattern", r#"{"eventName":["x"]}"#, "--event", "file://none.json"],
        &["invoke", event, "--bucket-dir", "testdata/bucket"],
        &["invoke", "none.json", "-r", "cis", "--bucket-dir", "testdata/bucket"],
        &["invoke", event, "-r", "cis", "--bucket-dir", "none"],
        &["invoke", event, "-r", "cis"],
    ]
    .map(|arguments| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailwire"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).env_remove("TRAILWIRE_TOPIC_ARN");
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        // Behind it is the usage, or the summary of a scan.
        let message = text
            .lines()
            .take_while(|line| !["Usage", "For more", "trailwire: 1 f"].iter().any(|end| line.starts_with(end)));
        let lines: Vec<_> = message.map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    });
    check("Command line", &messages);
}
