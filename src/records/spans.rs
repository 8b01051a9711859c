//! From an object's or array's opening bracket to its closing one.

use crate::buffer::Window;
use crate::json::{Brackets, Unbalanced};
use crate::scan;

/// Walks over brackets, and notes what is directly inside the outermost.
pub(crate) struct Spans {
    brackets: Brackets,
    /// Begins and ends in turn.
    noted: [[u32; 2]; MAX_INNER],
    /// Begins and ends noted.
    count: usize,
}

/// Inner containers that are noted. Real records have 4; an object with more is
/// read without.
pub(super) const MAX_INNER: usize = 64;

impl Spans {
    /// See [`Brackets::new`].
    pub(crate) fn new(max_depth: usize) -> Self {
        Self { brackets: Brackets::new(max_depth), noted: [[0; 2]; _], count: 0 }
    }

    /// Makes ready for the next container.
    pub(crate) fn clear(&mut self) {
        self.brackets.clear();
        self.count = 0;
    }

    /// Where the containers directly inside the one walked over last begin and
    /// end, as distances from its own beginning: in order, from the first one
    /// on, as far as there was room.
    pub(crate) fn inner(&self) -> &[[u32; 2]] {
        &self.noted[..self.count / 2]
    }

    /// Walks on from `at` to the bracket that closes the container that begins
    /// at `start`, and returns the position behind it; `None` if that is still
    /// to come.
    ///
    /// # Errors
    /// What does not fit, and its position.
    #[inline(always)]
    pub(crate) fn close(
        &mut self,
        window: &Window<'_>,
        at: usize,
        start: usize,
    ) -> Result<Option<usize>, (Unbalanced, usize)> {
        let Self { brackets, noted, count } = self;
        let note = |place: usize| {
            if let Some(next) = noted.as_flattened_mut().get_mut(*count) {
                *next = place.wrapping_sub(start) as u32;
                *count += 1;
            }
        };
        let end = scan::fast(
            #[inline(always)]
            || brackets.close(window.bytes, window.stops(at), note),
        )?;
        Ok(end.map(|stop| stop + 1))
    }
}
