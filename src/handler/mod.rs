//! One invocation: an event in, alerts out, and an answer that is true.
//!
//! ```text
//!  event ─► Trigger ─► objects ─► Source ─► Pipeline ─► matches ─► alerts ─► Publish
//!              │          │        side by side          │ claims           │
//!              ▼          └────────── Report ◄───────────┴── outcomes ◄─────┘
//!            answer ◄─────────────────┘
//! ```
//!
//! An object is done only when it was read to its end and every match of it came
//! to a good end: its alert was accepted, or counted in a summary that was, or
//! repeats one that was, or need not be sent. Anything else is a failure of that
//! object and of the message that named it; one object never stops the others.
//! Nothing here knows AWS: objects come from a [`Source`], and alerts go to a
//! [`Publish`].

mod admission;
mod answer;
mod key;
mod ledger;
mod outlet;
mod publish;
mod reading;
mod retry;
mod source;
mod trigger;

pub use admission::MAX_PRINCIPALS;
pub use key::{other_folder, skip_reason};
pub use ledger::{Fate, Totals};
pub use publish::{Answer, BATCH_ENTRIES, Outcome, Publish, TOPIC_BYTES, Topic};
pub use reading::{ObjectReport, Status};
pub use retry::{Attempts, Retry};
pub use source::{Body, Broken, Fault, Source};
#[cfg(feature = "aws")]
pub(crate) use trigger::decode_key;
pub use trigger::{BatchJob, Message, ObjectRef, Objects, Task, Trigger, TriggerError, decode};

use crate::alert::{AlertReader, Origin};
use crate::rule::{Format, Rule};
use crate::{Layout, Limits, Pipeline, RuleSet};
use admission::WAITING_SHARE;
use answer::{Form, Part, Reports};
use ledger::{Ledger, Tally};
use outlet::Outlet;
use reading::Lane;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// The bounds of an invocation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Those of each object.
    pub limits: Limits,
    /// Objects that are read side by side.
    pub lanes: usize,
    /// The topics' maximum size, in bytes: of one message, and of one
    /// `PublishBatch` call in all.
    pub topic_bytes: usize,
    /// Bytes of alerts that are written and have no outcome yet.
    pub alert_bytes: usize,
    /// `PublishBatch` calls that are made side by side.
    pub calls: usize,
    /// Alerts that are remembered, so that their repetition is not published.
    pub known_alerts: usize,
    /// How often an alert is sent again.
    pub retry: Retry,
    /// The ARN of the function's own session, whose calls never alert.
    pub own_session: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            lanes: 8,
            topic_bytes: TOPIC_BYTES,
            alert_bytes: 4 << 20,
            calls: 8,
            known_alerts: 32_768,
            retry: Retry::default(),
            own_session: None,
        }
    }
}

/// Buffers of one connection and the chunk that is read from it.
const CONNECTION_BYTES: usize = 1 << 20;

/// An alert id that is remembered, with its place in a table that has doubled,
/// and its share of what waits for others: a list of 64 bytes at least for each.
const KNOWN_BYTES: usize = 96 + 64 / WAITING_SHARE;

/// What simd-json makes of a record of nothing but digits and commas, and the
/// record, in parts of the record.
const READER_FACTOR: usize = 22;

/// What an alert takes while it is written, in parts of the topic's maximum: the
/// text, and in both formats once more as JSON, with characters that are escaped.
const WRITING_FACTOR: usize = 8;

/// Copies of a batch that a `PublishBatch` call makes: as it is, and encoded for
/// the wire, where a byte becomes three at worst.
const CALL_FACTOR: usize = 4;

impl Settings {
    /// The most that invocations with these bounds take beside the rules, the
    /// event and the program itself, in bytes; nearly all of it only on hostile
    /// input.
    #[must_use]
    pub const fn max_bytes(&self) -> usize {
        self.lanes * self.lane_bytes() + self.shared_bytes()
    }

    /// What one more lane adds.
    const fn lane_bytes(&self) -> usize {
        // The pipeline, the connection, and one record with its alert.
        Pipeline::max_bytes(&self.limits)
            + CONNECTION_BYTES
            + self.limits.max_record_bytes * 2
            + self.topic_bytes * WRITING_FACTOR
    }

    const fn shared_bytes(&self) -> usize {
        self.alert_bytes
            + self.calls * self.topic_bytes * CALL_FACTOR
            + self.known_alerts * KNOWN_BYTES
            + self.limits.max_record_bytes * READER_FACTOR
    }

    /// As many lanes, up to `most`, as `bytes` of memory are enough for; `None` if
    /// they are not enough for one.
    #[must_use]
    pub fn with_lanes_for(mut self, bytes: usize, most: usize) -> Option<Self> {
        self.lanes = (bytes.saturating_sub(self.shared_bytes()) / self.lane_bytes()).min(most);
        (self.lanes > 0).then_some(self)
    }
}

/// Rules, and where the alerts of each go.
pub struct Routes {
    rules: Arc<RuleSet>,
    /// Each rule's topic and format.
    routes: Vec<(Topic, Format)>,
}

impl Routes {
    /// `topic` and `format` are for the rules that name none.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, topic: &Topic, format: Format) -> Self {
        let routes = rules.rules().iter().map(|rule| {
            let own = rule.topic_arn.as_deref().map(Arc::from);
            (own.or_else(|| topic.clone()), rule.format.unwrap_or(format))
        });
        let routes = routes.collect();
        Self { rules, routes }
    }

    fn rule(&self, rule: u32) -> &Rule {
        &self.rules.rules()[rule as usize]
    }

    fn route(&self, rule: u32) -> (&Topic, Format) {
        let (topic, format) = &self.routes[rule as usize];
        (topic, *format)
    }
}

impl ObjectRef {
    fn origin(&self) -> Origin<'_> {
        Origin { bucket: Some(&self.bucket), key: &self.key, stored: self.stored.as_deref() }
    }
}

/// Runs invocations; everything large that it needs is allocated once.
pub struct Handler<S, P> {
    routes: Arc<Routes>,
    settings: Settings,
    source: Arc<S>,
    publisher: Arc<P>,
    workshop: Arc<Workshop>,
}

/// What the lanes share, from one invocation to the next.
struct Workshop {
    lanes: Semaphore,
    /// Pipelines that are at rest.
    pipelines: Mutex<Vec<Pipeline>>,
    /// One for all lanes, since what simd-json makes of a hostile record is
    /// large.
    reader: Mutex<AlertReader>,
}

impl Workshop {
    fn pipeline(&self, rules: &Arc<RuleSet>, limits: &Limits) -> Pipeline {
        let rested = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).pop();
        rested.unwrap_or_else(|| Pipeline::new(Arc::clone(rules), limits, Layout::Files))
    }

    fn rest(&self, pipeline: Pipeline) {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).push(pipeline);
    }
}

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The answer to the runtime, or the error that it gets.
    pub response: Result<Value, String>,
    /// What became of each object, in the order of the event.
    pub objects: Vec<ObjectReport>,
    /// Everything that failed, objects and else, with the message or task that it
    /// failed.
    pub failures: Vec<String>,
    /// What became of the matches.
    pub totals: Totals,
}

impl<S: Source, P: Publish> Handler<S, P> {
    /// A handler that reads from `source` and publishes to `publisher`.
    #[must_use]
    pub fn new(routes: Routes, settings: Settings, source: Arc<S>, publisher: Arc<P>) -> Self {
        let workshop = Workshop {
            lanes: Semaphore::new(settings.lanes),
            pipelines: Mutex::default(),
            reader: Mutex::new(AlertReader::new()),
        };
        Self { routes: Arc::new(routes), settings, source, publisher, workshop: Arc::new(workshop) }
    }

    /// Runs one invocation. At `deadline` it stops, and reports as failed what
    /// is not done.
    pub async fn invoke(&self, event: &[u8], deadline: Option<Instant>) -> Report {
        match decode(event) {
            Ok(trigger) => self.run(trigger, deadline).await,
            Err(error) => Report {
                response: Err(error.to_string()),
                objects: Vec::new(),
                failures: vec![error.to_string()],
                totals: Totals::default(),
            },
        }
    }

    async fn run(&self, trigger: Trigger, deadline: Option<Instant>) -> Report {
        let ledger = Arc::new(Ledger::default());
        let outlet = Outlet::new(&self.publisher, &self.routes, &self.settings, &ledger, deadline);
        let (form, mut parts) = answer::parts(trigger, || Tally::new(&ledger));
        let mut tasks = JoinSet::new();
        let work = self.work(&form, &mut parts, &outlet, &mut tasks);
        match deadline {
            // What is not done then shows by itself.
            Some(deadline) => drop(timeout_at(deadline, work).await),
            None => work.await,
        }
        // Whatever has no outcome by now has failed: at the deadline much, and
        // else what waits for an alert that a panic dropped.
        tasks.shutdown().await;
        outlet.abort().await;
        let totals = ledger.totals();
        let Reports { response, objects, failures } = answer::answer(&form, parts, &totals);
        Report { response, objects, failures, totals }
    }

    /// Reads all objects and publishes all alerts.
    async fn work(&self, form: &Form, parts: &mut [Part], outlet: &Arc<Outlet<P>>, tasks: &mut JoinSet<()>) {
        if !form.in_order() {
            for part in parts.iter() {
                self.read(part, outlet, tasks);
            }
            finish(tasks, outlet).await;
            return;
        }
        // Whether the next part may be read shows only when all alerts of the
        // one before have their outcome.
        let mut parts = parts.iter_mut();
        for part in parts.by_ref() {
            self.read(part, outlet, tasks);
            finish(tasks, outlet).await;
            if part.failed() {
                break;
            }
        }
        parts.for_each(Part::hold_back);
    }

    /// Begins to read the objects of one part.
    fn read(&self, part: &Part, outlet: &Arc<Outlet<P>>, tasks: &mut JoinSet<()>) {
        for reading in &part.readings {
            let lane = Lane {
                routes: Arc::clone(&self.routes),
                settings: self.settings.clone(),
                source: Arc::clone(&self.source),
                workshop: Arc::clone(&self.workshop),
                outlet: Arc::clone(outlet),
            };
            tasks.spawn(lane.read(Arc::clone(reading)));
        }
    }
}

/// Waits until all that was begun has its end.
async fn finish<P: Publish>(tasks: &mut JoinSet<()>, outlet: &Arc<Outlet<P>>) {
    // A task that panicked has said so of its object.
    while tasks.join_next().await.is_some() {}
    outlet.settle().await;
}

#[cfg(test)]
mod tests;
