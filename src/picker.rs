//! Picks fields out of records that stand by themselves.
//!
//! In: a record's bytes. Out: the scalars at wanted paths. It is what
//! [`Fields`] does for a record in its window, for those who have nothing but
//! the record: it is copied into a window of its own, and classified there.

use crate::buffer::Buffer;
use crate::fields::Fields;
use crate::paths::{PathTree, Slot};
use crate::records::Record;
use crate::{Error, Limits, Scalar};

/// Picks fields; holds what that takes, for one record after another.
pub struct Picker {
    tree: PathTree,
    fields: Fields,
    /// Room for the largest record so far.
    buffer: Buffer,
    room: usize,
}

impl Picker {
    /// Wants nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { tree: PathTree::default(), fields: Fields::new(), buffer: window(0), room: 0 }
    }

    /// Wants a path: keys with dots between. Paths are numbered from 0, each
    /// once.
    pub fn want(&mut self, path: &str) -> Slot {
        self.tree.insert(path)
    }

    /// The wanted paths.
    #[must_use]
    pub fn tree(&self) -> &PathTree {
        &self.tree
    }

    /// Calls `leaf` for each scalar at a wanted path of `record`, a JSON object,
    /// in order.
    ///
    /// # Errors
    /// As [`Fields::pick`], behind all that was picked before.
    pub fn pick(&mut self, record: &[u8], mut leaf: impl FnMut(Slot, Scalar<'_>)) -> Result<(), Error> {
        if record.len() > self.room {
            // Twice the size, so that records that grow cost no buffer each.
            self.room = record.len().next_power_of_two();
            self.buffer = window(self.room);
        }
        self.buffer.reset();
        self.buffer.spare()[..record.len()].copy_from_slice(record);
        self.buffer.fill(record.len());
        let whole = Record { start: 0, end: record.len(), offset: 0, number: 0 };
        self.fields.pick(&self.buffer.window(), whole, &self.tree, |it| {
            leaf(it.slot, it.value);
            Ok(())
        })
    }
}

impl Default for Picker {
    fn default() -> Self {
        Self::new()
    }
}

/// A buffer of which the window is all that is ever filled.
fn window(bytes: usize) -> Buffer {
    Buffer::new(&Limits { max_record_bytes: 0, window_bytes: bytes, ..Limits::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rounds;

    #[test]
    fn records_of_any_size_one_after_another() {
        let mut picker = Picker::new();
        assert_eq!((picker.want("a.b"), picker.want("c"), picker.want("a.b")), (0, 1, 0));
        for filler in [0, rounds(10_000), 3, 100, rounds(70_000)] {
            let record = format!(r#"{{"x":"{}","a":[{{"b":"\u0031"}},{{"b":2}}],"c":null}}"#, "y".repeat(filler));
            let mut found = Vec::new();
            picker.pick(record.as_bytes(), |slot, value| found.push((slot, format!("{value:?}")))).unwrap();
            let expected = [(0, r#"String([49])"#), (0, r#"Number("2")"#), (1, "Null")];
            assert_eq!(found, expected.map(|(slot, text)| (slot, text.to_owned())), "{filler}");
        }
        for unsound in [r#"{"c":tru}"#, "", "{", r#""""#, r#"""a":[1"]}"#, r#"[{"c":1}]"#] {
            assert!(picker.pick(unsound.as_bytes(), |_, _| {}).is_err(), "{unsound}");
        }
    }
}
