//! Invocation events: told apart by content, decoded to the objects they name.
//!
//! In: the JSON that the runtime hands over. Out: a [`Trigger`]. Read are S3
//! notifications (major version 2), the S3 test message, and SQS batches whose
//! bodies are either. Everything else is an error that says what was seen, by
//! keys, source and version and no other value: an event that is dropped as if
//! it were handled is a lost alert. What is wrong with one record or message is
//! a fault of that one, beside which the others are handled.

use serde_json::Value;
use std::fmt;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Objects; the invocation fails if one of them does.
    Objects(Objects),
    /// Messages of a queue, of which only those that failed come again.
    Queue {
        /// In the order of the batch.
        messages: Vec<Message>,
        /// Whether the queue keeps an order, so that nothing behind a failure
        /// may be handled before it.
        fifo: bool,
    },
}

/// A message of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its `messageId`; without one it cannot be reported by itself.
    pub id: Option<String>,
    /// The objects its body names.
    pub objects: Result<Objects, TriggerError>,
}

/// The objects that an event names, and the records of it that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// In the order of the event.
    pub named: Vec<ObjectRef>,
    /// Each is a failure of what holds the record.
    pub faults: Vec<TriggerError>,
}

/// An object in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version to read, in a versioned bucket.
    pub version: Option<String>,
    /// When it was stored (RFC 3339).
    pub stored: Option<String>,
}

/// Why an event cannot be handled: what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerError(String);

impl fmt::Display for TriggerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TriggerError {}

/// Decodes an invocation event.
///
/// # Errors
/// Not JSON, no form that is known, or a field that is needed is missing. A
/// message of a queue with such a body is no error here but of that message.
pub fn decode(event: &[u8]) -> Result<Trigger, TriggerError> {
    let event = parse(event)?;
    match records(&event) {
        Some(records) if form(records) == Some("aws:sqs") => queue(records),
        _ => objects(&event).map(Trigger::Objects),
    }
}

fn parse(text: &[u8]) -> Result<Value, TriggerError> {
    serde_json::from_slice(text).map_err(|error| {
        TriggerError(format!("the event is not JSON (line {}, column {})", error.line(), error.column()))
    })
}

fn records(event: &Value) -> Option<&[Value]> {
    Some(event.get("Records")?.as_array()?)
}

/// The first record's source: S3 and SQS write it with a small letter, SNS with
/// a capital one.
fn form(records: &[Value]) -> Option<&str> {
    records.first().and_then(|first| first.get("eventSource").or_else(|| first.get("EventSource"))?.as_str())
}

fn queue(records: &[Value]) -> Result<Trigger, TriggerError> {
    let mut fifo = false;
    let messages = records.iter().map(|record| {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        fifo |= text("eventSourceARN").is_some_and(|arn| arn.ends_with(".fifo"));
        let body = text("body").ok_or_else(|| TriggerError("an SQS message without body".into()));
        let objects = source_is("aws:sqs", record).and(body).and_then(|body| objects(&parse(body.as_bytes())?));
        Message { id: text("messageId").filter(|id| !id.is_empty()).map(str::to_owned), objects }
    });
    Ok(Trigger::Queue { messages: messages.collect(), fifo })
}

/// The objects that an event names which is no queue's.
fn objects(event: &Value) -> Result<Objects, TriggerError> {
    let mut objects = Objects::default();
    if event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(objects);
    }
    let Some(records) = records(event) else {
        let kind = kind(event);
        return Err(TriggerError(format!("unknown event: {kind}; expected an S3 notification or an SQS batch")));
    };
    if !matches!(form(records), Some("aws:s3")) && !records.is_empty() {
        let seen = form(records).map_or("none".to_owned(), quoted);
        return Err(TriggerError(format!(
            "unknown event: Records with eventSource {seen}; expected aws:s3 or aws:sqs"
        )));
    }
    for (number, record) in (1..).zip(records) {
        match source_is("aws:s3", record).and_then(|()| s3_record(record)) {
            Ok(named) => objects.named.extend(named),
            Err(TriggerError(reason)) => objects.faults.push(TriggerError(format!("record {number}: {reason}"))),
        }
    }
    Ok(objects)
}

/// Whether a record is of the form that the first one is of.
fn source_is(source: &str, record: &Value) -> Result<(), TriggerError> {
    match form(std::slice::from_ref(record)) {
        Some(seen) if seen == source => Ok(()),
        seen => {
            let seen = seen.map_or("none".to_owned(), quoted);
            Err(TriggerError(format!("eventSource is {seen} and not {source}")))
        }
    }
}

/// The object a record of an S3 notification names, if it was created.
fn s3_record(record: &Value) -> Result<Option<ObjectRef>, TriggerError> {
    let text = |path: &str| record.pointer(path).and_then(Value::as_str);
    if let Some(version) = text("/eventVersion")
        && version.split('.').next() != Some("2")
    {
        let version = quoted(version);
        return Err(TriggerError(format!("unknown version {version} of an S3 notification; expected 2.x")));
    }
    // Some emulators write the name as it stands in the configuration.
    let name = text("/eventName").ok_or_else(|| TriggerError("an S3 notification without eventName".into()))?;
    if !name.strip_prefix("s3:").unwrap_or(name).starts_with("ObjectCreated:") {
        return Ok(None);
    }
    let needed = |path: &str| text(path).ok_or_else(|| TriggerError(format!("an S3 notification without {path}")));
    let version = text("/s3/object/versionId").filter(|version| !version.is_empty());
    Ok(Some(ObjectRef {
        bucket: needed("/s3/bucket/name")?.to_owned(),
        key: decode_key(needed("/s3/object/key")?)?,
        version: version.map(str::to_owned),
        stored: text("/eventTime").map(str::to_owned),
    }))
}

/// The beginning of somebody else's text, in quotes.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}

/// Decodes a key of an S3 notification, which is form-urlencoded, once.
fn decode_key(key: &str) -> Result<String, TriggerError> {
    let mut decoded = Vec::with_capacity(key.len());
    let mut bytes = key.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(|digit| (digit? as char).to_digit(16));
                let [Some(high), Some(low)] = digits else {
                    return Err(TriggerError("an S3 notification with a badly encoded key".into()));
                };
                (high << 4 | low) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| TriggerError("an S3 notification with a key that is not UTF-8".into()))
}

/// What an unknown event is, without saying what it holds.
fn kind(event: &Value) -> String {
    match event {
        Value::Object(members) if members.is_empty() => "an empty object".into(),
        Value::Object(members) => {
            let keys: Vec<_> = members.keys().take(8).map(|key| quoted(key)).collect();
            format!("an object with {}", keys.join(", "))
        }
        Value::Array(_) => "an array".into(),
        Value::String(_) => "a string".into(),
        Value::Number(_) => "a number".into(),
        Value::Bool(_) | Value::Null => "a literal".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn s3(key: &str) -> Value {
        json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "eventTime": "2026-10-14T09:12:43.712Z",
            "s3": {"bucket": {"name": "b"}, "object": {"key": key, "versionId": null}}}]})
    }

    fn object(key: &str) -> ObjectRef {
        ObjectRef {
            bucket: "b".into(),
            key: key.into(),
            version: None,
            stored: Some("2026-10-14T09:12:43.712Z".into()),
        }
    }

    fn named(objects: &[ObjectRef]) -> Objects {
        Objects { named: objects.to_vec(), faults: Vec::new() }
    }

    fn decode_value(event: &Value) -> Result<Trigger, TriggerError> {
        decode(event.to_string().as_bytes())
    }

    #[test]
    fn keys_are_decoded_once() {
        for (encoded, key) in
            [("a+b%2Bc/caf%C3%A9+%40", "a b+c/café @"), ("a%2Fb/c", "a/b/c"), ("%2525", "%25"), ("plain", "plain")]
        {
            assert_eq!(decode_value(&s3(encoded)), Ok(Trigger::Objects(named(&[object(key)]))));
        }
        for bad in ["%", "%4", "%zz", "%ff"] {
            let Ok(Trigger::Objects(objects)) = decode_value(&s3(bad)) else { panic!("{bad}") };
            assert_eq!((objects.named.len(), objects.faults.len()), (0, 1), "{bad}");
        }
    }

    #[test]
    fn what_is_no_creation_is_nothing_to_do() {
        let mut removed = s3("k");
        removed["Records"][0]["eventName"] = "ObjectRemoved:Delete".into();
        for event in [removed, json!({"Records": []}), json!({"Service": "Amazon S3", "Event": "s3:TestEvent"})] {
            assert_eq!(decode_value(&event), Ok(Trigger::Objects(named(&[]))));
        }
    }

    #[test]
    fn a_message_fails_by_itself() {
        let message = |id: &str, body: &str, queue: &str| json!({"messageId": id, "body": body, "eventSource": "aws:sqs", "eventSourceARN": queue});
        let bodies = [s3("k").to_string(), "not json".into(), json!({"unexpected": true}).to_string()];
        let event = json!({"Records": [message("1", &bodies[0], "q"), message("2", &bodies[1], "q"), message("3", &bodies[2], "q.fifo")]});
        let Ok(Trigger::Queue { messages, fifo }) = decode_value(&event) else { panic!("a queue") };
        assert!(fifo);
        assert_eq!(messages[0], Message { id: Some("1".into()), objects: Ok(named(&[object("k")])) });
        assert!(messages[1].objects.is_err() && messages[2].objects.is_err());
    }

    #[test]
    fn anything_else_fails_and_says_what_it_is_but_not_what_it_holds() {
        for (event, said) in [
            (json!({}), "an empty object"),
            (json!([]), "an array"),
            (json!({"detail-type": "secret"}), "detail-type"),
            (json!({"Records": [{"EventSource": "aws:sns"}]}), "aws:sns"),
            (json!({"Records": [{"x": "secret"}]}), "none"),
            (json!({"Records": {"x": "secret"}}), "Records"),
        ] {
            let error = decode_value(&event).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("secret"), "{error}");
        }
        assert!(decode(b"secret{").unwrap_err().to_string().contains("not JSON"));
        assert!(decode_value(&json!({"k".repeat(5_000): 1})).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_a_fault_beside_the_others() {
        let (good, mut version, mut other, mut keyless) = (s3("k"), s3("k"), s3("k"), s3("k"));
        version["Records"][0]["eventVersion"] = "3.0".into();
        other["Records"][0]["eventSource"] = "aws:dynamodb".into();
        keyless["Records"][0]["s3"] = json!({"bucket": {"name": "b"}});
        let records: Value =
            [&good, &version, &other, &keyless, &good].map(|event| event["Records"][0].clone()).into_iter().collect();
        let Ok(Trigger::Objects(objects)) = decode_value(&json!({"Records": records})) else { panic!("objects") };
        assert_eq!(objects.named, [object("k"), object("k")]);
        let faults: Vec<_> = objects.faults.iter().map(ToString::to_string).collect();
        assert!(faults[0].contains("record 2: unknown version \"3.0\""), "{faults:?}");
        assert!(faults[1].contains("record 3: eventSource is \"aws:dynamodb\""), "{faults:?}");
        assert!(faults[2].contains("record 4: an S3 notification without /s3/object/key"), "{faults:?}");
    }

    #[test]
    fn a_stranger_among_messages_and_a_message_without_an_id_are_told() {
        let event = json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}, {"eventSource": "aws:sns", "messageId": "m"}]});
        let Ok(Trigger::Queue { messages, .. }) = decode_value(&event) else { panic!("a queue") };
        assert_eq!(messages[0].id, None);
        assert!(messages[1].objects.clone().unwrap_err().to_string().contains("aws:sns"));
    }
}
