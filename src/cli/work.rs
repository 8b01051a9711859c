//! Reads inputs side by side: the loop that `scan` and `preview` share.
//!
//! Workers take inputs one after another, each with a pipeline of its own. With
//! one worker no thread is started.

use super::filter::{Filter, FilterOptions, Times};
use super::folder::CHUNK_BYTES;
use super::input::{Input, InputOptions, Inputs};
use super::ordered::{Ordered, Part};
use super::progress::{Counts, Progress};
use super::{Failure, LimitOptions, Status, complain, counted, lookup};
use crate::pipeline::Match;
use crate::{Error, ErrorKind, Layout, Limits, Pipeline, RuleSet};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufReader, Read, Write};
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

/// What is read, and how, as options.
#[derive(clap::Args)]
pub(super) struct ReadOptions {
    #[command(flatten)]
    filters: FilterOptions,
    #[command(flatten)]
    work: WorkOptions,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    inputs: InputOptions,
}

impl ReadOptions {
    /// What is looked at.
    pub(super) fn filter(&self) -> Result<Filter, Failure> {
        self.filters.filter()
    }

    /// Reads all inputs, and prints `limit` items at most to `out`; `visitor` makes
    /// one for each worker, which are given back.
    pub(super) fn read<V: Visit>(
        &self,
        rules: Arc<RuleSet>,
        filter: &Filter,
        out: impl Write + Send + 'static,
        limit: Option<u64>,
        visitor: impl Fn() -> V + Sync,
    ) -> Result<Done<V>, Failure> {
        let inputs = self.inputs.inputs(filter)?;
        let progress = Progress::new(self.work.quiet, || self.work.total_bytes(&self.inputs, filter));
        let workers = self.work.workers(&self.inputs);
        let output = Ordered::new(progress.around(out), progress.complain(), workers, limit);
        let work =
            Work { rules, limits: self.limits.limits(), filter, output: &output, done: &progress.counts, workers };
        let (totals, visitors) = work.run(inputs, visitor);
        let output = output.finish();
        progress.finish();
        Ok(Done { totals, visitors, output, quiet: self.work.quiet })
    }
}

/// How the work is done.
#[derive(clap::Args)]
struct WorkOptions {
    /// Files that are read side by side [default: one for each processor; 16 from S3]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// No progress and no summary on standard error
    #[arg(short, long)]
    quiet: bool,
}

/// Objects that are read from S3 side by side: most of their time is waiting.
const REMOTE_JOBS: usize = 16;

impl WorkOptions {
    fn workers(&self, inputs: &InputOptions) -> usize {
        match self.jobs {
            Some(jobs) => usize::from(jobs),
            None if inputs.is_remote() => REMOTE_JOBS,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The size of all inputs, where that can be known.
    fn total_bytes(&self, inputs: &InputOptions, filter: &Filter) -> Option<u64> {
        if !inputs.is_local() {
            return None;
        }
        let size = |input| match input {
            Input::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            _ => 0,
        };
        Some(inputs.inputs(filter).ok()?.map(size).sum())
    }
}

/// What came of reading.
pub(super) struct Done<V> {
    totals: Totals,
    visitors: Vec<V>,
    output: io::Result<()>,
    quiet: bool,
}

impl<V> Done<V> {
    /// Prints what is printed at the end, and tells how all of it ended, unless it
    /// is to be quiet.
    pub(super) fn end(self, print: impl FnOnce(Vec<V>) -> io::Result<()>) -> Result<Status, Failure> {
        let Self { totals, visitors, output, quiet } = self;
        match output.and_then(|()| print(visitors)).map_err(Failure::from) {
            // Whoever reads the output may leave early, but what failed has failed.
            Err(failure) if totals.failed == 0 || !failure.is_broken_pipe() => return Err(failure),
            _ if quiet => {}
            _ => {
                complain(&totals);
                if totals.files == 0 && totals.failed == 0 && totals.skipped.is_empty() {
                    complain(&"nothing was read: of folders, .json, .jsonl and .gz files are; check the path");
                }
            }
        }
        Ok(match totals {
            Totals { failed: 1.., .. } => Status::Failed,
            Totals { matches: 0, .. } => Status::Negative,
            _ => Status::Success,
        })
    }
}

/// What all workers have in common.
struct Work<'a> {
    rules: Arc<RuleSet>,
    limits: Limits,
    filter: &'a Filter,
    output: &'a Ordered,
    done: &'a Counts,
    workers: usize,
}

/// What came of it.
#[derive(Default)]
struct Totals {
    files: u64,
    records: u64,
    matches: u64,
    /// Files that failed before enough was printed.
    failed: u64,
    /// Files skipped, by reason.
    skipped: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, records, matches, failed, skipped } = self;
        let files = counted(*files, "file", "files");
        let records = counted(*records, "record", "records");
        write!(f, "{files}, {records}, {}", counted(*matches, "match", "matches"))?;
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
    fn run<V: Visit>(&self, inputs: Inputs, visitor: impl Fn() -> V + Sync) -> (Totals, Vec<V>) {
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
        // A command before that finds nothing gives nothing; and what it gave cannot be read again.
        let is_pipe = matches!(input, Input::Standard);
        let mut read = |attempt| match input.open() {
            Ok(mut stream) => self.read(&name, attempt, &mut stream, part),
            Err(error) => Err(Failed { reason: error.to_string(), is_no_log: false }),
        };
        let mut result = read(if is_pipe { Attempt::Pipe } else { Attempt::First });
        if !is_pipe && result.as_ref().is_err_and(|failed| failed.is_no_log) {
            let again = read(Attempt::Export);
            if !again.as_ref().is_err_and(|failed| failed.is_no_log) {
                result = again;
            }
        }
        self.totals.files += 1;
        self.work.done.files.fetch_add(1, Relaxed);
        if let Err(Failed { reason, .. }) = result {
            part.fail(format!("{name}: {reason}"));
        }
    }

    fn read(&mut self, name: &str, attempt: Attempt, stream: &mut dyn Read, part: &mut Part<'_>) -> Result<(), Failed> {
        let Self { work, visitor, times, reader, totals } = self;
        let (pipeline, chunk) = reader.get_or_insert_with(|| {
            let pipeline = Pipeline::new(Arc::clone(&work.rules), &work.limits, Layout::Lines);
            (pipeline, vec![0; CHUNK_BYTES].into_boxed_slice())
        });
        pipeline.reset();
        let times = times.as_mut();
        let mut reading = Reading { pipeline, visitor, times, name, part, work, matches: 0, before: [0; 4] };
        let result = reading.all(stream, chunk, attempt);
        reading.count();
        totals.matches += reading.matches;
        totals.records += pipeline.counts().records;
        visitor.ended();
        result
    }
}

/// How an input is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// As what comes from another command: nothing at all is no error.
    Pipe,
    First,
    /// As what turned out to be no log file: only if it is an export, gzipped
    /// maybe. To inflate the beginning of every file for that would double the
    /// work on small ones.
    Export,
}

/// Why an input was not read to its end.
struct Failed {
    reason: String,
    /// Whether it is something else than a log file.
    is_no_log: bool,
}

impl From<String> for Failed {
    fn from(reason: String) -> Self {
        Self { reason, is_no_log: false }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        error.to_string().into()
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
    matches: u64,
    /// What was counted as done already: stored bytes, bytes, records, matches.
    before: [u64; 4],
}

impl<V: Visit> Reading<'_, '_, V> {
    fn all(&mut self, stream: &mut dyn Read, chunk: &mut [u8], attempt: Attempt) -> Result<(), Failed> {
        let mut length = read(stream, chunk)?;
        // A pipe may give a few bytes at first, and what it is takes some more to tell.
        while (1..SNIFFED_BYTES).contains(&length) && !chunk[..length].contains(&b'\n') {
            match read(stream, &mut chunk[length..])? {
                0 => break,
                more => length += more,
            }
        }
        if length == 0 && attempt == Attempt::Pipe {
            return Ok(());
        }
        let is_export = match attempt {
            Attempt::Export => lookup::is_export(&lookup::beginning(&chunk[..length])),
            Attempt::First | Attempt::Pipe => lookup::is_export(&chunk[..length]),
        };
        if is_export {
            return self.export((&chunk[..length]).chain(stream));
        }
        if attempt == Attempt::Export {
            // What it holds was read the first time.
            return Err(Failed { reason: "no export of lookup-events".to_owned(), is_no_log: true });
        }
        while length > 0 && !self.work.output.is_stopped() {
            self.feed(&chunk[..length])?;
            self.count();
            length = read(stream, chunk)?;
        }
        self.step(None)
    }

    /// Reads an export of lookup-events.
    fn export(&mut self, stored: impl Read) -> Result<(), Failed> {
        let stored = BufReader::with_capacity(CHUNK_BYTES, stored);
        let export = BufReader::with_capacity(CHUNK_BYTES, lookup::Inflated::new(stored));
        let (mut fed, mut failed) = (false, None);
        // A record as a string, all of it escaped, and as much again of what stands beside it.
        let max_event_bytes = self.work.limits.max_record_bytes.saturating_mul(12);
        let result = lookup::read(export, max_event_bytes, |record| {
            // With a line of its own, so that it cannot run into the next.
            failed = self.feed(record.as_bytes()).and_then(|()| self.feed(b"\n")).err();
            self.count();
            fed = true;
            failed.is_none() && !self.work.output.is_stopped()
        });
        match failed {
            Some(failed) => return Err(failed),
            None => result?,
        }
        // There may have been no event.
        if fed { self.step(None) } else { Ok(()) }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        self.step(Some(bytes))
    }

    /// Gives bytes to the pipeline, or tells it that there are no more.
    fn step(&mut self, bytes: Option<&[u8]>) -> Result<(), Failed> {
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
        let failed =
            |error: Error| Failed { reason: work.rules.describe(error), is_no_log: error.kind == ErrorKind::NoRecords };
        step.map(drop).map_err(failed)
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
