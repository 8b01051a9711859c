//! The rolling buffer: decompressed bytes with their masks, in bounded memory.
//!
//! In: bytes, written by inflate straight into [`Buffer::spare`], or lent by who has
//! them decompressed ([`Buffer::lend`]). Out: a [`Window`] on what was classified of
//! them, with the masks of their blocks. A byte is classified before it is read first,
//! and again only while its group of blocks is incomplete.
//! Kept: what the stages above still need, moved to the front by
//! [`Buffer::roll`] in whole groups, so that the masks move along.

mod container;

pub(crate) use container::Container;

use crate::limits::{LONGEST_KEY, Limits};
use crate::scan::{self, BLOCK, BLOCKS, Carry, GROUP, Group, Masks};
use std::sync::atomic::{AtomicU64, Ordering};

/// Decompressed bytes of one object that are still needed, and their masks.
pub struct Buffer {
    bytes: Box<[u8]>,
    /// Bytes that arrived and are held: `bytes[..filled]`.
    filled: usize,
    scanned: Scanned,
    window_bytes: usize,
}

/// What is known of bytes, wherever they lie.
struct Scanned {
    groups: Box<[Group]>,
    /// How many bytes were classified.
    end: usize,
    /// Offset in the object of the first.
    origin: u64,
    /// The scan's state at the start of the group that holds `end`, from which
    /// that group is classified anew when more of it arrives.
    carry: Carry,
    /// The first backslash outside strings: an index into the bytes.
    stray: Option<usize>,
    /// Bytes that are classified at once.
    piece_bytes: usize,
    object: u64,
}

/// Numbers that objects in buffers had, so that no two have the same.
static OBJECTS: AtomicU64 = AtomicU64::new(1);

impl Buffer {
    /// Allocates `max_record_bytes + window_bytes` and a little, and masks, once.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let window_bytes = limits.window_bytes.next_multiple_of(BLOCK).max(BLOCK);
        // What is kept begins in the first group and is one record, or a key and its quote, at most.
        let kept = limits.max_record_bytes.max(LONGEST_KEY + 1);
        let capacity = (GROUP + kept + window_bytes).next_multiple_of(GROUP);
        Self {
            bytes: vec![0; capacity].into_boxed_slice(),
            filled: 0,
            scanned: Scanned {
                groups: vec![Group::default(); capacity / GROUP].into_boxed_slice(),
                end: 0,
                origin: 0,
                carry: Carry::default(),
                stray: None,
                piece_bytes: window_bytes.min(SCAN_BYTES),
                object: OBJECTS.fetch_add(1, Ordering::Relaxed),
            },
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
        self.filled = 0;
        self.scanned.reset();
    }

    /// Everything that is held and was classified.
    #[must_use]
    pub fn window(&self) -> Window<'_> {
        self.scanned.window(&self.bytes)
    }

    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.filled
    }

    /// Drops the groups before the object's byte `keep`.
    ///
    /// # Panics
    /// If `keep` was dropped before, or was not classified yet.
    pub fn roll(&mut self, keep: u64) {
        let dropped = self.scanned.roll(keep);
        if dropped > 0 {
            self.bytes.copy_within(dropped..self.filled, 0);
            self.filled -= dropped;
        }
    }

    /// Room for the next bytes: up to `window_bytes`, and never empty after a
    /// [`roll`](Self::roll) that keeps at most one record, or one key that is looked at.
    pub fn spare(&mut self) -> &mut [u8] {
        let end = self.bytes.len().min(self.filled + self.window_bytes);
        &mut self.bytes[self.filled..end]
    }

    /// Takes over the first `n` bytes of [`spare`](Self::spare), and classifies them.
    pub fn fill(&mut self, n: usize) {
        self.arrive(n);
        while self.scan() > 0 {}
    }

    /// Takes over the first `n` bytes of [`spare`](Self::spare), to be classified later.
    pub fn arrive(&mut self, n: usize) {
        self.filled += n;
    }

    /// Classifies some of the bytes that arrived, so many that they and their masks stay
    /// in the L1 cache for who reads them next, and says how many; 0 if none are left.
    pub fn scan(&mut self) -> usize {
        self.scanned.scan(&self.bytes[..self.filled])
    }

    /// Reads `bytes` in their place. They begin with those that are held and were
    /// classified, byte for byte.
    ///
    /// # Panics
    /// If not all that are held were classified, or `bytes` are fewer. That they are the
    /// same is asserted in debug builds only.
    pub fn lend<'a>(&'a mut self, bytes: &'a [u8]) -> Lent<'a> {
        assert_eq!(self.scanned.end, self.filled, "what was not classified would be forgotten");
        assert!(self.filled <= bytes.len(), "those that are held are among them");
        debug_assert!(bytes.starts_with(&self.bytes[..self.filled]), "and they are the same");
        Lent { buffer: self, bytes }
    }
}

/// Bytes that lie elsewhere and are read there: what need not be copied. When it is
/// dropped, the buffer holds those of them that were classified and not rolled away.
pub struct Lent<'a> {
    buffer: &'a mut Buffer,
    bytes: &'a [u8],
}

impl Lent<'_> {
    /// As [`Buffer::window`].
    #[must_use]
    pub fn window(&self) -> Window<'_> {
        self.buffer.scanned.window(self.bytes)
    }

    /// As [`Buffer::roll`].
    ///
    /// # Panics
    /// As that.
    pub fn roll(&mut self, keep: u64) {
        self.bytes = &self.bytes[self.buffer.scanned.roll(keep)..];
    }

    /// As [`Buffer::scan`].
    ///
    /// # Panics
    /// If more is kept since the last [`roll`](Self::roll) than [`Buffer::spare`] allows for.
    pub fn scan(&mut self) -> usize {
        self.buffer.scanned.scan(self.bytes)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let end = self.buffer.scanned.end;
        self.buffer.bytes[..end].copy_from_slice(&self.bytes[..end]);
        self.buffer.filled = end;
    }
}

impl Scanned {
    fn reset(&mut self) {
        (self.end, self.origin) = (0, 0);
        (self.carry, self.stray) = (Carry::default(), None);
        self.object = OBJECTS.fetch_add(1, Ordering::Relaxed);
    }

    fn window<'a>(&'a self, bytes: &'a [u8]) -> Window<'a> {
        Window {
            bytes: &bytes[..self.end],
            groups: &self.groups[..self.end.div_ceil(GROUP)],
            origin: self.origin,
            stray: self.stray,
            object: self.object,
        }
    }

    /// Forgets the groups before the object's byte `keep`, and returns their bytes.
    fn roll(&mut self, keep: u64) -> usize {
        let keep = (keep - self.origin) as usize;
        assert!(keep <= self.end, "only bytes that were classified are dropped");
        let (first, dropped) = (keep / GROUP, keep / GROUP * GROUP);
        if dropped == 0 {
            return 0;
        }
        self.groups.copy_within(first..self.end.div_ceil(GROUP), 0);
        self.end -= dropped;
        self.origin += dropped as u64;
        self.stray = self.stray.map(|stray| stray.saturating_sub(dropped));
        dropped
    }

    /// Classifies some of `all`, behind those that were classified, and says how many.
    fn scan(&mut self, all: &[u8]) -> usize {
        let (before, first) = (self.end, self.end / GROUP);
        let mut end = all.len().min(before + self.piece_bytes);
        if end < all.len() && end / GROUP > first {
            // Whole groups, while there are more: what is begun is classified again.
            end = end / GROUP * GROUP;
        }
        if end == before {
            return 0;
        }
        let complete = end / GROUP;
        let (bytes, _) = all.as_chunks::<GROUP>();
        let stray = scan::classify(&bytes[first..complete], &mut self.groups[first..complete], &mut self.carry);
        let mut stray = stray.map(|stray| first * GROUP + stray);
        let rest = &all[complete * GROUP..end];
        if !rest.is_empty() {
            let mut last = [b' '; GROUP];
            last[..rest.len()].copy_from_slice(rest);
            // Provisional: `self.carry` stays where this group begins.
            let found = scan::classify(&[last], &mut self.groups[complete..=complete], &mut self.carry.clone());
            stray = stray.or(found.map(|stray| complete * GROUP + stray));
        }
        self.stray = self.stray.or(stray);
        self.end = end;
        end - before
    }
}

/// Bytes that are classified at once, if the window is not smaller.
const SCAN_BYTES: usize = 16 << 10;

/// A view of bytes that are held in a [`Buffer`], or lent to it. Positions are indices into
/// [`bytes`](Self::bytes); offsets count from the start of the object.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Their masks, for each group begun.
    groups: &'a [Group],
    /// Offset in the object of the first byte.
    pub origin: u64,
    /// Where the first backslash outside strings is.
    stray: Option<usize>,
    object: u64,
}

impl<'a> Window<'a> {
    /// The first quote at or after `at` that opens or closes a string.
    #[inline(always)]
    #[must_use]
    pub fn next_quote(&self, at: usize) -> Option<usize> {
        let mut block = at / BLOCK;
        let mut mask = self.masks(block)?.quotes & (!0 << (at % BLOCK));
        while mask == 0 {
            block += 1;
            mask = self.masks(block)?.quotes;
        }
        Some(block * BLOCK + mask.trailing_zeros() as usize)
    }

    /// The quotes among the 64 bytes from `at` on, a bit for each.
    #[inline(always)]
    #[must_use]
    pub fn quotes_from(&self, at: usize) -> u64 {
        self.from(at, |masks| masks.quotes)
    }

    /// The backslashes among the 64 bytes from `at` on, a bit for each.
    #[inline(always)]
    #[must_use]
    pub fn backslashes_from(&self, at: usize) -> u64 {
        self.from(at, |masks| masks.backslashes)
    }

    #[inline(always)]
    fn from(&self, at: usize, mask: impl Fn(Masks) -> u64) -> u64 {
        let (block, bit) = (at / BLOCK, at % BLOCK);
        let of = |block| self.masks(block).map_or(0, &mask);
        // In two steps, as no shift is by 64.
        of(block) >> bit | of(block + 1) << 1 << (BLOCK - 1 - bit)
    }

    /// The masks of one block, if its group was begun.
    #[inline(always)]
    #[must_use]
    pub fn masks(&self, block: usize) -> Option<Masks> {
        Some(self.groups.get(block / BLOCKS)?.masks(block % BLOCKS))
    }

    /// Whether there is a backslash in `from..to`.
    #[inline(always)]
    #[must_use]
    pub fn has_backslash(&self, from: usize, to: usize) -> bool {
        let mask = |block| self.masks(block).map_or(0, |masks| masks.backslashes);
        let (first, last) = (from / BLOCK, to / BLOCK);
        let (before, behind) = (!0 << (from % BLOCK), !(!0 << (to % BLOCK)));
        if first == last {
            return mask(first) & before & behind != 0;
        }
        // To look at all takes less time than to stop at the first.
        let between = (first + 1..last).fold(0, |all, block| all | mask(block));
        (mask(first) & before) | between | (mask(last) & behind) != 0
    }

    /// Where the first block that has a backslash begins, at or after `at`, or `at` if it
    /// is in that block.
    #[inline(always)]
    #[must_use]
    pub fn next_escapes(&self, at: usize) -> Option<usize> {
        let (first, mut wanted) = (at / GROUP, !0 << (at % GROUP / BLOCK));
        for (index, group) in (first..).zip(self.groups.get(first..)?) {
            let blocks = group.escapes() & wanted;
            if blocks != 0 {
                return Some(at.max(index * GROUP + blocks.trailing_zeros() as usize * BLOCK));
            }
            wanted = !0;
        }
        None
    }

    /// A number for the object, which no other has had while the program ran, nor this one
    /// if it is read anew: for who remembers something about its bytes.
    #[inline(always)]
    #[must_use]
    pub fn object_number(&self) -> u64 {
        self.object
    }

    /// The brackets that are open where `at` is.
    #[inline(always)]
    pub(crate) fn depth(&self, at: usize) -> i64 {
        self.masks(at / BLOCK).map_or(0, |masks| masks.depth_at(at % BLOCK))
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
        let expected = whole.window().groups;
        let steps: &[usize] = if cfg!(miri) { &[13, 64] } else { &Vec::from_iter(1..=64) };
        for &step in steps {
            let mut buffer = Buffer::new(&Limits { max_record_bytes: 1000, window_bytes: 64, ..limits() });
            for piece in text.chunks(step) {
                buffer.spare()[..piece.len()].copy_from_slice(piece);
                buffer.fill(piece.len());
            }
            assert_eq!(buffer.window().groups, expected, "pieces of {step}");
        }
    }

    #[test]
    fn what_64_bytes_have_is_told_from_wherever_they_begin() {
        let text = [&[b'x'; 60][..], br#""a\\b","\"""#, &[b'x'; 60], br#""\\""#].concat();
        let buffer = Buffer::holding(&text);
        let window = buffer.window();
        let is_quote = |at: usize| [60, 65, 67, 70, 131, 134].contains(&at);
        for at in 0..text.len() {
            let bits = |is: &dyn Fn(usize) -> bool| (0..64).fold(0, |bits, bit| bits | u64::from(is(at + bit)) << bit);
            assert_eq!(window.quotes_from(at), bits(&is_quote), "from {at}");
            assert_eq!(window.backslashes_from(at), bits(&|at| text.get(at) == Some(&b'\\')), "from {at}");
        }
    }

    #[test]
    fn no_object_has_the_number_of_another() {
        let mut buffer = Buffer::holding(b"[]");
        let first = buffer.window().object_number();
        buffer.reset();
        assert_ne!(buffer.window().object_number(), first);
        assert_ne!(Buffer::holding(b"[]").window().object_number(), first);
    }

    #[test]
    fn what_is_lent_is_read_in_its_place_and_what_is_left_of_it_is_held() {
        let text: Vec<u8> = br#"{"a\":"\"[","b":[1,{}],"c":"}"}"#.repeat(60);
        let limits = Limits { max_record_bytes: 300, window_bytes: 700, ..limits() };
        // What is held before, how much of the text is lent, and how much is let go in between.
        for (held, end, keep) in [(0, 1500, 1200), (0, 1500, 0), (100, 1400, 1250), (0, text.len(), text.len())] {
            let (mut buffer, mut copied) = (Buffer::new(&limits), Buffer::new(&limits));
            buffer.spare()[..held].copy_from_slice(&text[..held]);
            buffer.fill(held);
            let mut lent = buffer.lend(&text[..end]);
            let mut seen = held;
            while seen < keep {
                seen += lent.scan();
                assert_eq!(lent.window().bytes.as_ptr_range().end, text[..seen].as_ptr_range().end);
                lent.roll(seen.min(keep) as u64);
            }
            seen += lent.scan();
            drop(lent);
            let mut arrived = 0;
            for piece in text[..seen].chunks(300) {
                copied.spare()[..piece.len()].copy_from_slice(piece);
                copied.fill(piece.len());
                arrived += piece.len();
                copied.roll(arrived.min(keep) as u64);
            }
            for buffer in [&mut buffer, &mut copied] {
                buffer.spare()[..9].copy_from_slice(&text[..9]);
                buffer.fill(9);
            }
            let (window, expected) = (buffer.window(), copied.window());
            assert_eq!((window.bytes, window.origin), (expected.bytes, expected.origin), "{held} {end} {keep}");
            assert_eq!((window.groups, window.stray), (expected.groups, expected.stray), "{held} {end} {keep}");
        }
    }

    #[test]
    fn a_roll_keeps_bytes_masks_and_offsets() {
        let mut buffer = Buffer::new(&limits());
        let mut text = [b'x'; 639];
        text[530] = b'{';
        text[600] = b'\\';
        text[638] = b'"';
        for piece in text.chunks(64) {
            buffer.spare()[..piece.len()].copy_from_slice(piece);
            buffer.fill(piece.len());
        }
        buffer.roll(530);
        let window = buffer.window();
        assert_eq!((window.origin, window.bytes), (512, &text[512..]));
        assert_eq!(window.masks(0).map(|masks| masks.opens), Some(1 << 18));
        assert_eq!((window.next_quote(0), window.stray), (Some(126), Some(88)));
        assert_eq!(
            (window.next_escapes(0), window.next_escapes(70), window.next_escapes(90)),
            (Some(64), Some(70), Some(90))
        );
        assert_eq!((window.depth(18), window.depth(19), window.next_escapes(128)), (0, 1, None));
        assert_eq!(buffer.spare().len(), 64);
    }
}
