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
    filter: Filter,
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

/// Texts that are looked for, and a few more: the keys that may lead on from a
/// node, or the values that a rule may ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter {
    /// The bits of the children's tails.
    tails: u64,
    /// The bits of the children's lengths: with tails alone, one key of a record
    /// in 20 is let pass for each child, and must be read in full.
    lengths: u64,
    /// Whether a key with a dot may lead on.
    dots: bool,
}

impl Filter {
    /// Lets `key` pass, and whatever looks like it.
    pub(crate) fn add(&mut self, key: &[u8]) {
        self.tails |= Tail::of(key).bit();
        self.lengths |= length_bit(key.len());
    }

    /// Whether `key`, unescaped, may lead on.
    #[inline(always)]
    pub(crate) fn passes(self, key: &[u8]) -> bool {
        let length = self.lengths & length_bit(key.len()) != 0;
        // For the few keys that are shorter than a tail, the length decides.
        let tail = key.last_chunk().is_none_or(|tail| self.tails & Tail::whole(tail).bit() != 0);
        length & tail || self.dots && memchr::memchr(b'.', key).is_some()
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

    /// One of 64 bits, as good as at random (the multiplier is 2^64 divided by
    /// the golden ratio).
    #[inline(always)]
    const fn bit(self) -> u64 {
        1 << (self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }
}

/// One of 64 bits, each for lengths that are 64 apart.
#[inline(always)]
const fn length_bit(length: usize) -> u64 {
    1 << (length % 64)
}

impl Node {
    /// The child at `segment`, or the place where it would be inserted.
    fn find(&self, segment: &[u8], tail: Tail) -> Result<NodeId, usize> {
        let mut place = self.children.partition_point(|child| child.tail < tail);
        while let Some(child) = self.children.get(place)
            && child.tail == tail
        {
            if *child.segment == *segment {
                return Ok(child.node);
            }
            place += 1;
        }
        Err(place)
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
        let mut node = ROOT;
        let mut segments = path.as_bytes().split(|&byte| byte == b'.').peekable();
        while let Some(segment) = segments.next() {
            let next = self.nodes.len() as NodeId;
            let parent = &mut self.nodes[node as usize];
            let tail = Tail::of(segment);
            node = parent.find(segment, tail).unwrap_or_else(|place| {
                parent.filter.add(segment);
                parent.children.insert(place, Child { tail, segment: segment.into(), node: next });
                next
            });
            if segments.peek().is_some() && !parent.deep.iter().any(|&(_, known)| known == node) {
                parent.deep.push((segment.into(), node));
                parent.filter.dots = true;
            }
            if node == next {
                self.nodes.push(Node::default());
            }
        }
        let slots = &mut self.slots;
        *self.nodes[node as usize].slot.get_or_insert_with(|| {
            *slots += 1;
            *slots - 1
        })
    }

    /// Number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots as usize
    }

    /// What the keys of `node` can be ruled out by.
    pub(crate) fn filter(&self, node: NodeId) -> Filter {
        self.nodes[node as usize].filter
    }

    /// The node that `key`, unescaped, leads to.
    pub(crate) fn child(&self, node: NodeId, key: &[u8]) -> Option<NodeId> {
        let parent = &self.nodes[node as usize];
        if let Ok(node) = parent.find(key, Tail::of(key)) {
            return Some(node);
        }
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
    fn no_key_that_leads_on_is_filtered_out() {
        let mut tree = PathTree::default();
        let keys = [
            "",
            "a",
            "eventID",
            "eventName",
            "requestParameters",
            "a key of more than sixty-four bytes, one \
            of which is not the last",
        ];
        for key in keys {
            assert!(!tree.filter(ROOT).passes(key.as_bytes()), "{key}");
            tree.insert(key);
            assert!(tree.filter(ROOT).passes(key.as_bytes()), "{key}");
        }
        assert!(!tree.filter(ROOT).passes(b"userIdentity.type"));
        tree.insert("userIdentity.type");
        assert!(tree.filter(ROOT).passes(b"userIdentity.type"));
    }
}
