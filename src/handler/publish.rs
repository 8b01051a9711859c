//! Where alerts go.

use crate::alert::Alert;
use std::future::Future;
use std::sync::Arc;

/// Entries of one `PublishBatch` call (limit of the SNS API).
pub const BATCH_ENTRIES: usize = 10;

/// A topic's default maximum of bytes, for one message as for one
/// `PublishBatch` call in all (SNS).
pub const TOPIC_BYTES: usize = 262_144;

/// Where alerts go: a topic's ARN, or `None` where there is only one place.
pub type Topic = Option<Arc<str>>;

/// Publishes batches; SNS, or whatever stands in for it.
pub trait Publish: Send + Sync + 'static {
    /// Publishes up to [`BATCH_ENTRIES`] alerts to one topic, once: what may be
    /// tried again is the caller's to decide.
    fn batch(&self, topic: &Topic, alerts: &[&Alert]) -> impl Future<Output = Answer> + Send;
}

/// The answer to one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An outcome for each alert, in their order; for an alert without one
    /// there was no answer.
    Each(Vec<Outcome>),
    /// All alerts have the same outcome.
    All(Outcome),
}

/// What became of one alert, or of a whole batch; with the reason, for an
/// operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted.
    Sent,
    /// It was not, and may be when tried again.
    Retry(String),
    /// It was not: it is too long.
    TooLong(String),
    /// It was not: something in it is not allowed.
    Refused(String),
    /// It was not and never will be, whatever it is.
    Rejected(String),
}
