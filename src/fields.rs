//! Picks the wanted fields out of one record.
//!
//! In: a record in its [`Window`] and a [`PathTree`]. Out: one [`Leaf`] for each
//! scalar at a wanted path, in the record's order, with the array elements it
//! lies in. Nothing of the record is copied or kept; the scratch space is
//! reused.
//!
//! In plain objects, as nearly all are, the wanted members are found by the
//! quotes; [`outline`] tells how. The others are walked from member to member, to
//! the letter. Both read the whole object: a key may come twice, and every
//! occurrence counts, so no match can be ruled out before the end.
//!
//! Validated: the structure from the record's brace to each wanted value, and
//! the value. Skipped values are balanced, as far as brackets are counted, and end.

mod outline;

use self::outline::{Member, Outline};
use crate::buffer::{Container, Window};
use crate::json::{self, Scalar};
use crate::limits::{MAX_ARRAY_DEPTH, MAX_VALUES};
use crate::paths::{NodeId, PathTree, ROOT, Slot};
use crate::records::Record;
use crate::{Error, ErrorKind, Expected};
use std::ops::Range;

/// A scalar at a wanted path.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The path's slot.
    pub slot: Slot,
    /// The value, unescaped and checked.
    pub value: Scalar<'a>,
    /// The innermost array element that is an object or an array, around it.
    pub frame: FrameId,
}

/// Index of a [`Frame`]; 0 stands for "in no array".
pub type FrameId = u32;

/// An element of an array, if it is an object or an array itself: what two
/// fields of a rule must agree on. Elements that are scalars have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The element around this one.
    pub up: FrameId,
    /// Which of the record's arrays.
    pub array: u32,
    /// Which of its elements.
    pub index: u32,
}

/// Walks records; holds the scratch space to do so.
pub struct Fields {
    levels: Vec<Level>,
    frames: Vec<Frame>,
    arrays: u32,
    outline: Outline,
    /// The key or value that is unescaped.
    scratch: Vec<u8>,
    /// Does without the fast path, to test it against the exact one.
    #[cfg(test)]
    exact: bool,
}

/// An object or array that is being walked.
#[derive(Clone, Copy)]
struct Level {
    node: NodeId,
    frame: FrameId,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Object,
    /// An object of which the wanted members were found.
    Plain(Members),
    Array {
        array: u32,
        next: u32,
    },
}

/// Some of [`Outline::members`]: those of one object.
#[derive(Clone, Copy)]
struct Members {
    first: usize,
    /// The next one to read.
    next: usize,
    /// Behind the last one.
    last: usize,
    /// Position behind the object.
    end: usize,
}

impl Fields {
    /// Empty scratch space.
    #[must_use]
    pub fn new() -> Self {
        Self {
            levels: Vec::new(),
            frames: Vec::new(),
            arrays: 0,
            outline: Outline::new(),
            scratch: Vec::new(),
            #[cfg(test)]
            exact: false,
        }
    }

    /// The frames of the record walked last, to look [`Leaf::frame`] up in.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Calls `leaf` for each scalar of `record` that `tree` wants.
    ///
    /// # Errors
    /// A record that is no object; malformed JSON on the way to a wanted value or
    /// in it; too deep or too many arrays; and what `leaf` returns.
    pub fn pick(
        &mut self,
        window: &Window<'_>,
        record: Record,
        tree: &PathTree,
        mut leaf: impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        self.levels.clear();
        self.frames.clear();
        self.frames.push(Frame { up: 0, array: u32::MAX, index: 0 });
        self.arrays = 0;
        self.outline.members.clear();
        if window.bytes.get(record.start) != Some(&b'{') {
            return Err(Error::new(ErrorKind::Malformed(Expected::Value), record.offset));
        }
        let cursor = Cursor { window: *window, bytes: &window.bytes[..record.end], at: record.start + 1 };
        let mut walk = Walk { cursor, tree, fields: self };
        let kind = walk.object_at(ROOT, record.start);
        walk.fields.levels.push(Level { node: ROOT, frame: 0, kind });
        let mut first = true;
        while let Some(&level) = walk.fields.levels.last() {
            let end = match level.kind {
                Kind::Object => walk.object(level, first, &mut leaf)?,
                Kind::Plain(members) => walk.plain(level, members, &mut leaf)?,
                Kind::Array { array, next } => walk.array(level, array, next, first, &mut leaf)?,
            };
            if end == Visit::Done {
                walk.fields.levels.pop();
            }
            first = end == Visit::Opened;
        }
        // The reader found the end by the same brackets.
        if walk.cursor.at == record.end { Ok(()) } else { Err(walk.cursor.malformed(Expected::CommaOrClose)) }
    }
}

impl Fields {
    /// How an object is walked, given its first member, and its end if it is plain.
    #[inline(always)]
    fn kind(&self, first: usize, end: Option<usize>) -> Kind {
        #[cfg(test)]
        let end = end.filter(|_| !self.exact);
        let members = |end| Members { first, next: first, last: self.outline.members.len(), end };
        end.map_or(Kind::Object, |end| Kind::Plain(members(end)))
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::new()
    }
}

/// One walk over one record.
struct Walk<'a, 'b> {
    cursor: Cursor<'a>,
    tree: &'b PathTree,
    fields: &'b mut Fields,
}

/// What became of a value.
#[derive(PartialEq, Eq)]
enum Visit {
    /// It was read, or walked over.
    Done,
    /// It is an object or an array and was stepped into.
    Opened,
}

impl Walk<'_, '_> {
    /// Reads an object's members until one of them is stepped into or the
    /// object ends. `first` says that nothing of it was read yet.
    fn object(
        &mut self,
        level: Level,
        mut first: bool,
        leaf: &mut impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<Visit, Error> {
        loop {
            if !self.cursor.next(b'}', first)? {
                return Ok(Visit::Done);
            }
            first = false;
            let key = self.cursor.key()?;
            let node = if self.cursor.window.has_backslash(key.start, key.end) {
                self.escaped_key(level.node, key)?
            } else {
                self.tree.child(level.node, &self.cursor.bytes[key])
            };
            match node {
                Some(node) => {
                    if self.wanted(node, level.frame, None, leaf)? == Visit::Opened {
                        return Ok(Visit::Opened);
                    }
                }
                None => match self.cursor.peek() {
                    b'"' => {
                        self.cursor.string()?;
                    }
                    b'{' | b'[' => self.cursor.container()?,
                    _ => {
                        self.cursor.scalar()?;
                    }
                },
            }
        }
    }

    /// How the object at `start` is walked.
    fn object_at(&mut self, node: NodeId, start: usize) -> Kind {
        let first = self.fields.outline.members.len();
        let end = self.fields.outline.add(&self.cursor.window, start, self.tree.endings(node));
        self.fields.kind(first, end)
    }

    /// Reads the members that were found of an object, as
    /// [`object`](Self::object) reads all.
    #[inline(always)]
    fn plain(
        &mut self,
        level: Level,
        members: Members,
        leaf: &mut impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<Visit, Error> {
        let this = self.fields.levels.len() - 1;
        for next in members.next..members.last {
            let Member { key, value } = self.fields.outline.members[next].clone();
            let Some(node) = self.tree.child(level.node, &self.cursor.bytes[key]) else { continue };
            self.cursor.at = value.start;
            if self.cursor.byte() == b'"' {
                if let Some(slot) = self.tree.slot(node) {
                    self.text(value.start + 1..value.end - 1, false, slot, level.frame, leaf)?;
                }
            } else if self.wanted(node, level.frame, None, leaf)? == Visit::Opened {
                self.fields.levels[this].kind = Kind::Plain(Members { next: next + 1, ..members });
                return Ok(Visit::Opened);
            }
        }
        self.fields.outline.members.truncate(members.first);
        self.cursor.at = members.end;
        Ok(Visit::Done)
    }

    /// Reads an array's elements, as [`object`](Self::object) its members.
    fn array(
        &mut self,
        level: Level,
        array: u32,
        mut next: u32,
        mut first: bool,
        leaf: &mut impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<Visit, Error> {
        let this = self.fields.levels.len() - 1;
        while self.cursor.next(b']', first)? {
            first = false;
            let element = Some((array, next));
            next += 1;
            if self.wanted(level.node, level.frame, element, leaf)? == Visit::Opened {
                self.fields.levels[this].kind = Kind::Array { array, next };
                return Ok(Visit::Opened);
            }
        }
        Ok(Visit::Done)
    }

    fn escaped_key(&mut self, node: NodeId, key: Range<usize>) -> Result<Option<NodeId>, Error> {
        let first = key.start;
        match json::string::unescape(&self.cursor.bytes[key], &mut self.fields.scratch) {
            Ok(key) => Ok(self.tree.child(node, key)),
            Err((expected, at)) => Err(self.cursor.error(ErrorKind::Malformed(expected), first + at)),
        }
    }

    /// Reads a value that paths lead to or through, given its node and, in an
    /// array, its element.
    fn wanted(
        &mut self,
        node: NodeId,
        frame: FrameId,
        element: Option<(u32, u32)>,
        leaf: &mut impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<Visit, Error> {
        let slot = self.tree.slot(node);
        match self.cursor.peek() {
            b'{' if self.tree.has_children(node) => {
                let kind = self.object_at(node, self.cursor.at);
                return self.descend(node, kind, frame, element);
            }
            b'{' => self.cursor.container()?,
            b'[' => {
                self.fields.arrays += 1;
                let kind = Kind::Array { array: self.fields.arrays - 1, next: 0 };
                return self.descend(node, kind, frame, element);
            }
            b'"' => {
                let text = self.cursor.string()?;
                if let Some(slot) = slot {
                    let escapes = self.cursor.window.has_backslash(text.start, text.end);
                    self.text(text, escapes, slot, frame, leaf)?;
                }
            }
            _ => {
                let text = self.cursor.scalar()?;
                if let Some(slot) = slot {
                    let first = text.start;
                    Scalar::parse(&self.cursor.bytes[text])
                        .map_err(ErrorKind::Malformed)
                        .and_then(|value| leaf(Leaf { slot, value, frame }))
                        .map_err(|kind| self.cursor.error(kind, first))?;
                }
            }
        }
        Ok(Visit::Done)
    }

    /// Gives the string at `text` to `leaf`; nothing in it is escaped without
    /// `escapes`.
    #[inline(always)]
    fn text(
        &mut self,
        text: Range<usize>,
        escapes: bool,
        slot: Slot,
        frame: FrameId,
        leaf: &mut impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let (cursor, first) = (&self.cursor, text.start);
        let text = json::string::unescape_if(escapes, &cursor.bytes[text], &mut self.fields.scratch)
            .map_err(|(expected, at)| cursor.error(ErrorKind::Malformed(expected), first + at))?;
        leaf(Leaf { slot, value: Scalar::String(text), frame }).map_err(|kind| cursor.error(kind, first))
    }

    /// Steps into the object or array that the cursor is on.
    fn descend(
        &mut self,
        node: NodeId,
        kind: Kind,
        mut frame: FrameId,
        element: Option<(u32, u32)>,
    ) -> Result<Visit, Error> {
        let Fields { levels, frames, .. } = &mut *self.fields;
        // Objects are as deep as the tree at most; arrays could nest for ever.
        if levels.len() > MAX_ARRAY_DEPTH {
            return Err(self.cursor.error(ErrorKind::TooDeep, self.cursor.at));
        }
        if let Some((array, index)) = element {
            if frames.len() > MAX_VALUES {
                return Err(self.cursor.error(ErrorKind::TooManyValues, self.cursor.at));
            }
            frames.push(Frame { up: frame, array, index });
            frame = frames.len() as FrameId - 1;
        }
        levels.push(Level { node, frame, kind });
        self.cursor.at += 1;
        Ok(Visit::Opened)
    }
}

/// A place in a record, never inside a string.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    window: Window<'a>,
    /// The window's bytes, up to the record's end.
    bytes: &'a [u8],
    /// Position of the next byte to look at.
    at: usize,
}

impl Cursor<'_> {
    /// Moves to the next key or element; false behind the closing bracket.
    #[inline(always)]
    fn next(&mut self, close: u8, first: bool) -> Result<bool, Error> {
        match self.peek() {
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ if first => Ok(true),
            b',' => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(self.malformed(Expected::CommaOrClose)),
        }
    }

    /// Reads a key and its colon; returns where the key is.
    #[inline(always)]
    fn key(&mut self) -> Result<Range<usize>, Error> {
        if self.peek() != b'"' {
            return Err(self.malformed(Expected::Key));
        }
        let key = self.string()?;
        if self.peek() != b':' {
            return Err(self.malformed(Expected::Colon));
        }
        self.at += 1;
        Ok(key)
    }

    /// Reads a string, given that `at` is on its opening quote; returns where
    /// its text is.
    #[inline(always)]
    fn string(&mut self) -> Result<Range<usize>, Error> {
        let first = self.at + 1;
        match self.window.next_quote(first) {
            Some(quote) if quote < self.bytes.len() => {
                self.at = quote + 1;
                Ok(first..quote)
            }
            _ => Err(self.malformed(Expected::Value)),
        }
    }

    /// Reads a number or a literal; returns where it is.
    #[inline(always)]
    fn scalar(&mut self) -> Result<Range<usize>, Error> {
        let first = self.at;
        self.at = json::scalar_end(self.bytes, first);
        if self.at == first { Err(self.malformed(Expected::Value)) } else { Ok(first..self.at) }
    }

    /// Moves behind the object or array that `at` is on.
    fn container(&mut self) -> Result<(), Error> {
        match Container::at(&self.window, self.at).walk(&self.window, self.at + 1) {
            Ok(Some(end)) if end <= self.bytes.len() => {
                self.at = end;
                Ok(())
            }
            Ok(_) => Err(self.malformed(Expected::MatchingBracket)),
            Err((expected, at)) => Err(self.error(ErrorKind::Malformed(expected), at)),
        }
    }

    /// Moves over white space and returns the byte behind it.
    #[inline(always)]
    fn peek(&mut self) -> u8 {
        while json::is_space(self.byte()) {
            self.at += 1;
        }
        self.byte()
    }

    /// The byte at `at`; behind the record 0, which fits nowhere.
    #[inline(always)]
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[cold]
    fn malformed(self, expected: Expected) -> Error {
        self.error(ErrorKind::Malformed(expected), self.at)
    }

    #[cold]
    fn error(&self, kind: ErrorKind, at: usize) -> Error {
        Error::new(kind, self.window.origin + at as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::buffer::Buffer;
    use crate::records::{Layout, Read, RecordReader};
    use crate::testing::{Random, rounds};

    /// What is picked out of a record: path, value as text, and the chain of elements from the innermost.
    type Picked = (&'static str, String, Vec<(u32, u32)>);

    fn pick(paths: &[&'static str], text: &str) -> Result<Vec<Picked>, Error> {
        let mut tree = PathTree::default();
        let slots: Vec<Slot> = paths.iter().map(|path| tree.insert(path)).collect();
        let buffer = Buffer::holding(text.as_bytes());
        let record = Record { start: 0, end: text.len(), offset: 0, number: 1 };
        let (mut fields, mut leaves) = (Fields::new(), Vec::new());
        fields.pick(&buffer.window(), record, &tree, |leaf| {
            let path = paths[slots.iter().position(|&slot| slot == leaf.slot).unwrap()];
            let value = match leaf.value {
                Scalar::String(text) => format!("{:?}", String::from_utf8_lossy(text)),
                Scalar::Number(text) => text.to_owned(),
                Scalar::Bool(value) => value.to_string(),
                Scalar::Null => "null".to_owned(),
            };
            leaves.push((path, value, leaf.frame));
            Ok(())
        })?;
        let chain = |frame: FrameId| {
            let frames = fields.frames();
            std::iter::successors(Some(frame), |&frame| Some(frames[frame as usize].up))
                .take_while(|&frame| frame != 0)
                .map(|frame| (frames[frame as usize].array, frames[frame as usize].index))
                .collect()
        };
        Ok(leaves.into_iter().map(|(path, value, frame)| (path, value, chain(frame))).collect())
    }

    /// Paths and values of what is picked.
    fn values(paths: &[&'static str], text: &str) -> Vec<String> {
        pick(paths, text).unwrap().into_iter().map(|(path, value, _)| format!("{path}={value}")).collect()
    }

    #[test]
    fn wanted_scalars_are_picked_in_the_order_of_the_record() {
        let text =
            r#"{"z":{"a":0},"b":{"c":"x","d":[1,{"c":null}]},"a":[1.50,[true,"y"]],"b":{"c":-1}, "a" : "" ,"b":7}"#;
        let expected = ["b.c=\"x\"", "a=1.50", "a=true", "a=\"y\"", "b.c=-1", "a=\"\""];
        assert_eq!(values(&["a", "b.c"], text), expected);
        assert_eq!(values(&["b.d.c", "b"], text), ["b.d.c=null", "b=7"]);
        assert_eq!(values(&["c", "a.a"], text), [""; 0]);
    }

    #[test]
    fn keys_and_values_are_unescaped() {
        let text = r#"{"\u0061":"\u00e9\n","a.\u0062":"\"","x":"\\","long\u002dkey-of-more-than-8":"\ud83d\ude00"}"#;
        let expected = [r#"a="é\n""#, r#"a.b="\"""#, "long-key-of-more-than-8=\"😀\""];
        assert_eq!(values(&["a", "a.b", "long-key-of-more-than-8"], text), expected);
    }

    #[test]
    fn values_know_the_elements_around_them_that_are_no_scalars() {
        let text = r#"{"a":[{"b":1},2,{"b":[3,[4]],"c":[{"d":5}]}],"b":6}"#;
        let picked = pick(&["a", "a.b", "a.c.d", "b"], text).unwrap();
        let expected = [
            ("a.b", "1", &[(0, 0)][..]),
            ("a", "2", &[]),
            ("a.b", "3", &[(0, 2)]),
            ("a.b", "4", &[(1, 1), (0, 2)]),
            ("a.c.d", "5", &[(3, 0), (0, 2)]),
            ("b", "6", &[]),
        ];
        let picked: Vec<_> = picked.iter().map(|(path, value, chain)| (*path, &value[..], &chain[..])).collect();
        assert_eq!(picked, expected);
    }

    #[test]
    fn keys_further_inside_are_never_taken_for_the_objects_own() {
        let mut tree = PathTree::default();
        tree.insert("abc");
        // With more containers than the reader notes, and none; with nothing escaped, and something.
        let counts = if cfg!(miri) { &[1, 65][..] } else { &[0, 1, 63, 64, 65, 200] };
        for &containers in counts {
            let many = r#""x":{},"#.repeat(containers);
            for inside in
                [r#"[1,{"z":1,"abc":2}]"#, r#"{"abc":2}"#, r#"[{"z":{"abc":2},"abc":3}]"#, r#"[[],{"z":"","abc":2}]"#]
            {
                for last in [r#""z""#, r#""\"""#] {
                    let text = format!(r#"{{"abc":0,{many}"y":{inside},"z":{last},"abc":1}}"#);
                    assert_eq!(values(&["abc"], &text), ["abc=0", "abc=1"], "{text}");
                    let (leaves, end) = pick_by(format!("[{text}]").as_bytes(), &tree, Layout::Files, false).unwrap();
                    // With the frames.
                    assert_eq!((leaves.len(), end), (3, Ok(())), "{text}");
                }
            }
        }
    }

    #[test]
    fn no_key_is_overlooked_for_want_of_a_colon_or_a_comma() {
        for (text, expected, offset) in [
            (r#"{"z":1,"abc" "x"}"#, Expected::Colon, 13),
            (r#"{"z":1,"abc" "x","y":2}"#, Expected::Colon, 13),
            (r#"{"z":1,"abc""y":2}"#, Expected::Colon, 12),
            (r#"{"z":1"abc":2}"#, Expected::CommaOrClose, 6),
            (r#"{"z":"1""abc":2}"#, Expected::CommaOrClose, 8),
            (r#"{"x":"y":"z","abc","w":1}"#, Expected::CommaOrClose, 8),
            (r#"{"x":{}"abc":1}"#, Expected::CommaOrClose, 7),
            (r#"{"x":1,,"abc":1}"#, Expected::Key, 7),
            (r#"{"x"::"abc","y":1}"#, Expected::Value, 5),
            // Behind a value that is wanted, and around a container.
            (r#"{"abc":1 x,"z":2}"#, Expected::CommaOrClose, 9),
            (r#"{"z":1{},"abc":2}"#, Expected::CommaOrClose, 6),
            (r#"{"abc":1,"x":{}"z":1}"#, Expected::CommaOrClose, 15),
        ] {
            let error = pick(&["abc"], text).unwrap_err();
            assert_eq!((error.kind, error.offset), (ErrorKind::Malformed(expected), offset), "{text}");
        }
        // Nor are stray bytes beside members that nobody wants.
        for (text, expected, offset) in [
            (r#"{"zzz":1 x,"abc":2}"#, Expected::CommaOrClose, 9),
            (r#"{"zzz":"y"x,"abc":2}"#, Expected::CommaOrClose, 10),
            (r#"{"zzz":[]x,"abc":2}"#, Expected::CommaOrClose, 9),
            (r#"{x"zzz":1,"abc":2}"#, Expected::Key, 1),
            (r#"{"zzz":1,"abc":2,}"#, Expected::Key, 17),
        ] {
            let error = pick(&["abc"], text).unwrap_err();
            assert_eq!((error.kind, error.offset), (ErrorKind::Malformed(expected), offset), "{text}");
        }
    }

    #[test]
    fn what_is_skipped_may_hold_anything_that_is_balanced() {
        let text = "{\"x\":tru,\"y\":[1 2,,{\"a\"}],\"s\":\"\\q\u{1}\",\"a\":1,\"z\":01}";
        assert_eq!(values(&["a"], text), ["a=1"]);
    }

    #[test]
    fn faults_on_the_way_have_their_place() {
        use Expected::{Colon, CommaOrClose, Escape, Key, NoControl, Scalar, Value};
        for (text, expected, offset) in [
            (r#"{"z" 1}"#, Colon, 5),
            (r#"{"z":1 "a":1}"#, CommaOrClose, 7),
            (r#"{"z":1,}"#, Key, 7),
            (r#"{"z":,"a":1}"#, Value, 5),
            (r#"{z:1}"#, Key, 1),
            (r#"{"a":nul}"#, Scalar, 5),
            (r#"{"a":[1,+1]}"#, Scalar, 8),
            (r#"{"a":["x" "y"]}"#, CommaOrClose, 10),
            (r#"{"a":"x\z"}"#, Escape, 7),
            ("{\"a\":\"xy\n\"}", NoControl, 8),
            (r#"{"b":{"c":1,"c"}}"#, Colon, 15),
            (r#"{"\u00":1}"#, Escape, 2),
        ] {
            let error = pick(&["a", "b.c"], text).unwrap_err();
            assert_eq!((error.kind, error.offset), (ErrorKind::Malformed(expected), offset), "{text}");
        }
    }

    #[test]
    fn an_error_of_the_taker_has_the_place_of_the_value() {
        let mut tree = PathTree::default();
        tree.insert("a");
        for (text, offset) in [(&br#"{"a":[0,7]}"#[..], 8), (br#"{"a":[0,"x"]}"#, 9)] {
            let buffer = Buffer::holding(text);
            let record = Record { start: 0, end: text.len(), offset: 0, number: 1 };
            let refuse = |leaf: Leaf<'_>| match leaf.value {
                Scalar::Number("0") => Ok(()),
                _ => Err(ErrorKind::TooManyValues),
            };
            let end = Fields::new().pick(&buffer.window(), record, &tree, refuse);
            assert_eq!(end, Err(Error::new(ErrorKind::TooManyValues, offset)));
        }
    }

    /// All leaves and how it ended, in comparable form; `None` if the reader
    /// finds no record.
    fn pick_by(text: &[u8], tree: &PathTree, layout: Layout, exact: bool) -> Option<(Vec<String>, Result<(), Error>)> {
        let buffer = Buffer::holding(text);
        let mut reader = RecordReader::new(&Limits::default(), layout);
        let window = buffer.window();
        let Ok(Read::Record(record)) = reader.read(&window) else { return None };
        let mut fields = Fields { exact, ..Fields::new() };
        let mut leaves = Vec::new();
        let result = fields.pick(&window, record, tree, |leaf| {
            leaves.push(format!("{leaf:?}"));
            Ok(())
        });
        leaves.push(format!("{:?}", fields.frames()));
        Some((leaves, result))
    }

    fn value(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
        let scalars: [&[u8]; 12] = [
            br#""""#,
            br#""x""#,
            b"true",
            b"null",
            b"-1.5e3",
            br#""a\"b""#,
            br#""\\""#,
            br#""{[""#,
            "\"é\"".as_bytes(),
            br#""arn:aws:iam::123456789012:user/somebody-with-a-very-long-name-that-fills-a-block""#,
            b"01",
            br#""\x""#,
        ];
        match random.below(if depth > 3 { 6 } else { 10 }) {
            0..6 => {
                // The last two are bad where they are looked at.
                let kinds = if random.below(8) == 0 { 12 } else { 10 };
                out.extend_from_slice(scalars[random.below(kinds)]);
            }
            6..9 => object(random, depth + 1, out),
            _ => {
                out.push(b'[');
                for i in 0..random.below(4) {
                    if i > 0 {
                        out.push(b',');
                    }
                    value(random, depth + 1, out);
                }
                out.push(b']');
            }
        }
    }

    /// A key or a value of any length around 64 bytes is a part of it.
    const K: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

    fn object(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
        let keys = [
            "a",
            "b",
            "",
            "a.b",
            "eventName",
            "eventSource",
            "xxeventName",
            "userIdentity",
            "type",
            r"\u0061",
            r"a\u002eb",
            "requestParameters",
            "userIdentity.type",
            "a key that is so long that it fits in no block of the scan, wherever in one it may begin",
            "a key like this one looks like structure just where 64 bytes end:{:",
            "a key like this one looks like structure just where 64 bytes end:1,",
        ];
        out.push(b'{');
        for i in 0..random.below(8) {
            if i > 0 {
                out.push(b',');
            }
            // Some whose quotes, or those of their values, are the last of 64 bytes.
            let near = |random: &mut Random, beyond: usize| &K[..63 - random.below(9) + beyond];
            let text = |text: &str| format!("\"{text}\"").into_bytes();
            match random.below(6) {
                0 => out.extend(text(near(random, 4))),
                1 => out.extend(text("a")),
                _ => out.extend(text(keys[random.below(keys.len())])),
            }
            out.push(b':');
            match random.below(6) {
                0 => out.extend(text(near(random, 0))),
                _ => value(random, depth, out),
            }
        }
        out.push(b'}');
    }

    #[test]
    fn what_is_found_by_quotes_is_what_the_exact_walk_finds() {
        let names = ["eventName", "a", "a.b", "a.b.type", "userIdentity.type", "requestParameters.a.eventSource"];
        let paths = names.into_iter().chain((60..65).map(|bytes| &K[..bytes]));
        let mut random = Random::new(7);
        let (mut good, mut bad) = (0, 0);
        for round in 0..rounds(40_000) {
            let mut tree = PathTree::default();
            for path in paths.clone() {
                if random.below(2) == 0 {
                    tree.insert(path);
                }
            }
            let layout = if round % 4 == 0 { Layout::Lines } else { Layout::Files };
            let mut text = vec![b' '; random.below(64)];
            if layout == Layout::Files {
                text.push(b'[');
            }
            let start = text.len();
            object(&mut random, 0, &mut text);
            let end = text.len();
            for _ in 0..[0, 0, 1, 2][random.below(4)] {
                let at = start + random.below(end - start);
                let byte = b"\"\\{}[]:, x1\n"[random.below(12)];
                if random.below(2) == 0 { text[at] = byte } else { text.insert(at, byte) }
            }
            // Sometimes the window ends where the record does.
            text.resize(text.len() + [0, 1, 200][random.below(3)], b' ');
            let fast = pick_by(&text, &tree, layout, false);
            let exact = pick_by(&text, &tree, layout, true);
            assert_eq!(fast, exact, "{:?}", String::from_utf8_lossy(&text));
            match fast {
                Some((_, Ok(()))) => good += 1,
                Some((_, Err(_))) => bad += 1,
                None => {}
            }
        }
        assert!(good > rounds(20_000) && bad > rounds(1_000), "{good} {bad}");
    }
}
