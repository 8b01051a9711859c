//! The scan against a byte-at-a-time twin, on every backend there is, in calls of any number of blocks; and the search
//! for two bytes.

use super::Choices;
use trailwire::scan::{BLOCK, Carry, Level, Masks, Pair, classify, find_pair, limit};

pub(crate) fn check(data: &[u8]) {
    let (mut random, data) = Choices(data).seed();
    let mut text = data.to_vec();
    text.resize(data.len().next_multiple_of(BLOCK), b' ');
    let expected = naive(&text);
    let (blocks, _) = text.as_chunks::<BLOCK>();
    // Mostly bytes that are there.
    let mut byte = || data.get(random.below(data.len() + 1)).copied().unwrap_or(0);
    let bytes = [byte(), byte()];
    let distance = 1 + random.below(BLOCK - 1);
    let start = random.below(data.len() + 1);
    let range = start..start + random.below(data.len() + 1 - start);
    let is = |at: &usize| at + distance < range.end && [data[*at], data[at + distance]] == bytes;
    let place = range.clone().find(is);
    for level in Level::ALL {
        limit(level);
        let (mut masks, mut carry) = (vec![Masks::default(); blocks.len()], Carry::default());
        let mut done = 0;
        while done < blocks.len() {
            let end = blocks.len().min(done + 1 + random.below(20));
            classify(&blocks[done..end], &mut masks[done..end], &mut carry);
            done = end;
        }
        assert_eq!(masks, expected, "up to {level:?}");
        assert_eq!(find_pair(data, range.clone(), Pair::new(bytes, distance)), place, "up to {level:?}");
    }
    limit(Level::Avx512);
}

fn naive(text: &[u8]) -> Vec<Masks> {
    let (mut in_string, mut escaped) = (false, false);
    let mut masks = vec![Masks::default(); text.len() / BLOCK];
    for (at, &byte) in text.iter().enumerate() {
        let (masks, bit) = (&mut masks[at / BLOCK], 1 << (at % BLOCK));
        let was_escaped = escaped;
        escaped = byte == b'\\' && !was_escaped;
        match byte {
            b'\\' => {
                masks.backslashes |= bit;
                masks.closes |= if in_string { 0 } else { bit };
            }
            b'"' if !was_escaped => {
                masks.quotes |= bit;
                in_string = !in_string;
            }
            _ if in_string => {}
            b'{' | b'[' => masks.opens |= bit,
            b'}' | b']' => masks.closes |= bit,
            _ => {}
        }
    }
    masks
}
