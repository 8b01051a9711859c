//! The fields that rules want, as a tree of key segments.
//!
//! A path is the keys from the record's top to a value, joined with dots; a dot
//! inside a key and a step into an object are the same thing, as in event
//! patterns. Arrays add no step.

/// Index of a wanted path in its [`PathTree`].
pub type Slot = u32;

/// Index of a node of a [`PathTree`].
pub(crate) type NodeId = u32;

/// The root, which stands for the record itself.
pub(crate) const ROOT: NodeId = 0;

/// The union of all wanted paths. Built once, then only looked up in.
#[derive(Debug)]
pub struct PathTree {
    nodes: Vec<Node>,
    slots: u32,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted by tail.
    children: Vec<Child>,
    /// What rules out nearly every other key.
    endings: Endings,
    /// The children that have children: where a key with a dot can lead.
    deep: Vec<(Box<[u8]>, NodeId)>,
    slot: Option<Slot>,
}

#[derive(Debug)]
struct Child {
    tail: Tail,
    segment: Box<[u8]>,
    node: NodeId,
}

/// Texts that are looked for, and a few more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter {
    /// A bit for each, by its head, its tail and its length.
    bits: u64,
}

impl Filter {
    /// Lets `text` pass, and whatever looks like it.
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.bits |= Self::bit(text);
    }

    /// Whether `text` may be looked for.
    #[inline(always)]
    pub(crate) fn passes(self, text: &[u8]) -> bool {
        self.bits & Self::bit(text) != 0
    }

    #[inline(always)]
    fn bit(text: &[u8]) -> u64 {
        let head = text.first_chunk().map_or(0, |head| u64::from_le_bytes(*head));
        let tail = text.last_chunk().map_or(0, |tail| u64::from_le_bytes(*tail));
        one_of_64(head ^ tail.rotate_left(32) ^ text.len() as u64)
    }
}

/// One of 64 bits, as good as at random (the multiplier is 2^64 divided by the
/// golden ratio).
#[inline(always)]
const fn one_of_64(number: u64) -> u64 {
    1 << (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
}

/// What the keys that lead on from a node end with, and a few others do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Endings {
    /// A bit for each.
    bits: u64,
}

impl Endings {
    /// Bytes of an ending, with the quote: enough to tell CloudTrail's names apart.
    pub(crate) const BYTES: usize = 4;

    /// Lets `key` pass, and whatever ends like it.
    fn add(&mut self, key: &[u8]) {
        match *key {
            [.., a, b, c] => {
                self.bits |= Self::bit([a, b, c, b'"']);
            }
            // Too short: what is before it may be anything.
            _ => self.bits = !0,
        }
    }

    /// Whether a key that ends like this, nothing in it escaped, may lead on.
    #[inline(always)]
    pub(crate) fn pass(self, ending: [u8; Self::BYTES]) -> bool {
        self.bits & Self::bit(ending) != 0
    }

    #[inline(always)]
    const fn bit(ending: [u8; Self::BYTES]) -> u64 {
        one_of_64(u32::from_le_bytes(ending) as u64)
    }
}

/// The last 8 bytes of a segment; in CloudTrail's names they differ more than
/// the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tail(u64);

impl Tail {
    #[inline(always)]
    fn of(segment: &[u8]) -> Self {
        let shorter = || Self(segment.iter().fold(0, |tail, &byte| tail << 8 | u64::from(byte)));
        segment.last_chunk().map_or_else(shorter, Self::whole)
    }

    #[inline(always)]
    const fn whole(tail: &[u8; 8]) -> Self {
        Self(u64::from_le_bytes(*tail))
    }
}

impl Node {
    /// The child at `segment`, or the place where it would be inserted.
    #[inline(always)]
    fn find(&self, segment: &[u8], tail: Tail) -> Result<NodeId, usize> {
        let children = &self.children;
        // Few are passed over faster than halved.
        let first = if children.len() > FEW { children.partition_point(|child| child.tail < tail) } else { 0 };
        for (place, child) in children.iter().enumerate().skip(first) {
            if child.tail >= tail {
                if child.tail > tail {
                    return Err(place);
                }
                if equal(&child.segment, segment) {
                    return Ok(child.node);
                }
            }
        }
        Err(children.len())
    }
}

/// Children that are looked through one by one.
const FEW: usize = 8;

/// Whether two keys are equal. Most are of 8 to 16 bytes: two words, and no call.
#[inline(always)]
pub(crate) fn equal(ours: &[u8], theirs: &[u8]) -> bool {
    ours.len() == theirs.len()
        && match (ours.first_chunk::<8>(), ours.last_chunk::<8>()) {
            // Head and tail are all there is.
            (Some(head), Some(tail)) if ours.len() <= 16 => theirs.starts_with(head) && theirs.ends_with(tail),
            _ => ours == theirs,
        }
}

impl Default for PathTree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], slots: 0 }
    }
}

impl PathTree {
    /// The slot of `path`, new or known. Slots count up from 0.
    pub fn insert(&mut self, path: &str) -> Slot {
        self.insert_as(path, self.slots)
    }

    /// As [`insert`](Self::insert), with `slot` as the slot of a path that is new:
    /// that of the same path in another tree.
    pub(crate) fn insert_as(&mut self, path: &str, slot: Slot) -> Slot {
        let mut node = ROOT;
        let mut rest = path.as_bytes();
        loop {
            let (segment, behind) = match rest.iter().position(|&byte| byte == b'.') {
                Some(dot) => (&rest[..dot], Some(&rest[dot + 1..])),
                None => (rest, None),
            };
            let next = self.nodes.len() as NodeId;
            let parent = &mut self.nodes[node as usize];
            // All keys that lead on from here, also those with dots.
            for end in (segment.len()..=rest.len()).filter(|&end| rest.get(end).is_none_or(|&byte| byte == b'.')) {
                parent.endings.add(&rest[..end]);
            }
            let tail = Tail::of(segment);
            node = parent.find(segment, tail).unwrap_or_else(|place| {
                parent.children.insert(place, Child { tail, segment: segment.into(), node: next });
                next
            });
            if behind.is_some() && !parent.deep.iter().any(|&(_, known)| known == node) {
                parent.deep.push((segment.into(), node));
            }
            if node == next {
                self.nodes.push(Node::default());
            }
            match behind {
                Some(behind) => rest = behind,
                None => break,
            }
        }
        let slots = &mut self.slots;
        *self.nodes[node as usize].slot.get_or_insert_with(|| {
            *slots += 1;
            slot
        })
    }

    /// Number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots as usize
    }

    /// What the keys of `node` can be ruled out by.
    pub(crate) fn endings(&self, node: NodeId) -> Endings {
        self.nodes[node as usize].endings
    }

    /// The node that `key`, unescaped, leads to.
    #[inline]
    pub(crate) fn child(&self, node: NodeId, key: &[u8]) -> Option<NodeId> {
        let parent = &self.nodes[node as usize];
        if let Ok(node) = parent.find(key, Tail::of(key)) {
            return Some(node);
        }
        self.deep_child(parent, key)
    }

    /// The node that `key` leads to by the dots in it.
    fn deep_child(&self, parent: &Node, key: &[u8]) -> Option<NodeId> {
        // There are a handful of objects in records, so this list is short.
        parent.deep.iter().find_map(|(segment, node)| {
            if key.get(segment.len()) != Some(&b'.') || !key.starts_with(segment) {
                return None;
            }
            self.child(*node, &key[segment.len() + 1..])
        })
    }

    pub(crate) fn slot(&self, node: NodeId) -> Option<Slot> {
        self.nodes[node as usize].slot
    }

    pub(crate) fn has_children(&self, node: NodeId) -> bool {
        !self.nodes[node as usize].children.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_nesting_lead_to_the_same_slot() {
        let mut tree = PathTree::default();
        let slot = tree.insert("a.b.c");
        assert_eq!(tree.insert("a.b.c"), slot);
        assert_ne!(tree.insert("a.b"), slot);
        for steps in [&["a", "b", "c"][..], &["a.b", "c"], &["a", "b.c"], &["a.b.c"]] {
            let node = steps.iter().try_fold(ROOT, |node, step| tree.child(node, step.as_bytes()));
            assert_eq!(node.and_then(|node| tree.slot(node)), Some(slot), "{steps:?}");
        }
        assert_eq!(tree.child(ROOT, b"b"), None);
        assert_eq!(tree.child(ROOT, b"a."), None);
    }

    #[test]
    fn no_key_that_leads_on_is_ruled_out() {
        let passes = |tree: &PathTree, key: &str| {
            tree.endings(ROOT).pass(*[key, "\""].concat().as_bytes().last_chunk().unwrap())
        };
        let mut tree = PathTree::default();
        for key in ["eventID", "eventName", "requestParameters", "arn"] {
            assert!(!passes(&tree, key), "{key}");
            tree.insert(key);
            assert!(passes(&tree, key), "{key}");
        }
        tree.insert("userIdentity.type.x.principal");
        for key in ["userIdentity", "userIdentity.type", "userIdentity.type.x", "userIdentity.type.x.principal"] {
            assert!(passes(&tree, key), "{key}");
        }
        assert!(!passes(&tree, "eventVersion"));
        // What is before so short a key may be anything.
        tree.insert("id");
        assert!(passes(&tree, "eventVersion"));
    }
}
