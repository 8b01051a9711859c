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
    fn pairs(block: &[u8; BLOCK], behind: &[u8; BLOCK], bytes: [u8; 2]) -> u64 {
        let mut both = [0u8; BLOCK];
        for (both, (&first, &second)) in both.iter_mut().zip(block.iter().zip(behind)) {
            // 0 where both are as wanted.
            *both = (first ^ bytes[0]) | (second ^ bytes[1]);
        }
        mask(&both, |both| both == 0)
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
