//! The scan against a byte-at-a-time twin, on every backend there is, in calls of any number of groups; and the search
//! for two bytes.

use super::Choices;
use trailwire::scan::{BLOCK, BLOCKS, Carry, GROUP, Group, Level, Masks, Pair, classify, find_pair, limit};

pub(crate) fn check(data: &[u8]) {
    let (mut random, data) = Choices(data).seed();
    let mut text = data.to_vec();
    text.resize(data.len().next_multiple_of(GROUP), b' ');
    let expected = naive(&text);
    let (bytes, _) = text.as_chunks::<GROUP>();
    // Mostly bytes that are there.
    let mut byte = || data.get(random.below(data.len() + 1)).copied().unwrap_or(0);
    let pair = [byte(), byte()];
    let distance = 1 + random.below(BLOCK - 1);
    let start = random.below(data.len() + 1);
    let range = start..start + random.below(data.len() + 1 - start);
    let is = |at: &usize| at + distance < range.end && [data[*at], data[at + distance]] == pair;
    let place = range.clone().find(is);
    for level in Level::ALL {
        limit(level);
        let (mut groups, mut carry) = (vec![Group::default(); bytes.len()], Carry::default());
        let (mut done, mut stray) = (0, None);
        while done < bytes.len() {
            let end = bytes.len().min(done + 1 + random.below(20));
            let first = classify(&bytes[done..end], &mut groups[done..end], &mut carry);
            stray = stray.or(first.map(|at| done * GROUP + at));
            done = end;
        }
        let masks: Vec<_> = groups.iter().flat_map(|group| (0..BLOCKS).map(|block| group.masks(block))).collect();
        assert_eq!((masks, stray), expected, "up to {level:?}");
        assert_eq!(find_pair(data, range.clone(), Pair::new(pair, distance)), place, "up to {level:?}");
    }
    limit(Level::Avx512);
}

/// The masks, and the first backslash outside strings.
fn naive(text: &[u8]) -> (Vec<Masks>, Option<usize>) {
    let (mut in_string, mut escaped, mut depth, mut stray) = (false, false, 0, None);
    let mut masks = vec![Masks::default(); text.len() / BLOCK];
    for (at, &byte) in text.iter().enumerate() {
        let (masks, bit) = (&mut masks[at / BLOCK], 1 << (at % BLOCK));
        if bit == 1 {
            masks.depth = depth;
        }
        let was_escaped = escaped;
        escaped = byte == b'\\' && !was_escaped;
        match byte {
            b'\\' => {
                masks.backslashes |= bit;
                if !in_string {
                    stray = stray.or(Some(at));
                }
            }
            b'"' if !was_escaped => {
                masks.quotes |= bit;
                in_string = !in_string;
            }
            _ if in_string => {}
            b'{' | b'[' => {
                masks.opens |= bit;
                depth += 1;
            }
            b'}' | b']' => {
                masks.closes |= bit;
                depth -= 1;
            }
            _ => {}
        }
    }
    (masks, stray)
}
