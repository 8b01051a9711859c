//! The Lambda function against moto, an independent implementation of S3, SNS and SQS: what the stand-ins of the other
//! tests cannot show, since whoever wrote them had the same idea of these services as the code they test.
//!
//! moto is Python, so these tests are run by name (`cargo test --test moto -- --ignored`), as `.ci/run` does. The first
//! time they install it below the target folder. Without python3 they say so and are skipped. Each test has buckets,
//! topics and queues of its own.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;
mod standin;

#[path = "moto/client.rs"]
mod client;
#[path = "moto/environment.rs"]
mod environment;
#[path = "moto/logs.rs"]
mod logs;
#[path = "moto/server.rs"]
mod server;

use client::{Delivery, Message, Queue};
use common::gzip;
use logs::{Expected, RULES, file, oracle, records};
use serde_json::{Value, json};
use server::Moto;
use standin::function::{Function, messages, notification};

/// The function between moto's S3 and SNS.
fn function(moto: &Moto, topic: &str, format: &str) -> Function {
    let usual = [("TRAILWIRE_RULES", RULES), ("TRAILWIRE_TOPIC_ARN", topic), ("TRAILWIRE_FORMAT", format)];
    // A call that takes moto long must not be tried again: its alerts would come twice.
    let patience = [("TRAILWIRE_ANSWER_TIMEOUT_MS", "20000"), ("TRAILWIRE_STALL_TIMEOUT_MS", "20000")];
    Function::start_at(&moto.url(), &[usual.as_slice(), patience.as_slice()].concat())
}

/// An S3 notification of objects in a bucket.
fn created(bucket: &str, keys: &[&str]) -> Value {
    let mut event = notification(keys);
    for record in event["Records"].as_array_mut().unwrap() {
        record["s3"]["bucket"]["name"] = bucket.into();
    }
    event
}

/// The invocation has to succeed as a whole.
fn succeed(function: &Function, event: &Value) {
    let answer = function.invoke(event).result;
    assert!(
        answer == Ok("null".into()) || answer == Ok(r#"{"batchItemFailures":[]}"#.into()),
        "{answer:?}: {}",
        function.output()
    );
}

/// The text of the failure of an invocation.
fn failure(function: &Function, event: &Value) -> String {
    let error: Value = serde_json::from_str(&function.invoke(event).result.unwrap_err()).unwrap();
    error["errorMessage"].as_str().unwrap().to_owned()
}

/// An alert, as it comes out of a queue.
struct Alert {
    subject: Option<String>,
    message: String,
    /// Names and values, of which all are strings.
    attributes: Vec<(String, String)>,
}

impl Alert {
    fn of(message: &Message, delivery: Delivery) -> Self {
        let wrapped = || serde_json::from_str::<Value>(&message.body).unwrap();
        let (notification, attributes, names) = match delivery {
            Delivery::Raw => {
                (json!({"Message": message.body}), message.attributes.clone(), ["DataType", "StringValue"])
            }
            Delivery::Wrapped => (wrapped(), wrapped()["MessageAttributes"].clone(), ["Type", "Value"]),
        };
        let attributes = attributes.as_object().cloned().unwrap_or_default().into_iter().map(|(name, value)| {
            assert_eq!(value[names[0]], "String", "{name}");
            (name, value[names[1]].as_str().unwrap().to_owned())
        });
        let text = |name: &str| notification[name].as_str().map(str::to_owned);
        Self { subject: text("Subject"), message: text("Message").unwrap(), attributes: attributes.collect() }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(each, _)| each == name).map(|(_, value)| &value[..])
    }

    /// What it says, in the form in which the oracle says it.
    fn said(&self) -> Expected {
        if let Ok(body) = serde_json::from_str::<Value>(&self.message) {
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            return Expected { rule: text("rule"), severity: text("severity"), record: body["record"].to_string() };
        }
        let (above, record) = self.message.split_once("The record as CloudTrail wrote it:\n").unwrap();
        let rule = above.lines().find_map(|line| line.strip_prefix("Rule ")).unwrap();
        let (rule, severity) = rule.trim().trim_end_matches(')').split_once(" (").unwrap();
        let record = serde_json::from_str::<Value>(record).unwrap().to_string();
        Expected { rule: rule.into(), severity: severity.into(), record }
    }
}

fn alerts(moto: &Moto, queue: &Queue, delivery: Delivery) -> Vec<Alert> {
    moto.drain(queue).iter().map(|message| Alert::of(message, delivery)).collect()
}

/// What the alerts in a queue say, sorted.
fn said(moto: &Moto, queue: &Queue, delivery: Delivery) -> Vec<Expected> {
    let mut all: Vec<_> = alerts(moto, queue, delivery).iter().map(Alert::said).collect();
    all.sort();
    all
}

#[test]
#[ignore = "needs python3 and moto: .ci/run runs it"]
fn what_moto_notifies_of_becomes_the_alerts_of_the_oracle() {
    let Some(moto) = Moto::get() else { return };
    for format in ["text", "json"] {
        let name = |what: &str| format!("notified-{format}-{what}");
        let topic = moto.topic(&name("alerts"));
        let raw = moto.subscribe(&topic, &name("raw"), Delivery::Raw, None);
        let wrapped = moto.subscribe(&topic, &name("wrapped"), Delivery::Wrapped, None);
        let (bucket, new, told) = (name("logs"), moto.queue(&name("new")), moto.topic(&name("new")));
        let new_by_topic = moto.subscribe(&told, &name("new-by-topic"), Delivery::Wrapped, None);
        moto.bucket(&bucket);
        moto.notify(&bucket, &new, &told);

        let mut all = Vec::new();
        for (key, count) in
            [("a.json.gz", 40), ("b c+d/\u{e9} %41&.json.gz", 13), ("none.json.gz", 0), ("plain.json", 25)]
        {
            let records = records(key, count);
            let body = file(&records);
            let key = format!("AWSLogs/123456789012/CloudTrail/eu-west-1/2026/10/14/{key}");
            moto.put(&bucket, &key, &if key.ends_with(".gz") { gzip(&body) } else { body });
            all.extend(records);
        }
        let expected = oracle(&all);
        assert!(expected.len() > 30, "{}", expected.len());
        let function = function(moto, &topic, format);
        let holds = || {
            assert_eq!(said(moto, &raw, Delivery::Raw), expected, "{format}");
            assert_eq!(said(moto, &wrapped, Delivery::Wrapped), expected, "{format}");
        };
        let bodies = |queue: &Queue| -> Vec<(String, String)> {
            let messages = moto.drain(queue).into_iter().map(|message| message.body);
            (0..).zip(messages).map(|(id, body): (u32, _)| (id.to_string(), body)).collect()
        };

        // From the queue that the bucket tells; the first message is the test that comes with the configuration.
        let batch = bodies(&new);
        assert!(batch.len() == 5 && batch[0].1.contains("s3:TestEvent"), "{batch:?}");
        succeed(&function, &messages("new", &batch));
        holds();
        // From the bucket itself.
        let records = batch[1..].iter().flat_map(|(_, body)| {
            let event: Value = serde_json::from_str(body).unwrap();
            event["Records"].as_array().unwrap().clone()
        });
        succeed(&function, &json!({"Records": records.collect::<Value>()}));
        holds();
        // From a queue that hears of it by a topic.
        let batch = bodies(&new_by_topic);
        assert_eq!(batch.len(), 5, "{batch:?}");
        succeed(&function, &messages("new-by-topic", &batch));
        holds();
    }
}

#[test]
#[ignore = "needs python3 and moto: .ci/run runs it"]
fn a_fifo_queue_gets_each_alert_once_however_often_the_function_runs() {
    let Some(moto) = Moto::get() else { return };
    let topic = moto.topic("once.fifo");
    let queue = moto.subscribe(&topic, "once.fifo", Delivery::Raw, None);
    let records = records("once", 30);
    moto.bucket("once");
    moto.put("once", "k", &gzip(&file(&records)));
    for _ in 0..2 {
        // A new process, which knows nothing of the first one's alerts.
        let function = function(moto, &topic, "json");
        succeed(&function, &created("once", &["k"]));
        succeed(&function, &created("once", &["k"]));
    }
    // Read last: moto forgets the id of a message with the message, AWS only after five minutes.
    let got = moto.drain(&queue);
    let alerts: Vec<_> = got.iter().map(|message| Alert::of(message, Delivery::Raw)).collect();
    let mut said: Vec<_> = alerts.iter().map(Alert::said).collect();
    said.sort();
    assert_eq!(said, oracle(&records));
    for (message, alert) in got.iter().zip(&alerts) {
        assert_eq!(message.system["MessageGroupId"].as_str(), alert.attribute("rule"));
        assert_eq!(message.system["MessageDeduplicationId"].as_str(), alert.attribute("alertId"));
    }
}

#[test]
#[ignore = "needs python3 and moto: .ci/run runs it"]
fn filter_policies_select_by_the_attributes() {
    type Selects = fn(&Expected) -> bool;
    let Some(moto) = Moto::get() else { return };
    let topic = moto.topic("filtered");
    let policies: [(Value, Selects); 9] = [
        (json!({"rule": ["topics", "other"]}), |alert| alert.rule == "topics"),
        (json!({"severity": ["high", "critical"]}), |alert| alert.severity != "low"),
        (json!({"eventSource": [{"prefix": "sns."}]}), |alert| alert.field("eventSource").starts_with("sns.")),
        (json!({"eventName": [{"anything-but": ["CreateTopic"]}]}), |alert| alert.field("eventName") != "CreateTopic"),
        (json!({"awsRegion": ["cn-north-1"]}), |alert| alert.field("awsRegion") == "cn-north-1"),
        (json!({"awsRegion": [{"exists": false}]}), |alert| alert.field("awsRegion").is_empty()),
        (json!({"accountId": ["210987654321"]}), |alert| alert.field("recipientAccountId") == "210987654321"),
        (
            json!({"severity": ["critical"], "eventName": ["Decrypt", "CreateUser"], "accountId": [{"exists": true}]}),
            |alert| {
                let name = alert.field("eventName");
                alert.rule == "denied"
                    && (name == "Decrypt" || name == "CreateUser")
                    && !alert.field("recipientAccountId").is_empty()
            },
        ),
        (json!({"severity": ["HIGH"]}), |_| false),
    ];
    let policies = (0..).zip(policies).map(|(number, (policy, selects)): (u32, _)| {
        let queue = moto.subscribe(&topic, &format!("filtered-{number}"), Delivery::Raw, Some(&policy));
        (policy, selects, queue)
    });
    let policies: Vec<_> = policies.collect();
    let records = records("filtered", 60);
    moto.bucket("filtered");
    moto.put("filtered", "k", &gzip(&file(&records)));
    succeed(&function(moto, &topic, "json"), &created("filtered", &["k"]));
    let all = oracle(&records);
    for (policy, selects, queue) in policies {
        let expected: Vec<_> = all.iter().filter(|alert| selects(alert)).cloned().collect();
        let some = policy["severity"][0] != "HIGH";
        assert!(expected.len() < all.len() && expected.is_empty() != some, "{policy} tells nothing apart");
        assert_eq!(said(moto, &queue, Delivery::Raw), expected, "{policy}");
    }
}

#[test]
#[ignore = "needs python3 and moto: .ci/run runs it"]
fn of_both_formats_a_queue_gets_the_json() {
    let Some(moto) = Moto::get() else { return };
    let topic = moto.topic("both");
    let raw = moto.subscribe(&topic, "both-raw", Delivery::Raw, None);
    let wrapped = moto.subscribe(&topic, "both-wrapped", Delivery::Wrapped, None);
    let records = records("both", 30);
    moto.bucket("both");
    moto.put("both", "k", &gzip(&file(&records)));
    succeed(&function(moto, &topic, "both"), &created("both", &["k"]));
    for (queue, delivery) in [(raw, Delivery::Raw), (wrapped, Delivery::Wrapped)] {
        let alerts = alerts(moto, &queue, delivery);
        assert!(alerts.iter().all(|alert| alert.message.starts_with(r#"{"rule":"#)), "{delivery:?}");
        assert!(alerts.iter().all(|alert| alert.attributes.is_empty()), "AWS would not pass them on");
        let mut said: Vec<_> = alerts.iter().map(Alert::said).collect();
        said.sort();
        assert_eq!(said, oracle(&records), "{delivery:?}");
    }
}

#[test]
#[ignore = "needs python3 and moto: .ci/run runs it"]
fn the_version_that_the_event_names_is_read() {
    let Some(moto) = Moto::get() else { return };
    let topic = moto.topic("versions");
    let queue = moto.subscribe(&topic, "versions", Delivery::Raw, None);
    moto.bucket("versions");
    moto.keep_versions("versions");
    let (old, new) = (records("old", 20), records("new", 20));
    let version = moto.put("versions", "k", &gzip(&file(&old))).unwrap();
    assert_ne!(moto.put("versions", "k", &gzip(&file(&new))).as_ref(), Some(&version));
    let function = function(moto, &topic, "json");
    let mut event = created("versions", &["k"]);
    // moto's own notifications name no version.
    event["Records"][0]["s3"]["object"]["versionId"] = version.into();
    succeed(&function, &event);
    assert_eq!(said(moto, &queue, Delivery::Raw), oracle(&old));
    succeed(&function, &created("versions", &["k"]));
    assert_eq!(said(moto, &queue, Delivery::Raw), oracle(&new));
    event["Records"][0]["s3"]["object"]["versionId"] = "00000000-0000-4000-8000-000000000000".into();
    let failure = failure(&function, &event);
    assert!(failure.contains("s3://versions/k") && failure.contains("NoSuchVersion"), "{failure}");
}

#[test]
#[ignore = "needs python3 and moto: .ci/run runs it"]
fn what_is_missing_is_named() {
    let Some(moto) = Moto::get() else { return };
    let topic = moto.topic("missing");
    let queue = moto.subscribe(&topic, "missing", Delivery::Raw, None);
    let records = records("there", 10);
    moto.bucket("missing");
    moto.put("missing", "there", &gzip(&file(&records)));
    let function = function(moto, &topic, "json");

    let text = failure(&function, &created("missing", &["gone", "there"]));
    assert!(text.contains("s3://missing/gone: S3 refused it with NoSuchKey") && !text.contains("there:"), "{text}");
    assert_eq!(said(moto, &queue, Delivery::Raw), oracle(&records), "one missing object stops no other");
    let text = failure(&function, &created("no-such-bucket-here", &["k"]));
    assert!(text.contains("s3://no-such-bucket-here/k: S3 refused it with NoSuchBucket"), "{text}");

    let lost = self::function(moto, &topic.replace(":missing", ":gone"), "json");
    let text = failure(&lost, &created("missing", &["there"]));
    assert!(text.contains("s3://missing/there") && text.contains("there is no such topic; check its ARN"), "{text}");
    assert!(said(moto, &queue, Delivery::Raw).is_empty());
}

#[test]
#[ignore = "needs python3 and moto: .ci/run runs it"]
fn subjects_and_attributes_arrive_as_they_were_sent() {
    let Some(moto) = Moto::get() else { return };
    let topic = moto.topic("sent");
    let raw = moto.subscribe(&topic, "sent-raw", Delivery::Raw, None);
    let wrapped = moto.subscribe(&topic, "sent-wrapped", Delivery::Wrapped, None);
    let mut record = records("sent", 1).remove(0);
    record["eventName"] = "Create<\u{e9}&\u{1f600}>\n".into();
    moto.bucket("sent");
    moto.put("sent", "k", &file(&[record]));
    succeed(&function(moto, &topic, "text"), &created("sent", &["k"]));

    let alerts = [(raw, Delivery::Raw), (wrapped, Delivery::Wrapped)].map(|(queue, delivery)| {
        let mut alerts = alerts(moto, &queue, delivery);
        assert_eq!(alerts.len(), 1, "{delivery:?}");
        alerts.remove(0)
    });
    let id = alerts[0].attribute("alertId").unwrap();
    assert!(id.len() == 32 && alerts[0].message.contains(&format!("Alert id  {id}\n")), "{}", alerts[0].message);
    assert_eq!(alerts[1].message, alerts[0].message);
    // SNS keeps the subject to itself where it delivers a message raw.
    assert_eq!(alerts[0].subject, None);
    let subject = "[LOW] created: Create<?&?>\\u000a by alice (123456789012 eu-west-1)";
    assert_eq!(alerts[1].subject.as_deref(), Some(subject));
    for alert in &alerts {
        let mut attributes: Vec<_> = alert.attributes.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        attributes.sort_unstable();
        let expected = [
            ("accountId", "123456789012"),
            ("alertId", id),
            ("awsRegion", "eu-west-1"),
            ("eventName", "Create<\u{e9}&\\ud83d\\ude00>\\u000a"),
            ("eventSource", "sns.amazonaws.com"),
            ("rule", "created"),
            ("severity", "low"),
        ];
        assert_eq!(attributes, expected);
    }
}

/// What the command line reads from a bucket: all of it, and by filters that become listings.
#[test]
#[ignore = "needs python3 and moto: .ci/run runs it"]
fn scan_lists_and_reads_a_bucket() {
    let Some(moto) = Moto::get() else { return };
    moto.bucket("searched");
    let mut all = Vec::new();
    for (at, (region, day)) in [("eu-west-1", 1), ("eu-west-1", 2), ("us-east-1", 2)].into_iter().enumerate() {
        for object in 0..12 {
            let mut records = records(&format!("{at}-{object}"), 3);
            for record in &mut records {
                record["awsRegion"] = region.into();
                record["eventTime"] = format!("2026-11-0{day}T08:00:00Z").into();
                record["recipientAccountId"] = "123456789012".into();
            }
            let key = format!("a b+c/AWSLogs/123456789012/CloudTrail/{region}/2026/11/0{day}/{object:02}.json.gz");
            moto.put("searched", &key, &file(&records));
            all.extend(records.into_iter().map(|record| (region, day, record["eventID"].clone())));
        }
    }
    let scan = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_trailwire"))
            .args(["scan", "--endpoint-url", &moto.url(), "s3://searched/a b+c/"])
            .args(arguments)
            .env_clear()
            .envs([("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key"), ("AWS_REGION", "eu-west-1")])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = str::from_utf8(&output.stdout).unwrap().lines();
        lines.map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let found = |filters: &[&str]| {
        let records = scan(&[&["-o", "record"], filters].concat());
        records.iter().map(|record| record["eventID"].clone()).collect::<Vec<_>>()
    };
    let expected = |wanted: &dyn Fn(&str, i32) -> bool| {
        let all = all.iter().filter(|(region, day, _)| wanted(region, *day));
        all.map(|(.., id)| id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), expected(&|_, _| true));
    assert_eq!(found(&["--region", "us-east-1"]), expected(&|region, _| region == "us-east-1"));
    assert_eq!(found(&["--since", "2026-11-02"]), expected(&|_, day| day == 2));
    let until = ["--until", "2026-11-02", "--account", "123456789012"];
    assert_eq!(found(&until), expected(&|_, day| day == 1));
    let key = "a b+c/AWSLogs/123456789012/CloudTrail/eu-west-1/2026/11/02/";
    assert_eq!(found(&["--start-after", key]), expected(&|_, day| day == 2));
    let alert = scan(&["-o", "json", "--limit", "1"]).remove(0);
    let place = (alert["source"]["bucket"].as_str(), alert["source"]["key"].as_str());
    let first = "a b+c/AWSLogs/123456789012/CloudTrail/eu-west-1/2026/11/01/00.json.gz";
    assert_eq!(place, (Some("searched"), Some(first)), "{alert}");
}
