//! `trailwire scan`: log files in, matches out.

use super::columns::{self, Columns, TableLayout};
use super::input::s3_uri;
use super::ordered::Part;
use super::stats::Stats;
use super::work::{ReadOptions, Visit};
use super::{Failure, HELP, Patterns, Status};
use crate::RuleSet;
use crate::alert::{AlertReader, Origin};
use crate::pipeline::Match;
use crate::rule::{Format, Pattern, Rule};
use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;
use terminal_size::{Width, terminal_size};

/// Find matching records in log files, on disk or in S3
///
/// Reads gzip and plain files, records one per line, and exports of aws cloudtrail lookup-events. Without -r and -p every
/// record matches. Exits with 0 when something matched, with 1 when nothing did, and with 2 after an error, which
/// outranks a match; after an error in one file the others are still read.
#[derive(clap::Args)]
#[command(help_template = HELP, after_help = "Examples:
  trailwire scan -p '{\"eventName\":[\"ConsoleLogin\"]}' logs/
  trailwire scan -p '{\"errorCode\":[{\"prefix\":\"AccessDenied\"}]}' --since 2d --account 123456789012 logs/
  trailwire scan -r cis -o count logs/ more.json.gz
  trailwire scan -r rules.yaml -o csv --fields time,who,requestParameters.bucketName logs/
  trailwire scan --stats logs/
  zcat logs/*.json.gz | trailwire scan -r rules.yaml -o record -")]
pub(super) struct Options {
    #[command(flatten)]
    patterns: Patterns,
    /// How matches are printed [default: table on a terminal, text elsewhere]
    #[arg(short, long, value_enum, value_name = "FORMAT", conflicts_with = "stats")]
    output: Option<Output>,
    /// The columns of table and csv, with commas between: time, account, region, who, event, error, source_ip, or paths
    /// in the record such as userIdentity.arn
    #[arg(long, value_name = "A,B.C")]
    fields: Option<String>,
    /// Stop after N matches
    #[arg(long, value_name = "N", conflicts_with = "stats")]
    limit: Option<u64>,
    /// Count the matching records by event, principal, error and hour
    #[arg(long)]
    stats: bool,
    #[command(flatten)]
    read: ReadOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns for people
    Table,
    /// Alerts for people
    Text,
    /// Alerts, one JSON object per line
    Json,
    /// Matching records as they are, once each, one per line
    Record,
    /// Matches per rule
    Count,
    /// Columns for spreadsheets
    Csv,
}

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    let rules = if options.patterns.is_empty() {
        vec![Rule::new("every-record", Pattern::any())]
    } else {
        options.patterns.read()?
    };
    let filter = options.read.filter()?;
    let rules = filter.narrow(rules)?;

    let terminal = io::stdout().is_terminal();
    // Columns are asked for where there are some.
    let columned = terminal || options.fields.is_some();
    let output = options.output.unwrap_or(if columned { Output::Table } else { Output::Text });
    if output == Output::Count && options.limit.is_some() {
        return Err(Failure::Usage("--limit does not go with -o count, which counts all".into()));
    }
    if options.fields.is_some() && (options.stats || !matches!(output, Output::Table | Output::Csv)) {
        return Err(Failure::Usage("--fields goes with -o table and -o csv".into()));
    }
    let width = if terminal { terminal_size().map(|(Width(width), _)| usize::from(width)) } else { None };
    let fields = columns::fields(options.fields.as_deref())?;
    let columns = || Box::new(Columns::new(&fields));
    let colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    let layout = columns().layout(width, colours);
    let kind = || match output {
        _ if options.stats => Kind::Stats(Box::default()),
        Output::Text => Kind::Alerts(Box::default(), Format::Text),
        Output::Json => Kind::Alerts(Box::default(), Format::Json),
        Output::Record => Kind::Records,
        Output::Count => Kind::Counts(vec![0; rules.rules().len()]),
        Output::Table => Kind::Table(columns(), layout.clone()),
        Output::Csv => Kind::Csv(columns()),
    };

    let mut head = Vec::new();
    match kind() {
        Kind::Table(columns, layout) => columns.write_table_head(&mut head, &layout),
        Kind::Csv(columns) => columns.write_csv_head(&mut head),
        _ => {}
    }
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout());
    out.write_all(&head)?;
    let printer = || Printer { rules: Arc::clone(&rules), kind: kind() };
    let done = options.read.read(Arc::clone(&rules), &filter, out, options.limit, printer)?;
    done.end(|printers| summarise(&rules, printers, terminal))
}

/// Prints what is printed at the end.
fn summarise(rules: &RuleSet, printers: Vec<Printer>, terminal: bool) -> io::Result<()> {
    let mut counts = vec![0; rules.rules().len()];
    let mut all: Option<Box<Stats>> = None;
    let mut counted = false;
    for printer in printers {
        match printer.kind {
            Kind::Counts(own) => {
                counted = true;
                counts.iter_mut().zip(own).for_each(|(all, own)| *all += own);
            }
            Kind::Stats(own) => match &mut all {
                Some(all) => all.merge(&own),
                None => all = Some(own),
            },
            _ => {}
        }
    }
    let mut out = BufWriter::new(io::stdout());
    if counted {
        for (rule, count) in rules.rules().iter().zip(&counts) {
            writeln!(out, "{count}\t{}", rule.id)?;
        }
    }
    if let Some(stats) = all {
        stats.write(&mut out, terminal)?;
    }
    out.flush()
}

/// Prints what one worker finds.
struct Printer {
    rules: Arc<RuleSet>,
    kind: Kind,
}

/// What is printed, with what that takes.
enum Kind {
    Table(Box<Columns>, TableLayout),
    Csv(Box<Columns>),
    Alerts(Box<AlertReader>, Format),
    Records,
    /// Matches of each rule.
    Counts(Vec<u64>),
    Stats(Box<Stats>),
}

impl Visit for Printer {
    fn matched(&mut self, found: &Match<'_>, input: &str, part: &mut Part<'_>) {
        match &mut self.kind {
            Kind::Table(columns, layout) => part.item(|out| columns.write_table(out, layout, found.record)),
            Kind::Csv(columns) => part.item(|out| columns.write_csv(out, found.record)),
            Kind::Records => part.item(|out| write_line(out, found.record)),
            Kind::Counts(counts) => found.rules.iter().for_each(|&rule| counts[rule as usize] += 1),
            Kind::Stats(stats) => stats.add(found.record),
            Kind::Alerts(reader, format) => {
                // As the function has it, so that alerts have the same ids.
                let (bucket, key) = s3_uri(Path::new(input)).map_or((None, input), |(bucket, key)| (Some(bucket), key));
                let origin = Origin { bucket, key, stored: None };
                let record = reader.read(found);
                for &rule in found.rules {
                    let alert = record.alert(*format, &self.rules.rules()[rule as usize], &origin);
                    part.item(|out| {
                        if *format == Format::Text {
                            out.extend_from_slice(alert.subject.as_bytes());
                            out.extend_from_slice(b"\n\n");
                        }
                        out.extend_from_slice(alert.body.as_bytes());
                        out.push(b'\n');
                    });
                }
            }
        }
    }
}

/// Writes a record as one line: line breaks, which stand between its tokens,
/// become spaces.
fn write_line(out: &mut Vec<u8>, record: &[u8]) {
    let start = out.len();
    out.extend_from_slice(record);
    if has_control(record) {
        out[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
    out.push(b'\n');
}

/// Whether a record has a byte below a space; none has that AWS wrote. A search for line
/// breaks takes twice as long.
fn has_control(record: &[u8]) -> bool {
    let (blocks, rest) = record.as_chunks::<64>();
    // The least of each place in a block, so that no step waits for the one before.
    let mut least = [u8::MAX; 64];
    for block in blocks {
        least.iter_mut().zip(block).for_each(|(least, &byte)| *least = byte.min(*least));
    }
    let least_of = |bytes: &[u8]| bytes.iter().fold(u8::MAX, |least, &byte| least.min(byte));
    least_of(&least).min(least_of(rest)) < b' '
}
