//! The backends for x86-64: AVX2, for nearly every processor since 2013, and
//! AVX-512, which finds a block's bytes in half the instructions. The others get
//! the portable one.

#![allow(unsafe_code, reason = "code for a kind of processor may only be called where it is sure to be one")]

use super::pairs::{Pair, find_with};
use super::portable::Portable;
use super::{BLOCK, Backend, Carry, Found, Level, Masks, classify_with, level};
use std::arch::is_x86_feature_detected as has;
use std::arch::x86_64::{
    _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi64x, _mm256_cmpeq_epi8, _mm256_loadu_si256,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm512_cmpeq_epi8_mask, _mm512_loadu_si512,
    _mm512_or_si512, _mm512_set1_epi8,
};
use std::ops::Range;

/// The best that this processor has, up to `most`. The standard library asks the
/// processor once and remembers the answer.
pub(super) fn best(most: Level) -> Level {
    let avx2 = has!("avx2") && has!("pclmulqdq") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt");
    match most {
        Level::Avx512 if avx2 && has!("avx512bw") => Level::Avx512,
        Level::Avx512 | Level::Avx2 if avx2 => Level::Avx2,
        _ => Level::Portable,
    }
}

/// See [`super::classify`]; with the best backend up to `level` that there is.
pub(super) fn classify(level: Level, blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    match best(level) {
        // SAFETY: `best` has detected all that the function needs.
        Level::Avx512 => unsafe { classify_avx512(blocks, masks, carry) },
        // SAFETY: as above.
        Level::Avx2 => unsafe { classify_avx2(blocks, masks, carry) },
        Level::Portable | Level::Neon => classify_with::<Portable>(blocks, masks, carry),
    }
}

/// See [`super::find_pair`]; with the best backend up to `level` that there is.
#[inline(always)]
pub(super) fn find_pair(level: Level, text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    match best(level) {
        // SAFETY: `best` has detected all that the function needs.
        Level::Avx512 => unsafe { find_pair_avx512(text, range, pair) },
        // SAFETY: as above.
        Level::Avx2 => unsafe { find_pair_avx2(text, range, pair) },
        Level::Portable | Level::Neon => find_with::<Portable>(text, range, pair),
    }
}

/// See [`super::fast`].
#[inline(always)]
pub(super) fn fast<R>(work: impl FnOnce() -> R) -> R {
    if level() >= Level::Avx2 {
        // SAFETY: `level` is what `best` detected, and AVX2 comes with all of these.
        unsafe { with_bit_manipulation(work) }
    } else {
        work()
    }
}

#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
fn with_bit_manipulation<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn classify_avx2(blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    classify_with::<Avx2>(blocks, masks, carry);
}

#[target_feature(enable = "avx512bw,avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn classify_avx512(blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    classify_with::<Avx512>(blocks, masks, carry);
}

#[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn find_pair_avx2(text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    find_with::<Avx2>(text, range, pair)
}

#[target_feature(enable = "avx512bw,avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn find_pair_avx512(text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    find_with::<Avx512>(text, range, pair)
}

/// Private to this file, so that only functions for AVX2 use it.
struct Avx2;

/// Private to this file, so that only functions for AVX-512 use it.
struct Avx512;

// In what follows `inline(always)`, to become a part of the function that has
// the features: only there are the intrinsics single instructions.

impl Backend for Avx2 {
    #[inline(always)]
    fn find(block: &[u8; BLOCK]) -> Found {
        let (halves, _) = block.as_chunks::<32>();
        let mut found = Found::default();
        for half in halves.iter().rev() {
            // SAFETY: all users have AVX2; and the loads,
            // which need no alignment, read the 32 bytes that `half` refers to.
            let masks = unsafe {
                let bytes = _mm256_loadu_si256(half.as_ptr().cast());
                // Bit 5 is all that tells '[' from '{' and ']' from '}'.
                let folded = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
                let equal =
                    |bytes, byte: u8| _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8)));
                [equal(bytes, b'"'), equal(bytes, b'\\'), equal(folded, b'{'), equal(folded, b'}')]
            };
            let [quotes, backslashes, opens, closes] = masks.map(|mask| u64::from(mask as u32));
            found.quotes = found.quotes << 32 | quotes;
            found.backslashes = found.backslashes << 32 | backslashes;
            found.opens = found.opens << 32 | opens;
            found.closes = found.closes << 32 | closes;
        }
        found
    }

    #[inline(always)]
    fn equal(block: &[u8; BLOCK], bytes: [u8; 2]) -> [u64; 2] {
        let (halves, _) = block.as_chunks::<32>();
        let mut found = [0, 0];
        for half in halves.iter().rev() {
            // SAFETY: all users have AVX2; and the loads, which need no alignment, read
            // the 32 bytes that `half` refers to.
            let equal = unsafe {
                let half = _mm256_loadu_si256(half.as_ptr().cast());
                let first = _mm256_cmpeq_epi8(half, _mm256_set1_epi8(bytes[0] as i8));
                let second = _mm256_cmpeq_epi8(half, _mm256_set1_epi8(bytes[1] as i8));
                [_mm256_movemask_epi8(first), _mm256_movemask_epi8(second)]
            };
            found = [found[0] << 32 | u64::from(equal[0] as u32), found[1] << 32 | u64::from(equal[1] as u32)];
        }
        found
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        // SAFETY: all users have PCLMULQDQ.
        unsafe { multiplied_by_ones(bits) }
    }
}

impl Backend for Avx512 {
    #[inline(always)]
    fn find(block: &[u8; BLOCK]) -> Found {
        // SAFETY: all users have AVX-512 BW; and the loads,
        // which need no alignment, read the 64 bytes of `block`.
        unsafe {
            let bytes = _mm512_loadu_si512(block.as_ptr().cast());
            // Bit 5 is all that tells '[' from '{' and ']' from '}'.
            let folded = _mm512_or_si512(bytes, _mm512_set1_epi8(0x20));
            let equal = |bytes, byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8));
            Found {
                quotes: equal(bytes, b'"'),
                backslashes: equal(bytes, b'\\'),
                opens: equal(folded, b'{'),
                closes: equal(folded, b'}'),
            }
        }
    }

    #[inline(always)]
    fn equal(block: &[u8; BLOCK], bytes: [u8; 2]) -> [u64; 2] {
        // SAFETY: all users have AVX-512 BW; and the load, which needs no alignment,
        // reads the 64 bytes of `block`.
        unsafe {
            let block = _mm512_loadu_si512(block.as_ptr().cast());
            [
                _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(bytes[0] as i8)),
                _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(bytes[1] as i8)),
            ]
        }
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        // SAFETY: all users have PCLMULQDQ.
        unsafe { multiplied_by_ones(bits) }
    }
}

/// The carry-less product with all ones: each bit, added without carries to
/// itself and to all above. One instruction for the six shifts, which were a
/// fifth of the scan.
///
/// # Safety
/// The processor has PCLMULQDQ.
#[inline(always)]
unsafe fn multiplied_by_ones(bits: u64) -> u64 {
    // SAFETY: the caller knows of PCLMULQDQ, and every x86-64 has SSE2.
    unsafe {
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set1_epi64x(-1));
        _mm_cvtsi128_si64(product) as u64
    }
}
