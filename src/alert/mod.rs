//! Alerts: what is said about a match, to people and to programs.
//!
//! In: a match, its rule, and where the record lies. Out: an [`Alert`] with
//! subject, body, attributes and an id that is the same on every retry. The
//! record is parsed by simd-json; where that refuses it, the alert is written
//! from the fields that can be picked, and says so.

mod escape;
mod facts;
mod text;

use crate::pipeline::Match;
use crate::rule::{Format, Rule};
use escape::{attribute, push_json_string, push_record};
use facts::{Fact, FactReader, Facts};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};

/// Longest subject, in bytes (SNS: fewer than 100 characters).
pub const MAX_SUBJECT: usize = 99;

/// A name or a reason on one line, with all that could mislead a reader or a
/// terminal as `\uXXXX`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|character| escape::push_plain(&mut out, character));
    out
}

/// Where an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The bucket; `None` for a local file.
    pub bucket: Option<&'a str>,
    /// The key, or the path of a local file.
    pub key: &'a str,
    /// When the object was stored (RFC 3339), where that is known: how late an
    /// alert is counts from the event to then.
    pub stored: Option<&'a str>,
}

/// What is published about one match of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Identifies record and rule.
    pub id: AlertId,
    /// Printable ASCII, 1 to [`MAX_SUBJECT`] bytes.
    pub subject: String,
    /// The message, in the format asked for.
    pub body: String,
    /// Message attributes for filter policies, all strings, none empty.
    pub attributes: Vec<(&'static str, String)>,
}

/// 128 bits of a hash, as 32 hexadecimal digits: of rule id, event id, event
/// time and recipient account; of rule id, bucket, key and record number where
/// the record has no event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlertId([u8; 16]);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl AlertId {
    fn new(rule: &Rule, matched: &MatchedRecord, origin: &Origin<'_>) -> Self {
        let facts = &matched.facts;
        let number = matched.number.to_string();
        let parts = match facts.event_id() {
            Some(id) => {
                let [time, account] =
                    [Fact::EventTime, Fact::RecipientAccount].map(|fact| facts.get(fact).unwrap_or(""));
                ["event", &rule.id, id, time, account]
            }
            None => ["record", &rule.id, origin.bucket.unwrap_or(""), origin.key, &number],
        };
        let mut hash = Sha256::new();
        for part in parts {
            // With their lengths, so that no two lists of parts hash alike.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        Self(id)
    }
}

/// What parsers make of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Ordinary,
    /// It is JSON, with a number or a surrogate that simd-json refuses.
    Unusual,
    /// It is no JSON, in a part that no rule looked at.
    Malformed,
}

impl Condition {
    fn note(self) -> Option<&'static str> {
        match self {
            Self::Ordinary => None,
            Self::Unusual => Some("the record holds a value that common JSON parsers refuse"),
            Self::Malformed => Some("the record is not valid JSON in parts that no rule looked at"),
        }
    }
}

/// Reads matched records, from which alerts are written; holds what that takes,
/// for any number of them: with a record of nothing but digits and commas, some
/// 20 times its size.
pub struct AlertReader {
    facts: FactReader,
}

impl AlertReader {
    /// Empty scratch space.
    #[must_use]
    pub fn new() -> Self {
        Self { facts: FactReader::new() }
    }

    /// Reads a matched record, once for all rules that match it.
    pub fn read(&mut self, found: &Match<'_>) -> MatchedRecord {
        let facts = self.facts.read(found.record);
        let record = String::from_utf8_lossy(found.record).into_owned();
        let condition = match facts.parsed {
            true => Condition::Ordinary,
            // serde_json takes numbers and surrogates as text, as they are.
            false if serde_json::from_str::<&RawValue>(&record).is_ok() => Condition::Unusual,
            false => Condition::Malformed,
        };
        MatchedRecord { record, number: found.number, offset: found.offset, facts, condition }
    }
}

impl Default for AlertReader {
    fn default() -> Self {
        Self::new()
    }
}

/// A matched record, copied and read: what alerts are written from.
pub struct MatchedRecord {
    record: String,
    number: u64,
    offset: u64,
    facts: Facts,
    condition: Condition,
}

impl MatchedRecord {
    /// Writes the alert that `rule` gives for this record.
    #[must_use]
    pub fn alert(&self, format: Format, rule: &Rule, origin: &Origin<'_>) -> Alert {
        let id = AlertId::new(rule, self, origin);
        let body = match format {
            Format::Text => text::body(self, rule, &id, origin),
            Format::Json => json_body(self, rule, &id, origin),
        };
        Alert { id, subject: text::subject(rule, &self.facts), body, attributes: attributes(rule, &self.facts, &id) }
    }
}

/// One JSON object on one line.
fn json_body(matched: &MatchedRecord, rule: &Rule, id: &AlertId, origin: &Origin<'_>) -> String {
    let MatchedRecord { record, number, offset, facts, condition } = matched;
    let mut out = String::with_capacity(record.len() + 512);
    let mut member = |key: &str, value: &str| {
        out.push(if out.is_empty() { '{' } else { ',' });
        push_json_string(&mut out, key);
        out.push(':');
        push_json_string(&mut out, value);
    };
    member("rule", &rule.id);
    member("description", &rule.description);
    member("severity", rule.severity.name());
    member("summary", &text::summary(facts));
    member("alertId", &id.to_string());
    out.push_str(",\"source\":{\"bucket\":");
    match origin.bucket {
        Some(bucket) => push_json_string(&mut out, bucket),
        None => out.push_str("null"),
    }
    out.push_str(",\"key\":");
    push_json_string(&mut out, origin.key);
    // Writing to a string cannot fail.
    let _ = write!(out, ",\"record\":{number},\"offset\":{offset}}}");
    if let Some(note) = condition.note() {
        out.push_str(",\"note\":");
        push_json_string(&mut out, note);
    }
    out.push_str(",\"record\":");
    match condition {
        Condition::Ordinary | Condition::Unusual => push_record(&mut out, record, true),
        Condition::Malformed => push_json_string(&mut out, record),
    }
    out.push('}');
    out
}

fn attributes(rule: &Rule, facts: &Facts, id: &AlertId) -> Vec<(&'static str, String)> {
    [
        ("rule", Some(&rule.id[..])),
        ("severity", Some(rule.severity.name())),
        ("eventSource", facts.event_source()),
        ("eventName", facts.event_name()),
        ("awsRegion", facts.get(Fact::Region)),
        ("accountId", facts.account()),
        ("alertId", Some(&id.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, attribute(value?))))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Pattern, Severity};
    use serde_json::Value;

    const RECORD: &str = r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/alice","userName":"alice"},"eventTime":"2026-10-14T09:03:11Z","eventSource":"sns.amazonaws.com","eventName":"CreateTopic","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.7","userAgent":"aws-cli/2","errorCode":"AuthorizationError","errorMessage":"no\nway","requestParameters":{"name":"t"},"responseElements":null,"eventID":"11111111-2222-3333-4444-555555555555","recipientAccountId":"123456789012","resources":[{"ARN":"arn:aws:sns:eu-west-1:123456789012:t"}]}"#;

    fn rule() -> Rule {
        let mut rule = Rule::new("sns-topic-created", Pattern::any());
        rule.description = "Somebody created a topic".into();
        rule.severity = Severity::High;
        rule
    }

    fn origin() -> Origin<'static> {
        Origin { bucket: Some("b"), key: "AWSLogs/k.json.gz", stored: Some("2026-10-14T09:09:41.5Z") }
    }

    fn alert(format: Format, record: &str, origin: &Origin<'_>) -> Alert {
        let found = Match { record: record.as_bytes(), number: 7, offset: 1234, rules: &[0] };
        AlertReader::new().read(&found).alert(format, &rule(), origin)
    }

    #[test]
    fn text_says_all_there_is_to_know() {
        let alert = alert(Format::Text, RECORD, &origin());
        assert_eq!(alert.subject, "[HIGH] sns-topic-created: CreateTopic by alice (123456789012 eu-west-1)");
        for part in [
            "Somebody created a topic",
            "CreateTopic (sns.amazonaws.com)",
            "failed: AuthorizationError, no\\u000away",
            "alice (IAMUser, arn:aws:iam::123456789012:user/alice)",
            "192.0.2.7, aws-cli/2",
            "123456789012, eu-west-1",
            "2026-10-14T09:03:11Z, logged 6 min 30 s later",
            "arn:aws:sns:eu-west-1:123456789012:t",
            "https://eu-west-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-west-1#/events/11111111-2222-3333-4444-555555555555",
            "s3://b/AWSLogs/k.json.gz, record 7",
            RECORD,
        ] {
            assert!(alert.body.contains(part), "{part}\n---\n{}", alert.body);
        }
    }

    #[test]
    fn json_is_one_line_with_the_record_as_it_was() {
        let pretty = RECORD.replace(",\"eventID\"", ",\r\n  \"eventID\"");
        let alert = alert(Format::Json, &pretty, &origin());
        assert!(!alert.body.contains(['\n', '\r']));
        let body: Value = serde_json::from_str(&alert.body).unwrap();
        assert_eq!(body["rule"], "sns-topic-created");
        assert_eq!(body["severity"], "high");
        assert_eq!(body["alertId"], alert.id.to_string());
        assert_eq!(body["source"]["bucket"], "b");
        assert_eq!((&body["source"]["record"], &body["source"]["offset"]), (&7.into(), &1234.into()));
        assert_eq!(body["record"], serde_json::from_str::<Value>(RECORD).unwrap());
        assert!(alert.body.contains(&pretty.replace(['\n', '\r'], " ")));
        assert!(body.get("note").is_none());
    }

    #[test]
    fn attributes_are_for_filter_policies() {
        let alert = alert(Format::Json, RECORD, &origin());
        let expected = [
            ("rule", "sns-topic-created"),
            ("severity", "high"),
            ("eventSource", "sns.amazonaws.com"),
            ("eventName", "CreateTopic"),
            ("awsRegion", "eu-west-1"),
            ("accountId", "123456789012"),
            ("alertId", &alert.id.to_string()),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        assert_eq!(alert.attributes, expected);
    }

    #[test]
    fn the_id_follows_the_event_and_not_the_file() {
        let elsewhere = Origin { key: "other", ..origin() };
        let id = alert(Format::Text, RECORD, &origin()).id;
        assert_eq!(alert(Format::Json, RECORD, &elsewhere).id, id);
        assert_ne!(alert(Format::Text, &RECORD.replace("5555", "6666"), &origin()).id, id);
        assert_ne!(alert(Format::Text, &RECORD.replace("09:03:11", "09:03:12"), &origin()).id, id);
        let anonymous = RECORD.replace("eventID", "noID");
        let id = alert(Format::Text, &anonymous, &origin()).id;
        assert_eq!(alert(Format::Text, &anonymous, &origin()).id, id);
        assert_ne!(alert(Format::Text, &anonymous, &elsewhere).id, id);
    }

    #[test]
    fn a_record_that_simd_json_refuses_still_gives_an_alert_that_says_so() {
        for (odd, is_json) in [("1e400", true), ("\"\\ud800\"", true), ("tru", false), ("\"a\u{1}\"", false)] {
            let record = RECORD.replace("\"eventVersion\":\"1.08\"", &format!("\"eventVersion\":{odd}"));
            let alert = alert(Format::Json, &record, &origin());
            assert!(alert.subject.contains("CreateTopic by alice"), "{odd}: {}", alert.subject);
            let raw: &RawValue = serde_json::from_str(&alert.body).unwrap();
            assert!(raw.get().contains("\"note\":"), "{odd}");
            assert_eq!(raw.get().contains(&record), is_json, "{odd}");
        }
    }

    #[test]
    fn nothing_in_a_record_can_forge_a_line_or_break_the_subject() {
        let hostile =
            RECORD.replace("alice", "a\\n[LOW] b\\u202e\\ud83d\\ude00\\u0000").replace("eu-west-1", "x/../y?z#");
        let alert = alert(Format::Text, &hostile, &origin());
        assert!(alert.subject.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{}", alert.subject);
        assert!(!alert.body.contains("\n[LOW]") && !alert.body.contains('\u{202e}'));
        assert!(!alert.body.contains("https://"), "a host name is never made of a record's text");
        let forged = RECORD.replace("\"t\"}", "\"t\n[CRITICAL] forged: by root\n\"}");
        assert!(!self::alert(Format::Text, &forged, &origin()).body.contains("\n[CRITICAL]"));
        let long = RECORD.replace("alice", &"x".repeat(5000));
        assert_eq!(self::alert(Format::Text, &long, &origin()).subject.len(), MAX_SUBJECT);
    }

    #[test]
    fn records_without_the_usual_fields_give_alerts_too() {
        for record in ["{}", r#"{"userIdentity":{"type":"Root"}}"#, r#"{"eventName":5}"#] {
            for format in [Format::Text, Format::Json] {
                let alert = alert(format, record, &Origin { bucket: None, key: "f", stored: None });
                assert!(!alert.subject.is_empty() && alert.body.contains(record));
                assert!(alert.attributes.iter().all(|(_, value)| !value.is_empty()));
            }
        }
    }
}
