//! The backend for AVX-512 as it is since 2019 (Ice Lake, Zen 4): what one block takes
//! otherwise, it does for eight, with the masks of all in a register for each kind.

#![allow(unsafe_code, reason = "the intrinsics become part of functions for processors that have them")]

use super::super::pairs::{Pairs, Places, find_with};
use super::super::{BLOCK, BLOCKS, Backend, Carry, GROUP, Group, MOST, classify_with};
use std::arch::x86_64::{
    __m512i, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_storeu_si128, _mm512_add_epi64, _mm512_alignr_epi64,
    _mm512_andnot_si512, _mm512_clmulepi64_epi128, _mm512_cvtepi64_epi16, _mm512_cvtsepi64_epi8,
    _mm512_extracti64x2_epi64, _mm512_gf2p8affine_epi64_epi8, _mm512_loadu_si512, _mm512_max_epi64, _mm512_min_epu8,
    _mm512_movepi64_mask, _mm512_movm_epi64, _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_popcnt_epi64,
    _mm512_set1_epi8, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_storeu_si512,
    _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_testn_epi8_mask, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

/// See [`super::classify`].
#[target_feature(enable = "avx512bw,avx512dq,avx512vbmi,avx512vpopcntdq,gfni,vpclmulqdq,avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn classify(bytes: &[[u8; GROUP]], groups: &mut [Group], carry: &mut Carry) -> Option<usize> {
    classify_with::<Avx512>(bytes, groups, carry)
}

/// See [`super::find_pairs`].
#[target_feature(enable = "avx512bw,avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn find_pairs(text: &[u8], pairs: &Pairs, places: &mut Places) {
    find_with::<Avx512>(text, pairs, places);
}

/// Private to this file, so that only the two functions above use it.
struct Avx512;

/// A bit for each kind of byte, by the byte, in two halves for the two operands: for a block
/// with an even number, and the next higher bit for one with an odd number.
static KINDS: [[[u8; BLOCK]; 2]; 2] = [table(0), table(1)];

const fn table(odd: usize) -> [[u8; BLOCK]; 2] {
    let bits = [(b'"', 0), (b'\\', 2), (b'[', 4), (b'{', 4), (b']', 6), (b'}', 6)];
    let mut kinds = [[0; BLOCK]; 2];
    let mut index = 0;
    while index < bits.len() {
        let (byte, bit) = bits[index];
        kinds[byte as usize / BLOCK][byte as usize % BLOCK] = 1 << (bit + odd);
        index += 1;
    }
    kinds
}

/// Where the bytes of four columns are in two registers with eight rows of eight columns
/// each: of the columns 0 to 3, and 4 to 7.
static PLACES: [[u8; BLOCK]; 2] = [places(0), places(4)];

const fn places(first: usize) -> [u8; BLOCK] {
    let mut places = [0; BLOCK];
    let mut index = 0;
    while index < BLOCK {
        let (register, column, row) = (index / 32, first + index / 8 % 4, index % 8);
        places[index] = (register * BLOCK + row * 8 + column) as u8;
        index += 1;
    }
    places
}

/// Byte *i* of each eight has bit *i*.
const DIAGONAL: i64 = 0x8040_2010_0804_0201_u64 as i64;

// Floors above it are cut off where a number becomes a signed byte.
const _: () = assert!(MOST == i8::MAX as u8);

// In what follows `inline(always)`, to become a part of the function that has
// the features: only there are the intrinsics single instructions. (In a closure
// they are not, and took ten times as long.)

#[inline(always)]
fn load<T, const N: usize>(from: &[T; N]) -> __m512i {
    const { assert!(size_of::<[T; N]>() == BLOCK) };
    // SAFETY: all users have AVX-512 F, and the load, which needs no alignment, is of just
    // those bytes.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}

#[inline(always)]
fn store(to: &mut [u64; BLOCKS], register: __m512i) {
    // SAFETY: all users have AVX-512 F, and the store, which needs no alignment, is to those
    // 64 bytes.
    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), register) }
}

/// The kinds of 64 bytes, by one of the tables.
#[inline(always)]
fn kinds(block: &[u8; BLOCK], table: &[[u8; BLOCK]; 2]) -> __m512i {
    // SAFETY: all users have AVX-512 BW and VBMI.
    unsafe {
        // Bytes beyond ASCII become the last of it, which is of no kind.
        let ascii = _mm512_min_epu8(load(block), _mm512_set1_epi8(0x7f));
        _mm512_permutex2var_epi8(load(&table[0]), ascii, load(&table[1]))
    }
}

/// The kinds of the bytes of two blocks, by column: byte *i* of each eight has those with
/// bit *i*, the last first.
#[inline(always)]
fn columns(even: &[u8; BLOCK], odd: &[u8; BLOCK]) -> __m512i {
    // SAFETY: all users have GFNI and AVX-512 F.
    unsafe {
        let rows = _mm512_or_si512(kinds(even, &KINDS[0]), kinds(odd, &KINDS[1]));
        _mm512_gf2p8affine_epi64_epi8::<0>(_mm512_set1_epi64(DIAGONAL), rows)
    }
}

/// Each byte with its last bit first.
#[inline(always)]
fn reversed(bytes: __m512i) -> __m512i {
    // SAFETY: all users have GFNI and AVX-512 F.
    unsafe { _mm512_gf2p8affine_epi64_epi8::<0>(bytes, _mm512_set1_epi64(DIAGONAL)) }
}

impl Backend for Avx512 {
    /// A table gives the kinds of the bytes of two blocks at once, a bit for each: eight bytes
    /// are eight rows, whose columns are an eighth of a mask each. In half the instructions
    /// that it takes to compare with each kind.
    #[inline(always)]
    fn find(bytes: &[u8; GROUP], group: &mut Group) {
        let (blocks, _) = bytes.as_chunks();
        let first = columns(&blocks[0], &blocks[1]);
        let second = columns(&blocks[2], &blocks[3]);
        let third = columns(&blocks[4], &blocks[5]);
        let fourth = columns(&blocks[6], &blocks[7]);
        let (left, right) = (load(&PLACES[0]), load(&PLACES[1]));
        // SAFETY: all users have AVX-512 F and VBMI.
        unsafe {
            let a = _mm512_permutex2var_epi8(first, left, second);
            let b = _mm512_permutex2var_epi8(first, right, second);
            let c = _mm512_permutex2var_epi8(third, left, fourth);
            let d = _mm512_permutex2var_epi8(third, right, fourth);
            store(&mut group.quotes, reversed(_mm512_shuffle_i64x2::<0b10_00_10_00>(a, c)));
            store(&mut group.backslashes, reversed(_mm512_shuffle_i64x2::<0b11_01_11_01>(a, c)));
            store(&mut group.opens, reversed(_mm512_shuffle_i64x2::<0b10_00_10_00>(b, d)));
            store(&mut group.closes, reversed(_mm512_shuffle_i64x2::<0b11_01_11_01>(b, d)));
        }
    }

    #[inline(always)]
    fn pairs<const N: usize>(block: &[u8; BLOCK], behind: &[u8; BLOCK], pairs: [[u8; 2]; N]) -> u64 {
        // SAFETY: all users have AVX-512 BW.
        unsafe {
            let (first, second) = (load(block), load(behind));
            let mut least = _mm512_set1_epi8(-1);
            for pair in pairs {
                let first = _mm512_xor_si512(first, _mm512_set1_epi8(pair[0] as i8));
                let second = _mm512_xor_si512(second, _mm512_set1_epi8(pair[1] as i8));
                least = _mm512_min_epu8(least, _mm512_or_si512(first, second));
            }
            // 0 where both are as wanted, of any.
            _mm512_testn_epi8_mask(least, least)
        }
    }

    #[inline(always)]
    fn resolve(group: &mut Group, carry: &mut Carry) -> bool {
        // SAFETY: all users have AVX-512 F, BW, DQ and VPOPCNTDQ, and VPCLMULQDQ; and the store,
        // which needs no alignment, is of the 16 bytes of the rises.
        unsafe {
            let (quotes, ones) = (load(&group.quotes), _mm512_set1_epi64(-1));
            // The carry-less product with all ones, for each second one of eight.
            let (evens, odds) =
                (_mm512_clmulepi64_epi128::<0>(quotes, ones), _mm512_clmulepi64_epi128::<1>(quotes, ones));
            let parity = _mm512_unpacklo_epi64(evens, odds);
            // A block begins inside a string if an odd number before it end the other way than they begin.
            let mut inside = u64::from(_mm512_movepi64_mask(parity));
            for shift in [1, 2, 4] {
                inside ^= inside << shift;
            }
            let inside = inside << 1 ^ carry.in_string;
            carry.in_string = 0u64.wrapping_sub(inside >> BLOCKS & 1);
            let in_string = _mm512_xor_si512(parity, _mm512_movm_epi64(inside as u8));

            let opens = _mm512_andnot_si512(in_string, load(&group.opens));
            let closes = _mm512_andnot_si512(in_string, load(&group.closes));
            store(&mut group.opens, opens);
            store(&mut group.closes, closes);

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
            let floors = _mm512_cvtsepi64_epi8(_mm512_max_epi64(floors, zero));
            group.floors = _mm_cvtsi128_si64(floors).to_le_bytes();
            carry.depth += _mm_extract_epi64::<1>(_mm512_extracti64x2_epi64::<3>(sums));

            let strays = _mm512_andnot_si512(in_string, load(&group.backslashes));
            group.escapes != 0 && _mm512_test_epi64_mask(strays, strays) != 0
        }
    }
}
