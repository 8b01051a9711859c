//! [`Node`]s that are made, and put back into JSON text.

use super::{Member, Node, Value};
use serde_json::to_string;

impl Node {
    /// An object with nothing but this value under `key`.
    pub(in crate::rule) fn keyed(key: &str, node: Self) -> Self {
        let place = node.place;
        Self { value: Value::Object(vec![Member { key: key.to_owned(), place, node }]), place }
    }

    /// The value as JSON on one line, with its numbers as they were written.
    pub(in crate::rule) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(text) => out.push_str(text),
            Value::String(text) => write_string(text, out),
            Value::Array(nodes) => {
                out.push('[');
                for (number, node) in nodes.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { "," });
                    node.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (number, member) in members.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { "," });
                    write_string(&member.key, out);
                    out.push(':');
                    member.node.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    // A string can always be written; it has no map with keys that are none.
    out.push_str(&to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written() {
        let text = r#"{"a":[1.50e3,-0,null,true,false,"x\"\n\u0001é"],"a":{},"":[]}"#;
        assert_eq!(Node::from_json(text).unwrap().to_json(), text);
        assert_eq!(
            Node::from_yaml("{a: [012, 1_0, 1.10, no, 'null']}").unwrap().to_json(),
            r#"{"a":["012","1_0",1.10,"no","null"]}"#
        );
    }
}
