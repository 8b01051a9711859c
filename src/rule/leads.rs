//! Which records may match a rule, by their text alone.
//!
//! In: a record, and the paths by which rules are found. Out: whether a value that
//! leads to a rule may be at one of them. "No" is certain; "yes" is for the matcher
//! to look into.
//!
//! ```text
//! for each path: for each place where its last key stands as text, with the quote behind:
//!     if it is the end of a longer key, or a value: it is none
//!     if a sound value stands behind it, and leads to no rule: it is not this one
//!     else the record may match
//! if none was a key: the record may match
//! ```
//!
//! Where in the record a key stands is not asked, so one that is elsewhere too costs a
//! look in vain, and none is missed. Nor is it asked whether the rest of the record is
//! sound: only one in which no key is found, or something odd is around one, is left to
//! those who ask. A key that is spelled with escapes has a `\u`, and a record that has one
//! may match.
//!
//! To search for a text takes a quarter of the time that it takes to find the members. It
//! is searched for in all bytes that are held, as far as the next place where it is: that
//! serves the records behind, too.

use crate::buffer::Window;
use crate::json::{self, Scalar};
use crate::paths::{self, Slot};
use crate::records::Record;
use crate::scan::{self, Pair};
use std::ops::Range;

/// The paths by which the rules of a set are found, as text to look for.
#[derive(Debug)]
pub(super) struct Leads {
    keys: Vec<Key>,
}

/// What an escaped key has.
const ESCAPE: Pair = Pair::new(*br"\u", 1);

#[derive(Debug)]
struct Key {
    slot: Slot,
    /// The last key of the path and its quote.
    text: Box<[u8]>,
    /// Two bytes of it that are rare, and where the first is.
    pair: Pair,
    place: usize,
    /// Whether the path has keys before.
    nested: bool,
}

/// How far each of the keys was searched for, in the object at hand.
#[derive(Debug, Default)]
pub(super) struct Searched {
    object: u64,
    backslashes: Gap,
    keys: Vec<Gap>,
}

/// Offsets between which nothing begins that is searched for.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    from: u64,
    to: u64,
    /// Whether one begins at `to`.
    found: bool,
}

/// Keys that are looked for one after the other; with more it is faster to walk over
/// a record once.
const MAX_KEYS: usize = 8;

impl Leads {
    /// `None` if there are too many paths, or one that text alone cannot find.
    pub(super) fn new<'a>(paths: impl Iterator<Item = (&'a str, Slot)>) -> Option<Self> {
        let keys: Option<Vec<_>> = paths.map(|(path, slot)| Key::new(path, slot)).take(MAX_KEYS + 1).collect();
        keys.filter(|keys| keys.len() <= MAX_KEYS).map(|keys| Self { keys })
    }

    /// Whether `record` may have, at one of the paths, a value for which `leads` holds.
    #[inline]
    pub(super) fn may_be_in(
        &self,
        window: &Window<'_>,
        record: Record,
        searched: &mut Searched,
        mut leads: impl FnMut(Slot, Scalar<'_>) -> bool,
    ) -> bool {
        searched.begin(window, self.keys.len());
        let whole = record.start..record.end;
        let may_be_escaped = searched
            .backslashes
            .next(window, whole, 1, |from| window.next_escapes(from))
            .is_some_and(|backslash| scan::find_pair(window.bytes, backslash..record.end, ESCAPE).is_some());
        if may_be_escaped || !is_compact(&window.bytes[record.start..record.end]) {
            return true;
        }
        let mut seen = false;
        for (key, gap) in self.keys.iter().zip(&mut searched.keys) {
            // A quote is before each key, and a brace before that.
            let mut from = record.start + 2 + key.place;
            while let Some(start) = key.find(window, from..record.end, gap) {
                match key.look(start, record.end, window, &mut leads) {
                    Look::Elsewhere => {}
                    Look::Not => seen = true,
                    Look::Maybe => return true,
                }
                from = start + key.text.len();
            }
        }
        !seen
    }
}

impl Searched {
    /// Forgets what was found in another object.
    #[inline(always)]
    fn begin(&mut self, window: &Window<'_>, keys: usize) {
        if self.object != window.object_number() || self.keys.len() != keys {
            self.object = window.object_number();
            self.backslashes = Gap::default();
            self.keys.clear();
            self.keys.resize(keys, Gap::default());
        }
    }
}

impl Gap {
    /// Where in `range` the first thing begins that `search` finds, which has so many
    /// `bytes`: without a search, as far as it is known already.
    #[inline(always)]
    fn next(
        &mut self,
        window: &Window<'_>,
        range: Range<usize>,
        bytes: usize,
        search: impl Fn(usize) -> Option<usize>,
    ) -> Option<usize> {
        let offset = |at: usize| window.origin + at as u64;
        if !(self.from..=self.to).contains(&offset(range.start)) {
            *self = Self { from: offset(range.start), to: offset(range.start), found: false };
        }
        if !self.found && self.to < offset(range.end) {
            let from = (self.to - window.origin) as usize;
            let found = search(from);
            self.found = found.is_some();
            // One that begins near the end may be there, but not yet whole.
            let end = (window.bytes.len() + 1).saturating_sub(bytes).max(from);
            self.to = offset(found.unwrap_or(end));
        }
        (self.found && self.to < offset(range.end)).then(|| (self.to - window.origin) as usize)
    }
}

/// What the text around a key's text says.
enum Look {
    /// It is not the key.
    Elsewhere,
    /// It is, and its value leads to no rule.
    Not,
    /// It is for others to see.
    Maybe,
}

/// Whether a record begins and ends as one without white space does. It keeps what is
/// spaced, and what is JSON to some and not to others, such as bare keys and a comma
/// behind the last member, for those who see to it.
fn is_compact(record: &[u8]) -> bool {
    matches!(record, [b'{', b'"', .., last, b'}'] if json::is_scalar(*last) || matches!(last, b'"' | b'}' | b']'))
}

impl Key {
    fn new(path: &str, slot: Slot) -> Option<Self> {
        let (nested, last) = path.rsplit_once('.').map_or((false, path), |(_, last)| (true, last));
        // What these are in may be spelled with escapes that have no `\u`.
        let escapable = |byte| byte < b' ' || matches!(byte, b'"' | b'\\' | b'/');
        if last.is_empty() || last.bytes().any(escapable) {
            return None;
        }
        let text = format!("{last}\"").into_bytes();
        // Those of the last 64, as bytes are compared by the block.
        let mut places: Vec<usize> = (text.len().saturating_sub(scan::BLOCK)..text.len()).collect();
        places.sort_by_key(|&place| commonness(text[place]));
        let (first, second) = (places[0].min(places[1]), places[0].max(places[1]));
        let pair = Pair::new([text[first], text[second]], second - first);
        Some(Self { slot, text: text.into(), pair, place: first, nested })
    }

    /// Where in `range` its text is next.
    #[inline(always)]
    fn find(&self, window: &Window<'_>, mut range: Range<usize>, gap: &mut Gap) -> Option<usize> {
        loop {
            let search = |from| scan::find_pair(window.bytes, from..window.bytes.len(), self.pair);
            let found = gap.next(window, range.clone(), self.pair.span(), search)?;
            let start = found - self.place;
            if window.bytes[start..range.end].get(..self.text.len()).is_some_and(|text| paths::equal(text, &self.text))
            {
                return Some(start);
            }
            range.start = found + 1;
        }
    }

    /// Looks at the place at `start`, where its text is, in a record that ends at `last`.
    #[inline(always)]
    fn look(
        &self,
        start: usize,
        last: usize,
        window: &Window<'_>,
        leads: &mut impl FnMut(Slot, Scalar<'_>) -> bool,
    ) -> Look {
        let (bytes, end) = (&window.bytes[..last], start + self.text.len());
        match (bytes[start - 1], bytes[end]) {
            // A value.
            (b'"', b',' | b'}' | b']') => return Look::Elsewhere,
            (b'"', b':') if matches!(bytes[start - 2], b',' | b'{') => {}
            // Several keys in one.
            (b'.', _) if self.nested => return Look::Maybe,
            (b'"', _) => return Look::Maybe,
            // The end of a longer one.
            _ => return Look::Elsewhere,
        }
        let value = end + 1;
        let (sound, behind, leads) = match bytes.get(value) {
            Some(b'"') => {
                let Some(quote) = window.next_quote(value + 1).filter(|&quote| quote < last) else {
                    return Look::Maybe;
                };
                let text = &bytes[value + 1..quote];
                let sound = !window.has_backslash(value, quote) && json::string::check(text).is_ok();
                (sound, quote + 1, leads(self.slot, Scalar::String(text)))
            }
            _ => {
                let behind = json::scalar_end(bytes, value);
                let Ok(scalar) = Scalar::parse(bytes.get(value..behind).unwrap_or_default()) else {
                    return Look::Maybe;
                };
                (true, behind, leads(self.slot, scalar))
            }
        };
        let ends = matches!(bytes.get(behind), Some(b',' | b'}'));
        if sound && ends && !leads { Look::Not } else { Look::Maybe }
    }
}

/// How common a byte is in the text of records, by its place in a list.
fn commonness(byte: u8) -> usize {
    // Letters from the rarest on, as in English; a capital letter is rarer than any.
    let letters = b"zqxjkvbpygfwmucldrhsnioate\"";
    letters.iter().position(|&letter| letter == byte).map_or(0, |place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;
    use crate::records::{Layout, Read, RecordReader};

    /// Whether a value for which `leads` holds may be at one of `paths` in a record.
    fn may_be_in(paths: &[&str], record: &str, mut leads: impl FnMut(Scalar<'_>) -> bool) -> bool {
        let found = Leads::new(paths.iter().map(|&path| (path, 0))).unwrap();
        let buffer = Buffer::holding(format!("[{record}]").as_bytes());
        let window = buffer.window();
        let mut reader = RecordReader::new(&crate::Limits::default(), Layout::Files);
        let Ok(Read::Record(record)) = reader.read(&window) else { panic!("{record}") };
        found.may_be_in(&window, record, &mut Searched::default(), |_, value| leads(value))
    }

    #[test]
    fn values_behind_the_key_decide_and_whatever_is_odd_there() {
        let is_x = |value: Scalar<'_>| matches!(value, Scalar::String(b"x") | Scalar::Number("1") | Scalar::Null);
        for (record, expected) in [
            (r#"{"key":"x"}"#, true),
            (r#"{"key":"y"}"#, false),
            (r#"{"key":"y","key":"x"}"#, true),
            (r#"{"a":{"b":[{"key":"x"}]}}"#, true),
            (r#"{"key":1}"#, true),
            (r#"{"key":2,"b":1}"#, false),
            (r#"{"key":null}"#, true),
            (r#"{"key":true}"#, false),
            (r#"{"key":{"a":"x"}}"#, true),
            (r#"{"key":[]}"#, true),
            // Not the key, or not this one.
            (r#"{"a":"key","key":0}"#, false),
            (r#"{"a":["key","key"],"key":0}"#, false),
            (r#"{"monkey":"x","key":0}"#, false),
            (r#"{"a.key":"x","key":0}"#, false),
            (r#"{"Key":"x","key":0}"#, false),
            (r#"{"a":"\"key\":\"x\"","key":0}"#, false),
            // None is there.
            ("{}", true),
            (r#"{"a":"key"}"#, true),
            (r#"{"a" 1}"#, true),
            // Escaped.
            (r#"{"\u006bey":"y"}"#, true),
            (r#"{"key":"y\n"}"#, true),
            (r#"{"a":"\n","key":"y"}"#, false),
            // Spaced.
            (r#"{ "key":"y"}"#, true),
            (r#"{"key" :"y"}"#, true),
            (r#"{"key": "y"}"#, true),
            (r#"{"key":"y" }"#, true),
            // Unsound.
            (r#"{"key""y"}"#, true),
            (r#"{"key":}"#, true),
            (r#"{"key":y}"#, true),
            ("{\"key\":\"\x01\"}", true),
            (r#"{key:"y"}"#, true),
            (r#"{"key":"y",}"#, true),
            (r#"{"key:"x,"a":1}"#, true),
            (r#"{"key":"y"z}"#, true),
            (r#"{"key":1 2}"#, true),
            (r#"{"a":1 "key":"y"}"#, true),
            (r#"{"a":"b"c,"key":"y"}"#, false),
            // The value would end in the next record.
            (r#"{"z,"key":"},{",":1}"#, true),
        ] {
            assert_eq!(may_be_in(&["key"], record, is_x), expected, "{record}");
        }
    }

    #[test]
    fn a_path_is_found_by_its_last_key_also_as_a_part_of_one() {
        let is_1 = |value: Scalar<'_>| value == Scalar::Number("1");
        let long = "k".repeat(100);
        for (path, record, expected) in [
            ("a.key", r#"{"a":{"key":1}}"#, true),
            ("a.key", r#"{"a.key":1}"#, true),
            ("a.key", r#"{"b":{"key":1}}"#, true),
            ("a.key", r#"{"a":{"keys":1},"key":0}"#, false),
            ("k", r#"{"k":1}"#, true),
            ("k", r#"{"kk":1,"ak":1,"k":0}"#, false),
            (&long, &format!(r#"{{"{long}":1}}"#), true),
            (&long, &format!(r#"{{"x{long}":1,"{long}":0}}"#), false),
        ] {
            assert_eq!(may_be_in(&[path], record, is_1), expected, "{path} {record}");
            assert_eq!(may_be_in(&["other", path], record, is_1), expected, "{path} {record}");
        }
    }

    #[test]
    fn what_text_cannot_find_is_left_to_others() {
        let findable = |paths: &[&str]| Leads::new(paths.iter().map(|&path| (path, 0))).is_some();
        for path in ["", "a.", "a/b", "a\"b", "a\\b", "a\nb"] {
            assert!(!findable(&["key", path]), "{path}");
        }
        assert!(findable(&["a/b.c"]) && findable(&["key"; MAX_KEYS]) && !findable(&["key"; MAX_KEYS + 1]));
    }
}
