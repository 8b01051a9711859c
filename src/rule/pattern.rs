//! Event patterns: what they may look like, compiled to fields.

use super::element::Element;
use super::node::{Member, Node, Place, Value};
use super::{RuleError, envelope};
use std::sync::Arc;

/// An Amazon EventBridge event pattern, held against a CloudTrail record: every
/// field must match, by any of its elements; and where the pattern has a choice
/// (`$or`), those of one branch. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// One for each combination of choices; a record matches by any of them.
    /// Fields that several have are shared.
    pub(super) branches: Arc<[Branch]>,
}

/// The fields that must all match. Sorted by path, in the order of UTF-16,
/// which array consistency is defined by; paths are unique. Empty only in
/// [`Pattern::any`].
pub(super) type Branch = Vec<Arc<Field>>;

/// A path and the elements, of which one must match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) elements: Vec<Element>,
}

/// Fields of one branch (limit of the reference implementation).
const MAX_FIELDS: usize = 256;

/// Branches of one pattern. Ten choices of two that lie side by side are a
/// thousand already, so without a limit a line of text could fill the memory.
const MAX_BRANCHES: usize = 1_000;

/// What a field inside of `$or` must not be called (rule of the reference
/// implementation): it would be an operator that was put in the wrong place.
const RESERVED: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

impl Pattern {
    /// The pattern that every record matches; it cannot be written as JSON.
    #[must_use]
    pub fn any() -> Self {
        Self { branches: [Branch::new()].into() }
    }

    /// Compiles a pattern from strict JSON.
    ///
    /// # Errors
    /// Malformed JSON, and whatever the pattern language does not allow, by
    /// place and path.
    pub fn from_json(text: &str) -> Result<Self, RuleError> {
        Self::compile(&Node::from_json(text)?)
    }

    /// Compiles a pattern of a rule: on the record, or on EventBridge's envelope
    /// around it.
    pub(super) fn compile_for_records(node: &Node) -> Result<Self, RuleError> {
        Self::compile(&*envelope::record(node)?)
    }

    pub(super) fn compile(node: &Node) -> Result<Self, RuleError> {
        let branches = object(node, None, false)?.into_iter().map(in_order);
        Ok(Self { branches: branches.collect::<Result<_, _>>()? })
    }
}

/// A branch as far as it is read: its fields in the order of the text, and
/// where each of them stands.
type Draft = Vec<(Place, Arc<Field>)>;

/// The branches of the object `node`, which stands at `path`, or at the top.
fn object(node: &Node, path: Option<&str>, in_choice: bool) -> Result<Vec<Draft>, RuleError> {
    let what = path.unwrap_or("the pattern");
    let members = node.object(what)?;
    if members.is_empty() {
        return Err(node.place.error(format!("{what} is an empty object, which nothing can match")));
    }
    let mut drafts = vec![Draft::new()];
    for Member { key, place, node } in members {
        let more = match &node.value {
            _ if key == "$or" => choice(node, path)?,
            _ if in_choice && RESERVED.contains(&&key[..]) => {
                return Err(
                    place.error(format!("{key} is an operator, which cannot be the name of a field inside $or"))
                );
            }
            Value::Object(_) => object(node, Some(&join(path, key)), in_choice)?,
            Value::Array(nodes) => vec![vec![(*place, Arc::new(field(node, nodes, join(path, key))?))]],
            _ => {
                let (path, kind) = (join(path, key), node.kind());
                return Err(node
                    .place
                    .error(format!("{path} must be an array of match values or an object of fields, not {kind}")));
            }
        };
        drafts = combine(drafts, more, *place)?;
    }
    Ok(drafts)
}

/// The branches of all the objects of a `$or` in the object at `path`.
fn choice(node: &Node, path: Option<&str>) -> Result<Vec<Draft>, RuleError> {
    let objects = node.array("$or")?;
    if objects.len() < 2 {
        return Err(node.place.error("$or must have at least two objects to choose from"));
    }
    let mut drafts = Vec::new();
    for one in objects {
        if !matches!(one.value, Value::Object(_)) {
            return Err(one.place.error(format!("$or must have objects only, not {}", one.kind())));
        }
        drafts.extend(object(one, path, true)?);
        if drafts.len() > MAX_BRANCHES {
            return Err(too_many_branches(node.place));
        }
    }
    Ok(drafts)
}

fn field(node: &Node, nodes: &[Node], path: String) -> Result<Field, RuleError> {
    if nodes.is_empty() {
        return Err(node.place.error(format!("{path} is an empty array, which nothing can match")));
    }
    let elements = nodes.iter().map(|node| Element::compile(node, &path)).collect::<Result<_, _>>()?;
    Ok(Field { path, elements })
}

/// Each branch of the one with each of the others, which stand at `place`.
fn combine(one: Vec<Draft>, others: Vec<Draft>, place: Place) -> Result<Vec<Draft>, RuleError> {
    if one.len() * others.len() > MAX_BRANCHES {
        return Err(too_many_branches(place));
    }
    let mut drafts = Vec::with_capacity(one.len() * others.len());
    for draft in &one {
        for other in &others {
            if draft.len() + other.len() > MAX_FIELDS {
                return Err(place.error(format!("more than {MAX_FIELDS} fields in one pattern")));
            }
            drafts.push([&draft[..], other].concat());
        }
    }
    Ok(drafts)
}

fn too_many_branches(place: Place) -> RuleError {
    place.error(format!("$or comes to more than {MAX_BRANCHES} combinations"))
}

/// The fields of a branch in their order, each path once. The reference
/// implementation lets a later one silently replace an earlier.
fn in_order(mut draft: Draft) -> Result<Branch, RuleError> {
    draft.sort_by(|(_, one), (_, other)| one.path.encode_utf16().cmp(other.path.encode_utf16()));
    for pair in draft.windows(2) {
        let [(_, one), (place, other)] = pair else { continue };
        if one.path == other.path {
            return Err(place.error(format!("{} is given twice; put all its values into one array", other.path)));
        }
    }
    Ok(draft.into_iter().map(|(_, field)| field).collect())
}

fn join(path: Option<&str>, key: &str) -> String {
    path.map_or_else(|| key.to_owned(), |path| format!("{path}.{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branches(text: &str) -> Vec<String> {
        let pattern = Pattern::from_json(text).unwrap();
        let paths = |branch: &Branch| branch.iter().map(|field| &field.path[..]).collect::<Vec<_>>().join(" ");
        pattern.branches.iter().map(paths).collect()
    }

    #[test]
    fn a_choice_becomes_one_branch_for_each_combination() {
        assert_eq!(branches(r#"{"b":[1],"a.c":[2],"a":{"b":[3]}}"#), ["a.b a.c b"]);
        assert_eq!(branches(r#"{"z":[1],"$or":[{"a":[1]},{"b":[2],"c":[3]}]}"#), ["a z", "b c z"]);
        let twice = r#"{"$or":[{"a":[1]},{"b":[2]}],"d":{"$or":[{"e":[3]},{"f":[4]}]}}"#;
        assert_eq!(branches(twice), ["a d.e", "a d.f", "b d.e", "b d.f"]);
        assert_eq!(branches(r#"{"$or":[{"a":[1]},{"b":[2],"$or":[{"c":[3]},{"d":[4]}]}]}"#), ["a", "b c", "b d"]);
    }

    #[test]
    fn what_is_no_pattern_is_refused_at_its_place() {
        for (text, expected) in [
            ("[]", "line 1, column 1: the pattern must be an object, not an array"),
            ("{}", "line 1, column 1: the pattern is an empty object"),
            ("{\n \"a\": {}}", "line 2, column 7: a is an empty object"),
            (r#"{"a":[]}"#, "line 1, column 6: a is an empty array"),
            (r#"{"a":"x"}"#, "line 1, column 6: a must be an array of match values or an object of fields, not a str"),
            (r#"{"a":[1],"a":[2]}"#, "line 1, column 10: a is given twice"),
            (r#"{"a":{"b":[1]},"a.b":[2]}"#, "line 1, column 16: a.b is given twice"),
            (r#"{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}"#, "line 1, column 18: a is given twice"),
            (r#"{"$or":[{"a":[2]},{"b":[3]}],"a":[1]}"#, "line 1, column 30: a is given twice"),
            (r#"{"$or":{"a":[1]}}"#, "line 1, column 8: $or must be an array, not an object"),
            (r#"{"$or":[{"a":[1]}]}"#, "line 1, column 8: $or must have at least two"),
            (r#"{"$or":[{"a":[1]},"x"]}"#, "line 1, column 19: $or must have objects only, not a string"),
            (r#"{"$or":[{"a":[1]},{}]}"#, "line 1, column 19: the pattern is an empty object"),
            (r#"{"$or":[{"a":{"prefix":[1]}},{"b":[1]}]}"#, "line 1, column 15: prefix is an operator"),
            (r#"{"a":[1]} x"#, "line 1, column 11: invalid JSON: trailing characters"),
            (r#"{"a":["x",]}"#, "line 1, column 11: invalid JSON"),
        ] {
            let error = Pattern::from_json(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        assert!(Pattern::from_json(r#"{"prefix":["x"],"a":{"=":["x"]}}"#).is_ok(), "only inside $or");
        assert!(Pattern::from_json(r#"{"a":{"b":[1]},"a":{"c":[2]}}"#).is_ok(), "objects merge");
    }

    #[test]
    fn there_are_limits_of_fields_and_of_branches() {
        let fields = |count: usize| {
            let fields: Vec<String> = (0..count).map(|number| format!(r#""f{number}":[1]"#)).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(Pattern::from_json(&fields(MAX_FIELDS)).is_ok());
        assert!(Pattern::from_json(&fields(MAX_FIELDS + 1)).unwrap_err().reason.contains("more than 256 fields"));

        let choice = |name: &str, count: usize| {
            let objects: Vec<String> = (0..count).map(|number| format!(r#"{{"{name}{number}":[1]}}"#)).collect();
            format!(r#"{{"$or":[{}]}}"#, objects.join(","))
        };
        let both = |one: usize, other: usize| format!(r#"{{"a":{},"b":{}}}"#, choice("a", one), choice("b", other));
        for (text, good) in [
            (choice("a", 1_000), true),
            (choice("a", 1_001), false),
            (both(10, 100), true),
            (both(10, 101), false),
            // A product of all that would be beyond any memory.
            (format!(r#"{{"x":[1]{}}}"#, format!(r#","$or":{}"#, r#"[{"a":[1]},{"b":[1]}]"#).repeat(60)), false),
        ] {
            let result = Pattern::from_json(&text);
            assert_eq!(result.is_ok(), good);
            if let Err(error) = result {
                assert!(error.reason.contains("more than 1000 combinations"), "{error}");
            }
        }
    }
}
