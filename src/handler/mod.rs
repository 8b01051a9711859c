//! One invocation: an event in, alerts out, and an answer that is true.
//!
//! ```text
//!  event ─► Trigger ─► objects ─► Source ─► Pipeline ─► alerts ─► Publish
//!                         │                                          │
//!                         └──────── Report ◄──── Tally per object ◄──┘
//! ```
//!
//! An object is done only when it was read to its end and every alert of it was
//! accepted. Anything else is a failure of that object and of the message that
//! named it; one object never stops the others. Nothing here knows AWS: objects
//! come from a [`Source`], and alerts go to a [`Publish`].

mod key;
mod publish;
mod source;
mod trigger;

pub use key::{other_folder, skip_reason};
pub use publish::{BATCH_BYTES, BATCH_ENTRIES, Outcome, Publish, Tally, Topic};
pub use source::{Body, Fault, Source};
pub use trigger::{Message, ObjectRef, Objects, Trigger, TriggerError, decode};

use crate::alert::{AlertReader, Origin};
use crate::pipeline::Match;
use crate::rule::Format;
use crate::{Counts, ErrorKind, Layout, Limits, Pipeline, RuleSet, Step};
use publish::Outlet;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Runs invocations, one after another; everything it needs is allocated
/// once.
pub struct Handler {
    pipeline: Pipeline,
    reader: AlertReader,
    /// Each rule's topic and format.
    routes: Vec<(Topic, Format)>,
}

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The answer to the runtime, or the error that it gets.
    pub response: Result<Value, String>,
    /// What became of each object, in the order of the event.
    pub objects: Vec<ObjectReport>,
}

/// What became of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectReport {
    /// The object.
    pub object: ObjectRef,
    /// Read, skipped or failed.
    pub status: Status,
    /// What was read of it.
    pub counts: Counts,
}

/// Whether an object was handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was read to its end, and its alerts were accepted.
    Done,
    /// It is no log file, by its key.
    Skipped(&'static str),
    /// It was not.
    Failed(Fault),
}

impl Handler {
    /// A handler for rules; `topic` and `format` are for those that name none.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, limits: &Limits, topic: Topic, format: Format) -> Self {
        let routes = rules.rules().iter().map(|rule| {
            let own = rule.topic_arn.as_deref().map(Arc::from);
            (own.or_else(|| topic.clone()), rule.format.unwrap_or(format))
        });
        let routes = routes.collect();
        Self { pipeline: Pipeline::new(rules, limits, Layout::Files), reader: AlertReader::new(), routes }
    }

    /// Runs one invocation.
    pub async fn invoke(&mut self, event: &[u8], source: &impl Source, publisher: &impl Publish) -> Report {
        match decode(event) {
            Ok(Trigger::Objects(objects)) => self.objects(objects, source, publisher).await,
            Ok(Trigger::Queue { messages, fifo }) => self.queue(messages, fifo, source, publisher).await,
            Err(error) => Report { response: Err(error.to_string()), objects: Vec::new() },
        }
    }

    async fn objects(&mut self, objects: Objects, source: &impl Source, publisher: &impl Publish) -> Report {
        let mut outlet = Outlet::new(publisher);
        let reading = self.read_all(objects.named, source, &mut outlet).await;
        outlet.flush().await;
        let reports = settle(reading);
        let faults = objects.faults.iter().map(ToString::to_string);
        let failures: Vec<_> = reports.iter().filter_map(ObjectReport::failure).chain(faults).collect();
        let response = if failures.is_empty() { Ok(Value::Null) } else { Err(failures.join("; ")) };
        Report { response, objects: reports }
    }

    async fn queue(
        &mut self,
        messages: Vec<Message>,
        fifo: bool,
        source: &impl Source,
        publisher: &impl Publish,
    ) -> Report {
        let mut outlet = Outlet::new(publisher);
        let mut all = Vec::with_capacity(messages.len());
        let mut stopped = false;
        for Message { id, objects } in messages {
            let (readings, faults) = match objects {
                _ if stopped => (Vec::new(), vec!["a message before it in the queue failed".to_owned()]),
                Ok(Objects { named, faults }) => {
                    let faults = faults.iter().map(ToString::to_string).collect();
                    (self.read_all(named, source, &mut outlet).await, faults)
                }
                Err(error) => (Vec::new(), vec![error.to_string()]),
            };
            if fifo {
                // Whether the next message may be read shows only now.
                outlet.flush().await;
                stopped |= !faults.is_empty() || readings.iter().any(Reading::failed);
            }
            all.push((id, readings, faults));
        }
        outlet.flush().await;

        let (count, mut failed, mut reasons, mut reports) = (all.len(), Vec::new(), Vec::new(), Vec::new());
        let mut unnamed = false;
        for (id, readings, faults) in all {
            let settled = settle(readings);
            if let Some(reason) = settled.iter().filter_map(ObjectReport::failure).chain(faults).next() {
                reasons.push(format!("message {}: {reason}", id.as_deref().unwrap_or("without messageId")));
                unnamed |= id.is_none();
                failed.push(json!({"itemIdentifier": id}));
            }
            reports.extend(settled);
        }
        // A mapping that does not take partial failures would delete the whole
        // batch; where there is nothing to delete, an error saves it. So it does
        // a message that cannot be named.
        let response = if count > 0 && failed.len() == count || unnamed {
            Err(reasons.join("; "))
        } else {
            Ok(json!({"batchItemFailures": failed}))
        };
        Report { response, objects: reports }
    }

    async fn read_all(
        &mut self,
        objects: Vec<ObjectRef>,
        source: &impl Source,
        outlet: &mut Outlet<'_, impl Publish>,
    ) -> Vec<Reading> {
        let mut readings = Vec::with_capacity(objects.len());
        for object in objects {
            let tally = Arc::new(Tally::default());
            let reading = match skip_reason(&object.key) {
                Some(reason) => Reading { object, tally, end: Ok(Status::Skipped(reason)), counts: Counts::default() },
                None => {
                    let end = self.read(&object, source, outlet, &tally).await;
                    Reading { object, tally, end: end.map(|()| Status::Done), counts: self.pipeline.counts() }
                }
            };
            readings.push(reading);
        }
        readings
    }

    /// Reads one object to its end, and hands its alerts over as they come.
    async fn read(
        &mut self,
        object: &ObjectRef,
        source: &impl Source,
        outlet: &mut Outlet<'_, impl Publish>,
        tally: &Arc<Tally>,
    ) -> Result<(), Fault> {
        let Self { pipeline, reader, routes } = self;
        pipeline.reset();
        let rules = Arc::clone(pipeline.rules());
        let origin = Origin { bucket: Some(&object.bucket), key: &object.key, stored: object.stored.as_deref() };
        let mut body = source.open(object).await?;
        loop {
            let chunk = body.chunk().await?;
            let mut rest = chunk.as_deref().unwrap_or_default();
            loop {
                // A pause behind every match, so that one record is held at most.
                let mut matched = None;
                let mut sink = |found: &Match<'_>| {
                    matched = Some((reader.read(found), found.rules.to_vec()));
                    ControlFlow::Break(())
                };
                let step = match chunk {
                    Some(_) => {
                        let (step, taken) = pipeline.feed(rest, &mut sink);
                        rest = &rest[taken..];
                        step
                    }
                    None => pipeline.finish(&mut sink),
                };
                if let Some((record, matching)) = matched {
                    for rule in matching {
                        let (topic, format) = &routes[rule as usize];
                        let alert = record.alert(*format, &rules.rules()[rule as usize], &origin);
                        outlet.add(topic, alert, tally).await;
                    }
                }
                match step.map_err(|error| fault(error, &rules))? {
                    Step::Paused => {}
                    Step::InputEmpty => break,
                    Step::End => return Ok(()),
                }
            }
        }
    }
}

/// What is wrong with an object's bytes. They do not change when they are read
/// again, so no such fault passes.
fn fault(error: crate::Error, rules: &RuleSet) -> Fault {
    Fault::permanent(match error.kind {
        ErrorKind::MatchTooLong { rule } => format!("rule {}: {error}", rules.rules()[rule as usize].id),
        _ => error.to_string(),
    })
}

/// An object that was read, or not, and whose alerts are under way.
struct Reading {
    object: ObjectRef,
    tally: Arc<Tally>,
    end: Result<Status, Fault>,
    counts: Counts,
}

impl Reading {
    /// Whether it failed so far.
    fn failed(&self) -> bool {
        self.end.is_err() || self.tally.failure().is_some()
    }
}

/// What became of objects, now that every alert has its outcome.
fn settle(readings: Vec<Reading>) -> Vec<ObjectReport> {
    let settled = readings.into_iter().map(|Reading { object, tally, end, counts }| {
        let status = match (end, tally.failure()) {
            (Err(fault), _) => Status::Failed(fault),
            (Ok(_), Some(reason)) => Status::Failed(Fault::transient(reason)),
            (Ok(status), None) => status,
        };
        ObjectReport { object, status, counts }
    });
    settled.collect()
}

impl ObjectReport {
    /// Why it failed, with its name, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        match &self.status {
            Status::Failed(fault) => Some(format!("s3://{}/{}: {fault}", self.object.bucket, self.object.key)),
            Status::Done | Status::Skipped(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Alert;
    use crate::rule::Rule;
    use bytes::Bytes;
    use std::collections::{HashMap, VecDeque};
    use std::sync::Mutex;

    /// Bodies by key: chunks, of which the last may be a fault.
    #[derive(Default)]
    struct Store(HashMap<String, Vec<Result<Bytes, Fault>>>);

    struct Chunks(VecDeque<Result<Bytes, Fault>>);

    impl Source for Store {
        type Body = Chunks;

        async fn open(&self, object: &ObjectRef) -> Result<Chunks, Fault> {
            let chunks = self.0.get(&object.key).ok_or_else(|| Fault::permanent("missing"))?;
            Ok(Chunks(chunks.iter().cloned().collect()))
        }
    }

    impl Body for Chunks {
        async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
            self.0.pop_front().transpose()
        }
    }

    /// Answers with what `outcome` says of an alert; leaves out what is `None`.
    struct Topics<F> {
        batches: Mutex<Vec<(Topic, Vec<String>)>>,
        outcome: F,
    }

    impl<F: Fn(&Alert) -> Option<Outcome> + Sync> Publish for Topics<F> {
        async fn batch(&self, topic: &Topic, alerts: &[Alert]) -> Vec<Outcome> {
            assert!((1..=BATCH_ENTRIES).contains(&alerts.len()));
            let names = alerts.iter().map(|alert| event_name(alert).to_owned()).collect();
            self.batches.lock().unwrap().push((topic.clone(), names));
            alerts.iter().map_while(&self.outcome).collect()
        }
    }

    fn event_name(alert: &Alert) -> &str {
        alert.attributes.iter().find(|(name, _)| *name == "eventName").map_or("", |(_, value)| value)
    }

    fn topics<F: Fn(&Alert) -> Option<Outcome> + Sync>(outcome: F) -> Topics<F> {
        Topics { batches: Mutex::default(), outcome }
    }

    fn accept(_: &Alert) -> Option<Outcome> {
        Some(Outcome::Sent)
    }

    /// A file whose records have these names, as one chunk.
    fn file(names: &[&str]) -> Vec<Result<Bytes, Fault>> {
        let records: Vec<_> = names.iter().map(|name| json!({"eventName": name})).collect();
        vec![Ok(json!({"Records": records}).to_string().into())]
    }

    fn store(files: &[(&str, Vec<Result<Bytes, Fault>>)]) -> Store {
        Store(files.iter().map(|(key, chunks)| ((*key).to_owned(), chunks.clone())).collect())
    }

    fn s3(keys: &[&str]) -> Value {
        let records = keys.iter().map(|key| {
            json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "b"}, "object": {"key": key}}})
        });
        json!({"Records": records.collect::<Value>()})
    }

    fn sqs(messages: &[(&str, &[&str])], queue: &str) -> Value {
        let records = messages.iter().map(|(id, keys)| {
            json!({"eventSource": "aws:sqs", "eventSourceARN": queue, "messageId": id, "body": s3(keys).to_string()})
        });
        json!({"Records": records.collect::<Value>()})
    }

    /// Two rules: every name that begins with x; and `xy` to a topic of its own.
    fn handler() -> Handler {
        let mut own = Rule::from_pattern("own", r#"{"eventName":["xy"]}"#).unwrap();
        own.topic_arn = Some("own-topic".into());
        let rules = vec![Rule::from_pattern("all", r#"{"eventName":[{"prefix":"x"}]}"#).unwrap(), own];
        let topic = Some("topic".into());
        Handler::new(Arc::new(RuleSet::new(rules)), &Limits::default(), topic, Format::Text)
    }

    fn run(event: &Value, store: &Store, topics: &impl Publish) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(handler().invoke(event.to_string().as_bytes(), store, topics))
    }

    fn failed(report: &Report) -> String {
        let failures = report.response.as_ref().unwrap()["batchItemFailures"].as_array().unwrap().clone();
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn alerts_of_all_objects_share_batches_by_topic() {
        let names: Vec<String> = (0..7).map(|n| format!("x{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let store = store(&[("1", file(&names)), ("2", file(&["a", "xy"])), ("3", file(&names))]);
        let topics = topics(accept);
        let report = run(&s3(&["1", "2", "3"]), &store, &topics);
        assert_eq!(report.response, Ok(Value::Null));
        let matches: Vec<_> = report.objects.iter().map(|object| object.counts.matches).collect();
        assert_eq!(matches, [7, 2, 7]);
        let mut sizes: Vec<_> =
            topics.batches.lock().unwrap().iter().map(|(topic, names)| (topic.clone().unwrap(), names.len())).collect();
        sizes.sort();
        assert_eq!(sizes, [("own-topic".into(), 1), ("topic".into(), 5), ("topic".into(), 10)]);
    }

    #[test]
    fn a_batch_stays_below_the_bytes_of_one_call() {
        let record = json!({"eventName": "x", "requestParameters": "p".repeat(100_000)});
        let text = json!({"Records": vec![record; 5]}).to_string();
        let topics = topics(accept);
        run(&s3(&["1"]), &store(&[("1", vec![Ok(text.into())])]), &topics);
        let sizes: Vec<_> = topics.batches.lock().unwrap().iter().map(|(_, names)| names.len()).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }

    #[test]
    fn every_alert_that_was_not_accepted_fails_its_object_and_no_other() {
        let store = store(&[("1", file(&["x1"])), ("2", file(&["x2", "x3"])), ("3", file(&["x4"]))]);
        let event = sqs(&[("A", &["1"]), ("B", &["2"]), ("C", &["3"])], "q");
        let refused = [Outcome::Retry("throttled".into()), Outcome::Rejected("refused".into())];
        for outcome in refused {
            let topics = topics(|alert| Some(if event_name(alert) == "x3" { outcome.clone() } else { Outcome::Sent }));
            assert_eq!(failed(&run(&event, &store, &topics)), "B", "{outcome:?}");
        }
        // No outcome at all for the last two.
        let topics = topics(|alert| (event_name(alert) < "x3").then_some(Outcome::Sent));
        let report = run(&event, &store, &topics);
        assert_eq!(failed(&report), "BC");
        assert!(report.objects[1].failure().unwrap().contains("1 of 2 alerts were not accepted: no answer"));
    }

    #[test]
    fn matches_before_a_fault_are_published_and_the_object_fails() {
        let mut broken = file(&["x1", "x2"]);
        let cut = broken[0].clone().unwrap();
        broken[0] = Ok(cut.slice(..cut.len() - 5));
        for last in [Err(Fault::transient("connection reset")), Ok(Bytes::from_static(b"\"a}}garbage"))] {
            let mut chunks = broken.clone();
            chunks.push(last);
            let topics = topics(accept);
            let report = run(&s3(&["1", "2"]), &store(&[("1", chunks), ("2", file(&["x3"]))]), &topics);
            assert!(matches!(report.objects[0].status, Status::Failed(_)));
            assert_eq!(report.objects[1].status, Status::Done);
            assert!(report.response.unwrap_err().starts_with("s3://b/1: "));
            assert_eq!(topics.batches.lock().unwrap()[0].1, ["x1", "x3"]);
        }
    }

    #[test]
    fn when_all_messages_failed_the_invocation_fails() {
        let report = run(&sqs(&[("A", &["1"]), ("B", &["2"])], "q"), &Store::default(), &topics(accept));
        let error = report.response.unwrap_err();
        assert!(error.contains("message A: s3://b/1: missing") && error.contains("message B"), "{error}");
    }

    #[test]
    fn a_fifo_queue_stops_at_the_first_failure_also_of_an_alert() {
        let store = store(&[("1", file(&["x1"])), ("2", file(&["x2"])), ("3", file(&["x3"]))]);
        let event = sqs(&[("A", &["1"]), ("B", &["2"]), ("C", &["3"])], "arn:q.fifo");
        let topics =
            topics(|alert| Some(if event_name(alert) == "x2" { Outcome::Retry("r".into()) } else { Outcome::Sent }));
        assert_eq!(failed(&run(&event, &store, &topics)), "BC");
        let published: Vec<_> = topics.batches.lock().unwrap().iter().flat_map(|(_, names)| names.clone()).collect();
        assert_eq!(published, ["x1", "x2"]);
    }

    #[test]
    fn what_cannot_be_read_of_an_event_fails_beside_the_objects_that_can() {
        let store = store(&[("1", file(&["x1"]))]);
        let report = run(&s3(&["1", "%zz"]), &store, &topics(accept));
        assert_eq!((report.objects.len(), &report.objects[0].status), (1, &Status::Done));
        assert!(report.response.unwrap_err().contains("record 2: an S3 notification with a badly encoded key"));
        // Also in a message; and a message that has no id cannot fail alone.
        let mut event = sqs(&[("A", &["1", "%zz"]), ("B", &["1"])], "q");
        let report = run(&event, &store, &topics(accept));
        assert_eq!((failed(&report), report.objects.len()), ("A".to_owned(), 2));
        event["Records"][0]["messageId"] = Value::Null;
        let report = run(&event, &store, &topics(accept));
        assert_eq!(report.objects.len(), 2);
        assert!(report.response.unwrap_err().contains("message without messageId: record 2"));
    }

    #[test]
    fn a_message_without_objects_succeeds() {
        let report = run(&sqs(&[("A", &[]), ("B", &["1"])], "q"), &store(&[("1", file(&[]))]), &topics(accept));
        assert_eq!(failed(&report), "");
    }

    #[test]
    fn nothing_leaks_from_one_object_to_the_next() {
        let store = store(&[("1", vec![Ok("{\"Records\":[{\"eventName\":\"x".into())]), ("2", file(&["a"]))]);
        let report = run(&s3(&["1", "2", "missing"]), &store, &topics(accept));
        let counts: Vec<_> = report.objects.iter().map(|o| (o.counts.records, o.counts.matches)).collect();
        assert_eq!(counts, [(0, 0), (1, 0), (0, 0)]);
        assert_eq!(report.objects[1].status, Status::Done);
    }
}
