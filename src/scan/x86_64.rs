//! The backends for x86-64, for AVX2 and AVX-512: which of them the processor has, and the way
//! to them. Processors that have neither get the portable one.

#![allow(unsafe_code, reason = "code for a kind of processor may only be called where it is sure to be one")]

mod avx2;
mod avx512;

use super::pairs::{Pairs, Places, find_with};
use super::portable::Portable;
use super::{Carry, Detected, GROUP, Group, Level, classify_with, level};
use std::arch::is_x86_feature_detected as has;

/// The best that this processor has, up to `most`. The standard library asks the
/// processor once and remembers the answer.
pub(super) fn best(most: Level) -> Detected {
    let avx2 = has!("avx2") && has!("pclmulqdq") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt");
    let avx512 = has!("avx512bw") && has!("avx512dq") && has!("avx512vbmi") && has!("avx512vpopcntdq");
    let avx512 = avx512 && has!("gfni") && has!("vpclmulqdq");
    Detected(match most {
        Level::Avx512 if avx2 && avx512 => Level::Avx512,
        Level::Avx512 | Level::Avx2 if avx2 => Level::Avx2,
        _ => Level::Portable,
    })
}

/// See [`super::classify`].
pub(super) fn classify(
    level: Detected,
    bytes: &[[u8; GROUP]],
    groups: &mut [Group],
    carry: &mut Carry,
) -> Option<usize> {
    match level.0 {
        // SAFETY: `best` made `level`, having detected all that the function needs.
        Level::Avx512 => unsafe { avx512::classify(bytes, groups, carry) },
        // SAFETY: as above.
        Level::Avx2 => unsafe { avx2::classify(bytes, groups, carry) },
        Level::Portable | Level::Neon => classify_with::<Portable>(bytes, groups, carry),
    }
}

/// See [`super::find_pairs`].
pub(super) fn find_pairs(level: Detected, text: &[u8], pairs: &Pairs, places: &mut Places) {
    match level.0 {
        // SAFETY: `best` made `level`, having detected all that the function needs.
        Level::Avx512 => unsafe { avx512::find_pairs(text, pairs, places) },
        // SAFETY: as above.
        Level::Avx2 => unsafe { avx2::find_pairs(text, pairs, places) },
        Level::Portable | Level::Neon => find_with::<Portable>(text, pairs, places),
    }
}

/// See [`super::fast`].
#[inline(always)]
pub(super) fn fast<R>(work: impl FnOnce() -> R) -> R {
    if level() >= Level::Avx2 {
        // SAFETY: `level` is what `best` detected, and AVX2 comes with all of these.
        unsafe { with_bit_manipulation(work) }
    } else {
        work()
    }
}

#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
fn with_bit_manipulation<R>(work: impl FnOnce() -> R) -> R {
    work()
}
