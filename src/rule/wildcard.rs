//! Wildcards: text with gaps of any length.

use memchr::memmem;

/// A pattern with at least one `*`, cut at each of them: the text before the
/// first, those between, and the text behind the last. Any may be empty, but
/// those between.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wildcard {
    pieces: Box<[String]>,
}

impl Wildcard {
    /// Cuts a pattern into its pieces; one piece if there is no `*` in it.
    ///
    /// # Errors
    /// What is wrong, and before which character: two `*` side by side, or a
    /// backslash before anything but `*` and a backslash.
    pub(super) fn cut(text: &str) -> Result<Vec<String>, String> {
        let mut pieces = vec![String::new()];
        let mut characters = text.chars().enumerate().peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '*' if characters.peek().is_some_and(|&(_, next)| next == '*') => {
                    return Err(format!("has two * side by side at character {}", at + 1));
                }
                '*' => pieces.push(String::new()),
                character => {
                    let literal = match character {
                        '\\' => characters.next().map(|(_, escaped)| escaped).filter(|next| matches!(next, '*' | '\\')),
                        character => Some(character),
                    };
                    let literal = literal
                        .ok_or_else(|| format!("has a backslash before neither * nor \\ at character {}", at + 1))?;
                    pieces.last_mut().unwrap_or(&mut String::new()).push(literal);
                }
            }
        }
        Ok(pieces)
    }

    /// A wildcard of two pieces or more.
    pub(super) fn new(pieces: Vec<String>) -> Self {
        debug_assert!(pieces.len() > 1, "without a gap it is plain text");
        Self { pieces: pieces.into() }
    }

    /// What a match begins with.
    pub(super) fn head(&self) -> &str {
        self.pieces.first().map_or("", |piece| piece)
    }

    /// What a match ends with.
    pub(super) fn tail(&self) -> &str {
        self.pieces.last().map_or("", |piece| piece)
    }

    /// What a match holds between head and tail.
    pub(super) fn between(&self) -> &[String] {
        self.pieces.get(1..self.pieces.len() - 1).unwrap_or(&[])
    }

    /// Whether the whole of `text` matches. Each piece is taken where it comes
    /// first, which leaves the most for those behind it, so nothing has to be
    /// tried twice: the time is that of reading `text` once.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let rest = text.strip_prefix(self.head().as_bytes()).and_then(|rest| rest.strip_suffix(self.tail().as_bytes()));
        rest.is_some_and(|rest| self.between().iter().try_fold(rest, behind).is_some())
    }
}

/// What follows `piece` where it comes first.
fn behind<'a>(text: &'a [u8], piece: &String) -> Option<&'a [u8]> {
    memmem::find(text, piece.as_bytes()).map(|at| &text[at + piece.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_gaps_unless_they_are_escaped() {
        for (text, pieces) in [
            ("", &[""][..]),
            ("a", &["a"]),
            ("*", &["", ""]),
            ("a*b*", &["a", "b", ""]),
            (r"*\**", &["", "*", ""]),
            (r"\\*\\", &["\\", "\\"]),
            ("?[.]é*", &["?[.]é", ""]),
        ] {
            assert_eq!(Wildcard::cut(text).unwrap(), pieces, "{text}");
        }
        for (text, at) in [("a**", 2), (r"\***", 3), (r"é\b", 2), (r"a\", 2), ("**", 1), (r"\\\x", 3)] {
            let error = Wildcard::cut(text).unwrap_err();
            assert!(error.ends_with(&format!("at character {at}")), "{text}: {error}");
        }
    }

    #[test]
    fn pieces_come_in_order_and_do_not_overlap() {
        for (text, yes, no) in [
            ("a*c", &["ac", "abbc", "a\nc"][..], &["abcd", "A c", "c", "a"][..]),
            ("ab*ba", &["abba", "abxba"], &["aba", "ab", "ba"]),
            ("*a*b*", &["ab", "xaxbx", "bab"], &["ba", "", "a"]),
            ("*ab*ab*", &["abab", "xabxabx"], &["ab", "aab"]),
            ("x*aab*b", &["xaabb", "xaaabxb"], &["xaab", "aabb"]),
            ("*", &["", "x"], &[]),
        ] {
            let wildcard = Wildcard::new(Wildcard::cut(text).unwrap());
            for yes in yes {
                assert!(wildcard.matches(yes.as_bytes()), "{text} {yes}");
            }
            for no in no {
                assert!(!wildcard.matches(no.as_bytes()), "{text} {no}");
            }
        }
    }
}
