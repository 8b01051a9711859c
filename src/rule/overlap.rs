//! Rules that alert on the same records.
//!
//! Two rules for one thing send two alerts for it, and one that lies inside of
//! another can go, or was meant to be something else. Pairs are found without
//! comparing each rule with each: for every rule a few records are made that
//! hold what it asks for and nothing else, and the whole set is asked for them.

use super::element::{Element, Number};
use super::pattern::{Branch, Field, Pattern};
use super::{Matcher, Rule, RuleSet, Sample};
use std::sync::Arc;

/// Records made for one rule; one for each match value of its longest list, of
/// its first branches.
const MAX_WITNESSES: usize = 256;

/// Rules named beside one, in the order of what they share; what is beyond is
/// only counted.
const MAX_NAMED: usize = 3;

/// The value that stands for "any": nobody would name it.
const ANY: &str = "trailwire: any value";

/// For each rule that shares records with others which are not told of it
/// already: its index, and what it shares.
#[must_use]
pub fn overlaps(rules: &RuleSet) -> Vec<(u32, String)> {
    let mut asker = Asker { rules, matcher: Matcher::new(), seen: vec![u32::MAX; rules.rules().len()] };
    asker.matcher.reset(rules);
    let all: Vec<Beside> = (0..).zip(rules.rules()).map(|(at, rule)| asker.beside(at, rule)).collect();
    let told = |by: u32, at: u32| by < at && all[by as usize].named.iter().any(|&(other, _)| other == at);
    let mut overlaps = Vec::new();
    for (at, beside) in (0..).zip(&all) {
        let rule = &rules.rules()[at as usize];
        let new = beside.named.iter().filter(|&&(other, _)| !told(other, at));
        let mut texts: Vec<_> =
            new.map(|(other, example)| shared(rule, &rules.rules()[*other as usize], example)).collect();
        if beside.further > 0 && !texts.is_empty() {
            texts.push(format!("and {} more rules match some of them", beside.further));
        }
        if !texts.is_empty() {
            overlaps.push((at, texts.join("; ")));
        }
    }
    overlaps
}

/// Whether a rule surely ignores all that it matches.
pub(super) fn ignores_all(rule: &Rule) -> bool {
    let mut ignored = rule.ignore.iter().flat_map(|pattern| &*pattern.branches);
    rule.pattern.branches.iter().all(|branch| ignored.any(|other| branch_inside(branch, other)))
}

/// The other rules that match a record made for one.
#[derive(Default)]
struct Beside {
    /// The first of them, each with that record in words.
    named: Vec<(u32, String)>,
    /// How many others there are.
    further: usize,
}

/// Asks all rules for records.
struct Asker<'a> {
    rules: &'a RuleSet,
    matcher: Matcher,
    /// For each rule the one that it was found beside last.
    seen: Vec<u32>,
}

impl Asker<'_> {
    fn beside(&mut self, at: u32, rule: &Rule) -> Beside {
        let mut beside = Beside::default();
        let witnesses = rule.pattern.branches.iter().flat_map(|branch| {
            let count = branch.iter().map(|field| field.elements.len()).max().unwrap_or(0);
            (0..count).map(|number| Witness::new(branch, number))
        });
        for Witness { json, words } in witnesses.take(MAX_WITNESSES) {
            let Ok(sample) = Sample::from_json(&json) else { continue };
            let Ok(matching) = sample.ask(self.rules, &mut self.matcher) else { continue };
            // If the rule itself does not match, it ignores the record, or a value could not be made up.
            if matching.binary_search(&at).is_err() {
                continue;
            }
            for &other in matching {
                if other == at || std::mem::replace(&mut self.seen[other as usize], at) == at {
                    continue;
                }
                if beside.named.len() < MAX_NAMED {
                    beside.named.push((other, words.clone()));
                } else {
                    beside.further += 1;
                }
            }
        }
        beside
    }
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
        let named = members.iter().filter(|(.., value)| !value.contains(ANY));
        let words: Vec<_> = named.map(|(_, path, value)| format!("{path} {value}")).collect();
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
        (false, false) if example.is_empty() => format!("rule {id} matches some of its records too"),
        (false, false) => format!("rule {id} matches some of its records too, such as those with {example}"),
    }
}

/// Whether `outer` surely matches whatever `inner` does.
fn inside(inner: &Rule, outer: &Rule) -> bool {
    let branches = &outer.pattern.branches;
    inner.pattern.branches.iter().all(|inner| branches.iter().any(|outer| branch_inside(inner, outer)))
        && outer.ignore.iter().all(|ignored| inner.ignore.contains(ignored))
}

fn branch_inside(inner: &Branch, outer: &Branch) -> bool {
    // In an array, which elements have no value depends on all other fields.
    let absent = |field: &Arc<Field>| field.path.contains('.') && field.elements.contains(&Element::Absent);
    if outer.iter().any(absent) {
        return inner == outer;
    }
    outer.iter().all(|field| inner.iter().any(|own| own.path == field.path && field_inside(own, field)))
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
    let pattern = Pattern { branches: [vec![Arc::new(field)]].into() };
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
        assert!(
            told[0].ends_with("; rule d matches the same records; and 2 more rules match some of them"),
            "{told:?}"
        );
        assert!(told.iter().all(|told| !told.starts_with("b: rule a")), "a pair is told of once");
    }

    #[test]
    fn absence_inside_of_arrays_is_not_taken_to_be_shared() {
        let both = [r#"{"d":{"name":["x"],"z":[{"exists":false}]}}"#, r#"{"d":{"z":[{"exists":false}]}}"#];
        assert_eq!(overlapping(&both), [r#"a: rule b matches some of its records too, such as those with d.name "x""#]);
    }

    #[test]
    fn thousands_of_rules_take_seconds_at_most() {
        let same = vec![r#"{"x":["1"]}"#; 3_000];
        let start = std::time::Instant::now();
        assert!(overlapping_rules(&same) > 1_000);
        assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    }

    fn overlapping_rules(patterns: &[&str]) -> usize {
        let rule = |(number, pattern): (usize, &&str)| Rule::from_pattern(number.to_string(), pattern).unwrap();
        overlaps(&RuleSet::new(patterns.iter().enumerate().map(rule).collect())).len()
    }

    #[test]
    fn what_is_ignored_is_not_shared() {
        let mut rules: Vec<_> = ["a", "b"].map(|id| Rule::from_pattern(id, r#"{"x":["1","2"]}"#).unwrap()).into();
        rules[1].ignore.push(Pattern::from_json(r#"{"x":["1"]}"#).unwrap());
        let told = overlaps(&RuleSet::new(rules));
        assert_eq!(told, [(0, "rule b matches some of its records, and no others".to_owned())]);
    }
}
