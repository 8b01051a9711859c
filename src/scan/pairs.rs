//! Where two bytes stand a certain distance apart: the candidates of a search for texts.
//!
//! It is for a few short texts that are in most records once. A stretch is searched
//! at once, and what is found is noted without a branch: to stop at each place, and to begin
//! anew behind it, as memchr's `memmem` does, takes longer than the search itself, since the
//! processor cannot guess where a place is.

use super::{BLOCK, Backend};
use std::ops::Range;

/// Pairs that are searched for at once, at most.
pub const MAX_PAIRS: usize = 8;

/// Pairs of bytes, the second of each so far behind the first.
#[derive(Clone, Debug)]
pub struct Pairs {
    bytes: Vec<[u8; 2]>,
    distance: usize,
}

impl Pairs {
    /// `bytes`, the second of each `distance` behind the first.
    ///
    /// # Panics
    /// If there are more than [`MAX_PAIRS`]; if the distance is 0, or not less than
    /// [`BLOCK`]; or if one of the bytes is 0, which stands for what is not there.
    #[must_use]
    pub fn new(bytes: &[[u8; 2]], distance: usize) -> Self {
        assert!(bytes.len() <= MAX_PAIRS, "they are counted by who asks");
        assert!(0 < distance && distance < BLOCK, "the two are in neighbouring blocks");
        assert!(!bytes.as_flattened().contains(&0), "0 stands for what is not there");
        Self { bytes: bytes.to_vec(), distance }
    }
}

/// Bytes that are searched at once: more than are classified at once.
pub const STRETCH: usize = 32 << 10;

/// Bytes of which places are noted together: two blocks.
const STEP: usize = 2 * BLOCK;

/// Steps that a stretch has.
const STEPS: usize = STRETCH / STEP;

/// The places that were found in a stretch of text.
#[derive(Debug)]
pub struct Places {
    /// A bit for each byte of the steps that have a place.
    masks: [u128; STEPS],
    /// Where each of those begins.
    starts: [u16; STEPS],
    /// The first of them of which not all are taken, and how many there are.
    next: usize,
    end: usize,
}

impl Places {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { masks: [0; STEPS], starts: [0; STEPS], next: 0, end: 0 }
    }

    /// The first one that was not taken.
    #[inline(always)]
    #[must_use]
    pub fn peek(&self) -> Option<usize> {
        let next = self.next;
        (next < self.end).then(|| usize::from(self.starts[next]) + self.masks[next].trailing_zeros() as usize)
    }

    /// Takes the first one, which [`peek`](Self::peek) told.
    #[inline(always)]
    pub fn take(&mut self) {
        let mask = &mut self.masks[self.next];
        *mask &= mask.wrapping_sub(1);
        self.next += usize::from(*mask == 0);
    }
}

impl Default for Places {
    fn default() -> Self {
        Self::new()
    }
}

/// See [`super::find_pairs`].
#[inline(always)]
pub(super) fn find_with<B: Backend>(text: &[u8], pairs: &Pairs, places: &mut Places) {
    (places.next, places.end) = (0, 0);
    let distance = pairs.distance;
    match pairs.bytes[..] {
        [] => {}
        [a] => find::<B, 1>(text, [a], distance, places),
        [a, b] => find::<B, 2>(text, [a, b], distance, places),
        [a, b, c] => find::<B, 3>(text, [a, b, c], distance, places),
        [a, b, c, d] => find::<B, 4>(text, [a, b, c, d], distance, places),
        // Some of them twice, in place of code for each number.
        ref more => {
            find::<B, MAX_PAIRS>(text, std::array::from_fn(|index| more[index % more.len()]), distance, places);
        }
    }
}

#[inline(always)]
fn find<B: Backend, const N: usize>(text: &[u8], pairs: [[u8; 2]; N], distance: usize, places: &mut Places) {
    let steps = text.len().div_ceil(STEP).min(STEPS);
    // Those behind which there is enough; what is left, two at most, has nothing behind it.
    let whole = steps.min(text.len().saturating_sub(distance) / STEP);
    let mut rest = [0; 2 * STEP + BLOCK];
    let left = &text[whole * STEP..];
    let n = left.len().min(2 * STEP);
    rest[..n].copy_from_slice(&left[..n]);
    find_in_steps::<B, N>(text, 0..whole, pairs, distance, places);
    find_in_steps::<B, N>(&rest, whole..steps, pairs, distance, places);
}

/// Notes the places in those steps, with whose first one `text` begins.
#[inline(always)]
fn find_in_steps<B: Backend, const N: usize>(
    text: &[u8],
    steps: Range<usize>,
    pairs: [[u8; 2]; N],
    distance: usize,
    places: &mut Places,
) {
    if steps.is_empty() {
        return;
    }
    let bytes = steps.len() * STEP;
    let (firsts, seconds) = (&text[..bytes], &text[distance..][..bytes]);
    let (mut end, mut start) = (places.end, steps.start * STEP);
    for (first, second) in firsts.as_chunks::<STEP>().0.iter().zip(seconds.as_chunks::<STEP>().0) {
        let (first, second) = (first.as_chunks().0, second.as_chunks().0);
        let (low, high) = (B::pairs(&first[0], &second[0], pairs), B::pairs(&first[1], &second[1], pairs));
        let mask = u128::from(low) | u128::from(high) << BLOCK;
        // Each is noted, and the next one over it if it is nothing: no branch.
        (places.masks[end], places.starts[end]) = (mask, start as u16);
        end += usize::from(mask != 0);
        start += STEP;
    }
    places.end = end;
}
