//! Rule text as a tree: JSON or YAML, with places, key order and number text.

mod json;
mod write;
mod yaml;

pub(super) use json::invalid;

use super::RuleError;

/// Nesting of rule text that is read; deeper text is refused.
const MAX_DEPTH: usize = 128;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// JSON's kinds of value. Numbers keep their text: a double would lose digits.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// A key and its value, in the order of the text.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

/// A place in rule text, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl Node {
    /// Reads strict JSON (RFC 8259), of one value and nothing behind it.
    pub(super) fn from_json(text: &str) -> Result<Self, RuleError> {
        json::parse(text)
    }

    /// Reads one YAML document, without aliases and tags. Plain scalars follow
    /// the JSON grammar and are strings otherwise: `no`, `012` and `1_000`
    /// are what they look like.
    pub(super) fn from_yaml(text: &str) -> Result<Self, RuleError> {
        yaml::parse(text)
    }

    /// What kind of value this is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// The string this is, or an error that names `what`.
    pub(super) fn string(&self, what: &str) -> Result<&str, RuleError> {
        match &self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.place.error(format!("{what} must be a string, not {}", self.kind()))),
        }
    }

    /// The elements of the array this is, or an error that names `what`.
    pub(super) fn array(&self, what: &str) -> Result<&[Node], RuleError> {
        match &self.value {
            Value::Array(nodes) => Ok(nodes),
            _ => Err(self.place.error(format!("{what} must be an array, not {}", self.kind()))),
        }
    }

    /// The members of the object this is, or an error that names `what`.
    pub(super) fn object(&self, what: &str) -> Result<&[Member], RuleError> {
        match &self.value {
            Value::Object(members) => Ok(members),
            _ => Err(self.place.error(format!("{what} must be an object, not {}", self.kind()))),
        }
    }
}

impl Place {
    fn too_deep(self) -> RuleError {
        self.error(format!("nested more than {MAX_DEPTH} levels deep"))
    }

    pub(super) fn error(self, reason: impl Into<String>) -> RuleError {
        RuleError { place: self, reason: reason.into() }
    }
}
