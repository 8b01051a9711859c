//! A record without some of its members.

use super::escape::push_json_string;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Writes the JSON object `record` without the members that have one of these
/// names; values stay as they are written, and so do keys that come twice.
/// `None` where it is no object.
pub(super) fn without(record: &str, names: &[&str]) -> Option<String> {
    let mut parser = serde_json::Deserializer::from_str(record);
    parser.deserialize_map(Members { names }).ok()
}

struct Members<'n> {
    names: &'n [&'n str],
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
        let mut out = String::from("{");
        while let Some((key, value)) = map.next_entry::<Cow<'de, str>, &RawValue>()? {
            if self.names.contains(&&key[..]) {
                continue;
            }
            if out.len() > 1 {
                out.push(',');
            }
            push_json_string(&mut out, &key);
            out.push(':');
            out.push_str(value.get());
        }
        out.push('}');
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_repeated_keys_stay_as_they_are() {
        let record = r#" { "a" : 1e400 , "big":{"x":[1]}, "b\u0069g": 2, "c\n":"\u0041", "a" :{ } }"#;
        assert_eq!(without(record, &["big"]).unwrap(), r#"{"a":1e400,"c\n":"\u0041","a":{ }}"#);
        assert_eq!(without("{}", &["big"]).unwrap(), "{}");
        for other in ["[1]", "", "{\"a\":tru}", "{"] {
            assert_eq!(without(other, &[]), None, "{other}");
        }
    }
}
