//! JSON text to [`Node`]s, with serde_json as the grammar.

use super::{MAX_DEPTH, Member, Node, Place, RuleError, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

pub(super) fn parse(text: &str) -> Result<Node, RuleError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| invalid(&error))?;
    Places { text, offset: 0, place: Place { line: 1, column: 1 } }.node(raw, 0)
}

/// What serde_json finds wrong with a text.
pub(in crate::rule) fn invalid(error: &serde_json::Error) -> RuleError {
    Place { line: error.line().max(1) as u32, column: error.column().max(1) as u32 }.error(reason(error))
}

fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    // serde_json appends the place to its message; here it has its own field.
    format!("invalid JSON: {}", message.split(" at line ").next().unwrap_or(&message))
}

/// Turns positions in `text` into places, moving forward only.
struct Places<'a> {
    text: &'a str,
    offset: usize,
    place: Place,
}

impl<'a> Places<'a> {
    /// The place of `part`, a slice of the text behind all earlier ones.
    fn of(&mut self, part: &str) -> Place {
        let offset = part.as_ptr().addr() - self.text.as_ptr().addr();
        for character in self.text[self.offset..offset].chars() {
            if character == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        self.offset = offset;
        self.place
    }

    fn node(&mut self, raw: &'a RawValue, depth: usize) -> Result<Node, RuleError> {
        let text = raw.get();
        let place = self.of(text);
        if depth > MAX_DEPTH {
            return Err(place.too_deep());
        }
        let at_place = |error: serde_json::Error| place.error(reason(&error));
        let value = match text.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text).map_err(at_place)?;
                let members = members.into_iter().map(|(key, node)| {
                    let place = self.of(key.get());
                    let key = serde_json::from_str(key.get()).map_err(|error| place.error(reason(&error)))?;
                    Ok(Member { key, place, node: self.node(node, depth + 1)? })
                });
                Value::Object(members.collect::<Result<_, RuleError>>()?)
            }
            Some(b'[') => {
                let nodes: Vec<&RawValue> = serde_json::from_str(text).map_err(at_place)?;
                Value::Array(nodes.into_iter().map(|node| self.node(node, depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Value::String(serde_json::from_str(text).map_err(at_place)?),
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') => Value::Null,
            _ => Value::Number(text.to_owned()),
        };
        Ok(Node { value, place })
    }
}

/// An object's members in order, duplicates and all.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
