//! Which brackets are open, one bit each.

/// A stack of open brackets: a bit per level, so that 8 levels take a byte and
/// a megabyte of `[` is no recursion and no allocation to speak of.
pub(crate) struct Brackets {
    levels: Levels,
    outer: Outer,
}

/// The innermost levels. By itself, so that a loop over brackets can keep it in
/// registers: through memory, each bracket waits for the one before.
#[derive(Clone, Copy)]
struct Levels {
    /// The levels of the current word, the innermost in the lowest bit; 1 is a
    /// brace.
    word: u64,
    /// Whether they were forgotten.
    untyped: bool,
    depth: usize,
}

/// Words of outer levels, all full.
struct Outer {
    words: Vec<u64>,
    /// Words that were only counted, behind `max_words` of them.
    forgotten: usize,
    max_words: usize,
}

/// Why a bracket does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unbalanced {
    Mismatch,
    /// It is no bracket but a backslash outside strings.
    Backslash,
}

impl Brackets {
    /// Levels beyond `max_depth`, rounded up to a whole word of them, are
    /// counted and not told apart.
    pub(crate) fn new(max_depth: usize) -> Self {
        let outer = Outer { words: Vec::new(), forgotten: 0, max_words: max_depth.div_ceil(64) };
        Self { levels: Levels { word: 0, untyped: false, depth: 0 }, outer }
    }

    pub(crate) fn clear(&mut self) {
        self.levels.depth = 0;
        self.outer.words.clear();
        self.outer.forgotten = 0;
    }

    /// Takes the brackets of `bytes` at `stops`, up to the one that closes the
    /// outermost, whose position is returned; `None` if that is still to come.
    /// Calls `inner` for each that begins or ends a container directly inside the
    /// outermost, with its position or the one behind it.
    ///
    /// # Errors
    /// What does not fit, and its position.
    #[inline(always)]
    pub(crate) fn close(
        &mut self,
        bytes: &[u8],
        stops: impl Iterator<Item = usize>,
        mut inner: impl FnMut(usize),
    ) -> Result<Option<usize>, (Unbalanced, usize)> {
        let mut levels = self.levels;
        let mut end = Ok(None);
        for stop in stops {
            let closes = match levels.take(&mut self.outer, bytes[stop]) {
                Ok(closes) => closes,
                Err(fault) => {
                    end = Err((fault, stop));
                    break;
                }
            };
            if levels.depth == 0 {
                end = Ok(Some(stop));
                break;
            }
            if levels.depth == 2 - usize::from(closes) {
                inner(stop + usize::from(closes));
            }
        }
        self.levels = levels;
        end
    }
}

impl Levels {
    /// Takes one of `{ } [ ]`, and returns whether it closes.
    #[inline(always)]
    fn take(&mut self, outer: &mut Outer, bracket: u8) -> Result<bool, Unbalanced> {
        // '{' and '}' have bit 5, '[' and ']' have not; opening ones have bit 1,
        // and closing ones and the backslash have not.
        let brace = u64::from((bracket >> 5) & 1);
        if bracket & 0b10 != 0 {
            self.word = (self.word << 1) | brace;
            self.depth += 1;
            if self.depth.is_multiple_of(64) {
                outer.push(self.word);
                self.untyped = false;
            }
            return Ok(false);
        }
        if bracket == b'\\' {
            return Err(Unbalanced::Backslash);
        }
        if self.depth.is_multiple_of(64) {
            let word = outer.pop()?;
            (self.word, self.untyped) = (word.unwrap_or(0), word.is_none());
        }
        if self.word & 1 != brace && !self.untyped {
            return Err(Unbalanced::Mismatch);
        }
        self.word >>= 1;
        self.depth -= 1;
        Ok(true)
    }
}

impl Outer {
    #[cold]
    fn push(&mut self, word: u64) {
        // Behind a word that was forgotten all are.
        if self.words.len() < self.max_words { self.words.push(word) } else { self.forgotten += 1 }
    }

    /// The last word; `None` in place of one that was forgotten.
    #[cold]
    fn pop(&mut self) -> Result<Option<u64>, Unbalanced> {
        if self.forgotten > 0 {
            self.forgotten -= 1;
            return Ok(None);
        }
        self.words.pop().map(Some).ok_or(Unbalanced::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    #[test]
    fn agrees_with_a_plain_stack() {
        let mut random = Random::new(11);
        let mut ends = [0; 3];
        for round in 0..rounds(2_000) {
            // Mostly the right bracket.
            let (mut stack, mut text) = (Vec::new(), Vec::new());
            for _ in 0..2_000 {
                let byte = match random.below(100) {
                    0..50 if round % 3 > 0 || random.below(4) > 0 => *b"{[".get(random.below(2)).unwrap(),
                    99 if random.below(50) == 0 => b"]}\\"[random.below(3)],
                    _ if round % 2 == 0 && stack.len() < 3 => b'[',
                    _ => stack.last().map_or(b'{', |open| open + 2),
                };
                text.push(byte);
                if byte & 0b10 != 0 {
                    stack.push(byte);
                } else {
                    stack.pop();
                }
                if stack.is_empty() {
                    break;
                }
            }

            let (mut stack, mut inner, mut expected) = (Vec::new(), Vec::new(), Ok(None));
            for (at, &byte) in text.iter().enumerate() {
                match byte {
                    b'{' | b'[' => {
                        stack.push(byte);
                        if stack.len() == 2 {
                            inner.push(at);
                        }
                    }
                    b'\\' => expected = Err((Unbalanced::Backslash, at)),
                    _ if stack.len() <= 128 && stack.last() != Some(&(byte - 2)) => {
                        expected = Err((Unbalanced::Mismatch, at));
                    }
                    _ if stack.pop().is_none() => {}
                    _ if stack.is_empty() => expected = Ok(Some(at)),
                    _ if stack.len() == 1 => inner.push(at + 1),
                    _ => {}
                }
                if expected != Ok(None) {
                    break;
                }
            }

            // In two calls, cut anywhere.
            let cut = random.below(text.len() + 1);
            let mut brackets = Brackets::new(128);
            let mut seen = Vec::new();
            let end = match brackets.close(&text, 0..cut, |at| seen.push(at)) {
                Ok(None) => brackets.close(&text, cut..text.len(), |at| seen.push(at)),
                end => end,
            };
            assert_eq!((end, seen), (expected, inner));
            ends[match end {
                Ok(None) => 0,
                Ok(Some(_)) => 1,
                Err(_) => 2,
            }] += 1;
        }
        assert!(cfg!(miri) || ends.iter().all(|&count| count > 100), "{ends:?}");
    }
}
