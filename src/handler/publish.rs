//! Alerts in batches to their topics, with the outcome of each alert accounted
//! to the object it came from.

use crate::alert::Alert;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Entries of one `PublishBatch` call (limit of the SNS API).
pub const BATCH_ENTRIES: usize = 10;

/// Bytes of one `PublishBatch` call: a topic's default maximum.
pub const BATCH_BYTES: usize = 262_144;

/// Where alerts go: a topic's ARN, or `None` where there is only one place.
pub type Topic = Option<Arc<str>>;

/// Publishes batches; SNS, or whatever stands in for it.
pub trait Publish: Sync {
    /// Publishes up to [`BATCH_ENTRIES`] alerts to one topic. The outcomes are
    /// in the order of the alerts, one for each; an alert without an outcome
    /// counts as failed.
    fn batch(&self, topic: &Topic, alerts: &[Alert]) -> impl Future<Output = Vec<Outcome>> + Send;
}

/// What became of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted.
    Sent,
    /// It was not, and may be when tried again; with the reason.
    Retry(String),
    /// It was not and never will be; with the reason.
    Rejected(String),
}

/// Counts one object's alerts. An alert that is lost on any path leaves the two
/// numbers unequal, so that the object fails by default.
#[derive(Debug, Default)]
pub struct Tally {
    issued: AtomicU64,
    accepted: AtomicU64,
    first_failure: std::sync::OnceLock<String>,
}

impl Tally {
    /// Why not every alert was accepted, if that is so.
    pub fn failure(&self) -> Option<String> {
        let issued = self.issued.load(Ordering::Acquire);
        let lost = issued - self.accepted.load(Ordering::Acquire);
        let reason = self.first_failure.get().map_or("no answer", String::as_str);
        (lost > 0).then(|| format!("{lost} of {issued} alerts were not accepted: {reason}"))
    }
}

/// Collects alerts into batches, one open batch per topic.
pub(super) struct Outlet<'a, P> {
    publisher: &'a P,
    /// In the order of the topics, so that two runs publish alike.
    batches: BTreeMap<Topic, Batch>,
}

#[derive(Default)]
struct Batch {
    alerts: Vec<Alert>,
    owners: Vec<Arc<Tally>>,
    bytes: usize,
}

impl<'a, P: Publish> Outlet<'a, P> {
    pub(super) fn new(publisher: &'a P) -> Self {
        Self { publisher, batches: BTreeMap::new() }
    }

    /// Takes one alert, and publishes its topic's batch before it when both
    /// would be too much for one call.
    pub(super) async fn add(&mut self, topic: &Topic, alert: Alert, owner: &Arc<Tally>) {
        owner.issued.fetch_add(1, Ordering::AcqRel);
        let batch = self.batches.entry(topic.clone()).or_default();
        let bytes = size(&alert);
        if batch.alerts.len() == BATCH_ENTRIES || !batch.alerts.is_empty() && batch.bytes + bytes > BATCH_BYTES {
            let full = std::mem::take(batch);
            Self::publish(self.publisher, topic, full).await;
        }
        batch.alerts.push(alert);
        batch.owners.push(Arc::clone(owner));
        batch.bytes += bytes;
    }

    /// Publishes all that is still open.
    pub(super) async fn flush(&mut self) {
        for (topic, batch) in std::mem::take(&mut self.batches) {
            Self::publish(self.publisher, &topic, batch).await;
        }
    }

    async fn publish(publisher: &P, topic: &Topic, batch: Batch) {
        let outcomes = publisher.batch(topic, &batch.alerts).await;
        for (owner, outcome) in batch.owners.iter().zip(outcomes) {
            match outcome {
                Outcome::Sent => drop(owner.accepted.fetch_add(1, Ordering::AcqRel)),
                Outcome::Retry(reason) | Outcome::Rejected(reason) => {
                    // Only the first is told; that there were more, the count says.
                    let _ = owner.first_failure.set(reason);
                }
            }
        }
    }
}

/// Bytes by which SNS measures a message: the body, and of each attribute name,
/// type and value. The subject does not count.
fn size(alert: &Alert) -> usize {
    let attribute = |(name, value): &(&str, String)| name.len() + "String".len() + value.len();
    alert.body.len() + alert.attributes.iter().map(attribute).sum::<usize>()
}
