//! The backends for x86-64: AVX2, for nearly every processor since 2013, and AVX-512 as
//! it is since 2019, which finds a block's bytes in half the instructions and holds the
//! masks of eight blocks in a register. The others get the portable one.

#![allow(unsafe_code, reason = "code for a kind of processor may only be called where it is sure to be one")]

use super::bits::prefix_xor;
use super::pairs::{Pair, find_with};
use super::portable::Portable;
use super::{BLOCK, BLOCKS, Backend, Carry, Detected, Found, GROUP, Group, Level, MOST, classify_with, level};
use std::arch::is_x86_feature_detected as has;
use std::arch::x86_64::{
    _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_set_epi64x, _mm_set1_epi64x, _mm_storeu_si128,
    _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    _mm512_add_epi64, _mm512_alignr_epi64, _mm512_andnot_si512, _mm512_cmpeq_epi8_mask, _mm512_cvtepi64_epi8,
    _mm512_cvtepi64_epi16, _mm512_extracti64x2_epi64, _mm512_loadu_si512, _mm512_mask_cmpeq_epi8_mask,
    _mm512_max_epi64, _mm512_min_epi64, _mm512_movepi64_mask, _mm512_movm_epi64, _mm512_or_si512, _mm512_popcnt_epi64,
    _mm512_set1_epi8, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_storeu_si512,
    _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_xor_si512,
};
use std::ops::Range;

/// The best that this processor has, up to `most`. The standard library asks the
/// processor once and remembers the answer.
pub(super) fn best(most: Level) -> Detected {
    let avx2 = has!("avx2") && has!("pclmulqdq") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt");
    let avx512 = has!("avx512bw") && has!("avx512dq") && has!("avx512vpopcntdq");
    Detected(match most {
        Level::Avx512 if avx2 && avx512 => Level::Avx512,
        Level::Avx512 | Level::Avx2 if avx2 => Level::Avx2,
        _ => Level::Portable,
    })
}

/// See [`super::classify`].
pub(super) fn classify(
    level: Detected,
    bytes: &[[u8; GROUP]],
    groups: &mut [Group],
    carry: &mut Carry,
) -> Option<usize> {
    match level.0 {
        // SAFETY: `best` made `level`, having detected all that the function needs.
        Level::Avx512 => unsafe { classify_avx512(bytes, groups, carry) },
        // SAFETY: as above.
        Level::Avx2 => unsafe { classify_avx2(bytes, groups, carry) },
        Level::Portable | Level::Neon => classify_with::<Portable>(bytes, groups, carry),
    }
}

/// See [`super::find_pair`].
#[inline(always)]
pub(super) fn find_pair(level: Detected, text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    match level.0 {
        // SAFETY: `best` made `level`, having detected all that the function needs.
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
fn classify_avx2(bytes: &[[u8; GROUP]], groups: &mut [Group], carry: &mut Carry) -> Option<usize> {
    classify_with::<Avx2>(bytes, groups, carry)
}

#[target_feature(enable = "avx512bw,avx512dq,avx512vpopcntdq,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn classify_avx512(bytes: &[[u8; GROUP]], groups: &mut [Group], carry: &mut Carry) -> Option<usize> {
    classify_with::<Avx512>(bytes, groups, carry)
}

#[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn find_pair_avx2(text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    find_with::<Avx2>(text, range, pair)
}

#[target_feature(enable = "avx512bw,avx512dq,avx512vpopcntdq,avx2,bmi1,bmi2,lzcnt,popcnt")]
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
    fn pairs(block: &[u8; BLOCK], behind: &[u8; BLOCK], bytes: [u8; 2]) -> u64 {
        let ((blocks, _), (behind, _)) = (block.as_chunks::<32>(), behind.as_chunks::<32>());
        let mut pairs = 0;
        for (half, behind) in blocks.iter().zip(behind).rev() {
            // SAFETY: all users have AVX2; and the loads, which need no alignment, read
            // the 32 bytes that `half` and `behind` refer to.
            let both = unsafe {
                let first =
                    _mm256_cmpeq_epi8(_mm256_loadu_si256(half.as_ptr().cast()), _mm256_set1_epi8(bytes[0] as i8));
                let second =
                    _mm256_cmpeq_epi8(_mm256_loadu_si256(behind.as_ptr().cast()), _mm256_set1_epi8(bytes[1] as i8));
                _mm256_movemask_epi8(_mm256_and_si256(first, second))
            };
            pairs = pairs << 32 | u64::from(both as u32);
        }
        pairs
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
    fn pairs(block: &[u8; BLOCK], behind: &[u8; BLOCK], bytes: [u8; 2]) -> u64 {
        // SAFETY: all users have AVX-512 BW; and the loads, which need no alignment,
        // read the 64 bytes of `block` and of `behind`.
        unsafe {
            let (block, behind) =
                (_mm512_loadu_si512(block.as_ptr().cast()), _mm512_loadu_si512(behind.as_ptr().cast()));
            let firsts = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(bytes[0] as i8));
            _mm512_mask_cmpeq_epi8_mask(firsts, behind, _mm512_set1_epi8(bytes[1] as i8))
        }
    }

    #[inline(always)]
    fn resolve(group: &mut Group, carry: &mut Carry) -> bool {
        // SAFETY: all users have AVX-512 F, BW, DQ and VPOPCNTDQ; and the loads and stores,
        // which need no alignment, are of all 64 bytes of the masks, or 16 of the rises.
        unsafe {
            let load = |masks: &[u64; BLOCKS]| _mm512_loadu_si512(masks.as_ptr().cast());
            let mut parity = load(&group.quotes);
            parity = _mm512_xor_si512(parity, _mm512_slli_epi64::<1>(parity));
            parity = _mm512_xor_si512(parity, _mm512_slli_epi64::<2>(parity));
            parity = _mm512_xor_si512(parity, _mm512_slli_epi64::<4>(parity));
            parity = _mm512_xor_si512(parity, _mm512_slli_epi64::<8>(parity));
            parity = _mm512_xor_si512(parity, _mm512_slli_epi64::<16>(parity));
            parity = _mm512_xor_si512(parity, _mm512_slli_epi64::<32>(parity));
            // A block begins inside a string if an odd number before it end the other way than they begin.
            let inside = prefix_xor(_mm512_movepi64_mask(parity).into()) << 1 ^ carry.in_string;
            carry.in_string = 0u64.wrapping_sub(inside >> BLOCKS & 1);
            let in_string = _mm512_xor_si512(parity, _mm512_movm_epi64(inside as u8));

            let opens = _mm512_andnot_si512(in_string, load(&group.opens));
            let closes = _mm512_andnot_si512(in_string, load(&group.closes));
            _mm512_storeu_si512(group.opens.as_mut_ptr().cast(), opens);
            _mm512_storeu_si512(group.closes.as_mut_ptr().cast(), closes);

            let before_first = _mm512_andnot_si512(closes, _mm512_sub_epi64(closes, _mm512_set1_epi64(1)));
            let behind_first = _mm512_popcnt_epi64(_mm512_andnot_si512(before_first, opens));
            // Each with the one before, then with the two, then with the four before.
            let changes = _mm512_sub_epi64(_mm512_popcnt_epi64(opens), _mm512_popcnt_epi64(closes));
            let zero = _mm512_setzero_si512();
            let mut sums = _mm512_add_epi64(changes, _mm512_alignr_epi64::<7>(changes, zero));
            sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<6>(sums, zero));
            sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<4>(sums, zero));
            let rises = _mm512_cvtepi64_epi16(_mm512_sub_epi64(sums, changes));
            _mm_storeu_si128(group.rises.as_mut_ptr().cast(), rises);
            let depth = _mm512_set1_epi64(group.depth);
            let floors = _mm512_sub_epi64(_mm512_add_epi64(sums, depth), behind_first);
            let floors = _mm512_min_epi64(_mm512_max_epi64(floors, zero), _mm512_set1_epi64(MOST.into()));
            group.floors = _mm_cvtsi128_si64(_mm512_cvtepi64_epi8(floors)).to_le_bytes();
            carry.depth += _mm_extract_epi64::<1>(_mm512_extracti64x2_epi64::<3>(sums));

            let strays = _mm512_andnot_si512(in_string, load(&group.backslashes));
            _mm512_test_epi64_mask(strays, strays) != 0
        }
    }
}
