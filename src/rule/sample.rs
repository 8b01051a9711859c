//! One record by itself, held against rules: for the tests in rule files and
//! for the commands that show what a rule does.
//!
//! It goes through the same scan, fields and matcher as a record of a log file,
//! so what is shown here is what happens there. Only the text is looked at more
//! strictly: all of it must be JSON, since somebody wrote it by hand.

use super::node::Node;
use super::{Matcher, Pattern, Place, Rule, RuleError, RuleSet};
use crate::Error;
use crate::buffer::Buffer;
use crate::records::Record;

/// A record, ready to be matched any number of times.
pub struct Sample {
    buffer: Buffer,
    length: usize,
}

impl Sample {
    /// Reads a record from its JSON.
    ///
    /// # Errors
    /// Text that is not one JSON object.
    pub fn from_json(text: &str) -> Result<Self, RuleError> {
        let value: &serde_json::value::RawValue =
            serde_json::from_str(text).map_err(|error| super::node::invalid(&error))?;
        if value.get().starts_with('{') {
            Ok(Self::new(value.get()))
        } else {
            Err(Place { line: 1, column: 1 }.error("an event must be a JSON object"))
        }
    }

    /// A record that is part of a rule file.
    pub(super) fn from_node(node: &Node) -> Result<Self, RuleError> {
        node.object("event")?;
        Ok(Self::new(&node.to_json()))
    }

    fn new(object: &str) -> Self {
        Self { buffer: Buffer::holding(object.as_bytes()), length: object.len() }
    }

    /// The rules that match, by index, in order.
    ///
    /// # Errors
    /// What fails the object of a log file that holds such a record.
    pub fn matching(&self, rules: &RuleSet) -> Result<Vec<u32>, Error> {
        let mut matcher = Matcher::new();
        matcher.reset(rules);
        self.ask(rules, &mut matcher).map(<[u32]>::to_vec)
    }

    /// As [`matching`](Self::matching), with a matcher that is ready for `rules`.
    pub(super) fn ask<'a>(&self, rules: &RuleSet, matcher: &'a mut Matcher) -> Result<&'a [u32], Error> {
        let record = Record { start: 0, end: self.length, offset: 0, number: 1 };
        matcher.run(rules, &self.buffer.window(), record)
    }

    /// Whether a pattern matches.
    ///
    /// # Errors
    /// As [`matching`](Self::matching).
    pub fn matches(&self, pattern: &Pattern) -> Result<bool, Error> {
        let rules = RuleSet::new(vec![Rule::new("sample", pattern.clone())]);
        self.matching(&rules).map(|rules| !rules.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_matched_as_often_as_wanted() {
        let sample = Sample::from_json(" {\"a\": [1, {\"b\": \"\\u0078\"}]}\n").unwrap();
        for (pattern, matches) in [(r#"{"a":[1]}"#, true), (r#"{"a":{"b":["x"]}}"#, true), (r#"{"a":[2]}"#, false)] {
            assert_eq!(sample.matches(&Pattern::from_json(pattern).unwrap()), Ok(matches), "{pattern}");
        }
    }

    #[test]
    fn a_sample_is_one_whole_object() {
        for (text, reason) in [
            ("", "line 1, column 1: invalid JSON: EOF"),
            ("[1]", "line 1, column 1: an event must be a JSON object"),
            ("{\"a\":\n01}", "line 2, column 2: invalid JSON: "),
            ("{} x", "line 1, column 4: invalid JSON: trailing characters"),
        ] {
            let error = Sample::from_json(text).err().unwrap().to_string();
            assert!(error.starts_with(reason), "{text:?}: {error}");
        }
    }
}
