//! Alerts: any record that matches gives, in every format and on every rung, a message that SNS accepts, within its
//! size; as JSON it holds the record as it was.

use super::common::any;
use super::entry::{Attribute, Entry};
use std::ops::ControlFlow;
use trailwire::alert::{AlertReader, Origin, Rung};
use trailwire::rule::{Format, Rule};
use trailwire::{Layout, Limits, Match, Pipeline};

/// Small enough that alerts have to step down.
const TOPIC_BYTES: usize = 3_000;

pub(crate) fn check(data: &[u8]) {
    let object = [b"[", data, b"]"].concat();
    let mut pipeline = Pipeline::new(any(), &Limits::default(), Layout::Files);
    let mut reader = AlertReader::new();
    let mut sink = |found: &Match<'_>| {
        matched(&mut reader, found);
        ControlFlow::Continue(())
    };
    if pipeline.feed(&object, &mut sink).0.is_ok() {
        let _ = pipeline.finish(&mut sink);
    }
}

fn matched(reader: &mut AlertReader, found: &Match<'_>) {
    let rule = Rule::from_pattern("rule", r#"{"a":["x"]}"#).unwrap();
    let origin = Origin { bucket: Some("bucket"), key: "a key\u{1}\u{202e}.json.gz", stored: None };
    let record = reader.read(found);
    for format in [Format::Text, Format::Json, Format::Both] {
        for rung in [Rung::Full, Rung::Pruned, Rung::Pointer] {
            let (_, alert) = record.fit(rung, TOPIC_BYTES, format, &rule, &origin);
            let attribute = |(name, value): &(&str, String)| Attribute {
                name: (*name).to_owned(),
                data_type: "String".to_owned(),
                value: value.clone(),
            };
            let entry = Entry {
                id: "0".to_owned(),
                message: alert.body.clone(),
                subject: Some(alert.subject.clone()),
                structure: alert.structured.then(|| "json".to_owned()),
                attributes: alert.attributes.iter().map(attribute).collect(),
                ..Entry::default()
            };
            assert_eq!(entry.check(false), Ok(()), "{format:?} {rung:?}: {}", alert.body);
            assert!(entry.size() <= TOPIC_BYTES && alert.attributes.len() <= 10, "{format:?} {rung:?}");
            assert_eq!(entry.size(), alert.bytes(), "{format:?} {rung:?}");
        }
    }
    let body = record.alert(Format::Json, &rule, &origin).body;
    let record = serde_json::from_slice::<serde_json::Value>(found.record);
    match serde_json::from_str::<serde_json::Value>(&body) {
        // As a string where it is no JSON, and said so.
        Ok(parsed) => match record {
            Ok(record) => assert_eq!(parsed["record"], record),
            Err(_) => assert!(!parsed["note"].is_null(), "{body}"),
        },
        // What CloudTrail wrote is passed on as it is, also where parsers differ: a lone surrogate, 1e400.
        Err(_) => assert!(record.is_err(), "{body}"),
    }
}
