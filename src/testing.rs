//! Shared by unit tests, and by the integration tests (`tests/common`).

/// One gzip member, by miniz_oxide: it shares no code with what inflates here, and Miri can run it.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    member(&miniz_oxide::deflate::compress_to_vec(bytes, 6), bytes)
}

/// So many rounds of a test; a few under Miri, which takes a thousand times as long.
pub(crate) const fn rounds(n: usize) -> usize {
    if cfg!(miri) { n.div_ceil(1_000) } else { n }
}

/// A gzip member of bytes that are deflated already.
pub(crate) fn member(deflated: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut stored = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    stored.extend_from_slice(deflated);
    stored.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    stored.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    stored
}

/// A small deterministic generator (xorshift64*), so that tests that use
/// random inputs fail the same way each time.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.next() >> 33) % n as u64) as usize
    }
}
