//! The wanted members of an object, by its colons.
//!
//! In: an object, what is directly inside it, and the endings of wanted keys.
//! Out: the members whose keys end so, in order; or that the object is not
//! *plain*, and then the exact walk has to read it.
//!
//! ```text
//! for each run of bytes between the containers directly inside the object:
//!     for each colon in it, outside strings:
//!         the byte before closes the key, the byte behind begins the value
//!         if the bytes before may end a wanted key: note the member
//! ```
//!
//! In an object as AWS writes it, without white space, each colon stands right
//! behind its key; and to step from bit to bit of a mask takes no look at the
//! text, so the processor reads many members at once, where the exact walk must
//! find the end of each before it knows the next.
//!
//! Two sums make sure that no key is overlooked: colons and commas take turns,
//! so each member has one colon; and there are two quotes for each key and each
//! value that begins with one, so there is no string but those. Nothing in a key
//! may be escaped. What this does not see are stray bytes beside unwanted
//! members, such as a space before a comma.

use crate::buffer::Window;
use crate::json;
use crate::paths::Endings;
use crate::records::Spans;
use crate::scan::{self, BLOCK, Masks};
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
    spans: Spans,
    pub(super) members: Vec<Member>,
}

/// Members that are held at most. Real records have as many as rules want.
const MAX_MEMBERS: usize = 1_000;

impl Outline {
    pub(super) fn new() -> Self {
        // Nothing has to be told apart: the reader has seen that brackets match.
        Self { spans: Spans::new(0), members: Vec::new() }
    }

    /// Adds the members of the object that begins at `start` whose keys end as
    /// wanted ones do, and returns the object's end; adds nothing and returns
    /// `None` if it is not plain.
    pub(super) fn add(&mut self, window: &Window<'_>, start: usize, endings: Endings) -> Option<usize> {
        self.spans.clear();
        let end = self.spans.close(window, start, start).ok()??;
        add(&mut self.members, window, start..end, self.spans.inner(), endings).then_some(end)
    }

    /// As [`add`](Self::add), where it is known what is inside.
    #[inline(always)]
    pub(super) fn add_known(
        &mut self,
        window: &Window<'_>,
        object: Range<usize>,
        inner: &[[u32; 2]],
        endings: Endings,
    ) -> bool {
        add(&mut self.members, window, object, inner, endings)
    }
}

#[inline(always)]
fn add(
    members: &mut Vec<Member>,
    window: &Window<'_>,
    object: Range<usize>,
    inner: &[[u32; 2]],
    endings: Endings,
) -> bool {
    let first = members.len();
    let plain = scan::fast(
        #[inline(always)]
        || find(members, window, object, inner, endings),
    );
    if plain.is_none() {
        members.truncate(first);
    }
    plain.is_some()
}

/// See the module; `None` if the object is not plain.
#[inline(always)]
fn find(
    members: &mut Vec<Member>,
    window: &Window<'_>,
    object: Range<usize>,
    inner: &[[u32; 2]],
    endings: Endings,
) -> Option<()> {
    let start = object.start;
    let bytes = window.bytes.get(..object.end)?;
    let close = bytes.len() - 1;
    match bytes.get(start + 1)? {
        b'"' => {}
        b'}' => return Some(()),
        _ => return None,
    }
    let (mut seen, mut needed) = (Seen::default(), 0);
    let mut visit = |masks: &Masks, wanted: u64, block: usize| {
        let mut colons = masks.colons & wanted;
        while colons != 0 {
            let colon = block + colons.trailing_zeros() as usize;
            colons &= colons - 1;
            let &[a, b, c, d, _, value] = bytes.get(colon.wrapping_sub(4)..)?.first_chunk()?;
            let ending = [a, b, c, d];
            if u32::from_le_bytes(ending) >> 24 != u32::from(b'"') {
                return None;
            }
            needed += match BEGINS[value as usize] {
                Begins::String => 4,
                Begins::Other => 2,
                Begins::Nothing => return None,
            };
            if endings.pass(ending) {
                note(members, window, bytes, start, colon)?;
            }
        }
        Some(())
    };
    let mut from = start + 1;
    let mut inner = inner.iter();
    loop {
        let span = inner.next();
        let to = span.map_or(close, |span| start + span[0] as usize);
        // Twice over the run: each loop then has a register for each of its numbers.
        each(window, from, to, |masks, wanted, _| {
            seen.take(masks, wanted);
            Some(())
        })?;
        each(window, from, to, &mut visit)?;
        let Some(span) = span else { break };
        from = start + span[1] as usize;
        if bytes.get(to - 1) != Some(&b':') || from > close || from < close && bytes[from] != b',' {
            return None;
        }
    }
    (seen.in_value && seen.odd == 0 && seen.quotes == needed).then_some(())
}

/// Calls `visit` for each block of `from..to`, with its masks, the bits of them
/// that are wanted, and its position.
#[inline(always)]
fn each(
    window: &Window<'_>,
    from: usize,
    to: usize,
    mut visit: impl FnMut(&Masks, u64, usize) -> Option<()>,
) -> Option<()> {
    let (last, others) = window.masks(from, to).split_last()?;
    let (mut wanted, mut block) = (!0 << (from % BLOCK), from / BLOCK * BLOCK);
    for masks in others {
        visit(masks, wanted, block)?;
        wanted = !0;
        block += BLOCK;
    }
    visit(last, wanted & !(!0 << (to % BLOCK)), block)
}

/// Notes the member with this colon; `None` if there is no room, or it is not
/// plain. By itself, since few are wanted.
#[inline(never)]
fn note(members: &mut Vec<Member>, window: &Window<'_>, bytes: &[u8], start: usize, colon: usize) -> Option<()> {
    let open = window.last_quote(colon - 1)?;
    let key = open + 1..colon - 1;
    let value = colon + 1;
    let end = match bytes[value] {
        b'"' => window.next_quote(value + 1)? + 1,
        b'{' | b'[' => value,
        _ => value + bytes[value..].iter().position(|&byte| !json::is_scalar(byte))?,
    };
    let begins = open == start + 1 || bytes[open - 1] == b',';
    let ends = end == value || matches!(bytes.get(end)?, b',' | b'}');
    if !begins || !ends || members.len() == MAX_MEMBERS {
        return None;
    }
    members.push(Member { key, value: value..end });
    Some(())
}

/// What was seen between the containers of an object.
#[derive(Default)]
struct Seen {
    /// Whether a colon came last, and not a comma.
    in_value: bool,
    /// What no plain object has there: colons and commas out of turn, backslashes,
    /// and brackets.
    odd: u64,
    quotes: u32,
}

impl Seen {
    #[inline(always)]
    fn take(&mut self, masks: &Masks, wanted: u64) {
        let (colons, commas) = (masks.colons & wanted, masks.commas & wanted);
        // Commas minus colons, as numbers, with a borrow that goes on to the next
        // block: ones from each colon up to, and without, the comma that follows.
        let (values, borrow) = commas.overflowing_sub(colons);
        let (values, more) = values.overflowing_sub(u64::from(self.in_value));
        self.in_value = borrow | more;
        self.odd |= colons & !values | commas & values | (masks.backslashes | masks.stops) & wanted;
        self.quotes += (masks.quotes & wanted).count_ones();
    }
}

/// What begins with a byte.
#[derive(Clone, Copy)]
enum Begins {
    Nothing,
    String,
    /// Any other value.
    Other,
}

static BEGINS: [Begins; 256] = {
    let mut table = [Begins::Nothing; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = match byte as u8 {
            b'"' => Begins::String,
            b'{' | b'[' => Begins::Other,
            byte if json::is_scalar(byte) => Begins::Other,
            _ => Begins::Nothing,
        };
        byte += 1;
    }
    table
};
