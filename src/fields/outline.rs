//! The wanted members of an object, by its quotes.
//!
//! In: an object, and the endings of wanted keys. Out: the members whose keys end
//! so, in order; or that the object is not *plain*, and then the exact walk has to
//! read it.
//!
//! ```text
//! behind the opening brace, and behind each comma:
//!     a key has to begin there, and ends at the next quote; nothing in it is escaped
//!     a colon has to follow, and behind it the value:
//!         a string ends at the next quote; an object or array is walked over;
//!         of a number or literal the end is looked for
//!     if the key's last bytes are those of a wanted one: note the member
//!     a comma has to follow, or the brace that ends the object
//! ```
//!
//! In an object as AWS writes it, without white space, each token stands right
//! behind the one before. The quotes of 64 bytes are taken as one mask from wherever a
//! member begins, so that most keys and values end without a loop, whose length the
//! processor cannot guess. A key beyond that is left to the exact walk, as is a wanted
//! string with escapes. What is found plain is what the exact walk would read without a
//! fault.

use crate::buffer::{Container, Window};
use crate::json;
use crate::paths::Endings;
use crate::scan::{self, before_first};
use std::ops::Range;

/// A member that may be wanted. Positions are those of the window.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Where the key's text is.
    pub(super) key: Range<usize>,
    /// Where the value is.
    pub(super) value: Range<usize>,
}

/// Finds members; holds those of the objects being walked, inner ones behind
/// outer ones.
pub(super) struct Outline {
    pub(super) members: Vec<Member>,
}

/// Members that are held at most. Real records have as many as rules want.
const MAX_MEMBERS: usize = 1_000;

impl Outline {
    pub(super) fn new() -> Self {
        Self { members: Vec::new() }
    }

    /// Adds the members of the object that begins at `start` whose keys end as
    /// wanted ones do, and returns the object's end; adds nothing and returns
    /// `None` if it is not plain.
    pub(super) fn add(&mut self, window: &Window<'_>, start: usize, endings: Endings) -> Option<usize> {
        let first = self.members.len();
        let end = scan::fast(
            #[inline(always)]
            || find(&mut self.members, window, start, endings),
        );
        if end.is_none() {
            self.members.truncate(first);
        }
        end
    }
}

/// See the module; `None` if the object is not plain.
#[inline(always)]
fn find(members: &mut Vec<Member>, window: &Window<'_>, start: usize, endings: Endings) -> Option<usize> {
    let bytes = window.bytes;
    let mut at = start + 1;
    if bytes.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    loop {
        // The key's quotes, and perhaps those of the value. A key that does not end among these
        // bytes is left to the exact walk.
        let quotes = window.quotes_from(at);
        let behind_first = quotes & quotes.wrapping_sub(1);
        let key = at + 1..at + behind_first.trailing_zeros() as usize;
        if quotes & 1 == 0 || behind_first == 0 || window.backslashes_from(at) & before_first(behind_first) != 0 {
            return None;
        }
        let &[a, b, c, d, b':', first] = bytes.get(key.end.wrapping_sub(3)..)?.first_chunk()? else { return None };
        let value = key.end + 2;
        let end = match first {
            b'"' => {
                let inside = behind_first & behind_first.wrapping_sub(1);
                let closing = inside & inside.wrapping_sub(1);
                let quote = match closing {
                    0 => window.next_quote(value + 1)?,
                    _ => at + closing.trailing_zeros() as usize,
                };
                quote + 1
            }
            b'{' | b'[' => Container::at(window, value).walk(window, value + 1).ok()??,
            _ if json::is_scalar(first) => json::scalar_end(bytes, value),
            _ => return None,
        };
        if endings.pass([a, b, c, d]) {
            note(members, window, key, value..end)?;
        }
        match bytes.get(end)? {
            b',' => at = end + 1,
            b'}' => return Some(end + 1),
            _ => return None,
        }
    }
}

/// Notes a member; `None` if there is no room, or its value is a string with escapes. By
/// itself, since few are wanted.
#[inline(never)]
fn note(members: &mut Vec<Member>, window: &Window<'_>, key: Range<usize>, value: Range<usize>) -> Option<()> {
    let escaped = window.bytes[value.start] == b'"' && window.has_backslash(value.start, value.end);
    if escaped || members.len() == MAX_MEMBERS {
        return None;
    }
    members.push(Member { key, value });
    Some(())
}
