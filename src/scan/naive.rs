//! The scan one byte at a time: what every backend is tested against.

use super::{BLOCK, BLOCKS, GROUP, Group, MOST};

/// Classifies whole groups, from a fresh start, and finds the first backslash outside strings.
pub(super) fn classify(text: &[u8]) -> (Vec<Group>, Option<usize>) {
    let (mut in_string, mut escape, mut stray) = (false, false, None);
    let mut groups = vec![Group::default(); text.len() / GROUP];
    let mut depth = 0;
    for (i, &byte) in text.iter().enumerate() {
        let (group, block, bit) = (&mut groups[i / GROUP], i % GROUP / BLOCK, 1u64 << (i % BLOCK));
        if i % GROUP == 0 {
            group.depth = depth;
        }
        if i % BLOCK == 0 {
            group.rises[block] = (depth - group.depth) as i16;
        }
        let escaped = std::mem::take(&mut escape);
        match byte {
            b'"' if !escaped => {
                group.quotes[block] |= bit;
                in_string = !in_string;
            }
            b'\\' => {
                group.backslashes[block] |= bit;
                group.escapes |= 1 << block;
                escape = !escaped;
                if !in_string && stray.is_none() {
                    stray = Some(i);
                }
            }
            b'{' | b'[' if !in_string => {
                group.opens[block] |= bit;
                depth += 1;
            }
            b'}' | b']' if !in_string => {
                group.closes[block] |= bit;
                depth -= 1;
            }
            _ => {}
        }
    }
    for group in &mut groups {
        for block in 0..BLOCKS {
            let (opens, closes) = (group.opens[block], group.closes[block]);
            let first = closes.trailing_zeros();
            let opens = (0..first).filter(|bit| opens >> bit & 1 == 1).count() as i64;
            let floor = group.depth + i64::from(group.rises[block]) + opens - i64::from(closes.count_ones());
            group.floors[block] = floor.clamp(0, MOST.into()) as u8;
        }
    }
    (groups, stray)
}
