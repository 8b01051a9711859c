//! `trailwire completions`: what a shell completes.

use super::{Failure, HELP, Status};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::{self, Write as _};

/// Print what a shell needs to complete commands and options
#[derive(clap::Args)]
#[command(help_template = HELP, after_help = "Examples:
  trailwire completions bash > trailwire.bash
  trailwire completions fish > trailwire.fish")]
pub(super) struct Options {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut super::Options::command(), "trailwire", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Status::Success)
}
