//! Event patterns: what they may look like, compiled to fields.

use super::RuleError;
use super::element::Element;
use super::node::{Member, Node, Value};

/// An Amazon EventBridge event pattern, held against a CloudTrail record: every
/// field must match, by any of its elements.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Sorted by path, in the order of UTF-16, which array consistency is
    /// defined by; paths are unique. Empty only for [`Pattern::any`].
    pub(super) fields: Vec<Field>,
}

/// A path and the elements, of which one must match.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) elements: Vec<Element>,
}

/// Fields of one pattern (limit of the reference implementation).
const MAX_FIELDS: usize = 256;

impl Pattern {
    /// The pattern that every record matches; it cannot be written as JSON.
    #[must_use]
    pub fn any() -> Self {
        Self { fields: Vec::new() }
    }

    /// Compiles a pattern from strict JSON.
    ///
    /// # Errors
    /// Malformed JSON, and whatever the pattern language does not allow or this
    /// program does not know, by place and path.
    pub fn from_json(text: &str) -> Result<Self, RuleError> {
        Self::compile(&Node::from_json(text)?)
    }

    /// Compiles a pattern of a rule: as any other, but for one trap.
    pub(super) fn compile_for_records(node: &Node) -> Result<Self, RuleError> {
        if let Value::Object(members) = &node.value
            && let Some(detail) = members.iter().find(|member| member.key == "detail")
        {
            return Err(detail.place.error("a pattern for EventBridge's envelope: use what is inside its detail"));
        }
        Self::compile(node)
    }

    fn compile(node: &Node) -> Result<Self, RuleError> {
        let mut fields = Vec::new();
        collect(node, None, &mut fields)?;
        fields.sort_by(|one, other| one.path.encode_utf16().cmp(other.path.encode_utf16()));
        Ok(Self { fields })
    }
}

/// Adds the fields of the object `node`, which stands at `path`, or at the top.
fn collect(node: &Node, path: Option<&str>, fields: &mut Vec<Field>) -> Result<(), RuleError> {
    let what = path.unwrap_or("the pattern");
    let members = node.object(what)?;
    if members.is_empty() {
        return Err(node.place.error(format!("{what} is an empty object, which nothing can match")));
    }
    for Member { key, place, node } in members {
        let path = path.map_or_else(|| key.clone(), |path| format!("{path}.{key}"));
        match &node.value {
            _ if key == "$or" => return Err(place.error(format!("{path}: $or is not supported yet"))),
            Value::Object(_) => collect(node, Some(&path), fields)?,
            Value::Array(elements) => {
                if elements.is_empty() {
                    return Err(node.place.error(format!("{path} is an empty array, which nothing can match")));
                }
                if fields.iter().any(|field| field.path == path) {
                    return Err(place.error(format!("{path} is given twice; put all its values into one array")));
                }
                if fields.len() == MAX_FIELDS {
                    return Err(place.error(format!("{path}: more than {MAX_FIELDS} fields in one pattern")));
                }
                let elements = elements.iter().map(|node| Element::compile(node, &path)).collect::<Result<_, _>>()?;
                fields.push(Field { path, elements });
            }
            _ => {
                let kind = node.kind();
                return Err(node
                    .place
                    .error(format!("{path} must be an array of match values or an object of fields, not {kind}")));
            }
        }
    }
    Ok(())
}
