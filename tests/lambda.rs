//! The Lambda function from outside: `bootstrap` as a process, between stand-ins for S3, SNS and the Runtime API.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;
mod standin;

use common::gzip;
use serde_json::{Value, json};
use standin::function::{Function, SECRET, messages, notification};
use standin::runtime::Deadline;
use standin::s3::S3Fault;
use standin::sns::SnsFault;
use std::time::{Duration, Instant};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alerts";

const RULES: &str = r#"{"rules": [{"id": "x", "format": "json", "pattern": {"eventName": [{"prefix": "x"}]}}]}"#;

/// A function with one rule and one topic.
fn function(settings: &[(&str, &str)]) -> Function {
    let usual = [("TRAILWIRE_RULES", RULES), ("TRAILWIRE_TOPIC_ARN", TOPIC)];
    let function = Function::start(&[&usual, settings].concat());
    function.sns.topic(TOPIC);
    function
}

/// A log file of records with these names; event ids are `file` and a number.
fn file(file: &str, names: &[&str]) -> Vec<u8> {
    let records = (1..).zip(names).map(|(n, name): (u32, _)| {
        json!({"eventVersion": "1.11", "eventName": name, "eventID": format!("{file}-{n}"),
            "eventTime": "2026-10-14T09:03:11Z", "recipientAccountId": "123456789012"})
    });
    gzip(json!({"Records": records.collect::<Value>()}).to_string().as_bytes())
}

/// The event ids of the records that were alerted on, in order.
fn alerted(function: &Function) -> Vec<String> {
    let bodies = function.sns.messages().into_iter().filter(|message| !message.duplicate);
    let mut ids: Vec<_> = bodies
        .map(|message| {
            let body: Value = serde_json::from_str(&message.entry.message).unwrap();
            body["record"]["eventID"].as_str().unwrap().to_owned()
        })
        .collect();
    ids.sort();
    ids
}

fn error(answer: &Result<String, String>) -> String {
    let error: Value = serde_json::from_str(answer.as_ref().unwrap_err()).unwrap();
    error["errorMessage"].as_str().unwrap().to_owned()
}

#[test]
fn without_rules_or_topic_it_refuses_to_start_and_says_how() {
    for (settings, said) in [
        (&[][..], "set TRAILWIRE_RULES"),
        (&[("TRAILWIRE_RULES", RULES)], "set TRAILWIRE_TOPIC_ARN"),
        (&[("TRAILWIRE_RULES", "missing.yaml"), ("TRAILWIRE_TOPIC_ARN", TOPIC)], "missing.yaml"),
        (&[("TRAILWIRE_RULES", "{\"rules\": []}"), ("TRAILWIRE_TOPIC_ARN", TOPIC)], "no rules in this file"),
        (
            &[("TRAILWIRE_RULES", "s3://logs/rules.yaml"), ("TRAILWIRE_TOPIC_ARN", TOPIC)],
            "s3://logs/rules.yaml: S3 refused it",
        ),
        (&[("TRAILWIRE_RULES", RULES), ("TRAILWIRE_TOPIC", TOPIC)], "TRAILWIRE_TOPIC: there is no such setting"),
    ] {
        let mut function = Function::start(settings);
        let status = function.ended(Duration::from_secs(20)).expect("it ends");
        assert!(!status.success() && function.output().contains(said), "{said}: {}", function.output());
        assert!(!function.output().contains(SECRET));
    }
}

#[test]
fn rules_come_inline_from_a_pack_or_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    std::fs::write(&path, "rules:\n- {id: x, pattern: {eventName: [CreateTopic]}}\n").unwrap();
    for rules in ["tutorial", path.to_str().unwrap(), "rules:\n- {id: x, pattern: {eventName: [CreateTopic]}}"] {
        let function = function(&[("TRAILWIRE_RULES", rules)]);
        let record = json!({"eventName": "CreateTopic", "eventSource": "sns.amazonaws.com", "eventType": "AwsApiCall"});
        function.s3.put("logs", "a", None, gzip(json!({"Records": [record]}).to_string().as_bytes()));
        assert_eq!(function.invoke(&notification(&["a"])).result, Ok("null".into()), "{rules}");
        let messages = function.sns.messages();
        assert_eq!(messages.len(), 1, "{rules}");
        assert!(messages[0].entry.subject.as_ref().unwrap().contains("CreateTopic"));
        assert!(messages[0].entry.message.starts_with(if rules == "tutorial" { "Somebody created" } else { "x\n" }));
    }
}

#[test]
fn each_trigger_is_answered_in_its_own_way() {
    let function = function(&[]);
    function.s3.put("logs", "good", None, file("good", &["x", "a"]));
    function.s3.put("logs", "bad", None, &file("bad", &["x"])[..30]);
    let invoke = |event: &Value| function.invoke(event).result;

    assert_eq!(invoke(&notification(&["good"])), Ok("null".into()));
    let failure = error(&invoke(&notification(&["good", "bad", "missing"])));
    assert!(
        failure.contains("s3://logs/bad: truncated")
            && failure.contains("s3://logs/missing: S3 refused it with NoSuchKey")
    );
    assert!(!failure.contains("s3://logs/good"), "{failure}");

    let body = |key: &str| notification(&[key]).to_string();
    let batch = [("1".into(), body("good")), ("2".into(), body("bad")), ("3".into(), "poison".into())];
    let answer: Value = serde_json::from_str(&invoke(&messages("q", &batch)).unwrap()).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]}));
    // Nothing behind the first failure of a FIFO queue is read.
    let batch = [("1".into(), body("good")), ("2".into(), "poison".into()), ("3".into(), body("good"))];
    let before = function.s3.gets("logs", "good");
    let answer: Value = serde_json::from_str(&invoke(&messages("q.fifo", &batch)).unwrap()).unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]));
    assert_eq!(function.s3.gets("logs", "good"), before + 1);
    assert!(error(&invoke(&messages("q", &[("1".into(), body("bad"))]))).contains("message 1: s3://logs/bad"));

    let task = |id: &str, key: &str| json!({"taskId": id, "s3Key": key, "s3VersionId": null, "s3BucketArn": "arn:aws:s3:::logs"});
    let job = json!({"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"},
        "tasks": [task("a", "good"), task("b", "bad")]});
    let answer: Value = serde_json::from_str(&invoke(&job).unwrap()).unwrap();
    assert_eq!((&answer["invocationSchemaVersion"], &answer["invocationId"]), (&json!("1.0"), &json!("i")));
    let codes: Vec<_> = answer["results"].as_array().unwrap().iter().map(|result| &result["resultCode"]).collect();
    assert_eq!(codes, ["Succeeded", "PermanentFailure"]);

    let items = json!({"BatchInput": {"Bucket": "logs"}, "Items": [{"Key": "good"}]});
    let answer: Value = serde_json::from_str(&invoke(&items).unwrap()).unwrap();
    assert_eq!((&answer["objects"], &answer["records"], &answer["alerts"]), (&json!(1), &json!(2), &json!(1)));
    for unknown in ["{}", "[]", "\"text\"", "{\"batchItemFailures\":[]}"] {
        let answer = function.runtime.invoke(unknown, Deadline::In(Duration::from_secs(30)));
        assert!(error(&answer.result).contains("unknown event"), "{unknown}");
    }
    // The runtime itself reads the event, and says where it breaks off.
    assert!(function.runtime.invoke("{", Deadline::In(Duration::from_secs(30))).result.is_err());
    assert_eq!(invoke(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent"})), Ok("null".into()));
}

#[test]
fn the_version_that_is_named_is_read() {
    let function = function(&[]);
    function.s3.put("logs", "k", Some("v1"), file("old", &["x"]));
    function.s3.put("logs", "k", Some("v2"), file("new", &["x"]));
    let mut event = notification(&["k"]);
    event["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
    assert_eq!(function.invoke(&event).result, Ok("null".into()));
    assert_eq!(alerted(&function), ["old-1"]);
}

#[test]
fn a_broken_body_is_resumed_from_the_right_byte() {
    use standin::http::WireFault::{CutAfter, ResetAfter, StallAfter};
    let function = function(&[]);
    let names: Vec<String> = (0..2_000).map(|n| format!("n{n}-{}", n * 7_919 % 1_000)).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("x");
    let body = file("f", &names);
    function.s3.put("logs", "k", None, body.clone());
    let stall = Duration::from_secs(5);
    function.s3.fault("logs", "k", S3Fault::Wire(CutAfter(1)));
    function.s3.fault("logs", "k", S3Fault::Status(503, "SlowDown", "planted"));
    let faults = [ResetAfter(body.len() / 2), StallAfter(10, stall), CutAfter(0)];
    faults.into_iter().for_each(|fault| function.s3.fault("logs", "k", S3Fault::Wire(fault)));
    let answer = function.invoke(&notification(&["k"]));
    assert_eq!(answer.result, Ok("null".into()), "{}", function.output());
    assert!(answer.took < Duration::from_secs(3), "a stall is waited for: {:?}", answer.took);
    assert_eq!(alerted(&function), ["f-2001"]);
    let gets = function.s3.log();
    assert!(gets[1..].iter().all(|get| get.if_match.as_deref() == Some(&standin::s3::etag(&body))), "{gets:?}");
    let starts: Vec<_> = gets.iter().filter_map(|get| get.start).collect();
    assert!(starts[0] == 1 && starts.windows(2).all(|pair| pair[0] <= pair[1]), "{starts:?}");
    assert_eq!(gets.iter().filter(|get| get.if_match.is_some()).count(), 5);
    // One more is counted where it was lost on a connection that had just broken.
    assert!(function.metrics()[0]["BodyResumes"].as_u64().unwrap() >= 5);
}

#[test]
fn a_body_that_never_comes_is_given_up_and_says_where() {
    use standin::http::WireFault::CutAfter;
    let function = function(&[]);
    function.s3.put("logs", "k", None, file("f", &["x"]));
    function.s3.always("logs", "k", Some(S3Fault::Wire(CutAfter(0))));
    function.s3.fault("logs", "k", S3Fault::Wire(CutAfter(25)));
    let failure = error(&function.invoke(&notification(&["k"])).result);
    assert!(failure.contains("its body broke off at stored byte 25"), "{failure}");
    assert_eq!(function.s3.gets("logs", "k"), 5, "as many tries as are made of one thing");
}

#[test]
fn the_rest_of_an_object_is_the_rest_and_of_the_same_object() {
    use standin::http::WireFault::CutAfter;
    let function = function(&[]);
    function.s3.put("logs", "k", None, file("f", &["x"]));
    let cut = || function.s3.fault("logs", "k", S3Fault::Wire(CutAfter(25)));
    cut();
    function.s3.fault("logs", "k", S3Fault::RangeIgnored);
    let failure = error(&function.invoke(&notification(&["k"])).result);
    assert!(failure.contains("byte 25: S3 sent another part of it than the rest"), "{failure}");
    // Where nothing is behind what was received, it is another object.
    cut();
    function.s3.fault("logs", "k", S3Fault::Status(416, "InvalidRange", "planted"));
    assert_eq!(function.invoke(&notification(&["k"])).result, Ok("null".into()), "{}", function.output());
    assert_eq!(function.metrics()[1]["ObjectRestarts"], 1);
}

#[test]
fn a_wrong_checksum_fails_the_object() {
    let function = function(&[]);
    function.s3.put("logs", "k", None, file("f", &["x"]));
    function.s3.fault("logs", "k", S3Fault::WrongChecksum);
    let failure = error(&function.invoke(&notification(&["k"])).result);
    assert!(failure.contains("its checksum in S3 is not that of what was received"), "{failure}");
    assert_eq!(function.invoke(&notification(&["k"])).result, Ok("null".into()));
}

#[test]
fn ten_objects_take_little_longer_than_one_and_share_their_batches() {
    let function = function(&[]);
    let names = ["x"; 10];
    for n in 0..10 {
        function.s3.put("logs", &format!("k{n}"), None, file(&format!("f{n}"), &names));
    }
    let event = |objects: usize| {
        let bodies: Vec<_> =
            (0..objects).map(|n| (n.to_string(), notification(&[&format!("k{n}")]).to_string())).collect();
        messages("q", &bodies)
    };
    // Connections are made before it is timed.
    function.invoke(&event(10));
    function.s3.delay(Duration::from_millis(20));
    function.sns.delay(Duration::from_millis(15));
    let mut ratios: Vec<f64> = (0..5)
        .map(|_| {
            let one = function.invoke(&event(1)).took;
            let calls = function.sns.calls().len();
            let ten = function.invoke(&event(10)).took;
            assert_eq!(function.sns.calls().len() - calls, 10, "100 alerts take 10 calls");
            ten.as_secs_f64() / one.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("time of 10 objects / time of 1: {ratios:.2?}");
    assert!(ratios[2] <= 2.5, "{ratios:?}");
}

#[test]
fn a_panic_is_one_objects_failure_and_the_next_invocation_works() {
    let function = function(&[]);
    function.s3.put("logs", "panic!", None, file("p", &["x"]));
    function.s3.put("logs", "k", None, file("f", &["x"]));
    let bodies = [("1".into(), notification(&["panic!"]).to_string()), ("2".into(), notification(&["k"]).to_string())];
    let answer: Value = serde_json::from_str(&function.invoke(&messages("q", &bodies)).result.unwrap()).unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "1"}]));
    let output = function.output();
    assert!(output.contains("s3://logs/panic!: reading it failed by an error in trailwire (a panic)"), "{output}");
    // Its place is told and not its message, which is the key.
    let told = output.lines().find(|line| line.contains("\"place\"")).unwrap();
    assert!(told.contains("src/lambda/mod.rs") && !told.contains("panic!") && !output.contains("RUST_BACKTRACE"));
    assert_eq!(function.invoke(&notification(&["k"])).result, Ok("null".into()));
    assert_eq!(alerted(&function), ["f-1", "f-1"]);
}

#[test]
fn at_the_deadline_it_answers_in_time_and_a_past_one_is_none() {
    let function = function(&[]);
    function.s3.put("logs", "fast", None, file("fast", &["a"]));
    function.s3.put("logs", "slow", None, file("slow", &["x"]));
    function.s3.fault("logs", "slow", S3Fault::Delay(Duration::from_secs(20)));
    let bodies = ["fast", "slow"].map(|key| (key.into(), notification(&[key]).to_string()));
    let begun = Instant::now();
    let answer = function.runtime.invoke(&messages("q", &bodies).to_string(), Deadline::In(Duration::from_millis(300)));
    assert!(begun.elapsed() < Duration::from_secs(5), "well before the answer of S3");
    assert!(answer.took < Duration::from_millis(300), "{:?}", answer.took);
    let answer: Value = serde_json::from_str(&answer.result.unwrap()).unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "slow"}]));
    assert!(function.output().contains("the time left was over"));
    for past in [0, 600_000] {
        let answer = function.runtime.invoke(&notification(&["slow"]).to_string(), Deadline::At(past));
        assert_eq!(answer.result, Ok("null".into()));
    }
}

#[test]
fn alerts_go_to_topics_of_any_region_and_kind() {
    let fifo = "arn:aws:sns:us-east-1:123456789012:alerts.fifo";
    let rules = format!(
        "topic_arn: {TOPIC}\nrules:\n- {{id: text, pattern: {{eventName: [x]}}}}\n\
         - {{id: fifo, topic_arn: '{fifo}', format: json, pattern: {{eventName: [x]}}}}\n\
         - {{id: both, format: both, pattern: {{eventName: [x]}}}}\n\
         - {{id: watched, mode: observe, pattern: {{eventName: [x]}}}}\n"
    );
    let function = function(&[("TRAILWIRE_RULES", &rules)]);
    function.sns.topic(fifo);
    function.s3.put("logs", "k", None, file("f", &["x", "a"]));
    for _ in 0..2 {
        assert_eq!(function.invoke(&notification(&["k"])).result, Ok("null".into()), "{}", function.output());
    }
    let messages = function.sns.messages();
    assert_eq!(messages.len(), 6);
    let of = |topic: &str| messages.iter().filter(|message| message.topic == topic).collect::<Vec<_>>();
    let ordered = of(fifo);
    assert!(!ordered[0].duplicate && ordered[1].duplicate, "the same alert again is known to a FIFO topic");
    assert_eq!(ordered[0].entry.group.as_deref(), Some("fifo"));
    let standard = of(TOPIC);
    let structured: Vec<_> = standard.iter().filter(|message| message.entry.structure.is_some()).collect();
    let parts: Value = serde_json::from_str(&structured[0].entry.message).unwrap();
    assert!(parts["email"].as_str().unwrap().contains("The record as CloudTrail wrote it"));
    assert_eq!(serde_json::from_str::<Value>(parts["default"].as_str().unwrap()).unwrap()["rule"], "both");
    assert_eq!(function.metrics()[0]["AlertsObserved"], 1);
}

#[test]
fn rules_in_s3_are_read_again_when_they_change_and_bad_ones_change_nothing() {
    let rules = |name: &str| format!("rules:\n- {{id: r, format: json, pattern: {{eventName: [{name}]}}}}\n");
    let (s3, sns, runtime) = (standin::s3::S3::start(), standin::sns::Sns::start(), standin::runtime::Runtime::start());
    s3.put("config", "rules.yaml", None, rules("x").into_bytes());
    s3.fault("config", "rules.yaml", S3Fault::Status(503, "SlowDown", "planted"));
    let settings = [
        ("TRAILWIRE_RULES", "s3://config/rules.yaml"),
        ("TRAILWIRE_TOPIC_ARN", TOPIC),
        ("TRAILWIRE_RULES_TTL_MS", "0"),
        ("TRAILWIRE_ANSWER_TIMEOUT_MS", "20000"),
    ];
    let function = Function::start_between(&settings, s3, sns, runtime);
    function.sns.topic(TOPIC);
    function.s3.put("logs", "k", None, file("f", &["x", "y"]));
    let run = || {
        assert_eq!(function.invoke(&notification(&["k"])).result, Ok("null".into()), "{}", function.output());
        alerted(&function).last().unwrap().clone()
    };
    assert_eq!(run(), "f-1");
    function.s3.put("config", "rules.yaml", None, rules("y").into_bytes());
    assert_eq!(run(), "f-2");
    let loaded = |output: &str| output.matches("\"rules loaded\"").count();
    let failures = || function.metrics().pop().unwrap()["Failures"].clone();
    assert_eq!((loaded(&function.output()), failures()), (2, json!(0)));
    let strange = rules("x").replace("format", "topic_arn: 'arn:aws:sns:eu-west-1:1:other', format");
    let large = format!("# {}\n{}", "x".repeat(1 << 20), rules("x"));
    for (bad, said) in [
        ("rules: []".to_owned(), "no rules in this file"),
        (String::new(), "the file is empty"),
        (strange, "names a topic that"),
        ("a: &a [1]\nrules: *a".to_owned(), "rules.yaml:"),
        (large, "larger than 1048576 bytes"),
        (rules("{"), "rules.yaml:"),
    ] {
        function.s3.put("config", "rules.yaml", None, bad.into_bytes());
        let before = function.sns.messages().len();
        run();
        let output = function.output();
        let line = output.lines().rfind(|line| line.contains("the last good ones stay")).unwrap();
        assert!(line.contains(said), "{said}: {line}");
        // Nor is it looked at again what did not change; but it fails for as long as it is there.
        run();
        assert_eq!(failures(), 1, "{said}");
        let last = function.sns.messages().pop().unwrap();
        assert!(function.sns.messages().len() == before + 2 && last.entry.message.contains("f-2"), "{said}");
    }
    function.s3.delete("config", "rules.yaml");
    run();
    assert_eq!((loaded(&function.output()), failures()), (2, json!(1)));
    function.s3.put("config", "rules.yaml", None, rules("x").into_bytes());
    run();
    assert!(function.sns.messages().pop().unwrap().entry.message.contains("f-1"));
    assert_eq!((loaded(&function.output()), failures()), (3, json!(0)));
    // An answer that is late costs no invocation more than two seconds.
    function.s3.fault("config", "rules.yaml", S3Fault::Delay(Duration::from_secs(30)));
    run();
    let late = "s3://config/rules.yaml: no answer within 2 s (try again)";
    assert!(function.output().contains(late) && include_str!("../ERRORS.md").contains(late));
    assert_eq!(failures(), 1);
    run();
    assert_eq!((loaded(&function.output()), failures()), (4, json!(0)));
}

#[test]
fn every_kind_of_trouble_with_a_topic_is_told_and_what_to_do() {
    let function = function(&[]);
    function.s3.put("logs", "k", None, file("f", &["x"]));
    let refused = |code: &str, status: u16| SnsFault::Status(status, code_of(code), "planted message");
    for (code, status, said) in [
        ("AuthorizationError", 403, "sns:Publish"),
        ("NotFound", 404, "no such topic"),
        ("KMSAccessDenied", 400, "kms:GenerateDataKey"),
    ] {
        let calls = function.sns.calls().len();
        function.sns.fault(refused(code, status));
        let failure = error(&function.invoke(&notification(&["k"])).result);
        assert!(failure.contains(code) && failure.contains(said), "{failure}");
        assert_eq!(function.sns.calls().len(), calls + 1, "{code} is not tried again");
    }
    assert!(!function.output().contains("planted message"));
}

/// A code that lives as long as a fault needs it.
fn code_of(code: &str) -> &'static str {
    ["AuthorizationError", "NotFound", "KMSAccessDenied"].into_iter().find(|known| *known == code).unwrap()
}

/// All objects of the events handed out are there, and each event is answered as its form says: by success, where it
/// names nothing that cannot be read.
#[test]
fn every_sample_of_an_event_is_answered() {
    let folder = common::folder("../shared/corpus/trigger-events");
    let samples = common::files(&folder);
    if samples.is_empty() {
        println!("the sample events are not here: skipped");
    }
    let function = function(&[]);
    for path in samples {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let result = function.runtime.invoke(&text, Deadline::In(Duration::from_secs(30))).result;
        let (objects, expected) = match trailwire::handler::decode(text.as_bytes()) {
            Err(_) => (Vec::new(), false),
            Ok(trigger) => outcome(trigger),
        };
        // Where nothing is stored, whatever is to be read fails, and nothing else does.
        let read = objects.iter().any(|object| trailwire::handler::skip_reason(&object.key).is_none());
        assert_eq!(succeeded(&result), expected && !read, "{name} without objects: {result:?}");
        for object in &objects {
            function.s3.put(&object.bucket, &object.key, object.version.as_deref(), file(&name, &["x"]));
        }
        let before = function.sns.messages().len();
        let result = function.runtime.invoke(&text, Deadline::In(Duration::from_secs(30))).result;
        assert_eq!(succeeded(&result), expected, "{name}: {result:?}");
        assert_eq!(function.sns.messages().len() > before, read, "{name} alerts on what it read");
        function.s3.reset();
    }
}

/// The objects of an event, and whether it succeeds when all of them can be read.
fn outcome(trigger: trailwire::handler::Trigger) -> (Vec<trailwire::handler::ObjectRef>, bool) {
    use trailwire::handler::Trigger;
    match trigger {
        Trigger::Objects(objects) | Trigger::Items(objects) => (objects.named, objects.faults.is_empty()),
        Trigger::Queue { messages, .. } => {
            let good = messages.iter().all(|it| it.objects.as_ref().is_ok_and(|objects| objects.faults.is_empty()));
            let objects = messages.into_iter().filter_map(|message| message.objects.ok());
            (objects.flat_map(|objects| objects.named).collect(), good)
        }
        Trigger::BatchJob(job) => {
            let good = job.tasks.iter().all(|task| task.object.is_ok());
            (job.tasks.into_iter().filter_map(|task| task.object.ok()).collect(), good)
        }
    }
}

/// Whether an answer says that nothing failed.
fn succeeded(answer: &Result<String, String>) -> bool {
    let Ok(text) = answer else { return false };
    let response: Value = serde_json::from_str(text).unwrap();
    let none_failed = response["batchItemFailures"].as_array().is_none_or(Vec::is_empty);
    let results = response["results"].as_array().cloned().unwrap_or_default();
    none_failed && results.iter().all(|result| result["resultCode"] == "Succeeded")
}

/// `cargo test --release --test lambda -- --ignored`: means something in a release build only.
#[test]
#[ignore = "takes long, and measures a release build"]
fn fifty_megabytes_of_matches_stay_within_the_memory_of_the_smallest_function() {
    let function = function(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"), ("TRAILWIRE_LANES", "3")]);
    let count = 37_000;
    let mut text = String::from("{\"Records\":[");
    for n in 0..count {
        let filler = format!("{:x}", n * 2_654_435_761_u64 % 1_000_003).repeat(1_300);
        text.push_str(if n == 0 { "" } else { "," });
        text.push_str(&format!(
            r#"{{"eventVersion":"1.11","eventName":"x","eventID":"{n}","requestParameters":{{"p":"{}"}}}}"#,
            &filler[..1_300]
        ));
    }
    text.push_str("]}");
    let stored = gzip(text.as_bytes());
    println!("{} bytes, {} as stored, every record matches", text.len(), stored.len());
    assert!(text.len() > 50_000_000);
    function.s3.put("logs", "k", None, stored);
    let answer = function.runtime.invoke(&notification(&["k"]).to_string(), Deadline::In(Duration::from_secs(300)));
    assert_eq!(answer.result, Ok("null".into()));
    assert_eq!(function.sns.messages().len(), count as usize);
    // Where alerts come faster than SNS takes them, some batches leave before they are full.
    let calls = function.sns.calls().len();
    println!("{count} alerts in {calls} calls");
    assert!(calls <= count as usize / 10 * 11 / 10);
    let settings = trailwire::handler::Settings { lanes: 3, ..trailwire::handler::Settings::default() };
    let (peak, bound) = (function.peak_bytes(), settings.max_bytes() as u64 + (28 << 20));
    println!("took {:?}; peak memory {} MiB, of {} by the formula", answer.took, peak >> 20, bound >> 20);
    assert!(bound <= 128 << 20 && peak <= bound);
}

#[test]
fn the_command_line_runs_the_handler_against_the_same_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    std::fs::write(&event, notification(&["good", "missing"]).to_string()).unwrap();
    let (s3, sns) = (standin::s3::S3::start(), standin::sns::Sns::start());
    sns.topic(TOPIC);
    s3.put("logs", "good", None, file("good", &["x", "a", "x"]));
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trailwire"));
        command.arg("invoke").arg(&event).args(["-p", r#"{"eventName":["x"]}"#]).args(arguments).env_clear();
        command.envs([("AWS_ENDPOINT_URL_S3", s3.url()), ("AWS_ENDPOINT_URL_SNS", sns.url())]);
        command.envs([("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", SECRET)]);
        command.output().unwrap()
    };
    let output = run(&["--topic-arn", TOPIC, "-o", "json"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["response"]["error"].as_str().unwrap().contains("s3://logs/missing: S3 refused it"));
    assert_eq!((&report["objects"][0]["status"], &report["objects"][0]["matches"]), (&json!("done"), &json!(2)));
    assert_eq!(sns.messages().len(), 2);
    assert!(sns.messages()[0].entry.subject.as_ref().unwrap().starts_with("[MEDIUM] pattern-1: x by unknown"));
    let output = run(&[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("rule pattern-1 has no topic"), "{output:?}");
}
