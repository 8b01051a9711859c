//! Which of many texts are anywhere in a text.

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, PatternID};

/// Texts, none of them empty, looked for all at once by the automaton of Aho and
/// Corasick. As an NFA it takes room for each of their bytes, and a step for
/// each byte of a text and each back; the DFA, a little faster, would take a
/// kilobyte for each of their bytes.
#[derive(Debug)]
pub(super) struct Pieces(NFA);

/// Which pieces were found in the current text, so that each is told once.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Number of the text.
    now: u64,
    /// The text in which each piece was last found.
    last: Vec<u64>,
}

impl Pieces {
    /// From different texts. `None` if together they are too long for the
    /// automaton, which is at some gigabytes.
    pub(super) fn new(texts: &[&str]) -> Option<Self> {
        NFA::new(texts).ok().map(Self)
    }

    /// Calls `found` for the number of each piece that is in `text`, once.
    pub(super) fn find(&self, text: &[u8], seen: &mut Seen, mut found: impl FnMut(usize)) {
        let Ok(mut state) = self.0.start_state(Anchored::No) else { return };
        seen.begin(self.0.patterns_len());
        for &byte in text {
            state = self.0.next_state(Anchored::No, state, byte);
            if self.0.is_match(state) {
                for at in 0..self.0.match_len(state) {
                    let piece = self.0.match_pattern(state, at);
                    // The longest that ends here comes first, and all others
                    // are those that end where it does: they were told with it.
                    // Without this, a text of one letter would take time for
                    // each of its letters and all pieces of that letter.
                    if !seen.first(piece) {
                        break;
                    }
                    found(piece.as_usize());
                }
            }
        }
    }
}

impl Seen {
    fn begin(&mut self, pieces: usize) {
        self.now += 1;
        if self.last.len() < pieces {
            self.last.resize(pieces, 0);
        }
    }

    fn first(&mut self, piece: PatternID) -> bool {
        std::mem::replace(&mut self.last[piece.as_usize()], self.now) != self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    #[test]
    fn finds_what_a_search_for_each_finds() {
        let mut random = Random::new(8);
        let mut seen = Seen::default();
        for _ in 0..rounds(5_000) {
            let text = |random: &mut Random, longest: usize| -> String {
                (0..1 + random.below(longest)).map(|_| ["a", "b", "é"][random.below(3)]).collect()
            };
            let mut texts: Vec<String> = (0..1 + random.below(12)).map(|_| text(&mut random, 6)).collect();
            texts.sort();
            texts.dedup();
            // The order in which they are given plays no part.
            texts.reverse();
            let pieces = Pieces::new(&texts.iter().map(|text| &text[..]).collect::<Vec<_>>()).unwrap();
            for _ in 0..5 {
                let text = text(&mut random, 20);
                let expected: Vec<usize> = (0..texts.len()).filter(|&at| text.contains(&texts[at])).collect();
                let mut got = Vec::new();
                pieces.find(text.as_bytes(), &mut seen, |piece| got.push(piece));
                got.sort_unstable();
                assert_eq!(got, expected, "{text:?} in {texts:?}");
            }
        }
    }
}
