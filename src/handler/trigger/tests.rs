use super::*;
use serde_json::json;

const TIME: &str = "2026-10-14T09:12:43.712Z";

fn s3(key: &str) -> Value {
    json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "eventTime": TIME, "s3": {"bucket": {"name": "b"}, "object": {"key": key, "versionId": null}}}]})
}

fn event_bridge(detail_type: &str, source: &str) -> Value {
    json!({"detail-type": detail_type, "source": source, "time": TIME,
        "detail": {"bucket": {"name": "b"}, "object": {"key": "a+b%2B", "version-id": "v"}}})
}

fn message(id: &str, body: &str) -> Value {
    json!({"messageId": id, "body": body, "eventSource": "aws:sqs", "eventSourceARN": "arn:q"})
}

fn sns(message: &str) -> Value {
    json!({"EventSource": "aws:sns", "Sns": {"Message": message}})
}

/// Items, tasks and keys of CloudTrail's notification have no time.
fn untimed(key: &str, version: Option<&str>) -> ObjectRef {
    ObjectRef { bucket: "b".into(), key: key.into(), version: version.map(str::to_owned), stored: None }
}

fn object(key: &str) -> ObjectRef {
    ObjectRef { stored: Some(TIME.into()), ..untimed(key, None) }
}

fn named(objects: &[ObjectRef]) -> Objects {
    Objects { named: objects.to_vec(), faults: Vec::new() }
}

fn decode_value(event: &Value) -> Result<Trigger, TriggerError> {
    decode(event.to_string().as_bytes())
}

/// The objects of an event, and its faults; the error of the event is one.
fn read(event: &Value) -> (Vec<ObjectRef>, Vec<String>) {
    match decode_value(event).map(Trigger::into_objects) {
        Ok(objects) => (objects.named, objects.faults.iter().map(ToString::to_string).collect()),
        Err(error) => (Vec::new(), vec![error.to_string()]),
    }
}

/// Each event names no object, and has one fault that says this, and no secret.
fn fail(events: &[(Value, &str)]) {
    for (event, said) in events {
        let (objects, faults) = read(event);
        assert!(objects.is_empty() && faults.len() == 1, "{event}: {objects:?} {faults:?}");
        assert!(faults[0].contains(said) && !faults[0].contains("secret"), "{event}: {faults:?}");
    }
}

#[test]
fn keys_are_decoded_once() {
    for (encoded, key) in
        [("a+b%2Bc/caf%C3%A9+%40", "a b+c/café @"), ("a%2Fb/c", "a/b/c"), ("%2525", "%25"), ("plain", "plain")]
    {
        assert_eq!(decode_value(&s3(encoded)), Ok(Trigger::Objects(named(&[object(key)]))));
    }
    for bad in ["%", "%4", "%zz", "%ff", ""] {
        let Ok(Trigger::Objects(objects)) = decode_value(&s3(bad)) else { panic!("{bad}") };
        assert_eq!((objects.named.len(), objects.faults.len()), (0, 1), "{bad}");
    }
}

#[test]
fn what_is_no_creation_is_nothing_to_do() {
    let mut removed = s3("k");
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete".into();
    let message = |text| json!({"Records": [sns(text)]});
    for event in [
        removed,
        json!({"Records": []}),
        json!({"Service": "Amazon S3", "Event": "s3:TestEvent"}),
        event_bridge("Object Deleted", "aws.s3"),
        event_bridge("Object Restore Completed", "aws.s3"),
        message("CloudTrail validation message."),
        message(" CloudTrail validation message.\n"),
        message(r#"{"Event":"s3:TestEvent"}"#),
    ] {
        assert_eq!(decode_value(&event), Ok(Trigger::Objects(named(&[]))), "{event}");
    }
    for event in [json!({"Items": []}), json!({"BatchInput": null, "Items": []})] {
        assert_eq!(decode_value(&event), Ok(Trigger::Items(named(&[]))));
    }
}

#[test]
fn a_record_of_s3_needs_a_bucket_and_a_key() {
    let bare = json!({"s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}});
    let with = |changes: &[(&str, Value)]| {
        let mut record = bare.clone();
        changes.iter().for_each(|(name, value)| record[*name] = value.clone());
        json!({"Records": [record]})
    };
    for changes in [
        &[][..],
        &[("eventName", Value::Null), ("eventSource", Value::Null), ("eventVersion", Value::Null)],
        &[("eventSource", "minio:s3".into()), ("eventName", "s3:ObjectCreated:Put".into())],
        &[("eventName", "ObjectCreated:CompleteMultipartUpload".into()), ("eventVersion", "2".into())],
        &[("eventTime", 5.into()), ("eventVersion", "2.99".into())],
    ] {
        assert_eq!(read(&with(changes)), (vec![untimed("k", None)], vec![]), "{changes:?}");
    }
    let mut versions = s3("k");
    for (version, read_as) in [("v", Some("v")), ("", None)] {
        versions["Records"][0]["s3"]["object"]["versionId"] = version.into();
        assert_eq!(read(&versions).0, [ObjectRef { version: read_as.map(str::to_owned), ..object("k") }]);
    }
    versions["Records"][0]["s3"]["object"]["versionId"] = json!({"v": "secret"});
    fail(&[
        (versions, "whose /s3/object/versionId is an object"),
        (with(&[("eventVersion", "3.0".into())]), "unknown version \"3.0\" of an S3 notification; expected 2.x"),
        (with(&[("eventVersion", "20.1".into())]), "unknown version \"20.1\""),
        (with(&[("eventVersion", 2.1.into())]), "whose /eventVersion is a number"),
        (with(&[("eventName", true.into())]), "whose /eventName is a literal"),
        (with(&[("eventSource", "aws:dynamodb".into())]), "aws:dynamodb"),
        (with(&[("eventSource", "s3.amazonaws.com".into())]), "s3.amazonaws.com"),
        (with(&[("eventSource", 3.into())]), "eventSource is a number"),
        (with(&[("s3", "secret".into())]), "eventSource is none"),
        (with(&[("s3", Value::Null), ("eventSource", "aws:s3".into())]), "without /s3/bucket/name"),
    ]);
}

#[test]
fn event_bridge_keys_are_verbatim() {
    let object = ObjectRef { version: Some("v".into()), ..object("a+b%2B") };
    let mut event = event_bridge("Object Created", "aws.s3");
    assert_eq!(decode_value(&event), Ok(Trigger::Objects(named(std::slice::from_ref(&object)))));
    event["detail"]["event-version"] = "1.7".into();
    assert_eq!(read(&event).0, [object]);
    let with = |path: &str, value: Value| {
        let mut event = event.clone();
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    fail(&[
        (with("/detail/event-version", "2.0".into()), "unknown version \"2.0\" of an EventBridge event; expected 1.x"),
        (with("/detail/object", json!({})), "without /detail/object/key"),
        (with("/detail/bucket/name", Value::Null), "without /detail/bucket/name"),
        (with("/detail-type", 1.into()), "whose /detail-type is a number"),
        (with("/source", Value::Null), "an object with"),
        (event_bridge("Object Created", "mine"), "source \"mine\" and detail-type \"Object Created\""),
        (event_bridge("AWS API Call via CloudTrail", "aws.s3"), "detail-type \"AWS API Call via CloudTrail\""),
        (event_bridge("Scheduled Event", "aws.events"), "source \"aws.events\" and detail-type \"Scheduled Event\""),
    ]);
}

#[test]
fn cloudtrail_keys_are_verbatim() {
    let event = |keys: Value| json!({"s3Bucket": "b", "s3ObjectKey": keys});
    assert_eq!(read(&event(json!(["a+b", "%2B"]))).0, [untimed("a+b", None), untimed("%2B", None)]);
    assert_eq!(read(&event("k".into())), (vec![untimed("k", None)], vec![]));
    let (objects, faults) = read(&event(json!(["k", 5, null, "", "l"])));
    assert_eq!(objects, [untimed("k", None), untimed("l", None)]);
    assert_eq!(
        faults,
        [
            "key 2: s3ObjectKey has a number",
            "key 3: s3ObjectKey has a literal",
            "key 4: s3ObjectKey has an empty string"
        ]
    );
    fail(&[
        (event(json!({"k": "secret"})), "s3ObjectKey has an object with \"k\""),
        (json!({"s3Bucket": ["secret"], "s3ObjectKey": ["k"]}), "whose /s3Bucket is an array"),
        (json!({"s3Bucket": "", "s3ObjectKey": ["k"]}), "without /s3Bucket"),
    ]);
}

#[test]
fn a_batch_job_keeps_what_its_answer_repeats() {
    let job =
        |version: &str, tasks: Value| json!({"invocationSchemaVersion": version, "invocationId": "i", "tasks": tasks});
    let tasks = json!([
        {"taskId": "1", "s3Key": "a+b%2B", "s3VersionId": "v", "s3BucketArn": "arn:aws:s3:us-east-1:0123456788:b"},
        {"taskId": "2", "s3Key": "k", "s3VersionId": "", "s3Bucket": "b"},
        {"taskId": "3", "s3Key": "%zz", "s3VersionId": null, "s3Bucket": "b"},
        {"taskId": "4", "s3Key": "k"},
        {"taskId": "5", "s3Bucket": "b"},
        {"taskId": "6", "s3Key": "k", "s3BucketArn": "arn:aws:s3:::"},
    ]);
    for version in ["1.0", "2.0", "2.7"] {
        let Ok(Trigger::BatchJob(job)) = decode_value(&job(version, tasks.clone())) else { panic!("a job") };
        assert_eq!((&job.schema_version[..], &job.invocation_id[..]), (version, "i"));
        let ids: Vec<_> = job.tasks.iter().map(|task| &task.id[..]).collect();
        assert_eq!(ids, ["1", "2", "3", "4", "5", "6"]);
        let objects: Vec<_> =
            job.tasks.into_iter().map(|task| task.object.map_err(|error| error.to_string())).collect();
        assert_eq!(objects[..2], [Ok(untimed("a b+", Some("v"))), Ok(untimed("k", None))]);
        for (object, said) in objects[2..].iter().zip([
            "a badly encoded key",
            "without /s3BucketArn",
            "without /s3Key",
            "/s3BucketArn ends without a name",
        ]) {
            assert!(object.as_ref().unwrap_err().contains(said), "{object:?}");
        }
    }
    for (event, said) in [
        (job("3.0", tasks.clone()), "unknown version \"3.0\" of an S3 Batch Operations request; expected 1.x or 2.x"),
        (job("1.0", json!([{"s3Key": "k", "s3Bucket": "b"}])), "without /taskId"),
        (job("1.0", json!({})), "whose /tasks is an empty object"),
        (json!({"invocationSchemaVersion": "1.0", "tasks": tasks}), "without /invocationId"),
        (json!({"invocationSchemaVersion": 1, "invocationId": "i", "tasks": []}), "is a number"),
    ] {
        let error = decode_value(&event).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn items_are_in_their_own_bucket_or_that_of_the_batch() {
    let items = json!([{"Key": "a+b%2B", "VersionId": "v"}, {"Key": "k", "Bucket": "own"}, {"Key": 5}, "x"]);
    let event = json!({"BatchInput": {"Bucket": "b"}, "Items": items});
    let Ok(Trigger::Items(found)) = decode_value(&event) else { panic!("items") };
    let own = ObjectRef { bucket: "own".into(), ..untimed("k", None) };
    assert_eq!(found.named, [untimed("a+b%2B", Some("v")), own.clone()]);
    let faults: Vec<_> = found.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        ["item 3: a Step Functions item whose /Key is a number", "item 4: a Step Functions item without /Key"]
    );
    let alone = json!({"Bucket": "own", "Key": "k", "LastModifiedDate": TIME});
    assert_eq!(
        decode_value(&alone),
        Ok(Trigger::Items(named(&[ObjectRef { stored: Some(TIME.into()), ..own.clone() }])))
    );
    let (objects, faults) = read(&json!({"Items": [{"Key": "k", "Bucket": "own"}, {"Key": "k", "LastModified": 5}]}));
    assert_eq!((objects, faults.len()), (vec![own], 1));
    assert!(faults[0].starts_with("item 2: a Step Functions item without /Bucket"), "{faults:?}");
    fail(&[
        (json!({"Key": "secret"}), "item 1: a Step Functions item without /Bucket"),
        (json!({"Items": "secret"}), "whose /Items is a string"),
        (json!({"Items": null, "BatchInput": {"Bucket": "secret"}}), "an object with \"BatchInput\", \"Items\""),
    ]);
}

#[test]
fn a_message_fails_by_itself() {
    let bodies = [s3("k").to_string(), "not json".into(), json!({"unexpected": true}).to_string()];
    let mut event = json!({"Records": [message("1", &bodies[0]), message("2", &bodies[1]), message("3", &bodies[2])]});
    let Ok(Trigger::Queue { messages, fifo: false }) = decode_value(&event) else { panic!("a queue") };
    assert_eq!(messages[0], Message { id: Some("1".into()), objects: Ok(named(&[object("k")])) });
    assert!(messages[1].objects.is_err() && messages[2].objects.is_err());
    event["Records"][2]["eventSourceARN"] = "arn:q.fifo".into();
    assert!(matches!(decode_value(&event), Ok(Trigger::Queue { fifo: true, .. })));
}

#[test]
fn whatever_is_in_a_message_gives_its_objects() {
    let envelope = |text: &str| json!({"Type": "Notification", "Message": text}).to_string();
    let cloudtrail = json!({"s3Bucket": "b", "s3ObjectKey": ["k", 5]}).to_string();
    let records = json!([s3("k")["Records"][0], sns(&s3("l").to_string()), sns("hello")]);
    let batch = json!({"invocationSchemaVersion": "1.0", "invocationId": "i",
        "tasks": [{"taskId": "t", "s3Bucket": "b", "s3Key": "k"}, {"taskId": "u", "s3Bucket": "b"}]});
    let failure = |event: Value| json!({"requestContext": {}, "requestPayload": event}).to_string();
    let queue = |bodies: &[&str]| json!({"Records": bodies.iter().map(|body| message("m", body)).collect::<Value>()});
    for (body, objects, faults) in [
        (s3("k").to_string(), vec![object("k")], &[][..]),
        (envelope(&s3("k").to_string()), vec![object("k")], &[]),
        (envelope(&cloudtrail), vec![untimed("k", None)], &["key 2: s3ObjectKey has a number"]),
        (envelope("CloudTrail validation message."), vec![], &[]),
        ("\nCloudTrail validation message. ".into(), vec![], &[]),
        (failure(s3("k")), vec![object("k")], &[]),
        (
            failure(queue(&[&s3("k").to_string(), "not json"])),
            vec![object("k")],
            &["message 2: /body of an SQS message is not JSON (line 1, column 2)"],
        ),
        (json!({"Key": "k", "Bucket": "b"}).to_string(), vec![untimed("k", None)], &[]),
        (batch.to_string(), vec![untimed("k", None)], &["task 2: an S3 Batch Operations task without /s3Key"]),
        (
            json!({"Records": records}).to_string(),
            vec![object("k"), object("l")],
            &["record 3: /Sns/Message of an SNS notification is not JSON (line 1, column 1)"],
        ),
    ] {
        let Ok(Trigger::Queue { messages, .. }) = decode_value(&queue(&[&body])) else { panic!("{body}") };
        let found = messages[0].objects.as_ref().unwrap();
        assert_eq!(found.named, objects, "{body}");
        assert_eq!(found.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), faults, "{body}");
    }
    // At the top, a replay fails as a whole: nobody waits for a list of messages.
    let replay = |event: Value| decode(failure(event).as_bytes());
    assert!(matches!(replay(queue(&["{}"])), Ok(Trigger::Objects(objects)) if objects.faults.len() == 1));
    assert!(matches!(replay(s3("k")), Ok(Trigger::Objects(objects)) if objects.named.len() == 1));
}

#[test]
fn events_lie_in_one_another_to_a_limit() {
    let nested =
        |levels: usize| (0..levels).fold(s3("k"), |event, _| json!({"requestContext": {}, "requestPayload": event}));
    assert_eq!(read(&nested(MAX_NESTING)), (vec![object("k")], vec![]));
    fail(&[(nested(MAX_NESTING + 1), "inside more than 8 others")]);
    let queue = json!({"Records": [message("m", &nested(MAX_NESTING - 1).to_string())]});
    assert_eq!(read(&queue).0, [object("k")]);
    fail(&[(json!({"Records": [message("m", &nested(MAX_NESTING).to_string())]}), "inside more than 8 others")]);
    // Far beyond it, where the parser stops.
    assert!(decode("[".repeat(1_000_000).as_bytes()).is_err());
}

#[test]
fn anything_else_fails_and_says_what_it_is_but_not_what_it_holds() {
    fail(&[
        (json!({}), "an empty object"),
        (json!([]), "an array"),
        (json!("secret"), "a string"),
        (json!(5), "a number"),
        (json!(null), "a literal"),
        (json!({"detail-type": "secret"}), "detail-type"),
        (json!({"batchItemFailures": []}), "batchItemFailures"),
        (json!({"invocationSchemaVersion": "1.0", "results": []}), "results"),
        (json!({"Event": "secret"}), "Event"),
        (json!({"Type": "secret", "Message": "secret"}), "Message"),
        (json!({"Type": "Notification", "Message": 5}), "whose /Message is a number"),
        (json!({"requestPayload": {"k": "secret"}}), "requestPayload"),
        (json!({"requestPayload": "secret", "requestContext": {}}), "a string"),
        (json!({"Records": [{"EventSource": "aws:sns"}]}), "record 1: an SNS notification without /Sns/Message"),
        (json!({"Records": [sns("secret")]}), "/Sns/Message of an SNS notification is not JSON"),
        (json!({"Records": [{"eventSource": "aws:sqs"}]}), "an SQS message without /body"),
        (json!({"Records": [{"x": "secret"}, 5]}), "unknown event: Records whose eventSource is none"),
        (json!({"Records": {"x": "secret"}}), "Records"),
    ]);
    for text in [&b"secret{"[..], b"", b"\xff", b"CloudTrail validation message.", b"{\"Records\":[]"] {
        assert!(decode(text).unwrap_err().to_string().starts_with("the event is not JSON"));
    }
    assert!(decode_value(&json!({"k".repeat(5_000): 1})).unwrap_err().to_string().len() < 200);
}

#[test]
fn a_record_that_cannot_be_read_is_a_fault_beside_the_others() {
    let (good, mut version, mut other, mut keyless) = (s3("k"), s3("k"), s3("k"), s3("k"));
    version["Records"][0]["eventVersion"] = "3.0".into();
    other["Records"][0]["eventSource"] = "aws:dynamodb".into();
    keyless["Records"][0]["s3"] = json!({"bucket": {"name": "b"}});
    // A stranger in front is none for the others either.
    for order in [[&good, &version, &other, &keyless], [&other, &good, &version, &keyless]] {
        let records: Value = order.iter().map(|event| event["Records"][0].clone()).collect();
        let (objects, mut faults) = read(&json!({"Records": records}));
        assert_eq!(objects, [object("k")]);
        faults.sort_by_key(|fault| fault[10..].to_owned());
        let [keyless, other, version] = &faults[..] else { panic!("{faults:?}") };
        assert!(version.starts_with("record ") && version.contains(": unknown version \"3.0\""), "{faults:?}");
        assert!(other.contains(": eventSource is \"aws:dynamodb\""), "{faults:?}");
        assert!(keyless.contains("record 4: an S3 notification without /s3/object/key"), "{faults:?}");
    }
}

#[test]
fn a_stranger_among_messages_and_a_message_without_an_id_are_told() {
    let records = [
        json!({"eventSource": "aws:sqs", "body": "{}"}),
        json!({"eventSource": "aws:kinesis", "messageId": "m"}),
        s3("k")["Records"][0].clone(),
    ];
    for turn in 0..records.len() {
        let mut turned = records.clone();
        turned.rotate_left(turn);
        let Ok(Trigger::Queue { mut messages, .. }) = decode_value(&json!({"Records": turned})) else {
            panic!("{turn}")
        };
        messages.rotate_right(turn);
        let error = messages[1].objects.clone().unwrap_err().to_string();
        assert!(messages[0].id.is_none() && messages[0].objects.is_err());
        assert!(messages[1].id.as_deref() == Some("m") && error.contains("aws:kinesis"), "{error}");
        assert_eq!(messages[2], Message { id: None, objects: Ok(named(&[object("k")])) });
    }
}
