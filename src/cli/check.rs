//! `trailwire check`: what is wrong with rules before they run.

use super::{Failure, HELP, Status, complain, counted, read_sources};
use crate::RuleSet;
use crate::alert::plain;
use crate::rule::explain::{Explanation, Part};
use crate::rule::lint::{Level, lint};
use crate::rule::overlap::overlaps;
use crate::rule::{FoundBy, Place, RuleSource, RuleTest};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

/// Check rules: what can never match, what overlaps, and the tests in their files
///
/// Prints what it finds as file:line:column, and for each rule how its tests went
/// and by which field it is found. Exits with 0 when all is well, with 1 after a
/// warning or a failed test, and with 2 when rules cannot be loaded or compare a
/// string with a number.
#[derive(clap::Args)]
#[command(help_template = HELP, after_help = "Examples:
  trailwire check rules.yaml
  trailwire check --quiet cis rules.yaml")]
pub(super) struct Options {
    /// Rules: YAML or JSON files, or names of ready-made packs
    #[arg(value_name = "RULES", required = true)]
    rules: Vec<String>,
    /// Print only what is to be looked at
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    let sources = read_sources(&options.rules)?;
    let set = RuleSet::new(sources.iter().map(|source| source.rule.clone()).collect());
    let mut shared: HashMap<u32, String> = overlaps(&set).into_iter().collect();
    let mut check = Check {
        out: io::BufWriter::new(io::stdout()),
        warnings: 0,
        tests: 0,
        failed: 0,
        worst: Level::Note,
        said: HashSet::new(),
    };
    for (rule, source) in (0..).zip(&sources) {
        for finding in lint(source) {
            check.say(source, finding.place, finding.level, &finding.reason)?;
        }
        if let Some(shared) = shared.remove(&rule) {
            check.say(source, source.place, Level::Note, &shared)?;
        }
        let found_by = found_by(&set, rule);
        if set.found_by(rule) == FoundBy::Always {
            check.say(source, source.place, Level::Note, "no field leads to it: it is looked at for every record")?;
        }
        let failed = check.failed;
        source.tests.iter().try_for_each(|test| check.test(source, test))?;
        if !options.quiet {
            let tests = match (source.tests.len(), check.failed - failed) {
                (0, _) => "no tests".to_owned(),
                (all, 0) => format!("{} passed", number(all, "test")),
                (all, failed) => format!("{failed} of {} FAILED", number(all, "test")),
            };
            writeln!(check.out, "{}: {tests}; found by {found_by}", source.rule.id)?;
        }
    }
    check.out.flush()?;
    if !options.quiet {
        let Check { warnings, tests, failed, .. } = check;
        let [rules, tests, warnings] =
            [(sources.len(), "rule"), (tests, "test"), (warnings, "warning")].map(|(count, what)| number(count, what));
        complain(&format_args!("{rules}, {tests}, {failed} failed, {warnings}"));
    }
    Ok(match check.worst {
        Level::Note => Status::Success,
        Level::Warning => Status::Negative,
        Level::Error => Status::Failed,
    })
}

fn number(count: usize, what: &str) -> String {
    counted(count as u64, what, &format!("{what}s"))
}

fn found_by(set: &RuleSet, rule: u32) -> String {
    match set.found_by(rule) {
        FoundBy::Value { path } => format!("the value of {}", plain(path)),
        FoundBy::Presence { path } => format!("any value of {}", plain(path)),
        FoundBy::Always => "nothing".to_owned(),
    }
}

struct Check<W> {
    out: W,
    warnings: usize,
    tests: usize,
    failed: usize,
    worst: Level,
    /// What was said already.
    said: HashSet<String>,
}

impl<W: Write> Check<W> {
    fn say(&mut self, source: &RuleSource, place: Place, level: Level, what: &str) -> io::Result<()> {
        let Place { line, column } = place;
        if !self.said.insert(format!("{}:{line}:{column}:{what}", source.file)) {
            // What the file ignores is looked at for each of its rules.
            return Ok(());
        }
        let (file, id, level_name) = (plain(&source.file), &source.rule.id, level.name());
        self.warnings += usize::from(level > Level::Note);
        self.worst = self.worst.max(level);
        writeln!(self.out, "{file}:{line}:{column}: {level_name}: rule {id}: {}", plain(what))
    }

    fn test(&mut self, source: &RuleSource, test: &RuleTest) -> io::Result<()> {
        self.tests += 1;
        let why = match test.event.alerts(&source.rule) {
            Ok(matches) if matches == test.matches => return Ok(()),
            Ok(_) => match test.event.explain(source) {
                Ok(explanation) => why(&explanation),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        self.failed += 1;
        self.worst = self.worst.max(Level::Warning);
        let Place { line, column } = test.place;
        let (file, id, name) = (plain(&source.file), &source.rule.id, plain(&test.name));
        let wanted = if test.matches { "should match, and does not" } else { "should not match, and does" };
        writeln!(self.out, "{file}:{line}:{column}: failed: rule {id}: test \"{name}\" {wanted}: {}", plain(&why))
    }
}

/// Why a test went otherwise than it should, in a line.
fn why(explanation: &Explanation) -> String {
    if explanation.alerts() {
        return "all fields match".to_owned();
    }
    if explanation.pattern.matches {
        return "the event is ignored".to_owned();
    }
    let first = explanation.pattern.parts.iter().find(|part| !part.matches());
    match first {
        Some(Part::Field(field)) => {
            let hint = field.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
            let found = if field.found.is_empty() { "no value".to_owned() } else { field.found.join(", ") };
            format!("{} is to be {}, and is {found}{hint}", field.path, field.wanted)
        }
        Some(Part::Choice(_)) => "no branch of $or matches".to_owned(),
        None => "no element of the array that the fields share has all of them".to_owned(),
    }
}
