//! Alerts: what is said about a match, to people and to programs.
//!
//! In: a match, its rule, and where the record lies. Out: an [`Alert`] with
//! subject, body, attributes and an id that is the same on every retry. The
//! record is parsed by simd-json; where that refuses it, the alert is written
//! from the fields that can be picked, and says so. An alert that is too large
//! for its topic steps down a ladder ([`Rung`]) until it is not; many matches of
//! one rule become a [`Summary`].

mod escape;
mod facts;
mod json;
mod prune;
mod summary;
mod text;

pub use facts::{FactReader, Facts};
pub use summary::Summary;

use crate::pipeline::Match;
use crate::rule::{Format, Rule};
use escape::attribute;
use facts::Fact;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fmt;

/// Longest subject, in bytes (SNS: fewer than 100 characters).
pub const MAX_SUBJECT: usize = 99;

/// The smallest maximum size that a topic can have, in bytes (SNS); the lowest
/// [`Rung`] always fits it.
pub const MIN_TOPIC_BYTES: usize = 1_024;

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

impl Origin<'_> {
    /// The object as a URI, or the path.
    fn name(&self) -> Cow<'_, str> {
        match self.bucket {
            Some(bucket) => Cow::Owned(format!("s3://{bucket}/{}", self.key)),
            None => Cow::Borrowed(self.key),
        }
    }
}

/// How much of its record an alert holds, most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// All of it.
    Full,
    /// All but `requestParameters` and `responseElements`.
    Pruned,
    /// Nothing but where it is.
    Pointer,
}

impl Rung {
    /// The one below.
    #[must_use]
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::Full => Some(Self::Pruned),
            Self::Pruned => Some(Self::Pointer),
            Self::Pointer => None,
        }
    }
}

/// What is published about one match of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Identifies record and rule.
    pub id: AlertId,
    /// What two alerts share only if they say the same: see
    /// [`MatchedRecord::sameness`].
    pub sameness: AlertId,
    /// The rule's id.
    pub rule: String,
    /// Printable ASCII, 1 to [`MAX_SUBJECT`] bytes.
    pub subject: String,
    /// The message, in the format asked for.
    pub body: String,
    /// Whether the body is a JSON object with a message for each protocol
    /// (`MessageStructure: json`).
    pub structured: bool,
    /// Message attributes for filter policies, all strings, none empty; none
    /// where the body is structured, since SNS would not pass them on.
    pub attributes: Vec<(&'static str, String)>,
}

impl Alert {
    fn new(
        body: String,
        format: Format,
        rule: &Rule,
        (id, sameness): (AlertId, AlertId),
        summary: &str,
        attributes: Vec<(&'static str, String)>,
    ) -> Self {
        let structured = format == Format::Both;
        Self {
            id,
            sameness,
            rule: rule.id.clone(),
            subject: text::subject(rule, summary),
            body,
            structured,
            // SNS passes attributes on beside plain messages only.
            attributes: if structured { Vec::new() } else { attributes },
        }
    }

    /// Bytes by which SNS measures a message: the body, and of each attribute
    /// name, type and value. The subject does not count.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.body.len() + attribute_bytes(&self.attributes)
    }
}

fn attribute_bytes(attributes: &[(&str, String)]) -> usize {
    attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len()).sum()
}

/// 128 bits of a hash, as 32 hexadecimal digits: of rule id, event id, event
/// time and recipient account; of rule id, bucket, key and record number where
/// the record has no event id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AlertId([u8; 16]);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl AlertId {
    fn of(parts: &[&str]) -> Self {
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
    /// What identifies this record's alert of a rule.
    #[must_use]
    pub fn id(&self, rule: &Rule, origin: &Origin<'_>) -> AlertId {
        match self.facts.event_id() {
            Some(id) => {
                let [time, account] =
                    [Fact::EventTime, Fact::RecipientAccount].map(|fact| self.facts.get(fact).unwrap_or(""));
                AlertId::of(&["event", &rule.id, id, time, account])
            }
            None => {
                let number = self.number.to_string();
                AlertId::of(&["record", &rule.id, origin.bucket.unwrap_or(""), origin.key, &number])
            }
        }
    }

    /// What two alerts share only if they say the same. An id made of a record's
    /// place is shared by another record where the object was replaced while it
    /// was read: there the record itself is taken in.
    #[must_use]
    pub fn sameness(&self, id: AlertId) -> AlertId {
        match self.facts.event_id() {
            Some(_) => id,
            None => AlertId::of(&["place", &id.to_string(), &self.record]),
        }
    }

    /// Who made the call, exactly: what storms are counted by.
    #[must_use]
    pub fn principal(&self) -> &str {
        let facts = [Fact::Arn, Fact::PrincipalId, Fact::InvokedBy, Fact::IdentityAccount, Fact::IdentityType];
        self.facts.first(&facts).unwrap_or("unknown")
    }

    /// Whether it is a call of `session` (the ARN of an assumed role's session)
    /// of the kinds that delivering alerts takes.
    #[must_use]
    pub fn is_own(&self, session: &str) -> bool {
        let call = (self.facts.get(Fact::EventSource), self.facts.get(Fact::EventName));
        self.facts.get(Fact::IdentityType) == Some("AssumedRole")
            && self.facts.get(Fact::Arn) == Some(session)
            && OWN_CALLS.iter().any(|&(source, name)| call == (Some(source), Some(name)))
    }

    /// Bytes this takes in memory, about: the record, and the values that were
    /// read of it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        2 * self.record.len() + 1_024
    }

    /// Writes the alert that `rule` gives for this record, however large.
    #[must_use]
    pub fn alert(&self, format: Format, rule: &Rule, origin: &Origin<'_>) -> Alert {
        self.fit(Rung::Full, usize::MAX, format, rule, origin).1
    }

    /// Writes the alert with the most in it, from `rung` down, that has at most
    /// `max_bytes` ([`MIN_TOPIC_BYTES`] at least), and says how much that is.
    #[must_use]
    pub fn fit(&self, rung: Rung, max_bytes: usize, format: Format, rule: &Rule, origin: &Origin<'_>) -> (Rung, Alert) {
        // What is too large by itself is not even written, which would take
        // memory for nothing.
        if let Some(excerpt) = self.excerpt(rung).filter(|excerpt| excerpt.record.len() <= max_bytes) {
            let alert = self.write(&excerpt, format, rule, origin);
            if alert.bytes() <= max_bytes {
                return (rung, alert);
            }
        }
        match rung.below() {
            Some(below) => self.fit(below, max_bytes, format, rule, origin),
            None => (rung, self.pointer(max_bytes, format, rule, origin)),
        }
    }

    /// What an alert on this rung shows of the record: nothing on the lowest,
    /// nor on the one above it where the record cannot be taken apart.
    fn excerpt(&self, rung: Rung) -> Option<Excerpt<'_>> {
        match rung {
            Rung::Full => Some(Excerpt { record: Cow::Borrowed(&self.record), note: self.condition.note() }),
            Rung::Pruned => {
                let record = prune::without(&self.record, &["requestParameters", "responseElements"])?;
                Some(Excerpt { record: Cow::Owned(record), note: Some(PRUNED) })
            }
            Rung::Pointer => None,
        }
    }

    fn write(&self, excerpt: &Excerpt<'_>, format: Format, rule: &Rule, origin: &Origin<'_>) -> Alert {
        let id = self.id(rule, origin);
        let body = match format {
            Format::Text => text::body(self, excerpt, rule, id, origin),
            Format::Json => json::body(self, excerpt, rule, id, origin),
            Format::Both => {
                let text = text::body(self, excerpt, rule, id, origin);
                json::structure(&json::body(self, excerpt, rule, id, origin), Some(&text))
            }
        };
        let ids = (id, self.sameness(id));
        Alert::new(body, format, rule, ids, &text::summary(&self.facts), attributes(rule, &self.facts, id))
    }

    fn pointer(&self, max_bytes: usize, format: Format, rule: &Rule, origin: &Origin<'_>) -> Alert {
        let id = self.id(rule, origin);
        let mut attributes = attributes(rule, &self.facts, id);
        attributes.retain(|(_, value)| value.len() <= MAX_POINTER_ATTRIBUTE);
        let room = max_bytes - attribute_bytes(&attributes);
        let body = match format {
            Format::Text => text::pointer(self, rule, id, origin, room),
            Format::Json => json::pointer(self, rule, id, origin, room),
            // In one form for all, whose quotes are escaped once more, which at
            // most doubles it.
            Format::Both => {
                let room = (max_bytes - json::STRUCTURE_BYTES) / 2;
                json::structure(&json::pointer(self, rule, id, origin, room), None)
            }
        };
        Alert::new(body, format, rule, (id, self.sameness(id)), &text::summary(&self.facts), attributes)
    }
}

/// What an alert shows of a record.
struct Excerpt<'a> {
    record: Cow<'a, str>,
    note: Option<&'static str>,
}

const PRUNED: &str =
    "requestParameters and responseElements are left out: the whole record is too large for the topic or was refused";
const POINTER: &str = "the record is left out: it is too large for the topic or was refused";

/// Longest value of an attribute beside a pointer, so that all of them leave
/// room for it in the smallest topic.
const MAX_POINTER_ATTRIBUTE: usize = 64;

/// What the function calls to do its work, and what trails may log of that.
const OWN_CALLS: [(&str, &str); 5] = [
    ("s3.amazonaws.com", "GetObject"),
    ("kms.amazonaws.com", "Decrypt"),
    ("kms.amazonaws.com", "GenerateDataKey"),
    ("sns.amazonaws.com", "Publish"),
    ("sns.amazonaws.com", "PublishBatch"),
];

fn attributes(rule: &Rule, facts: &Facts, id: AlertId) -> Vec<(&'static str, String)> {
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

    fn read(record: &str) -> MatchedRecord {
        AlertReader::new().read(&Match { record: record.as_bytes(), number: 7, offset: 1234, rules: &[0] })
    }

    #[test]
    fn both_forms_are_one_message_without_attributes() {
        let both = alert(Format::Both, RECORD, &origin());
        let parts: Value = serde_json::from_str(&both.body).unwrap();
        assert_eq!(parts["default"], alert(Format::Json, RECORD, &origin()).body);
        assert_eq!(parts["email"], alert(Format::Text, RECORD, &origin()).body);
        assert!(both.structured && both.attributes.is_empty());
        assert_eq!(both.bytes(), both.body.len());
    }

    #[test]
    fn a_large_alert_steps_down_until_it_fits() {
        let record = read(&RECORD.replace("\"name\":\"t\"", &format!("\"name\":\"{}\"", "t".repeat(9_000))));
        for format in [Format::Text, Format::Json, Format::Both] {
            let fit = |max| record.fit(Rung::Full, max, format, &rule(), &origin());
            let (rung, full) = fit(usize::MAX);
            assert_eq!((rung, fit(full.bytes())), (Rung::Full, (Rung::Full, full.clone())));
            let (rung, pruned) = fit(full.bytes() - 1);
            assert_eq!(rung, Rung::Pruned);
            assert!(pruned.body.contains("aws-cli/2") && pruned.body.contains("are left out"), "{}", pruned.body);
            assert!(!pruned.body.contains("ttt") && !pruned.body.contains("\"responseElements\\\":"));
            let (rung, pointer) = fit(pruned.bytes() - 1);
            assert_eq!(rung, Rung::Pointer);
            assert!(pointer.bytes() < pruned.bytes() && pointer.body.contains("AWSLogs/k.json.gz"));
            assert!(pointer.body.contains("55555") && pointer.body.contains(&pointer.id.to_string()));
            for alert in [&pruned, &pointer] {
                assert_eq!((alert.id, &alert.subject), (full.id, &full.subject), "what it is stays");
            }
        }
    }

    #[test]
    fn a_pointer_fits_the_smallest_topic_whatever_is_in_the_record() {
        let hostile = "\\u202e\\ud83d\\ude00\"\\".replace('"', "\\\"").repeat(500);
        let hostile = RECORD
            .replace("11111111-2222-3333-4444-555555555555", &hostile)
            .replace("sns.amazonaws.com", &hostile)
            .replace("CreateTopic", &hostile)
            .replace("123456789012", &hostile);
        let mut rule = rule();
        rule.id = "r".repeat(64);
        rule.description = "d".repeat(2_000);
        let key = "k\"\u{202e}".repeat(256);
        let bucket = "b".repeat(63);
        for record in [&hostile[..], RECORD, "{}", "{\"x\":tru}"] {
            for format in [Format::Text, Format::Json, Format::Both] {
                let origin = Origin { bucket: Some(&bucket), key: &key, stored: None };
                let (_, alert) = read(record).fit(Rung::Pointer, MIN_TOPIC_BYTES, format, &rule, &origin);
                assert!(alert.bytes() <= MIN_TOPIC_BYTES, "{format:?}: {}", alert.bytes());
                assert!(alert.body.contains(&"r".repeat(64)) && alert.body.contains(&alert.id.to_string()));
                if format != Format::Text {
                    assert!(serde_json::from_str::<Value>(&alert.body).is_ok(), "{}", alert.body);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_pruned_becomes_a_pointer() {
        let record = read(&RECORD.replace("\"1.08\"", "tru"));
        let (_, full) = record.fit(Rung::Full, usize::MAX, Format::Json, &rule(), &origin());
        let (rung, _) = record.fit(Rung::Full, full.bytes() - 1, Format::Json, &rule(), &origin());
        assert_eq!(rung, Rung::Pointer);
    }

    #[test]
    fn only_the_sessions_own_calls_of_the_right_kind_are_its_own() {
        let session = "arn:aws:sts::123456789012:assumed-role/trailwire/trailwire";
        let call = |kind: &str, arn: &str, source: &str, name: &str| {
            read(&format!(
                r#"{{"userIdentity":{{"type":"{kind}","arn":"{arn}"}},"eventSource":"{source}","eventName":"{name}"}}"#
            ))
            .is_own(session)
        };
        for (source, name) in OWN_CALLS {
            assert!(call("AssumedRole", session, source, name));
            assert!(!call("AssumedRole", &session[..session.len() - 1], source, name));
            assert!(!call("AssumedRole", &format!("{session}2"), source, name));
            assert!(!call("IAMUser", session, source, name));
        }
        assert!(!call("AssumedRole", session, "s3.amazonaws.com", "DeleteObject"));
        assert!(!call("AssumedRole", session, "kms.amazonaws.com", "GetObject"));
    }

    #[test]
    fn records_at_one_place_are_the_same_only_if_they_say_the_same() {
        let key = |record: &str| {
            let record = read(record);
            record.sameness(record.id(&rule(), &origin()))
        };
        assert_eq!(key(RECORD), key(&RECORD.replace("alice", "bob")), "an event id says it all");
        let anonymous = RECORD.replace("eventID", "noID");
        assert_eq!(key(&anonymous), key(&anonymous));
        assert_ne!(key(&anonymous), key(&anonymous.replace("alice", "bob")));
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
