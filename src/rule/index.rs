//! The predicates of one slot, arranged by how a value finds them.
//!
//! In: a value. Out: the predicates it meets, each once. What is looked at is
//! the value, never the list of predicates: exact ones are found by hash, also
//! with the case of letters removed; those that ask for a beginning or an end by
//! binary search; for a piece anywhere by one automaton over all such pieces;
//! ranges of numbers and networks by a tree over their bounds. Where that leaves
//! only candidates (wildcards, and letters of any case), each is then asked.
//!
//! Nothing here knows of "none of these": that is the business of the
//! [`RuleSet`](super::RuleSet), which looks at what was not met.

mod heads;
mod pieces;
mod ranges;

use self::heads::Heads;
use self::pieces::{Pieces, Seen};
use self::ranges::Ranges;
use super::element::{Element, Number, rank};
use super::set::PredicateId;
use super::wildcard::Wildcard;
use super::{fold, ip};
use crate::json::Scalar;
use crate::json::number::comparable;
use crate::paths::Filter;
use std::collections::HashMap;
use std::net::IpAddr;

/// The index; see the module.
#[derive(Debug, Default)]
pub(super) struct SlotIndex {
    /// Whether strings are asked for by all of their text, and by nothing else.
    only_text: bool,
    strings: Strings,
    numbers: Numbers,
    literals: [Option<PredicateId>; 3],
    exists: Option<PredicateId>,
}

/// Scratch space for lookups: parts of the value, backwards or folded.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    backwards: Vec<u8>,
    folded: Vec<u8>,
    seen: Seen,
}

// The keys come from rules and are only looked up by records, so nobody can
// choose them to collide: speed is all that is asked of the hash.
type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// A predicate that a value may meet, and what to ask to know.
#[derive(Debug)]
struct Candidate {
    id: PredicateId,
    question: Question,
}

#[derive(Clone, Debug)]
enum Question {
    /// There is none: it is met.
    Nothing,
    Wildcard(Wildcard),
    Folded(String),
    FoldedPrefix(String),
    FoldedSuffix(String),
}

impl Candidate {
    fn is_met(&self, text: &[u8]) -> bool {
        match &self.question {
            Question::Nothing => true,
            Question::Wildcard(wildcard) => wildcard.matches(text),
            Question::Folded(pattern) => fold::is(pattern, text),
            Question::FoldedPrefix(pattern) => fold::begins(pattern, text),
            Question::FoldedSuffix(pattern) => fold::ends(pattern, text),
        }
    }
}

impl SlotIndex {
    /// Arranges the predicates of a slot.
    pub(super) fn new(predicates: &[(&Element, PredicateId)]) -> Self {
        let mut new = Self::default();
        let mut numbers = Vec::new();
        for &(element, id) in predicates {
            match element {
                Element::Number(Number::Double(bits)) => {
                    new.numbers.doubles.insert(*bits, id);
                }
                Element::Number(Number::Text(text)) => {
                    new.numbers.text.insert(text.as_str().into(), id);
                }
                Element::Range(range) => numbers.push((range.first.into(), range.last.into(), id)),
                Element::Bool(value) => new.literals[usize::from(*value)] = Some(id),
                Element::Null => new.literals[2] = Some(id),
                Element::Exists => new.exists = Some(id),
                _ => {}
            }
        }
        new.numbers.ranges = Ranges::new(&numbers);
        new.strings = Strings::new(predicates);
        new.only_text = new.exists.is_none() && new.strings.others.is_none();
        new
    }

    /// Whether `value` meets none, as far as one look tells.
    #[inline(always)]
    pub(super) fn rules_out(&self, value: Scalar<'_>) -> bool {
        match value {
            Scalar::String(text) => self.only_text && !self.strings.filter.passes(text),
            _ => false,
        }
    }

    /// Calls `hit` with each predicate that `value` meets.
    pub(super) fn classify(&self, value: Scalar<'_>, scratch: &mut Scratch, mut hit: impl FnMut(PredicateId)) {
        if let Some(exists) = self.exists {
            hit(exists);
        }
        match value {
            Scalar::String(text) => self.strings.classify(text, scratch, &mut hit),
            Scalar::Number(text) => self.numbers.classify(text, &mut hit),
            Scalar::Bool(value) => self.literals[usize::from(value)].into_iter().for_each(hit),
            Scalar::Null => self.literals[2].into_iter().for_each(hit),
        }
    }
}

#[derive(Debug, Default)]
struct Numbers {
    doubles: Map<u64, PredicateId>,
    text: Map<Box<str>, PredicateId>,
    ranges: Ranges,
}

impl Numbers {
    fn classify(&self, text: &str, hit: &mut impl FnMut(PredicateId)) {
        // Parsing a number costs more than all else here.
        if self.doubles.is_empty() && self.text.is_empty() && self.ranges.is_empty() {
            return;
        }
        match comparable(text) {
            Some(value) => {
                self.doubles.get(&value.to_bits()).copied().into_iter().for_each(&mut *hit);
                self.ranges.find(rank(value).into(), hit);
            }
            None => self.text.get(text).copied().into_iter().for_each(hit),
        }
    }
}

#[derive(Debug, Default)]
struct Strings {
    /// What rules out nearly every other value than those of `text`, before it
    /// is hashed.
    filter: Filter,
    text: Map<Box<[u8]>, PredicateId>,
    /// Most fields have none, and then there is nothing more to look at.
    others: Option<Box<Others>>,
}

/// The strings that are asked for by other than all of their text.
#[derive(Debug, Default)]
struct Others {
    addresses: Addresses,
    /// By what values begin with, and by what they end with, backwards.
    heads: Heads<Candidate>,
    tails: Heads<Candidate>,
    folded: Folded,
    anywhere: Anywhere,
}

impl Strings {
    fn new(predicates: &[(&Element, PredicateId)]) -> Self {
        let mut new = Self::default();
        for &(element, id) in predicates {
            if let Element::Text(text) = element {
                new.filter.add(text.as_bytes());
                new.text.insert(text.as_bytes().into(), id);
            }
        }
        if predicates.iter().any(|(element, _)| asks_for_some(element)) {
            new.others = Some(Box::new(Others::new(predicates)));
        }
        new
    }

    #[inline(always)]
    fn classify(&self, text: &[u8], scratch: &mut Scratch, hit: &mut impl FnMut(PredicateId)) {
        if self.filter.passes(text)
            && let Some(&id) = self.text.get(text)
        {
            hit(id);
        }
        if let Some(others) = &self.others {
            others.classify(text, scratch, hit);
        }
    }
}

/// Whether an element asks for strings by other than all of their text.
fn asks_for_some(element: &Element) -> bool {
    use Element::{Bool, Exists, Null, Number, Range, Text};
    !matches!(element, Text(_) | Exists | Number(_) | Range(_) | Bool(_) | Null)
}

impl Others {
    fn new(predicates: &[(&Element, PredicateId)]) -> Self {
        let mut new = Self::default();
        let (mut heads, mut tails) = (Vec::new(), Vec::new());
        for &(element, id) in predicates {
            let plain = Candidate { id, question: Question::Nothing };
            match element {
                Element::Prefix(text) => heads.push((text.as_bytes().to_vec(), plain)),
                Element::Suffix(text) => tails.push((backwards(text.as_bytes()), plain)),
                _ => {}
            }
        }
        let mut anywhere = Vec::new();
        for (wildcard, id, key) in keyed_wildcards(predicates) {
            let candidate = Candidate { id, question: Question::Wildcard(wildcard.clone()) };
            match key {
                Key::Head(text) => heads.push((text.as_bytes().to_vec(), candidate)),
                Key::Tail(text) => tails.push((backwards(text.as_bytes()), candidate)),
                Key::Anywhere(text) => anywhere.push((text, candidate)),
            }
        }
        new.heads = Heads::new(heads);
        new.tails = Heads::new(tails);
        new.anywhere = Anywhere::new(anywhere);
        new.addresses = Addresses::new(predicates);
        new.folded = Folded::new(predicates);
        new
    }

    fn classify(&self, text: &[u8], scratch: &mut Scratch, hit: &mut impl FnMut(PredicateId)) {
        self.addresses.classify(text, hit);
        let mut ask = |candidate: &Candidate| {
            if candidate.is_met(text) {
                hit(candidate.id);
            }
        };
        if !self.heads.is_empty() {
            self.heads.find(text, &mut ask);
        }
        if !self.tails.is_empty() {
            let end = &text[text.len().saturating_sub(self.tails.longest())..];
            scratch.backwards.clear();
            scratch.backwards.extend(end.iter().rev());
            self.tails.find(&scratch.backwards, &mut ask);
        }
        self.folded.classify(text, scratch, &mut ask);
        self.anywhere.classify(text, &mut scratch.seen, &mut ask);
    }
}

fn backwards(text: &[u8]) -> Vec<u8> {
    text.iter().rev().copied().collect()
}

#[derive(Debug, Default)]
struct Addresses {
    exact: Map<IpAddr, PredicateId>,
    v4: Ranges,
    v6: Ranges,
}

impl Addresses {
    fn new(predicates: &[(&Element, PredicateId)]) -> Self {
        let mut exact = Map::default();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for &(element, id) in predicates {
            match element {
                Element::Ip(address) => {
                    exact.insert(*address, id);
                }
                Element::Network(network) => {
                    let networks = if network.first.is_ipv4() { &mut v4 } else { &mut v6 };
                    networks.push((bits(network.first), bits(network.last), id));
                }
                _ => {}
            }
        }
        Self { exact, v4: Ranges::new(&v4), v6: Ranges::new(&v6) }
    }

    fn classify(&self, text: &[u8], hit: &mut impl FnMut(PredicateId)) {
        if self.exact.is_empty() && self.v4.is_empty() && self.v6.is_empty() {
            return;
        }
        let Some(address) = ip::parse(text) else { return };
        self.exact.get(&address).copied().into_iter().for_each(&mut *hit);
        let networks = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        networks.find(bits(address), hit);
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// What is met whatever the case of letters.
#[derive(Debug, Default)]
struct Folded {
    text: Map<Box<[u8]>, Vec<Candidate>>,
    /// Bytes of the longest text.
    longest: usize,
    heads: Heads<Candidate>,
    tails: Heads<Candidate>,
}

impl Folded {
    fn new(predicates: &[(&Element, PredicateId)]) -> Self {
        let mut new = Self::default();
        let (mut heads, mut tails) = (Vec::new(), Vec::new());
        let folded = |text: &str| {
            let mut folded = Vec::new();
            fold::fold(text.as_bytes(), usize::MAX - 1, &mut folded);
            folded
        };
        for &(element, id) in predicates {
            match element {
                Element::Folded(text) => {
                    let candidate = Candidate { id, question: Question::Folded(text.clone()) };
                    let folded = folded(text);
                    new.longest = new.longest.max(folded.len());
                    new.text.entry(folded.into()).or_default().push(candidate);
                }
                Element::FoldedPrefix(text) => {
                    heads.push((folded(text), Candidate { id, question: Question::FoldedPrefix(text.clone()) }));
                }
                Element::FoldedSuffix(text) => {
                    let candidate = Candidate { id, question: Question::FoldedSuffix(text.clone()) };
                    tails.push((backwards(&folded(text)), candidate));
                }
                _ => {}
            }
        }
        (new.heads, new.tails) = (Heads::new(heads), Heads::new(tails));
        new
    }

    fn classify(&self, text: &[u8], scratch: &mut Scratch, ask: &mut impl FnMut(&Candidate)) {
        let folded = &mut scratch.folded;
        if !self.text.is_empty() || !self.heads.is_empty() {
            let limit = self.longest.max(self.heads.longest());
            folded.clear();
            fold::fold(&text[..text.len().min(fold::bytes_for(limit))], limit, folded);
            // What is longer than the limit may be cut, and equals none.
            if folded.len() <= self.longest {
                self.text.get(&folded[..]).into_iter().flatten().for_each(&mut *ask);
            }
            self.heads.find(folded, &mut *ask);
        }
        if !self.tails.is_empty() {
            let limit = self.tails.longest();
            let end = &text[text.len().saturating_sub(fold::bytes_for(limit))..];
            folded.clear();
            fold::fold(end, fold::bytes_for(limit), folded);
            folded.reverse();
            self.tails.find(folded, ask);
        }
    }
}

/// The wildcards that are found by a piece anywhere in a value.
#[derive(Debug, Default)]
struct Anywhere {
    pieces: Option<Pieces>,
    /// Those of each piece.
    candidates: Vec<Vec<Candidate>>,
}

/// Up to so many wildcards are asked one by one, which is faster then.
const FEW: usize = 4;

impl Anywhere {
    fn new(mut wildcards: Vec<(&str, Candidate)>) -> Self {
        wildcards.sort_by_key(|(piece, _)| *piece);
        let few = wildcards.len() <= FEW;
        let mut texts: Vec<&str> = Vec::new();
        let mut candidates: Vec<Vec<Candidate>> = Vec::new();
        for (piece, candidate) in wildcards {
            match candidates.last_mut() {
                Some(last) if texts.last() == Some(&piece) => last.push(candidate),
                _ => {
                    texts.push(piece);
                    candidates.push(vec![candidate]);
                }
            }
        }
        let pieces = if few { None } else { Pieces::new(&texts) };
        Self { pieces, candidates }
    }

    fn classify(&self, text: &[u8], seen: &mut Seen, ask: &mut impl FnMut(&Candidate)) {
        match &self.pieces {
            Some(pieces) => pieces.find(text, seen, |piece| self.candidates[piece].iter().for_each(&mut *ask)),
            None => self.candidates.iter().flatten().for_each(ask),
        }
    }
}

/// The part of a wildcard by which it is found.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'a> {
    Head(&'a str),
    Tail(&'a str),
    Anywhere(&'a str),
}

/// All wildcards, each with the part that the fewest of them have, so that a
/// value leads to few: of a thousand with the same beginning, to none that ends
/// otherwise. Among equals a beginning is the best, then an end, then what is
/// longest.
fn keyed_wildcards<'a>(
    predicates: &[(&'a Element, PredicateId)],
) -> impl Iterator<Item = (&'a Wildcard, PredicateId, Key<'a>)> {
    let wildcards: Vec<_> = predicates
        .iter()
        .filter_map(
            |&(element, id)| if let Element::Wildcard(wildcard) = element { Some((wildcard, id)) } else { None },
        )
        .collect();
    let mut uses: HashMap<Key<'a>, usize> = HashMap::new();
    for key in wildcards.iter().flat_map(|(wildcard, _)| keys(wildcard)) {
        *uses.entry(key).or_default() += 1;
    }
    wildcards.into_iter().filter_map(move |(wildcard, id)| {
        let best = keys(wildcard).min_by_key(|key| {
            let order = match key {
                Key::Head(_) => 0,
                Key::Tail(_) => 1,
                Key::Anywhere(text) => usize::MAX - text.len(),
            };
            (uses[key], order)
        });
        best.map(|key| (wildcard, id, key))
    })
}

/// The parts of a wildcard that say something.
fn keys(wildcard: &Wildcard) -> impl Iterator<Item = Key<'_>> {
    let (head, tail) = (wildcard.head(), wildcard.tail());
    let ends = [(!head.is_empty()).then_some(Key::Head(head)), (!tail.is_empty()).then_some(Key::Tail(tail))];
    ends.into_iter().flatten().chain(wildcard.between().iter().map(|piece| Key::Anywhere(piece)))
}
