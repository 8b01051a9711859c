//! The wanted members of an object, by its strings.
//!
//! In: an object, and the endings of wanted keys. Out: the members whose keys end
//! so, in order; or that the object is not *plain*, and then the exact walk has to
//! read it.
//!
//! ```text
//! for each string directly inside the object, by its two quotes:
//!     if a value is due where it begins: that is what it is
//!     else it is a key, behind a comma and before a colon:
//!         if its last bytes are those of a wanted one: note the member
//!         if a number or literal follows: find its end
//! at each bracket: if a value is due there: walk over it; else the object ends
//! ```
//!
//! In an object as AWS writes it, without white space, each token stands right
//! behind the one before, and nothing in a key is escaped. To step from bit to bit
//! of a mask takes no look at the text, so the processor reads many members at once,
//! where the exact walk must find the end of each before it knows the next. What is
//! found plain is what the exact walk would read without a fault.

use crate::buffer::{Container, Window};
use crate::json;
use crate::paths::Endings;
use crate::scan::{self, BLOCK, before_first};
use std::ops::Range;

/// A member that may be wanted. Positions are those of the window.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Where the key's text is.
    pub(super) key: Range<usize>,
    /// Where the value is; of an object or array, only where it begins.
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
    if bytes.get(start + 1) == Some(&b'}') {
        return Some(start + 2);
    }
    // Where the last member ended, and a comma or the brace has to follow; and where a
    // value has to begin, if one is due.
    let (mut ended, mut due) = (start, NOWHERE);
    let mut marks = Marks::from(window, start + 1)?;
    loop {
        let Some(open) = marks.quote() else {
            let bracket = marks.bracket()?;
            match bytes[bracket] {
                b'}' if due == NOWHERE && ended == bracket => return Some(bracket + 1),
                b'{' | b'[' if due == bracket => {
                    ended = Container::at(window, bracket).walk(window, bracket + 1).ok()??;
                    due = NOWHERE;
                    marks = Marks::from(window, ended)?;
                    continue;
                }
                _ => return None,
            }
        };
        // No bracket is within a string.
        let quote = marks.quote()?;
        if open == due {
            (ended, due) = (quote + 1, NOWHERE);
            continue;
        }
        let behind_comma = open == ended + 1 && (bytes[ended] == b',' || ended == start);
        let &[a, b, c, d, colon, value] = bytes.get(quote.wrapping_sub(3)..)?.first_chunk()?;
        if !behind_comma || due != NOWHERE || colon != b':' {
            return None;
        }
        if json::is_scalar(value) {
            ended = json::scalar_end(bytes, quote + 2);
        } else {
            due = quote + 2;
        }
        if endings.pass([a, b, c, d]) {
            note(members, window, open + 1..quote)?;
        }
    }
}

/// The quotes up to the next bracket, and that.
struct Marks<'w, 'a> {
    window: &'w Window<'a>,
    /// Position of the block at hand.
    block: usize,
    /// Quotes of the block that are still to come and before a bracket,
    quotes: u64,
    /// and its brackets.
    brackets: u64,
}

impl<'w, 'a> Marks<'w, 'a> {
    /// Those from `at` on; `None` as in [`load`](Self::load).
    #[inline(always)]
    fn from(window: &'w Window<'a>, at: usize) -> Option<Self> {
        let mut marks = Self { window, block: at / BLOCK * BLOCK, quotes: 0, brackets: 0 };
        marks.load(!0 << (at % BLOCK)).then_some(marks)
    }

    /// Looks at a block; false if it is not there, or has a backslash before a bracket.
    #[inline(always)]
    fn load(&mut self, wanted: u64) -> bool {
        let Some(masks) = self.window.masks(self.block / BLOCK) else { return false };
        self.brackets = (masks.opens | masks.closes) & wanted;
        // All, if there is none.
        let before = wanted & before_first(self.brackets);
        self.quotes = masks.quotes & before;
        masks.backslashes & before == 0
    }

    /// The next quote; `None` at a bracket, or as in [`load`](Self::load).
    #[inline(always)]
    fn quote(&mut self) -> Option<usize> {
        while self.quotes == 0 {
            if self.brackets != 0 {
                return None;
            }
            self.block += BLOCK;
            if !self.load(!0) {
                self.brackets = 0;
                return None;
            }
        }
        let quote = self.block + self.quotes.trailing_zeros() as usize;
        self.quotes &= self.quotes - 1;
        Some(quote)
    }

    /// The next bracket, once there is no quote before it.
    #[inline(always)]
    fn bracket(&self) -> Option<usize> {
        (self.brackets != 0).then(|| self.block + self.brackets.trailing_zeros() as usize)
    }
}

/// No position: no value is due.
const NOWHERE: usize = usize::MAX;

/// Notes the member with this key; `None` if there is no room. By itself, since few
/// are wanted.
#[inline(never)]
fn note(members: &mut Vec<Member>, window: &Window<'_>, key: Range<usize>) -> Option<()> {
    let value = key.end + 2;
    let end = match window.bytes[value] {
        b'"' => window.next_quote(value + 1)? + 1,
        b'{' | b'[' => value,
        _ => json::scalar_end(window.bytes, value),
    };
    if members.len() == MAX_MEMBERS {
        return None;
    }
    members.push(Member { key, value: value..end });
    Some(())
}
