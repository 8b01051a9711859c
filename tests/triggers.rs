//! Events of every form by the names under which samples of them are kept: what each asks for, in samples made here
//! and in the folder of samples where there is one; and that no event which is damaged is taken for one that asks for
//! less.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]
#![cfg(feature = "handler")]

mod common;

use Outcome::{Fails, Fifo, Items, Objects, Queue, Tasks};
use common::{Random, files, folder};
use serde_json::{Value, json};
use trailwire::handler::{ObjectRef, Trigger, TriggerError, decode, skip_reason};

/// What an event asks for, in numbers.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// To be read, and skipped by their keys.
    Objects(usize, usize),
    Items(usize),
    Tasks(usize),
    /// By message: how many objects, or a failure.
    Queue(Vec<Option<usize>>),
    Fifo(Vec<Option<usize>>),
    /// All of it, or a part other than a message.
    Fails,
}

fn outcome(decoded: &Result<Trigger, TriggerError>) -> Outcome {
    match decoded {
        Ok(Trigger::Objects(objects)) if objects.faults.is_empty() => {
            let skipped = objects.named.iter().filter(|object| skip_reason(&object.key).is_some()).count();
            Objects(objects.named.len() - skipped, skipped)
        }
        Ok(Trigger::Items(objects)) if objects.faults.is_empty() => Items(objects.named.len()),
        Ok(Trigger::BatchJob(job)) if job.tasks.iter().all(|task| task.object.is_ok()) => Tasks(job.tasks.len()),
        Ok(Trigger::Queue { messages, fifo }) => {
            let count =
                |objects: &trailwire::handler::Objects| objects.faults.is_empty().then_some(objects.named.len());
            let messages =
                messages.iter().map(|message| message.objects.as_ref().ok().and_then(count)).collect::<Vec<_>>();
            if *fifo { Fifo(messages) } else { Queue(messages) }
        }
        _ => Fails,
    }
}

/// How many objects an event names; none if any part of it fails.
fn whole(event: &[u8]) -> Option<usize> {
    match outcome(&decode(event)) {
        Objects(read, skipped) => Some(read + skipped),
        Items(count) | Tasks(count) => Some(count),
        Queue(messages) | Fifo(messages) => messages.into_iter().sum(),
        Fails => None,
    }
}

fn objects(decoded: Result<Trigger, TriggerError>) -> Vec<ObjectRef> {
    match decoded {
        Ok(Trigger::Objects(objects) | Trigger::Items(objects)) => objects.named,
        Ok(Trigger::BatchJob(job)) => job.tasks.into_iter().filter_map(|task| task.object.ok()).collect(),
        Ok(Trigger::Queue { messages, .. }) => {
            messages.into_iter().filter_map(|message| message.objects.ok()).flat_map(|objects| objects.named).collect()
        }
        Err(_) => Vec::new(),
    }
}

const KEY: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/10/14/1.json.gz";

/// A key in another folder of the trail.
fn other(folder: &str) -> String {
    KEY.replace("CloudTrail", folder)
}

fn records(records: &[Value]) -> Value {
    json!({"Records": records})
}

fn s3_record(key: &str, version: &str, name: &str) -> Value {
    json!({"eventVersion": version, "eventSource": "aws:s3", "eventTime": "2026-10-14T09:12:43.712Z",
        "eventName": name, "s3": {"bucket": {"name": "logs"}, "object": {"key": key, "versionId": null, "size": 9}}})
}

fn s3(keys: &[&str]) -> Value {
    records(&keys.iter().map(|key| s3_record(key, "2.1", "ObjectCreated:Put")).collect::<Vec<_>>())
}

fn test_event() -> Value {
    json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-10-14T09:00:00Z", "Bucket": "logs"})
}

fn cloudtrail(keys: &[&str]) -> Value {
    json!({"s3Bucket": "logs", "s3ObjectKey": keys})
}

fn sns(message: &str, url: &str) -> Value {
    records(&[json!({"EventVersion": "1.0", "EventSource": "aws:sns",
        "Sns": {"Type": "Notification", "Subject": null, "Message": message, url: "https://192.0.2.1/c.pem"}})])
}

fn envelope(message: &Value) -> Value {
    json!({"Type": "Notification", "MessageId": "m", "Message": message.to_string(), "SequenceNumber": "10"})
}

fn sqs(queue: &str, bodies: &[&str]) -> Value {
    let message = |(number, body): (usize, &&str)| {
        json!({"messageId": format!("m-{number}"), "body": body, "attributes": {"ApproximateReceiveCount": "7"},
            "eventSource": "aws:sqs", "eventSourceARN": format!("arn:aws:sqs:eu-west-1:111122223333:{queue}")})
    };
    records(&bodies.iter().enumerate().map(message).collect::<Vec<_>>())
}

fn message(body: &Value) -> Value {
    sqs("files", &[&body.to_string()])
}

fn event_bridge(source: &str, name: &str, object: &Value) -> Value {
    json!({"version": "0", "detail-type": name, "source": source, "time": "2026-10-14T09:12:43Z",
        "detail": {"version": "0", "event-version": "1.2", "bucket": {"name": "logs"}, "object": object}})
}

fn failure(event: &Value) -> Value {
    json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event,
        "responsePayload": {"errorMessage": "no"}})
}

fn batch(version: &str, task: &Value) -> Value {
    json!({"invocationSchemaVersion": version, "invocationId": "i", "job": {"id": "j"}, "tasks": [task]})
}

fn answer(version: &str) -> Value {
    json!({"invocationSchemaVersion": version, "invocationId": "i", "treatMissingKeysAs": "TemporaryFailure",
        "results": [{"taskId": "t", "resultCode": "Succeeded"}]})
}

/// All names, each with a sample and with what any sample of that name asks for.
fn samples() -> Vec<(&'static str, Value, Outcome)> {
    let put = |version| records(&[s3_record(KEY, version, "ObjectCreated:Put")]);
    let one = || s3(&[KEY]).to_string();
    let created = |object: &Value| event_bridge("aws.s3", "Object Created", object);
    let arn = "arn:aws:s3:::logs";
    let mut versioned = put("2.1");
    versioned["Records"][0]["s3"]["object"]["versionId"] = "v".into();
    let (insight, digest) = (other("CloudTrail-Insight"), other("CloudTrail-Digest"));
    vec![
        ("s3-put-2.1", put("2.1"), Objects(1, 0)),
        ("s3-put-2.6", put("2.6"), Objects(1, 0)),
        ("s3-put-versioned", versioned, Objects(1, 0)),
        (
            "s3-multipart-complete",
            records(&[s3_record(KEY, "2.1", "ObjectCreated:CompleteMultipartUpload")]),
            Objects(1, 0),
        ),
        ("s3-copy", records(&[s3_record(KEY, "2.1", "ObjectCreated:Copy")]), Objects(1, 0)),
        (
            "s3-minimal-fields",
            records(&[json!({"eventSource": "aws:s3", "s3": {"bucket": {"name": "logs"}, "object": {"key": KEY}}})]),
            Objects(1, 0),
        ),
        ("s3-url-encoded-slash-key", s3(&[&KEY.replace('/', "%2F")]), Objects(1, 0)),
        ("s3-url-encoded-key", s3(&[&format!("a+b/caf%C3%A9+%2B+co%40home/{KEY}")]), Objects(1, 0)),
        ("s3-multi-record", s3(&[KEY, KEY, KEY]), Objects(3, 0)),
        ("s3-network-activity-key", s3(&[&other("CloudTrail-NetworkActivity")]), Objects(1, 0)),
        ("s3-insight-key", s3(&[&insight]), Objects(1, 0)),
        ("s3-aggregated-key", s3(&[&other("CloudTrail-Aggregated")]), Objects(1, 0)),
        ("s3-digest-key", s3(&[&digest]), Objects(0, 1)),
        ("s3-mixed-keys", s3(&[KEY, &digest, &insight]), Objects(2, 1)),
        ("s3-zero-size-folder-key", s3(&["AWSLogs/111122223333/CloudTrail/"]), Objects(0, 1)),
        ("s3-object-removed", records(&[s3_record(KEY, "2.1", "ObjectRemoved:Delete")]), Objects(0, 0)),
        ("s3-empty-records", s3(&[]), Objects(0, 0)),
        ("s3-test-event", test_event(), Objects(0, 0)),
        ("sqs-s3-test-event", message(&test_event()), Queue(vec![Some(0)])),
        ("sns-s3-test-event", sns(&test_event().to_string(), "SigningCertUrl"), Objects(0, 0)),
        ("eventbridge-object-deleted", event_bridge("aws.s3", "Object Deleted", &json!({"key": KEY})), Objects(0, 0)),
        ("s3-unknown-major-version", put("3.0"), Fails),
        ("empty-object", json!({}), Fails),
        ("eventbridge-scheduled-unrelated", event_bridge("aws.events", "Scheduled Event", &Value::Null), Fails),
        (
            "eventbridge-cloudtrail-putobject",
            event_bridge("aws.s3", "AWS API Call via CloudTrail", &json!({"key": KEY})),
            Fails,
        ),
        ("sns-unrelated", sns("good morning", "SigningCertUrl"), Fails),
        ("sns-s3-event", sns(&one(), "SigningCertURL"), Objects(1, 0)),
        ("sns-s3-event-camel-urls", sns(&one(), "SigningCertUrl"), Objects(1, 0)),
        ("sns-cloudtrail-notification", sns(&cloudtrail(&[KEY, KEY]).to_string(), "SigningCertUrl"), Objects(2, 0)),
        ("sqs-s3-event", message(&s3(&[KEY])), Queue(vec![Some(1)])),
        ("sqs-s3-event-batch", sqs("files", &[&one(), &one(), &one()]), Queue(vec![Some(1); 3])),
        ("sqs-sns-envelope-s3-event", message(&envelope(&s3(&[KEY]))), Queue(vec![Some(1)])),
        (
            "sqs-sns-envelope-cloudtrail-notification",
            message(&envelope(&cloudtrail(&[KEY, KEY]))),
            Queue(vec![Some(2)]),
        ),
        ("sqs-sns-raw-s3-event", message(&s3(&[KEY])), Queue(vec![Some(1)])),
        ("sqs-sns-raw-cloudtrail-notification", message(&cloudtrail(&[KEY, KEY])), Queue(vec![Some(2)])),
        ("sqs-eventbridge-object-created", message(&created(&json!({"key": KEY}))), Queue(vec![Some(1)])),
        ("sqs-lambda-failure-destination-replay", message(&failure(&s3(&[KEY]))), Queue(vec![Some(1)])),
        ("sqs-lambda-dlq-replay", message(&s3(&[KEY])), Queue(vec![Some(1)])),
        ("sqs-redriven-high-receive-count", message(&s3(&[KEY])), Queue(vec![Some(1)])),
        (
            "sqs-mixed-with-poison",
            sqs("files", &[&one(), "no JSON", &one(), r#"{"strange":1}"#, &test_event().to_string()]),
            Queue(vec![Some(1), None, Some(1), None, Some(0)]),
        ),
        (
            "sqs-fifo-sns-fifo-envelope",
            sqs("files.fifo", &[&envelope(&s3(&[KEY])).to_string(), &envelope(&cloudtrail(&[KEY])).to_string()]),
            Fifo(vec![Some(1), Some(1)]),
        ),
        ("eventbridge-object-created", created(&json!({"key": KEY})), Objects(1, 0)),
        ("eventbridge-object-created-1.2", created(&json!({"key": KEY, "version-id": "v"})), Objects(1, 0)),
        ("eventbridge-object-created-versioned", created(&json!({"key": KEY, "version-id": "v"})), Objects(1, 0)),
        (
            "eventbridge-object-created-literal-plus-percent",
            created(&json!({"key": format!("a+b/100%25/{KEY}")})),
            Objects(1, 0),
        ),
        (
            "s3-batch-1.0-request",
            batch("1.0", &json!({"taskId": "t", "s3Key": KEY, "s3VersionId": "v", "s3BucketArn": arn})),
            Tasks(1),
        ),
        (
            "s3-batch-1.0-request-unversioned",
            batch("1.0", &json!({"taskId": "t", "s3Key": KEY, "s3VersionId": null, "s3BucketArn": arn})),
            Tasks(1),
        ),
        ("s3-batch-2.0-request", batch("2.0", &json!({"taskId": "t", "s3Key": KEY, "s3Bucket": "logs"})), Tasks(1)),
        ("s3-batch-1.0-response-succeeded", answer("1.0"), Fails),
        ("s3-batch-2.0-response-succeeded", answer("2.0"), Fails),
        ("s3-batch-2.0-response-permanent-failure", answer("2.0"), Fails),
        ("s3-batch-2.0-response-temporary-failure", answer("2.0"), Fails),
        ("stepfunctions-list-objects-item", json!({"Key": KEY, "LastModified": 1_791_969_163, "Size": 9}), Fails),
        (
            "stepfunctions-item-batcher-inventory",
            json!({"Items": [{"Key": KEY, "Bucket": "logs", "Size": "9"}, {"Key": KEY, "Bucket": "logs"}]}),
            Items(2),
        ),
        ("response-sqs-all-ok", json!({"batchItemFailures": []}), Fails),
        ("response-sqs-partial", json!({"batchItemFailures": [{"itemIdentifier": "m"}]}), Fails),
        ("lambda-async-destination-failure", failure(&s3(&[KEY])), Objects(1, 0)),
        ("cloudtrail-notification-message", cloudtrail(&[KEY, KEY]), Objects(2, 0)),
    ]
}

#[test]
fn every_named_form_asks_for_what_it_should() {
    for (name, sample, expected) in samples() {
        let decoded = decode(sample.to_string().as_bytes());
        assert_eq!(outcome(&decoded), expected, "{name}: {decoded:?}");
        for object in objects(decoded) {
            assert!(object.bucket == "logs" && object.key.contains("AWSLogs/111122223333/"), "{name}: {object:?}");
            let prefix = match name {
                "s3-url-encoded-key" => "a b/café + co@home/",
                "eventbridge-object-created-literal-plus-percent" => "a+b/100%25/",
                _ => "AWSLogs/",
            };
            assert!(object.key.starts_with(prefix), "{name}: {object:?}");
        }
    }
}

#[test]
fn the_kept_samples_ask_for_the_same() {
    let paths = files(&folder("../shared/corpus/trigger-events"));
    if paths.is_empty() {
        eprintln!("skipped: there is no folder of samples");
    }
    let samples = samples();
    for path in paths {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let Some((.., expected)) = samples.iter().find(|(known, ..)| *known == name) else {
            panic!("{}: what does it ask for?", path.display())
        };
        let decoded = decode(&std::fs::read(&path).unwrap());
        assert_eq!(outcome(&decoded), *expected, "{name}: {decoded:?}");
        for ObjectRef { bucket, key, .. } in objects(decoded) {
            let prefix = match name {
                "s3-url-encoded-key" => "prefix with space/café + co@home/AWSLogs/",
                "s3-batch-1.0-request" => "prefix with space/AWSLogs/",
                "eventbridge-object-created-literal-plus-percent" => "logs a+b/100%25/AWSLogs/",
                _ => "AWSLogs/",
            };
            assert!(bucket.starts_with("example-") && key.starts_with(prefix), "{name}: {bucket} {key}");
        }
    }
}

/// What an event does by its very name, so that with another text it is another event and not a damaged one.
const NAMES: [&str; 2] = ["eventName", "detail-type"];

/// Values of other types; none of them is an empty list, which rightly asks for nothing.
fn retyped(value: &Value) -> Vec<Value> {
    let all = [Value::Null, true.into(), 7.into(), "x".into(), json!([0]), json!({})];
    all.into_iter().filter(|it| std::mem::discriminant(it) != std::mem::discriminant(value)).collect()
}

/// Damages one value, however deep, also in an event that another one holds as text. Says whether it could.
fn damage(value: &mut Value, random: &mut Random) -> bool {
    let inner = match value {
        Value::String(text) => serde_json::from_str::<Value>(text).ok().filter(Value::is_object),
        _ => None,
    };
    if let Some(mut inner) = inner {
        let damaged = damage(&mut inner, random);
        *value = inner.to_string().into();
        return damaged;
    }
    let (name, child) = match value {
        Value::Object(members) if !members.is_empty() => {
            let name = members.keys().nth(random.below(members.len())).unwrap().clone();
            if random.one_in(8) {
                return members.remove(&name).is_some();
            }
            (name.clone(), &mut members[&name])
        }
        Value::Array(items) if !items.is_empty() => {
            let at = random.below(items.len());
            (String::new(), &mut items[at])
        }
        _ => return false,
    };
    if !random.one_in(8) && damage(child, random) {
        return true;
    }
    let mut damaged = match child {
        Value::String(text) if random.one_in(2) => {
            let length = text.chars().count();
            text.chars().take(random.below(length.max(1))).collect::<String>().into()
        }
        _ => {
            let mut others = retyped(child);
            others.swap_remove(random.below(others.len()))
        }
    };
    if NAMES.contains(&&name[..]) && damaged.is_string() {
        damaged = Value::Null;
    }
    *child = damaged;
    true
}

#[test]
fn a_damaged_event_fails_or_still_names_all_its_objects() {
    let mut random = Random::new(21);
    let (mut failed, mut kept) = (0, 0);
    // A single text stands for a list of one key, and may not replace two.
    let samples = samples().into_iter().filter(|(name, ..)| !name.contains("cloudtrail-notification"));
    let more = [
        ("CloudTrail", message(&envelope(&cloudtrail(&[KEY])))),
        ("batch bucket", json!({"BatchInput": {"Bucket": "logs"}, "Items": [{"Key": KEY}, {"Key": KEY}]})),
        ("queue in a queue", message(&failure(&sqs("files", &[&s3(&[KEY]).to_string()])))),
        ("batch in a message", message(&batch("2.0", &json!({"taskId": "t", "s3Key": KEY, "s3Bucket": "logs"})))),
    ];
    for (name, sample) in samples.map(|(name, sample, _)| (name, sample)).chain(more) {
        let text = sample.to_string();
        let Some(before @ 1..) = whole(text.as_bytes()) else { continue };
        for _ in 0..400 {
            let mut event = sample.clone();
            for _ in 0..=random.below(2) {
                damage(&mut event, &mut random);
            }
            match whole(event.to_string().as_bytes()) {
                None => failed += 1,
                Some(after) => {
                    kept += 1;
                    assert!(
                        after >= before,
                        "{name}: {after} of {before} objects are left, and nobody is told: {event}"
                    );
                }
            }
            let cut = &text[..random.below(text.len())];
            assert!(decode(cut.as_bytes()).is_err(), "{name}: {cut}");
        }
    }
    assert!(failed > 2_000 && kept > 2_000, "{failed} {kept}");
}

#[test]
fn nothing_to_do_is_what_an_event_says_and_not_what_it_lacks() {
    let samples = samples();
    for (name, marks) in [
        ("s3-test-event", &["Event"][..]),
        ("s3-empty-records", &["Records"]),
        ("s3-object-removed", &["Records", "Records/0/eventName"]),
        ("eventbridge-object-deleted", &["source", "detail-type"]),
        ("sqs-s3-test-event", &["Records", "Records/0/body", "Records/0/eventSource"]),
        ("sns-s3-test-event", &["Records", "Records/0/Sns", "Records/0/Sns/Message", "Records/0/EventSource"]),
    ] {
        let (_, sample, _) = samples.iter().find(|(known, ..)| *known == name).unwrap();
        assert_eq!(whole(sample.to_string().as_bytes()), Some(0), "{name}");
        for mark in marks {
            let path = format!("/{mark}");
            let (parent, key) = path.rsplit_once('/').unwrap();
            let mut without = sample.clone();
            without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
            let changed = retyped(sample.pointer(&path).unwrap()).into_iter().map(|other| {
                let mut event = sample.clone();
                *event.pointer_mut(&path).unwrap() = other;
                event
            });
            for event in changed.chain([without]) {
                assert_ne!(whole(event.to_string().as_bytes()), Some(0), "{name}: {event}");
            }
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut random = Random::new(22);
    for (_, sample, _) in samples() {
        let text = sample.to_string().into_bytes();
        for _ in 0..200 {
            let mut text = text.clone();
            for _ in 0..=random.below(4) {
                let (at, byte) = (random.below(text.len()), random.next() as u8);
                text[at] = if random.one_in(2) { byte } else { *random.pick(&[&b'"', &b'\\', &b'{', &b'0', &b'%']) };
            }
            let _ = decode(&text);
        }
    }
}
