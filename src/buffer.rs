//! The rolling buffer: decompressed bytes with their masks, in bounded memory.
//!
//! In: bytes, written by inflate straight into [`Buffer::spare`]. Out: a
//! [`Window`] on what was classified of it, with the masks of its blocks. A byte
//! is classified before it is read first, and again only while its block is
//! incomplete.
//! Kept: what the stages above still need, moved to the front by
//! [`Buffer::roll`] in whole blocks, so that the masks move along.

mod container;

pub(crate) use container::Container;

use crate::limits::Limits;
use crate::scan::{self, BLOCK, Carry, Masks};

/// Decompressed bytes of one object that are still needed, and their masks.
pub struct Buffer {
    bytes: Box<[u8]>,
    masks: Box<[Masks]>,
    /// Bytes that arrived and are held: `bytes[..filled]`.
    filled: usize,
    /// Those that were classified: `bytes[..end]`.
    end: usize,
    /// Offset in the object of `bytes[0]`.
    origin: u64,
    /// The scan's state at the start of the block that holds `end`, from which
    /// that block is classified anew when more of it arrives.
    carry: Carry,
    window_bytes: usize,
}

impl Buffer {
    /// Allocates `max_record_bytes + window_bytes`, and masks, once.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let window_bytes = limits.window_bytes.next_multiple_of(BLOCK).max(BLOCK);
        // What is kept begins in the first block and is one record at most.
        let kept = (limits.max_record_bytes + BLOCK).next_multiple_of(BLOCK);
        let capacity = kept + window_bytes;
        Self {
            bytes: vec![0; capacity].into_boxed_slice(),
            masks: vec![Masks::default(); capacity / BLOCK].into_boxed_slice(),
            filled: 0,
            end: 0,
            origin: 0,
            carry: Carry::default(),
            window_bytes,
        }
    }

    /// A buffer that holds an object whole.
    #[must_use]
    pub fn holding(object: &[u8]) -> Self {
        // Nothing is ever kept: the window is all there is.
        let mut buffer = Self::new(&Limits { max_record_bytes: 0, window_bytes: object.len(), ..Limits::default() });
        buffer.spare()[..object.len()].copy_from_slice(object);
        buffer.fill(object.len());
        buffer
    }

    /// Empties the buffer for the next object.
    pub fn reset(&mut self) {
        (self.filled, self.end, self.origin, self.carry) = (0, 0, 0, Carry::default());
    }

    /// Everything that is held and was classified.
    #[must_use]
    pub fn window(&self) -> Window<'_> {
        Window { bytes: &self.bytes[..self.end], masks: &self.masks[..self.end.div_ceil(BLOCK)], origin: self.origin }
    }

    /// Drops the blocks before the object's byte `keep`.
    ///
    /// # Panics
    /// If `keep` was dropped before, or was not classified yet.
    pub fn roll(&mut self, keep: u64) {
        let keep = (keep - self.origin) as usize;
        assert!(keep <= self.end, "only bytes that were classified are dropped");
        let first = keep / BLOCK;
        self.bytes.copy_within(first * BLOCK..self.filled, 0);
        self.masks.copy_within(first..self.end.div_ceil(BLOCK), 0);
        self.filled -= first * BLOCK;
        self.end -= first * BLOCK;
        self.origin += (first * BLOCK) as u64;
    }

    /// Room for the next bytes: up to `window_bytes`, and never empty after a
    /// [`roll`](Self::roll) that keeps at most one record.
    pub fn spare(&mut self) -> &mut [u8] {
        let end = self.bytes.len().min(self.filled + self.window_bytes);
        &mut self.bytes[self.filled..end]
    }

    /// Takes over the first `n` bytes of [`spare`](Self::spare), and classifies them.
    pub fn fill(&mut self, n: usize) {
        self.arrive(n);
        while self.scan() {}
    }

    /// Takes over the first `n` bytes of [`spare`](Self::spare), to be classified later.
    pub fn arrive(&mut self, n: usize) {
        self.filled += n;
    }

    /// Classifies some of the bytes that arrived, so many that they and their masks stay
    /// in the L1 cache for who reads them next; false if none are left.
    pub fn scan(&mut self) -> bool {
        if self.end == self.filled {
            return false;
        }
        let first = self.end / BLOCK;
        self.end = self.filled.min(self.end + SCAN_BYTES);
        let complete = self.end / BLOCK;
        let (blocks, _) = self.bytes.as_chunks::<BLOCK>();
        scan::classify(&blocks[first..complete], &mut self.masks[first..complete], &mut self.carry);
        let rest = self.end % BLOCK;
        if rest > 0 {
            let mut last = [b' '; BLOCK];
            last[..rest].copy_from_slice(&blocks[complete][..rest]);
            // Provisional: `self.carry` stays where this block begins.
            scan::classify(&[last], &mut self.masks[complete..=complete], &mut self.carry.clone());
        }
        true
    }
}

/// Bytes that are classified at once.
pub(crate) const SCAN_BYTES: usize = 16 << 10;

/// A view of the bytes held in a [`Buffer`]. Positions are indices into
/// [`bytes`](Self::bytes); offsets count from the start of the object.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Their masks, one for each block begun.
    masks: &'a [Masks],
    /// Offset in the object of the first byte.
    pub origin: u64,
}

impl<'a> Window<'a> {
    /// The first quote at or after `at` that opens or closes a string.
    #[inline(always)]
    #[must_use]
    pub fn next_quote(&self, at: usize) -> Option<usize> {
        let mut block = at / BLOCK;
        let mut mask = self.masks.get(block)?.quotes & (!0 << (at % BLOCK));
        while mask == 0 {
            block += 1;
            mask = self.masks.get(block)?.quotes;
        }
        Some(block * BLOCK + mask.trailing_zeros() as usize)
    }

    /// The masks of all blocks.
    #[inline(always)]
    #[must_use]
    pub fn masks(&self) -> &'a [Masks] {
        self.masks
    }

    /// Whether there is a backslash in `from..to`.
    #[inline(always)]
    #[must_use]
    pub fn has_backslash(&self, from: usize, to: usize) -> bool {
        let (first, last) = (from / BLOCK, to / BLOCK);
        let before = !0 << (from % BLOCK);
        let behind = !(!0 << (to % BLOCK));
        let mask = |block: usize| self.masks.get(block).map_or(0, |masks| masks.backslashes);
        if first == last {
            return mask(first) & before & behind != 0;
        }
        // To look at all takes less time than to stop at the first.
        let between = self.masks[first + 1..last].iter().fold(0, |all, masks| all | masks.backslashes);
        (mask(first) & before) | between | (mask(last) & behind) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { max_record_bytes: 100, window_bytes: 64, ..Limits::default() }
    }

    #[test]
    fn bytes_that_arrive_in_any_pieces_have_the_masks_of_the_whole() {
        let text: Vec<u8> = br#"{"a\\":"\"[","b":[1,{}],"c":"}"}"#.repeat(4);
        let whole = Buffer::holding(&text);
        let expected = whole.window().masks();
        for step in 1..=64 {
            let mut buffer = Buffer::new(&Limits { max_record_bytes: 1000, window_bytes: 64, ..limits() });
            for piece in text.chunks(step) {
                buffer.spare()[..piece.len()].copy_from_slice(piece);
                buffer.fill(piece.len());
            }
            assert_eq!(buffer.window().masks(), expected, "pieces of {step}");
        }
    }

    #[test]
    fn a_roll_keeps_bytes_masks_and_offsets() {
        let mut buffer = Buffer::new(&limits());
        let mut text = [b'x'; 190];
        text[130] = b'{';
        text[189] = b'"';
        for piece in text.chunks(64) {
            buffer.spare()[..piece.len()].copy_from_slice(piece);
            buffer.fill(piece.len());
        }
        buffer.roll(130);
        let window = buffer.window();
        assert_eq!((window.origin, window.bytes), (128, &text[128..]));
        assert_eq!(window.masks()[0].opens, 1 << 2);
        assert_eq!(window.next_quote(0), Some(61));
        assert_eq!(buffer.spare().len(), 64);
    }
}
