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

    /// How many bytes there are from the first to the second, with both.
    #[must_use]
    pub const fn span(self) -> usize {
        self.distance + 1
    }
}

/// See [`super::find_pair`].
#[inline(always)]
pub(super) fn find_with<B: Backend>(text: &[u8], range: Range<usize>, pair: Pair) -> Option<usize> {
    let Pair { bytes, distance } = pair;
    // The first byte is before that, so that the second is in the range.
    let last = range.end.min(text.len()).checked_sub(distance).filter(|&last| range.start < last)?;
    let (firsts, seconds) = (&text[range.start..last], &text[range.start + distance..last + distance]);
    let (Some(first), Some(behind)) = (firsts.first_chunk(), seconds.first_chunk()) else {
        return (range.start..last).find(|&at| text[at] == bytes[0] && text[at + distance] == bytes[1]);
    };
    let pairs = B::pairs(first, behind, bytes);
    if pairs != 0 {
        return Some(range.start + pairs.trailing_zeros() as usize);
    }
    // From now on each block is in one line of the cache, and begins in the one before.
    let skip = BLOCK - firsts.as_ptr().addr() % BLOCK;
    let (blocks, behind) = (firsts[skip..].as_chunks::<BLOCK>().0, seconds[skip..].as_chunks::<BLOCK>().0);
    let mut at = range.start + skip;
    for (block, behind) in blocks.iter().zip(behind) {
        let pairs = B::pairs(block, behind, bytes);
        if pairs != 0 {
            return Some(at + pairs.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
    // What is left, as a block that begins among those that were looked at.
    let (block, behind) = (firsts.last_chunk()?, seconds.last_chunk()?);
    let pairs = B::pairs(block, behind, bytes);
    (pairs != 0).then(|| last - BLOCK + pairs.trailing_zeros() as usize)
}
