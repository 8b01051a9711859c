//! Where two bytes stand a certain distance apart: the candidates of a search for text.
//!
//! It is for short texts that are in most records once, where memchr's `memmem` spends
//! most of its time on beginning anew.

use super::{BLOCK, Backend};
use std::ops::Range;

/// Two bytes, and how far the second is behind the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    bytes: [u8; 2],
    distance: usize,
}

impl Pair {
    /// `bytes`, the second of them `distance` behind the first.
    ///
    /// # Panics
    /// If the distance is 0, or not less than [`BLOCK`].
    #[must_use]
    pub const fn new(bytes: [u8; 2], distance: usize) -> Self {
        assert!(0 < distance && distance < BLOCK, "the two are in neighbouring blocks");
        Self { bytes, distance }
    }
}

/// See [`super::find_pair`].
#[inline(always)]
pub(super) fn find_with<B: Backend>(text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    let Pair { bytes, distance } = pair;
    let (blocks, _) = text.as_chunks::<BLOCK>();
    let first = range.start / BLOCK;
    let mut wanted = !0 << (range.start % BLOCK);
    let mut before = 0;
    let mut at = first * BLOCK;
    for block in blocks.get(first..range.end.div_ceil(BLOCK).min(blocks.len())).unwrap_or_default() {
        let [firsts, seconds] = B::equal(block, bytes);
        let firsts = firsts & wanted;
        let pairs = seconds & (firsts << distance | before >> (BLOCK - distance));
        if pairs != 0 {
            let second = at + pairs.trailing_zeros() as usize;
            return (second < range.end).then(|| second - distance);
        }
        (before, wanted) = (firsts, !0);
        at += BLOCK;
    }
    // What is left of the text, if it ends before the range.
    let second = (at.max(range.start + distance)..range.end.min(text.len()))
        .find(|&second| text[second] == bytes[1] && text[second - distance] == bytes[0])?;
    Some(second - distance)
}
