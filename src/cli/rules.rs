//! `trailwire rules`: the ready-made packs.

use super::{Failure, PACKS, Status};
use std::io::{self, Write as _};

/// List the ready-made rule packs, or print one
#[derive(clap::Args)]
pub(super) struct Options {
    /// The pack to print
    name: Option<String>,
}

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    let mut out = io::stdout().lock();
    match &options.name {
        None => {
            for pack in PACKS {
                writeln!(out, "{:<12}{}", pack.name, pack.about)?;
            }
        }
        Some(name) => match PACKS.iter().find(|pack| pack.name == name) {
            Some(pack) => out.write_all(pack.text.as_bytes())?,
            None => return Err(Failure::Usage(format!("no pack is called {name:?}; see `trailwire rules`"))),
        },
    }
    out.flush()?;
    Ok(Status::Success)
}
