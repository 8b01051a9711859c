//! What became of each match, per object and per invocation.
//!
//! A match becomes a [`Claim`] the moment it is found, and a claim ends in
//! exactly one [`Fate`]. One that is dropped without, because its alert was
//! lost, its task cancelled or some code panicked, has failed: so the fates add
//! up to the matches on every path, and an object with a lost alert is never
//! done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// What can become of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its whole alert was accepted.
    Published,
    /// Its alert was accepted without the largest parts of the record.
    Pruned,
    /// Its alert was accepted without the record.
    Pointer,
    /// The summary it is counted in was accepted.
    Summarised,
    /// Its rule is on trial.
    Observed,
    /// The alert of the same record and rule, from elsewhere, was accepted.
    Duplicate,
    /// The function's own call: nothing to alert on.
    Own,
    /// Nothing of this: its object is not done.
    Failed,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Published,
        Self::Pruned,
        Self::Pointer,
        Self::Summarised,
        Self::Observed,
        Self::Duplicate,
        Self::Own,
        Self::Failed,
    ];
}

/// The sums of one invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pairs of a record and a rule that it matches.
    pub matches: u64,
    fates: [u64; Fate::ALL.len()],
    /// `PublishBatch` calls.
    pub publish_calls: u64,
    /// Alerts that were sent again.
    pub retries: u64,
}

impl Totals {
    /// How many matches came to this end.
    #[must_use]
    pub const fn fate(&self, fate: Fate) -> u64 {
        self.fates[fate as usize]
    }

    /// Whether every match came to one end.
    #[must_use]
    pub fn add_up(&self) -> bool {
        self.matches == self.fates.iter().sum::<u64>()
    }
}

/// Counts what happens in one invocation.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    matches: AtomicU64,
    fates: [AtomicU64; Fate::ALL.len()],
    pub(super) publish_calls: AtomicU64,
    pub(super) retries: AtomicU64,
}

impl Ledger {
    pub(super) fn totals(&self) -> Totals {
        Totals {
            matches: self.matches.load(Ordering::Acquire),
            fates: std::array::from_fn(|fate| self.fates[fate].load(Ordering::Acquire)),
            publish_calls: self.publish_calls.load(Ordering::Acquire),
            retries: self.retries.load(Ordering::Acquire),
        }
    }
}

/// Counts the matches of one object: those that were found, and those that came
/// to a good end.
#[derive(Debug)]
pub(super) struct Tally {
    ledger: Arc<Ledger>,
    issued: AtomicU64,
    settled: AtomicU64,
    first_failure: OnceLock<String>,
}

impl Tally {
    pub(super) fn new(ledger: &Arc<Ledger>) -> Arc<Self> {
        Arc::new(Self {
            ledger: Arc::clone(ledger),
            issued: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            first_failure: OnceLock::new(),
        })
    }

    /// A claim for one match.
    pub(super) fn claim(self: &Arc<Self>) -> Claim {
        self.issued.fetch_add(1, Ordering::AcqRel);
        self.ledger.matches.fetch_add(1, Ordering::AcqRel);
        Claim { tally: Arc::clone(self), matches: 1 }
    }

    /// Matches that were found.
    pub(super) fn issued(&self) -> u64 {
        self.issued.load(Ordering::Acquire)
    }

    /// Why not every match came to a good end, if that is so.
    pub(super) fn failure(&self) -> Option<String> {
        let issued = self.issued();
        let lost = issued - self.settled.load(Ordering::Acquire);
        let reason = self.first_failure.get().map_or("no answer (try again)", String::as_str);
        (lost > 0).then(|| format!("{lost} of {issued} alerts were not accepted: {reason}"))
    }
}

/// The right of one object's matches to come to an end that is counted.
#[derive(Debug)]
pub(super) struct Claim {
    tally: Arc<Tally>,
    /// None once they have.
    matches: u64,
}

impl Claim {
    /// Ends it well.
    pub(super) fn settle(mut self, fate: Fate) {
        self.tally.settled.fetch_add(self.matches, Ordering::AcqRel);
        self.end(fate);
    }

    /// Ends it badly.
    pub(super) fn fail(mut self, reason: &str) {
        // Only the first is told; that there were more, the count says.
        let _ = self.tally.first_failure.set(reason.to_owned());
        self.end(Fate::Failed);
    }

    /// Takes another claim of the same object in, or gives it back.
    pub(super) fn join(&mut self, mut other: Self) -> Option<Self> {
        if !Arc::ptr_eq(&self.tally, &other.tally) {
            return Some(other);
        }
        self.matches += std::mem::take(&mut other.matches);
        None
    }

    fn end(&mut self, fate: Fate) {
        let matches = std::mem::take(&mut self.matches);
        self.tally.ledger.fates[fate as usize].fetch_add(matches, Ordering::AcqRel);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.end(Fate::Failed);
    }
}

/// Claims that end together, one for each object at most.
#[derive(Debug, Default)]
pub(super) struct Claims(Vec<Claim>);

impl Claims {
    pub(super) fn add(&mut self, claim: Claim) {
        let claim = self.join(claim);
        self.0.extend(claim);
    }

    /// Takes in a claim of an object that has one, or gives it back.
    pub(super) fn join(&mut self, claim: Claim) -> Option<Claim> {
        self.0.iter_mut().try_fold(claim, |claim, known| known.join(claim).ok_or(())).ok()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn settle(self, fate: Fate) {
        self.0.into_iter().for_each(|claim| claim.settle(fate));
    }

    pub(super) fn fail(self, reason: &str) {
        self.0.into_iter().for_each(|claim| claim.fail(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_comes_to_one_end() {
        let ledger = Arc::new(Ledger::default());
        let (one, two) = (Tally::new(&ledger), Tally::new(&ledger));
        for fate in Fate::ALL.into_iter().filter(|&fate| fate != Fate::Failed) {
            one.claim().settle(fate);
        }
        assert_eq!(one.failure(), None);
        two.claim().settle(Fate::Published);
        two.claim().fail("refused");
        drop(two.claim());
        assert_eq!(two.failure().unwrap(), "2 of 3 alerts were not accepted: refused");
        assert_eq!(one.failure(), None);
        let totals = ledger.totals();
        assert_eq!((totals.matches, totals.fate(Fate::Published), totals.fate(Fate::Failed)), (10, 2, 2));
        assert!(totals.add_up() && !Totals { matches: 1, ..Totals::default() }.add_up());
    }

    #[test]
    fn a_claim_that_is_open_is_a_failure_already() {
        let tally = Tally::new(&Arc::default());
        let claim = tally.claim();
        assert!(tally.failure().unwrap().contains("1 of 1 alerts were not accepted: no answer"));
        claim.settle(Fate::Own);
        assert_eq!(tally.failure(), None);
    }

    #[test]
    fn claims_of_one_object_end_as_one() {
        let ledger = Arc::new(Ledger::default());
        let (one, two) = (Tally::new(&ledger), Tally::new(&ledger));
        let mut claims = Claims::default();
        (0..1_000).for_each(|n| claims.add(if n % 4 == 0 { one.claim() } else { two.claim() }));
        assert_eq!(claims.0.len(), 2);
        claims.settle(Fate::Duplicate);
        assert_eq!((ledger.totals().fate(Fate::Duplicate), one.failure(), two.failure()), (1_000, None, None));
        assert!(ledger.totals().add_up());
    }

    #[test]
    fn a_panic_is_a_failure() {
        let ledger = Arc::new(Ledger::default());
        let tally = Tally::new(&ledger);
        let claim = tally.claim();
        let _ = std::thread::spawn(move || {
            let _claim = claim;
            panic!("on purpose");
        })
        .join();
        assert!(tally.failure().is_some() && ledger.totals().add_up());
    }
}
