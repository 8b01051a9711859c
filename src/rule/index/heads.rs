//! Which of many texts a text begins with.

/// Texts, sorted, each with what it stands for. A lookup is one binary search
/// and a walk over what it finds, whatever their number.
#[derive(Debug)]
pub(super) struct Heads<T> {
    /// What all of them begin with.
    common: Box<[u8]>,
    /// The first 8 bytes behind what is common, as numbers in the same order:
    /// the search goes over these, which lie side by side.
    keys: Vec<u64>,
    heads: Vec<Head<T>>,
    /// Bytes of the longest, that is how much of a text is looked at.
    longest: usize,
}

#[derive(Debug)]
struct Head<T> {
    /// What is behind the common part.
    rest: Box<[u8]>,
    /// The longest other that this one begins with.
    inside: Option<u32>,
    what: Vec<T>,
}

impl<T> Default for Heads<T> {
    fn default() -> Self {
        Self { common: Box::default(), keys: Vec::new(), heads: Vec::new(), longest: 0 }
    }
}

impl<T> Heads<T> {
    pub(super) fn new(mut texts: Vec<(Vec<u8>, T)>) -> Self {
        texts.sort_by(|(one, _), (other, _)| one.cmp(other));
        let longest = texts.iter().map(|(text, _)| text.len()).max().unwrap_or(0);
        // The first and the last differ most.
        let common = match (texts.first(), texts.last()) {
            (Some((first, _)), Some((last, _))) => first[..shared(first, last)].into(),
            _ => Box::default(),
        };
        let mut new = Self { keys: Vec::new(), heads: Vec::new(), longest, common };
        for (text, what) in texts {
            let rest = &text[new.common.len()..];
            match new.heads.last_mut() {
                Some(head) if *head.rest == *rest => head.what.push(what),
                _ => {
                    let inside = new.inside(rest);
                    new.keys.push(key(rest));
                    new.heads.push(Head { rest: rest.into(), inside, what: vec![what] });
                }
            }
        }
        new
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Calls `found` for each that `text` begins with.
    pub(super) fn find<'a>(&'a self, text: &[u8], mut found: impl FnMut(&'a T)) {
        let Some(rest) = text.strip_prefix(&*self.common) else { return };
        let mut next = self.inside(rest);
        while let Some(head) = next.and_then(|place| self.heads.get(place as usize)) {
            head.what.iter().for_each(&mut found);
            next = head.inside;
        }
    }

    /// The longest of them that `rest` begins with. It is the last that is not
    /// behind `rest` in order, or one that that one begins with: whatever lies
    /// between a text and one of its beginnings begins so too.
    fn inside(&self, rest: &[u8]) -> Option<u32> {
        let key = key(rest);
        let before = self.keys.partition_point(|&other| other < key);
        let same = self.keys[before..].iter().take_while(|&&other| other == key).count();
        let behind = before + self.heads[before..before + same].partition_point(|head| *head.rest <= *rest);
        let last = behind.checked_sub(1)?;
        let shared = shared(&self.heads[last].rest, rest);
        let mut place = Some(last as u32);
        while let Some(head) = place.and_then(|place| self.heads.get(place as usize)) {
            if head.rest.len() <= shared {
                return place;
            }
            place = head.inside;
        }
        None
    }
}

/// The first 8 bytes, in an order that is that of the texts as far as it goes.
fn key(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text[..length]);
    u64::from_be_bytes(bytes)
}

/// How many bytes two texts have in common at their start.
fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    #[test]
    fn finds_what_a_walk_over_all_finds() {
        let mut random = Random::new(5);
        let text = |random: &mut Random, longest: usize| -> Vec<u8> {
            let start: &[u8] = [&b""[..], b"arn:aws:iam::"][random.below(2)];
            [start, &(0..random.below(longest)).map(|_| b"ab\0"[random.below(3)]).collect::<Vec<u8>>()].concat()
        };
        for _ in 0..rounds(5_000) {
            let texts: Vec<_> = (0..random.below(12)).map(|id| (text(&mut random, 12), id)).collect();
            let heads = Heads::new(texts.clone());
            for _ in 0..10 {
                let text = text(&mut random, 14);
                let expected: Vec<usize> =
                    texts.iter().filter(|(head, _)| text.starts_with(head)).map(|(_, id)| *id).collect();
                let mut got = Vec::new();
                heads.find(&text, |&id| got.push(id));
                got.sort_unstable();
                assert_eq!(got, expected, "{text:?} in {texts:?}");
            }
        }
    }
}
