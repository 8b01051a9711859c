//! 64-byte blocks of JSON to bitmasks, eight blocks at a time.
//!
//! In: the bytes of a buffer, group after group of eight blocks. Out: one [`Group`]
//! for each, in which every block has its [`Masks`]: bit *i* stands for byte *i* (the
//! least significant bit is the first byte). Kept between groups: a [`Carry`]. Nothing
//! is refused; whether the structure makes sense is for the stages above.
//!
//! The algorithm, for one block:
//!
//! 1. A backend finds every `"`, every `\`, every one of `{ [` and every one of `} ]`.
//! 2. `escaped` = the bytes that stand after an odd run of backslashes.
//! 3. `quotes` = the `"` that are not escaped: each opens or closes a string.
//! 4. `in_string` = the running parity of `quotes` (a prefix XOR), which covers
//!    each string from its opening quote to the byte before its closing one.
//! 5. `opens` and `closes` = the brackets outside strings.
//! 6. `floor` = the brackets that are open where the first one closes in the block, less
//!    all that close in it: behind none of those fewer are open, so one comparison tells
//!    that a container does not end there.
//!
//! Step 1 differs between processors ([`Backend`]). The others are written once over `u64`;
//! but one backend, whose registers have room for the masks of eight blocks, does steps 4
//! to 6 as well for all eight at once, in two fifths of the time. The loop over groups is
//! generic over the backend, so that the choice, made once for the process, costs one
//! dispatch per buffer.
//!
//! A backslash outside strings, which no valid JSON has, is told to the caller: if it were
//! overlooked, it would turn strings inside out for the rest of the object.
//!
//! # Before you edit
//!
//! * A further kind of byte needs a field in [`Found`], [`Group`] and [`Masks`], and a case in
//!   `naive` and in the fuzzer's twin, against which all backends are run. The table for
//!   AVX-512 has no bit left for one.
//! * Steps 4 to 6 stand in [`Backend::resolve`], and once more for AVX-512.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod bits;
#[cfg(test)]
mod naive;
mod pairs;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use pairs::{MAX_PAIRS, Pairs, Places, STRETCH};

use bits::{carried, escaped, prefix_xor};
use std::sync::atomic::{AtomicU8, Ordering};

/// Bytes for which there is one mask of each kind.
pub const BLOCK: usize = 64;

/// Blocks in a group.
pub const BLOCKS: usize = 8;

/// Bytes classified at once.
pub const GROUP: usize = BLOCKS * BLOCK;

/// What the bytes of one block are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masks {
    /// Quotes that open or close a string.
    pub quotes: u64,
    /// Opening brackets outside strings.
    pub opens: u64,
    /// Closing brackets outside strings.
    pub closes: u64,
    /// Backslashes, wherever they stand: no string needs unescaping without.
    pub backslashes: u64,
    /// Brackets that are open before the block.
    pub depth: i64,
}

/// The [`Masks`] of eight blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct Group {
    quotes: [u64; BLOCKS],
    opens: [u64; BLOCKS],
    closes: [u64; BLOCKS],
    backslashes: [u64; BLOCKS],
    /// The blocks that have a backslash.
    escapes: u8,
    /// Brackets that are open before the group.
    depth: i64,
    /// How many more there are before each block.
    rises: [i16; BLOCKS],
    /// How few may be open behind one that closes in each block: 0 for less, and
    /// [`MOST`] for more.
    floors: [u8; BLOCKS],
}

/// The highest floor that is told from higher ones.
const MOST: u8 = 127;

/// What one group leaves behind for the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carry {
    /// 1 if the next byte is escaped by a backslash, else 0.
    escaped: u64,
    /// All ones if the next byte is inside a string, else 0.
    in_string: u64,
    /// Brackets that are open.
    depth: i64,
}

/// What a backend finds in one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
}

/// The part of the scan that depends on the processor: to find the bytes that
/// matter, above all.
trait Backend {
    /// Step 1: notes in `group` what its bytes are.
    fn find(bytes: &[u8; GROUP], group: &mut Group);

    /// Where the first byte of one of `pairs` is in `block`, and the second at the same place
    /// in `behind`.
    fn pairs<const N: usize>(block: &[u8; BLOCK], behind: &[u8; BLOCK], pairs: [[u8; 2]; N]) -> u64;

    /// Bit *i* of the result is the parity of bits 0 to *i*.
    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        prefix_xor(bits)
    }

    /// Steps 4 to 6, for a group in which all that was found is noted and no quote is
    /// escaped. Returns whether there is a backslash outside strings.
    #[inline(always)]
    fn resolve(group: &mut Group, carry: &mut Carry) -> bool {
        let (mut strays, mut rise) = (0, 0);
        for block in 0..BLOCKS {
            let in_string = carried(Self::prefix_xor(group.quotes[block]), &mut carry.in_string);
            let (opens, closes) = (group.opens[block] & !in_string, group.closes[block] & !in_string);
            (group.opens[block], group.closes[block]) = (opens, closes);
            strays |= group.backslashes[block] & !in_string;
            let behind_first = opens & !before_first(closes);
            group.rises[block] = rise as i16;
            rise += i64::from(opens.count_ones()) - i64::from(closes.count_ones());
            let floor = group.depth + rise - i64::from(behind_first.count_ones());
            group.floors[block] = floor.clamp(0, MOST.into()) as u8;
        }
        carry.depth += rise;
        strays != 0
    }
}

/// Step 1, one block after the other.
#[inline(always)]
fn find_by_block(bytes: &[u8; GROUP], group: &mut Group, find: impl Fn(&[u8; BLOCK]) -> Found) {
    for (block, bytes) in bytes.as_chunks().0.iter().enumerate().take(BLOCKS) {
        let found = find(bytes);
        group.quotes[block] = found.quotes;
        group.backslashes[block] = found.backslashes;
        group.opens[block] = found.opens;
        group.closes[block] = found.closes;
    }
}

/// The bits before the first that is set; all, if none is.
#[inline(always)]
pub(crate) const fn before_first(bits: u64) -> u64 {
    bits.wrapping_sub(1) & !bits
}

/// A backend, from the plainest to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Plain code, for any processor.
    Portable,
    /// 64-bit Arm.
    Neon,
    /// x86-64 with AVX2, carry-less multiplication and bit manipulation.
    Avx2,
    /// The same with AVX-512 BW, DQ, VBMI and VPOPCNTDQ, GFNI and VPCLMULQDQ.
    Avx512,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// The name in the environment, by which a better one can be ruled out.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// The best that this processor has, up to `most`.
    fn best(most: Self) -> Detected {
        #[cfg(target_arch = "x86_64")]
        return x86_64::best(most);
        #[cfg(target_arch = "aarch64")]
        return Detected(if most >= Self::Neon { Self::Neon } else { Self::Portable });
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let _ = most;
            Detected(Self::Portable)
        }
    }
}

/// A level that this processor is known to have: [`Level::best`] makes it, and
/// [`detected`] reads back what that made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Detected(Level);

// By its number a level is read back.
const _: () = {
    let mut index = 0;
    while index < Level::ALL.len() {
        assert!(Level::ALL[index] as usize == index);
        index += 1;
    }
};

/// The level in use, plus 1; 0 until one is chosen.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The backend in use: the best that the processor has, unless it was limited.
#[inline(always)]
pub fn level() -> Level {
    detected().0
}

#[inline(always)]
fn detected() -> Detected {
    match LEVEL.load(Ordering::Relaxed) {
        0 => limit_to(Level::Avx512),
        level => Detected(Level::ALL[usize::from(level - 1) % Level::ALL.len()]),
    }
}

/// Uses no better backend than `most` from now on, and returns the one in use:
/// for tests and measurements, and to rule a backend out as the cause of a fault.
pub fn limit(most: Level) -> Level {
    limit_to(most).0
}

#[cold]
fn limit_to(most: Level) -> Detected {
    let best = Level::best(most);
    LEVEL.store(best.0 as u8 + 1, Ordering::Relaxed);
    best
}

/// Classifies `bytes` into `groups`, one for each, and moves `carry` on. Returns the
/// index of the first backslash outside strings.
///
/// # Panics
/// If `groups` is not as long as `bytes`.
pub fn classify(bytes: &[[u8; GROUP]], groups: &mut [Group], carry: &mut Carry) -> Option<usize> {
    classify_at(detected(), bytes, groups, carry)
}

fn classify_at(level: Detected, bytes: &[[u8; GROUP]], groups: &mut [Group], carry: &mut Carry) -> Option<usize> {
    match level.0 {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 | Level::Avx512 => x86_64::classify(level, bytes, groups, carry),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => classify_with::<aarch64::Neon>(bytes, groups, carry),
        _ => classify_with::<portable::Portable>(bytes, groups, carry),
    }
}

/// Finds where any of `pairs` is in `text`, both bytes of it, the first of them among the
/// first [`STRETCH`] bytes; `places` holds no others then.
pub fn find_pairs(text: &[u8], pairs: &Pairs, places: &mut Places) {
    find_pairs_at(detected(), text, pairs, places);
}

fn find_pairs_at(level: Detected, text: &[u8], pairs: &Pairs, places: &mut Places) {
    match level.0 {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 | Level::Avx512 => x86_64::find_pairs(level, text, pairs, places),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => pairs::find_with::<aarch64::Neon>(text, pairs, places),
        _ => pairs::find_with::<portable::Portable>(text, pairs, places),
    }
}

/// Does `work` with the instructions for single bits that this processor has:
/// what loops over masks takes half of the time with them. They are not there by
/// default on x86-64, which is 20 years older.
///
/// Only what is inlined into `work` gains.
#[inline(always)]
pub fn fast<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    return x86_64::fast(work);
    #[cfg(not(target_arch = "x86_64"))]
    work()
}

#[inline(always)]
fn classify_with<B: Backend>(bytes: &[[u8; GROUP]], groups: &mut [Group], carry: &mut Carry) -> Option<usize> {
    assert_eq!(bytes.len(), groups.len(), "one for each");
    for (bytes, group) in bytes.iter().zip(&mut *groups) {
        B::find(bytes, group);
    }
    // A pass of its own: what is found in many groups does not wait for what is carried from
    // one to the next. In one pass it took a tenth longer.
    let mut stray = None;
    let mut state = *carry;
    for (index, group) in groups.iter_mut().enumerate() {
        let before = state;
        (group.depth, group.escapes) = (state.depth, 0);
        if state.escaped != 0 || group.backslashes.iter().fold(0, |all, mask| all | mask) != 0 {
            state.drop_escaped(group);
        }
        if B::resolve(group, &mut state) && stray.is_none() {
            stray = first_stray(group, before.in_string).map(|at| index * GROUP + at);
        }
    }
    *carry = state;
    stray
}

/// The first backslash outside strings; `inside` is [`Carry::in_string`] before the group.
#[cold]
fn first_stray(group: &Group, mut inside: u64) -> Option<usize> {
    for block in 0..BLOCKS {
        let strays = group.backslashes[block] & !carried(prefix_xor(group.quotes[block]), &mut inside);
        if strays != 0 {
            return Some(block * BLOCK + strays.trailing_zeros() as usize);
        }
    }
    None
}

impl Carry {
    /// Steps 2 and 3, and which blocks have backslashes.
    #[cold]
    fn drop_escaped(&mut self, group: &mut Group) {
        for block in 0..BLOCKS {
            let backslashes = group.backslashes[block];
            group.quotes[block] &= !escaped(backslashes, &mut self.escaped);
            group.escapes |= u8::from(backslashes != 0) << block;
        }
    }
}

impl Masks {
    /// The brackets that are open before byte `at` of the block.
    #[inline(always)]
    #[must_use]
    pub fn depth_at(&self, at: usize) -> i64 {
        let before = !(!0 << at);
        let count = |mask: u64| i64::from((mask & before).count_ones());
        self.depth + count(self.opens) - count(self.closes)
    }
}

impl Group {
    /// The blocks in which one may close behind which so few are open as `depth`: the highest
    /// bit of byte *i* stands for block *i*.
    #[inline(always)]
    #[must_use]
    pub fn low_blocks(&self, depth: i64) -> u64 {
        const ONES: u64 = u64::MAX / 255;
        const HIGHEST: u64 = ONES << 7;
        // All blocks, if more are open than can be told.
        let above = depth.clamp(0, MOST.into()) as u64 + 1;
        // The highest bits stay where as many as `above` can be taken from the floor.
        !((u64::from_le_bytes(self.floors) | HIGHEST) - above * ONES) & HIGHEST
    }

    /// The blocks that have a backslash, a bit for each.
    #[inline(always)]
    #[must_use]
    pub fn escapes(&self) -> u8 {
        self.escapes
    }

    /// The masks of one of its blocks.
    #[inline(always)]
    #[must_use]
    pub fn masks(&self, block: usize) -> Masks {
        Masks {
            quotes: self.quotes[block],
            opens: self.opens[block],
            closes: self.closes[block],
            backslashes: self.backslashes[block],
            depth: self.depth + i64::from(self.rises[block]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    /// Under Miri, which takes a thousand times as long, not every place is looked at.
    const STEP: usize = if cfg!(miri) { 61 } else { 1 };

    fn agrees_with_naive(text: &[u8]) {
        let mut padded = text.to_vec();
        padded.resize(text.len().next_multiple_of(GROUP), b' ');
        let (bytes, _) = padded.as_chunks::<GROUP>();
        let expected = naive::classify(&padded);
        // Every backend that the processor has.
        for level in Level::ALL.map(Level::best) {
            let mut groups = vec![Group::default(); bytes.len()];
            let stray = classify_at(level, bytes, &mut groups, &mut Carry::default());
            assert_eq!((groups, stray), expected, "{level:?}: {:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn every_byte_value_at_every_position() {
        let bytes = if cfg!(miri) { b"\"\\{}[]:,a\xff".to_vec() } else { (0..=255).collect() };
        for byte in bytes {
            for at in (0..GROUP).step_by(if cfg!(miri) { 171 } else { 1 }) {
                let mut group = [b'a'; GROUP];
                group[at] = byte;
                agrees_with_naive(&group);
            }
        }
    }

    #[test]
    fn backslash_runs_of_every_length_at_every_alignment() {
        for run in (0..=130).step_by(STEP) {
            for shift in (0..BLOCK).step_by(STEP) {
                let mut text = vec![b' '; shift];
                text.push(b'"');
                text.resize(text.len() + run, b'\\');
                text.extend_from_slice(b"\"{\"}");
                agrees_with_naive(&text);
            }
        }
    }

    #[test]
    fn strings_escapes_and_depth_go_on_in_the_next_group() {
        let mut text = [b' '; 3 * GROUP];
        // A string over all of the second group, and an escaped quote over the next edge.
        text[GROUP - 2..GROUP].copy_from_slice(b"{\"");
        text[GROUP + 1] = b'{';
        text[2 * GROUP - 1] = b'\\';
        text[2 * GROUP..2 * GROUP + 3].copy_from_slice(b"\"\"{");
        agrees_with_naive(&text);
        let (bytes, _) = text.as_chunks::<GROUP>();
        let (mut groups, mut carry) = ([Group::default(); 3], Carry::default());
        for (bytes, group) in bytes.iter().zip(&mut groups) {
            assert_eq!(classify(&[*bytes], std::slice::from_mut(group), &mut carry), None);
        }
        assert_eq!(groups.map(|group| group.masks(0).opens), [0, 0, 1 << 2]);
        assert_eq!(groups.map(|group| group.masks(7).quotes), [1 << 63, 0, 0]);
        assert_eq!(groups.map(|group| group.masks(0).depth), [0, 1, 1]);
        assert_eq!(groups.map(|group| group.escapes()), [0, 1 << 7, 0]);
    }

    #[test]
    fn whatever_the_depth_no_block_is_passed_over_in_which_it_is_reached() {
        let mut random = Random::new(5);
        for _ in 0..rounds(300) {
            // From far below none to far more than can be told.
            let closing = random.below(9);
            let text: Vec<u8> = (0..4 * GROUP).map(|_| if random.below(8) < closing { b'}' } else { b'{' }).collect();
            agrees_with_naive(&text);
            let (groups, _) = naive::classify(&text);
            let mut depth = 0;
            for (at, byte) in text.iter().enumerate() {
                depth += if *byte == b'{' { 1 } else { -1 };
                let low = groups[at / GROUP].low_blocks(depth) >> (at % GROUP / BLOCK * 8 + 7) & 1;
                assert!(low == 1 || *byte == b'{', "{at}: {depth}");
                let masks = groups[at / GROUP].masks(at % GROUP / BLOCK);
                assert_eq!(masks.depth_at(at % BLOCK), if *byte == b'{' { depth - 1 } else { depth + 1 });
            }
        }
    }

    #[test]
    fn random_bytes_of_the_kinds_that_matter() {
        let mut random = Random::new(7);
        let alphabet = b"\"\"\\\\{}[]:, a";
        for _ in 0..rounds(5_000) {
            let text: Vec<u8> = (0..random.below(1_500)).map(|_| alphabet[random.below(alphabet.len())]).collect();
            agrees_with_naive(&text);
        }
    }

    #[test]
    fn pairs_are_found_wherever_they_are_and_whatever_the_distance() {
        let mut random = Random::new(9);
        let (mut found, mut places) = (0, Places::new());
        for round in 0..rounds(20_000) {
            let alphabet = b"aabccccccccccccccc";
            // Now and then more than is searched at once.
            let bytes = random.below(if round % 1_000 == 999 { 2 * STRETCH } else { 600 });
            let text: Vec<u8> = (0..bytes).map(|_| alphabet[random.below(alphabet.len())]).collect();
            let distance = 1 + random.below(63);
            let pairs: Vec<[u8; 2]> =
                (0..random.below(MAX_PAIRS + 1)).map(|_| *[b"ab", b"aa", b"bb", b"ba"][random.below(4)]).collect();
            let is = |at: &usize| text.get(at + distance).is_some_and(|&second| pairs.contains(&[text[*at], second]));
            let expected: Vec<usize> = (0..text.len().min(STRETCH)).filter(is).collect();
            found += expected.len();
            for level in Level::ALL.map(Level::best) {
                find_pairs_at(level, &text, &Pairs::new(&pairs, distance), &mut places);
                let mut all = Vec::new();
                while let Some(place) = places.peek() {
                    all.push(place);
                    places.take();
                }
                assert_eq!(all, expected, "{level:?} {distance} {pairs:?}");
            }
        }
        assert!(found > rounds(20_000), "{found}");
    }

    #[test]
    fn each_level_has_its_name() {
        for level in Level::ALL {
            assert_eq!(Level::named(level.name()), Some(level));
        }
        assert_eq!(Level::named("mmx"), None);
    }

    #[test]
    fn no_level_is_chosen_that_is_above_the_limit_or_not_there() {
        for most in Level::ALL {
            let Detected(level) = Level::best(most);
            assert!(level <= most && Level::best(level) == Detected(level), "{level:?} for {most:?}");
        }
        assert_eq!(Level::best(Level::Portable), Detected(Level::Portable));
    }

    #[test]
    fn the_first_backslash_outside_a_string_is_told() {
        let mut text = [b' '; 2 * GROUP];
        text[600..611].copy_from_slice(br#"{"\\":\"x"}"#);
        let (bytes, _) = text.as_chunks::<GROUP>();
        assert_eq!(classify(bytes, &mut [Group::default(); 2], &mut Carry::default()), Some(606));
    }
}
