//! Which ranges hold a key: numbers, addresses.

/// Ranges of keys, each with what it stands for. A segment tree over the places
/// where ranges begin and end: it takes room for each range times the logarithm
/// of their number, and a lookup takes that logarithm and what it finds, however
/// the ranges overlap.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// Where a segment begins: each first key, and each that follows a last one.
    /// What is before the first is a segment of its own.
    starts: Vec<u128>,
    /// The tree: node 1 is the root, node `n` has the nodes `2n` and `2n + 1`,
    /// and the last nodes are the segments. A range is at those nodes that make
    /// it up.
    nodes: Vec<Vec<u32>>,
}

impl Ranges {
    /// From ranges `(first, last, id)`; one of which the last key is before the
    /// first holds none.
    pub(super) fn new(ranges: &[(u128, u128, u32)]) -> Self {
        let ranges = ranges.iter().filter(|(first, last, _)| first <= last);
        let mut starts: Vec<u128> =
            ranges.clone().flat_map(|&(first, last, _)| [Some(first), last.checked_add(1)]).flatten().collect();
        starts.sort_unstable();
        starts.dedup();
        let segments = starts.len() + 1;
        let mut nodes = vec![Vec::new(); 2 * segments];
        let segment = |key: u128| starts.partition_point(|&start| start <= key);
        for &(first, last, id) in ranges {
            let (mut from, mut to) = (segment(first) + segments, segment(last) + 1 + segments);
            while from < to {
                if from % 2 == 1 {
                    nodes[from].push(id);
                    from += 1;
                }
                if to % 2 == 1 {
                    to -= 1;
                    nodes[to].push(id);
                }
                (from, to) = (from / 2, to / 2);
            }
        }
        Self { starts, nodes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Calls `found` for each range that holds `key`.
    pub(super) fn find(&self, key: u128, mut found: impl FnMut(u32)) {
        let mut node = self.nodes.len() / 2 + self.starts.partition_point(|&start| start <= key);
        while node > 0 {
            self.nodes.get(node).into_iter().flatten().for_each(|&id| found(id));
            node /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    #[test]
    fn finds_what_a_walk_over_all_finds() {
        let mut random = Random::new(3);
        for round in 0..rounds(2_000) {
            let key = |random: &mut Random| match random.below(12) {
                0 => u128::MAX,
                key => key as u128,
            };
            let ranges: Vec<_> =
                (0..random.below(9) as u32).map(|id| (key(&mut random), key(&mut random), id)).collect();
            let tree = Ranges::new(&ranges);
            for key in (0..14).chain([u128::MAX - 1, u128::MAX]) {
                let expected: Vec<u32> =
                    ranges.iter().filter(|(first, last, _)| (first..=last).contains(&&key)).map(|it| it.2).collect();
                let mut got = Vec::new();
                tree.find(key, |id| got.push(id));
                got.sort_unstable();
                assert_eq!(got, expected, "round {round}, key {key} in {ranges:?}");
            }
        }
    }

    #[test]
    fn many_ranges_inside_each_other_take_little_room() {
        let ranges: Vec<_> = (0..10_000).map(|id| (u128::from(id), u128::MAX - u128::from(id), id)).collect();
        let tree = Ranges::new(&ranges);
        assert!(tree.nodes.iter().map(Vec::len).sum::<usize>() < 10_000 * 2 * 16);
    }
}
