//! The backends for x86-64: AVX2, for nearly every processor since 2013, and
//! AVX-512, which finds a block's bytes in half the instructions. The others get
//! the portable one.

#![allow(unsafe_code, reason = "code for a kind of processor may only be called where it is sure to be one")]

use super::portable::Portable;
use super::{BLOCK, Backend, Carry, Found, Level, Masks, classify_with, level};
use std::arch::is_x86_feature_detected as has;
use std::arch::x86_64::{
    __m128i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_set_epi64x, _mm_set1_epi64x,
    _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256,
    _mm256_set1_epi8, _mm256_shuffle_epi8, _mm512_broadcast_i32x4, _mm512_cmpeq_epi8_mask, _mm512_loadu_si512,
    _mm512_or_si512, _mm512_set1_epi8, _mm512_shuffle_epi8,
};

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

/// Private to this file, so that only [`classify_avx2`] uses it.
struct Avx2;

/// Private to this file, so that only [`classify_avx512`] uses it.
struct Avx512;

/// The brackets, each at the place that its lower half names: one shuffle and
/// one comparison tell them from all other bytes. Where there is none, a byte
/// that a shuffle, which gives 0 for bytes beyond ASCII, does not look up.
///
/// Bit 5 is all that tells '[' from '{' and ']' from '}', and is set before.
static BRACKETS: [u8; 16] = {
    let mut table = [0xff; 16];
    table[(b'{' & 15) as usize] = b'{';
    table[(b'}' & 15) as usize] = b'}';
    table
};

// In what follows `inline(always)`, to become a part of the function that has
// the features: only there are the intrinsics single instructions.

impl Backend for Avx2 {
    #[inline(always)]
    fn find(block: &[u8; BLOCK]) -> Found {
        let (halves, _) = block.as_chunks::<32>();
        let mut found = Found::default();
        for half in halves.iter().rev() {
            // SAFETY: `classify_avx2`, the only user, has AVX2; and the loads,
            // which need no alignment, read the 32 bytes that `half` refers to,
            // and the 16 of `BRACKETS`.
            let masks = unsafe {
                let bytes = _mm256_loadu_si256(half.as_ptr().cast());
                let table = _mm256_broadcastsi128_si256(brackets());
                let folded = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
                let equal = |byte: u8| _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8)));
                let is_bracket = _mm256_cmpeq_epi8(folded, _mm256_shuffle_epi8(table, bytes));
                [equal(b'"'), equal(b'\\'), _mm256_movemask_epi8(is_bracket), equal(b':'), equal(b',')]
            };
            let [quotes, backslashes, brackets, colons, commas] = masks.map(|mask| u64::from(mask as u32));
            found.quotes = found.quotes << 32 | quotes;
            found.backslashes = found.backslashes << 32 | backslashes;
            found.brackets = found.brackets << 32 | brackets;
            found.colons = found.colons << 32 | colons;
            found.commas = found.commas << 32 | commas;
        }
        found
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        // SAFETY: `classify_avx2`, the only user, has PCLMULQDQ.
        unsafe { multiplied_by_ones(bits) }
    }
}

impl Backend for Avx512 {
    #[inline(always)]
    fn find(block: &[u8; BLOCK]) -> Found {
        // SAFETY: `classify_avx512`, the only user, has AVX-512 BW; and the loads,
        // which need no alignment, read the 64 bytes of `block` and the 16 of
        // `BRACKETS`.
        unsafe {
            let bytes = _mm512_loadu_si512(block.as_ptr().cast());
            let table = _mm512_broadcast_i32x4(brackets());
            let folded = _mm512_or_si512(bytes, _mm512_set1_epi8(0x20));
            let equal = |byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8));
            Found {
                quotes: equal(b'"'),
                backslashes: equal(b'\\'),
                brackets: _mm512_cmpeq_epi8_mask(folded, _mm512_shuffle_epi8(table, bytes)),
                colons: equal(b':'),
                commas: equal(b','),
            }
        }
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        // SAFETY: `classify_avx512`, the only user, has PCLMULQDQ.
        unsafe { multiplied_by_ones(bits) }
    }
}

#[inline(always)]
fn brackets() -> __m128i {
    // SAFETY: every x86-64 has SSE2, and the load, which needs no alignment,
    // reads the 16 bytes of `BRACKETS`.
    unsafe { _mm_loadu_si128(BRACKETS.as_ptr().cast()) }
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
