//! 64-byte blocks of JSON to bitmasks.
//!
//! In: the bytes of a buffer, block after block. Out: one [`Masks`] per block,
//! in which bit *i* stands for byte *i* (the least significant bit is the
//! first byte). Kept between blocks: a [`Carry`] of two bits. Nothing is
//! refused; whether the structure makes sense is for the stages above.
//!
//! The algorithm, for one block:
//!
//! 1. A backend finds every `"`, every `\`, every one of `{ [` and every one of `} ]`.
//! 2. `escaped` = the bytes that stand after an odd run of backslashes.
//! 3. `quotes` = the `"` that are not escaped: each opens or closes a string.
//! 4. `in_string` = the running parity of `quotes` (a prefix XOR), which covers
//!    each string from its opening quote to the byte before its closing one.
//! 5. `opens` and `closes` = the brackets outside strings. Any backslash
//!    outside a string is among `closes`, so that whoever looks for the end of
//!    something comes upon it: no valid JSON has one, and one that was overlooked
//!    would turn strings inside out for the rest of the object.
//!
//! Step 1, and 4 where one instruction does it, differ between processors
//! ([`Backend`]); the rest is written once over `u64`. The loop over blocks is
//! generic over the backend, so that the choice, made once for the process, costs
//! one dispatch per buffer.
//!
//! # Before you edit
//!
//! * A further kind of byte needs a field in [`Found`], a case in `naive` and a
//!   column in the tests, which run every backend against `naive`.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod bits;
#[cfg(test)]
mod naive;
mod pairs;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use pairs::Pair;

use bits::{escaped, prefix_xor};
use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};

/// Bytes classified at once.
pub const BLOCK: usize = 64;

/// What the bytes of one block are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masks {
    /// Quotes that open or close a string.
    pub quotes: u64,
    /// Opening brackets outside strings.
    pub opens: u64,
    /// Closing brackets outside strings, and backslashes outside strings (an error).
    pub closes: u64,
    /// Backslashes, wherever they stand: no string needs unescaping without.
    pub backslashes: u64,
}

/// What one block leaves behind for the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carry {
    /// 1 if the next byte is escaped by a backslash, else 0.
    escaped: u64,
    /// All ones if the next byte is inside a string, else 0.
    in_string: u64,
}

/// What a backend finds in one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
}

/// The part of the scan that depends on the processor: to find the bytes that
/// matter in a block, above all.
trait Backend {
    fn find(block: &[u8; BLOCK]) -> Found;

    /// Finds each of `bytes`.
    fn equal(block: &[u8; BLOCK], bytes: [u8; 2]) -> [u64; 2];

    /// Bit *i* of the result is the parity of bits 0 to *i*.
    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        prefix_xor(bits)
    }
}

/// A backend, from the plainest to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Plain code, for any processor.
    Portable,
    /// 64-bit Arm.
    Neon,
    /// x86-64 with AVX2, carry-less multiplication and bit manipulation.
    Avx2,
    /// The same with AVX-512 BW.
    Avx512,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// The name in the environment, by which a better one can be ruled out.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// The best that this processor has, up to `most`.
    fn best(most: Self) -> Self {
        #[cfg(target_arch = "x86_64")]
        return x86_64::best(most);
        #[cfg(target_arch = "aarch64")]
        return if most >= Self::Neon { Self::Neon } else { Self::Portable };
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        if most >= Self::Portable { Self::Portable } else { most }
    }
}

/// The level in use, plus 1; 0 until one is chosen.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The backend in use: the best that the processor has, unless it was limited.
#[inline(always)]
pub fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        0 => limit(Level::Avx512),
        level => Level::ALL[usize::from(level - 1) % Level::ALL.len()],
    }
}

/// Uses no better backend than `most` from now on, and returns the one in use:
/// for tests and measurements, and to rule a backend out as the cause of a fault.
#[cold]
pub fn limit(most: Level) -> Level {
    let level = Level::best(most);
    LEVEL.store(level as u8 + 1, Ordering::Relaxed);
    level
}

/// Classifies `blocks` into `masks`, one for each, and moves `carry` on.
///
/// # Panics
/// If `masks` is not as long as `blocks`.
pub fn classify(blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    classify_at(level(), blocks, masks, carry);
}

fn classify_at(level: Level, blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 | Level::Avx512 => x86_64::classify(level, blocks, masks, carry),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => classify_with::<aarch64::Neon>(blocks, masks, carry),
        _ => classify_with::<portable::Portable>(blocks, masks, carry),
    }
}

/// Where in `range` of `text` the first `pair` is: the position of its first byte. All
/// of it is in the range.
#[inline(always)]
#[must_use]
pub fn find_pair(text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    find_pair_at(level(), text, range, pair)
}

#[inline(always)]
fn find_pair_at(level: Level, text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 | Level::Avx512 => x86_64::find_pair(level, text, range, pair),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => pairs::find_with::<aarch64::Neon>(text, range, pair),
        _ => pairs::find_with::<portable::Portable>(text, range, pair),
    }
}

/// Does `work` with the instructions for single bits that this processor has:
/// what loops over masks takes half of the time with them. They are not there by
/// default on x86-64, which is 20 years older.
///
/// Only what is inlined into `work` gains.
#[inline(always)]
pub fn fast<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    return x86_64::fast(work);
    #[cfg(not(target_arch = "x86_64"))]
    work()
}

#[inline(always)]
fn classify_with<B: Backend>(blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    assert_eq!(blocks.len(), masks.len(), "one mask per block");
    let mut state = *carry;
    for (block, out) in blocks.iter().zip(masks) {
        *out = state.next::<B>(B::find(block));
    }
    *carry = state;
}

impl Carry {
    #[inline(always)]
    fn next<B: Backend>(&mut self, found: Found) -> Masks {
        let quotes = found.quotes & !escaped(found.backslashes, &mut self.escaped);
        let in_string = B::prefix_xor(quotes) ^ self.in_string;
        // The last byte's bit, copied to all 64: an arithmetic shift.
        self.in_string = ((in_string as i64) >> 63) as u64;
        Masks {
            quotes,
            opens: found.opens & !in_string,
            closes: (found.closes | found.backslashes) & !in_string,
            backslashes: found.backslashes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    /// Under Miri, which takes a thousand times as long, not every place is looked at.
    const STEP: usize = if cfg!(miri) { 21 } else { 1 };

    fn agrees_with_naive(text: &[u8]) {
        let mut padded = text.to_vec();
        padded.resize(text.len().next_multiple_of(BLOCK), b' ');
        let (blocks, _) = padded.as_chunks::<BLOCK>();
        let expected = naive::classify(&padded);
        // Every backend that the processor has.
        for level in Level::ALL.into_iter().filter(|&level| Level::best(level) == level) {
            let mut masks = vec![Masks::default(); blocks.len()];
            classify_at(level, blocks, &mut masks, &mut Carry::default());
            assert_eq!(masks, expected, "{level:?}: {:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn every_byte_value_at_every_position() {
        let bytes = if cfg!(miri) { b"\"\\{}[]:,a\xff".to_vec() } else { (0..=255).collect() };
        for byte in bytes {
            for at in (0..BLOCK).step_by(STEP) {
                let mut block = [b'a'; BLOCK];
                block[at] = byte;
                agrees_with_naive(&block);
            }
        }
    }

    #[test]
    fn backslash_runs_of_every_length_at_every_alignment() {
        for run in (0..=130).step_by(STEP) {
            for shift in (0..BLOCK).step_by(STEP) {
                let mut text = vec![b' '; shift];
                text.push(b'"');
                text.resize(text.len() + run, b'\\');
                text.extend_from_slice(b"\"{\"}");
                agrees_with_naive(&text);
            }
        }
    }

    #[test]
    fn strings_and_escapes_go_on_in_the_next_block() {
        let mut text = [b' '; 3 * BLOCK];
        // A string over all of the second block, and an escaped quote over the next edge.
        text[BLOCK - 1] = b'"';
        text[BLOCK + 1] = b'{';
        text[2 * BLOCK - 1] = b'\\';
        text[2 * BLOCK] = b'"';
        text[2 * BLOCK + 1] = b'"';
        text[2 * BLOCK + 2] = b'{';
        agrees_with_naive(&text);
        let (blocks, _) = text.as_chunks::<BLOCK>();
        let (mut masks, mut carry) = ([Masks::default(); 3], Carry::default());
        for (block, masks) in blocks.iter().zip(&mut masks) {
            classify(&[*block], std::slice::from_mut(masks), &mut carry);
        }
        assert_eq!(masks.map(|masks| masks.opens), [0, 0, 1 << 2]);
        assert_eq!(masks.map(|masks| masks.quotes), [1 << 63, 0, 1 << 1]);
    }

    #[test]
    fn random_bytes_of_the_kinds_that_matter() {
        let mut random = Random::new(7);
        let alphabet = b"\"\"\\\\{}[]:, a";
        for _ in 0..rounds(5_000) {
            let text: Vec<u8> = (0..random.below(400)).map(|_| alphabet[random.below(alphabet.len())]).collect();
            agrees_with_naive(&text);
        }
    }

    #[test]
    fn the_first_pair_is_found_wherever_it_is_and_whatever_the_distance() {
        let mut random = Random::new(9);
        let mut found = 0;
        for _ in 0..rounds(20_000) {
            let alphabet = b"aabccccccccccccccc";
            let text: Vec<u8> = (0..random.below(300)).map(|_| alphabet[random.below(alphabet.len())]).collect();
            let end = random.below(text.len() + 1);
            let range = random.below(end + 1)..end;
            let (bytes, distance) = (*[b"ab", b"aa", b"bb"][random.below(3)], 1 + random.below(63));
            let pair = Pair::new(bytes, distance);
            let is = |at: usize| [text[at], text[at + distance]] == bytes;
            let expected = range.clone().find(|&at| at + distance < range.end && is(at));
            found += usize::from(expected.is_some());
            for level in Level::ALL.into_iter().filter(|&level| Level::best(level) == level) {
                assert_eq!(find_pair_at(level, &text, range.clone(), pair), expected, "{level:?} {range:?} {pair:?}");
            }
        }
        assert!(found > rounds(1_000), "{found}");
    }

    #[test]
    fn each_level_has_its_name() {
        for level in Level::ALL {
            assert_eq!(Level::named(level.name()), Some(level));
        }
        assert_eq!(Level::named("mmx"), None);
    }

    #[test]
    fn no_level_is_chosen_that_is_above_the_limit_or_not_there() {
        for most in Level::ALL {
            let level = Level::best(most);
            assert!(level <= most && Level::best(level) == level, "{level:?} for {most:?}");
        }
        assert_eq!(Level::best(Level::Portable), Level::Portable);
    }

    #[test]
    fn a_backslash_outside_a_string_is_where_something_may_close() {
        let mut block = [b' '; BLOCK];
        block[..10].copy_from_slice(br#"{"a":\"x"}"#);
        let mut masks = [Masks::default()];
        classify(&[block], &mut masks, &mut Carry::default());
        assert_eq!(masks[0].closes & (1 << 5), 1 << 5);
    }
}
