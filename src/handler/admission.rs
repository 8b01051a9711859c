//! Which matches are published one by one.
//!
//! A match whose alert is known in this invocation shares that alert's end, and
//! one of too many is counted in its rule's summary; all others are published.

use super::ledger::{Claim, Claims, Fate};
use crate::alert::{AlertId, MatchedRecord, Origin, Summary};
use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher as _;

/// Principals counted by themselves; all further ones of a rule count as one.
pub const MAX_PRINCIPALS: usize = 4_096;

/// See [`Admission::waiting`].
pub(super) const WAITING_SHARE: usize = 4;

/// The alerts of one invocation, as far as they are remembered.
#[derive(Debug)]
pub(super) struct Admission {
    /// How many alerts are remembered; beyond, a repeated one passes.
    max_known: usize,
    known: HashMap<AlertId, Known>,
    /// Claims that wait for the end of an alert which they repeat; as many as one
    /// in [`WAITING_SHARE`] of those that are remembered, and beyond they pass too.
    waiting: usize,
    /// Alerts by rule and principal; a principal's name can be as long as a
    /// record, so it is its hash that is kept.
    sent: HashMap<(u32, u64), u32>,
    hasher: RandomState,
    /// What was held back, by rule.
    held: BTreeMap<u32, Held>,
}

/// An alert that was admitted.
#[derive(Debug)]
enum Known {
    /// It has no outcome yet, and these share it.
    Waiting(Claims),
    Sent,
    Failed,
}

/// Matches that one summary is for.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) summary: Summary,
    pub(super) claims: Claims,
    /// What they are known by.
    pub(super) ids: Vec<AlertId>,
}

/// A match of one rule, on its way to becoming an alert.
pub(super) struct Found<'a> {
    pub(super) record: &'a MatchedRecord,
    pub(super) rule: u32,
    pub(super) id: AlertId,
    pub(super) origin: Origin<'a>,
}

impl Admission {
    pub(super) fn new(max_known: usize) -> Self {
        Self {
            max_known,
            known: HashMap::new(),
            waiting: 0,
            sent: HashMap::new(),
            hasher: RandomState::new(),
            held: BTreeMap::new(),
        }
    }

    /// Gives the claim back if the match is to be published, with what its alert
    /// is known by; `cap` is how many alerts of one principal are.
    pub(super) fn admit(
        &mut self,
        found: &Found<'_>,
        cap: Option<u32>,
        mut claim: Claim,
    ) -> Option<(Claim, Option<AlertId>)> {
        let key = found.record.sameness(found.id);
        let full = self.known.len() >= self.max_known;
        let known = match self.known.entry(key) {
            Entry::Occupied(mut known) => match known.get_mut() {
                Known::Waiting(claims) => {
                    claim = claims.join(claim)?;
                    if self.waiting < self.max_known.div_ceil(WAITING_SHARE) {
                        self.waiting += 1;
                        claims.add(claim);
                        return None;
                    }
                    None
                }
                Known::Sent => {
                    claim.settle(Fate::Duplicate);
                    return None;
                }
                Known::Failed => {
                    claim.fail("the alert that this one repeats was not accepted");
                    return None;
                }
            },
            Entry::Vacant(_) if full => None,
            Entry::Vacant(place) => {
                place.insert(Known::Waiting(Claims::default()));
                Some(key)
            }
        };
        if cap.is_some_and(|cap| !self.has_room(found.rule, found.record.principal(), cap)) {
            let held = self.held.entry(found.rule).or_default();
            held.summary.add(found.record, found.id, &found.origin);
            held.claims.add(claim);
            held.ids.extend(known);
            return None;
        }
        Some((claim, known))
    }

    /// Counts an alert of a rule and principal, if that is allowed one more.
    fn has_room(&mut self, rule: u32, principal: &str, cap: u32) -> bool {
        let mut key = (rule, self.hasher.hash_one(principal));
        if self.sent.len() >= MAX_PRINCIPALS && !self.sent.contains_key(&key) {
            key.1 = 0;
        }
        let sent = self.sent.entry(key).or_default();
        let room = *sent < cap;
        *sent += u32::from(room);
        room
    }

    /// What was held back since this was asked last, by rule.
    pub(super) fn held(&mut self) -> BTreeMap<u32, Held> {
        std::mem::take(&mut self.held)
    }

    /// Says how the alert ended that is known by these.
    pub(super) fn ended(&mut self, ids: &[AlertId], outcome: Result<(), &str>) {
        for id in ids {
            let end = if outcome.is_ok() { Known::Sent } else { Known::Failed };
            if let Some(Known::Waiting(claims)) = self.known.insert(*id, end) {
                self.waiting -= claims.len();
                match outcome {
                    Ok(()) => claims.settle(Fate::Duplicate),
                    Err(reason) => claims.fail(reason),
                }
            }
        }
    }

    /// Forgets everything: what waits has failed.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_known);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::{Ledger, Tally};
    use super::*;
    use crate::alert::AlertReader;
    use crate::pipeline::Match;
    use crate::rule::{Pattern, Rule};
    use std::sync::Arc;

    struct Fixture {
        admission: Admission,
        ledger: Arc<Ledger>,
        reader: AlertReader,
    }

    impl Fixture {
        fn new(max_known: usize) -> Self {
            Self { admission: Admission::new(max_known), ledger: Arc::default(), reader: AlertReader::new() }
        }

        fn admit(&mut self, tally: &Arc<Tally>, event: &str, who: &str, cap: Option<u32>) -> Option<AlertId> {
            let record = format!(r#"{{"eventID":"{event}","userIdentity":{{"arn":"{who}"}}}}"#);
            let found = Match { record: record.as_bytes(), number: 1, offset: 0, rules: &[0] };
            let record = self.reader.read(&found);
            let origin = Origin { bucket: Some("b"), key: "k", stored: None };
            let id = record.id(&Rule::new("r", Pattern::any()), &origin);
            let found = Found { record: &record, rule: 0, id, origin };
            let (claim, known) = self.admission.admit(&found, cap, tally.claim())?;
            // As if its alert were accepted.
            claim.settle(Fate::Published);
            Some(known.unwrap_or_default())
        }

        fn fates(&self) -> [u64; 4] {
            [Fate::Published, Fate::Duplicate, Fate::Summarised, Fate::Failed]
                .map(|fate| self.ledger.totals().fate(fate))
        }
    }

    #[test]
    fn a_repeated_alert_shares_the_end_of_the_first() {
        for outcome in [Ok(()), Err("refused")] {
            let mut fixture = Fixture::new(10);
            let [one, two, three] = [(); 3].map(|()| Tally::new(&fixture.ledger));
            let id = fixture.admit(&one, "e", "w", None).unwrap();
            assert_eq!(fixture.admit(&two, "e", "w", None), None);
            assert!(two.failure().is_some(), "nothing is known yet");
            fixture.admission.ended(&[id], outcome);
            assert_eq!(fixture.admit(&three, "e", "w", None), None);
            assert_eq!([&two, &three].map(|tally| tally.failure().is_some()), [outcome.is_err(); 2]);
            assert_eq!(fixture.fates(), if outcome.is_ok() { [1, 2, 0, 0] } else { [1, 0, 0, 2] });
        }
    }

    #[test]
    fn beyond_what_is_remembered_duplicates_pass() {
        let mut fixture = Fixture::new(1);
        let tally = Tally::new(&fixture.ledger);
        for event in ["a", "b", "b", "a"] {
            fixture.admit(&tally, event, "w", None);
        }
        assert_eq!((fixture.fates(), fixture.admission.known.len()), ([3, 0, 0, 0], 1));
        fixture.admission.clear();
        assert_eq!(fixture.fates(), [3, 0, 0, 1], "what waited for the first has failed");
    }

    #[test]
    fn beyond_so_many_that_wait_duplicates_pass() {
        let mut fixture = Fixture::new(2 * WAITING_SHARE);
        let objects: Vec<_> = (0..5).map(|_| Tally::new(&fixture.ledger)).collect();
        let ids: Vec<_> = objects.iter().map(|object| fixture.admit(object, "e", "w", None)).collect();
        let passed: Vec<_> = ids.iter().map(Option::is_some).collect();
        assert_eq!(passed, [true, false, false, true, true], "two wait for the first");
        // One more of an object that waits takes no room.
        assert_eq!(fixture.admit(&objects[1], "e", "w", None), None);
        fixture.admission.ended(&[ids[0].unwrap()], Ok(()));
        assert_eq!((fixture.fates(), fixture.admission.waiting), ([3, 3, 0, 0], 0));
    }

    #[test]
    fn each_principal_has_its_own_storm() {
        let mut fixture = Fixture::new(100);
        let tally = Tally::new(&fixture.ledger);
        for n in 0..10 {
            fixture.admit(&tally, &format!("a{n}"), "alice", Some(2));
            fixture.admit(&tally, &format!("a{n}"), "alice", Some(2));
        }
        fixture.admit(&tally, "b", "bob", Some(2));
        assert_eq!(fixture.fates(), [3, 0, 0, 0], "2 of alice and 1 of bob");
        let held = fixture.admission.held().remove(&0).unwrap();
        assert_eq!(held.ids.len(), 8);
        held.claims.settle(Fate::Summarised);
        fixture.admission.ended(&held.ids, Ok(()));
        assert_eq!(fixture.fates(), [3, 8, 8, 0], "a repeated one shares the end of the summary");
        assert!(fixture.admission.held().is_empty());
    }

    #[test]
    fn strangers_share_one_storm_where_there_are_too_many() {
        let mut fixture = Fixture::new(100_000);
        let tally = Tally::new(&fixture.ledger);
        for n in 0..MAX_PRINCIPALS + 10 {
            fixture.admit(&tally, &format!("e{n}"), &format!("w{n}"), Some(3));
        }
        assert_eq!(fixture.fates()[0], MAX_PRINCIPALS as u64 + 3);
        assert!(fixture.admission.sent.len() <= MAX_PRINCIPALS + 1);
    }
}
