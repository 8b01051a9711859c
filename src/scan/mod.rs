//! 64-byte blocks of JSON to bitmasks.
//!
//! In: the bytes of a buffer, block after block. Out: one [`Masks`] per block,
//! in which bit *i* stands for byte *i* (the least significant bit is the
//! first byte). Kept between blocks: a [`Carry`] of two bits. Nothing is
//! refused; whether the structure makes sense is for the stages above.
//!
//! The algorithm, for one block:
//!
//! 1. A backend finds every `"`, every `\` and every one of `{ } [ ]`.
//! 2. `escaped` = the bytes that stand after an odd run of backslashes.
//! 3. `quotes` = the `"` that are not escaped: each opens or closes a string.
//! 4. `in_string` = the running parity of `quotes` (a prefix XOR), which covers
//!    each string from its opening quote to the byte before its closing one.
//! 5. `stops` = the brackets outside strings, and any backslash outside a
//!    string: no valid JSON has one, and one that was overlooked would turn
//!    strings inside out for the rest of the object.
//!
//! Step 1, and 4 where one instruction does it, differ between processors
//! ([`Backend`]); the rest is written once over `u64`. The loop over blocks is
//! generic over the backend, so that a choice made at run time costs one
//! dispatch per buffer.
//!
//! # Before you edit
//!
//! * A further kind of byte needs a field in [`Found`], a case in `naive` and a
//!   column in the tests, which run every backend against `naive`.
//! * Commas and colons are left out on purpose: the stages above step from
//!   quote to quote and look at the byte that follows. Two more masks cost
//!   more than they save.

mod bits;
#[cfg(test)]
mod naive;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use bits::{escaped, prefix_xor};

/// Bytes classified at once.
pub const BLOCK: usize = 64;

/// What the bytes of one block are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masks {
    /// Quotes that open or close a string.
    pub quotes: u64,
    /// Brackets outside strings, and backslashes outside strings (an error).
    pub stops: u64,
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
    brackets: u64,
}

/// The part of the scan that depends on the processor: to find the bytes that
/// matter in a block, above all.
trait Backend {
    fn find(block: &[u8; BLOCK]) -> Found;

    /// Bit *i* of the result is the parity of bits 0 to *i*.
    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        prefix_xor(bits)
    }
}

/// Classifies `blocks` into `masks`, one for each, and moves `carry` on.
///
/// # Panics
/// If `masks` is not as long as `blocks`.
pub fn classify(blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    #[cfg(target_arch = "x86_64")]
    x86_64::classify(blocks, masks, carry);
    #[cfg(not(target_arch = "x86_64"))]
    classify_with::<portable::Portable>(blocks, masks, carry);
}

/// Blocks found before they are used.
const BATCH: usize = 16;

#[inline(always)]
fn classify_with<B: Backend>(blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    assert_eq!(blocks.len(), masks.len(), "one mask per block");
    let mut state = *carry;
    for (blocks, masks) in blocks.chunks(BATCH).zip(masks.chunks_mut(BATCH)) {
        // Found first and used then, through memory: that keeps the vector code
        // apart from the branch in `escaped`.
        let mut found = [Found::default(); BATCH];
        for (block, found) in blocks.iter().zip(&mut found) {
            *found = B::find(block);
        }
        for (found, out) in found.iter().zip(masks) {
            *out = state.next::<B>(*found);
        }
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
        Masks { quotes, stops: (found.brackets | found.backslashes) & !in_string, backslashes: found.backslashes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Classify = fn(&[[u8; BLOCK]], &mut [Masks], &mut Carry);

    /// The backend for this processor, and the one for any.
    const BACKENDS: [(&str, Classify); 2] = [("best", classify), ("portable", classify_with::<portable::Portable>)];

    fn agrees_with_naive(text: &[u8]) {
        let mut padded = text.to_vec();
        padded.resize(text.len().next_multiple_of(BLOCK), b' ');
        let (blocks, _) = padded.as_chunks::<BLOCK>();
        let expected = naive::classify(&padded);
        for (name, classify) in BACKENDS {
            let mut masks = vec![Masks::default(); blocks.len()];
            classify(blocks, &mut masks, &mut Carry::default());
            assert_eq!(masks, expected, "{name}: {:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn every_byte_value_at_every_position() {
        for byte in 0..=255u8 {
            for at in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[at] = byte;
                agrees_with_naive(&block);
            }
        }
    }

    #[test]
    fn backslash_runs_of_every_length_at_every_alignment() {
        for run in 0..=130 {
            for shift in 0..BLOCK {
                let mut text = vec![b' '; shift];
                text.push(b'"');
                text.resize(text.len() + run, b'\\');
                text.extend_from_slice(b"\"{\"}");
                agrees_with_naive(&text);
            }
        }
    }

    #[test]
    fn random_bytes_of_the_kinds_that_matter() {
        let mut random = crate::testing::Random::new(7);
        let alphabet = b"\"\"\\\\{}[]:, a";
        for _ in 0..5_000 {
            let text: Vec<u8> = (0..random.below(400)).map(|_| alphabet[random.below(alphabet.len())]).collect();
            agrees_with_naive(&text);
        }
    }

    #[test]
    fn a_backslash_outside_a_string_is_a_stop() {
        let mut block = [b' '; BLOCK];
        block[..10].copy_from_slice(br#"{"a":\"x"}"#);
        let mut masks = [Masks::default()];
        classify(&[block], &mut masks, &mut Carry::default());
        assert_eq!(masks[0].stops & (1 << 5), 1 << 5);
    }
}
