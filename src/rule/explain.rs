//! Why a rule matches a record, or does not: field by field, in words.
//!
//! In: a rule with its text, and a record. Out: a tree of what was wanted, what
//! there is, and whether that matches. Each field is tried by itself with the
//! matcher; nothing here decides what matches.

use super::node::{Node, Value};
use super::{Pattern, Rule, RuleError, RuleSet, RuleSource, Sample};
use std::collections::BTreeSet;
use std::fmt;

/// A record that rules are explained on.
pub struct Case {
    record: Node,
    sample: Sample,
}

/// Why a rule alerts on a record, or does not.
pub struct Explanation {
    /// On its pattern.
    pub pattern: Reasons,
    /// On each pattern that it ignores.
    pub ignore: Vec<Reasons>,
}

/// What a pattern comes to on a record.
pub struct Reasons {
    /// Whether it matches.
    pub matches: bool,
    /// Its fields and choices, all of which must match.
    pub parts: Vec<Part>,
    /// Whether each part matches by itself, and yet not in one element of an
    /// array that they lie in.
    pub apart: bool,
}

/// A part of a pattern.
pub enum Part {
    /// A field.
    Field(Field),
    /// `$or`: all parts of one of these must match.
    Choice(Vec<Vec<Part>>),
}

/// A field of a pattern.
pub struct Field {
    /// The keys that lead to it.
    pub path: String,
    /// What is wanted of it, in words.
    pub wanted: String,
    /// Its values in the record, as JSON.
    pub found: Vec<String>,
    /// Whether it matches, by itself.
    pub matches: bool,
    /// What may be the reason why not.
    pub hint: Option<String>,
}

impl Explanation {
    /// Whether the rule would alert.
    #[must_use]
    pub fn alerts(&self) -> bool {
        self.pattern.matches && self.ignore.iter().all(|ignore| !ignore.matches)
    }
}

impl Part {
    /// Whether it matches, by itself.
    #[must_use]
    pub fn matches(&self) -> bool {
        match self {
            Self::Field(field) => field.matches,
            Self::Choice(branches) => branches.iter().any(|parts| parts.iter().all(Self::matches)),
        }
    }
}

/// Why an explanation cannot be given.
#[derive(Debug)]
pub enum CaseError {
    /// The record cannot be read.
    Record(RuleError),
    /// The record cannot be matched.
    Match(crate::Error),
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => error.fmt(f),
            Self::Match(error) => error.fmt(f),
        }
    }
}

impl From<RuleError> for CaseError {
    fn from(error: RuleError) -> Self {
        Self::Record(error)
    }
}

impl From<crate::Error> for CaseError {
    fn from(error: crate::Error) -> Self {
        Self::Match(error)
    }
}

impl Case {
    /// Reads a record from its JSON.
    ///
    /// # Errors
    /// As [`Sample::from_json`].
    pub fn from_json(text: &str) -> Result<Self, CaseError> {
        Ok(Self { sample: Sample::from_json(text)?, record: Node::from_json(text)? })
    }

    /// A record that is part of a rule file.
    pub(super) fn from_node(node: &Node) -> Result<Self, RuleError> {
        Ok(Self { sample: Sample::from_node(node)?, record: node.clone() })
    }

    /// Whether a rule alerts on the record.
    ///
    /// # Errors
    /// What fails the object of a log file that holds such a record, or would if it
    /// led to the rule.
    pub fn alerts(&self, rule: &Rule) -> Result<bool, crate::Error> {
        Ok(!self.sample.matching(&RuleSet::new(vec![rule.clone()]))?.is_empty())
    }

    /// Explains what a rule makes of the record.
    ///
    /// # Errors
    /// What fails the object of a log file that holds such a record, or would if it
    /// led to the rule.
    pub fn explain(&self, source: &RuleSource) -> Result<Explanation, CaseError> {
        let pattern = self.reasons(&source.pattern)?;
        let ignore = source.ignore.iter().map(|node| self.reasons(node)).collect::<Result<_, _>>()?;
        Ok(Explanation { pattern, ignore })
    }

    fn reasons(&self, pattern: &Node) -> Result<Reasons, CaseError> {
        let matches = self.sample.matches(&Pattern::compile(pattern)?)?;
        let mut parts = self.parts(pattern, "")?;
        if matches {
            // Then every field does. One that does not by itself has no value in the array element that the others
            // match in.
            for part in &mut parts {
                if let Part::Field(field) = part
                    && !field.matches
                {
                    field.matches = true;
                    field.hint = Some("not where the other fields match".into());
                }
            }
        }
        let apart = !matches && parts.iter().all(Part::matches);
        Ok(Reasons { matches, parts, apart })
    }

    /// The parts of the object `node`, whose keys stand behind `above`.
    fn parts(&self, node: &Node, above: &str) -> Result<Vec<Part>, CaseError> {
        let mut parts = Vec::new();
        for member in node.object("a pattern")? {
            match &member.node.value {
                Value::Array(branches) if member.key == "$or" => {
                    let branches = branches.iter().map(|branch| self.parts(branch, above));
                    parts.push(Part::Choice(branches.collect::<Result<_, _>>()?));
                }
                Value::Array(elements) => {
                    parts.push(Part::Field(self.field(format!("{above}{}", member.key), &member.node, elements)?));
                }
                _ => parts.extend(self.parts(&member.node, &format!("{above}{}.", member.key))?),
            }
        }
        Ok(parts)
    }

    fn field(&self, path: String, node: &Node, elements: &[Node]) -> Result<Field, CaseError> {
        let matches = self.sample.matches(&Pattern::compile(&Node::keyed(&path, node.clone()))?)?;
        let wanted: Vec<_> = elements.iter().map(words).collect();
        let mut found = Vec::new();
        let mut keys = BTreeSet::new();
        look(&self.record, "", &path, &mut found, &mut keys);
        let hint = if matches { None } else { hint(&path, elements, &found, &keys) };
        let found = found.iter().map(|node| node.to_json()).collect();
        Ok(Field { path, wanted: wanted.join(" or "), found, matches, hint })
    }
}

/// Collects the scalars at `path`, and the paths of all keys.
fn look<'a>(node: &'a Node, at: &str, path: &str, found: &mut Vec<&'a Node>, keys: &mut BTreeSet<String>) {
    match &node.value {
        Value::Array(nodes) => nodes.iter().for_each(|node| look(node, at, path, found, keys)),
        Value::Object(members) => {
            for member in members {
                let at = if at.is_empty() { member.key.clone() } else { format!("{at}.{}", member.key) };
                look(&member.node, &at, path, found, keys);
                keys.insert(at);
            }
        }
        _ if at == path => found.push(node),
        _ => {}
    }
}

/// What a person may have overlooked.
fn hint(path: &str, elements: &[Node], found: &[&Node], keys: &BTreeSet<String>) -> Option<String> {
    if found.is_empty() {
        let below = format!("{path}.");
        let inside: Vec<_> =
            keys.iter().filter_map(|key| key.strip_prefix(&below)).filter(|key| !key.contains('.')).collect();
        if !inside.is_empty() {
            return Some(format!("it is an object there, with {}", inside.join(", ")));
        }
        if keys.contains(path) {
            return Some("it is empty there".into());
        }
        return keys
            .iter()
            .find(|key| key.eq_ignore_ascii_case(path))
            .map(|key| format!("there is {key}: case matters"));
    }
    for (element, found) in elements.iter().flat_map(|element| found.iter().map(move |found| (element, found))) {
        let (wanted, found) = (element.to_json(), found.to_json());
        if wanted.trim_matches('"') == found.trim_matches('"') {
            return Some("strings are not equal to numbers, true, false or null".into());
        }
        if wanted.eq_ignore_ascii_case(&found) {
            return Some("only the case differs".into());
        }
    }
    None
}

/// An element in words.
fn words(element: &Node) -> String {
    let Value::Object(members) = &element.value else { return element.to_json() };
    let [member] = &members[..] else { return element.to_json() };
    let list = |node: &Node| match &node.value {
        Value::Array(nodes) => nodes.iter().map(Node::to_json).collect::<Vec<_>>().join(" or "),
        _ => node.to_json(),
    };
    let value = &member.node;
    match (&member.key[..], &value.value) {
        ("anything-but", Value::Object(_)) => format!("anything but what {}", words(value)),
        ("anything-but", _) => format!("anything but {}", list(value)),
        ("prefix" | "suffix", Value::Object(inner)) => {
            let inner = inner.first().map_or_else(String::new, |inner| list(&inner.node));
            format!("{} {inner} in any case", if member.key == "prefix" { "begins with" } else { "ends with" })
        }
        ("prefix", _) => format!("begins with {}", list(value)),
        ("suffix", _) => format!("ends with {}", list(value)),
        ("wildcard", _) => format!("is like {}", list(value)),
        ("equals-ignore-case", _) => format!("is {} in any case", list(value)),
        ("exactly", _) => format!("is exactly {}", list(value)),
        ("cidr", _) => format!("is an address in {}", list(value)),
        ("exists", Value::Bool(true)) => "any value".into(),
        ("exists", Value::Bool(false)) => "no value".into(),
        ("numeric", Value::Array(terms)) => {
            let terms: Vec<_> = terms.iter().map(|term| term.to_json().trim_matches('"').to_owned()).collect();
            format!("a number {}", terms.chunks(2).map(|pair| pair.join(" ")).collect::<Vec<_>>().join(" and "))
        }
        _ => element.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line per field, choices in brackets.
    fn lines(parts: &[Part]) -> Vec<String> {
        let line = |part: &Part| match part {
            Part::Field(Field { path, wanted, found, matches, hint }) => {
                let hint = hint.as_deref().map_or_else(String::new, |hint| format!(" ({hint})"));
                format!("{matches} {path}: {wanted}: {}{hint}", found.join(" "))
            }
            Part::Choice(branches) => format!("{:?}", branches.iter().map(|parts| lines(parts)).collect::<Vec<_>>()),
        };
        parts.iter().map(line).collect()
    }

    fn reasons(pattern: &str, record: &str) -> Reasons {
        Case::from_json(record).unwrap().reasons(&Node::from_json(pattern).unwrap()).unwrap()
    }

    #[test]
    fn each_field_says_what_it_wants_and_what_there_is() {
        for (pattern, record, line) in [
            (r#"{"a":["x",{"prefix":"y"}]}"#, r#"{"a":["z","yy"]}"#, r#"true a: "x" or begins with "y": "z" "yy""#),
            (r#"{"a":{"b":[1]}}"#, r#"{"a":[{"b":1.0},{"b":"1"}]}"#, r#"true a.b: 1: 1.0 "1""#),
            (r#"{"a":["X"]}"#, r#"{"a":"x"}"#, r#"false a: "X": "x" (only the case differs)"#),
            (
                r#"{"a":[1]}"#,
                r#"{"a":"1"}"#,
                r#"false a: 1: "1" (strings are not equal to numbers, true, false or null)"#,
            ),
            (
                r#"{"sourceIpAddress":["x"]}"#,
                r#"{"sourceIPAddress":"x"}"#,
                r#"false sourceIpAddress: "x":  (there is sourceIPAddress: case matters)"#,
            ),
            (r#"{"a":["x"]}"#, r#"{"a":{"b":1,"c":{}}}"#, r#"false a: "x":  (it is an object there, with b, c)"#),
            (r#"{"a":["x"]}"#, r#"{"a":[]}"#, r#"false a: "x":  (it is empty there)"#),
            (r#"{"a":["x"]}"#, r#"{"b":1}"#, r#"false a: "x": "#),
            (r#"{"a":[{"exists":false}]}"#, r#"{"a":null}"#, "false a: no value: null"),
            (r#"{"a":[{"anything-but":["x","y"]}]}"#, r#"{"a":"x"}"#, r#"false a: anything but "x" or "y": "x""#),
        ] {
            assert_eq!(lines(&reasons(pattern, record).parts), [line], "{pattern} {record}");
        }
    }

    #[test]
    fn fields_that_match_only_apart_are_told() {
        let tags = r#"{"t":{"k":["Env"],"v":["prod"]}}"#;
        let apart = reasons(tags, r#"{"t":[{"k":"Env","v":"dev"},{"k":"Name","v":"prod"}]}"#);
        assert!(!apart.matches && apart.apart && apart.parts.iter().all(Part::matches));
        let together = reasons(tags, r#"{"t":[{"k":"Env","v":"prod"}]}"#);
        assert!(together.matches && !together.apart);
        let absent =
            reasons(r#"{"d":{"name":["x"],"z":[{"exists":false}]}}"#, r#"{"d":[{"name":"x","z":1},{"name":"x"}]}"#);
        assert_eq!(lines(&absent.parts)[1], "true d.z: no value: 1 (not where the other fields match)");
        let neither = reasons(tags, r#"{"t":[{"k":"Env","v":"dev"}]}"#);
        assert!(!neither.matches && !neither.apart);
    }
}
