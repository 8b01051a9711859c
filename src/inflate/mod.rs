//! Bytes as stored to bytes of JSON: gzip members inflated, plain text passed.
//!
//! In: chunks of any size, down to one byte. Out: decompressed bytes in the
//! caller's buffer. Kept between calls: the deflate window, the running CRC and
//! the place in a header or trailer. Refused, with its byte: whatever is no
//! gzip member after the first one, a wrong CRC-32 or length, an object that
//! ends inside a member.
//!
//! zlib-rs runs in raw mode, and header, trailer and checksum are read here:
//! its gzip mode can neither be reset nor go on to a second member, and its
//! checksum costs 10 % of the time where crc32fast, on bytes still in cache,
//! costs 3 %.

mod deflate;
mod header;

use crate::{Error, ErrorKind, Expected};
use deflate::{Deflate, Inflated};
use header::{Header, Taken};

/// Decompresses one object after another.
pub struct Inflater {
    part: Part,
    deflate: Deflate,
    crc: crc32fast::Hasher,
    /// Bytes taken of the object as stored.
    taken: u64,
    /// Bytes given of the object as decompressed.
    given: u64,
    /// Offset of the current member's first byte.
    member: u64,
    /// `given` when the current member began.
    member_given: u64,
}

/// The first byte of a gzip member.
const GZIP: u8 = 0x1f;

/// How a call to [`Inflater::inflate`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Every byte of input was taken; more are needed.
    InputEmpty,
    /// The output is full; call again, with what is left of the input.
    OutputFull,
}

/// What the next byte of input belongs to.
enum Part {
    /// Nothing was read yet.
    Start,
    Plain,
    Header(Header),
    Deflate,
    Trailer {
        have: usize,
        bytes: [u8; 8],
    },
    /// A member has just ended.
    Between,
}

impl Inflater {
    /// Allocates the inflate state, 56 KiB at most, once for any number of objects.
    #[must_use]
    pub fn new() -> Self {
        Self {
            part: Part::Start,
            deflate: Deflate::new(),
            crc: crc32fast::Hasher::new(),
            taken: 0,
            given: 0,
            member: 0,
            member_given: 0,
        }
    }

    /// Makes ready for the next object.
    pub fn reset(&mut self) {
        self.part = Part::Start;
        (self.taken, self.given) = (0, 0);
    }

    /// Whether the object is not compressed, if it goes on with `input`.
    #[must_use]
    pub fn passes(&self, input: &[u8]) -> bool {
        match self.part {
            Part::Plain => true,
            // The object's first byte decides.
            Part::Start => input.first().is_some_and(|&byte| byte != GZIP),
            _ => false,
        }
    }

    /// Takes `n` bytes of an object that is not compressed and that the caller reads where
    /// they are.
    pub fn pass(&mut self, n: usize) {
        self.part = Part::Plain;
        self.taken += n as u64;
        self.given += n as u64;
    }

    /// Bytes of the object as stored that were taken so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes bytes of `input` and puts decompressed ones into `output`; the
    /// numbers returned say how many of each, also beside an error.
    ///
    /// # Termination
    /// The end of the object is told by [`finish`](Self::finish), not by an
    /// empty input.
    ///
    /// # Errors
    /// The gzip kinds and [`ErrorKind::Deflate`]. Bytes given before or beside
    /// an error are good. Afterwards only [`reset`](Self::reset) makes sense.
    pub fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> (Result<Progress, Error>, usize, usize) {
        let (taken, given) = (self.taken, self.given);
        let result = self.advance(input, output);
        (result, (self.taken - taken) as usize, (self.given - given) as usize)
    }

    fn advance(&mut self, mut input: &[u8], mut output: &mut [u8]) -> Result<Progress, Error> {
        loop {
            if let Part::Deflate = self.part {
                let (end, taken, given) = self.deflate.inflate(input, output);
                self.crc.update(&output[..given]);
                self.taken += taken as u64;
                self.given += given as u64;
                (input, output) = (&input[taken..], &mut output[given..]);
                match end {
                    Inflated::Corrupt => return Err(Error::new(ErrorKind::Deflate, self.given)),
                    Inflated::Done => self.part = Part::Trailer { have: 0, bytes: [0; 8] },
                    Inflated::More if output.is_empty() => return Ok(Progress::OutputFull),
                    Inflated::More => return Ok(Progress::InputEmpty),
                }
            }
            if let Part::Plain = self.part {
                let n = input.len().min(output.len());
                output[..n].copy_from_slice(&input[..n]);
                self.pass(n);
                return Ok(if n == input.len() { Progress::InputEmpty } else { Progress::OutputFull });
            }
            let Some((&byte, rest)) = input.split_first() else { return Ok(Progress::InputEmpty) };
            // Plain text is not taken here.
            if self.passes(input) {
                self.part = Part::Plain;
                continue;
            }
            self.framing(byte)?;
            self.taken += 1;
            input = rest;
        }
    }

    /// Takes one byte of a header or a trailer.
    fn framing(&mut self, byte: u8) -> Result<(), Error> {
        if let Part::Start | Part::Between = self.part {
            self.member = self.taken;
            self.part = Part::Header(Header::new());
        }
        match &mut self.part {
            Part::Header(header) => match header.take(byte) {
                Taken::More => {}
                Taken::Done => {
                    self.deflate.reset();
                    self.crc = crc32fast::Hasher::new();
                    self.member_given = self.given;
                    self.part = Part::Deflate;
                }
                Taken::NotGzip if self.member > 0 => return Err(Error::new(ErrorKind::GzipTrailing, self.member)),
                // 0x1f and no 0x8b: neither gzip nor JSON.
                Taken::NotGzip => return Err(Error::new(ErrorKind::Malformed(Expected::Document), 0)),
                Taken::Invalid => return Err(Error::new(ErrorKind::GzipHeader, self.member)),
            },
            Part::Trailer { have, bytes } => {
                bytes[*have] = byte;
                *have += 1;
                if *have == bytes.len() {
                    let [c0, c1, c2, c3, l0, l1, l2, l3] = *bytes;
                    let at = self.taken + 1 - bytes.len() as u64;
                    if u32::from_le_bytes([c0, c1, c2, c3]) != self.crc.clone().finalize() {
                        return Err(Error::new(ErrorKind::GzipChecksum, at));
                    }
                    // The length is kept modulo 2^32.
                    if u32::from_le_bytes([l0, l1, l2, l3]) != (self.given - self.member_given) as u32 {
                        return Err(Error::new(ErrorKind::GzipLength, at));
                    }
                    self.part = Part::Between;
                }
            }
            Part::Start | Part::Plain | Part::Deflate | Part::Between => {}
        }
        Ok(())
    }

    /// Says that the object has ended.
    ///
    /// # Errors
    /// [`ErrorKind::GzipTruncated`] inside a member.
    pub fn finish(&self) -> Result<(), Error> {
        match self.part {
            Part::Start | Part::Plain | Part::Between => Ok(()),
            Part::Header(_) | Part::Deflate | Part::Trailer { .. } => {
                Err(Error::new(ErrorKind::GzipTruncated, self.taken))
            }
        }
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::gzip;

    /// A member with every optional part of a header.
    fn gzip_with_everything(data: &[u8]) -> Vec<u8> {
        let plain = gzip(data);
        let mut header = vec![0x1f, 0x8b, 8, EVERYTHING, 1, 2, 3, 4, 0, 255];
        header.extend_from_slice(b"\x03\x00abcname\0comment\0");
        let crc = crc32fast::hash(&header) as u16;
        header.extend_from_slice(&crc.to_le_bytes());
        header.extend_from_slice(&plain[10..]);
        header
    }
    const EVERYTHING: u8 = 0b0001_1110;

    /// Inflates in input pieces of `step` and output pieces of `room`.
    fn inflate(data: &[u8], step: usize, room: usize) -> (Vec<u8>, Result<(), Error>) {
        let mut inflater = Inflater::new();
        let (mut out, mut buffer) = (Vec::new(), vec![0; room]);
        for mut piece in data.chunks(step) {
            loop {
                let (result, taken, given) = inflater.inflate(piece, &mut buffer);
                out.extend_from_slice(&buffer[..given]);
                piece = &piece[taken..];
                match result {
                    Ok(Progress::OutputFull) => {}
                    Ok(Progress::InputEmpty) => break assert!(piece.is_empty()),
                    Err(error) => return (out, Err(error)),
                }
            }
        }
        (out, inflater.finish())
    }

    fn sample() -> Vec<u8> {
        let mut random = crate::testing::Random::new(1);
        (0..if cfg!(miri) { 50 } else { 5_000 })
            .map(|i| if i % 3 == 0 { random.below(256) as u8 } else { b'x' })
            .collect()
    }

    #[test]
    fn members_of_all_kinds_come_out_whole_in_any_pieces() {
        let data = sample();
        let mut stored = gzip(&data);
        stored.extend(gzip(b""));
        stored.extend(gzip_with_everything(&data));
        let expected = [&data[..], &data[..]].concat();
        for (step, room) in [(1, 1), (1, 64), (7, 3), (64, 1 << 16), (1 << 20, 1), (1 << 20, 1 << 20)] {
            assert_eq!(inflate(&stored, step, room), (expected.clone(), Ok(())), "{step} {room}");
        }
    }

    #[test]
    fn plain_text_passes() {
        assert_eq!(inflate(b"{\"Records\":[]}", 1, 1), (b"{\"Records\":[]}".to_vec(), Ok(())));
        assert_eq!(inflate(b"", 1, 1), (Vec::new(), Ok(())));
        let (mut inflater, mut out) = (Inflater::new(), [0; 4]);
        inflater.pass(1);
        let what_begins_like_gzip = inflater.inflate(b"\x1f\x8b", &mut out);
        assert_eq!((what_begins_like_gzip, inflater.taken()), ((Ok(Progress::InputEmpty), 2, 2), 3));
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes hours there")]
    fn every_cut_is_truncated_and_gives_what_came_before() {
        let data = sample();
        let stored = gzip_with_everything(&data);
        for cut in 1..stored.len() {
            let (out, result) = inflate(&stored[..cut], 1 << 20, 1 << 20);
            assert_eq!(result, Err(Error::new(ErrorKind::GzipTruncated, cut as u64)));
            assert!(data.starts_with(&out));
            assert_eq!(inflate(&stored[..cut], 1, 1), (out, result));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes hours there")]
    fn every_damaged_byte_behaves_the_same_in_any_pieces_and_never_passes() {
        let data = sample();
        let stored = gzip(&data);
        // Without its first byte it would be plain text.
        for at in 1..stored.len() {
            let mut damaged = stored.clone();
            damaged[at] ^= 0x10;
            let whole = inflate(&damaged, 1 << 20, 1 << 20);
            for (step, room) in [(1, 1), (1, 1 << 20), (1 << 20, 1), (100, 100)] {
                assert_eq!(inflate(&damaged, step, room), whole, "byte {at}, pieces {step} {room}");
            }
            // What passes is not damaged: time, level and system are free, and
            // a copy may come from another place that holds the same.
            assert!(whole.1.is_err() || whole.0 == data, "byte {at}");
        }
    }

    #[test]
    fn each_fault_has_its_kind_and_byte() {
        let stored = gzip(b"abc");
        let n = stored.len() as u64;
        let with = |at: usize, value: u8| {
            let mut bytes = stored.clone();
            bytes[at] = value;
            inflate(&bytes, 3, 3).1
        };
        let tail = |tail: &[u8]| inflate(&[&stored[..], tail].concat(), 3, 3).1;
        let error = |kind, offset| Err(Error::new(kind, offset));
        assert_eq!(with(1, 0), error(ErrorKind::Malformed(Expected::Document), 0));
        assert_eq!(with(2, 7), error(ErrorKind::GzipHeader, 0));
        assert_eq!(with(3, 0x80), error(ErrorKind::GzipHeader, 0));
        assert_eq!(with(stored.len() - 8, 0), error(ErrorKind::GzipChecksum, n - 8));
        assert_eq!(with(stored.len() - 4, 9), error(ErrorKind::GzipLength, n - 8));
        assert_eq!(tail(b"\0"), error(ErrorKind::GzipTrailing, n));
        assert_eq!(tail(b"\x1f\x8c"), error(ErrorKind::GzipTrailing, n));
        assert_eq!(tail(b"\x1f\x8b\x07"), error(ErrorKind::GzipHeader, n));
        assert_eq!(tail(b"\x1f"), error(ErrorKind::GzipTruncated, n + 1));
    }
}
