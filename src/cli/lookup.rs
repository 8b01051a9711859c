//! Exports of `aws cloudtrail lookup-events`: records as strings in a document
//! of their own, `{"Events":[{"CloudTrailEvent":"{…}"}]}`.
//!
//! One event at a time is in memory.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::Read;

/// Whether a file begins as such an export does.
pub(super) fn is_export(start: &[u8]) -> bool {
    let mut rest = start;
    for token in ["{", "\"Events\"", ":"] {
        rest = rest.trim_ascii_start();
        let Some(behind) = rest.strip_prefix(token.as_bytes()) else { return false };
        rest = behind;
    }
    true
}

/// Gives each record of an export to `record`.
///
/// # Errors
/// Text that is no such export, by line and column, without a word of it; input
/// that cannot be read.
pub(super) fn read(input: impl Read, mut record: impl FnMut(&str)) -> Result<(), String> {
    let mut json = serde_json::Deserializer::from_reader(input);
    let seed = At { level: Level::Export, record: &mut record };
    seed.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| {
        if error.is_io() {
            return error.to_string();
        }
        // The message itself may quote what the file holds.
        let what = if error.is_eof() { "truncated" } else { "malformed" };
        format!("{what} export of lookup-events at line {}, column {}", error.line(), error.column())
    })
}

#[derive(Clone, Copy)]
enum Level {
    /// The document.
    Export,
    /// Its list of events.
    Events,
    /// One of them.
    Event,
    /// The record in it.
    Record,
}

/// Reads what is at a level, on the way to records.
struct At<'a, F> {
    level: Level,
    record: &'a mut F,
}

impl<'de, F: FnMut(&str)> DeserializeSeed<'de> for At<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.level {
            Level::Export | Level::Event => deserializer.deserialize_map(self),
            Level::Events => deserializer.deserialize_seq(self),
            Level::Record => deserializer.deserialize_str(self),
        }
    }
}

impl<'de, F: FnMut(&str)> Visitor<'de> for At<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an export of lookup-events")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (wanted, level) = match self.level {
            Level::Export => ("Events", Level::Events),
            _ => ("CloudTrailEvent", Level::Record),
        };
        while let Some(key) = map.next_key::<String>()? {
            if key == wanted {
                map.next_value_seed(At { level, record: &mut *self.record })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<(), A::Error> {
        while events.next_element_seed(At { level: Level::Event, record: &mut *self.record })?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.record)(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_of_their_strings() {
        let export = r#" { "Events" : [
            {"EventId": "1", "CloudTrailEvent": "{\"eventName\":\"A\"}", "Resources": [{}]},
            {"EventId": "2"}, {"CloudTrailEvent": "{\"eventName\":\"\u00e9\"}"}], "NextToken": "x" } "#;
        assert!(is_export(export.as_bytes()));
        let mut records = Vec::new();
        read(export.as_bytes(), |record| records.push(record.to_owned())).unwrap();
        assert_eq!(records, [r#"{"eventName":"A"}"#, r#"{"eventName":"é"}"#]);
        for other in ["", "{", "{}", r#"{"Records":[]}"#, r#"["Events"]"#, r#"{"Events"}"#] {
            assert!(!is_export(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_a_word_of_it() {
        let export = r#"{"Events":[{"CloudTrailEvent":"{}"},"#;
        for (end, expected) in [
            ("", "truncated export of lookup-events at line 1, column 36"),
            ("\"secret\"]}", "malformed export of lookup-events at line 1, column 44"),
            ("{\"CloudTrailEvent\":5}]}", "malformed export of lookup-events at line 1, column "),
            ("{}]} x", "malformed export of lookup-events at line 1, column "),
        ] {
            let mut records = 0;
            let error = read(format!("{export}{end}").as_bytes(), |_| records += 1).unwrap_err();
            assert!(error.starts_with(expected), "{end}: {error}");
            assert_eq!(records, 1, "what came before is kept");
        }
    }
}
