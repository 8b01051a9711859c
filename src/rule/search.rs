//! The search for a choice of array elements under which a clause matches.
//!
//! Fields are taken in the order of their paths, and each must match by a value
//! that lies in the elements chosen so far; what it lies in beyond is then
//! chosen too. A field may also match by having no value in them; later fields
//! play no part in that. All choices are tried, but for those that are known to
//! disagree: the frames of a record are numbered from the outside in, so those
//! inside an element follow each other, and the search can step over them.

use super::hits::Hits;
use super::set::{Clause, ClauseField, RuleSet};
use crate::fields::{Frame, FrameId};
use crate::limits::{MAX_MATCH_STEPS, MAX_VALUES};
use std::ops::Range;

/// Scratch space of searches.
#[derive(Default)]
pub(super) struct Search {
    /// For each frame the last one in the same array.
    ends: Vec<FrameId>,
    /// Frames of values, one list behind the other.
    frames: Vec<FrameId>,
    /// What is known of each field of the clause.
    fields: Vec<Options>,
    chosen: Vec<Choice>,
}

/// Bytes of scratch space that a hostile record can make grow: a place for each
/// frame, and the frames of what each field hits, lists as its exception or must
/// not have.
pub(super) const SEARCH_BYTES: usize = 4 * MAX_VALUES * size_of::<FrameId>();

/// By which values a field can match.
struct Options {
    /// By one that lies in no array of objects, and so agrees with everything.
    outside: bool,
    /// By those in these frames, in order.
    inside: Range<usize>,
    /// By none.
    absent: Option<Absent>,
}

/// The values that keep a field from having none.
struct Absent {
    outside: bool,
    inside: Range<usize>,
}

/// An array and the element that was chosen of it.
#[derive(Clone, Copy)]
struct Choice {
    array: u32,
    frame: FrameId,
}

/// The search took more than [`MAX_MATCH_STEPS`].
pub(super) struct TooLong;

impl Search {
    /// Forgets the last record.
    pub(super) fn begin(&mut self) {
        self.ends.clear();
    }

    /// Whether `clause` matches a record with these `frames`.
    pub(super) fn run(
        &mut self,
        rules: &RuleSet,
        clause: &Clause,
        hits: &mut Hits,
        frames: &[Frame],
    ) -> Result<bool, TooLong> {
        self.find_ends(frames);
        self.frames.clear();
        self.fields.clear();
        self.chosen.clear();
        for &field in &clause.fields {
            let options = self.options(&rules.fields[field as usize], hits);
            self.fields.push(options);
        }
        let Self { ends, frames: inside, fields, chosen } = self;
        Walk { frames, ends, inside, fields, last_absent: clause.last_absent, chosen, steps: 0 }.from(0)
    }

    fn options(&mut self, field: &ClauseField, hits: &mut Hits) -> Options {
        let first = self.frames.len();
        hits.frames(field, &mut self.frames);
        let second = self.frames.len();
        let absent = field.absent.map(|exists| {
            hits.frames_of(exists, &mut self.frames);
            Absent { outside: hits.exists_outside(exists), inside: second..self.frames.len() }
        });
        Options { outside: hits.hit_outside(field), inside: first..second, absent }
    }

    /// Finds the end of each array, once a record.
    fn find_ends(&mut self, frames: &[Frame]) {
        if !self.ends.is_empty() {
            return;
        }
        self.ends.extend(0..frames.len() as FrameId);
        // From the last frame on, so that the end of each element is known when
        // it is its turn; what then follows is the next element, if any.
        for frame in (1..frames.len()).rev() {
            let (end, Frame { up, array, .. }) = (self.ends[frame], frames[frame]);
            let around = &mut self.ends[up as usize];
            *around = end.max(*around);
            if frames.get(end as usize + 1).is_some_and(|next| next.array == array) {
                self.ends[frame] = self.ends[end as usize + 1];
            }
        }
    }
}

/// One search.
struct Walk<'a> {
    frames: &'a [Frame],
    ends: &'a [FrameId],
    inside: &'a [FrameId],
    fields: &'a [Options],
    /// As [`Clause::last_absent`].
    last_absent: usize,
    chosen: &'a mut Vec<Choice>,
    steps: u32,
}

/// Whether a frame agrees with what is chosen.
enum Agrees {
    Yes,
    /// No; nor does any before this one.
    NotBefore(FrameId),
}

impl Walk<'_> {
    /// Whether the fields from `number` on can match beside what is chosen. A
    /// clause has at most 256 fields, which bounds the recursion.
    fn from(&mut self, number: usize) -> Result<bool, TooLong> {
        let Some(field) = self.fields.get(number) else { return Ok(true) };
        if field.outside {
            // It agrees with every choice and chooses nothing itself. No other
            // value of this field can do better, unless a choice were to rule
            // out the elements where something to be absent is.
            if self.from(number + 1)? {
                return Ok(true);
            }
            if number >= self.last_absent {
                return Ok(false);
            }
        }
        let (inside, before) = (&self.inside[field.inside.clone()], self.chosen.len());
        let mut at = 0;
        while let Some(&frame) = inside.get(at) {
            at = match self.choose(frame)? {
                Agrees::Yes if self.from(number + 1)? => return Ok(true),
                Agrees::Yes => at + 1,
                Agrees::NotBefore(next) => at + inside[at..].partition_point(|&frame| frame < next),
            };
            self.chosen.truncate(before);
        }
        match &field.absent {
            Some(absent) if !self.exists(absent)? => self.from(number + 1),
            _ => Ok(false),
        }
    }

    /// Whether a value that should be absent agrees with what is chosen.
    fn exists(&mut self, absent: &Absent) -> Result<bool, TooLong> {
        if absent.outside {
            return Ok(true);
        }
        let (inside, before) = (&self.inside[absent.inside.clone()], self.chosen.len());
        let mut at = 0;
        while let Some(&frame) = inside.get(at) {
            let agrees = self.choose(frame)?;
            self.chosen.truncate(before);
            match agrees {
                Agrees::Yes => return Ok(true),
                Agrees::NotBefore(next) => at += inside[at..].partition_point(|&frame| frame < next),
            }
        }
        Ok(false)
    }

    /// Adds the elements around `frame` to the choices, if they agree.
    fn choose(&mut self, frame: FrameId) -> Result<Agrees, TooLong> {
        let mut around = frame;
        while around != 0 {
            self.step()?;
            let Frame { up, array, .. } = self.frames[around as usize];
            match self.chosen.iter().find(|choice| choice.array == array) {
                Some(choice) if choice.frame == around => {}
                // All elements before the chosen one are wrong, or all behind.
                Some(choice) if around < choice.frame => return Ok(Agrees::NotBefore(choice.frame)),
                Some(_) => return Ok(Agrees::NotBefore(self.ends[around as usize] + 1)),
                None => self.chosen.push(Choice { array, frame: around }),
            }
            around = up;
        }
        Ok(Agrees::Yes)
    }

    fn step(&mut self) -> Result<(), TooLong> {
        self.steps += 1;
        if self.steps > MAX_MATCH_STEPS { Err(TooLong) } else { Ok(()) }
    }
}
