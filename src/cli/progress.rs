//! How far a long run is, on a terminal.

use super::complain;
use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What was done so far.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) files: AtomicU64,
    /// As stored, which is what is known beforehand.
    pub(super) stored_bytes: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) matches: AtomicU64,
}

/// A line on standard error that says how far the run is; nothing where that is
/// no terminal.
pub(super) struct Progress {
    pub(super) counts: Arc<Counts>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `total` tells how many stored bytes there are, where that can be known;
    /// it is asked only if it is to be shown.
    pub(super) fn new(quiet: bool, total: impl FnOnce() -> Option<u64>) -> Self {
        let counts = Arc::new(Counts::default());
        if quiet || !io::stderr().is_terminal() {
            return Self { counts, bar: None };
        }
        let total = total();
        let counted = Arc::clone(&counts);
        let speed = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let seconds = state.elapsed().as_secs_f64().max(0.001);
            let per_second = |count: &AtomicU64| (count.load(Relaxed) as f64 / seconds) as u64;
            let (files, bytes, matches) =
                (counted.files.load(Relaxed), counted.bytes.load(Relaxed), counted.matches.load(Relaxed));
            // A terminal that is gone is no reason to stop.
            let _ = write!(
                out,
                "{} files, {} ({}/s), {} records/s, {} matches ({}/s)",
                HumanCount(files),
                HumanBytes(bytes),
                HumanBytes(per_second(&counted.bytes)),
                HumanCount(per_second(&counted.records)),
                HumanCount(matches),
                HumanCount(per_second(&counted.matches))
            );
        };
        let counted = Arc::clone(&counts);
        let left = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let read = counted.stored_bytes.load(Relaxed);
            if let Some(total) = total.filter(|&total| read > 0 && total > read) {
                let share = (total - read) as f64 / read as f64;
                let left = Duration::from_secs_f64(state.elapsed().as_secs_f64() * share);
                let _ = write!(out, ", {}% done, {} left", read * 100 / total, HumanDuration(left));
            }
        };
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        let style = ProgressStyle::with_template("{spinner} {speed}{left}");
        bar.set_style(
            style.unwrap_or_else(|_| ProgressStyle::default_spinner()).with_key("speed", speed).with_key("left", left),
        );
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { counts, bar: Some(bar) }
    }

    /// Output that takes the line away while it writes.
    pub(super) fn around(&self, out: impl Write + Send + 'static) -> Box<dyn Write + Send> {
        match &self.bar {
            Some(bar) if io::stdout().is_terminal() => Box::new(Around { bar: bar.clone(), out }),
            _ => Box::new(out),
        }
    }

    /// What writes a line to standard error, and takes this one away for it.
    pub(super) fn complain(&self) -> impl Fn(&str) + Send + use<> {
        let bar = self.bar.clone();
        move |what| match &bar {
            Some(bar) => bar.suspend(|| complain(&what)),
            None => complain(&what),
        }
    }

    /// Takes the line away for good.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

struct Around<W> {
    bar: ProgressBar,
    out: W,
}

impl<W: Write> Write for Around<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { bar, out } = self;
        bar.suspend(|| {
            let written = out.write(bytes)?;
            out.flush()?;
            Ok(written)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
