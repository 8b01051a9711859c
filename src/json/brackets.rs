//! Which brackets are open, one bit each.

/// A stack of open brackets: a bit per level, so that 8 levels take a byte and
/// a megabyte of `[` is no recursion and no allocation to speak of.
pub(crate) struct Brackets {
    /// The levels of the current word, the innermost in the lowest bit; 1 is a
    /// brace.
    word: u64,
    /// Words of outer levels, all full.
    outer: Vec<u64>,
    depth: usize,
    max_words: usize,
}

/// Why a bracket does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unbalanced {
    Mismatch,
    TooDeep,
}

impl Brackets {
    /// `max_depth` is rounded up to a whole word of levels.
    pub(crate) fn new(max_depth: usize) -> Self {
        Self { word: 0, outer: Vec::new(), depth: 0, max_words: max_depth.div_ceil(64) }
    }

    pub(crate) fn clear(&mut self) {
        self.depth = 0;
        self.outer.clear();
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Takes one of `{ } [ ]`.
    #[inline(always)]
    pub(crate) fn take(&mut self, bracket: u8) -> Result<(), Unbalanced> {
        // '{' and '}' have bit 5, '[' and ']' have not; opening ones have bit 1
        // and closing ones bit 2.
        let brace = u64::from((bracket >> 5) & 1);
        if bracket & 0b10 != 0 {
            self.word = (self.word << 1) | brace;
            self.depth += 1;
            if self.depth.is_multiple_of(64) { self.word_full() } else { Ok(()) }
        } else {
            if self.depth.is_multiple_of(64) {
                self.word = self.outer.pop().ok_or(Unbalanced::Mismatch)?;
            }
            if self.word & 1 != brace {
                return Err(Unbalanced::Mismatch);
            }
            self.word >>= 1;
            self.depth -= 1;
            Ok(())
        }
    }

    #[cold]
    fn word_full(&mut self) -> Result<(), Unbalanced> {
        if self.outer.len() == self.max_words {
            return Err(Unbalanced::TooDeep);
        }
        self.outer.push(self.word);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_plain_stack() {
        let mut random = crate::testing::Random::new(11);
        for round in 0..200 {
            let mut brackets = Brackets::new(640);
            let mut stack = Vec::new();
            for _ in 0..2_000 {
                let opens = random.below(100) < 40 + round / 5;
                let bracket = if opens {
                    *b"{[".get(random.below(2)).unwrap()
                } else {
                    // Mostly the right one.
                    let wrong = random.below(500) == 0;
                    if (stack.last() == Some(&b'{')) ^ wrong { b'}' } else { b']' }
                };
                let expected = match bracket {
                    b'{' | b'[' if stack.len() == 703 => Err(Unbalanced::TooDeep),
                    b'{' | b'[' => {
                        stack.push(bracket);
                        Ok(())
                    }
                    _ if stack.last() == Some(&(bracket - 2)) => {
                        stack.pop();
                        Ok(())
                    }
                    _ => Err(Unbalanced::Mismatch),
                };
                assert_eq!(brackets.take(bracket), expected);
                if expected.is_err() {
                    break;
                }
                assert_eq!(brackets.depth(), stack.len());
            }
        }
    }
}
