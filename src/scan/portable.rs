//! The backend for any processor: plain code in a shape that compilers turn
//! into whatever vector instructions the target always has.

use super::{BLOCK, Backend, Found, GROUP, Group, find_by_block};

pub(super) struct Portable;

impl Portable {
    #[inline(always)]
    fn find_block(block: &[u8; BLOCK]) -> Found {
        Found {
            quotes: mask(block, |byte| byte == b'"'),
            backslashes: mask(block, |byte| byte == b'\\'),
            // Bit 5 is all that tells '[' from '{' and ']' from '}'.
            opens: mask(block, |byte| byte | 0x20 == b'{'),
            closes: mask(block, |byte| byte | 0x20 == b'}'),
        }
    }
}

impl Backend for Portable {
    #[inline(always)]
    fn find(bytes: &[u8; GROUP], group: &mut Group) {
        find_by_block(bytes, group, Self::find_block);
    }

    #[inline(always)]
    fn pairs<const N: usize>(block: &[u8; BLOCK], behind: &[u8; BLOCK], pairs: [[u8; 2]; N]) -> u64 {
        // 0 where both are as wanted, of any.
        let mut least = [u8::MAX; BLOCK];
        for pair in pairs {
            for (least, (&first, &second)) in least.iter_mut().zip(block.iter().zip(behind)) {
                *least = (*least).min((first ^ pair[0]) | (second ^ pair[1]));
            }
        }
        mask(&least, |least| least == 0)
    }
}

/// The bytes of `block` for which `is` holds.
///
/// Two steps, because compilers have no pattern for "gather the top bits": all
/// bytes become `0xff` or 0, which vectorises, then each word of 8 is gathered
/// by one multiplication that sums bit *i* of byte *i* into the top byte.
#[inline(always)]
fn mask(block: &[u8; BLOCK], is: impl Fn(u8) -> bool) -> u64 {
    let mut matches = [0u8; BLOCK];
    for (match_, &byte) in matches.iter_mut().zip(block) {
        *match_ = if is(byte) { 0xff } else { 0 };
    }
    let (words, _) = matches.as_chunks::<8>();
    words.iter().rev().fold(0, |all, word| {
        let bits = u64::from_le_bytes(*word) & 0x8040_2010_0804_0201;
        (all << 8) | (bits.wrapping_mul(0x0101_0101_0101_0101) >> 56)
    })
}
