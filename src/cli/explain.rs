//! `trailwire explain`: why rules match an event, or do not.

use super::{Failure, HELP, Patterns, Status, text_or_file};
use crate::alert::plain;
use crate::rule::explain::{Case, Explanation, Field, Part, Reasons};
use std::io::{self, Write};

/// Show for each field of a rule what is wanted, what the event has, and whether it matches
///
/// Exits with 0 when a rule alerts on the event, with 1 when none does, and with 2
/// when rules or event are invalid.
#[derive(clap::Args)]
#[command(help_template = HELP, after_help = "Example:
  trailwire explain -r rules.yaml --event file://event.json")]
pub(super) struct Options {
    #[command(flatten)]
    patterns: Patterns,
    /// The record, as JSON or file://PATH
    #[arg(long, value_name = "EVENT")]
    event: String,
}

/// Characters of one value that are printed.
const MAX_VALUE: usize = 200;

/// Values of one field that are printed.
const MAX_VALUES: usize = 5;

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    if options.patterns.is_empty() {
        return Err(Failure::Usage("no rules: give some with -r or -p, for example -r tutorial".into()));
    }
    let sources = options.patterns.sources()?;
    let event = text_or_file(&options.event)?;
    let case = Case::from_json(&event).map_err(|error| Failure::Usage(format!("invalid event: {error}")))?;
    let mut out = io::BufWriter::new(io::stdout());
    let mut status = Status::Negative;
    for source in &sources {
        let id = &source.rule.id;
        let explanation = case.explain(source).map_err(|error| Failure::Usage(format!("rule {id}: {error}")))?;
        if explanation.alerts() {
            status = Status::Success;
        }
        write(&mut out, id, &explanation)?;
    }
    out.flush()?;
    Ok(status)
}

fn write(out: &mut impl Write, id: &str, explanation: &Explanation) -> io::Result<()> {
    let ignored = explanation.ignore.iter().any(|ignore| ignore.matches);
    let verdict = match (explanation.pattern.matches, ignored) {
        (true, false) => "matches",
        (true, true) => "matches, but the event is ignored",
        (false, _) => "does not match",
    };
    writeln!(out, "rule {id}: {verdict}")?;
    reasons(out, &explanation.pattern)?;
    // What is ignored matters only to a rule that would alert.
    if explanation.pattern.matches {
        for (number, ignore) in (1..).zip(&explanation.ignore) {
            let verdict = if ignore.matches { "matches" } else { "does not match" };
            writeln!(out, "  ignore, pattern {number}: {verdict}")?;
            reasons(out, ignore)?;
        }
    }
    Ok(())
}

fn reasons(out: &mut impl Write, reasons: &Reasons) -> io::Result<()> {
    parts(out, &reasons.parts, 1)?;
    if reasons.apart {
        writeln!(out, "  no    each field matches, but no element of the array they share has all of them")?;
    }
    Ok(())
}

fn parts(out: &mut impl Write, parts: &[Part], depth: usize) -> io::Result<()> {
    for part in parts {
        let verdict = if part.matches() { "yes" } else { "no" };
        write!(out, "{:indent$}{verdict:<6}", "", indent = 2 * depth)?;
        match part {
            Part::Field(it) => field(out, it)?,
            Part::Choice(branches) => {
                writeln!(out, "$or: one of {}", branches.len())?;
                for (number, branch) in (1..).zip(branches) {
                    writeln!(out, "{:indent$}({number})", "", indent = 2 * depth + 2)?;
                    self::parts(out, branch, depth + 2)?;
                }
            }
        }
    }
    Ok(())
}

fn field(out: &mut impl Write, Field { path, wanted, found, hint, .. }: &Field) -> io::Result<()> {
    write!(out, "{}: wanted {}; ", plain(path), short(wanted))?;
    match &found[..] {
        [] => write!(out, "there is no value")?,
        [one] => write!(out, "it is {}", short(one))?,
        many => {
            let values: Vec<_> = many.iter().take(MAX_VALUES).map(|value| short(value)).collect();
            write!(out, "there are {}", values.join(", "))?;
            if many.len() > MAX_VALUES {
                write!(out, " and {} more", many.len() - MAX_VALUES)?;
            }
        }
    }
    match hint {
        Some(hint) => writeln!(out, " ({})", short(hint)),
        None => writeln!(out),
    }
}

/// A text as a terminal may show it, and no longer than a line or two.
fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}...", plain(&text[..at])),
        None => plain(text),
    }
}
