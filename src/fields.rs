//! Picks the wanted fields out of one record.
//!
//! In: a record in its [`Window`] and a [`PathTree`]. Out: one [`Leaf`] for each
//! scalar at a wanted path, in the record's order, with the array elements it
//! lies in. Nothing of the record is copied or kept; the scratch space is
//! reused.
//!
//! The walk steps from quote to quote where it looks, and over the brackets of
//! what no path leads to. It reads the whole record: a key may come twice, and
//! every occurrence counts, so no match can be ruled out before the end.
//!
//! Validated: the structure from the record's brace to each wanted value, and
//! the value. Skipped values are known to be balanced and terminated.

use crate::buffer::Window;
use crate::json::{self, Scalar};
use crate::limits::{MAX_ARRAY_DEPTH, MAX_VALUES};
use crate::paths::{Filter, NodeId, PathTree, ROOT, Slot};
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
    key: Vec<u8>,
    value: Vec<u8>,
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
    Array { array: u32, next: u32 },
}

impl Fields {
    /// Empty scratch space.
    #[must_use]
    pub fn new() -> Self {
        Self { levels: Vec::new(), frames: Vec::new(), arrays: 0, key: Vec::new(), value: Vec::new() }
    }

    /// The frames of the record walked last, to look [`Leaf::frame`] up in.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Calls `leaf` for each scalar of `record` that `tree` wants.
    ///
    /// # Errors
    /// Malformed JSON on the way to a wanted value or in it; too deep or too
    /// many arrays; and what `leaf` returns.
    pub fn pick(
        &mut self,
        window: &Window<'_>,
        record: Record,
        tree: &PathTree,
        mut leaf: impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        self.levels.clear();
        self.levels.push(Level { node: ROOT, frame: 0, kind: Kind::Object });
        self.frames.clear();
        self.frames.push(Frame { up: 0, array: u32::MAX, index: 0 });
        self.arrays = 0;
        let at = record.start + 1;
        let cursor = Cursor { window: *window, bytes: &window.bytes[..record.end], at };
        let escapes = window.has_backslash(at, record.end);
        let mut walk = Walk { cursor, escapes, tree, fields: self };
        let mut first = true;
        while let Some(&level) = walk.fields.levels.last() {
            let end = match level.kind {
                Kind::Object => walk.object(level, first, &mut leaf)?,
                Kind::Array { array, next } => walk.array(level, array, next, first, &mut leaf)?,
            };
            if end == Value::Done {
                walk.fields.levels.pop();
            }
            first = end == Value::Opened;
        }
        // The reader found the end by the same brackets.
        if walk.cursor.at == record.end { Ok(()) } else { Err(walk.cursor.malformed(Expected::CommaOrClose)) }
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
    /// Whether anything in the record is escaped.
    escapes: bool,
    tree: &'b PathTree,
    fields: &'b mut Fields,
}

/// What became of a value.
#[derive(PartialEq, Eq)]
enum Value {
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
    ) -> Result<Value, Error> {
        let filter = self.tree.filter(level.node);
        loop {
            if !first {
                self.cursor.at = self.cursor.behind_unwanted(filter, self.escapes);
            }
            if !self.cursor.next(b'}', first)? {
                return Ok(Value::Done);
            }
            first = false;
            let key = self.cursor.key()?;
            let node = if self.escapes && self.cursor.window.has_backslash(key.start, key.end) {
                self.escaped_key(level.node, key)?
            } else {
                self.tree.child(level.node, &self.cursor.bytes[key])
            };
            match node {
                Some(node) => {
                    if self.wanted(node, level.frame, None, leaf)? == Value::Opened {
                        return Ok(Value::Opened);
                    }
                }
                None => match self.cursor.peek() {
                    b'"' => drop(self.cursor.string()?),
                    b'{' | b'[' => self.cursor.container()?,
                    _ => drop(self.cursor.scalar()?),
                },
            }
        }
    }

    /// Reads an array's elements, as [`object`](Self::object) its members.
    fn array(
        &mut self,
        level: Level,
        array: u32,
        mut next: u32,
        mut first: bool,
        leaf: &mut impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<Value, Error> {
        let this = self.fields.levels.len() - 1;
        while self.cursor.next(b']', first)? {
            first = false;
            let element = Some((array, next));
            next += 1;
            if self.wanted(level.node, level.frame, element, leaf)? == Value::Opened {
                self.fields.levels[this].kind = Kind::Array { array, next };
                return Ok(Value::Opened);
            }
        }
        Ok(Value::Done)
    }

    fn escaped_key(&mut self, node: NodeId, key: Range<usize>) -> Result<Option<NodeId>, Error> {
        let first = key.start;
        match json::string::unescape(&self.cursor.bytes[key], &mut self.fields.key) {
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
    ) -> Result<Value, Error> {
        let slot = self.tree.slot(node);
        match self.cursor.peek() {
            b'{' if self.tree.has_children(node) => return self.descend(node, Kind::Object, frame, element),
            b'{' => self.cursor.container()?,
            b'[' => {
                self.fields.arrays += 1;
                let kind = Kind::Array { array: self.fields.arrays - 1, next: 0 };
                return self.descend(node, kind, frame, element);
            }
            b'"' => {
                let text = self.cursor.string()?;
                if let Some(slot) = slot {
                    self.text(text, slot, frame, leaf)?;
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
        Ok(Value::Done)
    }

    /// Gives the string at `text` to `leaf`.
    fn text(
        &mut self,
        text: Range<usize>,
        slot: Slot,
        frame: FrameId,
        leaf: &mut impl FnMut(Leaf<'_>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let (cursor, first) = (&self.cursor, text.start);
        let escapes = self.escapes && cursor.window.has_backslash(text.start, text.end);
        let text = json::string::unescape_if(escapes, &cursor.bytes[text], &mut self.fields.value)
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
    ) -> Result<Value, Error> {
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
        Ok(Value::Opened)
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
        while json::is_scalar(self.byte()) {
            self.at += 1;
        }
        if self.at == first { Err(self.malformed(Expected::Value)) } else { Ok(first..self.at) }
    }

    /// Moves behind the object or array that `at` is on.
    fn container(&mut self) -> Result<(), Error> {
        let mut depth = 0usize;
        for stop in self.window.stops(self.at) {
            // '{' and '[' have bit 1, '}' and ']' do not. The reader has seen
            // to it that they match and that no backslash is among them.
            if self.bytes[stop] & 0b10 != 0 {
                depth += 1;
            } else {
                depth -= 1;
                if depth == 0 {
                    self.at = stop + 1;
                    return Ok(());
                }
            }
        }
        Err(self.malformed(Expected::MatchingBracket))
    }

    /// The place behind the members from `at` on that are plainly unwanted:
    /// behind keys that `filter` rules out, and without white space. Whatever
    /// else there is, it stops before, and the member is read in full: the fast
    /// twin of what [`Walk::object`] does, and no more.
    ///
    /// This is where records spend their time. A function by itself with little
    /// state, it stays in registers; inside the loop that knows errors and
    /// nesting, a member cost three times as much.
    #[inline(never)]
    fn behind_unwanted(self, filter: Filter, escapes: bool) -> usize {
        let mut at = self.at;
        while let Some(end) = self.behind_unwanted_member(at, filter, escapes) {
            at = end;
        }
        at
    }

    #[inline(always)]
    fn behind_unwanted_member(&self, comma: usize, filter: Filter, escapes: bool) -> Option<usize> {
        if self.bytes.get(comma..comma + 2)? != b",\"" {
            return None;
        }
        let key = comma + 2..self.window.next_quote(comma + 2)?;
        let value = key.end + 2;
        let [b':', first] = *self.bytes.get(key.end + 1..key.end + 3)? else { return None };
        if filter.passes(&self.bytes[key.clone()]) || escapes && self.window.has_backslash(key.start, key.end) {
            return None;
        }
        match first {
            b'"' => self.window.next_quote(value + 1).map(|quote| quote + 1),
            first if json::is_scalar(first) => {
                let length = self.bytes[value..].iter().position(|&byte| !json::is_scalar(byte))?;
                Some(value + length)
            }
            b'{' | b'[' => {
                let mut inner = Self { at: value, ..*self };
                inner.container().ok().map(|()| inner.at)
            }
            _ => None,
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

    /// What is picked out of a record: path, value as text, and the chain of elements from the innermost.
    type Picked = (&'static str, String, Vec<(u32, u32)>);

    fn pick(paths: &[&'static str], text: &str) -> Result<Vec<Picked>, Error> {
        let mut tree = PathTree::default();
        let slots: Vec<Slot> = paths.iter().map(|path| tree.insert(path)).collect();
        let mut buffer = Buffer::new(&Limits::default());
        buffer.spare()[..text.len()].copy_from_slice(text.as_bytes());
        buffer.fill(text.len());
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
            let mut buffer = Buffer::new(&Limits::default());
            buffer.spare()[..text.len()].copy_from_slice(text);
            buffer.fill(text.len());
            let record = Record { start: 0, end: text.len(), offset: 0, number: 1 };
            let refuse = |leaf: Leaf<'_>| match leaf.value {
                Scalar::Number("0") => Ok(()),
                _ => Err(ErrorKind::TooManyValues),
            };
            let end = Fields::new().pick(&buffer.window(), record, &tree, refuse);
            assert_eq!(end, Err(Error::new(ErrorKind::TooManyValues, offset)));
        }
    }
}
