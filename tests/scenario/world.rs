//! The objects of a scenario, their records, the rules, and the event that names the objects.

use super::faults::{Kind, Must, script};
use super::{Form, Part};
use crate::common::{Random, gzip};
use crate::standin::function::{Function, messages, notification};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alerts";
pub(super) const TEXT_TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:texts";
pub(super) const FIFO_TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:alerts.fifo";

/// What a large record has more than others, in bytes: too much for one chunk even when compressed.
const LARGE: usize = 100_000;

/// The rule that is capped.
pub(super) const STORM: &str = "storm";

/// The function's rules.
pub(crate) fn rules() -> String {
    format!(
        "topic_arn: {TOPIC}\nformat: json\nrules:\n\
         - {{id: all, pattern: {{eventName: [{{prefix: x}}]}}}}\n\
         - {{id: fifo, topic_arn: '{FIFO_TOPIC}', pattern: {{eventName: [xf]}}}}\n\
         - {{id: text, topic_arn: '{TEXT_TOPIC}', format: text, max_alerts: 100000, pattern: {{eventName: [xt]}}}}\n\
         - {{id: {STORM}, max_alerts: 3, pattern: {{eventName: [storm]}}}}\n\
         - {{id: watched, mode: observe, pattern: {{eventName: [{{prefix: x}}]}}}}\n"
    )
}

/// Whether a rule is to alert on a record of this name: the rules once more, in other words.
pub(super) fn matches(name: &str, rule: &str) -> bool {
    match rule {
        "all" => name.starts_with('x'),
        "fifo" => name == "xf",
        "text" => name == "xt",
        STORM => name == "storm",
        _ => false,
    }
}

/// A record.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) name: String,
    /// In every alert that holds any of the record.
    marker: String,
    event_id: Option<String>,
    /// What tells its alerts from those of other records.
    pub(super) identity: String,
    large: bool,
    /// Where SNS finds what it refuses, if it is to.
    refused: Option<Refused>,
}

/// A place in a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// A pruned alert leaves it out.
    Parameters,
    /// Nothing but a pointer does.
    Agent,
}

/// An object in the bucket `logs`.
pub(super) struct Object {
    pub(super) key: String,
    /// What is there when it is read to its end.
    pub(super) records: Vec<Record>,
    /// What was there at first, where it is replaced.
    pub(super) replaced: Vec<Record>,
    pub(super) bytes: Vec<u8>,
    pub(super) must: Must,
    /// Its kind of trouble, if it has one.
    pub(super) trouble: Option<Kind>,
}

impl Object {
    /// The pairs of a rule and a record that must be alerted on.
    pub(super) fn matches(&self) -> impl Iterator<Item = (&'static str, &Record)> {
        let rules = ["all", "fifo", "text", STORM];
        self.records.iter().flat_map(move |record| {
            rules.into_iter().filter(|rule| matches(&record.name, rule)).map(move |rule| (rule, record))
        })
    }

    pub(super) fn has_alerts_for(&self, topic: &str) -> bool {
        self.matches().any(|(rule, _)| {
            topic
                == match rule {
                    "fifo" => FIFO_TOPIC,
                    "text" => TEXT_TOPIC,
                    _ => TOPIC,
                }
        })
    }
}

pub(super) struct World {
    pub(super) kinds: Vec<Kind>,
    pub(super) objects: Vec<Object>,
    pub(super) parts: Vec<Part>,
    pub(super) form: Form,
    pub(super) event: Value,
}

impl World {
    /// Makes the world of a seed, and sets the stand-ins up for it.
    pub(super) fn new(seed: u64, function: &Function) -> Self {
        let mut random = Random::new(seed.wrapping_mul(2) | 1);
        function.s3.reset();
        function.sns.reset();
        function.s3.bucket("logs");
        function.s3.checksums(!random.one_in(4));
        [TOPIC, TEXT_TOPIC, FIFO_TOPIC].iter().for_each(|topic| function.sns.topic(topic));

        let mut kinds: Vec<Kind> = (0..1 + random.below(3)).map(|_| Kind::ALL[random.below(Kind::ALL.len())]).collect();
        kinds.sort();
        kinds.dedup();
        let count = 1 + random.below(6);
        let mut objects: Vec<Object> = (0..count).map(|n| object(seed, n, &mut random, &kinds)).collect();
        script(&kinds, &mut objects, &mut random, function);
        let (form, parts, event) = event(&kinds, &mut objects, &mut random);
        for object in &objects {
            if !object.bytes.is_empty() {
                function.s3.put("logs", &object.key, None, object.bytes.clone());
            }
        }
        Self { kinds, objects, parts, form, event }
    }

    /// The record that an alert is about.
    pub(super) fn record_of(&self, body: &str) -> Option<&Record> {
        let all = || self.objects.iter().flat_map(|object| object.records.iter().chain(&object.replaced));
        let quoted = |text: &str| body.contains(&format!("\"{text}\""));
        all().find(|record| quoted(&record.marker)).or_else(|| {
            // A pointer has no more than the event's id, or the place.
            let by_id = all().find(|record| record.event_id.as_ref().is_some_and(|id| body.contains(id)));
            by_id.or_else(|| self.record_at(body))
        })
    }

    fn record_at(&self, body: &str) -> Option<&Record> {
        self.objects.iter().find_map(|object| {
            let is_at = |n: usize| {
                body.contains(&format!("{}, record {}\n", object.key, n + 1))
                    || body.contains(&format!("\"key\":\"{}\",\"record\":{},", object.key, n + 1))
            };
            // Only what is refused becomes a pointer, and that is never in what takes an object's place.
            let mut records = (0..).zip(&object.replaced).chain((0..).zip(&object.records));
            records.find(|(n, record)| record.refused.is_some() && is_at(*n)).map(|(_, record)| record)
        })
    }

    /// The objects of all parts, each as often as it is named.
    pub(super) fn named(&self) -> impl Iterator<Item = &Object> {
        self.parts.iter().flat_map(|part| &part.objects).map(|&object| &self.objects[object])
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    pub(super) fn has_poison(&self) -> bool {
        self.parts.iter().any(|part| part.poison)
    }
}

fn object(seed: u64, number: usize, random: &mut Random, kinds: &[Kind]) -> Object {
    let key = format!("logs {seed}/{number}+{}.json.gz", random.below(1_000));
    let count = if random.one_in(5) { 0 } else { random.below(40) };
    let mut records: Vec<_> = (0..count).map(|n| record(&format!("{seed}-{number}-{n}"), random)).collect();
    if kinds.contains(&Kind::RefusedContent) {
        for record in &mut records {
            record.refused = match random.below(6) {
                0 => Some(Refused::Parameters),
                1 => Some(Refused::Agent),
                _ => None,
            };
        }
    }
    if kinds.contains(&Kind::DuplicateRecords) && !records.is_empty() {
        // The same event once more, somewhere in the file, as CloudTrail may have it.
        let mut again = records[random.below(records.len())].clone();
        again.event_id = Some(format!("shared-{seed}"));
        again.identity = format!("shared-{seed}");
        again.name = "xf".into();
        again.marker.push_str("-once");
        records.push(again.clone());
        again.marker.push_str("-more");
        records.insert(random.below(records.len()), again);
    }
    let bytes = stored(&records, random);
    Object { key, records, replaced: Vec::new(), bytes, must: Must::Succeed, trouble: None }
}

pub(super) fn record(id: &str, random: &mut Random) -> Record {
    // The last has all that SNS refuses in an attribute, and what could forge a line.
    let odd = "x\u{1f600}\n\u{7}\"\\\u{202e}";
    let name = random.pick(&["a", "a", "list", "x", "xf", "xt", "storm", odd]).to_owned();
    let event_id = (!random.one_in(6)).then(|| format!("event-{id}."));
    Record {
        name,
        marker: format!("marker-{id}"),
        identity: event_id.clone().unwrap_or_else(|| format!("marker-{id}")),
        event_id,
        large: random.one_in(60),
        refused: None,
    }
}

/// What a trail would store.
pub(super) fn stored(records: &[Record], random: &mut Random) -> Vec<u8> {
    let records = records.iter().map(|record| {
        let mut value = json!({
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/alice", "userName": "planted-user"},
            "eventTime": "2026-10-14T09:03:11Z",
            "eventSource": "sns.amazonaws.com",
            "eventName": record.name,
            "awsRegion": "eu-west-1",
            "sharedEventID": record.marker,
            "userAgent": "planted-agent \u{202e}\u{1f600}\u{ffff}",
            "recipientAccountId": "123456789012",
            "requestParameters": {"note": "planted-parameter"},
        });
        if let Some(id) = &record.event_id {
            value["eventID"] = id.as_str().into();
        }
        if record.large {
            // It does not compress, so that the object is not read at once.
            let digits = (0..LARGE).map(|_| char::from(b'0' + random.below(64) as u8));
            value["requestParameters"]["policy"] = digits.collect::<String>().into();
        }
        match record.refused {
            Some(Refused::Parameters) => value["requestParameters"]["note"] = "planted-refused".into(),
            Some(Refused::Agent) => value["userAgent"] = "planted-refused".into(),
            None => {}
        }
        value
    });
    let text = json!({"Records": records.collect::<Value>()}).to_string();
    if random.one_in(5) { text.into_bytes() } else { gzip(text.as_bytes()) }
}

/// The event that names all objects, in one of the forms that events have.
fn event(kinds: &[Kind], objects: &mut [Object], random: &mut Random) -> (Form, Vec<Part>, Value) {
    let mut numbers: Vec<usize> = (0..objects.len()).collect();
    // What repeats an alert that failed has failed too.
    if kinds.contains(&Kind::DuplicateObjects) || kinds.contains(&Kind::TopicDenied) && random.one_in(2) {
        numbers.push(random.below(objects.len()));
    }
    let all = |objects: &[Object]| numbers.iter().map(|&n| encoded(&objects[n].key)).collect::<Vec<_>>();
    let whole = |numbers: &[usize]| vec![Part { id: "event".into(), objects: numbers.to_vec(), poison: false }];
    let keys = all(objects);
    let refs: Vec<&str> = keys.iter().map(String::as_str).collect();
    let inside = notification(&refs);
    let queue = kinds.contains(&Kind::Poison) || random.one_in(2);
    match random.below(if queue { 2 } else { 6 }) {
        _ if queue => {
            let fifo = random.one_in(4);
            let mut parts: Vec<Part> = Vec::new();
            for number in numbers {
                match parts.last_mut().filter(|_| random.one_in(4)) {
                    Some(part) => part.objects.push(number),
                    None => parts.push(Part { id: format!("message-{number}"), objects: vec![number], poison: false }),
                }
            }
            let mut ids = BTreeSet::new();
            for part in &mut parts {
                while !ids.insert(part.id.clone()) {
                    part.id.push_str("-again");
                }
            }
            let mut bodies: Vec<_> = parts.iter().map(|part| (part.id.clone(), body(part, objects, random))).collect();
            if kinds.contains(&Kind::Poison) {
                let at = random.below(parts.len() + 1);
                parts.insert(at, Part { id: "poison".into(), objects: Vec::new(), poison: true });
                let poison = [
                    "planted, no JSON",
                    "{\"other\":\"planted\"}",
                    "{}",
                    "{\"Records\":[{\"eventSource\":\"aws:x\"}]}",
                ];
                bodies.insert(at, ("poison".into(), random.pick(&poison).to_owned()));
            }
            let event = messages(if fifo { "files.fifo" } else { "files" }, &bodies);
            (Form::Queue { fifo }, parts, event)
        }
        0 => (Form::Plain, whole(&numbers), inside),
        1 => {
            let sns = json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": inside.to_string()}}]});
            (Form::Plain, whole(&numbers), sns)
        }
        2 => {
            let keys: Vec<_> = numbers.iter().map(|&n| objects[n].key.clone()).collect();
            (Form::Plain, whole(&numbers), json!({"s3Bucket": "logs", "s3ObjectKey": keys}))
        }
        3 => {
            let replay = json!({"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": inside});
            (Form::Plain, whole(&numbers), replay)
        }
        4 => {
            let items: Vec<_> = numbers.iter().map(|&n| json!({"Key": objects[n].key})).collect();
            (Form::Plain, whole(&numbers), json!({"BatchInput": {"Bucket": "logs"}, "Items": items}))
        }
        _ => {
            let parts: Vec<_> = (0..)
                .zip(&numbers)
                .map(|(task, &n): (u32, _)| Part { id: format!("task-{task}"), objects: vec![n], poison: false })
                .collect();
            let tasks: Vec<_> = parts
                .iter()
                .map(|part| json!({"taskId": part.id, "s3Key": encoded(&objects[part.objects[0]].key), "s3Bucket": "logs"}))
                .collect();
            let job =
                json!({"invocationSchemaVersion": "2.0", "invocationId": "i", "job": {"id": "j"}, "tasks": tasks});
            (Form::BatchJob, parts, job)
        }
    }
}

/// A message's body that names the objects of a part.
fn body(part: &Part, objects: &[Object], random: &mut Random) -> String {
    let keys: Vec<_> = part.objects.iter().map(|&n| encoded(&objects[n].key)).collect();
    let event = notification(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    match random.below(4) {
        0 => json!({"Type": "Notification", "Message": event.to_string()}).to_string(),
        1 if part.objects.len() == 1 => json!({"detail-type": "Object Created", "source": "aws.s3",
            "detail": {"bucket": {"name": "logs"}, "object": {"key": objects[part.objects[0]].key}}})
        .to_string(),
        _ => event.to_string(),
    }
}

/// A key as S3 writes it in a notification.
fn encoded(key: &str) -> String {
    key.replace('+', "%2B").replace('!', "%21").replace(' ', "+")
}
