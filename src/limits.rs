//! The bounds that keep memory and time finite, in one place.

/// Limits of one [`Pipeline`](crate::Pipeline), whose memory follows from them:
/// see [`Pipeline::max_bytes`](crate::Pipeline::max_bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one record as it stands in the file. CloudTrail caps a record
    /// at 256 KB; the default of 1 MiB leaves room for re-written copies.
    pub max_record_bytes: usize,
    /// Decompressed bytes of one object: what stops a decompression bomb.
    /// CloudTrail's own files are at most 50 MB. Default 1 GiB.
    pub max_object_bytes: u64,
    /// Bytes inflated before they are scanned, so that both stages work on a
    /// buffer that stays in the L2 cache. Default 256 KiB, a quarter of
    /// the L2 cache of current processors: with less, calls and moved records
    /// cost more; with more, the scan reads from memory. No more are scanned at
    /// once, either.
    pub window_bytes: usize,
}

/// Bytes of the longest key outside records that is looked at, as it stands: 12 letters,
/// each as `\uXXXX`. There is room for it, and its quote, even where a record may be less.
pub(crate) const LONGEST_KEY: usize = 12 * 6;

impl Default for Limits {
    fn default() -> Self {
        Self { max_record_bytes: 1 << 20, max_object_bytes: 1 << 30, window_bytes: 256 << 10 }
    }
}

/// Nesting of arrays that a rule's field may be looked for in; the reference
/// implementation's JSON parser stops at the same depth.
pub const MAX_ARRAY_DEPTH: usize = 1_000;

/// Elements of arrays that one record may bring to the matcher, and hits of
/// predicates in them. CloudTrail caps a record at 256 KB, and an element that
/// says something takes 10 bytes, so no real record comes near. One less than a
/// power of two, which leaves a place for "in no array".
pub const MAX_VALUES: usize = (1 << 17) - 1;

/// Choices tried for one rule on one record before matching it is given up
/// with an error. Real records need fewer than a hundred.
pub const MAX_MATCH_STEPS: u32 = 1 << 20;
