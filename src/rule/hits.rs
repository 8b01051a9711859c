//! Which predicates the values of a record hit, and where.

use super::index::Scratch;
use super::set::{ClauseField, FieldId, PredicateId, RuleSet};
use crate::ErrorKind;
use crate::fields::{FrameId, Leaf};
use crate::limits::MAX_VALUES;
use crate::paths::Slot;

/// What the values read of the current record hit. Kept between records, so that
/// none has to allocate: each time that one is read has a number, its stamp, and a
/// smaller one is from before, so nothing has to be cleared either.
#[derive(Default)]
pub(super) struct Hits {
    /// The current stamp.
    pub(super) now: u32,
    marks: Vec<Mark>,
    /// Predicates hit, each once.
    pub(super) list: Vec<PredicateId>,
    /// Hits inside arrays of objects; in order, once a search needs them so.
    placed: Vec<(PredicateId, FrameId)>,
    in_order: bool,
    /// The values that hit predicates which some element asks for none of. Most
    /// that come several times are here once.
    listed: Vec<Listed>,
    /// What each of them hit, one behind the other.
    listed_hits: Vec<PredicateId>,
    /// The stamp when a field that clauses hang on was last looked at.
    seen: Vec<u32>,
    scratch: Scratch,
}

#[derive(Clone, Copy, Default)]
struct Mark {
    /// The stamp when it was last hit.
    hit: u32,
    /// The stamp when it was last hit outside arrays of objects,
    outside: u32,
    /// and inside.
    inside: u32,
    /// The frame of its last hit.
    frame: FrameId,
    /// The stamp when it was last the only listed one that a value hit, and the
    /// frame of that value.
    alone: u32,
    alone_frame: FrameId,
}

/// A value that hits predicates which are [listed](super::set::Predicate::listed).
struct Listed {
    slot: Slot,
    frame: FrameId,
    /// End of what it hit in [`Hits::listed_hits`].
    end: u32,
}

/// Bytes of scratch space that a hostile record can make grow.
pub(super) const HITS_BYTES: usize =
    MAX_VALUES * (size_of::<(PredicateId, FrameId)>() + size_of::<Listed>() + size_of::<PredicateId>());

impl Hits {
    /// Readies the scratch space for another rule set.
    pub(super) fn reset(&mut self, rules: &RuleSet) {
        self.now = 0;
        self.marks.clear();
        self.marks.resize(rules.predicates.len(), Mark::default());
        self.seen.clear();
        self.seen.resize(rules.fields.len(), 0);
    }

    /// Forgets what was read before.
    pub(super) fn begin(&mut self) {
        self.list.clear();
        self.placed.clear();
        self.listed.clear();
        self.listed_hits.clear();
        self.in_order = false;
        // After four billion times the stamps would repeat.
        if self.now == u32::MAX {
            self.now = 0;
            self.marks.fill(Mark::default());
            self.seen.fill(0);
        }
        self.now += 1;
    }

    /// Adds what one value of the record hits.
    #[inline(always)]
    pub(super) fn add(&mut self, rules: &RuleSet, leaf: Leaf<'_>) -> Result<(), ErrorKind> {
        // Nearly all values; the rest is worth a call.
        if rules.slots[leaf.slot as usize].may_be_hit(leaf.value) { self.look_up(rules, leaf) } else { Ok(()) }
    }

    fn look_up(&mut self, rules: &RuleSet, leaf: Leaf<'_>) -> Result<(), ErrorKind> {
        let slot = &rules.slots[leaf.slot as usize];
        let Self { now, marks, list, placed, listed_hits, scratch, .. } = self;
        let mut marking = Marking { now: *now, marks, list, placed, full: false };
        let first = listed_hits.len();
        slot.index.classify(leaf.value, scratch, |predicate| {
            if rules.predicates[predicate as usize].listed {
                listed_hits.push(predicate);
            }
            marking.mark(predicate, leaf.frame);
        });
        if let Some(unlisted) = slot.unlisted
            && listed_hits.len() == first
        {
            marking.mark(unlisted, leaf.frame);
        }
        let full = marking.full;
        if self.listed_hits.len() > first {
            self.keep_listed(leaf.slot, leaf.frame, first);
        }
        if full || self.listed_hits.len() > MAX_VALUES { Err(ErrorKind::TooManyValues) } else { Ok(()) }
    }

    /// Notes a value by what it hit, from `first` on, unless another did so in
    /// the same place.
    fn keep_listed(&mut self, slot: Slot, frame: FrameId, first: usize) {
        if let [predicate] = self.listed_hits[first..] {
            let mark = &mut self.marks[predicate as usize];
            if (mark.alone, mark.alone_frame) == (self.now, frame) {
                self.listed_hits.truncate(first);
                return;
            }
            (mark.alone, mark.alone_frame) = (self.now, frame);
        }
        self.listed.push(Listed { slot, frame, end: self.listed_hits.len() as u32 });
    }

    /// Whether a predicate was hit that clauses hang on.
    pub(super) fn any_leads(&self, rules: &RuleSet) -> bool {
        self.list.iter().any(|&hit| rules.predicates[hit as usize].leads())
    }

    /// Whether this is the first time that the record leads to `field`.
    pub(super) fn first_look(&mut self, field: FieldId) -> bool {
        std::mem::replace(&mut self.seen[field as usize], self.now) != self.now
    }

    /// Whether any value makes `field` match.
    #[inline(always)]
    pub(super) fn hit(&self, field: &ClauseField) -> bool {
        self.has(field, |mark| mark.hit, |_| true)
    }

    /// Whether a value outside arrays of objects makes `field` match.
    pub(super) fn hit_outside(&self, field: &ClauseField) -> bool {
        self.has(field, |mark| mark.outside, |frame| frame == 0)
    }

    /// Whether a value inside an array of objects makes `field` match, or keeps
    /// it from matching by being absent.
    #[inline(always)]
    pub(super) fn bears_inside(&self, field: &ClauseField) -> bool {
        // Most records have nothing there.
        !self.placed.is_empty() && self.is_inside(field)
    }

    fn is_inside(&self, field: &ClauseField) -> bool {
        self.has(field, |mark| mark.inside, |frame| frame != 0)
            || field.absent.is_some_and(|exists| self.mark(exists).inside == self.now)
    }

    /// Whether there is a value where `exists` asks for one.
    pub(super) fn exists(&self, exists: PredicateId) -> bool {
        self.mark(exists).hit == self.now
    }

    /// Whether there is one outside arrays of objects.
    pub(super) fn exists_outside(&self, exists: PredicateId) -> bool {
        self.mark(exists).outside == self.now
    }

    /// Whether a value makes `field` match, of those whose `stamp` or frame fits.
    #[inline(always)]
    fn has(&self, field: &ClauseField, stamp: impl Fn(&Mark) -> u32, fits: impl Fn(FrameId) -> bool) -> bool {
        let hit = |predicate: PredicateId| stamp(self.mark(predicate)) == self.now;
        field.any.iter().any(|&predicate| hit(predicate))
            || field.unlisted.is_some_and(hit)
            || !field.not.is_empty() && self.none_of(field).any(fits)
    }

    /// The frames of the values that hit something that is listed, but nothing
    /// that `field` does not want.
    fn none_of(&self, field: &ClauseField) -> impl Iterator<Item = FrameId> {
        let listed = if field.not.is_empty() { &[][..] } else { &self.listed };
        let starts = std::iter::once(0).chain(listed.iter().map(|value| value.end));
        listed
            .iter()
            .zip(starts)
            .filter(|&(value, start)| {
                let hits = &self.listed_hits[start as usize..value.end as usize];
                let misses = |not: &[PredicateId]| hits.iter().all(|hit| not.binary_search(hit).is_err());
                value.slot == field.slot && field.not.iter().any(|not| misses(not))
            })
            .map(|(value, _)| value.frame)
    }

    /// Appends the frames inside arrays where a value makes `field` match, in
    /// order, each once.
    pub(super) fn frames(&mut self, field: &ClauseField, frames: &mut Vec<FrameId>) {
        let first = frames.len();
        for &predicate in field.any.iter().chain(&field.unlisted) {
            self.frames_of(predicate, frames);
        }
        frames.extend(self.none_of(field).filter(|&frame| frame != 0));
        // Those of one predicate are in order already.
        if field.any.len() != 1 || field.unlisted.is_some() {
            frames[first..].sort_unstable();
            let mut last = None;
            let mut end = first;
            for at in first..frames.len() {
                if last.replace(frames[at]) != Some(frames[at]) {
                    frames[end] = frames[at];
                    end += 1;
                }
            }
            frames.truncate(end);
        }
    }

    /// Appends the frames inside arrays where `predicate` was hit, in order,
    /// each once.
    pub(super) fn frames_of(&mut self, predicate: PredicateId, frames: &mut Vec<FrameId>) {
        if !std::mem::replace(&mut self.in_order, true) {
            self.placed.sort_unstable();
            self.placed.dedup();
        }
        let first = self.placed.partition_point(|&(other, _)| other < predicate);
        let hits = self.placed[first..].iter().take_while(|&&(other, _)| other == predicate);
        frames.extend(hits.map(|&(_, frame)| frame));
    }

    fn mark(&self, predicate: PredicateId) -> &Mark {
        &self.marks[predicate as usize]
    }
}

/// The parts of [`Hits`] that marking needs, while values are looked up.
struct Marking<'a> {
    now: u32,
    marks: &'a mut [Mark],
    list: &'a mut Vec<PredicateId>,
    placed: &'a mut Vec<(PredicateId, FrameId)>,
    /// Whether there was no room left.
    full: bool,
}

impl Marking<'_> {
    #[inline(always)]
    fn mark(&mut self, predicate: PredicateId, frame: FrameId) {
        let mark = &mut self.marks[predicate as usize];
        if mark.hit != self.now {
            self.list.push(predicate);
        } else if mark.frame == frame {
            return;
        }
        (mark.hit, mark.frame) = (self.now, frame);
        if frame == 0 {
            mark.outside = self.now;
        } else {
            mark.inside = self.now;
            self.full |= self.placed.len() == MAX_VALUES;
            if !self.full {
                self.placed.push((predicate, frame));
            }
        }
    }
}
