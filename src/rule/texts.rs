//! The values of a record, by the text of their keys.
//!
//! In: a record, and paths. Out: the scalars that may be at those paths; or that text
//! alone cannot tell.
//!
//! ```text
//! for each place where the last key of a path stands as text, with the quote behind:
//!     if it is the end of a longer key, or a value: it is none
//!     if the path has no other key, and the place is in an object further in: it is none
//!     if a sound value stands behind it: that is one
//!     else text cannot tell
//! ```
//!
//! For paths of one key these are their scalars, all of them. Of a longer path it is
//! not asked where its last key stands, so there may be more. Nor is it asked whether
//! the rest of the record is sound: only one that has something odd around such a key, or
//! none of the keys, is left to those who ask. A key that is spelled with escapes has a
//! `\u`, and a record that has one is left to them, too.
//!
//! To search for texts takes a fraction of the time that it takes to find all members. It
//! is done for many records at once, where it is likely that they are asked for.

use super::schema::FIELDS;
use crate::buffer::Window;
use crate::json::{self, Scalar};
use crate::paths::{self, Slot};
use crate::records::Record;
use crate::scan::{self, BLOCK, MAX_PAIRS, Pairs, Places, STRETCH};
use memchr::memmem;
use std::sync::LazyLock;

/// The paths of a rule set, as text to look for.
#[derive(Debug)]
pub(super) struct Texts {
    /// Those by which rules are found.
    pub(super) leading: Keys,
    /// All of them; `None` if text cannot tell all of their values.
    pub(super) all: Option<Keys>,
    /// What an escaped key has.
    escape: memmem::Finder<'static>,
}

/// The last keys of some paths.
#[derive(Debug)]
pub(super) struct Keys {
    keys: Vec<Key>,
    /// Two bytes of each, by which it is searched for.
    pairs: Pairs,
    /// Whether no two have the same text.
    distinct: bool,
}

#[derive(Debug)]
struct Key {
    slot: Slot,
    /// The last key of the path and its quote.
    text: Box<[u8]>,
    /// Where in it the first of its two bytes is.
    place: usize,
    /// Whether the path has keys before.
    nested: bool,
}

/// What is known of the object at hand.
#[derive(Debug, Default)]
pub(super) struct Known {
    object: u64,
    /// Offsets between which there is no backslash.
    from: u64,
    to: u64,
    /// Where [`Texts::leading`] may be.
    pub(super) leading: Searched,
    /// Where [`Texts::all`] may be.
    pub(super) all: Searched,
}

/// How far the object at hand was searched for some keys.
#[derive(Debug, Default)]
pub(super) struct Searched {
    /// Offsets of what was searched.
    from: u64,
    to: u64,
    /// What was found there.
    places: Places,
    /// The offset before which all places were taken.
    taken: u64,
    /// The key that is likely to come next.
    likely: usize,
}

impl Texts {
    /// `None` if there is no path by which rules are found, too many, or one that text alone
    /// cannot find.
    pub(super) fn new<'a>(
        leading: impl Iterator<Item = (&'a str, Slot)>,
        all: impl Iterator<Item = (&'a str, Slot)>,
    ) -> Option<Self> {
        let all = Keys::new(all).filter(|all| all.keys.iter().all(|key| !key.nested));
        Some(Self { leading: Keys::new(leading)?, all, escape: memmem::Finder::new(br"\u") })
    }

    /// The text of `record`, if it may tell something, for [`Keys::read`] with the same `WANTED`.
    #[inline(always)]
    pub(super) fn of<'a, const WANTED: bool>(
        &self,
        window: &'a Window<'a>,
        record: Record,
        known: &mut Known,
    ) -> Option<Text<'a>> {
        let bytes = &window.bytes[record.start..record.end];
        let escapes = known.has_escapes(window, record);
        if !is_compact(bytes) || escapes && self.escape.find(bytes).is_some() {
            return None;
        }
        let depth = if WANTED { Some(window.depth(record.start) + 1) } else { None };
        Some(Text { window, bytes: &window.bytes[..record.end], start: record.start, escapes, depth })
    }
}

/// The text of a record.
pub(super) struct Text<'a> {
    window: &'a Window<'a>,
    /// The window's bytes, up to the record's end.
    bytes: &'a [u8],
    start: usize,
    /// Whether there may be backslashes.
    escapes: bool,
    /// The brackets that are open between the record's members, if they were counted.
    depth: Option<i64>,
}

impl Keys {
    fn new<'a>(paths: impl Iterator<Item = (&'a str, Slot)>) -> Option<Self> {
        let keys: Option<Vec<_>> = paths.map(|(path, slot)| Key::new(path, slot)).take(MAX_PAIRS + 1).collect();
        let mut keys = keys.filter(|keys| (1..=MAX_PAIRS).contains(&keys.len()))?;
        let (distance, places) = rarest_pairs(&keys)?;
        for (key, place) in keys.iter_mut().zip(places) {
            key.place = place;
        }
        let pairs: Vec<_> = keys.iter().map(|key| [key.text[key.place], key.text[key.place + distance]]).collect();
        let distinct = (1..keys.len()).all(|index| keys[..index].iter().all(|key| key.text != keys[index].text));
        Some(Self { keys, pairs: Pairs::new(&pairs, distance), distinct })
    }

    /// Calls `leaf` for each scalar that the record has behind one of the keys, but for some
    /// for which `wanted` does not hold, and says whether there is any; `None` if that is not
    /// certain, or `leaf` returned false. With `ahead` they are searched for in what is behind
    /// the record too. With `WANTED` most are wanted, and it is seen first where they are; else
    /// only of those that are.
    #[inline(always)]
    pub(super) fn read<const WANTED: bool>(
        &self,
        text: &Text<'_>,
        searched: &mut Searched,
        ahead: bool,
        wanted: impl Fn(Slot, Scalar<'_>) -> bool,
        mut leaf: impl FnMut(Slot, Scalar<'_>) -> bool,
    ) -> Option<bool> {
        let mut seen = false;
        searched.begin(&self.pairs, text, ahead);
        while let Some(at) = searched.next(&self.pairs, text) {
            // Records have their keys in the same order, mostly.
            let mut index = searched.likely;
            for _ in 0..self.keys.len() {
                let key = &self.keys[index];
                index = if index + 1 < self.keys.len() { index + 1 } else { 0 };
                let Some(start) = key.start(text, at) else { continue };
                match key.look::<WANTED>(text, start, &wanted, &mut leaf) {
                    Look::Elsewhere => {}
                    Look::Value => {
                        (seen, searched.likely) = (true, index);
                        // What is between two quotes is one key.
                        if self.distinct {
                            break;
                        }
                    }
                    Look::Odd if WANTED || key.is_here(text, start) => return None,
                    Look::Odd => {}
                }
            }
        }
        Some(seen)
    }
}

impl Known {
    /// Whether there may be a backslash in `record`. Forgets what is known of another object.
    #[inline(always)]
    fn has_escapes(&mut self, window: &Window<'_>, record: Record) -> bool {
        let (start, end) = (window.origin + record.start as u64, window.origin + record.end as u64);
        if self.object != window.object_number() {
            self.object = window.object_number();
            (self.to, self.leading.to, self.all.to) = (0, 0, 0);
        }
        if start < self.from || self.to < end {
            let next = window.next_escapes(record.start).unwrap_or(window.bytes.len());
            (self.from, self.to) = (start, window.origin + next as u64);
        }
        self.to < end
    }
}

impl Searched {
    /// Gets ready for the places in a record.
    #[inline(always)]
    fn begin(&mut self, pairs: &Pairs, text: &Text<'_>, ahead: bool) {
        let window = text.window;
        let (start, end) = (window.origin + text.start as u64, window.origin + text.bytes.len() as u64);
        let known = start >= self.taken && end <= self.to;
        self.taken = start;
        if !known {
            self.search(pairs, window, if ahead { window.bytes.len() } else { text.bytes.len() });
        }
    }

    /// Searches up to `end` for places from the first that was not taken. What is there in part
    /// is a part of no record that ends there.
    fn search(&mut self, pairs: &Pairs, window: &Window<'_>, end: usize) {
        let at = (self.taken - window.origin) as usize;
        // From where a line of the cache begins, so that each block is in one.
        let from = at - (window.bytes[at..].as_ptr().addr() % BLOCK).min(at);
        let end = end.min(from + STRETCH + BLOCK);
        scan::find_pairs(&window.bytes[from..end], pairs, &mut self.places);
        self.from = window.origin + from as u64;
        self.to = window.origin + end.min(from + STRETCH) as u64;
    }

    /// Takes the next place in the record.
    #[inline(always)]
    fn next(&mut self, pairs: &Pairs, text: &Text<'_>) -> Option<usize> {
        let window = text.window;
        let end = window.origin + text.bytes.len() as u64;
        loop {
            while let Some(place) = self.places.peek() {
                let place = self.from + place as u64;
                if place >= end {
                    return None;
                }
                self.places.take();
                if place >= self.taken {
                    self.taken = place + 1;
                    return Some((place - window.origin) as usize);
                }
            }
            if self.to >= end {
                return None;
            }
            // The record is longer than a stretch.
            self.taken = self.to;
            self.search(pairs, window, text.bytes.len());
        }
    }
}

/// What the text around a key's text says.
enum Look {
    /// It is not the key.
    Elsewhere,
    /// It is, and its value was told if it is wanted.
    Value,
    /// It is for others to see.
    Odd,
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
        // The quote before it might close a string, and not open one.
        if last.starts_with([':', ',', '}', ']', ' ']) {
            return None;
        }
        Some(Self { slot, text: format!("{last}\"").into_bytes().into(), place: 0, nested })
    }

    /// Where its text begins, if its two bytes are at `at` and so is the text. A quote is
    /// before each key, and the record's brace before that.
    #[inline(always)]
    fn start(&self, text: &Text<'_>, at: usize) -> Option<usize> {
        let start = at.checked_sub(self.place).filter(|&start| start >= text.start + 2)?;
        paths::equal(text.bytes.get(start..start + self.text.len())?, &self.text).then_some(start)
    }

    /// Whether the place is one of the record's own, if the path has no other key.
    #[inline(always)]
    fn is_here(&self, text: &Text<'_>, start: usize) -> bool {
        self.nested || text.window.depth(start) == text.depth.unwrap_or_else(|| text.window.depth(text.start) + 1)
    }

    /// Looks at the place at `start`, where its text is. Without `WANTED` what is odd may be elsewhere.
    #[inline(always)]
    fn look<const WANTED: bool>(
        &self,
        text: &Text<'_>,
        start: usize,
        wanted: &impl Fn(Slot, Scalar<'_>) -> bool,
        leaf: &mut impl FnMut(Slot, Scalar<'_>) -> bool,
    ) -> Look {
        let (window, bytes, end) = (text.window, text.bytes, start + self.text.len());
        let is_here = || !WANTED || self.is_here(text, start);
        let (Some(before), Some(behind)) = (bytes[..start].last_chunk(), bytes.get(end)) else {
            return Look::Odd;
        };
        if !matches!(before, b",\"" | b"{\"") || *behind != b':' {
            return match (before, behind) {
                // A value.
                ([_, b'"'], b',' | b'}' | b']') => Look::Elsewhere,
                ([_, b'"'], _) if is_here() => Look::Odd,
                // Several keys in one.
                ([_, b'.'], _) if self.nested => Look::Odd,
                // In another object, or the end of a longer one.
                _ => Look::Elsewhere,
            };
        }
        if !is_here() {
            return Look::Elsewhere;
        }
        let value = end + 1;
        let (behind, value) = if bytes.get(value) == Some(&b'"') {
            // Most strings end in 64 bytes, and to look at all takes less than to guess where.
            let quote = match window.quotes_from(value + 1) {
                0 => window.next_quote(value + 1),
                quotes => Some(value + 1 + quotes.trailing_zeros() as usize),
            };
            let Some((quote, string)) = quote.and_then(|quote| Some((quote, bytes.get(value + 1..quote)?))) else {
                return Look::Odd;
            };
            if text.escapes && window.has_backslash(value, quote) || json::string::check(string).is_err() {
                return Look::Odd;
            }
            (quote + 1, Scalar::String(string))
        } else {
            let behind = json::scalar_end(bytes, value);
            let Ok(scalar) = Scalar::parse(bytes.get(value..behind).unwrap_or_default()) else {
                return Look::Odd;
            };
            (behind, scalar)
        };
        if !matches!(bytes.get(behind), Some(b',' | b'}')) {
            return Look::Odd;
        }
        if !WANTED && !wanted(self.slot, value) {
            return Look::Value;
        }
        if !WANTED && !self.is_here(text, start) {
            return Look::Elsewhere;
        }
        if leaf(self.slot, value) { Look::Value } else { Look::Odd }
    }
}

/// How far apart, and where in each key's text, two bytes are that are elsewhere least often.
fn rarest_pairs(keys: &[Key]) -> Option<(usize, Vec<usize>)> {
    let all = |distance: usize| {
        let pairs = keys.iter().map(|key| rarest_pair(&key.text, distance)).collect::<Option<Vec<_>>>()?;
        let places = pairs.iter().map(|&(_, place)| place).collect();
        Some((pairs.iter().map(|(cost, _)| cost).sum::<usize>(), distance, places))
    };
    (1..=MAX_DISTANCE).filter_map(all).min().map(|(_, distance, places)| (distance, places))
}

/// How often the rarest pair of a text with that distance is elsewhere in a thousand records,
/// about, and where it is; `None` if the text is too short.
fn rarest_pair(text: &[u8], distance: usize) -> Option<(usize, usize)> {
    let cost = |place: usize| {
        let pair @ (first, second, _) = (text[place], text[place + distance], distance);
        let others = NAMES.partition_point(|&known| known <= pair) - NAMES.partition_point(|&known| known < pair);
        1_000 * others + per_record(first) * per_record(second)
    };
    let places = text.len().saturating_sub(MAX_PLACES)..text.len().checked_sub(distance)?;
    places.map(|place| (cost(place), place)).min()
}

/// What is tried: in CloudTrail's names there are pairs enough that are that near, and to look for
/// them takes time where the function starts.
const MAX_DISTANCE: usize = 6;
/// Likewise, of the last bytes of a key.
const MAX_PLACES: usize = 16;

/// The pairs of keys that are in many records, with their distances, in order.
static NAMES: LazyLock<Vec<(u8, u8, usize)>> = LazyLock::new(|| {
    let mut pairs = Vec::new();
    for (path, _) in FIELDS {
        let name = format!("{}\"", path.rsplit('.').next().unwrap_or(path)).into_bytes();
        for distance in 1..=MAX_DISTANCE {
            pairs.extend(name.windows(distance + 1).map(|pair| (pair[0], pair[distance], distance)));
        }
    }
    pairs.sort_unstable();
    pairs
});

/// How often a byte is in a record, as counted in real ones.
fn per_record(byte: u8) -> usize {
    const OFTEN: [(&[u8], usize); 12] = [
        (b"\"e", 100),
        (b"a", 59),
        (b"rst", 53),
        (b"n", 43),
        (b"cio-", 31),
        (b"01d2mu", 23),
        (b"3456l", 18),
        (b"789AIp", 15),
        (b"bfgvwy", 10),
        (b"CDEHST", 7),
        (b"KLMNOPRVZhkqxz", 4),
        (b"BFGJQUWXYj_", 2),
    ];
    OFTEN.iter().find(|(bytes, _)| bytes.contains(&byte)).map_or(1, |&(_, times)| times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;
    use crate::records::{Layout, Read, RecordReader};

    /// What `keys` gives of a record: the values, or `None` if it cannot tell.
    fn values(texts: &Texts, record: &str) -> Option<Vec<(Slot, String)>> {
        let buffer = Buffer::holding(format!("[{record}]").as_bytes());
        let window = buffer.window();
        let mut reader = RecordReader::new(&crate::Limits::default(), Layout::Files);
        let Ok(Read::Record(record)) = reader.read(&window) else { panic!("{record}") };
        let mut known = Known::default();
        let text = texts.of::<false>(&window, record, &mut known)?;
        let mut values = Vec::new();
        let seen = texts.leading.read::<false>(
            &text,
            &mut known.leading,
            true,
            |_, _| true,
            |slot, value| {
                values.push((slot, format!("{value:?}")));
                true
            },
        );
        seen?.then_some(values)
    }

    fn texts(paths: &[&str]) -> Option<Texts> {
        let paths = || (0..).zip(paths).map(|(slot, &path)| (path, slot));
        Texts::new(paths(), paths())
    }

    /// Whether a value for which `leads` holds may be at one of `paths` in a record.
    fn may_be_in(paths: &[&str], record: &str, leads: impl Fn(Scalar<'_>) -> bool) -> bool {
        let led = ["\"x\"", "1", "null"].into_iter().map(|value| Scalar::parse(value.as_bytes()));
        let led = led.map(|value| value.unwrap_or(Scalar::String(b"x"))).filter(|&value| leads(value));
        let led: Vec<String> = led.map(|value| format!("{value:?}")).collect();
        values(&texts(paths).unwrap(), record).is_none_or(|values| values.iter().any(|(_, value)| led.contains(value)))
    }

    #[test]
    fn values_behind_the_key_decide_and_whatever_is_odd_there() {
        let is_x = |value: Scalar<'_>| matches!(value, Scalar::String(b"x") | Scalar::Number("1") | Scalar::Null);
        for (record, expected) in [
            (r#"{"key":"x"}"#, true),
            (r#"{"key":"y"}"#, false),
            (r#"{"key":"y","key":"x"}"#, true),
            // Not at the record's top.
            (r#"{"a":{"key":"x"},"key":"y"}"#, false),
            (r#"{"key":"y","a":[{"key":"x"}]}"#, false),
            (r#"{"a":[{"b":{"key" "x"}},{}],"key":"y"}"#, false),
            (r#"{"a":{"b":{}},"key":"x"}"#, true),
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
        let findable = |paths: &[&str]| texts(paths).is_some();
        for path in ["", "a.", "a/b", "a\"b", "a\\b", "a\nb", ":", "a.,", "}a", "]", " a"] {
            assert!(!findable(&["key", path]), "{path}");
        }
        assert!(findable(&["a/b.c"]) && findable(&["key"; MAX_PAIRS]) && !findable(&["key"; MAX_PAIRS + 1]));
        assert!(!findable(&[]));
        // The values of all paths are told if each is one key.
        let all = |paths: &[&str]| texts(paths).unwrap().all.is_some();
        assert!(all(&["key", "other"]) && !all(&["key", "a.other"]));
    }

    #[test]
    fn all_values_of_keys_are_told_whatever_their_order() {
        let long = "k".repeat(90);
        let keys = texts(&["eventName", "eventTime", "a", "Name", &long]).unwrap();
        let string = |text: &str| format!("{:?}", Scalar::String(text.as_bytes()));
        for (record, expected) in [
            (r#"{"eventTime":"t","eventName":"n","a":"x"}"#, vec![(1, "t"), (0, "n"), (2, "x")]),
            (r#"{"a":"x","eventName":"n","Name":"m","eventTime":"t"}"#, vec![(2, "x"), (0, "n"), (3, "m"), (1, "t")]),
            (r#"{"Name":"eventName","eventName":"Name","Name":"a"}"#, vec![(3, "eventName"), (0, "Name"), (3, "a")]),
            (&format!(r#"{{"x{long}":"y","{long}":"{long}"}}"#), vec![(4, &long)]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(slot, text)| (slot, string(text))).collect();
            assert_eq!(values(&keys, record), Some(expected), "{record}");
        }
    }

    #[test]
    fn keys_are_searched_for_by_what_little_else_has() {
        let record = br#"{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:ci",
            "arn":"arn:aws:sts::123456789012:assumed-role/ci/build","accountId":"123456789012","sessionContext":{
            "sessionIssuer":{"type":"Role","userName":"ci"},"attributes":{"creationDate":"2026-10-14T09:00:00Z"}}},
            "eventTime":"2026-10-14T09:30:00Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy",
            "awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.1","userAgent":"aws-cli/2.15","requestParameters":{
            "bucketName":"logs","Host":"logs.s3.amazonaws.com"},"responseElements":null,"eventID":"c0ffee00-1234",
            "readOnly":false,"eventType":"AwsApiCall","recipientAccountId":"123456789012"}"#;
        for paths in [
            &["eventName"][..],
            &["eventSource", "eventName"],
            &["eventType", "eventName", "eventTime"],
            &["userAgent", "sourceIPAddress", "awsRegion", "recipientAccountId", "readOnly"],
        ] {
            let mut places = Places::new();
            scan::find_pairs(record, &texts(paths).unwrap().leading.pairs, &mut places);
            let found = std::iter::from_fn(|| places.peek().inspect(|_| places.take())).count();
            assert!((paths.len()..=paths.len() + 2).contains(&found), "{paths:?}: {found}");
        }
    }
}
