//! What an event is told: the answer of its form, made of what became of its
//! parts.

use super::ledger::{Fate, Tally, Totals};
use super::reading::{ObjectReport, Reading, Status};
use super::trigger::{BatchJob, Message, Objects, Task, Trigger};
use serde_json::{Value, json};
use std::sync::Arc;

/// What kind of answer an event takes.
pub(super) enum Form {
    /// None, or an error.
    Plain,
    /// The messages that failed.
    Queue { fifo: bool },
    /// A result for each task.
    BatchJob { schema_version: String, invocation_id: String },
    /// A summary, or an error.
    Summary,
}

impl Form {
    /// Whether a part may only be read when the one before it succeeded.
    pub(super) fn in_order(&self) -> bool {
        matches!(self, Self::Queue { fifo: true })
    }
}

/// What succeeds or fails as one: a message, a task, or else the whole event.
pub(super) struct Part {
    /// What the answer calls it.
    id: Option<String>,
    pub(super) readings: Vec<Arc<Reading>>,
    /// What is wrong with it beside its objects.
    faults: Vec<String>,
}

impl Part {
    /// Whether it failed; final once every alert has its outcome.
    pub(super) fn failed(&self) -> bool {
        !self.faults.is_empty() || self.readings.iter().any(|reading| reading.report().failure().is_some())
    }

    /// Fails it without reading it.
    pub(super) fn hold_back(&mut self) {
        self.readings.clear();
        self.faults = vec!["a message before it in the queue failed".to_owned()];
    }
}

/// The parts of an event, and how it is answered.
pub(super) fn parts(trigger: Trigger, tally: impl Fn() -> Arc<Tally>) -> (Form, Vec<Part>) {
    let part = |id: Option<String>, Objects { named, faults }: Objects| {
        let readings = named.into_iter().map(|object| Reading::new(object, tally())).collect();
        Part { id, readings, faults: faults.iter().map(ToString::to_string).collect() }
    };
    match trigger {
        Trigger::Objects(objects) => (Form::Plain, vec![part(None, objects)]),
        Trigger::Items(objects) => (Form::Summary, vec![part(None, objects)]),
        Trigger::Queue { messages, fifo } => {
            let parts = messages.into_iter().map(|Message { id, objects }| {
                part(id, objects.unwrap_or_else(|error| Objects { named: Vec::new(), faults: vec![error] }))
            });
            (Form::Queue { fifo }, parts.collect())
        }
        Trigger::BatchJob(BatchJob { schema_version, invocation_id, tasks }) => {
            let parts = tasks.into_iter().map(|Task { id, object }| {
                let (named, faults) = match object {
                    Ok(object) => (vec![object], Vec::new()),
                    Err(error) => (Vec::new(), vec![error]),
                };
                part(Some(id), Objects { named, faults })
            });
            (Form::BatchJob { schema_version, invocation_id }, parts.collect())
        }
    }
}

/// What became of all objects, and the answer.
pub(super) struct Reports {
    pub(super) response: Result<Value, String>,
    pub(super) objects: Vec<ObjectReport>,
}

/// The answer to an event whose parts have come to their end.
pub(super) fn answer(form: &Form, parts: Vec<Part>, totals: &Totals) -> Reports {
    let ends: Vec<End> = parts.into_iter().map(End::of).collect();
    let response = match form {
        Form::Plain => error(&ends).map_or(Ok(Value::Null), Err),
        Form::Summary => error(&ends).map_or_else(|| Ok(summary(&ends, totals)), Err),
        Form::Queue { .. } => queue(&ends),
        Form::BatchJob { schema_version, invocation_id } => Ok(json!({
            "invocationSchemaVersion": schema_version,
            // Whatever was not answered for is tried again.
            "treatMissingKeysAs": "TemporaryFailure",
            "invocationId": invocation_id,
            "results": ends.iter().map(End::result).collect::<Value>(),
        })),
    };
    Reports { response, objects: ends.into_iter().flat_map(|end| end.objects).collect() }
}

/// A part that has come to its end.
struct End {
    id: Option<String>,
    objects: Vec<ObjectReport>,
    failures: Vec<String>,
    /// Whether trying again may help.
    transient: bool,
}

impl End {
    fn of(part: Part) -> Self {
        let objects: Vec<_> = part.readings.iter().map(|reading| reading.report()).collect();
        let transient = objects.iter().any(|object| matches!(&object.status, Status::Failed(fault) if fault.transient));
        let failures = objects.iter().filter_map(ObjectReport::failure).chain(part.faults).collect();
        Self { id: part.id, objects, failures, transient }
    }

    /// The result of a task of S3 Batch Operations.
    fn result(&self) -> Value {
        let (code, text) = match (self.failures.first(), self.objects.first()) {
            (Some(reason), _) if self.transient => ("TemporaryFailure", reason.clone()),
            (Some(reason), _) => ("PermanentFailure", reason.clone()),
            (None, Some(ObjectReport { status: Status::Skipped(reason), .. })) => {
                ("Succeeded", format!("skipped: {reason}"))
            }
            (None, Some(ObjectReport { counts, .. })) => {
                ("Succeeded", format!("records={} matches={}", counts.records, counts.matches))
            }
            (None, None) => ("Succeeded", "nothing to do".to_owned()),
        };
        // It goes into a completion report, a line each.
        let text: String = crate::alert::plain(&text).chars().take(MAX_RESULT).collect();
        json!({"taskId": self.id, "resultCode": code, "resultString": text})
    }
}

/// Longest text of a task's result, in characters; enough for an object's name
/// and a reason.
const MAX_RESULT: usize = 1_536;

/// Failures told in an error, so that a person can still read it; the logs and
/// the report have all.
const MAX_REASONS: usize = 10;

fn error(ends: &[End]) -> Option<String> {
    let failures = ends.iter().flat_map(|end| end.failures.iter().cloned()).collect::<Vec<_>>();
    (!failures.is_empty()).then(|| joined(failures))
}

fn joined(mut reasons: Vec<String>) -> String {
    let more = reasons.len().saturating_sub(MAX_REASONS);
    reasons.truncate(MAX_REASONS);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    reasons.join("; ")
}

fn summary(ends: &[End], totals: &Totals) -> Value {
    let objects: Vec<_> = ends.iter().flat_map(|end| &end.objects).collect();
    let skipped = objects.iter().filter(|object| matches!(object.status, Status::Skipped(_))).count();
    let alerts: u64 = [Fate::Published, Fate::Pruned, Fate::Pointer].iter().map(|&fate| totals.fate(fate)).sum();
    json!({
        "objects": objects.len(),
        "skipped": skipped,
        "records": objects.iter().map(|object| object.counts.records).sum::<u64>(),
        "matches": totals.matches,
        "alerts": alerts,
    })
}

fn queue(ends: &[End]) -> Result<Value, String> {
    let (mut failed, mut reasons, mut unnamed) = (Vec::new(), Vec::new(), false);
    for End { id, failures, .. } in ends {
        if let Some(reason) = failures.first() {
            reasons.push(format!("message {}: {reason}", id.as_deref().unwrap_or("without messageId")));
            unnamed |= id.is_none();
            failed.push(json!({"itemIdentifier": id}));
        }
    }
    // A mapping that does not take partial failures would delete the whole
    // batch; where there is nothing to delete, an error saves it. So it does
    // a message that cannot be named.
    if !ends.is_empty() && failed.len() == ends.len() || unnamed {
        Err(joined(reasons))
    } else {
        Ok(json!({"batchItemFailures": failed}))
    }
}
