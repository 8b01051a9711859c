//! `trailwire scan`: local files in, matches out.

use super::folder::CHUNK_BYTES;
use super::{Failure, LimitOptions, Patterns, Status, complain};
use crate::alert::{AlertReader, Origin, plain};
use crate::handler::other_folder;
use crate::pipeline::Match;
use crate::rule::{Format, Pattern, Rule};
use crate::{Layout, Pipeline, RuleSet, Step};
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walkdir::WalkDir;

/// Find matching records in local files
///
/// Reads log files (gzip or plain), records one per line, and folders of them.
/// Without -r and -p every record matches. Exits with 0 when something matched,
/// with 1 when nothing did, and with 2 after an error, which outranks a match.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  trailwire scan -p '{\"eventName\":[\"ConsoleLogin\"]}' logs/
  trailwire scan -r tutorial -o count logs/ more.json.gz
  zcat *.json.gz | trailwire scan -r rules.yaml -o record - | jq .eventTime")]
pub(super) struct Options {
    #[command(flatten)]
    patterns: Patterns,
    /// text: for people; json: alerts, one per line; record: each matching
    /// record once, one per line; count: matches per rule
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// No summary on standard error
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    limits: LimitOptions,
    /// Files; folders, of which .json, .jsonl and .gz files are read; - for
    /// standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
    Record,
    Count,
}

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    let rules = if options.patterns.is_empty() {
        Arc::new(RuleSet::new(vec![Rule::new("every-record", Pattern::any())]))
    } else {
        options.patterns.compile(None)?
    };
    let mut scan = Scan {
        pipeline: Pipeline::new(Arc::clone(&rules), &options.limits.limits(), Layout::Lines),
        chunk: vec![0; CHUNK_BYTES].into_boxed_slice(),
        printer: Printer {
            output: options.output,
            reader: AlertReader::new(),
            counts: vec![0; rules.rules().len()],
            rules,
            out: BufWriter::with_capacity(CHUNK_BYTES, io::stdout()),
            failed: None,
        },
        totals: Totals::default(),
    };
    let output = options.paths.iter().try_for_each(|path| scan.path(path)).and_then(|()| Ok(scan.printer.finish()?));
    match output {
        // Whoever reads the output may leave early, but what failed has failed.
        Err(failure) if scan.totals.failed == 0 || !failure.is_broken_pipe() => return Err(failure),
        _ if options.quiet => {}
        _ => complain(&scan.totals),
    }
    Ok(match scan.totals {
        Totals { failed: 1.., .. } => Status::Failed,
        Totals { matches: 0, .. } => Status::Negative,
        _ => Status::Success,
    })
}

struct Scan {
    pipeline: Pipeline,
    chunk: Box<[u8]>,
    printer: Printer,
    totals: Totals,
}

#[derive(Default)]
struct Totals {
    files: u64,
    records: u64,
    matches: u64,
    failed: u64,
    /// Files skipped, by reason.
    skipped: BTreeMap<&'static str, u64>,
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} files, {} records, {} matches", self.files, self.records, self.matches)?;
        for (reason, count) in &self.skipped {
            write!(f, ", {count} skipped ({reason})")?;
        }
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        Ok(())
    }
}

impl Scan {
    /// Scans a file, a folder or standard input.
    fn path(&mut self, path: &Path) -> Result<(), Failure> {
        if path == OsStr::new("-") {
            return self.read("standard input", io::stdin().lock());
        }
        if !path.is_dir() {
            return self.file(path);
        }
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_log(entry.path()) => self.file(entry.path())?,
                Ok(_) => {}
                Err(error) => self.fail(&error.path().unwrap_or(path).to_string_lossy(), &error),
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path.to_string_lossy();
        if let Some(reason) = other_folder(&name) {
            *self.totals.skipped.entry(reason).or_default() += 1;
            return Ok(());
        }
        match File::open(path) {
            Ok(file) => self.read(&name, file),
            Err(error) => {
                self.fail(&name, &error);
                Ok(())
            }
        }
    }

    /// Reads one file to its end. What is wrong with it is said and counted;
    /// only output that cannot be written is an error.
    fn read(&mut self, name: &str, mut file: impl Read) -> Result<(), Failure> {
        let Self { pipeline, chunk, printer, totals } = self;
        pipeline.reset();
        let failure = loop {
            let length = match file.read(chunk) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Some(error.to_string()),
            };
            let mut sink = |found: &Match<'_>| printer.print(found, name);
            let step =
                if length == 0 { pipeline.finish(&mut sink) } else { pipeline.feed(&chunk[..length], &mut sink).0 };
            match step {
                Ok(Step::InputEmpty) => {}
                Ok(Step::End) => break None,
                // The sink only pauses where the output cannot be written.
                Ok(Step::Paused) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        if let Some(error) = printer.failed.take() {
            return Err(Failure::Output(error));
        }
        let counts = pipeline.counts();
        totals.files += 1;
        totals.records += counts.records;
        totals.matches += counts.matches;
        if let Some(reason) = failure {
            self.fail(name, &reason);
        }
        Ok(())
    }

    fn fail(&mut self, name: &str, reason: &dyn std::fmt::Display) {
        self.totals.failed += 1;
        // In the order of the output, also where both go to one terminal.
        let _ = self.printer.out.flush();
        complain(&format_args!("{}: {reason}", plain(name)));
    }
}

/// Whether a folder's file is read.
fn is_log(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| ["json", "jsonl", "gz"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Writes matches to standard output.
struct Printer {
    output: Output,
    rules: Arc<RuleSet>,
    reader: AlertReader,
    /// Matches of each rule.
    counts: Vec<u64>,
    out: BufWriter<io::Stdout>,
    failed: Option<io::Error>,
}

impl Printer {
    /// Prints a match; breaks where that cannot be done.
    fn print(&mut self, found: &Match<'_>, name: &str) -> ControlFlow<()> {
        match self.write(found, name) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn write(&mut self, found: &Match<'_>, name: &str) -> io::Result<()> {
        let format = match self.output {
            Output::Count => {
                found.rules.iter().for_each(|&rule| self.counts[rule as usize] += 1);
                return Ok(());
            }
            Output::Record => return write_line(&mut self.out, found.record),
            Output::Text => Format::Text,
            Output::Json => Format::Json,
        };
        let origin = Origin { bucket: None, key: name, stored: None };
        let record = self.reader.read(found);
        for &rule in found.rules {
            let alert = record.alert(format, &self.rules.rules()[rule as usize], &origin);
            match format {
                Format::Text => writeln!(self.out, "{}\n\n{}", alert.subject, alert.body)?,
                Format::Json | Format::Both => writeln!(self.out, "{}", alert.body)?,
            }
        }
        Ok(())
    }

    /// Writes what is written at the end.
    fn finish(&mut self) -> io::Result<()> {
        if self.output == Output::Count {
            for (rule, count) in self.rules.rules().iter().zip(&self.counts) {
                writeln!(self.out, "{count}\t{}", rule.id)?;
            }
        }
        self.out.flush()
    }
}

/// Writes a record as one line: line breaks, which stand between its tokens,
/// become spaces.
fn write_line(out: &mut impl Write, record: &[u8]) -> io::Result<()> {
    let mut rest = record;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        out.write_all(&rest[..at])?;
        out.write_all(b" ")?;
        rest = &rest[at + 1..];
    }
    out.write_all(rest)?;
    out.write_all(b"\n")
}
