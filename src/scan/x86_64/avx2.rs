//! The backend for AVX2, which nearly every x86-64 processor since 2013 has.

#![allow(unsafe_code, reason = "the intrinsics become part of functions for processors that have them")]

use super::super::pairs::{Pairs, Places, find_with};
use super::super::{BLOCK, Backend, Carry, Found, GROUP, Group, classify_with, find_by_block};
use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi64x, _mm256_and_si256,
    _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    _mm256_setzero_si256,
};

/// See [`super::classify`].
#[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn classify(bytes: &[[u8; GROUP]], groups: &mut [Group], carry: &mut Carry) -> Option<usize> {
    classify_with::<Avx2>(bytes, groups, carry)
}

/// See [`super::find_pairs`].
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn find_pairs(text: &[u8], pairs: &Pairs, places: &mut Places) {
    find_with::<Avx2>(text, pairs, places);
}

/// Private to this file, so that only the two functions above use it.
struct Avx2;

// In what follows `inline(always)`, to become a part of the function that has
// the features: only there are the intrinsics single instructions.

impl Avx2 {
    #[inline(always)]
    fn find_block(block: &[u8; BLOCK]) -> Found {
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
}

impl Backend for Avx2 {
    #[inline(always)]
    fn find(bytes: &[u8; GROUP], group: &mut Group) {
        find_by_block(bytes, group, Self::find_block);
    }

    /// The carry-less product with all ones: each bit, added without carries to itself and
    /// to all above. One instruction for six shifts.
    #[inline(always)]
    fn prefix_xor(mask: u64) -> u64 {
        // SAFETY: all users have PCLMULQDQ, and every x86-64 has SSE2.
        unsafe {
            let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, mask as i64), _mm_set1_epi64x(-1));
            _mm_cvtsi128_si64(product) as u64
        }
    }

    #[inline(always)]
    fn pairs<const N: usize>(block: &[u8; BLOCK], behind: &[u8; BLOCK], pairs: [[u8; 2]; N]) -> u64 {
        let mut found = 0;
        for half in (0..2).rev() {
            // SAFETY: all users have AVX2; and the loads, which need no alignment, read
            // 32 bytes of `block` and of `behind`, of which there are two.
            let any = unsafe {
                let first = _mm256_loadu_si256(block.as_ptr().cast::<__m256i>().add(half));
                let second = _mm256_loadu_si256(behind.as_ptr().cast::<__m256i>().add(half));
                let mut any = _mm256_setzero_si256();
                for pair in pairs {
                    let firsts = _mm256_cmpeq_epi8(first, _mm256_set1_epi8(pair[0] as i8));
                    let seconds = _mm256_cmpeq_epi8(second, _mm256_set1_epi8(pair[1] as i8));
                    any = _mm256_or_si256(any, _mm256_and_si256(firsts, seconds));
                }
                _mm256_movemask_epi8(any)
            };
            found = found << 32 | u64::from(any as u32);
        }
        found
    }
}
