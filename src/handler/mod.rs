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

pub use key::skip_reason;
pub use publish::{BATCH_BYTES, BATCH_ENTRIES, Outcome, Publish, Tally, Topic};
pub use source::{Body, Fault, Source};
pub use trigger::{Message, ObjectRef, Trigger, TriggerError, decode};

use crate::alert::{Alert, AlertWriter, Origin};
use crate::pipeline::Match;
use crate::rule::Format;
use crate::{Counts, ErrorKind, Layout, Limits, Pipeline, RuleSet, Step};
use publish::Outlet;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Handles invocations, one after another; everything it needs is allocated
/// once.
pub struct Handler {
    pipeline: Pipeline,
    writer: AlertWriter,
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
        Self { pipeline: Pipeline::new(rules, limits, Layout::Files), writer: AlertWriter::new(), routes }
    }

    /// Handles one event.
    pub async fn handle(&mut self, event: &[u8], source: &impl Source, publisher: &impl Publish) -> Report {
        match decode(event) {
            Ok(Trigger::Objects(objects)) => self.objects(objects, source, publisher).await,
            Ok(Trigger::Queue { messages, fifo }) => self.queue(messages, fifo, source, publisher).await,
            Err(error) => Report { response: Err(error.to_string()), objects: Vec::new() },
        }
    }

    async fn objects(&mut self, objects: Vec<ObjectRef>, source: &impl Source, publisher: &impl Publish) -> Report {
        let mut outlet = Outlet::new(publisher);
        let reading = self.read_all(objects, source, &mut outlet).await;
        outlet.flush().await;
        let objects = settle(reading);
        let failures: Vec<_> = objects.iter().filter_map(ObjectReport::failure).collect();
        let response = if failures.is_empty() { Ok(Value::Null) } else { Err(failures.join("; ")) };
        Report { response, objects }
    }

    async fn queue(
        &mut self,
        messages: Vec<Message>,
        fifo: bool,
        source: &impl Source,
        publisher: &impl Publish,
    ) -> Report {
        let mut outlet = Outlet::new(publisher);
        let mut handled = Vec::with_capacity(messages.len());
        let mut stopped = false;
        for Message { id, objects } in messages {
            let reading = match objects {
                _ if stopped => Err("not handled, since a message before it in the queue failed".to_owned()),
                Ok(objects) => Ok(self.read_all(objects, source, &mut outlet).await),
                Err(error) => Err(error.to_string()),
            };
            if fifo {
                // Whether the next message may be handled shows only now.
                outlet.flush().await;
                stopped |= reading.as_ref().map_or(true, |reading| reading.iter().any(Reading::failed));
            }
            handled.push((id, reading));
        }
        outlet.flush().await;

        let (all, mut failed, mut reasons, mut objects) = (handled.len(), Vec::new(), Vec::new(), Vec::new());
        for (id, reading) in handled {
            let settled = reading.map(settle);
            let reason = match &settled {
                Ok(settled) => settled.iter().find_map(ObjectReport::failure),
                Err(reason) => Some(reason.clone()),
            };
            if let Some(reason) = reason {
                reasons.push(format!("message {id}: {reason}"));
                failed.push(json!({"itemIdentifier": id}));
            }
            objects.extend(settled.unwrap_or_default());
        }
        // A mapping that does not take partial failures would delete the whole
        // batch; where there is nothing to delete, an error saves it.
        let response = if all > 0 && failed.len() == all {
            Err(reasons.join("; "))
        } else {
            Ok(json!({"batchItemFailures": failed}))
        };
        Report { response, objects }
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
        let Self { pipeline, writer, routes } = self;
        pipeline.reset();
        let rules = Arc::clone(pipeline.rules());
        let origin = Origin { bucket: Some(&object.bucket), key: &object.key, stored: object.stored.as_deref() };
        let mut body = source.open(object).await?;
        let mut alerts: Vec<(u32, Alert)> = Vec::new();
        loop {
            let chunk = body.chunk().await?;
            let mut rest = chunk.as_deref().unwrap_or_default();
            loop {
                // A pause behind every match keeps the alerts in memory few.
                let mut sink = |found: &Match<'_>| {
                    alerts.extend(found.rules.iter().map(|&rule| {
                        let format = routes[rule as usize].1;
                        (rule, writer.write(format, &rules.rules()[rule as usize], found, &origin))
                    }));
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
                // Matches before an error come before the error.
                for (rule, alert) in alerts.drain(..) {
                    outlet.add(&routes[rule as usize].0, alert, tally).await;
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
