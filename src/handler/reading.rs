//! One object, from its first byte to its report.

use super::ledger::Fate;
use super::ledger::{Claim, Tally};
use super::outlet::{Draft, Outlet};
use super::{Body, Broken, Fault, ObjectRef, Publish, Routes, Settings, Source, Workshop, skip_reason};
use crate::alert::{AlertReader, MatchedRecord};
use crate::pipeline::Match;
use crate::rule::Mode;
use crate::{Counts, Pipeline, RuleSet, Step};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often an object is begun again because another took its place.
const MAX_RESTARTS: u32 = 3;

/// What became of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectReport {
    /// The object.
    pub object: ObjectRef,
    /// Read, skipped or failed.
    pub status: Status,
    /// What was read of it, the last time that it was begun.
    pub counts: Counts,
    /// How often reading was resumed behind a break.
    pub resumes: u32,
    /// How often it was begun again because another took its place.
    pub restarts: u32,
}

/// Whether an object was handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was read to its end, and all its matches came to a good end.
    Done,
    /// It is no log file, by its key.
    Skipped(&'static str),
    /// It was not.
    Failed(Fault),
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

/// An object that is to be read, is being read, or was.
pub(super) struct Reading {
    object: Arc<ObjectRef>,
    tally: Arc<Tally>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Of the pass that was begun last.
    counts: Counts,
    /// Matches of the passes before it.
    earlier_matches: u64,
    resumes: u32,
    restarts: u32,
    /// None until it ended.
    end: Option<Result<Status, Fault>>,
}

impl Reading {
    pub(super) fn new(object: ObjectRef, tally: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self { object: Arc::new(object), tally, progress: Mutex::default() })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of it; final once every alert has its outcome.
    pub(super) fn report(&self) -> ObjectReport {
        let progress = self.progress();
        let matches = progress.earlier_matches + progress.counts.matches;
        let status = match (&progress.end, self.tally.failure()) {
            (None, _) => Status::Failed(Fault::transient(
                "the time left was over before it was read to its end (raise the function's timeout)",
            )),
            (Some(Err(fault)), _) => Status::Failed(fault.clone()),
            (Some(Ok(_)), Some(reason)) => Status::Failed(Fault::transient(reason)),
            // Cannot be; but what must never be lost is counted twice.
            (Some(Ok(_)), None) if self.tally.issued() != matches => {
                let issued = self.tally.issued();
                Status::Failed(Fault::permanent(format!("{matches} matches gave {issued} alerts: please report this")))
            }
            (Some(Ok(status)), None) => status.clone(),
        };
        ObjectReport {
            object: ObjectRef::clone(&self.object),
            status,
            counts: progress.counts,
            resumes: progress.resumes,
            restarts: progress.restarts,
        }
    }
}

/// Says of a reading that it panicked, unless it came to its end.
struct PanicGuard<'a>(&'a Reading);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let fault = Fault::permanent("reading it failed by an error in trailwire (a panic): please report this");
            self.0.progress().end = Some(Err(fault));
        }
    }
}

/// Stored bytes that are read in one turn: at worst they inflate to 64 MiB, which
/// takes half a second with the processor that a function of 128 MB has.
const TURN_BYTES: usize = 64 << 10;

/// What reads one object after another.
pub(super) struct Lane<S, P> {
    pub(super) routes: Arc<Routes>,
    pub(super) settings: Settings,
    pub(super) source: Arc<S>,
    pub(super) workshop: Arc<Workshop>,
    pub(super) outlet: Arc<Outlet<P>>,
}

impl<S: Source, P: Publish> Lane<S, P> {
    /// Reads one object, when it is its turn.
    pub(super) async fn read(self, reading: Arc<Reading>) {
        let _guard = PanicGuard(&reading);
        let end = match skip_reason(&reading.object.key) {
            Some(reason) => Ok(Status::Skipped(reason)),
            None => {
                // It is never closed; were it, no order would be kept.
                let _turn = self.workshop.lanes.acquire().await;
                let mut pipeline = self.workshop.pipeline(&self.routes.rules, &self.settings.limits);
                let end = self.passes(&mut pipeline, &reading).await;
                // One that was cancelled or panicked over is dropped instead.
                self.workshop.rest(pipeline);
                end.map(|()| Status::Done)
            }
        };
        reading.progress().end = Some(end);
    }

    /// Reads an object to its end, from the beginning where another took its
    /// place. What was alerted on before is known then and not alerted on again.
    async fn passes(&self, pipeline: &mut Pipeline, reading: &Reading) -> Result<(), Fault> {
        loop {
            match self.pass(pipeline, reading).await {
                Ok(()) => return Ok(()),
                Err(Broken::Fault(fault)) => return Err(fault),
                Err(Broken::Replaced) => {
                    let mut progress = reading.progress();
                    if progress.restarts == MAX_RESTARTS {
                        let reason = format!("another object took its place {} times", MAX_RESTARTS + 1);
                        return Err(Fault::transient(reason + " while it was read (try again)"));
                    }
                    progress.restarts += 1;
                    progress.earlier_matches += progress.counts.matches;
                    progress.counts = Counts::default();
                }
            }
        }
    }

    async fn pass(&self, pipeline: &mut Pipeline, reading: &Reading) -> Result<(), Broken> {
        pipeline.reset();
        let mut body = self.source.open(&reading.object).await?;
        let resumed = reading.progress().resumes;
        loop {
            let chunk = body.chunk().await;
            reading.progress().resumes = resumed + body.resumes();
            let chunk = chunk?;
            let mut rest = chunk.as_deref().unwrap_or_default();
            loop {
                // A pause behind every match, so that one record is held at most.
                let mut matched = None;
                let mut sink = |found: &Match<'_>| {
                    matched = Some(self.take(found, reading));
                    ControlFlow::Break(())
                };
                let step = match chunk {
                    Some(_) => {
                        let (step, taken) = pipeline.feed(&rest[..rest.len().min(TURN_BYTES)], &mut sink);
                        rest = &rest[taken..];
                        step
                    }
                    None => pipeline.finish(&mut sink),
                };
                reading.progress().counts = pipeline.counts();
                if let Some(Matched { record, claims }) = matched {
                    self.issue(record, claims, reading).await;
                }
                match step.map_err(|error| fault(error, &self.routes.rules))? {
                    Step::Paused => {}
                    Step::InputEmpty => {
                        // A body that is always ready must not keep the others waiting, nor the deadline.
                        tokio::task::yield_now().await;
                        if rest.is_empty() {
                            break;
                        }
                    }
                    Step::End => return Ok(()),
                }
            }
        }
    }

    /// Copies a match out of the pipeline.
    fn take(&self, found: &Match<'_>, reading: &Reading) -> Matched {
        // First the claims: whatever happens from here on is accounted for.
        let claims = found.rules.iter().map(|&rule| (rule, reading.tally.claim())).collect();
        let mut reader = self.workshop.reader.lock().unwrap_or_else(|poisoned| {
            // What a panic left of it may be anything.
            let mut reader = poisoned.into_inner();
            *reader = AlertReader::new();
            self.workshop.reader.clear_poison();
            reader
        });
        Matched { record: reader.read(found), claims }
    }

    /// Makes alerts of a match, where there should be any.
    async fn issue(&self, record: MatchedRecord, claims: Vec<(u32, Claim)>, reading: &Reading) {
        let own = self.settings.own_session.as_ref().is_some_and(|session| record.is_own(session));
        let record = Arc::new(record);
        for (rule, claim) in claims {
            if own {
                claim.settle(Fate::Own);
            } else if self.routes.rule(rule).mode == Mode::Observe {
                claim.settle(Fate::Observed);
            } else {
                let draft = Draft { record: Arc::clone(&record), object: Arc::clone(&reading.object), rule };
                self.outlet.issue(draft, claim).await;
            }
        }
    }
}

/// A record that was copied out of the pipeline, and a claim for each rule.
struct Matched {
    record: MatchedRecord,
    claims: Vec<(u32, Claim)>,
}

/// What is wrong with an object's bytes. They do not change when they are read
/// again, so no such fault passes.
fn fault(error: crate::Error, rules: &RuleSet) -> Fault {
    Fault::permanent(rules.describe(error))
}
