//! `trailwire test-pattern`: one pattern, one event, true or false.

use super::{Failure, HELP, Status, text_or_file};
use crate::rule::{Pattern, Sample};
use std::io::{self, Write as _};

/// Tell whether an event pattern matches an event
///
/// As `aws events test-event-pattern`, on any JSON object: prints true or false.
/// Nothing is derived: a pattern for EventBridge needs an event with EventBridge's
/// envelope. Exits with 0 for true, with 1 for false, and with 2 when pattern or
/// event are invalid.
#[derive(clap::Args)]
#[command(help_template = HELP, after_help = "Example:
  trailwire test-pattern --event-pattern '{\"eventName\":[{\"prefix\":\"Create\"}]}' --event file://event.json")]
pub(super) struct Options {
    /// The pattern, as JSON or file://PATH
    #[arg(long, value_name = "PATTERN")]
    event_pattern: String,
    /// The event, as JSON or file://PATH
    #[arg(long, value_name = "EVENT")]
    event: String,
}

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    let pattern = Pattern::from_json(&text_or_file(&options.event_pattern)?)
        .map_err(|error| Failure::Usage(format!("invalid event pattern: {error}")))?;
    let event = Sample::from_json(&text_or_file(&options.event)?)
        .map_err(|error| Failure::Usage(format!("invalid event: {error}")))?;
    let matches = event.matches(&pattern).map_err(|error| Failure::Usage(format!("the event: {error}")))?;
    writeln!(io::stdout(), "{matches}")?;
    Ok(if matches { Status::Success } else { Status::Negative })
}
