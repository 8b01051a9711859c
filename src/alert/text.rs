//! The alert that a person reads in a mail.

use super::escape::{push_ascii, push_percent, push_plain, push_record, push_value, push_value_within};
use super::facts::{Fact, Facts};
use super::{AlertId, Condition, Excerpt, MAX_SUBJECT, MatchedRecord, Origin, POINTER};
use crate::rule::Rule;
use jiff::Timestamp;
use std::fmt::Write as _;

/// Longest value shown in a line, in characters; the record follows whole.
pub(super) const MAX_VALUE: usize = 256;

/// `CreateTopic by alice (123456789012 eu-west-1)`.
pub(super) fn summary(facts: &Facts) -> String {
    let mut out = String::new();
    push_value(&mut out, facts.event_name().unwrap_or("event"), 64);
    out.push_str(" by ");
    push_value(&mut out, &facts.who(), 64);
    if let Some(account) = facts.account() {
        out.push_str(" (");
        push_value(&mut out, account, 16);
        if let Some(region) = facts.get(Fact::Region) {
            out.push(' ');
            push_value(&mut out, region, 24);
        }
        out.push(')');
    }
    out
}

/// `[HIGH] sns-topic-created: CreateTopic by alice (123456789012 eu-west-1)`.
pub(super) fn subject(rule: &Rule, summary: &str) -> String {
    let mut out = String::new();
    let text = format!("[{}] {}: {summary}", rule.severity.name().to_uppercase(), rule.id);
    push_ascii(&mut out, &text, MAX_SUBJECT);
    out
}

pub(super) fn body(
    matched: &MatchedRecord,
    excerpt: &Excerpt<'_>,
    rule: &Rule,
    id: AlertId,
    origin: &Origin<'_>,
) -> String {
    let MatchedRecord { number, facts, condition, .. } = matched;
    let Excerpt { record, note } = excerpt;
    let mut out = String::with_capacity(record.len() + 1024);
    title(&mut out, rule);
    line(&mut out, "What", &joined(facts.event_name(), facts.event_source()));
    line(&mut out, "Result", &result(facts));
    line(&mut out, "Who", &who(facts));
    line(&mut out, "From", &list(&[facts.get(Fact::Ip), facts.get(Fact::UserAgent)]));
    line(&mut out, "Account", &list(&[facts.account(), facts.get(Fact::Region)]));
    line(&mut out, "When", &when(facts, origin));
    line(&mut out, "Resource", facts.get(Fact::Resource).unwrap_or(""));
    rule_line(&mut out, rule);
    if let Some(link) = console_link(facts) {
        // As long as it has to be: half a link is none.
        let _ = writeln!(out, "{:<10}{link}", "Event");
    }
    line(&mut out, "Log file", &format!("{}, record {number}", origin.name()));
    line(&mut out, "Alert id", &id.to_string());
    line(&mut out, "Note", note.unwrap_or(""));
    out.push_str("\nThe record as CloudTrail wrote it:\n");
    match condition {
        // Its line breaks may stand in strings, where they could forge lines.
        Condition::Malformed => record.chars().for_each(|character| push_plain(&mut out, character)),
        Condition::Ordinary | Condition::Unusual => push_record(&mut out, record, false),
    }
    out.push('\n');
    out
}

/// As [`body`], with nothing that can be long, in at most `room` bytes: the
/// name of the log file is cut where it has to be.
pub(super) fn pointer(matched: &MatchedRecord, rule: &Rule, id: AlertId, origin: &Origin<'_>, room: usize) -> String {
    let mut head = String::new();
    rule_line(&mut head, rule);
    if let Some(event) = matched.facts.event_id().filter(|id| id.len() <= 64) {
        line(&mut head, "Event id", event);
    }
    let _ = write!(head, "{:<10}", "Log file");
    let mut tail = format!(", record {}\n", matched.number);
    line(&mut tail, "Alert id", &id.to_string());
    line(&mut tail, "Note", POINTER);
    let left = room.saturating_sub(head.len() + tail.len());
    push_value_within(&mut head, &origin.name(), left);
    head + &tail
}

/// What the rule says, and an empty line.
pub(super) fn title(out: &mut String, rule: &Rule) {
    push_value(out, if rule.description.is_empty() { &rule.id } else { &rule.description }, MAX_VALUE);
    out.push_str("\n\n");
}

pub(super) fn rule_line(out: &mut String, rule: &Rule) {
    line(out, "Rule", &format!("{} ({})", rule.id, rule.severity.name()));
}

/// A labelled line; none for an empty value.
pub(super) fn line(out: &mut String, label: &str, value: &str) {
    if !value.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(out, "{label:<10}");
        push_value(out, value, 4 * MAX_VALUE);
        out.push('\n');
    }
}

pub(super) fn capped(text: &str) -> String {
    text.chars().take(MAX_VALUE).collect()
}

/// `first (second)`, as far as they are there.
fn joined(first: Option<&str>, second: Option<&str>) -> String {
    match (first, second) {
        (Some(first), Some(second)) => format!("{} ({})", capped(first), capped(second)),
        (first, second) => capped(first.or(second).unwrap_or("")),
    }
}

/// `first, second`, as far as they are there.
fn list(parts: &[Option<&str>]) -> String {
    parts.iter().flatten().map(|part| capped(part)).collect::<Vec<_>>().join(", ")
}

fn result(facts: &Facts) -> String {
    match (facts.get(Fact::ErrorCode), facts.get(Fact::ErrorMessage), facts.get(Fact::InsightState)) {
        (None, None, None) => "success".to_owned(),
        (None, None, Some(state)) => list(&[facts.get(Fact::InsightType), Some(state)]),
        (code, message, _) => format!("failed: {}", list(&[code, message])),
    }
}

fn who(facts: &Facts) -> String {
    let details = list(&[facts.get(Fact::IdentityType), facts.get(Fact::Arn)]);
    joined(Some(&facts.who()), Some(&details[..]).filter(|details| !details.is_empty()))
}

/// The time of the event, and how much later its record was stored.
fn when(facts: &Facts, origin: &Origin<'_>) -> String {
    let Some(time) = facts.time() else { return String::new() };
    let mut out = capped(time);
    if let (Ok(event), Some(Ok(stored))) = (time.parse::<Timestamp>(), origin.stored.map(str::parse::<Timestamp>)) {
        let seconds = stored.as_second() - event.as_second();
        // Clocks differ; an event is never logged before it happened.
        if seconds >= 0 {
            let _ = write!(out, ", logged {} later", duration(seconds));
        }
    }
    out
}

/// The two largest units of a number of seconds.
fn duration(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|&(size, _)| seconds >= size).unwrap_or(units.len() - 1);
    let (size, unit) = units[first];
    let mut out = format!("{} {unit}", seconds / size);
    if let Some(&(smaller, unit)) = units.get(first + 1)
        && seconds % size / smaller > 0
    {
        let _ = write!(out, " {} {unit}", seconds % size / smaller);
    }
    out
}

/// A link to the event in the console of the region's partition.
fn console_link(facts: &Facts) -> Option<String> {
    let (region, id) = (facts.get(Fact::Region)?, facts.event_id()?);
    // It becomes a host name, so nothing but a region's letters will do.
    if region.len() > 32
        || !region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        return None;
    }
    let domain = match region {
        _ if region.starts_with("cn-") => "console.amazonaws.cn",
        _ if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com",
        _ if region.starts_with("eusc-") => "console.amazonaws-eusc.eu",
        // Partitions without a public console.
        _ if region.contains("-iso") => return None,
        _ => "console.aws.amazon.com",
    };
    let mut link = format!("https://{region}.{domain}/cloudtrailv2/home?region={region}#/events/");
    push_percent(&mut link, &id.chars().take(64).collect::<String>());
    Some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (390, "6 min 30 s"), (3_600, "1 h"), (90_061, "1 d 1 h")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
