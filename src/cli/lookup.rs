//! Exports of `aws cloudtrail lookup-events`: records as strings in a document
//! of their own, `{"Events":[{"CloudTrailEvent":"{…}"}]}`.
//!
//! One event at a time is in memory, and no larger one than is allowed.

use crate::inflate::Inflater;
use crate::records::RECORD_KEYS;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

/// Whether a file begins as such an export does, in any of the shapes that the
/// AWS CLI writes: events in a document, in a list, or by themselves.
pub(super) fn is_export(start: &[u8]) -> bool {
    // In an export the quotes of a record's own keys are escaped.
    let find = |text: &[u8], key: &str| memchr::memmem::find(text, key.as_bytes());
    let begins = start.trim_ascii_start().first().is_some_and(|first| b"{[".contains(first));
    let event = find(start, "\"CloudTrailEvent\"").or_else(|| find(start, "\"Events\""));
    begins && event.is_some_and(|event| LOG_KEYS.iter().all(|key| find(&start[..event], key).is_none()))
}

/// Keys of log files and of records, whatever their order.
const LOG_KEYS: [&str; 8] = [
    "\"Records\"",
    "\"additionalEventData\"",
    "\"awsRegion\"",
    "\"eventName\"",
    "\"eventSource\"",
    "\"eventTime\"",
    "\"eventVersion\"",
    "\"userIdentity\"",
];

/// The beginning of a file that may be gzipped, as [`is_export`] needs it.
pub(super) fn beginning(stored: &[u8]) -> Vec<u8> {
    let mut start = vec![0; BEGINNING];
    // What is damaged is told when all of it is read.
    let (_, _, given) = Inflater::new().inflate(stored, &mut start);
    start.truncate(given);
    start
}

/// What tells what a file is, in decompressed bytes: a first event, or a record
/// up to its version, is shorter.
const BEGINNING: usize = 16 << 10;

/// A file that may be gzipped, as it was before.
pub(super) struct Inflated<R> {
    stored: R,
    inflater: Inflater,
}

impl<R: BufRead> Inflated<R> {
    pub(super) fn new(stored: R) -> Self {
        Self { stored, inflater: Inflater::new() }
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let held = self.stored.fill_buf()?;
            if held.is_empty() {
                return self.inflater.finish().map(|()| 0).map_err(|error| io::Error::other(error.to_string()));
            }
            let (result, taken, given) = self.inflater.inflate(held, out);
            self.stored.consume(taken);
            match result {
                _ if given > 0 || out.is_empty() => return Ok(given),
                Ok(_) => {}
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
    }
}

/// Gives each record of an export, or of several, one behind the other, to
/// `record`, as long as that asks for more.
///
/// # Errors
/// Text that is no such export, by line and column, without a word of it; an
/// event of more than `max_event_bytes`; input that cannot be read.
pub(super) fn read(
    mut input: impl BufRead,
    max_event_bytes: usize,
    mut record: impl FnMut(&str) -> bool,
) -> Result<(), String> {
    let (mut line, mut more) = (0, true);
    let taken = Cell::new(0);
    loop {
        let space = loop {
            let held = input.fill_buf().map_err(|error| error.to_string())?;
            let space = held.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            line += held[..space].iter().filter(|&&byte| byte == b'\n').count();
            if space < held.len() || held.is_empty() {
                break (space, held.is_empty());
            }
            input.consume(space);
        };
        input.consume(space.0);
        if space.1 || !more {
            return Ok(());
        }
        let bounded = Bounded { input: &mut input, taken: &taken, max: max_event_bytes };
        let mut json = serde_json::Deserializer::from_reader(bounded);
        let result = At { record: &mut record, more: &mut more, taken: &taken }.deserialize(&mut json);
        if !more {
            return Ok(());
        }
        result.map_err(|error| {
            let place = format!("at line {}, column {}", line + error.line(), error.column());
            if error.is_io() {
                return format!("export of lookup-events {place}: {}", io::Error::from(error));
            }
            // The message itself may quote what the file holds.
            let what = if error.is_eof() { "truncated" } else { "malformed" };
            let advice = if error.is_data() { " (give what else it holds by itself)" } else { "" };
            format!("{what} export of lookup-events {place}{advice}")
        })?;
    }
}

/// Input of which an event has so many bytes at most: a string is in memory whole.
struct Bounded<'a, R> {
    input: R,
    /// Bytes since the event began.
    taken: &'a Cell<usize>,
    max: usize,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(out)?;
        self.taken.set(self.taken.get() + n);
        if self.taken.get() <= self.max {
            return Ok(n);
        }
        Err(io::Error::other(format!("an event is larger than {} bytes (raise --max-record-bytes)", self.max)))
    }
}

/// Reads a value on the way to records.
struct At<'a, F> {
    record: &'a mut F,
    /// Whether more records are wanted.
    more: &'a mut bool,
    taken: &'a Cell<usize>,
}

impl<F> At<'_, F> {
    fn again(&mut self) -> At<'_, F> {
        At { record: self.record, more: self.more, taken: self.taken }
    }
}

impl<'de, F: FnMut(&str) -> bool> DeserializeSeed<'de> for At<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.taken.set(0);
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&str) -> bool> Visitor<'de> for At<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an export of lookup-events")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "Events" || key == "CloudTrailEvent" {
                map.next_value_seed(self.again())?;
            } else if key == "Records" || RECORD_KEYS.contains(&key.as_bytes()) {
                // A log file, or a record of one, would be skipped without a word.
                return Err(Error::custom("records beside events"));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut events: A) -> Result<(), A::Error> {
        while events.next_element_seed(self.again())?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        *self.more = (self.record)(text);
        if *self.more { Ok(()) } else { Err(E::custom("no more is wanted")) }
    }

    /// An event without its record.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(export: &str) -> (Vec<String>, Result<(), String>) {
        let mut records = Vec::new();
        let result = read(export.as_bytes(), 1_000, |record| {
            records.push(record.to_owned());
            true
        });
        (records, result)
    }

    #[test]
    fn records_come_out_of_their_strings() {
        let events = r#"{"EventId": "1", "CloudTrailEvent": "{\"eventName\":\"A\"}", "Resources": [{}]},
            {"EventId": "2"}, {"CloudTrailEvent": null}, {"CloudTrailEvent": "{\"eventName\":\"\u00e9\"}"}"#;
        for export in [
            format!(r#" {{ "Events" : [{events}], "NextToken": "x" }} "#),
            format!(r#"{{"NextToken": "x", "Events": [{events}]}}"#),
            format!("[{events}]"),
            events.replace("},", "}\n"),
            format!(r#"{{"Events":[]}}{{"Events":[{events}]}}"#),
        ] {
            assert!(is_export(export.as_bytes()), "{export}");
            let expected = [r#"{"eventName":"A"}"#, r#"{"eventName":"é"}"#].map(str::to_owned);
            assert_eq!(records(&export), (expected.to_vec(), Ok(())), "{export}");
        }
        assert!(is_export(br#"{"Events": []}"#));
        for other in [
            "",
            "{",
            "{}",
            r#"{"Records":[]}"#,
            r#""Events""#,
            r#"{"eventVersion":"1","x":{"CloudTrailEvent":1}}"#,
            r#"{"Records":[{"eventVersion":"1","requestParameters":{"Events":[]}}]}"#,
            r#"{"additionalEventData":{"CloudTrailEvent":"{}"},"eventVersion":"1"}"#,
            r#"{"Records":[{"x":{"Events":[]},"eventVersion":"1"}]}"#,
        ] {
            assert!(!is_export(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_a_word_of_it() {
        let export = "\n{\"Events\":[{\"CloudTrailEvent\":\"{}\"},";
        for (end, expected) in [
            ("", "truncated export of lookup-events at line 2, column 36"),
            ("\"secret\",:]}", "malformed export of lookup-events at line 2, column "),
            ("{\"CloudTrailEvent\":5}]}", "malformed export of lookup-events at line 2, column "),
            ("{}]}\nx", "malformed export of lookup-events at line 3, column "),
            // What would be read by nobody.
            ("{}],\"Records\":[{}]}", "malformed export of lookup-events at line 2, column "),
            ("{}]}\n{\"Records\":[{}]}", "malformed export of lookup-events at line 3, column "),
            ("{}]}\n{\"eventVersion\":\"1.11\"}", "malformed export of lookup-events at line 3, column "),
        ] {
            let (records, result) = records(&format!("{export}{end}"));
            let error = result.unwrap_err();
            assert!(error.starts_with(expected) && !error.contains("secret"), "{end}: {error}");
            assert_eq!(records[0], "{}", "what came before is kept");
        }
    }

    #[test]
    fn an_event_is_not_larger_than_is_allowed() {
        let event = |bytes: usize| format!(r#"{{"Username":"{}","CloudTrailEvent":"{{}}"}}"#, "x".repeat(bytes));
        let (found, result) = records(&format!("[{}]", [event(900), event(900), event(1_100), event(1)].join(",")));
        assert_eq!(found.len(), 2);
        let said = "export of lookup-events at line 1, column 2880: an event is larger than 1000 bytes (raise --max-record-bytes)";
        assert_eq!(result.unwrap_err(), said);
    }

    #[test]
    fn exports_may_be_gzipped() {
        let event = r#"{"CloudTrailEvent":"{}"}"#;
        let export = format!("{{\"Events\":[{}]}}", vec![event; 20_000].join(","));
        let stored = crate::testing::gzip(export.as_bytes());
        for file in [&stored[..], export.as_bytes()] {
            assert!(is_export(&beginning(file)));
            let mut records = 0;
            let count = |_: &str| {
                records += 1;
                true
            };
            read(io::BufReader::new(Inflated::new(file)), 1_000, count).unwrap();
            assert_eq!(records, 20_000);
        }
        let cut = Inflated::new(&stored[..stored.len() - 5]);
        let error = read(io::BufReader::new(cut), 1_000, |_| true).unwrap_err();
        assert!(error.contains("truncated: the object ends inside a gzip member"), "{error}");
    }

    #[test]
    fn nothing_is_read_that_is_not_wanted() {
        let mut records = 0;
        let export = r#"{"Events":[{"CloudTrailEvent":"1"},{"CloudTrailEvent":"2"},oops"#;
        let result = read(export.as_bytes(), 1_000, |_| {
            records += 1;
            records < 2
        });
        assert_eq!((records, result), (2, Ok(())));
    }
}
