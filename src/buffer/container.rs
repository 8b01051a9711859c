//! From an object's or array's opening bracket to its closing one.
//!
//! In: a [`Window`], again after each time it grew. Out: where the container
//! ends. Kept between calls: a count, and whether there was a backslash. What
//! lies inside is not looked at, nor how deep it is: a block in which fewer
//! brackets close than are open cannot hold the end, so two sums of bits are all
//! that it takes, and of the whole block.
//!
//! Brackets are counted without their type, and only the last must be of the
//! first one's. A stack of them took three times as long, for nothing that
//! anyone looks at.

use super::Window;
use crate::Expected;
use crate::scan::{self, BLOCK};

/// An object or array that is walked over.
#[derive(Clone, Copy)]
pub(crate) struct Container {
    /// Brackets that are open, its own among them.
    depth: usize,
    /// The bracket that ends it.
    close: u8,
    /// The backslashes of all blocks walked over, one upon the other.
    backslashes: u64,
}

impl Container {
    /// One that begins with `bracket`, `{` or `[`.
    #[inline(always)]
    pub(crate) fn opened_by(bracket: u8) -> Self {
        // '{' and '}', and '[' and ']', are two apart.
        Self { depth: 1, close: bracket + 2, backslashes: 0 }
    }

    /// Whether there may be a backslash in what was walked over.
    pub(crate) fn may_have_escapes(&self) -> bool {
        self.backslashes != 0
    }

    /// Walks on from `at`, which is behind the opening bracket at first, and returns
    /// the position behind the closing one; `None` if that is still to come.
    ///
    /// # Errors
    /// What does not fit, and its position.
    #[inline(always)]
    pub(crate) fn walk(&mut self, window: &Window<'_>, at: usize) -> Result<Option<usize>, (Expected, usize)> {
        let end = scan::fast(
            #[inline(always)]
            || self.end(window, at),
        );
        if self.backslashes != 0
            && let Some(stray) = stray(window, at, end)
        {
            return Err((Expected::Value, stray));
        }
        match end {
            None => Ok(None),
            Some(end) if window.bytes.get(end) == Some(&self.close) => Ok(Some(end + 1)),
            Some(end) => Err((Expected::MatchingBracket, end)),
        }
    }

    /// Where the container closes.
    #[inline(always)]
    fn end(&mut self, window: &Window<'_>, at: usize) -> Option<usize> {
        let Self { mut depth, mut backslashes, .. } = *self;
        let mut wanted = !0 << (at % BLOCK);
        let mut end = None;
        for (block, masks) in (at / BLOCK..).zip(window.masks.get(at / BLOCK..)?) {
            let (opens, closes) = (masks.opens & wanted, masks.closes & wanted);
            let closed = closes.count_ones() as usize;
            backslashes |= masks.backslashes;
            if closed >= depth {
                end = end_in_block(depth, opens, closes).map(|end| block * BLOCK + end);
                if end.is_some() {
                    break;
                }
            }
            depth = depth + opens.count_ones() as usize - closed;
            wanted = !0;
        }
        (self.depth, self.backslashes) = (depth, backslashes);
        end
    }
}

/// As [`Container::end`], in one block, in which something closes.
#[inline(always)]
fn end_in_block(depth: usize, opens: u64, mut closes: u64) -> Option<usize> {
    let mut closed = 0;
    loop {
        let lowest = closes & closes.wrapping_neg();
        closed += 1;
        if depth + (opens & lowest.wrapping_sub(1)).count_ones() as usize == closed {
            return Some(lowest.trailing_zeros() as usize);
        }
        closes ^= lowest;
        if closes == 0 {
            return None;
        }
    }
}

/// The first backslash outside strings from `at` on, if it is in the window and not
/// behind `end`: they are among what closes.
#[cold]
fn stray(window: &Window<'_>, at: usize, end: Option<usize>) -> Option<usize> {
    let mut wanted = !0 << (at % BLOCK);
    for (block, masks) in (at / BLOCK..).zip(window.masks.get(at / BLOCK..)?) {
        if end.is_some_and(|end| block > end / BLOCK) {
            break;
        }
        let strays = masks.closes & masks.backslashes & wanted;
        if strays != 0 {
            let stray = block * BLOCK + strays.trailing_zeros() as usize;
            return end.is_none_or(|end| stray <= end).then_some(stray);
        }
        wanted = !0;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;
    use crate::testing::{Random, rounds};

    #[test]
    fn agrees_with_a_plain_count() {
        let mut random = Random::new(11);
        let mut ends = [0; 4];
        for round in 0..rounds(5_000) {
            // Mostly inside one another, or mostly one behind the other.
            let pieces: &[&str] = &["{", "[", "}", "]", "\"}]\"", "\"\\\"\\\\\"", "1", "    ", ",", "\\"];
            let weights = [[4, 2, 3, 2], [3, 3, 3, 3], [1, 1, 4, 4]][round % 3];
            let kinds: Vec<usize> = (0..4).flat_map(|kind| std::iter::repeat_n(kind, weights[kind])).collect();
            let mut text = String::from(["{", "["][random.below(2)]);
            for _ in 0..random.below(300) {
                let kind = match random.below(1_000) {
                    0 => 9,
                    1..500 => 4 + random.below(5),
                    _ => kinds[random.below(kinds.len())],
                };
                text.push_str(pieces[kind]);
            }

            let (mut depth, mut in_string, mut escaped, mut expected) = (0usize, false, false, Ok(None));
            for (at, byte) in text.bytes().enumerate() {
                match byte {
                    _ if in_string && escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => in_string = !in_string,
                    _ if in_string => {}
                    b'{' | b'[' => depth += 1,
                    b'\\' => expected = Err((Expected::Value, at)),
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            let fits = byte == text.as_bytes()[0] + 2;
                            expected = if fits { Ok(Some(at + 1)) } else { Err((Expected::MatchingBracket, at)) };
                        }
                    }
                    _ => {}
                }
                if expected != Ok(None) {
                    break;
                }
            }

            // Over two windows, cut anywhere.
            let cut = 1 + random.below(text.len());
            let mut container = Container::opened_by(text.as_bytes()[0]);
            let mut end = container.walk(&Buffer::holding(&text.as_bytes()[..cut]).window(), 1);
            if end == Ok(None) {
                end = container.walk(&Buffer::holding(text.as_bytes()).window(), cut);
            }
            assert_eq!(end, expected, "{text} cut at {cut}");
            let walked = end.ok().flatten().unwrap_or(text.len());
            if expected.is_ok() && text[..walked].contains('\\') {
                assert!(container.may_have_escapes());
            }
            ends[match end {
                Ok(None) => 0,
                Ok(Some(_)) => 1,
                Err((Expected::Value, _)) => 2,
                Err(_) => 3,
            }] += 1;
        }
        assert!(cfg!(miri) || ends.iter().all(|&count| count > 50), "{ends:?}");
    }
}
