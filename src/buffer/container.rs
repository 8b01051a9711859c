//! From an object's or array's opening bracket to its closing one.
//!
//! In: a [`Window`], again after each time it grew. Out: where the container
//! ends. Kept between calls: how many brackets are open around it. What lies inside is
//! not looked at: the scan has counted the brackets, and of each block it is known how
//! few are open in it at least, so one comparison tells of nearly all that the end is
//! not there.
//!
//! Brackets are counted without their type, and only the last must be of the
//! first one's. A stack of them took three times as long, for nothing that
//! anyone looks at.

use super::Window;
use crate::Expected;
use crate::scan::{self, BLOCK, GROUP, Masks, before_first};

/// An object or array that is walked over.
#[derive(Clone, Copy)]
pub(crate) struct Container {
    /// Brackets that are open around it.
    depth: i64,
    /// The bracket that ends it.
    close: u8,
}

impl Container {
    /// One that begins with `bracket`, `{` or `[`, where `depth` others are open.
    #[inline(always)]
    pub(crate) fn new(bracket: u8, depth: i64) -> Self {
        // '{' and '}', and '[' and ']', are two apart.
        Self { depth, close: bracket + 2 }
    }

    /// The one whose opening bracket is at `start`.
    ///
    /// # Panics
    /// If `start` is not in the window.
    #[inline(always)]
    pub(crate) fn at(window: &Window<'_>, start: usize) -> Self {
        Self::new(window.bytes[start], window.depth(start))
    }

    /// Walks on from `at`, which is behind the opening bracket at first, and returns
    /// the position behind the closing one; `None` if that is still to come.
    ///
    /// # Errors
    /// What does not fit, and its position.
    #[inline(always)]
    pub(crate) fn walk(self, window: &Window<'_>, at: usize) -> Result<Option<usize>, (Expected, usize)> {
        let end = scan::fast(
            #[inline(always)]
            || self.end(window, at),
        );
        if let Some(stray) = window.stray
            && end.is_none_or(|end| stray < end)
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
    fn end(self, window: &Window<'_>, at: usize) -> Option<usize> {
        let (first, mut wanted) = (at / GROUP, !0 << (at % GROUP / BLOCK * 8));
        for (index, group) in (first..).zip(window.groups.get(first..)?) {
            let mut low = group.low_blocks(self.depth) & wanted;
            while low != 0 {
                let block = low.trailing_zeros() as usize / 8;
                let start = index * GROUP + block * BLOCK;
                if let Some(end) = self.end_in_block(group.masks(block), at.saturating_sub(start)) {
                    return Some(start + end);
                }
                low &= low - 1;
            }
            wanted = !0;
        }
        None
    }

    /// As [`end`](Self::end), in one block: by runs of brackets that close, with none that
    /// opens between them, since a record's end is mostly the last of the first run.
    #[inline(always)]
    fn end_in_block(self, masks: Masks, at: usize) -> Option<usize> {
        let mut closes = masks.closes & (!0 << at);
        while closes != 0 {
            let beyond_first = !(closes ^ closes.wrapping_sub(1));
            let mut run = closes & before_first(masks.opens & beyond_first);
            closes &= !run;
            let up_to_last = !0 >> run.leading_zeros();
            let count = |mask: u64| i64::from((mask & up_to_last).count_ones());
            let mut depth = masks.depth + count(masks.opens) - count(masks.closes);
            if depth <= self.depth {
                // It may be before the last.
                while let Some(last) = run.checked_ilog2()
                    && depth < self.depth
                {
                    run ^= 1 << last;
                    depth += 1;
                }
                return run.checked_ilog2().map(|last| last as usize);
            }
        }
        None
    }
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

            // At any place and depth, and over two windows, cut anywhere.
            let around = format!("{}{}", " ".repeat(random.below(600)), "[".repeat(random.below(200)));
            let start = around.len();
            let whole = format!("{around}{text}");
            let cut = start + 1 + random.below(text.len());
            let part = Buffer::holding(&whole.as_bytes()[..cut]);
            let container = Container::at(&part.window(), start);
            let mut end = container.walk(&part.window(), start + 1);
            if end == Ok(None) {
                end = container.walk(&Buffer::holding(whole.as_bytes()).window(), cut);
            }
            let end = end.map(|end| end.map(|end| end - start)).map_err(|(expected, at)| (expected, at - start));
            assert_eq!(end, expected, "{whole} cut at {cut}");
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
