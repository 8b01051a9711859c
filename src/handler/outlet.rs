//! Alerts in batches to their topics, and an end for each.
//!
//! Alerts of all objects share the open batch of their topic; a full one is sent
//! while the next is filled. What alerts take in memory, from when they are
//! written until they have their outcome, comes from one budget: who finds it
//! empty has the open batches sent as they are, and waits.

use super::admission::{Admission, Found, Held};
use super::ledger::{Claim, Claims, Fate, Ledger};
use super::publish::{Answer, BATCH_ENTRIES, Outcome, Publish, Topic};
use super::{ObjectRef, Routes, Settings};
use crate::alert::{Alert, AlertId, MatchedRecord, Rung};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What an alert takes beside its text and its record, in bytes, about.
pub(super) const ALERT_OVERHEAD: usize = 1_024;

/// Takes the alerts of one invocation.
pub(super) struct Outlet<P> {
    publisher: Arc<P>,
    routes: Arc<Routes>,
    settings: Settings,
    deadline: Option<Instant>,
    ledger: Arc<Ledger>,
    /// Bytes left for alerts.
    room: Arc<Semaphore>,
    /// Who waits for room.
    waiting: AtomicUsize,
    /// Calls that may be made at once.
    calls: Semaphore,
    admission: Mutex<Admission>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Open batches, in the order of the topics, so that two runs publish alike.
    open: BTreeMap<Topic, Batch>,
    sends: JoinSet<()>,
}

#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    bytes: usize,
}

/// An alert on its way, and who waits for it.
struct Entry {
    alert: Alert,
    content: Content,
    claims: Claims,
    /// What it is known by to those who repeat it.
    ids: Vec<AlertId>,
    _room: OwnedSemaphorePermit,
}

/// What an alert was written from.
enum Content {
    /// A record, and how much of it is in the alert.
    Record(Draft, Rung),
    Summary,
}

/// All that it takes to write an alert, also once more.
pub(super) struct Draft {
    pub(super) record: Arc<MatchedRecord>,
    pub(super) object: Arc<ObjectRef>,
    pub(super) rule: u32,
}

impl Entry {
    fn fate(&self) -> Fate {
        match self.content {
            Content::Record(_, Rung::Full) => Fate::Published,
            Content::Record(_, Rung::Pruned) => Fate::Pruned,
            Content::Record(_, Rung::Pointer) => Fate::Pointer,
            Content::Summary => Fate::Summarised,
        }
    }
}

impl<P: Publish> Outlet<P> {
    pub(super) fn new(
        publisher: &Arc<P>,
        routes: &Arc<Routes>,
        settings: &Settings,
        ledger: &Arc<Ledger>,
        deadline: Option<Instant>,
    ) -> Arc<Self> {
        Arc::new(Self {
            publisher: Arc::clone(publisher),
            routes: Arc::clone(routes),
            settings: settings.clone(),
            deadline,
            ledger: Arc::clone(ledger),
            room: Arc::new(Semaphore::new(settings.alert_bytes)),
            waiting: AtomicUsize::new(0),
            calls: Semaphore::new(settings.calls),
            admission: Mutex::new(Admission::new(settings.known_alerts)),
            state: Mutex::default(),
        })
    }

    /// Takes a match, and sees to it that `claim` comes to its end.
    pub(super) async fn issue(self: &Arc<Self>, draft: Draft, claim: Claim) {
        let rule = self.routes.rule(draft.rule);
        let (topic, format) = self.routes.route(draft.rule);
        let origin = draft.object.origin();
        let id = draft.record.id(rule, &origin);
        let found = Found { record: &draft.record, rule: draft.rule, id, origin };
        let admitted = lock(&self.admission).admit(&found, rule.alert_cap(format), claim);
        let Some((claim, known)) = admitted else { return };
        let (rung, alert) = draft.record.fit(Rung::Full, self.settings.topic_bytes, format, rule, &origin);
        let mut claims = Claims::default();
        claims.add(claim);
        let bytes = alert.bytes() + draft.record.bytes();
        let content = Content::Record(draft, rung);
        self.add(topic, alert, content, claims, known.into_iter().collect(), bytes).await;
    }

    /// Sends all that was issued, summaries too, and waits for every outcome.
    pub(super) async fn settle(self: &Arc<Self>) {
        let held = lock(&self.admission).held();
        for (rule, Held { summary, claims, ids }) in held {
            let (topic, format) = self.routes.route(rule);
            let alert = summary.alert(format, self.routes.rule(rule), self.settings.topic_bytes);
            let bytes = alert.bytes();
            self.add(topic, alert, Content::Summary, claims, ids, bytes).await;
        }
        self.flush();
        // One that panicked has dropped its claims, which is all it takes.
        while poll_fn(|context| lock(&self.state).sends.poll_join_next(context)).await.is_some() {}
    }

    /// Drops all that has no outcome: it has failed.
    pub(super) async fn abort(&self) {
        let State { open, mut sends } = std::mem::take(&mut *lock(&self.state));
        drop(open);
        sends.shutdown().await;
        lock(&self.admission).clear();
    }

    async fn add(
        self: &Arc<Self>,
        topic: &Topic,
        alert: Alert,
        content: Content,
        claims: Claims,
        ids: Vec<AlertId>,
        bytes: usize,
    ) {
        // The largest waits until all is free, rather than for ever.
        let permits = (bytes + ALERT_OVERHEAD).min(self.settings.alert_bytes) as u32;
        let room = match Arc::clone(&self.room).try_acquire_many_owned(permits) {
            Ok(room) => Some(room),
            Err(_) => {
                // Said before the open batches are sent: whoever opens another
                // one from here on sends it at once.
                self.waiting.fetch_add(1, Ordering::AcqRel);
                self.flush();
                let room = Arc::clone(&self.room).acquire_many_owned(permits).await;
                self.waiting.fetch_sub(1, Ordering::AcqRel);
                room.ok()
            }
        };
        // The budget is never closed; were it, the claims would fail here.
        let Some(room) = room else { return };
        self.push(topic, Entry { alert, content, claims, ids, _room: room });
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.flush();
        }
    }

    fn push(self: &Arc<Self>, topic: &Topic, entry: Entry) {
        let mut state = lock(&self.state);
        let bytes = entry.alert.bytes();
        let batch = state.open.entry(topic.clone()).or_default();
        let full = (batch.bytes + bytes > self.settings.topic_bytes).then(|| std::mem::take(batch));
        batch.bytes += bytes;
        batch.entries.push(entry);
        let complete = (batch.entries.len() == BATCH_ENTRIES).then(|| std::mem::take(batch));
        for batch in full.into_iter().chain(complete) {
            self.send(&mut state.sends, topic, batch);
        }
    }

    /// Sends what is open.
    fn flush(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        for (topic, batch) in std::mem::take(&mut state.open) {
            self.send(&mut state.sends, &topic, batch);
        }
    }

    fn send(self: &Arc<Self>, sends: &mut JoinSet<()>, topic: &Topic, batch: Batch) {
        while sends.try_join_next().is_some() {}
        if !batch.entries.is_empty() {
            let (outlet, topic) = (Arc::clone(self), topic.clone());
            sends.spawn(async move { outlet.deliver(&topic, batch.entries).await });
        }
    }

    /// Publishes entries until each has its end.
    async fn deliver(&self, topic: &Topic, entries: Vec<Entry>) {
        let mut batches = vec![entries];
        while let Some(mut entries) = batches.pop() {
            let mut attempts = self.settings.retry.begin();
            while !entries.is_empty() {
                let answer = self.call(topic, &entries).await;
                let (left, again) = match answer {
                    Answer::All(Outcome::TooLong(_)) if entries.len() > 1 => {
                        let half = entries.split_off(entries.len() / 2);
                        batches.push(half);
                        (entries, None)
                    }
                    // One of them is at fault: alone, each shows whether it is.
                    Answer::All(Outcome::Refused(_)) if entries.len() > 1 => {
                        let first = entries.pop().into_iter().collect();
                        batches.extend(entries.into_iter().map(|entry| vec![entry]));
                        (first, None)
                    }
                    Answer::All(outcome) => self.sort(entries, std::iter::repeat(outcome)),
                    Answer::Each(outcomes) => {
                        let missing = Outcome::Retry("the answer does not mention the alert (try again)".into());
                        self.sort(entries, outcomes.into_iter().chain(std::iter::repeat(missing)))
                    }
                };
                entries = left;
                if let Some(reason) = again {
                    if !attempts.wait(self.deadline).await {
                        entries.drain(..).for_each(|entry| self.end(entry, Err(&reason)));
                    }
                    self.ledger.retries.fetch_add(entries.len() as u64, Ordering::AcqRel);
                }
            }
        }
    }

    async fn call(&self, topic: &Topic, entries: &[Entry]) -> Answer {
        let Ok(_call) = self.calls.acquire().await else {
            return Answer::All(Outcome::Rejected("publishing has ended".into()));
        };
        self.ledger.publish_calls.fetch_add(1, Ordering::AcqRel);
        let alerts: Vec<&Alert> = entries.iter().map(|entry| &entry.alert).collect();
        self.publisher.batch(topic, &alerts).await
    }

    /// Ends the entries that have come to their end. Gives back the others, and
    /// a reason if they have to wait before they are sent again.
    fn sort(&self, entries: Vec<Entry>, outcomes: impl Iterator<Item = Outcome>) -> (Vec<Entry>, Option<String>) {
        let (mut left, mut again) = (Vec::new(), None);
        for (entry, outcome) in entries.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Sent => self.end(entry, Ok(())),
                Outcome::Rejected(reason) => self.end(entry, Err(&reason)),
                Outcome::TooLong(reason) | Outcome::Refused(reason) => left.extend(self.step_down(entry, &reason)),
                Outcome::Retry(reason) => {
                    again = Some(reason);
                    left.push(entry);
                }
            }
        }
        (left, again)
    }

    /// The same alert with less in it, if there can be less.
    fn step_down(&self, mut entry: Entry, reason: &str) -> Option<Entry> {
        if let Content::Record(draft, rung) = &mut entry.content
            && let Some(below) = rung.below()
        {
            let (_, format) = self.routes.route(draft.rule);
            let (rule, origin) = (self.routes.rule(draft.rule), draft.object.origin());
            // Should its note make it larger than it was, the batch that it is in
            // is halved like any other that is too long.
            let max = self.settings.topic_bytes;
            (*rung, entry.alert) = draft.record.fit(below, max, format, rule, &origin);
            return Some(entry);
        }
        self.end(entry, Err(reason));
        None
    }

    fn end(&self, entry: Entry, outcome: Result<(), &str>) {
        let fate = entry.fate();
        match outcome {
            Ok(()) => entry.claims.settle(fate),
            Err(reason) => entry.claims.fail(reason),
        }
        lock(&self.admission).ended(&entry.ids, outcome);
    }
}

/// What a panic left behind is sound: every change here is of one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
