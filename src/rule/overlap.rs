//! Rules that alert on the same records.
//!
//! Two rules for one thing send two alerts for it, and one that lies inside of
//! another can go, or was meant to be something else. Pairs are found without
//! comparing each rule with each: for every rule a few records are made that
//! hold what it asks for and nothing else, and the whole set is asked for them.

use super::element::{Element, Number};
use super::pattern::{Branch, Field, Pattern};
use super::{Rule, RuleSet, Sample};
use std::sync::Arc;

/// Records made for one rule; one for each match value of its longest list, of
/// its first branches.
const MAX_WITNESSES: usize = 256;

/// Rules named beside one; what is beyond is only counted.
const MAX_NAMED: usize = 3;

/// The value that stands for "any": nobody would name it.
const ANY: &str = "trailwire: any value";

/// For each rule that shares records with others which are not told of it
/// already: its index, and what it shares.
#[must_use]
pub fn overlaps(rules: &RuleSet) -> Vec<(u32, String)> {
    let all: Vec<Vec<(u32, String)>> = (0..).zip(rules.rules()).map(|(at, rule)| beside(rules, at, rule)).collect();
    let told = |one: u32, other: u32| one < other && all[one as usize].iter().any(|&(beside, _)| beside == other);
    let mut overlaps = Vec::new();
    for (at, beside) in (0..).zip(&all) {
        let new: Vec<_> = beside.iter().filter(|&&(other, _)| !told(other, at)).collect();
        let mut texts: Vec<_> = new
            .iter()
            .take(MAX_NAMED)
            .map(|(other, example)| shared(&rules.rules()[at as usize], &rules.rules()[*other as usize], example))
            .collect();
        if new.len() > MAX_NAMED {
            texts.push(format!("and so do {} more rules", new.len() - MAX_NAMED));
        }
        if !texts.is_empty() {
            overlaps.push((at, texts.join("; ")));
        }
    }
    overlaps
}

/// The other rules that match a record made for `rule`, each with that record in
/// words.
fn beside(rules: &RuleSet, at: u32, rule: &Rule) -> Vec<(u32, String)> {
    let mut beside: Vec<(u32, String)> = Vec::new();
    let witnesses = rule.pattern.branches.iter().flat_map(|branch| {
        let count = branch.iter().map(|field| field.elements.len()).max().unwrap_or(0);
        (0..count).map(|number| Witness::new(branch, number))
    });
    for witness in witnesses.take(MAX_WITNESSES) {
        let Some(matching) = Sample::from_json(&witness.json).ok().and_then(|sample| sample.matching(rules).ok())
        else {
            continue;
        };
        if !matching.contains(&at) {
            // What the rule ignores, or a value that could not be made up.
            continue;
        }
        for other in matching {
            if other != at && beside.iter().all(|&(known, _)| known != other) {
                beside.push((other, witness.words.clone()));
            }
        }
    }
    beside.sort_unstable_by_key(|&(other, _)| other);
    beside
}

/// A record that holds what a branch asks for.
struct Witness {
    json: String,
    words: String,
}

impl Witness {
    /// With the `number`th match value of each field, as far as there are so
    /// many.
    fn new(branch: &Branch, number: usize) -> Self {
        let mut members = Vec::new();
        for Field { path, elements } in branch.iter().map(Arc::as_ref) {
            if let Some(value) = value(&elements[number % elements.len()]) {
                members.push((serde_json::Value::from(path.as_str()).to_string(), path, value));
            }
        }
        // A dot in a key is as good as nesting.
        let json: Vec<_> = members.iter().map(|(key, _, value)| format!("{key}:{value}")).collect();
        let words: Vec<_> = members.iter().map(|(_, path, value)| format!("{path} {value}")).collect();
        Self { json: format!("{{{}}}", json.join(",")), words: words.join(", ") }
    }
}

/// A value that the element accepts, as JSON; `None` for none.
fn value(element: &Element) -> Option<String> {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    match element {
        Element::Text(it)
        | Element::Prefix(it)
        | Element::Suffix(it)
        | Element::Folded(it)
        | Element::FoldedPrefix(it)
        | Element::FoldedSuffix(it) => Some(text(it)),
        Element::Wildcard(wildcard) => {
            Some(text(&format!("{}{}{}", wildcard.head(), wildcard.between().concat(), wildcard.tail())))
        }
        Element::Ip(address) => Some(text(&address.to_string())),
        Element::Number(Number::Double(bits)) => Some(f64::from_bits(*bits).to_string()),
        Element::Number(Number::Text(digits)) => Some(digits.clone()),
        Element::Bool(value) => Some(value.to_string()),
        Element::Null => Some("null".to_owned()),
        // Such a value may not be accepted after all: then nothing is made of it.
        Element::Not(_) | Element::Exists | Element::Range(_) | Element::Network(_) => Some(text(ANY)),
        Element::Absent => None,
    }
}

/// What two rules share, of which it is known that they share a record.
fn shared(rule: &Rule, other: &Rule, example: &str) -> String {
    let id = &other.id;
    match (inside(rule, other), inside(other, rule)) {
        (true, true) => format!("rule {id} matches the same records"),
        (true, false) => format!("rule {id} matches all of its records, and more"),
        (false, true) => format!("rule {id} matches some of its records, and no others"),
        (false, false) => format!("rule {id} matches some of its records too, such as those with {example}"),
    }
}

/// Whether `outer` surely matches whatever `inner` does.
fn inside(inner: &Rule, outer: &Rule) -> bool {
    let branch_inside = |inner: &Branch, outer: &Branch| {
        outer.iter().all(|field| inner.iter().any(|own| own.path == field.path && field_inside(own, field)))
    };
    let Pattern { branches } = &outer.pattern;
    inner.pattern.branches.iter().all(|inner| branches.iter().any(|outer| branch_inside(inner, outer)))
        && outer.ignore.iter().all(|ignored| inner.ignore.contains(ignored))
}

fn field_inside(inner: &Field, outer: &Field) -> bool {
    inner.elements.iter().all(|element| {
        outer.elements.iter().any(|other| match (element, other) {
            _ if element == other => true,
            (Element::Absent, _) => false,
            (_, Element::Exists) => true,
            (Element::Prefix(own), Element::Prefix(other)) => own.starts_with(other.as_str()),
            (Element::Suffix(own), Element::Suffix(other)) => own.ends_with(other.as_str()),
            (Element::Not(own), Element::Not(other)) => other.iter().all(|one| own.contains(one)),
            _ => false,
        }) || exact(element).is_some_and(|value| accepts(outer, &value))
    })
}

/// The only value that an element accepts, as JSON.
fn exact(element: &Element) -> Option<String> {
    let only = matches!(element, Element::Text(_) | Element::Number(_) | Element::Bool(_) | Element::Null);
    if only { value(element) } else { None }
}

fn accepts(field: &Field, value: &str) -> bool {
    let field = Field { path: "it".to_owned(), elements: field.elements.clone() };
    let pattern = Pattern { branches: vec![vec![Arc::new(field)]] };
    let sample = Sample::from_json(&format!("{{\"it\":{value}}}"));
    sample.is_ok_and(|sample| sample.matches(&pattern) == Ok(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlapping(patterns: &[&str]) -> Vec<String> {
        let rule = |(id, pattern): (char, &&str)| Rule::from_pattern(id, pattern).unwrap();
        let rules = RuleSet::new(('a'..).zip(patterns).map(rule).collect());
        let name = |(at, text): (u32, String)| format!("{}: {text}", rules.rules()[at as usize].id);
        overlaps(&rules).into_iter().map(name).collect()
    }

    #[test]
    fn what_two_rules_share_is_told_once() {
        let same = "a: rule b matches the same records";
        let more = "a: rule b matches all of its records, and more";
        let fewer = "a: rule b matches some of its records, and no others";
        for (one, other, expected) in [
            (r#"{"x":["1","2"]}"#, r#"{"x":["2","1"]}"#, same),
            (r#"{"x":["1"]}"#, r#"{"x":["2","1"]}"#, more),
            (r#"{"x":["1"],"y":["1"]}"#, r#"{"x":["1"]}"#, more),
            (r#"{"x":["Create"]}"#, r#"{"x":[{"prefix":"C"}]}"#, more),
            (r#"{"x":[{"prefix":"Create"}]}"#, r#"{"x":[{"prefix":"C"}]}"#, more),
            (r#"{"x":["1"]}"#, r#"{"x":[{"exists":true}]}"#, more),
            (r#"{"x":["1"]}"#, r#"{"x":[{"anything-but":"2"}]}"#, more),
            (r#"{"x":[5]}"#, r#"{"x":[{"numeric":[">",1]}]}"#, more),
            (r#"{"$or":[{"x":["1"]},{"y":["1"]}]}"#, r#"{"x":["1"]}"#, fewer),
            (r#"{"x":[{"wildcard":"a*b*c"}]}"#, r#"{"x":["abc"]}"#, fewer),
            (
                r#"{"x":["1","2"]}"#,
                r#"{"x":["2","3"]}"#,
                r#"a: rule b matches some of its records too, such as those with x "2""#,
            ),
            (
                r#"{"x":["1"]}"#,
                r#"{"x":["1"],"y":[{"exists":false}]}"#,
                r#"a: rule b matches some of its records, and no others"#,
            ),
        ] {
            assert_eq!(overlapping(&[one, other]), [expected], "{one} {other}");
        }
    }

    #[test]
    fn rules_that_share_nothing_in_particular_are_left_alone() {
        for (one, other) in [
            (r#"{"x":["1"]}"#, r#"{"x":["2"]}"#),
            (r#"{"x":["1"]}"#, r#"{"y":["1"]}"#),
            (r#"{"x":[{"prefix":"a"}]}"#, r#"{"x":[{"suffix":"b"}]}"#),
            (r#"{"x":[{"anything-but":"a"}]}"#, r#"{"x":["a"]}"#),
        ] {
            assert!(overlapping(&[one, other]).is_empty(), "{one} {other}");
        }
    }

    #[test]
    fn many_are_counted() {
        let told = overlapping(&[r#"{"x":["1"]}"#; 6]);
        assert!(told[0].starts_with("a: rule b matches the same records; "), "{told:?}");
        assert!(told[0].ends_with("; rule d matches the same records; and so do 2 more rules"), "{told:?}");
        assert_eq!(told.len(), 5, "the last is told of by all others");
    }

    #[test]
    fn what_is_ignored_is_not_shared() {
        let mut rules: Vec<_> = ["a", "b"].map(|id| Rule::from_pattern(id, r#"{"x":["1","2"]}"#).unwrap()).into();
        rules[1].ignore.push(Pattern::from_json(r#"{"x":["1"]}"#).unwrap());
        let told = overlaps(&RuleSet::new(rules));
        assert_eq!(told, [(0, "rule b matches some of its records, and no others".to_owned())]);
    }
}
