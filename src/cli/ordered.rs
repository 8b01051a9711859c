//! Output of workers side by side, in the order of their inputs.
//!
//! Each input has a turn. Whoever's turn it is writes through; whoever is ahead
//! collects up to [`AHEAD_BYTES`] and then waits. What is finished ahead of its
//! turn is left here, so that nobody waits to begin with the next input, as long
//! as that is not more than [`AHEAD_BYTES`] for each worker.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What is collected before it is written or waited with, in bytes.
const AHEAD_BYTES: usize = 256 << 10;

/// What is written at once when it is one's turn, in bytes.
const THROUGH_BYTES: usize = 64 << 10;

/// The output that all workers share.
pub(super) struct Ordered {
    state: Mutex<State>,
    turned: Condvar,
    /// Bytes that may wait in all.
    max_waiting: usize,
    /// Whether nothing more is wanted.
    stopped: AtomicBool,
}

struct State {
    out: Box<dyn Write + Send>,
    /// Writes a line to standard error.
    say: Box<dyn Fn(&str) + Send>,
    /// The input whose turn it is.
    turn: usize,
    /// What was finished ahead of its turn.
    waiting: BTreeMap<usize, Batch>,
    waiting_bytes: usize,
    /// Items that may still be written.
    left: u64,
    /// Why nothing more can be written.
    failed: Option<io::Error>,
    /// Inputs that failed before the output ended.
    failures: u64,
    /// Workers that wait for their turn: to wake nobody is a call of the system too.
    asleep: usize,
}

/// Output that was collected.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// The end of each item.
    ends: Vec<usize>,
    /// What failed, to be said on standard error behind so many bytes.
    failed: Vec<(usize, String)>,
}

impl Ordered {
    /// Writes `limit` items at most to `out`, and lines on standard error to
    /// `say`.
    pub(super) fn new(
        out: Box<dyn Write + Send>,
        say: impl Fn(&str) + Send + 'static,
        workers: usize,
        limit: Option<u64>,
    ) -> Self {
        Self {
            state: Mutex::new(State {
                out,
                say: Box::new(say),
                turn: 0,
                waiting: BTreeMap::new(),
                waiting_bytes: 0,
                left: limit.unwrap_or(u64::MAX),
                failed: None,
                failures: 0,
                asleep: 0,
            }),
            turned: Condvar::new(),
            max_waiting: workers * AHEAD_BYTES,
            stopped: AtomicBool::new(limit == Some(0)),
        }
    }

    /// Begins the output of an input. Inputs are numbered from 0, and each must
    /// be begun, in order, and finished.
    pub(super) fn begin(&self, input: usize) -> Part<'_> {
        Part { ordered: self, input, batch: Batch::default(), finished: false }
    }

    /// Whether nothing more is wanted: the limit is reached, or the output
    /// cannot be written.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// How many inputs failed before the output ended.
    pub(super) fn failures(&self) -> u64 {
        self.lock().failures
    }

    /// Ends the output.
    ///
    /// # Errors
    /// The first thing that could not be written.
    pub(super) fn finish(self) -> io::Result<()> {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.failed {
            Some(error) => Err(error),
            None => state.out.flush(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.asleep += 1;
        let mut state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.asleep -= 1;
        state
    }

    fn write(&self, state: &mut State, batch: &mut Batch) {
        state.write(batch);
        if state.left == 0 || state.failed.is_some() {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }
}

impl State {
    /// Writes a batch and empties it.
    fn write(&mut self, batch: &mut Batch) {
        let items = batch.ends.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let end = items.checked_sub(1).map_or(0, |last| batch.ends[last]);
        let stopped = self.left == 0 || self.failed.is_some();
        self.left -= items as u64;
        let mut written = 0;
        for (at, what) in batch.failed.drain(..) {
            // How far the others are ahead is chance: what they found behind the end is not told.
            if stopped || at > end || at == end && self.left == 0 {
                break;
            }
            // In the order of the output, also where both go to one terminal.
            self.put(&batch.bytes[written..at]);
            written = at;
            (self.say)(&what);
            self.failures += 1;
        }
        if written < end {
            self.put(&batch.bytes[written..end]);
        }
        batch.bytes.clear();
        batch.ends.clear();
        batch.failed.clear();
    }

    /// Writes, as long as that can be done.
    fn put(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(bytes).and_then(|()| self.out.flush()).err();
        }
    }
}

/// The output of one input.
pub(super) struct Part<'a> {
    ordered: &'a Ordered,
    input: usize,
    batch: Batch,
    finished: bool,
}

impl Part<'_> {
    /// Adds an item, which `write` appends.
    pub(super) fn item(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.batch.bytes);
        self.batch.ends.push(self.batch.bytes.len());
        if self.batch.bytes.len() >= THROUGH_BYTES {
            self.pass(self.batch.bytes.len() >= AHEAD_BYTES);
        }
    }

    /// Adds a failure, which is counted and said, unless the output stops before.
    pub(super) fn fail(&mut self, what: String) {
        self.batch.failed.push((self.batch.bytes.len(), what));
    }

    /// Writes what was collected, if it is this input's turn.
    pub(super) fn flush(&mut self) {
        if !self.batch.bytes.is_empty() {
            self.pass(false);
        }
    }

    /// Writes what was collected, if it is this input's turn; waits for that if
    /// it must.
    fn pass(&mut self, must: bool) {
        let mut state = self.ordered.lock();
        while must && state.turn != self.input && !self.ordered.is_stopped() {
            state = self.ordered.wait(state);
        }
        if state.turn == self.input || self.ordered.is_stopped() {
            self.ordered.write(&mut state, &mut self.batch);
        }
    }

    /// Ends the output of this input, and begins the turn of the next.
    pub(super) fn finish(mut self) {
        self.leave();
    }

    fn leave(&mut self) {
        self.finished = true;
        let ordered = self.ordered;
        let mut state = ordered.lock();
        while state.turn != self.input && state.waiting_bytes + self.batch.bytes.len() > ordered.max_waiting {
            state = ordered.wait(state);
        }
        if state.turn != self.input {
            state.waiting_bytes += self.batch.bytes.len();
            state.waiting.insert(self.input, std::mem::take(&mut self.batch));
            return;
        }
        ordered.write(&mut state, &mut self.batch);
        state.turn += 1;
        loop {
            let turn = state.turn;
            let Some(mut batch) = state.waiting.remove(&turn) else { break };
            state.waiting_bytes -= batch.bytes.len();
            ordered.write(&mut state, &mut batch);
            state.turn += 1;
        }
        if state.asleep > 0 {
            ordered.turned.notify_all();
        }
    }
}

/// A worker that panics must not keep the others waiting.
impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    /// A writer that others can look into, and that may fail from a byte on.
    #[derive(Clone, Default)]
    struct Sink {
        bytes: Arc<Mutex<Vec<u8>>>,
        fails_at: Option<usize>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut all = self.bytes.lock().unwrap();
            if self.fails_at.is_some_and(|at| all.len() >= at) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            all.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Workers on inputs of random sizes, each item of which is its input's
    /// number; returns what was written.
    fn run(workers: usize, inputs: usize, limit: Option<u64>, sink: &Sink) -> (Vec<u32>, io::Result<()>) {
        let ordered = Ordered::new(Box::new(sink.clone()), |_| {}, workers, limit);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let input = next.fetch_add(1, Ordering::SeqCst);
                        if input >= inputs {
                            break;
                        }
                        let mut part = ordered.begin(input);
                        let mut random = Random::new(input as u64 + 1);
                        // Now and then far more than may wait.
                        let items = if random.below(5) == 0 { 150_000 } else { random.below(2_000) };
                        for _ in 0..items {
                            part.item(|out| out.extend_from_slice(&(input as u32).to_le_bytes()));
                        }
                        part.finish();
                    }
                });
            }
        });
        let result = ordered.finish();
        let bytes = sink.bytes.lock().unwrap();
        (bytes.chunks_exact(4).map(|item| u32::from_le_bytes(item.try_into().unwrap())).collect(), result)
    }

    #[test]
    fn any_number_of_workers_writes_what_one_does() {
        let (alone, result) = run(1, 40, None, &Sink::default());
        assert!(result.is_ok() && alone.is_sorted() && alone.len() > 300_000);
        for workers in [2, 3, 8] {
            assert!(run(workers, 40, None, &Sink::default()).0 == alone, "{workers} workers");
        }
    }

    #[test]
    fn a_limit_cuts_behind_an_item() {
        let (all, _) = run(1, 20, None, &Sink::default());
        for limit in [0, 1, 1_000, 140_000, all.len(), all.len() + 1] {
            let (cut, result) = run(3, 20, Some(limit as u64), &Sink::default());
            assert!(result.is_ok() && cut == all[..limit.min(all.len())], "{limit}");
        }
    }

    #[test]
    fn an_output_that_fails_keeps_nobody_waiting() {
        let sink = Sink { fails_at: Some(1_000), ..Sink::default() };
        assert_eq!(run(4, 40, None, &sink).1.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_worker_that_panics_keeps_nobody_waiting() {
        let ordered = Ordered::new(Box::new(Sink::default()), |_| {}, 2, None);
        let first = ordered.begin(0);
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _part = first;
            std::panic::resume_unwind(Box::new(()));
        }));
        let mut second = ordered.begin(1);
        (0..100_000).for_each(|_| second.item(|out| out.extend_from_slice(b"12345678")));
        second.finish();
        assert!(ordered.finish().is_ok());
    }
}
