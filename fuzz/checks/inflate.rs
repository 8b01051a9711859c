//! Inflate against miniz_oxide, which shares no code with zlib-rs: gzip of what it compressed comes back in any pieces;
//! damaged or cut, it is an error or the same; and of arbitrary deflate data, both make the same or both refuse, but for
//! a code that only miniz_oxide takes.

use super::common::Random;
use super::common::testing::member;
use super::{Choices, pieces};
use trailwire::inflate::{Inflater, Progress};
use trailwire::{Error, ErrorKind};

pub(crate) fn check(data: &[u8]) {
    let mut choices = Choices(data);
    let (mode, level) = (choices.below(4), choices.below(10) as u8);
    let (mut random, data) = choices.seed();
    if mode == 3 {
        // The data as deflate would be, up to where it ends by miniz_oxide's account.
        let mut inflated = vec![0; 1 << 16];
        let mut state = miniz_oxide::inflate::core::DecompressorOxide::new();
        let flags = miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, taken, given) = miniz_oxide::inflate::core::decompress(&mut state, data, &mut inflated, 0, flags);
        let done = status == miniz_oxide::inflate::TINFLStatus::Done;
        if status == miniz_oxide::inflate::TINFLStatus::HasMoreOutput {
            return;
        }
        let stored = member(&data[..if done { taken } else { data.len() }], &inflated[..given]);
        let (out, result) = inflate(&mut random, &stored);
        // miniz_oxide takes a code of one symbol, however long it is. RFC 1951 (3.2.7) gives it one bit, and zlib and
        // zlib-rs refuse any other.
        let refused = result.as_ref().is_err_and(|error| !done || error.kind == ErrorKind::Deflate);
        let same = done && result.is_ok() && out == inflated[..given];
        assert!(refused || same, "miniz_oxide says {status:?}: {result:?}");
        return;
    }
    let mut stored = Vec::new();
    let half = random.below(data.len() + 1);
    for part in [&data[..half], &data[half..]] {
        stored.extend(member(&miniz_oxide::deflate::compress_to_vec(part, level), part));
    }
    match mode {
        0 => assert_eq!(inflate(&mut random, &stored), (data.to_vec(), Ok(()))),
        1 => {
            let cut = random.below(stored.len());
            let (out, result) = inflate(&mut random, &stored[..cut]);
            assert!(data.starts_with(&out));
            // Between the members nothing is missing that could be told.
            let whole = result.is_ok() && (cut == 0 || out == data[..half]);
            let truncated = |error: Error| error.kind == ErrorKind::GzipTruncated && error.offset == cut as u64;
            assert!(whole || result.is_err_and(truncated), "{cut}: {result:?}");
        }
        _ => {
            let at = random.below(stored.len());
            stored[at] ^= 1 << random.below(8);
            let (out, result) = inflate(&mut random, &stored);
            // A flag or a time in the header says nothing of the data; without its magic a file is plain text.
            assert!(result.is_err() || out == data || out == stored, "byte {at}");
        }
    }
}

/// Inflates in pieces, into buffers of random sizes.
fn inflate(random: &mut Random, stored: &[u8]) -> (Vec<u8>, Result<(), Error>) {
    let mut inflater = Inflater::new();
    let mut all = Vec::new();
    for mut piece in pieces(random, stored) {
        loop {
            let mut out = vec![0; 1 + random.below(3_000)];
            let (result, taken, given) = inflater.inflate(piece, &mut out);
            all.extend_from_slice(&out[..given]);
            piece = &piece[taken..];
            match result {
                Ok(Progress::OutputFull) => {}
                Ok(Progress::InputEmpty) => break assert!(piece.is_empty()),
                Err(error) => return (all, Err(error)),
            }
        }
    }
    let end = inflater.finish();
    (all, end)
}
