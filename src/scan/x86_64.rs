//! The AVX2 backend, with carry-less multiplication, for nearly every x86-64
//! processor since 2013; the others get the portable one.

#![allow(unsafe_code, reason = "code for AVX2 may only be called where AVX2 is sure to be there")]

use super::{BLOCK, Backend, Carry, Found, Masks, classify_with, portable::Portable};
use std::arch::x86_64::{
    _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi64x, _mm256_cmpeq_epi8, _mm256_loadu_si256,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
};

/// See [`super::classify`]. The standard library asks the processor once and
/// remembers the answer.
pub(super) fn classify(blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("pclmulqdq") {
        // SAFETY: AVX2 and PCLMULQDQ were detected on the line above.
        unsafe { classify_avx2(blocks, masks, carry) }
    } else {
        classify_with::<Portable>(blocks, masks, carry);
    }
}

#[target_feature(enable = "avx2,pclmulqdq")]
fn classify_avx2(blocks: &[[u8; BLOCK]], masks: &mut [Masks], carry: &mut Carry) {
    classify_with::<Avx2>(blocks, masks, carry);
}

/// Private to this file, so that only [`classify_avx2`] uses it.
struct Avx2;

impl Backend for Avx2 {
    // `inline(always)`, to become a part of `classify_avx2`: only there are the
    // intrinsics single instructions.
    #[inline(always)]
    fn find(block: &[u8; BLOCK]) -> Found {
        let (halves, _) = block.as_chunks::<32>();
        let mut found = Found { quotes: 0, backslashes: 0, brackets: 0 };
        for half in halves.iter().rev() {
            // SAFETY: `classify_avx2`, the only user, has AVX2; and the load,
            // which needs no alignment, reads the 32 bytes that `half` refers
            // to.
            let [quotes, backslashes, brackets] = unsafe {
                let bytes = _mm256_loadu_si256(half.as_ptr().cast());
                // Bit 5 is all that tells '[' from '{' and ']' from '}'.
                let folded = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
                let open = _mm256_cmpeq_epi8(folded, _mm256_set1_epi8(b'{' as i8));
                let close = _mm256_cmpeq_epi8(folded, _mm256_set1_epi8(b'}' as i8));
                [
                    _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'"' as i8))),
                    _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\' as i8))),
                    _mm256_movemask_epi8(_mm256_or_si256(open, close)),
                ]
            }
            .map(|mask| u64::from(mask as u32));
            found.quotes = found.quotes << 32 | quotes;
            found.backslashes = found.backslashes << 32 | backslashes;
            found.brackets = found.brackets << 32 | brackets;
        }
        found
    }

    /// The carry-less product with all ones: each bit, added without carries to
    /// itself and to all above. One instruction for the six shifts, which were
    /// a fifth of the scan.
    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        // SAFETY: `classify_avx2`, the only user, has AVX2 and PCLMULQDQ.
        unsafe {
            let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set1_epi64x(-1));
            _mm_cvtsi128_si64(product) as u64
        }
    }
}
