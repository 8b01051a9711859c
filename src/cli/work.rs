//! Reads inputs side by side: the loop that `scan` and `preview` share.
//!
//! Workers take inputs one after another, each with a pipeline of its own. With
//! one worker no thread is started.

use super::filter::{Filter, Times};
use super::folder::CHUNK_BYTES;
use super::input::{Input, Inputs};
use super::lookup;
use super::ordered::{Ordered, Part};
use super::progress::Done;
use crate::alert::plain;
use crate::pipeline::Match;
use crate::{Layout, Limits, Pipeline, RuleSet, Step};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

/// What a worker does with what it reads.
pub(super) trait Visit: Send {
    /// Takes a record that rules match.
    fn matched(&mut self, found: &Match<'_>, input: &str, part: &mut Part<'_>);

    /// Takes the end of an input, which may have failed.
    fn ended(&mut self) {}
}

/// What is looked at to tell what a file is, in bytes.
const SNIFFED_BYTES: usize = 1 << 10;

/// What is read, and how.
pub(super) struct Work<'a> {
    pub(super) rules: Arc<RuleSet>,
    pub(super) limits: Limits,
    pub(super) filter: &'a Filter,
    pub(super) output: &'a Ordered,
    pub(super) done: &'a Done,
    pub(super) workers: usize,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) files: u64,
    pub(super) records: u64,
    pub(super) matches: u64,
    /// Files that failed before enough was printed.
    pub(super) failed: u64,
    /// Files skipped, by reason.
    pub(super) skipped: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, records, matches, failed, skipped } = self;
        write!(f, "{files} files, {records} records, {matches} matches")?;
        for (reason, count) in skipped {
            write!(f, ", {count} skipped ({reason})")?;
        }
        if *failed > 0 {
            write!(f, ", {failed} failed")?;
        }
        Ok(())
    }
}

impl Totals {
    fn merge(&mut self, other: Self) {
        self.files += other.files;
        self.records += other.records;
        self.matches += other.matches;
        for (reason, count) in other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
    }
}

impl Work<'_> {
    /// Reads all inputs; `visitor` makes one for each worker, which are given
    /// back.
    pub(super) fn run<V: Visit>(&self, inputs: Inputs, visitor: impl Fn() -> V + Sync) -> (Totals, Vec<V>) {
        let inputs = Mutex::new(inputs.enumerate());
        let work = || Worker::new(self, visitor()).run(&inputs);
        let all = if self.workers == 1 {
            vec![work()]
        } else {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..self.workers).map(|_| scope.spawn(work)).collect();
                // A panic is a bug, and goes on here.
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                    .collect()
            })
        };
        let mut totals = Totals::default();
        let visitors = all.into_iter().map(|(own, visitor)| {
            totals.merge(own);
            visitor
        });
        let visitors = visitors.collect();
        totals.failed = self.output.failures();
        (totals, visitors)
    }
}

struct Worker<'a, V> {
    work: &'a Work<'a>,
    visitor: V,
    times: Option<Times>,
    /// Made for the first input: there may be none.
    reader: Option<(Pipeline, Box<[u8]>)>,
    totals: Totals,
}

impl<'a, V: Visit> Worker<'a, V> {
    fn new(work: &'a Work<'a>, visitor: V) -> Self {
        Self { work, visitor, times: work.filter.times(), reader: None, totals: Totals::default() }
    }

    fn run(mut self, inputs: &Mutex<std::iter::Enumerate<Inputs>>) -> (Totals, V) {
        while !self.work.output.is_stopped() {
            // One at a time, so that the first of all that are read is always being read.
            let Some((number, input)) = inputs.lock().unwrap_or_else(PoisonError::into_inner).next() else { break };
            let mut part = self.work.output.begin(number);
            match &input {
                Input::Skipped(reason) => *self.totals.skipped.entry(reason).or_default() += 1,
                input => self.input(input, &mut part),
            }
            part.finish();
        }
        (self.totals, self.visitor)
    }

    /// Reads one input to its end. What is wrong with it is said and counted.
    fn input(&mut self, input: &Input, part: &mut Part<'_>) {
        let name = input.name();
        let failure = match input.open() {
            // A command before that finds nothing gives nothing.
            Ok(mut stream) => self.read(&name, matches!(input, Input::Standard), &mut stream, part).err(),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = failure {
            part.fail(format!("{}: {}", plain(&name), plain(&reason)));
        }
    }

    fn read(
        &mut self,
        name: &str,
        may_be_empty: bool,
        stream: &mut dyn Read,
        part: &mut Part<'_>,
    ) -> Result<(), String> {
        let Self { work, visitor, times, reader, totals } = self;
        let (pipeline, chunk) = reader.get_or_insert_with(|| {
            let pipeline = Pipeline::new(Arc::clone(&work.rules), &work.limits, Layout::Lines);
            (pipeline, vec![0; CHUNK_BYTES].into_boxed_slice())
        });
        pipeline.reset();
        let mut reading = Reading {
            pipeline,
            visitor,
            times: times.as_mut(),
            name,
            part,
            work,
            may_be_empty,
            matches: 0,
            before: [0; 4],
        };
        let result = reading.all(stream, chunk);
        reading.count();
        let matches = reading.matches;
        visitor.ended();
        work.done.files.fetch_add(1, Relaxed);
        totals.files += 1;
        totals.records += pipeline.counts().records;
        totals.matches += matches;
        result
    }
}

/// One input on its way through the pipeline.
struct Reading<'r, 'o, V> {
    pipeline: &'r mut Pipeline,
    visitor: &'r mut V,
    times: Option<&'r mut Times>,
    name: &'r str,
    part: &'r mut Part<'o>,
    work: &'r Work<'r>,
    /// Whether it is no error if there is nothing at all.
    may_be_empty: bool,
    matches: u64,
    /// What was counted as done already: stored bytes, bytes, records, matches.
    before: [u64; 4],
}

impl<V: Visit> Reading<'_, '_, V> {
    fn all(&mut self, stream: &mut dyn Read, chunk: &mut [u8]) -> Result<(), String> {
        let mut length = read(stream, chunk).map_err(|error| error.to_string())?;
        // A pipe may give a few bytes at first, and what it is takes some more to tell.
        while (1..SNIFFED_BYTES).contains(&length) && !chunk[..length].contains(&b'\n') {
            match read(stream, &mut chunk[length..]).map_err(|error| error.to_string())? {
                0 => break,
                more => length += more,
            }
        }
        if length == 0 && self.may_be_empty {
            return Ok(());
        }
        if !lookup::is_export(&chunk[..length]) {
            while length > 0 && !self.work.output.is_stopped() {
                self.feed(&chunk[..length])?;
                self.count();
                length = read(stream, chunk).map_err(|error| error.to_string())?;
            }
            return self.step(None);
        }
        let (mut fed, mut failure) = (false, None);
        let whole = BufReader::with_capacity(CHUNK_BYTES, (&chunk[..length]).chain(stream));
        let read = lookup::read(whole, |record| {
            // With a line of its own, so that it cannot run into the next.
            failure = self.feed(record.as_bytes()).and_then(|()| self.feed(b"\n")).err();
            self.count();
            fed = true;
            failure.is_none() && !self.work.output.is_stopped()
        });
        failure.map_or(read, Err)?;
        // There may have been no event.
        if fed { self.step(None) } else { Ok(()) }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.step(Some(bytes))
    }

    /// Gives bytes to the pipeline, or tells it that there are no more.
    fn step(&mut self, bytes: Option<&[u8]>) -> Result<(), String> {
        let Self { pipeline, visitor, times, name, part, work, matches, .. } = self;
        let mut sink = |found: &Match<'_>| {
            if times.as_mut().is_none_or(|times| times.admit(found.record)) {
                *matches += found.rules.len() as u64;
                visitor.matched(found, name, part);
            }
            // Paused only when nothing more is wanted at all.
            if work.output.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let step = match bytes {
            Some(bytes) => pipeline.feed(bytes, &mut sink).0,
            None if work.output.is_stopped() => return Ok(()),
            None => pipeline.finish(&mut sink),
        };
        match step {
            Ok(Step::InputEmpty | Step::End | Step::Paused) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Adds to what is done what came since the last time.
    fn count(&mut self) {
        let counts = self.pipeline.counts();
        let now = [counts.stored_bytes, counts.bytes, counts.records, self.matches];
        let done = self.work.done;
        for (total, (now, before)) in [&done.stored_bytes, &done.bytes, &done.records, &done.matches]
            .into_iter()
            .zip(now.into_iter().zip(self.before))
        {
            total.fetch_add(now - before, Relaxed);
        }
        self.before = now;
        self.part.flush();
    }
}

/// Reads once, whatever interrupts it.
fn read(stream: &mut dyn Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
