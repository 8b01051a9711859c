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
    pub(super) failures: Vec<String>,
}

/// The answer to an event whose parts have come to their end.
pub(super) fn answer(form: &Form, parts: Vec<Part>, totals: &Totals) -> Reports {
    let ends: Vec<End> = parts.into_iter().map(End::of).collect();
    let failures = failures(form, &ends);
    let response = match form {
        Form::Plain if failures.is_empty() => Ok(Value::Null),
        Form::Summary if failures.is_empty() => Ok(summary(&ends, totals)),
        Form::Plain | Form::Summary => Err(joined(&failures)),
        Form::Queue { .. } => queue(&ends).ok_or_else(|| joined(&failures)),
        Form::BatchJob { schema_version, invocation_id } => Ok(json!({
            "invocationSchemaVersion": schema_version,
            // Whatever was not answered for is tried again.
            "treatMissingKeysAs": "TemporaryFailure",
            "invocationId": invocation_id,
            "results": ends.iter().map(End::result).collect::<Value>(),
        })),
    };
    Reports { response, objects: ends.into_iter().flat_map(|end| end.objects).collect(), failures }
}

/// Everything that failed, with the part that it failed.
fn failures(form: &Form, ends: &[End]) -> Vec<String> {
    let named = |end: &End, reason: &String| match (form, &end.id) {
        (Form::Plain | Form::Summary, _) => reason.clone(),
        (Form::BatchJob { .. }, id) => format!("task {}: {reason}", id.as_deref().unwrap_or_default()),
        (Form::Queue { .. }, id) => format!("message {}: {reason}", id.as_deref().unwrap_or("without messageId")),
    };
    ends.iter().flat_map(|end| end.failures.iter().map(move |reason| named(end, reason))).collect()
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

/// Failures told in an error, so that a person can still read it; the report has
/// all.
const MAX_REASONS: usize = 10;

fn joined(failures: &[String]) -> String {
    let told = failures[..failures.len().min(MAX_REASONS)].join("; ");
    match failures.len().saturating_sub(MAX_REASONS) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
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

/// The messages that failed, if that is all there is to say.
fn queue(ends: &[End]) -> Option<Value> {
    let failed: Vec<_> = ends.iter().filter(|end| !end.failures.is_empty()).map(|end| &end.id).collect();
    // A mapping that does not take partial failures would delete the whole
    // batch; where there is nothing to delete, an error saves it. So it does
    // a message that cannot be named.
    let all = !ends.is_empty() && failed.len() == ends.len();
    let named = failed.iter().all(|id| id.is_some());
    (named && !all).then(|| {
        let failed: Value = failed.iter().map(|id| json!({"itemIdentifier": id})).collect();
        json!({"batchItemFailures": failed})
    })
}
