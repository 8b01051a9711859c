//! A set of rules, compiled: fields to slots, elements to predicates, rules to
//! clauses, and an index from each predicate to the clauses it can decide.
//!
//! Matching a record goes from what the record holds to the rules, never over
//! the list of rules: its values are looked up among each slot's predicates,
//! and only the clauses hung on a predicate that was hit are looked at. The
//! predicate a clause hangs on, its pivot, is one that it cannot match without.

use super::element::{Element, Number};
use super::pattern::{Field, Pattern};
use super::{Rule, ip};
use crate::json::Scalar;
use crate::json::number::comparable;
use crate::paths::{Filter, PathTree, Slot};
use std::collections::HashMap;
use std::net::IpAddr;

/// Index of an element in use, unique to its slot and its meaning.
pub(super) type PredicateId = u32;

/// Index of a clause.
pub(super) type ClauseId = u32;

/// Compiled rules. Immutable; shared between all who match.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    pub(super) tree: PathTree,
    pub(super) slots: Vec<SlotIndex>,
    pub(super) clauses: Vec<Clause>,
    /// The clauses that hang on each predicate.
    pub(super) pivots: Vec<Vec<ClauseId>>,
    /// The clauses without a pivot: they ask only for what is absent.
    pub(super) always: Vec<ClauseId>,
}

/// A conjunction of fields that makes a rule match. A rule has one; one for
/// each combination of branches where it has a choice of them.
#[derive(Debug)]
pub(super) struct Clause {
    pub(super) rule: u32,
    /// In the order of their paths.
    pub(super) fields: Box<[ClauseField]>,
    /// The last field that may match by having no value; 0 if none may.
    pub(super) last_absent: usize,
}

#[derive(Debug)]
pub(super) struct ClauseField {
    /// The field matches by a value that hits one of these,
    pub(super) any: Box<[PredicateId]>,
    /// or by having no value: none that hits this.
    pub(super) absent: Option<PredicateId>,
}

/// The predicates of one slot, arranged by how a value finds them.
#[derive(Debug, Default)]
pub(super) struct SlotIndex {
    /// What rules out nearly every other value than those of `text`, before it
    /// is hashed.
    filter: Filter,
    text: Map<Box<[u8]>>,
    ips: Map<IpAddr>,
    doubles: Map<u64>,
    number_text: Map<Box<str>>,
    literals: [Option<PredicateId>; 3],
    exists: Option<PredicateId>,
    /// Tried one by one.
    tests: Vec<(Element, PredicateId)>,
}

// The keys come from rules and are only looked up by records, so nobody can
// choose them to collide: speed is all that is asked of the hash.
type Map<K> = HashMap<K, PredicateId, foldhash::fast::FixedState>;

impl RuleSet {
    /// Compiles rules; their order decides the order of matches.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut builder = Builder::default();
        for (index, rule) in rules.iter().enumerate() {
            builder.add(index as u32, &rule.pattern);
        }
        builder.finish(rules)
    }

    /// The rules, in order; a match names them by index.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

#[derive(Default)]
struct Builder {
    tree: PathTree,
    slots: Vec<SlotIndex>,
    known: HashMap<(Slot, Element), PredicateId>,
    /// The element behind each predicate.
    elements: Vec<Element>,
    /// How many clauses use each predicate.
    uses: Vec<u32>,
    clauses: Vec<Clause>,
}

impl Builder {
    fn add(&mut self, rule: u32, pattern: &Pattern) {
        let fields = pattern.fields.iter().map(|Field { path, elements }| {
            let slot = self.tree.insert(path);
            let mut absent = None;
            let mut any = Vec::new();
            for element in elements {
                match element {
                    // What is absent is what does not exist.
                    Element::Absent => absent = Some(self.predicate(slot, &Element::Exists)),
                    element => any.push(self.predicate(slot, element)),
                }
            }
            any.sort_unstable();
            any.dedup();
            ClauseField { any: any.into(), absent }
        });
        let fields: Box<[_]> = fields.collect();
        let last_absent = fields.iter().rposition(|field| field.absent.is_some()).unwrap_or(0);
        self.clauses.push(Clause { rule, fields, last_absent });
    }

    fn predicate(&mut self, slot: Slot, element: &Element) -> PredicateId {
        if let Some(&id) = self.known.get(&(slot, element.clone())) {
            self.uses[id as usize] += 1;
            return id;
        }
        let id = self.elements.len() as PredicateId;
        self.known.insert((slot, element.clone()), id);
        self.elements.push(element.clone());
        self.uses.push(1);
        self.slots.resize_with(self.tree.slots(), SlotIndex::default);
        self.slots[slot as usize].insert(element, id);
        id
    }

    fn finish(self, rules: Vec<Rule>) -> RuleSet {
        let mut pivots = vec![Vec::new(); self.elements.len()];
        let mut always = Vec::new();
        for (id, clause) in (0..).zip(&self.clauses) {
            // The field whose elements the fewest clauses share and the fewest
            // records hit: an exact value before an open one.
            let cost = |predicate: &PredicateId| {
                let open = matches!(
                    self.elements[*predicate as usize],
                    Element::NotText(_) | Element::NotNumber(_) | Element::Exists | Element::Bool(_) | Element::Null
                );
                u64::from(self.uses[*predicate as usize]) + if open { 1 << 32 } else { 0 }
            };
            let pivot = clause
                .fields
                .iter()
                .filter(|field| field.absent.is_none())
                .min_by_key(|field| field.any.iter().map(cost).sum::<u64>());
            match pivot {
                Some(field) => field.any.iter().for_each(|&predicate| pivots[predicate as usize].push(id)),
                None => always.push(id),
            }
        }
        RuleSet { rules, tree: self.tree, slots: self.slots, clauses: self.clauses, pivots, always }
    }
}

impl SlotIndex {
    fn insert(&mut self, element: &Element, id: PredicateId) {
        match element {
            Element::Text(text) => {
                self.filter.add(text.as_bytes());
                self.text.insert(text.as_bytes().into(), id);
            }
            Element::Ip(address) => {
                self.ips.insert(*address, id);
            }
            Element::Number(Number::Double(bits)) => {
                self.doubles.insert(*bits, id);
            }
            Element::Number(Number::Text(text)) => {
                self.number_text.insert(text.as_str().into(), id);
            }
            Element::Bool(value) => self.literals[usize::from(*value)] = Some(id),
            Element::Null => self.literals[2] = Some(id),
            Element::Exists | Element::Absent => self.exists = Some(id),
            Element::Prefix(_) | Element::Suffix(_) | Element::NotText(_) | Element::NotNumber(_) => {
                self.tests.push((element.clone(), id));
            }
        }
    }

    /// Calls `hit` with each predicate that `value` meets.
    pub(super) fn classify(&self, value: Scalar<'_>, mut hit: impl FnMut(PredicateId)) {
        if let Some(exists) = self.exists {
            hit(exists);
        }
        let indexed = match value {
            Scalar::String(text) => {
                if !self.ips.is_empty()
                    && let Some(id) = ip::parse(text).and_then(|address| self.ips.get(&address))
                {
                    hit(*id);
                }
                if self.filter.passes(text) { self.text.get(text).copied() } else { None }
            }
            // Parsing a number costs more than all else here.
            Scalar::Number(_) if self.doubles.is_empty() && self.number_text.is_empty() => None,
            Scalar::Number(text) => match comparable(text) {
                Some(value) => self.doubles.get(&value.to_bits()).copied(),
                None => self.number_text.get(text).copied(),
            },
            Scalar::Bool(value) => self.literals[usize::from(value)],
            Scalar::Null => self.literals[2],
        };
        if let Some(id) = indexed {
            hit(id);
        }
        for (element, id) in &self.tests {
            if element.accepts(value) {
                hit(*id);
            }
        }
    }
}

impl Element {
    /// Whether one value meets the element: the meaning of those tried one by
    /// one.
    fn accepts(&self, value: Scalar<'_>) -> bool {
        match (self, value) {
            (Self::Prefix(prefix), Scalar::String(text)) => text.starts_with(prefix.as_bytes()),
            (Self::Suffix(suffix), Scalar::String(text)) => text.ends_with(suffix.as_bytes()),
            (Self::NotText(not), Scalar::String(text)) => not.iter().all(|not| not.as_bytes() != text),
            (Self::NotNumber(not), Scalar::Number(text)) => !not.contains(&Number::new(text)),
            // A value of another type is something else.
            (Self::NotText(_) | Self::NotNumber(_), _) => true,
            _ => false,
        }
    }
}
