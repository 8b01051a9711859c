//! A set of rules, compiled: fields to slots, elements to predicates, the
//! branches of patterns to clauses, and an index from each predicate to the
//! clauses it can decide.
//!
//! Matching a record goes from what the record holds to the rules, never over
//! the list of rules: its values are looked up among each slot's predicates,
//! and only the clauses hung on a predicate that was hit are looked at. The
//! field a clause hangs on, its pivot, is one that it cannot match without; of
//! those, the one that leads to it in vain least often. So most records are done
//! with after a look at the fields that clauses hang on ([`RuleSet::leading`]).
//!
//! "None of these" is no predicate: nearly every value would hit nearly all of
//! them. What they list are predicates, and a value that hits none of a slot's
//! hits one that stands for that, [`Slot::unlisted`]; of the few others it is
//! noted which they hit, and that is looked at for a clause at a time.

use super::Rule;
use super::element::Element;
use super::index::SlotIndex;
use super::pattern::{Branch, Field, Pattern};
use super::texts::Texts;
use crate::paths::{self, PathTree};
use crate::{Error, ErrorKind, Scalar};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Index of an element in use, unique to its slot and its meaning.
pub(super) type PredicateId = u32;

/// Index of a field in use, unique to its meaning.
pub(super) type FieldId = u32;

/// Index of a clause.
pub(super) type ClauseId = u32;

/// Compiled rules. Immutable; shared between all who match.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// The clauses of each rule's pattern.
    matching: Vec<Range<ClauseId>>,
    /// The clauses of what each rule ignores; rules that ignore the same share
    /// them.
    ignoring: Vec<Vec<Range<ClauseId>>>,
    pub(super) tree: PathTree,
    /// The part of `tree` by which rules are found: the paths of the fields that
    /// matching clauses hang on. `None` if some of them hang on none.
    pub(super) leading: Option<PathTree>,
    /// The same, and all of `tree`, as text to look for; `None` also if that cannot be.
    pub(super) texts: Option<Texts>,
    /// By slot.
    paths: Vec<String>,
    pub(super) slots: Vec<Slot>,
    pub(super) predicates: Vec<Predicate>,
    pub(super) fields: Vec<ClauseField>,
    pub(super) clauses: Vec<Clause>,
    /// The matching clauses without a pivot: they ask only for what may be
    /// absent.
    pub(super) always: Vec<ClauseId>,
}

/// A path that is wanted, and how its values are told apart.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) index: SlotIndex,
    /// Hit by the values that hit none of the predicates that are
    /// [`listed`](Predicate::listed).
    pub(super) unlisted: Option<PredicateId>,
}

impl Slot {
    /// Whether `value` may hit something, as far as one look tells.
    #[inline(always)]
    pub(super) fn may_be_hit(&self, value: Scalar<'_>) -> bool {
        self.unlisted.is_some() || !self.index.rules_out(value)
    }
}

#[derive(Debug)]
pub(super) struct Predicate {
    /// The fields that clauses hang on and that it makes match.
    pub(super) pivots: Vec<FieldId>,
    /// Whether some element asks for none of these, and it is one of them.
    pub(super) listed: bool,
}

impl Predicate {
    /// Whether clauses hang on it.
    pub(super) fn leads(&self) -> bool {
        !self.pivots.is_empty()
    }
}

/// A conjunction of fields.
#[derive(Debug)]
pub(super) struct Clause {
    pub(super) role: Role,
    /// In the order of their paths.
    pub(super) fields: Box<[FieldId]>,
    /// The last field that may match by having no value; 0 if none may.
    pub(super) last_absent: usize,
    pivot: Option<FieldId>,
}

/// What it comes to when a clause matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The rule matches.
    Match(u32),
    /// A rule that matches ignores the record. Only looked at then.
    Ignore,
}

#[derive(Debug)]
pub(super) struct ClauseField {
    pub(super) slot: paths::Slot,
    /// The field matches by a value that hits one of these,
    pub(super) any: Box<[PredicateId]>,
    /// or, if there are such lists, by one that hits what stands for "nothing
    /// that is listed",
    pub(super) unlisted: Option<PredicateId>,
    /// or else none of one of them; each is sorted,
    pub(super) not: Box<[Box<[PredicateId]>]>,
    /// or by having no value: none that hits this.
    pub(super) absent: Option<PredicateId>,
    /// Whether nearly any value makes it match.
    open: bool,
    /// The clauses that hang on it.
    pub(super) hung: Vec<ClauseId>,
}

/// How the rules of a set are found by what a record holds: see
/// [`RuleSet::found_by`]. In the order of what it costs the records that the
/// rule does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy<'a> {
    /// The rule is looked at where the path has a value that the rule names, in
    /// full, by a part or by a range.
    Value {
        /// The path.
        path: &'a str,
    },
    /// The rule is looked at where the path has any value, or any but a few.
    Presence {
        /// The path.
        path: &'a str,
    },
    /// The rule is looked at for every record: it may match by what is absent,
    /// and needs nothing that is there.
    Always,
}

impl RuleSet {
    /// Compiles rules; their order decides the order of matches.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut builder = Builder::default();
        let mut known_ignored = HashMap::new();
        for (number, rule) in (0..).zip(&rules) {
            let clauses = builder.clauses(Role::Match(number), &rule.pattern);
            builder.matching.push(clauses);
            let mut ignored = |pattern| {
                known_ignored.entry(pattern).or_insert_with(|| builder.clauses(Role::Ignore, pattern)).clone()
            };
            let ignoring = rule.ignore.iter().map(&mut ignored).collect();
            builder.ignoring.push(ignoring);
        }
        builder.finish(rules)
    }

    /// What an error of an object that was read by these rules says, with the id of
    /// the rule if it is about one.
    #[must_use]
    pub fn describe(&self, error: Error) -> String {
        match error.kind {
            ErrorKind::MatchTooLong { rule } => format!("rule {}: {error}", self.rules[rule as usize].id),
            _ => error.to_string(),
        }
    }

    /// The rules, in order; a match names them by index.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How a rule, by its index, comes to be looked at; of a rule with a choice
    /// (`$or`), how its costliest branch does.
    #[must_use]
    pub fn found_by(&self, rule: u32) -> FoundBy<'_> {
        let clauses = self.matching.get(rule as usize).cloned().unwrap_or_default();
        let found_by = |clause: ClauseId| {
            let Some(pivot) = self.clauses[clause as usize].pivot else { return FoundBy::Always };
            let field = &self.fields[pivot as usize];
            let path = &self.paths[field.slot as usize][..];
            if field.open { FoundBy::Presence { path } } else { FoundBy::Value { path } }
        };
        clauses.map(found_by).max().unwrap_or(FoundBy::Always)
    }

    /// The clauses of what `rule` ignores.
    pub(super) fn ignored_by(&self, rule: u32) -> impl Iterator<Item = ClauseId> {
        self.ignoring[rule as usize].iter().cloned().flatten()
    }

    /// The rules that are looked at for every record, by index.
    pub fn always(&self) -> impl Iterator<Item = u32> {
        (0..self.rules.len() as u32).filter(|&rule| self.found_by(rule) == FoundBy::Always)
    }
}

#[derive(Default)]
struct Builder {
    tree: PathTree,
    paths: Vec<String>,
    known: HashMap<(paths::Slot, Element), PredicateId>,
    predicates: Vec<Predicate>,
    /// By slot.
    unlisted: Vec<Option<PredicateId>>,
    fields: Vec<ClauseField>,
    known_fields: HashMap<Arc<Field>, FieldId>,
    clauses: Vec<Clause>,
    matching: Vec<Range<ClauseId>>,
    ignoring: Vec<Vec<Range<ClauseId>>>,
}

impl Builder {
    /// Adds a clause for each branch.
    fn clauses(&mut self, role: Role, pattern: &Pattern) -> Range<ClauseId> {
        let first = self.clauses.len() as ClauseId;
        for branch in &*pattern.branches {
            let clause = self.clause(role, branch);
            self.clauses.push(clause);
        }
        first..self.clauses.len() as ClauseId
    }

    fn clause(&mut self, role: Role, branch: &Branch) -> Clause {
        let fields: Box<[FieldId]> = branch.iter().map(|field| self.field(field)).collect();
        let may_be_absent = |&field: &FieldId| self.fields[field as usize].absent.is_some();
        let last_absent = fields.iter().rposition(may_be_absent).unwrap_or(0);
        Clause { role, fields, last_absent, pivot: None }
    }

    fn field(&mut self, field: &Arc<Field>) -> FieldId {
        if let Some(&id) = self.known_fields.get(field) {
            return id;
        }
        let slot = self.tree.insert(&field.path);
        if slot as usize == self.paths.len() {
            self.paths.push(field.path.clone());
            self.unlisted.push(None);
        }
        let (mut any, mut not, mut absent) = (Vec::new(), Vec::new(), None);
        for element in &field.elements {
            match element {
                // What is absent is what does not exist.
                Element::Absent => absent = Some(self.predicate(slot, &Element::Exists)),
                Element::Not(elements) => not.push(self.listed(slot, elements)),
                element => any.push(self.predicate(slot, element)),
            }
        }
        any.sort_unstable();
        any.dedup();
        let unlisted = if not.is_empty() { None } else { self.unlisted[slot as usize] };
        let open = field.elements.iter().any(is_open);
        let id = self.fields.len() as FieldId;
        self.fields.push(ClauseField {
            slot,
            any: any.into(),
            unlisted,
            not: not.into(),
            absent,
            open,
            hung: Vec::new(),
        });
        self.known_fields.insert(Arc::clone(field), id);
        id
    }

    /// The predicates of which a value must hit none.
    fn listed(&mut self, slot: paths::Slot, elements: &[Element]) -> Box<[PredicateId]> {
        if self.unlisted[slot as usize].is_none() {
            self.unlisted[slot as usize] = Some(self.new_predicate());
        }
        let mut listed: Vec<PredicateId> = elements.iter().map(|element| self.predicate(slot, element)).collect();
        listed.sort_unstable();
        listed.dedup();
        for &predicate in &listed {
            self.predicates[predicate as usize].listed = true;
        }
        listed.into()
    }

    fn predicate(&mut self, slot: paths::Slot, element: &Element) -> PredicateId {
        let key = (slot, element.clone());
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        let id = self.new_predicate();
        self.known.insert(key, id);
        id
    }

    fn new_predicate(&mut self) -> PredicateId {
        self.predicates.push(Predicate { pivots: Vec::new(), listed: false });
        self.predicates.len() as PredicateId - 1
    }

    /// Hangs each matching clause on a field; returns those that have none to
    /// hang on.
    fn hang(&mut self) -> Vec<ClauseId> {
        let costs = self.costs();
        let mut always = Vec::new();
        let mut clauses = std::mem::take(&mut self.clauses);
        for (id, clause) in (0..).zip(&mut clauses).filter(|(_, clause)| clause.role != Role::Ignore) {
            let fields = clause.fields.iter().copied();
            let needed = fields.filter(|&field| self.fields[field as usize].absent.is_none());
            clause.pivot = needed.min_by_key(|&field| costs[field as usize]);
            match clause.pivot {
                Some(field) => self.hang_on(field, id),
                None => always.push(id),
            }
        }
        self.clauses = clauses;
        always
    }

    fn hang_on(&mut self, field: FieldId, clause: ClauseId) {
        let ClauseField { slot, hung, not, any, .. } = &mut self.fields[field as usize];
        hung.push(clause);
        if hung.len() > 1 {
            return;
        }
        let (slot, mut predicates) = (*slot, any.to_vec());
        if !not.is_empty() {
            // What is none of these is a value at least.
            predicates = vec![self.predicate(slot, &Element::Exists)];
        }
        for predicate in predicates {
            self.predicates[predicate as usize].pivots.push(field);
        }
    }

    /// What it costs to hang one more clause on each field: how often that would
    /// be looked at, in terms of clauses that hang on one event name.
    fn costs(&self) -> Vec<u64> {
        let mut uses = vec![0; self.predicates.len()];
        for clause in self.clauses.iter().filter(|clause| clause.role != Role::Ignore) {
            for &predicate in clause.fields.iter().flat_map(|&field| &self.fields[field as usize].any) {
                uses[predicate as usize] += 1;
            }
        }
        let mut extra = vec![0; self.predicates.len()];
        for ((_, element), &id) in &self.known {
            extra[id as usize] = match element {
                Element::Bool(_) | Element::Null => COMMON,
                element if is_exact(element) => 0,
                _ => PART,
            };
        }
        let cost = |field: &ClauseField| {
            let often = if self.paths[field.slot as usize] == "eventName" { 1 } else { NAMES };
            let values =
                field.any.iter().map(|&predicate| often * uses[predicate as usize] + extra[predicate as usize]);
            values.sum::<u64>() + if field.open { OPEN } else { 0 }
        };
        self.fields.iter().map(cost).collect()
    }

    fn finish(mut self, rules: Vec<Rule>) -> RuleSet {
        let always = self.hang();
        let mut by_slot = vec![Vec::new(); self.tree.slots()];
        for ((slot, element), &id) in &self.known {
            by_slot[*slot as usize].push((element, id));
        }
        let index = |(predicates, unlisted): (&Vec<_>, _)| Slot { index: SlotIndex::new(predicates), unlisted };
        let slots = by_slot.iter().zip(self.unlisted).map(index).collect();
        let mut leading_slots: Vec<_> =
            self.fields.iter().filter(|field| !field.hung.is_empty()).map(|field| field.slot).collect();
        leading_slots.sort_unstable();
        leading_slots.dedup();
        let leading_paths = || leading_slots.iter().map(|&slot| (&self.paths[slot as usize][..], slot));
        let mut leading = PathTree::default();
        for (path, slot) in leading_paths() {
            leading.insert_as(path, slot);
        }
        let by_values = always.is_empty();
        let all_paths = (0..).zip(&self.paths).map(|(slot, path)| (&path[..], slot));
        let texts = if by_values { Texts::new(leading_paths(), all_paths) } else { None };
        RuleSet {
            rules,
            matching: self.matching,
            ignoring: self.ignoring,
            tree: self.tree,
            leading: by_values.then_some(leading),
            texts,
            paths: self.paths,
            slots,
            predicates: self.predicates,
            fields: self.fields,
            clauses: self.clauses,
            always,
        }
    }
}

/// Event names that are as often in records as one value of another field is:
/// services have dozens of them, and hundreds.
const NAMES: u64 = 64;

/// What a part of a value costs beyond an exact one: records hit it more often.
const PART: u64 = 8 * NAMES;

/// What `true`, `false` and `null` cost: they are in every other record.
const COMMON: u64 = 1 << 32;

/// What it costs to ask for any value at all.
const OPEN: u64 = 1 << 48;

fn is_exact(element: &Element) -> bool {
    matches!(element, Element::Text(_) | Element::Ip(_) | Element::Number(_) | Element::Folded(_))
}

/// Whether nearly any value is one that the element asks for.
fn is_open(element: &Element) -> bool {
    match element {
        Element::Exists | Element::Not(_) => true,
        Element::Prefix(text) | Element::Suffix(text) => text.is_empty(),
        Element::FoldedPrefix(text) | Element::FoldedSuffix(text) => text.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(patterns: &[&str]) -> RuleSet {
        let rule = |text: &&str| Rule::new("r", Pattern::from_json(text).unwrap());
        RuleSet::new(patterns.iter().map(rule).collect())
    }

    #[test]
    fn an_error_names_the_rule_that_it_is_about() {
        let rules = ["a", "b"].map(|id| Rule::new(id, Pattern::any()));
        let rules = RuleSet::new(rules.to_vec());
        let describe = |kind| rules.describe(Error::new(kind, 5));
        assert!(describe(ErrorKind::MatchTooLong { rule: 1 }).starts_with("rule b: matching took too many steps"));
        assert!(describe(ErrorKind::TooDeep).starts_with("arrays nested too deeply"));
    }

    #[test]
    fn a_rule_is_found_by_the_field_that_leads_to_it_in_vain_least_often() {
        let rules = set(&[
            r#"{"s":["iam"],"n":["x"]}"#,
            r#"{"s":["iam"],"n":[{"prefix":"y"}]}"#,
            r#"{"n":["z"],"m":[true],"s":[{"anything-but":"iam"}]}"#,
            r#"{"m":[true],"e":[{"exists":true}]}"#,
            r#"{"e":[{"anything-but":["a","b"]}],"f":[{"exists":false}]}"#,
            r#"{"f":[{"exists":false}]}"#,
            r#"{"f":[{"exists":false},"x"],"e":[{"exists":false}]}"#,
            r#"{"e":[{"wildcard":"*"}]}"#,
            r#"{"$or":[{"s":["sts"]},{"n":[{"exists":true}]}]}"#,
            r#"{"$or":[{"s":["sts"]},{"n":[{"exists":false}]}]}"#,
        ]);
        use FoundBy::{Always, Presence, Value};
        let expected = [
            Value { path: "n" },
            Value { path: "s" },
            Value { path: "n" },
            Value { path: "m" },
            Presence { path: "e" },
            Always,
            Always,
            Presence { path: "e" },
            Presence { path: "n" },
            Always,
        ];
        let found_by: Vec<_> = (0..expected.len() as u32).map(|rule| rules.found_by(rule)).collect();
        assert_eq!(found_by, expected);
        assert_eq!(rules.always().collect::<Vec<_>>(), [5, 6, 9]);
    }

    #[test]
    fn only_paths_by_which_rules_are_found_lead_to_them() {
        let leading = |patterns: &[&str]| {
            let rules = set(patterns);
            let path = |slot: paths::Slot| rules.paths[slot as usize].clone();
            let slots: Vec<_> = (0..rules.tree.slots() as paths::Slot).collect();
            let tree = rules.leading.as_ref()?;
            let steps =
                |path: &str| path.split('.').try_fold(paths::ROOT, |node, key| tree.child(node, key.as_bytes()));
            let leads = |&slot: &paths::Slot| steps(&path(slot)).and_then(|node| tree.slot(node)) == Some(slot);
            Some(slots.into_iter().filter(leads).map(path).collect::<Vec<_>>().join(" "))
        };
        // Names are worth most, and a source as much as a type.
        let name = r#"{"eventSource":["s3"],"eventName":["A","B"],"eventType":["AwsApiCall"]}"#;
        let source = r#"{"eventType":["AwsApiCall"],"eventSource":["s3"]}"#;
        let root = r#"{"userIdentity":{"type":["Root"],"invokedBy":[{"exists":false}]}}"#;
        assert_eq!(leading(&[name]).unwrap(), "eventName");
        assert_eq!(leading(&[source]).unwrap(), "eventSource");
        assert_eq!(leading(&[root, name]).unwrap(), "userIdentity.type eventName");
        // A rule is looked at always.
        assert_eq!(leading(&[name, r#"{"errorCode":[{"exists":false}]}"#]), None);
    }

    #[test]
    fn rules_share_what_they_ignore() {
        let ignore = Pattern::from_json(r#"{"a":[1]}"#).unwrap();
        let rule = |number: u32| {
            let mut rule = Rule::new("r", Pattern::from_json(&format!(r#"{{"b":[{number}]}}"#)).unwrap());
            rule.ignore = vec![ignore.clone()];
            rule
        };
        assert_eq!(RuleSet::new((0..100).map(rule).collect()).clauses.len(), 101);
    }
}
