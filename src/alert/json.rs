//! The alert that a program reads: one JSON object on one line.

use super::escape::{push_json_string, push_json_string_within, push_record};
use super::{AlertId, Condition, Excerpt, MatchedRecord, Origin, POINTER, text};
use crate::rule::Rule;
use std::fmt::Write as _;

pub(super) fn body(
    matched: &MatchedRecord,
    excerpt: &Excerpt<'_>,
    rule: &Rule,
    id: AlertId,
    origin: &Origin<'_>,
) -> String {
    let MatchedRecord { number, offset, facts, condition, .. } = matched;
    let mut out = String::with_capacity(excerpt.record.len() + 512);
    begin(&mut out, rule, &rule.description, id, &text::summary(facts));
    out.push_str(",\"source\":{\"bucket\":");
    match origin.bucket {
        Some(bucket) => push_json_string(&mut out, bucket),
        None => out.push_str("null"),
    }
    member(&mut out, "key", origin.key);
    // Writing to a string cannot fail.
    let _ = write!(out, ",\"record\":{number},\"offset\":{offset}}}");
    if let Some(note) = excerpt.note {
        member(&mut out, "note", note);
    }
    out.push_str(",\"record\":");
    match condition {
        Condition::Ordinary | Condition::Unusual => push_record(&mut out, &excerpt.record, true),
        Condition::Malformed => push_json_string(&mut out, &excerpt.record),
    }
    out.push('}');
    out
}

/// As [`body`], with nothing that can be long, in at most `room` bytes: a key is
/// cut where it has to be.
pub(super) fn pointer(matched: &MatchedRecord, rule: &Rule, id: AlertId, origin: &Origin<'_>, room: usize) -> String {
    let MatchedRecord { number, offset, facts, .. } = matched;
    let mut head = format!("{{\"rule\":\"{}\",\"severity\":\"{}\",\"alertId\":\"{id}\"", rule.id, rule.severity.name());
    if let Some(event) = facts.event_id().filter(|id| id.len() <= 64) {
        member(&mut head, "eventID", event);
    }
    head.push_str(",\"source\":{\"bucket\":");
    push_json_string_within(&mut head, origin.bucket.unwrap_or(""), 66);
    head.push_str(",\"key\":");
    let tail = format!(",\"record\":{number},\"offset\":{offset}}},\"note\":\"{POINTER}\",\"record\":null}}");
    let left = room.saturating_sub(head.len() + tail.len());
    push_json_string_within(&mut head, origin.key, left);
    head + &tail
}

/// The members that every alert begins with, behind an open brace.
pub(super) fn begin(out: &mut String, rule: &Rule, description: &str, id: AlertId, summary: &str) {
    out.push_str("{\"rule\":");
    push_json_string(out, &rule.id);
    member(out, "description", description);
    member(out, "severity", rule.severity.name());
    member(out, "summary", summary);
    member(out, "alertId", &id.to_string());
}

/// A further member.
pub(super) fn member(out: &mut String, key: &str, value: &str) {
    out.push_str(",\"");
    out.push_str(key);
    out.push_str("\":");
    push_json_string(out, value);
}

/// What [`structure`] puts around a message that has no other form.
pub(super) const STRUCTURE_BYTES: usize = "{\"default\":\"\"}".len();

/// A message for each protocol, as SNS takes them: `email` for people, and
/// `default` for all others.
pub(super) fn structure(default: &str, email: Option<&str>) -> String {
    let mut out = String::with_capacity(default.len() + email.map_or(0, str::len) + 64);
    out.push_str("{\"default\":");
    push_json_string(&mut out, default);
    if let Some(email) = email {
        member(&mut out, "email", email);
    }
    out.push('}');
    out
}
