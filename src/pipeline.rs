//! Stored bytes in, matches out: the pure core as one object.
//!
//! ```text
//!  stored bytes ─► Inflater ─► Buffer (+ scan) ─► RecordReader ─► Matcher ─► Sink
//!    any chunks    members       one window          spans        rules      pauses
//! ```
//!
//! Inflate fills one window of the buffer, which stays in the L2 cache; scan and all
//! that follows take turns on pieces of it that stay in the L1 cache. What is stored as it
//! is needs no copy: it is read in the caller's chunk, and only a record that goes on in
//! the next one is held. No step waits, allocates per record or knows where the bytes come
//! from.

use crate::buffer::{Buffer, Window};
use crate::fields::Frame;
use crate::inflate::{Inflater, Progress};
use crate::limits::MAX_VALUES;
use crate::records::{Layout, Read, RecordReader};
use crate::rule::{MATCH_BYTES, Matcher, RuleSet};
use crate::scan::{GROUP, Group};
use crate::{Error, ErrorKind, Limits};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A record that at least one rule matches.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The record as it stands in the file, from brace to brace.
    pub record: &'a [u8],
    /// Its number in the object, from 1.
    pub number: u64,
    /// Offset of its brace in the decompressed object.
    pub offset: u64,
    /// The rules, as indices into [`RuleSet::rules`]; sorted, never empty.
    pub rules: &'a [u32],
}

/// Takes matches.
pub trait Sink {
    /// Takes one match. The record is borrowed from the buffer or the caller's chunk:
    /// what is needed later must be copied. `Break` pauses the pipeline behind this match.
    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(&Match<'_>) -> ControlFlow<()>> Sink for F {
    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()> {
        self(found)
    }
}

/// How a call to [`Pipeline::feed`] or [`Pipeline::finish`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Every byte of input was taken; feed more, or finish.
    InputEmpty,
    /// The sink asked for a pause; call again with what is left of the input.
    Paused,
    /// The object was read to its end.
    End,
}

/// What was read of an object so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes taken, as stored.
    pub stored_bytes: u64,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Records found.
    pub records: u64,
    /// Pairs of a record and a rule that it matches.
    pub matches: u64,
}

/// The inflate state: a window of 32 KiB, and the tables.
const INFLATE_BYTES: usize = 56 << 10;

/// Everything that is small: levels of nesting, marks of predicates.
const SMALL_BYTES: usize = 128 << 10;

/// Bytes of plain text that are copied at once, until no record is left that began in the
/// chunk before: about as many as the rest of one has.
const COPIED_BYTES: usize = 2 << 10;

/// Reads one object after another; see the module's picture.
pub struct Pipeline {
    inflater: Inflater,
    buffer: Buffer,
    matching: Matching,
    max_object_bytes: u64,
    /// Decompressed bytes so far.
    bytes: u64,
    /// Why reading ended. What was decompressed before an error is read first,
    /// so that matches before it are not lost.
    failed: Option<Error>,
    finished: bool,
}

/// What reads windows, wherever their bytes lie.
struct Matching {
    reader: RecordReader,
    matcher: Matcher,
    rules: Arc<RuleSet>,
    matches: u64,
}

impl Pipeline {
    /// Allocates all that is needed, for any number of objects.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, limits: &Limits, layout: Layout) -> Self {
        let mut matcher = Matcher::new();
        matcher.reset(&rules);
        Self {
            inflater: Inflater::new(),
            buffer: Buffer::new(limits),
            matching: Matching { reader: RecordReader::new(limits, layout), matcher, rules, matches: 0 },
            max_object_bytes: limits.max_object_bytes,
            bytes: 0,
            failed: None,
            finished: false,
        }
    }

    /// The most that a pipeline with these limits allocates, in bytes, beside
    /// the rules; most of it only on hostile input. By default it is 13.5 MiB,
    /// and 2.1 MiB until a record needs more.
    #[must_use]
    pub const fn max_bytes(limits: &Limits) -> usize {
        // The rolling buffer, with room for rounding, and its masks.
        let buffer = limits.max_record_bytes + limits.window_bytes + 4 * GROUP;
        let masks = buffer / GROUP * size_of::<Group>();
        // One string of a record, unescaped.
        let strings = limits.max_record_bytes;
        // Array elements, and what is hit in them.
        let values = MAX_VALUES * size_of::<Frame>() + MATCH_BYTES;
        // What grows has the old beside the new while it does.
        buffer + masks + INFLATE_BYTES + (strings + values) * 3 / 2 + SMALL_BYTES
    }

    /// The rules that are matched.
    #[must_use]
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.matching.rules
    }

    /// Makes ready for the next object.
    pub fn reset(&mut self) {
        self.inflater.reset();
        self.buffer.reset();
        self.matching.reader.reset();
        self.matching.matches = 0;
        (self.bytes, self.failed, self.finished) = (0, None, false);
    }

    /// What was read of the current object so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            stored_bytes: self.inflater.taken(),
            bytes: self.bytes,
            records: self.matching.reader.records(),
            matches: self.matching.matches,
        }
    }

    /// Takes bytes of `input` and gives matches to `sink`; the number says how
    /// many bytes were taken, also beside an error.
    ///
    /// # Termination
    /// An empty input is no end: that is told by [`finish`](Self::finish).
    ///
    /// # Errors
    /// Whatever [`ErrorKind`] names, after the matches before it were given.
    /// The same error comes again until [`reset`](Self::reset).
    pub fn feed(&mut self, input: &[u8], sink: &mut impl Sink) -> (Result<Step, Error>, usize) {
        let mut taken = 0;
        loop {
            match self.drain(sink) {
                Ok(Step::InputEmpty) => {}
                other => return (other, taken),
            }
            self.buffer.roll(self.matching.reader.keep());
            // What is held must lie in the input too.
            if let Some(start) = taken.checked_sub(self.buffer.held())
                && let passing @ 1.. = self.passing(&input[taken..])
            {
                let (step, n) = self.read_in_place(&input[start..taken + passing], sink);
                taken += n;
                match step {
                    Ok(Step::InputEmpty) => continue,
                    other => return (other, taken),
                }
            }
            let (progress, n, given) = self.fill(&input[taken..]);
            taken += n;
            match progress {
                // With nothing given there is nothing to drain.
                Ok(Progress::InputEmpty) if given == 0 => return (Ok(Step::InputEmpty), taken),
                Ok(_) => {}
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// Says that the object has ended, and gives the last matches to `sink`.
    /// Returns `Paused`, and then has to be called again, or `End`.
    ///
    /// # Errors
    /// As [`feed`](Self::feed); and here is reported what is wrong with the first
    /// record that costs no other, such as one that is too large, or malformed
    /// where a rule looks.
    pub fn finish(&mut self, sink: &mut impl Sink) -> Result<Step, Error> {
        match self.drain(sink)? {
            Step::Paused => return Ok(Step::Paused),
            Step::InputEmpty | Step::End => {}
        }
        let end = self.inflater.finish().and_then(|()| self.matching.reader.finish());
        self.failed = end.err();
        self.finished = true;
        end.map(|()| Step::End)
    }

    /// How many bytes of `input` are not compressed, and may be read where they are.
    fn passing(&self, input: &[u8]) -> usize {
        let left = usize::try_from(self.max_object_bytes - self.bytes).unwrap_or(usize::MAX);
        if self.inflater.passes(input) { input.len().min(left) } else { 0 }
    }

    /// Reads bytes that begin with those held, in their place, and says how many of the
    /// others it took.
    fn read_in_place(&mut self, bytes: &[u8], sink: &mut impl Sink) -> (Result<Step, Error>, usize) {
        let mut taken = 0;
        let mut lent = self.buffer.lend(bytes);
        let step = loop {
            let n = lent.scan();
            if n == 0 {
                break Ok(Step::InputEmpty);
            }
            taken += n;
            self.inflater.pass(n);
            self.bytes += n as u64;
            match self.matching.read(&lent.window(), sink) {
                Ok(Step::InputEmpty) => lent.roll(self.matching.reader.keep()),
                other => break other,
            }
        };
        drop(lent);
        (step.map_err(|error| self.ends_with(error)), taken)
    }

    /// Decompresses as much of `input` as the window has room for, or copies a little.
    fn fill(&mut self, input: &[u8]) -> (Result<Progress, Error>, usize, usize) {
        let spare = self.buffer.spare();
        // One byte more than is allowed, to see whether there is one.
        let left = usize::try_from(self.max_object_bytes.saturating_add(1) - self.bytes).unwrap_or(usize::MAX);
        let room = spare.len().min(left).min(if self.inflater.passes(input) { COPIED_BYTES } else { usize::MAX });
        let (mut progress, taken, mut given) = self.inflater.inflate(input, &mut spare[..room]);
        if self.bytes + given as u64 > self.max_object_bytes {
            given -= 1;
            progress = Err(Error::new(ErrorKind::ObjectTooLarge, self.max_object_bytes));
        }
        self.buffer.arrive(given);
        self.bytes += given as u64;
        (progress, taken, given)
    }

    /// Reads all records in the buffer, and then comes to why reading ended.
    fn drain(&mut self, sink: &mut impl Sink) -> Result<Step, Error> {
        if self.finished {
            return self.failed.map_or(Ok(Step::End), Err);
        }
        loop {
            match self.matching.read(&self.buffer.window(), sink) {
                Ok(Step::InputEmpty) => {}
                Ok(step) => return Ok(step),
                Err(error) => return Err(self.ends_with(error)),
            }
            if self.buffer.scan() == 0 {
                return self.failed.map_or(Ok(Step::InputEmpty), Err);
            }
        }
    }

    /// Reads nothing behind what is wrong.
    fn ends_with(&mut self, error: Error) -> Error {
        (self.failed, self.finished) = (Some(error), true);
        error
    }
}

impl Matching {
    /// Reads all records in the window.
    fn read(&mut self, window: &Window<'_>, sink: &mut impl Sink) -> Result<Step, Error> {
        loop {
            let record = match self.reader.read(window)? {
                Read::Record(record) => record,
                Read::InputEmpty => return Ok(Step::InputEmpty),
            };
            let found = match self.matcher.run(&self.rules, window, record) {
                Ok([]) => continue,
                Ok(rules) => Match {
                    record: &window.bytes[record.start..record.end],
                    number: record.number,
                    offset: record.offset,
                    rules,
                },
                // Where the record ends is known: it costs no other.
                Err(error) => {
                    self.reader.pass_over(error);
                    continue;
                }
            };
            self.matches += found.rules.len() as u64;
            if sink.matched(&found).is_break() {
                return Ok(Step::Paused);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expected;
    use crate::rule::{Pattern, Rule};
    use crate::testing::gzip;

    fn pipeline(pattern: &str) -> Pipeline {
        let rules = vec![Rule::new("any", Pattern::any()), Rule::new("r", Pattern::from_json(pattern).unwrap())];
        let limits = Limits { max_record_bytes: 1 << 10, window_bytes: 64, ..Limits::default() };
        Pipeline::new(Arc::new(RuleSet::new(rules)), &limits, Layout::Files)
    }

    /// A sink that keeps numbers, offsets and rules, and pauses where it is told to.
    fn sink(found: &mut Vec<(u64, u64, Vec<u32>)>, pause: bool) -> impl Sink {
        move |it: &Match<'_>| {
            found.push((it.number, it.offset, it.rules.to_vec()));
            if pause { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    const TEXT: &[u8] = br#"{"Records":[{"a":1},{"a":2},{"a":1}]}"#;

    #[test]
    fn matches_come_with_number_offset_and_rules() {
        let mut pipeline = pipeline(r#"{"a":[1]}"#);
        let mut found = Vec::new();
        assert_eq!(pipeline.feed(TEXT, &mut sink(&mut found, false)), (Ok(Step::InputEmpty), TEXT.len()));
        assert_eq!(pipeline.finish(&mut sink(&mut found, false)), Ok(Step::End));
        assert_eq!(found, [(1, 12, vec![0, 1]), (2, 20, vec![0]), (3, 28, vec![0, 1])]);
        let size = TEXT.len() as u64;
        assert_eq!(pipeline.counts(), Counts { stored_bytes: size, bytes: size, records: 3, matches: 5 });
    }

    #[test]
    fn plain_text_is_read_where_it_is_but_for_records_that_go_on_in_the_next_piece() {
        let (record, count) = (r#"{"a":1,"b":"x\\"}"#, if cfg!(miri) { 100 } else { 500 });
        let text = format!(r#"{{"Records":[{}]}}"#, vec![record; count].join(",")).into_bytes();
        let mut pipeline = pipeline(r#"{"a":[1]}"#);
        for pieces in [1, 2, 5] {
            let size = text.len().div_ceil(pieces);
            pipeline.reset();
            let (mut numbers, mut copied) = (Vec::new(), 0);
            for piece in text.chunks(size) {
                let place = piece.as_ptr_range();
                let mut sink = |it: &Match<'_>| {
                    assert_eq!(it.record, &text[it.offset as usize..][..it.record.len()]);
                    numbers.push(it.number);
                    copied += usize::from(!place.contains(&it.record.as_ptr()));
                    ControlFlow::Continue(())
                };
                assert_eq!(pipeline.feed(piece, &mut sink), (Ok(Step::InputEmpty), piece.len()));
            }
            assert_eq!(pipeline.finish(&mut sink(&mut Vec::new(), false)), Ok(Step::End));
            assert_eq!(numbers, Vec::from_iter(1..=count as u64));
            // Up to a group is held before the record that is not whole, and a window of 64 bytes
            // goes beyond.
            let most = (GROUP + 64) / record.len() + 2;
            assert!(copied <= (pieces - 1) * most, "{copied} of {pieces} pieces");
        }
    }

    #[test]
    fn there_is_room_for_a_key_whatever_the_limits_are() {
        // The key begins at the end of a group, and the second chunk is such that 70 bytes of it are
        // held when nearly a window is left.
        let text = format!(r#"{{{}"{}":1,"Records":[{{"a":1}}]}}"#, " ".repeat(3069), "k".repeat(1_200)).into_bytes();
        let rules = Arc::new(RuleSet::new(vec![Rule::new("any", Pattern::any())]));
        for (max_record_bytes, window_bytes) in [(64, 960), (10, 448), (7, 512), (73, 1), (64, 64)] {
            let limits = Limits { max_record_bytes, window_bytes, ..Limits::default() };
            let mut pipeline = Pipeline::new(rules.clone(), &limits, Layout::Files);
            for cut in (3_000..text.len()).step_by(if cfg!(miri) { 2_000 } else { 1 }) {
                pipeline.reset();
                let mut found = Vec::new();
                for piece in [&text[..2180], &text[2180..cut], &text[cut..]] {
                    let fed = pipeline.feed(piece, &mut sink(&mut found, false));
                    assert_eq!(fed, (Ok(Step::InputEmpty), piece.len()), "{max_record_bytes} {window_bytes} {cut}");
                }
                assert_eq!(pipeline.finish(&mut sink(&mut found, false)), Ok(Step::End));
                assert_eq!(found.len(), 1);
            }
        }
    }

    #[test]
    fn a_pause_loses_nothing_and_repeats_nothing() {
        let mut pipeline = pipeline(r#"{"a":[1]}"#);
        let mut found = Vec::new();
        for object in [TEXT.to_vec(), gzip(TEXT)] {
            pipeline.reset();
            found.clear();
            let (step, taken) = pipeline.feed(&object, &mut sink(&mut found, true));
            assert_eq!((step, found.len()), (Ok(Step::Paused), 1));
            let mut rest = &object[taken..];
            for matches in [2, 3] {
                let (step, taken) = pipeline.feed(rest, &mut sink(&mut found, true));
                rest = &rest[taken..];
                assert_eq!((step, found.len()), (Ok(Step::Paused), matches));
            }
            let (step, taken) = pipeline.feed(rest, &mut sink(&mut found, true));
            assert_eq!((step, taken), (Ok(Step::InputEmpty), rest.len()));
            assert_eq!(pipeline.finish(&mut sink(&mut found, true)), Ok(Step::End));
            assert_eq!(pipeline.finish(&mut sink(&mut found, true)), Ok(Step::End), "the end stays");
            assert_eq!(found.len(), 3);
        }
    }

    #[test]
    fn a_pause_without_more_input_goes_on_in_finish() {
        let mut pipeline = pipeline(r#"{"a":[1]}"#);
        let mut found = Vec::new();
        let (step, taken) = pipeline.feed(TEXT, &mut sink(&mut found, true));
        assert_eq!((step, taken), (Ok(Step::Paused), TEXT.len()));
        assert_eq!(pipeline.finish(&mut sink(&mut found, true)), Ok(Step::Paused));
        assert_eq!(pipeline.finish(&mut sink(&mut found, true)), Ok(Step::Paused));
        assert_eq!(pipeline.finish(&mut sink(&mut found, true)), Ok(Step::End));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn matches_before_an_error_are_given_and_the_error_stays_until_a_reset() {
        let mut pipeline = pipeline(r#"{"a":[1]}"#);
        let truncated = gzip(TEXT);
        let trailing = [&truncated[..], b"x"].concat();
        let objects = [
            (TEXT[..35].to_vec(), Error::new(ErrorKind::Truncated, 35)),
            ([&TEXT[..35], b"}"].concat(), Error::new(ErrorKind::Malformed(Expected::CommaOrClose), 35)),
            (br#"[{"a":1},{"a":2},{"a":1},{"a":x}]"#.to_vec(), Error::new(ErrorKind::Malformed(Expected::Scalar), 30)),
            (trailing, Error::new(ErrorKind::GzipTrailing, truncated.len() as u64)),
            (
                truncated[..truncated.len() - 1].to_vec(),
                Error::new(ErrorKind::GzipTruncated, truncated.len() as u64 - 1),
            ),
        ];
        for (object, error) in &objects {
            pipeline.reset();
            let mut found = Vec::new();
            let (step, _) = pipeline.feed(object, &mut sink(&mut found, false));
            assert!(step == Ok(Step::InputEmpty) || step == Err(*error), "{step:?}");
            assert_eq!(pipeline.finish(&mut sink(&mut found, false)), Err(*error));
            assert_eq!(found.len(), 3, "{error}");
            assert_eq!(pipeline.finish(&mut sink(&mut found, false)), Err(*error));
            assert_eq!(pipeline.feed(b"[{}]", &mut sink(&mut found, false)), (Err(*error), 0));
            assert_eq!(found.len(), 3, "nothing comes after an error");
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_costs_no_other() {
        let mut pipeline = pipeline(r#"{"a":[1]}"#);
        let text = br#"[{"a":1},{"a":x},{"a":1},{"a":},{"b":"x"},7,{"a":1}]"#;
        for object in [text.to_vec(), gzip(text)] {
            pipeline.reset();
            let mut found = Vec::new();
            assert_eq!(pipeline.feed(&object, &mut sink(&mut found, false)), (Ok(Step::InputEmpty), object.len()));
            let end = pipeline.finish(&mut sink(&mut found, false));
            assert_eq!(end, Err(Error::new(ErrorKind::Malformed(Expected::Scalar), 14)), "the first");
            let matched: Vec<_> = found.iter().map(|(number, _, rules)| (*number, rules.len())).collect();
            assert_eq!(matched, [(1, 2), (3, 2), (5, 1), (6, 2)]);
            assert_eq!(pipeline.counts().records, 6);
        }
    }

    #[test]
    fn an_object_that_breaks_off_is_truncated_as_stored_before_as_json() {
        let mut pipeline = pipeline(r#"{"a":[1]}"#);
        let whole = gzip(TEXT);
        for end in (1..whole.len()).step_by(if cfg!(miri) { 31 } else { 1 }) {
            pipeline.reset();
            assert_eq!(pipeline.feed(&whole[..end], &mut sink(&mut Vec::new(), false)), (Ok(Step::InputEmpty), end));
            let error = pipeline.finish(&mut sink(&mut Vec::new(), false));
            assert_eq!(error, Err(Error::new(ErrorKind::GzipTruncated, end as u64)));
        }
    }

    #[test]
    fn an_object_knows_nothing_of_the_one_before() {
        let mut used = pipeline(r#"{"a":[1]}"#);
        for first in [&gzip(TEXT)[..40], &TEXT[..16], b"[{\"a\":\"\\", b"\x1f", b"x", &gzip(TEXT)] {
            used.reset();
            let mut found = Vec::new();
            // How this one ends does not matter.
            if used.feed(first, &mut sink(&mut found, false)).0.is_ok() {
                let _ = used.finish(&mut sink(&mut found, false));
            }
            used.reset();
            assert_eq!(used.counts(), Counts::default());
            for second in [TEXT.to_vec(), gzip(TEXT)] {
                used.reset();
                found.clear();
                assert_eq!(used.feed(&second, &mut sink(&mut found, false)).0, Ok(Step::InputEmpty));
                assert_eq!(used.finish(&mut sink(&mut found, false)), Ok(Step::End));
                assert_eq!((found.len(), found[2].1), (3, 28));
            }
        }
    }
}
