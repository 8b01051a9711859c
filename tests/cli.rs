//! The program from outside: standard output, standard error, exit status.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![cfg(feature = "cli")]

use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const SNS: &str = r#"{"eventSource":["sns.amazonaws.com"],"eventName":["CreateTopic"]}"#;

struct Run {
    out: String,
    err: String,
    status: i32,
}

fn run_with(arguments: &[&str], input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trailwire"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { out: text(output.stdout), err: text(output.stderr), status: output.status.code().unwrap() }
}

fn run(arguments: &[&str]) -> Run {
    run_with(arguments, b"")
}

fn path(folder: &tempfile::TempDir, name: &str) -> (PathBuf, String) {
    let path = folder.path().join(name);
    let text = path.to_str().unwrap().to_owned();
    (path, text)
}

#[test]
fn scan_exits_with_what_it_found() {
    let bucket = "testdata/bucket";
    assert_eq!(run(&["scan", "-p", SNS, bucket]).status, 0);
    assert_eq!(run(&["scan", "-p", r#"{"eventName":["NoSuchCall"]}"#, bucket]).status, 1);
    assert_eq!(run(&["scan", "-p", SNS, bucket, "no/such/file"]).status, 2);
    assert_eq!(run(&["scan", "-p", SNS, "no/such/folder/"]).status, 2);
    assert_eq!(run(&["scan", "-p", SNS]).status, 2);
    assert_eq!(run(&["scan", "-p", "{", bucket]).status, 2);
    assert_eq!(run(&["scan", "-r", "no-such-pack", bucket]).status, 2);
}

#[test]
fn records_are_printed_once_each_as_they_are() {
    let all = run(&["scan", "-o", "record", "testdata/bucket"]);
    assert_eq!((all.out.lines().count(), all.status), (69, 0));
    let both = run(&["scan", "-p", SNS, "-p", SNS, "-o", "record", "testdata/bucket"]);
    assert_eq!(both.out.lines().count(), 6);
    for line in both.out.lines() {
        assert!(all.out.contains(line));
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["eventName"], "CreateTopic");
    }
    assert!(both.err.contains("8 files, 69 records, 12 matches, 1 skipped (CloudTrail-Digest)"), "{}", both.err);
}

#[test]
fn counts_have_a_line_for_every_rule_in_order() {
    let counts = run(&["scan", "-r", "tutorial", "-p", SNS, "-p", r#"{"x":[1]}"#, "-o", "count", "testdata/bucket"]);
    assert_eq!(counts.out, "6\tsns-topic-created\n1\tsns-topic-removed\n6\tpattern-1\n0\tpattern-2\n");
}

#[test]
fn json_alerts_are_one_object_per_line() {
    let alerts = run(&["scan", "-r", "tutorial", "-o", "json", "testdata/bucket"]);
    let alerts: Vec<Value> = alerts.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(alerts.len(), 7);
    for alert in &alerts {
        assert_eq!(alert["record"]["eventSource"], "sns.amazonaws.com");
        assert_eq!(alert["alertId"].as_str().unwrap().len(), 32);
        assert!(alert["source"]["key"].as_str().unwrap().starts_with("testdata/bucket"));
    }
}

#[test]
fn text_is_the_default() {
    let text = run(&["scan", "-r", "tutorial", "testdata/bucket"]).out;
    assert!(text.contains("[HIGH] sns-topic-removed: DeleteTopic by "), "{text}");
}

#[test]
fn standard_input_takes_files_lines_and_gzip_and_any_number_of_them() {
    let scan = |input: &[u8]| run_with(&["scan", "-p", r#"{"eventName":["A"]}"#, "-o", "count", "-"], input);
    let line = r#"{"eventName":"A"}"#;
    for (input, count) in [
        (format!("{line}\n{line}\n"), 2),
        (format!("{{\"Records\":[{line}]}}{{\"x\":[1,{{}}],\"Records\":[{line},{line}]}}\n{line}"), 4),
        (format!("[{line}]"), 1),
        ("{\n  \"eventName\":\n  \"A\"\n}\n".to_owned(), 1),
        (format!("{line}{{\"eventName\":\"B\"}}"), 1),
    ] {
        let found = scan(input.as_bytes());
        assert_eq!((found.out, found.status), (format!("{count}\tpattern-1\n"), 0), "{input}");
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(line.as_bytes()).unwrap();
    assert_eq!(scan(&gzip.finish().unwrap()).out, "1\tpattern-1\n");
}

#[test]
fn an_object_that_is_neither_file_nor_record_fails_and_hides_nothing() {
    let input = "{\"eventName\":\"A\"}\n{\"hello\":\"world\"}\n{\"eventName\":\"A\"}\n";
    let found = run_with(&["scan", "-p", r#"{"eventName":["A"]}"#, "-o", "count", "-"], input.as_bytes());
    assert_eq!((&found.out[..], found.status), ("2\tpattern-1\n", 2));
    assert!(found.err.contains("JSON without a Records array") && found.err.contains("byte 34"), "{}", found.err);
    // And none of it is read twice.
    let folder = tempfile::tempdir().unwrap();
    let (file, name) = path(&folder, "lines.json");
    fs::write(file, input).unwrap();
    let again = run(&["scan", "-p", r#"{"eventName":["A"]}"#, "-o", "count", &name]);
    assert_eq!((&again.out[..], again.status), ("2\tpattern-1\n", 2));
    assert!(again.err.contains("1 file, ") && again.err.contains(", 2 matches, 1 failed"), "{}", again.err);
}

/// Every malformed file: named, with byte and cause and status 2, and nothing
/// else of the same run is lost.
#[test]
fn each_fault_is_named_with_its_byte_and_the_rest_is_read() {
    let expected = fs::read_to_string("testdata/malformed/expected.tsv").unwrap();
    let good = "testdata/bucket/AWSLogs/123456789012/CloudTrail/eu-west-1";
    let alone = run(&["scan", "-p", SNS, "-o", "record", good]).out.lines().count();
    let mut seen = 0;
    for line in expected.lines().skip(1) {
        let [file, kind, offset, matches] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let file = format!("testdata/malformed/{file}");
        let found = run(&["scan", "-p", SNS, "-o", "record", &file, good]);
        let cause = match kind {
            "GzipTruncated" => "truncated: the object ends inside a gzip member at stored byte",
            "GzipChecksum" => "wrong gzip checksum: the data are damaged at stored byte",
            "GzipLength" => "wrong gzip length: the data are damaged at stored byte",
            "GzipTrailing" => "garbage after the last gzip member at stored byte",
            "Malformed" => "malformed JSON: expected",
            "NoRecords" => "JSON without a Records array: not a CloudTrail log file at decompressed byte",
            "RecordTooLarge" => "a record is larger than max_record_bytes at decompressed byte",
            "Empty" => "the object is empty at decompressed byte",
            "TruncatedRecord" => "truncated: the object ends inside the record that begins at decompressed byte",
            "RecordNotObject" => "a record is not a JSON object at decompressed byte",
            other => panic!("{other}"),
        };
        assert_eq!(found.status, 2, "{line}");
        let error =
            found.err.lines().find(|line| line.contains(&file)).unwrap_or_else(|| panic!("{line}: {}", found.err));
        assert!(error.contains(cause) && error.contains(&format!("byte {offset} (")), "{line}: {error}");
        assert_eq!(found.out.lines().count(), alone + matches.parse::<usize>().unwrap(), "{line}");
        seen += 1;
    }
    assert!(seen >= 10);
}

#[test]
fn limits_can_be_set() {
    let oversize = "testdata/malformed/oversize.json.gz";
    let found = run(&["scan", "-o", "record", "--max-record-bytes", "2000000", oversize]);
    assert_eq!((found.out.lines().count(), found.status), (3, 0), "{}", found.err);
    let found = run(&["scan", "-o", "record", "--max-object-bytes", "5000", oversize]);
    assert_eq!((found.out.lines().count(), found.status), (1, 2));
    assert!(found.err.contains("more than max_object_bytes at decompressed byte 5000"), "{}", found.err);
}

#[test]
fn folders_are_walked_in_name_order_and_arguments_kept_in_theirs() {
    let folder = tempfile::tempdir().unwrap();
    for (name, event) in [("b.json", "1"), ("a/z.json", "2"), ("a.jsonl", "3"), ("c.txt", "4"), (".d.json", "5")] {
        let (path, _) = path(&folder, name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{{\"eventName\":\"{event}\"}}\n")).unwrap();
    }
    let (_, text) = path(&folder, "c.txt");
    let names = |arguments: &[&str]| {
        let out = run(&[&["scan", "-o", "record"], arguments].concat()).out;
        out.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["eventName"].as_str().unwrap().to_owned())
            .collect::<String>()
    };
    let root = folder.path().to_str().unwrap();
    assert_eq!(names(&[root]), "5231");
    assert_eq!(names(&[&text, root]), "45231");
}

#[test]
fn a_pipe_that_is_closed_early_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trailwire"))
        .args(["scan", "-o", "record", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let record = format!("{{\"eventName\":\"{}\"}}\n", "x".repeat(1000));
    let _ = child.stdin.take().unwrap().write_all(record.repeat(2000).as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[test]
fn a_pipe_that_is_closed_early_hides_no_failure() {
    let bucket = "testdata/bucket";
    for arguments in [
        // What comes behind the end of the output is not told: how far it was read is chance.
        &["scan", "-o", "record", "no/such/file", bucket][..],
        &["invoke", "testdata/events/s3.json", "--bucket-dir", bucket, "-r", "tutorial"],
        &["invoke", "testdata/events/s3.json", "--bucket-dir", bucket, "-r", "tutorial", "-o", "json"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trailwire"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn rule_errors_name_file_and_place_and_patterns_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let (rules, name) = path(&folder, "r.yaml");
    fs::write(&rules, "rules:\n- id: a\n  pattern: {eventName: [{wildcart: x}]}\n").unwrap();
    let found = run(&["scan", "-r", &name, "testdata/bucket"]);
    assert_eq!(found.status, 2);
    assert!(
        found.err.contains(&format!("{name}:3:26: rule a: eventName: unknown operator \"wildcart\"")),
        "{}",
        found.err
    );
    let found = run(&["scan", "-p", r#"{"id":["x"],"detail":{"eventName":["x"]}}"#, "testdata/bucket"]);
    assert!(found.err.contains("pattern-1: line 1, column 2: id cannot be derived"), "{}", found.err);
    assert_eq!(found.status, 2);
}

#[test]
fn rules_lists_packs_and_prints_one() {
    let names: Vec<_> = run(&["rules"]).out.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["tutorial", "cis"]);
    for name in names {
        assert_eq!(run(&["rules", &name]).out, fs::read_to_string(format!("rules/{name}.yaml")).unwrap());
    }
    assert_eq!(run(&["rules", "none"]).status, 2);
}

/// A rule file in a folder of its own, which has to be kept.
fn rule_file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let (file, name) = path(&folder, "r.yaml");
    fs::write(file, text).unwrap();
    (folder, name)
}

#[test]
fn packs_pass_their_checks_and_every_rule_has_tests() {
    let found = run(&["check", "tutorial", "cis"]);
    assert_eq!(found.status, 0, "{}", found.out);
    assert!(found.err.contains("17 rules, 43 tests, 0 failed, 0 warnings"), "{}", found.err);
    assert!(!found.out.contains("no tests"), "{}", found.out);
    assert!(
        found.out.contains("sns-topic-removed: 2 tests passed; found by the value of eventName\n"),
        "{}",
        found.out
    );
    let quiet = run(&["check", "--quiet", "tutorial"]);
    assert_eq!((quiet.out, quiet.err, quiet.status), (String::new(), String::new(), 0));
}

#[test]
fn check_tells_what_is_wrong_where_and_how_bad_it_is() {
    let pattern = "eventName: [CreateTopic]";
    for (text, line, status) in [
        (
            "rules:\n- {id: a, pattern: {eventSource: [sns]}}",
            r#":2:35: warning: rule a: eventSource: never matches: "sns" is no domain; CloudTrail writes sns.amazonaws.com"#,
            1,
        ),
        (
            "rules:\n- id: a\n  pattern: {recipientAccountId: [123456789012]}",
            ":3:34: error: rule a: recipientAccountId: CloudTrail writes a string, which no number is equal to: put \
             123456789012 in quotes",
            2,
        ),
        (
            "rules:\n- id: a\n  pattern: {userIdentity: {accountId: [012345678901]}}",
            "a: no tests; found by the value of userIdentity.accountId",
            0,
        ),
        (
            "rules:\n- {id: a, pattern: {errorCode: [{exists: false}]}}",
            ":2:3: note: rule a: no field leads to it: it is looked at for every record",
            0,
        ),
        (
            "rules:\n- {id: a, pattern: {PATTERN}}\n- {id: b, pattern: {PATTERN}}",
            ":2:3: note: rule a: rule b matches the same records",
            0,
        ),
        (
            "rules:\n- id: a\n  pattern: {PATTERN}\n  tests: [{name: t, match: true, event: {eventName: X}}]",
            r#":4:11: failed: rule a: test "t" should match, and does not: eventName is to be "CreateTopic", and is "X""#,
            1,
        ),
        (
            "rules:\n- id: a\n  pattern: {PATTERN}\n  tests:\n  - {name: t, match: false, event: {eventName: CreateTopic}}",
            r#":5:5: failed: rule a: test "t" should not match, and does: all fields match"#,
            1,
        ),
        (
            "ignore: [{userIdentity: {type: [AWSService]}}]\nrules:\n- id: a\n  pattern: {PATTERN}\n  tests:\n\
             \x20 - {name: t, match: true, event: {eventName: CreateTopic, userIdentity: {type: AWSService}}}",
            r#":6:5: failed: rule a: test "t" should match, and does not: the event is ignored"#,
            1,
        ),
        ("rules:\n- {id: a, pattern: {PATTERN}, tests: 5}", ":2:55: rule a: tests must be an array, not a number", 2),
        ("rules: [{id: a}]", ":1:9: rule a: the pattern is missing", 2),
    ] {
        let (_folder, name) = rule_file(&text.replace("PATTERN", pattern));
        let found = run(&["check", &name]);
        let line = if line.starts_with(':') { format!("{name}{line}") } else { line.to_owned() };
        let all = found.out + &found.err;
        assert!(all.lines().any(|other| other.strip_prefix("trailwire: ").unwrap_or(other) == line), "{line}\n{all}");
        assert_eq!(found.status, status, "{all}");
    }
    assert_eq!(run(&["check"]).status, 2);
    assert_eq!(run(&["check", "no-such-pack"]).status, 2);
}

#[test]
fn records_that_a_rule_ignores_are_not_found() {
    let (_folder, name) = rule_file(
        "ignore: [{awsRegion: [eu-west-1]}]\nrules:\n- {id: a, pattern: {eventName: [A]}}\n\
         - {id: b, pattern: {eventName: [A]}, ignore: [{userIdentity: {type: [Root]}}]}\n",
    );
    let input = "{\"eventName\":\"A\"}\n{\"eventName\":\"A\",\"awsRegion\":\"eu-west-1\"}\n\
                 {\"eventName\":\"A\",\"userIdentity\":{\"type\":\"Root\"}}\n";
    let found = run_with(&["scan", "-r", &name, "-o", "count", "-"], input.as_bytes());
    assert_eq!((&found.out[..], found.status), ("2\ta\n1\tb\n", 0), "{}", found.err);
}

#[test]
fn patterns_of_eventbridge_work_as_they_were_pasted() {
    let pattern = r#"{"source":["aws.sns"],"detail-type":["AWS API Call via CloudTrail"],"account":["123456789012"],
        "detail":{"eventName":["CreateTopic"]}}"#;
    let own = r#"{"eventSource":["sns.amazonaws.com"],"eventType":["AwsApiCall"],"recipientAccountId":["123456789012"],
        "eventName":["CreateTopic"]}"#;
    let records = |pattern: &str| run(&["scan", "-p", pattern, "-o", "record", "testdata/bucket"]);
    let (pasted, own) = (records(pattern), records(own));
    assert_eq!((&pasted.out, pasted.status), (&own.out, 0), "{}", pasted.err);
}

#[test]
fn test_pattern_derives_nothing() {
    let answer = |pattern: &str, event: &str| {
        let found = run(&["test-pattern", "--event-pattern", pattern, "--event", event]);
        (found.out, found.status, found.err)
    };
    let pasted = r#"{"source":["aws.s3"],"detail":{"eventName":["X"]}}"#;
    let record = r#"{"eventSource":"s3.amazonaws.com","eventName":"X"}"#;
    assert_eq!(answer(pasted, record), ("false\n".into(), 1, String::new()));
    let envelope = r#"{"source":"aws.s3","detail":{"eventName":"X"}}"#;
    assert_eq!(answer(pasted, envelope), ("true\n".into(), 0, String::new()));
    for (pattern, event, reason) in [
        (r#"{"a":"x"}"#, "{}", "invalid event pattern: line 1, column 6: a must be an array"),
        (r#"{"a":["x"]}"#, "{", "invalid event: line 1, column 1: invalid JSON: EOF"),
        (r#"{"a":["x"]}"#, "[]", "invalid event: line 1, column 1: an event must be a JSON object"),
        ("file://no/such/file", "{}", "no/such/file: No such file"),
    ] {
        let (out, status, err) = answer(pattern, event);
        assert!(out.is_empty() && status == 2 && err.contains(reason), "{pattern} {event}: {err}");
    }
}

#[test]
fn explain_shows_what_was_wanted_and_what_there_is() {
    let event = r#"{"eventSource":"sns.amazonaws.com","eventName":"CreateTopic","userIdentity":{"type":"Root"}}"#;
    let (_folder, name) = rule_file(
        "rules:\n- id: a\n  pattern: {eventSource: [sns.amazonaws.com], $or: [{eventname: [X]}, {eventName: [{prefix: Create}]}]}\n\
         \x20 ignore: [{userIdentity: {type: [AWSService]}}]\n",
    );
    let found = run(&["explain", "-r", &name, "-p", r#"{"readOnly":[true]}"#, "--event", event]);
    let expected = "rule a: matches
  yes   eventSource: wanted \"sns.amazonaws.com\"; it is \"sns.amazonaws.com\"
  yes   $or: one of 2
    (1)
      no    eventname: wanted \"X\"; there is no value (there is eventName: case matters)
    (2)
      yes   eventName: wanted begins with \"Create\"; it is \"CreateTopic\"
  ignore, pattern 1: does not match
  no    userIdentity.type: wanted \"AWSService\"; it is \"Root\"
rule pattern-1: does not match
  no    readOnly: wanted true; there is no value
";
    assert_eq!((&found.out[..], found.status), (expected, 0), "{}", found.err);
    assert_eq!(run(&["explain", "-p", r#"{"x":[1]}"#, "--event", event]).status, 1);
    assert_eq!(run(&["explain", "--event", event]).status, 2);
    assert_eq!(run(&["explain", "-r", "tutorial", "--event", "nothing"]).status, 2);
}

fn invoke(event: &str, arguments: &[&str]) -> Run {
    run(&[&["invoke", event, "--bucket-dir", "testdata/bucket", "-r", "tutorial"], arguments].concat())
}

#[test]
fn invoke_handles_the_s3_event() {
    let found = invoke("testdata/events/s3.json", &["-o", "json"]);
    let report: Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!((found.status, &report["response"]), (0, &Value::Null), "{}", found.err);
    let objects: Vec<_> = report["objects"].as_array().unwrap().iter().collect();
    let column = |name: &str| objects.iter().map(|object| object[name].clone()).collect::<Value>();
    assert_eq!(column("status"), serde_json::json!(["done", "done", "skipped", "done"]));
    assert_eq!(column("records"), serde_json::json!([40, 12, 0, 4]));
    assert_eq!(column("matches"), serde_json::json!([3, 1, 0, 1]));
    assert!(objects[3]["key"].as_str().unwrap().starts_with("audit logs+copies/AWSLogs/"));
    let alerts = report["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 5);
    assert!(alerts.iter().all(|alert| alert["source"]["bucket"] == "example-cloudtrail-logs"));

    let text = invoke("testdata/events/s3.json", &[]);
    assert_eq!(text.out.matches("\nThe record as CloudTrail wrote it:\n").count(), 5);
    assert!(text.out.contains("later\n") && text.out.contains("s3://example-cloudtrail-logs/audit logs+copies/"));
    assert_eq!(text.status, 0);
}

#[test]
fn invoke_reports_the_messages_that_failed_and_only_those() {
    let failures = |event: &str| {
        let found = invoke(event, &["-o", "json"]);
        assert_eq!(found.status, 2);
        let report: Value = serde_json::from_str(&found.out).unwrap();
        let failures = report["response"]["batchItemFailures"].as_array().unwrap();
        let ids = failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().chars().last().unwrap());
        (ids.collect::<String>(), report)
    };
    let (failed, report) = failures("testdata/events/sqs.json");
    assert_eq!(failed, "4");
    let statuses: Vec<_> = report["objects"].as_array().unwrap().iter().map(|object| &object["status"]).collect();
    assert_eq!(statuses, ["done", "done", "done", "failed"]);
    assert!(report["objects"][3]["error"].as_str().unwrap().contains("no such object"));
    // On a FIFO queue nothing behind the failure is touched.
    let (failed, report) = failures("testdata/events/sqs-fifo.json");
    assert_eq!((&failed[..], report["objects"].as_array().unwrap().len()), ("23", 2));
}

#[test]
fn an_event_that_is_unknown_or_names_a_key_outside_fails() {
    let folder = tempfile::tempdir().unwrap();
    for (event, said) in [
        ("{}", "an empty object"),
        ("not json", "not JSON"),
        (
            r#"{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"../rules/tutorial.yaml"}}}]}"#,
            "s3://b/../rules/tutorial.yaml: the key is refused",
        ),
        (
            r#"{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":"{}"}]}"#,
            "message m: unknown event: an empty object",
        ),
    ] {
        let (file, name) = path(&folder, "event.json");
        fs::write(file, event).unwrap();
        let found = invoke(&name, &["-o", "json"]);
        let report: Value = serde_json::from_str(&found.out).unwrap();
        let error = report["response"]["error"].as_str().unwrap();
        assert!(found.status == 2 && error.contains(said), "{event}: {error}");
    }
}

#[test]
fn invoke_without_rules_refuses_and_says_how() {
    let found = run(&["invoke", "testdata/events/s3.json", "--bucket-dir", "testdata/bucket"]);
    assert!(found.status == 2 && found.err.contains("-r tutorial"), "{}", found.err);
}

/// Whatever a malformed file holds, none of it is printed beside its matches.
#[test]
fn errors_never_print_what_a_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    for (number, text) in [
        "planted",
        "{\"planted\":1}",
        "{\"Records\":[planted]}",
        "{\"Records\":[{\"eventName\":planted}]}",
        "{\"Records\":[{\"eventName\":\"planted\\q\"}]}",
        "{\"Records\":[{\"planted\" 1}]}",
        "{\"Records\":\"planted\"}",
    ]
    .iter()
    .enumerate()
    {
        let (file, name) = path(&folder, &format!("{number}.json"));
        fs::write(file, text).unwrap();
        let found = run(&["scan", "-p", SNS, &name]);
        assert!(found.status == 2 && !found.err.contains("planted"), "{text}: {}", found.err);
    }
}
