//! The scan against a byte-at-a-time twin, on every backend there is, in calls of any number of groups; and the search
//! for pairs of bytes.

use super::Choices;
use trailwire::scan::{
    BLOCK, BLOCKS, Carry, GROUP, Group, Level, MAX_PAIRS, Masks, Pairs, Places, STRETCH, classify, find_pairs, limit,
};

pub(crate) fn check(data: &[u8]) {
    let (mut random, data) = Choices(data).seed();
    let mut text = data.to_vec();
    text.resize(data.len().next_multiple_of(GROUP), b' ');
    let expected = naive(&text);
    let (bytes, _) = text.as_chunks::<GROUP>();
    // Mostly bytes that are there; 0 is none that is searched for.
    let mut byte = || data.get(random.below(data.len() + 1)).copied().unwrap_or(1).max(1);
    let pairs: Vec<[u8; 2]> = (0..MAX_PAIRS).map(|_| [byte(), byte()]).collect();
    let pairs = &pairs[random.below(MAX_PAIRS)..];
    let distance = 1 + random.below(BLOCK - 1);
    let is = |at: &usize| data.get(at + distance).is_some_and(|&second| pairs.contains(&[data[*at], second]));
    let expected_places: Vec<usize> = (0..data.len().min(STRETCH)).filter(is).collect();
    let (pairs, mut places) = (Pairs::new(pairs, distance), Places::new());
    let mut first_groups = None;
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
        holds_what_it_says(&groups, &text);
        let first = first_groups.get_or_insert_with(|| groups.clone());
        assert_eq!(groups, *first, "up to {level:?}");
        find_pairs(data, &pairs, &mut places);
        let found: Vec<usize> = std::iter::from_fn(|| places.peek().inspect(|_| places.take())).collect();
        assert_eq!(found, expected_places, "up to {level:?}");
    }
    limit(Level::Avx512);
}

/// Sees that no block is passed over in which something may end or is escaped.
fn holds_what_it_says(groups: &[Group], text: &[u8]) {
    for (group, bytes) in groups.iter().zip(text.chunks(GROUP)) {
        for block in 0..BLOCKS {
            let (masks, bytes) = (group.masks(block), &bytes[block * BLOCK..][..BLOCK]);
            assert_eq!(group.escapes() >> block & 1 == 1, bytes.contains(&b'\\'));
            for close in (0..BLOCK).filter(|at| masks.closes >> at & 1 == 1) {
                let low = group.low_blocks(masks.depth_at(close) - 1);
                assert!(low >> (8 * block + 7) & 1 == 1, "block {block}, byte {close}");
            }
        }
    }
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
