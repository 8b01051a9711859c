//! The scan one byte at a time: what every backend is tested against.

use super::{BLOCK, Masks};

/// Classifies whole blocks, from a fresh start.
pub(super) fn classify(text: &[u8]) -> Vec<Masks> {
    let (mut in_string, mut escape) = (false, false);
    let mut masks = vec![Masks::default(); text.len() / BLOCK];
    for (i, &byte) in text.iter().enumerate() {
        let (out, bit) = (&mut masks[i / BLOCK], 1u64 << (i % BLOCK));
        let escaped = std::mem::take(&mut escape);
        match byte {
            b'"' if !escaped => {
                out.quotes |= bit;
                in_string = !in_string;
            }
            b'\\' => {
                out.backslashes |= bit;
                escape = !escaped;
                if !in_string {
                    out.closes |= bit;
                }
            }
            b'{' | b'[' if !in_string => out.opens |= bit,
            b'}' | b']' if !in_string => out.closes |= bit,
            _ => {}
        }
    }
    masks
}
