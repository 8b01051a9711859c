//! One raw deflate stream, incrementally: the only file that knows zlib-rs.
//!
//! Another decoder takes this file's place by offering the same three calls.

use zlib_rs::{Inflate, InflateFlush, Status};

/// Deflate state: 32 KiB of window and the tables, kept for the process's life.
pub(super) struct Deflate(Inflate);

/// How a call to [`Deflate::inflate`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inflated {
    /// The input was taken whole, or the output is full.
    More,
    /// The stream's last byte was decompressed.
    Done,
    /// The input is not deflate data.
    Corrupt,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self(Inflate::new(false, 15))
    }

    pub(super) fn reset(&mut self) {
        self.0.reset(false);
    }

    /// Returns with the bytes taken from `input` and given to `output`. Output
    /// can come together with [`Inflated::Corrupt`].
    pub(super) fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> (Inflated, usize, usize) {
        let before = (self.0.total_in(), self.0.total_out());
        let end = match self.0.decompress(input, output, InflateFlush::NoFlush) {
            Ok(Status::Ok | Status::BufError) => Inflated::More,
            Ok(Status::StreamEnd) => Inflated::Done,
            Err(_) => Inflated::Corrupt,
        };
        let (taken, given) = (self.0.total_in() - before.0, self.0.total_out() - before.1);
        (end, taken as usize, given as usize)
    }
}
