//! The command line: options in, exit status out.
//!
//! Here are the options and what the commands share; each command has its file.
//! Output goes to standard output, everything about the run to standard error.

mod check;
mod columns;
mod completions;
mod explain;
mod filter;
mod folder;
mod input;
mod invoke;
mod lookup;
mod ordered;
mod preview;
mod progress;
mod rules;
#[cfg(feature = "aws")]
mod s3;
mod scan;
mod stats;
mod test_pattern;
mod work;

use crate::alert::plain;
use crate::rule::{self, Format, PACKS, Rule, RuleFile, RuleSource};
use crate::scan::Level;
use crate::{Limits, RuleSet};
use clap::{Args, Parser, Subcommand};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

/// Finds the CloudTrail records that match your rules.
#[derive(Parser)]
#[command(name = "trailwire", version, max_term_width = 100, help_template = HELP, after_help = "Examples:
  trailwire scan -p '{\"eventName\":[\"ConsoleLogin\"]}' --since 7d logs/
  trailwire scan --stats logs/
  trailwire check rules.yaml
  trailwire preview -r rules.yaml logs/")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Scan(Box<scan::Options>),
    Preview(Box<preview::Options>),
    Check(check::Options),
    TestPattern(test_pattern::Options),
    Explain(explain::Options),
    Invoke(invoke::Options),
    Rules(rules::Options),
    Completions(completions::Options),
}

/// Help with the examples first: they are what most people look for.
const HELP: &str = "{about-with-newline}\n{after-help}\n\n{usage-heading} {usage}\n\n{all-args}";

/// What can be matched.
#[derive(Args)]
struct Patterns {
    /// Rules: a YAML or JSON file, or the name of a ready-made pack
    #[arg(short, long, value_name = "RULES")]
    rules: Vec<String>,
    /// An event pattern as JSON; becomes the rule pattern-1, pattern-2, ...
    #[arg(short, long = "pattern", value_name = "PATTERN")]
    patterns: Vec<String>,
}

/// The limits that bound memory and time.
#[derive(Args)]
#[command(next_help_heading = "Limits")]
struct LimitOptions {
    /// Largest record, in bytes; a larger one fails its object
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_record_bytes as u64,
          value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    max_record_bytes: u64,
    /// Largest object, in decompressed bytes
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_object_bytes,
          value_parser = clap::value_parser!(u64).range(1..))]
    max_object_bytes: u64,
}

impl LimitOptions {
    fn limits(&self) -> Limits {
        Limits {
            max_record_bytes: self.max_record_bytes as usize,
            max_object_bytes: self.max_object_bytes,
            ..Limits::default()
        }
    }
}

/// How a run ended, worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    /// Something matched, or all is well.
    Success,
    /// Nothing matched, or something is to be looked at.
    Negative,
    /// There was an error.
    Failed,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Success => Self::SUCCESS,
            Status::Negative => Self::from(1),
            Status::Failed => Self::from(2),
        }
    }
}

/// Runs the program on the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    if let Some(most) = std::env::var("TRAILWIRE_SIMD").ok().filter(|name| !name.is_empty()) {
        let Some(most) = Level::named(&most) else {
            complain(&format_args!("TRAILWIRE_SIMD: must be one of {}", Level::ALL.map(Level::name).join(", ")));
            return Status::Failed.into();
        };
        crate::scan::limit(most);
    }
    let result = match Options::parse().command {
        Command::Scan(options) => scan::run(&options),
        Command::Preview(options) => preview::run(&options),
        Command::Check(options) => check::run(&options),
        Command::TestPattern(options) => test_pattern::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Invoke(options) => invoke::run(&options),
        Command::Rules(options) => rules::run(&options),
        Command::Completions(options) => completions::run(&options),
    };
    match result {
        Ok(status) => status.into(),
        // Whoever read the output has seen enough.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            complain(&format_args!("cannot write the output: {error}"));
            Status::Failed.into()
        }
        Err(Failure::Usage(reason)) => {
            complain(&reason);
            Status::Failed.into()
        }
    }
}

/// Why a command could not run to its end.
enum Failure {
    /// What was asked for cannot be done.
    Usage(String),
    /// The output cannot be written.
    Output(io::Error),
}

impl Failure {
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes a line to standard error.
fn complain(what: &dyn Display) {
    // It may quote anything: names, keys, patterns. If it cannot be written there is nobody left to tell.
    let _ = writeln!(io::stderr(), "trailwire: {}", plain(&what.to_string()));
}

impl Patterns {
    fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.patterns.is_empty()
    }

    /// The patterns by the ids of their rules; `known` are the others.
    fn numbered(&self, known: &HashSet<String>) -> Result<Vec<(String, &str)>, Failure> {
        let numbered = (1..).zip(&self.patterns).map(|(number, pattern)| (format!("pattern-{number}"), &pattern[..]));
        let numbered: Vec<_> = numbered.collect();
        match numbered.iter().find(|(id, _)| known.contains(id)) {
            Some((id, _)) => Err(Failure::Usage(format!("{id} is the id of a rule already"))),
            None => Ok(numbered),
        }
    }

    /// Reads everything that was asked for, with what only a look at the rules
    /// needs.
    fn sources(&self) -> Result<Vec<RuleSource>, Failure> {
        let mut sources = read_sources(&self.rules)?;
        let known = sources.iter().map(|source| source.rule.id.clone()).collect();
        for (id, pattern) in self.numbered(&known)? {
            let source = RuleSource::from_pattern(&id, pattern);
            sources.push(source.map_err(|error| Failure::Usage(format!("{id}: {error}")))?);
        }
        Ok(sources)
    }

    /// Reads everything that was asked for.
    fn read(&self) -> Result<Vec<Rule>, Failure> {
        let mut rules = rule::load(&read_files(&self.rules)?).map_err(|error| Failure::Usage(error.to_string()))?;
        let known = rules.iter().map(|rule| rule.id.clone()).collect();
        for (id, pattern) in self.numbered(&known)? {
            let rule = Rule::from_pattern(&id, pattern);
            rules.push(rule.map_err(|error| Failure::Usage(format!("{id}: {error}")))?);
        }
        Ok(rules)
    }

    /// Compiles everything that was asked for; `format` overrules what the
    /// rules say.
    fn compile(&self, format: Option<Format>) -> Result<Arc<RuleSet>, Failure> {
        let mut rules = self.read()?;
        for rule in &mut rules {
            rule.format = format.or(rule.format);
        }
        Ok(Arc::new(RuleSet::new(rules)))
    }
}

/// A number of things, in words.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Reads rule files and packs as rules with their tests.
fn read_sources(names: &[String]) -> Result<Vec<RuleSource>, Failure> {
    rule::load_sources(&read_files(names)?).map_err(|error| Failure::Usage(error.to_string()))
}

fn read_files(names: &[String]) -> Result<Vec<RuleFile>, Failure> {
    names.iter().map(|name| read_rules(name)).collect()
}

/// Reads a rule file, or takes the pack of that name.
fn read_rules(name: &str) -> Result<RuleFile, Failure> {
    let text = match std::fs::read_to_string(name) {
        Ok(text) => text,
        Err(error) => match PACKS.iter().find(|pack| pack.name == name) {
            Some(pack) if error.kind() == io::ErrorKind::NotFound => pack.text.to_owned(),
            _ => {
                let packs = PACKS.iter().map(|pack| pack.name).collect::<Vec<_>>().join(", ");
                let hint = format!("{name}: {error}; ready-made packs are: {packs}");
                return Err(Failure::Usage(hint));
            }
        },
    };
    Ok(RuleFile { name: name.to_owned(), text })
}

/// The text that an argument is, or that of the file it names as `file://PATH`,
/// which is how the AWS CLI reads its arguments.
fn text_or_file(argument: &str) -> Result<Cow<'_, str>, Failure> {
    match argument.strip_prefix("file://") {
        None => Ok(Cow::Borrowed(argument)),
        Some(path) => {
            std::fs::read_to_string(path).map(Cow::Owned).map_err(|error| Failure::Usage(format!("{path}: {error}")))
        }
    }
}
