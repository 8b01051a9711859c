//! Invocation events: told apart by content, decoded to the objects they name.
//!
//! In: the JSON that the runtime hands over. Out: a [`Trigger`].
//!
//! | what tells it, in this order | form |
//! |---|---|
//! | `invocationSchemaVersion`, `tasks` | S3 Batch Operations |
//! | `Event` is `s3:TestEvent` | what S3 sends when a notification is set up: nothing to do |
//! | `Records`, each by its `eventSource` | S3, SNS, SQS |
//! | `detail-type`, `source` | EventBridge |
//! | `Type` is `Notification`, `Message` | SNS, as it arrives in a queue |
//! | `s3Bucket`, `s3ObjectKey` | CloudTrail's own notification |
//! | `requestPayload`, `requestContext` | Lambda's record of a failed invocation |
//! | `Items`, or `Key` | Step Functions Distributed Map |
//!
//! What arrives in a message or a record is again any of these. Everything else
//! is an error that says what was seen, by keys, source and version and no other
//! value: an event that is dropped as if it were handled is a lost alert. What
//! is wrong with one record, message, task or item is a fault of that one,
//! beside which the others are handled.

mod job;
mod notification;
#[cfg(test)]
mod tests;

use serde_json::Value;
use std::fmt;

/// How many events may hold one another. S3 to SNS to a queue, once more from a
/// failure record, is three; text in text doubles its backslashes each time.
const MAX_NESTING: usize = 8;

/// What CloudTrail sends, as plain text, when a topic is set up.
const VALIDATION: &str = "CloudTrail validation message.";

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Objects of a notification; the invocation fails if one of them does.
    Objects(Objects),
    /// Messages of a queue, of which only those that failed come again.
    Queue {
        /// In the order of the batch.
        messages: Vec<Message>,
        /// Whether the queue keeps an order, so that nothing behind a failure
        /// may be handled before it.
        fifo: bool,
    },
    /// Tasks of S3 Batch Operations, each of which gets an answer.
    BatchJob(BatchJob),
    /// Items of a Step Functions Distributed Map, which gets a summary.
    Items(Objects),
}

/// A message of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its `messageId`; without one it cannot be reported by itself.
    pub id: Option<String>,
    /// The objects its body names.
    pub objects: Result<Objects, TriggerError>,
}

/// A request of S3 Batch Operations; the answer repeats its version and ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchJob {
    /// Its `invocationSchemaVersion`.
    pub schema_version: String,
    /// Its `invocationId`.
    pub invocation_id: String,
    /// In the order of the request.
    pub tasks: Vec<Task>,
}

/// A task of S3 Batch Operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its `taskId`.
    pub id: String,
    /// The object it names.
    pub object: Result<ObjectRef, TriggerError>,
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
/// Not JSON, no form that is known, or a field that is needed is missing. What
/// is wrong inside one record, message, task or item is no error here but of
/// that one.
pub fn decode(event: &[u8]) -> Result<Trigger, TriggerError> {
    read(&parse(event, "the event")?, 0)
}

fn parse(text: &[u8], what: &str) -> Result<Value, TriggerError> {
    serde_json::from_slice(text)
        .map_err(|error| TriggerError(format!("{what} is not JSON (line {}, column {})", error.line(), error.column())))
}

/// Reads an event that lies inside `depth` others.
fn read(event: &Value, depth: usize) -> Result<Trigger, TriggerError> {
    if depth > MAX_NESTING {
        return Err(TriggerError(format!("an event inside more than {MAX_NESTING} others")));
    }
    let get = |key: &str| event.get(key).filter(|value| !value.is_null());
    let has = |key: &str| get(key).is_some();
    let is = |key: &str, text: &str| get(key).and_then(Value::as_str) == Some(text);
    if has("invocationSchemaVersion") && has("tasks") {
        job::batch(event).map(Trigger::BatchJob)
    } else if is("Event", "s3:TestEvent") {
        Ok(Trigger::Objects(Objects::default()))
    } else if let Some(Value::Array(list)) = get("Records") {
        records(list, depth)
    } else if has("detail-type") && has("source") {
        notification::event_bridge(event).map(Trigger::Objects)
    } else if is("Type", "Notification") && has("Message") {
        inside(Part::new("an SNS notification", event), "/Message", depth).map(Trigger::Objects)
    } else if let (Some(_), Some(keys)) = (get("s3Bucket"), get("s3ObjectKey")) {
        notification::cloudtrail(event, keys).map(Trigger::Objects)
    } else if let (Some(payload), Some(_)) = (get("requestPayload"), get("requestContext")) {
        // Whoever sends it again does not wait for a list of what failed: only an
        // error is heard.
        read(payload, depth + 1).map(|inner| Trigger::Objects(inner.into_objects()))
    } else if has("Items") || has("Key") {
        job::items(event).map(Trigger::Items)
    } else {
        Err(TriggerError(format!(
            "unknown event: {}; expected one of S3, SNS, SQS, EventBridge, CloudTrail, S3 Batch Operations or Step \
             Functions",
            kind(event)
        )))
    }
}

/// What a record of `Records` comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    S3,
    Sns,
    Sqs,
}

impl Source {
    fn of(record: &Value) -> Result<Self, TriggerError> {
        // S3 and SQS write it with a small letter, SNS with a capital one.
        let source = ["eventSource", "EventSource"].iter().find_map(|key| record.get(key).filter(|it| !it.is_null()));
        let is_text = |path: &str| record.pointer(path).is_some_and(Value::is_string);
        match (source, source.and_then(Value::as_str)) {
            (_, Some("aws:sqs")) => Ok(Self::Sqs),
            (_, Some("aws:sns")) => Ok(Self::Sns),
            // Stores that are compatible with S3 write their own name in front.
            (_, Some(source)) if source.ends_with(":s3") => Ok(Self::S3),
            (None, _) if is_text("/s3/bucket/name") && is_text("/s3/object/key") => Ok(Self::S3),
            (source, text) => {
                let seen = text.map(quoted).or(source.map(kind)).unwrap_or_else(|| "none".into());
                Err(TriggerError(format!("eventSource is {seen}; expected aws:s3, aws:sns or aws:sqs")))
            }
        }
    }
}

/// Records are told apart each by itself, so that a stranger spoils no other.
fn records(records: &[Value], depth: usize) -> Result<Trigger, TriggerError> {
    let sources: Vec<_> = records.iter().map(Source::of).collect();
    if let Some(Err(seen)) = sources.first()
        && sources.iter().all(Result::is_err)
    {
        return Err(TriggerError(format!("unknown event: Records whose {seen}")));
    }
    let queue = sources.contains(&Ok(Source::Sqs));
    let objects = records.iter().zip(sources).map(|(record, source)| match source? {
        Source::S3 => notification::s3(record),
        Source::Sns => inside(Part::new("an SNS notification", record), "/Sns/Message", depth),
        Source::Sqs => inside(Part::new("an SQS message", record), "/body", depth),
    });
    if !queue {
        return Ok(Trigger::Objects(Objects::gather("record", objects)));
    }
    let text = |record: &Value, key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
    let messages = records
        .iter()
        .zip(objects)
        .map(|(record, objects)| Message { id: text(record, "messageId").filter(|id| !id.is_empty()), objects });
    let fifo = records.iter().any(|record| text(record, "eventSourceARN").is_some_and(|arn| arn.ends_with(".fifo")));
    Ok(Trigger::Queue { messages: messages.collect(), fifo })
}

/// The objects of the event that another one holds as text.
fn inside(holder: Part<'_>, path: &str, depth: usize) -> Result<Objects, TriggerError> {
    let text = holder.needed(path)?;
    if text.trim() == VALIDATION {
        return Ok(Objects::default());
    }
    let event = parse(text.as_bytes(), &format!("{path} of {}", holder.what))?;
    read(&event, depth + 1).map(Trigger::into_objects)
}

impl Trigger {
    /// All objects, for where nobody waits for an answer per message or task.
    pub(super) fn into_objects(self) -> Objects {
        match self {
            Self::Objects(objects) | Self::Items(objects) => objects,
            Self::Queue { messages, .. } => {
                Objects::gather("message", messages.into_iter().map(|message| message.objects))
            }
            Self::BatchJob(job) => {
                Objects::gather("task", job.tasks.into_iter().map(|task| task.object.map(Objects::one)))
            }
        }
    }
}

impl Objects {
    fn one(object: ObjectRef) -> Self {
        Self { named: vec![object], faults: Vec::new() }
    }

    /// What all parts of an event name; faults say the part's number.
    fn gather(part: &str, parts: impl Iterator<Item = Result<Self, TriggerError>>) -> Self {
        let mut all = Self::default();
        for (number, objects) in (1..).zip(parts) {
            let Self { named, faults } =
                objects.unwrap_or_else(|fault| Self { named: Vec::new(), faults: vec![fault] });
            all.named.extend(named);
            all.faults.extend(faults.iter().map(|fault| TriggerError(format!("{part} {number}: {fault}"))));
        }
        all
    }
}

/// A part of an event, and how errors call it.
#[derive(Clone, Copy)]
struct Part<'a> {
    what: &'static str,
    value: &'a Value,
}

impl<'a> Part<'a> {
    fn new(what: &'static str, value: &'a Value) -> Self {
        Self { what, value }
    }

    /// The text at a path; none where there is none, `null` or an empty one.
    /// Another type is an error: a value that is misread is worse than none.
    fn optional(self, path: &str) -> Result<Option<&'a str>, TriggerError> {
        match self.value.pointer(path) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(other) => Err(TriggerError(format!("{} whose {path} is {}", self.what, kind(other)))),
        }
    }

    fn needed(self, path: &str) -> Result<&'a str, TriggerError> {
        self.optional(path)?.ok_or_else(|| TriggerError(format!("{} without {path}", self.what)))
    }

    /// A time says only how late an alert is: any other type is as good as none.
    fn time(self, path: &str) -> Option<String> {
        self.value.pointer(path).and_then(Value::as_str).map(str::to_owned)
    }

    fn list(self, path: &str) -> Result<&'a [Value], TriggerError> {
        match self.value.pointer(path) {
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(TriggerError(format!("{} whose {path} is {}", self.what, kind(other)))),
            None => Err(TriggerError(format!("{} without {path}", self.what))),
        }
    }

    /// A form-urlencoded key.
    fn encoded_key(self, path: &str) -> Result<String, TriggerError> {
        let key = decode_key(self.needed(path)?);
        key.map_err(|problem| TriggerError(format!("{} with {problem}", self.what)))
    }

    /// Holds the major version at a path, if there is one, against those known.
    fn check_version(self, path: &str, known: &[&str]) -> Result<(), TriggerError> {
        match self.optional(path)? {
            Some(version) if !known.iter().any(|known| version.split('.').next() == Some(known)) => {
                let known: Vec<_> = known.iter().map(|known| format!("{known}.x")).collect();
                let (version, known) = (quoted(version), known.join(" or "));
                Err(TriggerError(format!("unknown version {version} of {}; expected {known}", self.what)))
            }
            _ => Ok(()),
        }
    }
}

/// Decodes a form-urlencoded key, once.
pub(crate) fn decode_key(key: &str) -> Result<String, &'static str> {
    let mut decoded = Vec::with_capacity(key.len());
    let mut bytes = key.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(|digit| (digit? as char).to_digit(16));
                let [Some(high), Some(low)] = digits else { return Err("a badly encoded key") };
                (high << 4 | low) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| "a key that is not UTF-8")
}

/// The beginning of somebody else's text, in quotes.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}

/// What an unknown value is, without saying what it holds.
fn kind(value: &Value) -> String {
    match value {
        Value::Object(members) if members.is_empty() => "an empty object".into(),
        Value::Object(members) => {
            let keys: Vec<_> = members.keys().take(8).map(|key| quoted(key)).collect();
            format!("an object with {}", keys.join(", "))
        }
        Value::Array(_) => "an array".into(),
        Value::String(text) if text.is_empty() => "an empty string".into(),
        Value::String(_) => "a string".into(),
        Value::Number(_) => "a number".into(),
        Value::Bool(_) | Value::Null => "a literal".into(),
    }
}
