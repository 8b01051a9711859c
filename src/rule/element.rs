//! The match elements of a pattern: what one value is held against.

use super::RuleError;
use super::ip;
use super::node::{Member, Node, Value};
use crate::json::number::comparable;
use std::net::IpAddr;

/// One match element, as it stands in a pattern. Two that are equal match the
/// same values, so a rule set keeps one of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Element {
    /// The value is this string.
    Text(String),
    /// The value is a string that spells this address.
    Ip(IpAddr),
    /// The value is this number.
    Number(Number),
    /// The value is `true` or `false`.
    Bool(bool),
    /// The value is `null`.
    Null,
    /// The value is a string that begins so.
    Prefix(String),
    /// The value is a string that ends so.
    Suffix(String),
    /// The value is none of these strings.
    NotText(Vec<String>),
    /// The value is none of these numbers.
    NotNumber(Vec<Number>),
    /// There is a value.
    Exists,
    /// There is none.
    Absent,
}

/// A number as rules compare it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Number {
    /// The bits of the double it is equal to.
    Double(u64),
    /// The text it is equal to: no double is exactly this number.
    Text(String),
}

impl Number {
    pub(super) fn new(text: &str) -> Self {
        comparable(text).map_or_else(|| Self::Text(text.to_owned()), |value| Self::Double(value.to_bits()))
    }
}

impl Element {
    /// Compiles an element of the array at `path`.
    pub(super) fn compile(node: &Node, path: &str) -> Result<Self, RuleError> {
        match &node.value {
            Value::Null => Ok(Self::Null),
            Value::Bool(value) => Ok(Self::Bool(*value)),
            Value::Number(text) => Ok(Self::Number(Number::new(text))),
            // A bare string that is an address is compared as an address.
            Value::String(text) => Ok(ip::parse(text.as_bytes()).map_or_else(|| Self::Text(text.clone()), Self::Ip)),
            Value::Array(_) => Err(node.place.error(format!(
                "{path}: a match value must be a string, number, true, false, null or an operator, not an array"
            ))),
            Value::Object(members) => match &members[..] {
                [] => Err(node.place.error(format!("{path}: an operator is missing in the empty object"))),
                [operator] => Self::operator(operator, path),
                [_, second, ..] => {
                    Err(second.place.error(format!("{path}: only one operator per object; write a second object")))
                }
            },
        }
    }

    fn operator(Member { key: name, place, node }: &Member, path: &str) -> Result<Self, RuleError> {
        let what = format!("{path}: the value of {name}");
        match &name[..] {
            "prefix" => node.string(&what).map(|text| Self::Prefix(text.to_owned())),
            "suffix" => node.string(&what).map(|text| Self::Suffix(text.to_owned())),
            "exists" => match node.value {
                Value::Bool(true) => Ok(Self::Exists),
                Value::Bool(false) => Ok(Self::Absent),
                _ => Err(node.place.error(format!("{what} must be true or false, not {}", node.kind()))),
            },
            "anything-but" => Self::anything_but(node, &what),
            _ => Err(place.error(format!(
                "{path}: unknown operator {name:?}; known are prefix, suffix, anything-but and exists"
            ))),
        }
    }

    fn anything_but(node: &Node, what: &str) -> Result<Self, RuleError> {
        let nodes = match &node.value {
            Value::Array(nodes) => &nodes[..],
            _ => std::slice::from_ref(node),
        };
        let strings: Option<Vec<String>> = nodes
            .iter()
            .map(|node| if let Value::String(text) = &node.value { Some(text.clone()) } else { None })
            .collect();
        let numbers: Option<Vec<&str>> = nodes
            .iter()
            .map(|node| if let Value::Number(text) = &node.value { Some(&text[..]) } else { None })
            .collect();
        match (strings, numbers) {
            _ if nodes.is_empty() => Err(node.place.error(format!("{what} must not be an empty list"))),
            (Some(strings), _) => Ok(Self::NotText(strings)),
            (_, Some(numbers)) => {
                let numbers = numbers.into_iter().map(|text| match Number::new(text) {
                    Number::Text(_) => Err(node.place.error(format!("{what}: cannot compare number {text}"))),
                    number @ Number::Double(_) => Ok(number),
                });
                Ok(Self::NotNumber(numbers.collect::<Result<_, _>>()?))
            }
            _ => Err(node
                .place
                .error(format!("{what} must be a string, a number, a list of only strings or a list of only numbers"))),
        }
    }
}
