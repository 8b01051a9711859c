//! Which records are looked at: by time, account and region.
//!
//! Accounts and regions become patterns that every rule ignores, so that the
//! matcher does the work; time is compared here. Keys and file names only rule
//! out what was delivered before `--since`: events arrive late, so nothing can be
//! said of `--until`, and a copy may be named after anything. Where S3 is listed,
//! its folders by account, region and day are followed instead.

use super::Failure;
use crate::picker::Picker;
use crate::rule::{Pattern, Rule};
use crate::{RuleSet, Scalar};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan as _};
use serde_json::json;
use std::sync::Arc;

/// The filters, as options.
#[derive(clap::Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterOptions {
    /// Only events from then on: 2d, 12h, 30m (before now), 2026-11-01 or
    /// 2026-11-01T08:30:00Z; UTC
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only events before then; a date is its first moment
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Only events of this account; may be given several times
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Vec<String>,
    /// Only events in this region; may be given several times
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Vec<String>,
}

/// How long after its name says so a file may still have been written: names are
/// rounded to five minutes.
const NAME_SLACK: SignedDuration = SignedDuration::from_mins(15);

/// A time, as people write it.
fn time(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now();
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let known = || {
        if let Some(before) = before(text) {
            // Days and weeks are of 24 hours: UTC has no others.
            return now.checked_sub(before);
        }
        match text {
            "now" => Ok(now),
            "today" => midnight(now.to_zoned(TimeZone::UTC).date()),
            "yesterday" => midnight(now.to_zoned(TimeZone::UTC).date().yesterday()?),
            _ => text
                .parse::<Timestamp>()
                .or_else(|_| text.parse::<DateTime>()?.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp())),
        }
    };
    known().map_err(|_| {
        "a time is like 2d, 12h, 30m (before now), today, yesterday, 2026-11-01 or 2026-11-01T08:30:00Z".to_owned()
    })
}

/// A number and a unit.
fn before(text: &str) -> Option<Span> {
    let at = text.find(|character: char| !character.is_ascii_digit())?;
    let number: i64 = text[..at].parse().ok()?;
    let hours = match &text[at..] {
        "s" => return Span::new().try_seconds(number).ok(),
        "m" => return Span::new().try_minutes(number).ok(),
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return None,
    };
    Span::new().try_hours(number.checked_mul(hours)?).ok()
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is twelve digits".to_owned())
    }
}

fn region(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.contains('-') && text.bytes().all(allowed) && text.ends_with(|last: char| last.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("a region is like eu-west-1".to_owned())
    }
}

/// The filters, ready to use.
#[derive(Clone)]
pub(super) struct Filter {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    accounts: Vec<String>,
    regions: Vec<String>,
}

impl FilterOptions {
    pub(super) fn filter(&self) -> Result<Filter, Failure> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err(Failure::Usage(format!("no time lies between --since ({since}) and --until ({until})")));
        }
        Ok(Filter {
            since: self.since,
            until: self.until,
            accounts: self.account.clone(),
            regions: self.region.clone(),
        })
    }
}

impl Filter {
    /// Compiles rules so that they ignore what is filtered out by account and
    /// region.
    pub(super) fn narrow(&self, mut rules: Vec<Rule>) -> Result<Arc<RuleSet>, Failure> {
        let mut patterns = Vec::new();
        if !self.accounts.is_empty() {
            // The first that a record has: aggregated ones have accountId, and very old ones only that of the caller.
            let other = json!([{"anything-but": self.accounts}]);
            let none = json!([{"exists": false}]);
            patterns.extend([
                json!({"recipientAccountId": other}),
                json!({"recipientAccountId": none, "accountId": other}),
                json!({"recipientAccountId": none, "accountId": none, "userIdentity.accountId": other}),
                json!({"recipientAccountId": none, "accountId": none, "userIdentity.accountId": none}),
            ]);
        }
        if !self.regions.is_empty() {
            patterns.push(json!({"awsRegion": [{"anything-but": self.regions}, {"exists": false}]}));
        }
        let patterns = patterns.iter().map(|pattern| Pattern::from_json(&pattern.to_string()));
        let patterns = patterns.collect::<Result<Vec<_>, _>>().map_err(|error| Failure::Usage(error.to_string()))?;
        rules.iter_mut().for_each(|rule| rule.ignore.extend_from_slice(&patterns));
        Ok(Arc::new(RuleSet::new(rules)))
    }

    /// Whether anything is filtered out.
    #[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "only S3 is listed"))]
    pub(super) fn is_some(&self) -> bool {
        self.since.is_some() || self.until.is_some() || !self.accounts.is_empty() || !self.regions.is_empty()
    }

    /// What looks at the time of records; `None` if all pass.
    pub(super) fn times(&self) -> Option<Times> {
        (self.since.is_some() || self.until.is_some()).then(|| Times::new(self))
    }

    /// Whether a file of that name may hold events that pass.
    pub(super) fn admits_file(&self, name: &str) -> bool {
        let file = name.rsplit('/').next().unwrap_or(name);
        let delivered = file.split('_').nth(3).filter(|_| file.contains("_CloudTrail"));
        match (self.since, delivered.and_then(|text| DateTime::strptime("%Y%m%dT%H%MZ", text).ok())) {
            (Some(since), Some(delivered)) => !precedes(delivered, since),
            _ => true,
        }
    }

    /// Whether a folder of a bucket, by its key up to the last slash, may hold
    /// events that pass.
    #[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "only S3 is listed"))]
    pub(super) fn admits_folder(&self, key: &str) -> bool {
        let Some(folder) = Folder::of(key) else { return true };
        let among = |all: &[String], one: Option<&str>| {
            all.is_empty() || one.is_none_or(|one| all.iter().any(|other| other == one))
        };
        among(&self.accounts, folder.account)
            && among(&self.regions, folder.region)
            && match (self.since, folder.end()) {
                (Some(since), Some(end)) => !precedes(end, since),
                _ => true,
            }
    }
}

/// Whether what was delivered by `delivered` holds nothing since `since`.
fn precedes(delivered: DateTime, since: Timestamp) -> bool {
    let latest = delivered.checked_add(NAME_SLACK).and_then(|latest| latest.to_zoned(TimeZone::UTC));
    latest.is_ok_and(|latest| latest.timestamp() < since)
}

/// What a key says behind its last `AWSLogs/`, as far as it goes:
/// `[o-id/]account/folder/region/year/month/day/`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Folder<'a> {
    account: Option<&'a str>,
    region: Option<&'a str>,
    /// Year, month, day.
    date: Vec<i16>,
}

impl<'a> Folder<'a> {
    /// `None` where there is no `AWSLogs/`.
    pub(super) fn of(key: &'a str) -> Option<Self> {
        let behind = match key.rfind("/AWSLogs/") {
            Some(at) => &key[at + "/AWSLogs/".len()..],
            None => key.strip_prefix("AWSLogs/")?,
        };
        let mut parts = behind.split('/').filter(|part| !part.is_empty()).peekable();
        parts.next_if(|part| part.starts_with("o-"));
        // Anything else there is a prefix that is named so, or a layout of somebody's own.
        let account = parts.next_if(|part| account(part).is_ok());
        if account.is_none() && parts.peek().is_some() {
            return None;
        }
        let _folder = parts.next();
        let region = parts.next_if(|part| region(part).is_ok());
        let is_date =
            |part: &&str, digits: usize| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        let date = if region.is_some() { parts.collect() } else { Vec::new() };
        let date = date.iter().zip([4, 2, 2]).take_while(|&(part, digits)| is_date(part, digits));
        let date = date.filter_map(|(part, _)| part.parse().ok()).collect();
        Some(Self { account, region, date })
    }

    /// Whether it is a day's, with nothing but files in it.
    #[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "only S3 is listed"))]
    pub(super) fn is_day(&self) -> bool {
        self.date.len() == 3
    }

    /// The end of the year, month or day.
    fn end(&self) -> Option<DateTime> {
        let (date, span) = match self.date[..] {
            [year] => (Date::new(year, 1, 1), 1.year()),
            [year, month] => (Date::new(year, i8::try_from(month).ok()?, 1), 1.month()),
            [year, month, day] => (Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?), 1.day()),
            _ => return None,
        };
        Some(date.ok()?.checked_add(span).ok()?.to_datetime(jiff::civil::Time::midnight()))
    }
}

/// Tells by its time whether a record passes.
pub(super) struct Times {
    picker: Picker,
    since: Option<Bound>,
    until: Option<Bound>,
}

/// The paths of times: of a record, and the beginning and end of an aggregated
/// one.
const TIMES: [&str; 3] = ["eventTime", "timeWindow.windowStart", "timeWindow.windowEnd"];

impl Times {
    fn new(filter: &Filter) -> Self {
        let mut picker = Picker::new();
        for path in TIMES {
            picker.want(path);
        }
        Self { picker, since: filter.since.map(Bound::new), until: filter.until.map(Bound::new) }
    }

    /// Whether a record may pass: one without a time that can be read may.
    pub(super) fn admit(&mut self, record: &[u8]) -> bool {
        let Self { picker, since, until } = self;
        let mut admitted = true;
        // What cannot be picked rules nothing out.
        let _ = picker.pick(record, |slot, value| {
            let Scalar::String(text) = value else { return };
            let precedes = |bound: &Option<Bound>| bound.as_ref().and_then(|bound| bound.is_behind(text));
            // A window passes if any of it does.
            admitted &= slot == 1 || precedes(since) != Some(true);
            admitted &= slot == 2 || precedes(until) != Some(false);
        });
        admitted
    }
}

/// A time that others are compared with.
struct Bound {
    time: Timestamp,
    /// The first whole second from then on, as records write it.
    written: String,
}

impl Bound {
    fn new(time: Timestamp) -> Self {
        let whole = if time.subsec_nanosecond() > 0 { time.checked_add(1.second()).unwrap_or(time) } else { time };
        Self { time, written: whole.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }
    }

    /// Whether it is behind a time in a record; `None` if that is no time.
    fn is_behind(&self, text: &[u8]) -> Option<bool> {
        let written = self.written.as_bytes();
        let digit = |one: u8, other: u8| one.is_ascii_digit() && other.is_ascii_digit();
        // To the second and in UTC, as CloudTrail writes it, text is in the order of time.
        if text.len() == written.len()
            && text.iter().zip(written).all(|(&one, &other)| one == other || digit(one, other))
        {
            return Some(text < written);
        }
        let text: Timestamp = str::from_utf8(text).ok()?.parse().ok()?;
        Some(text < self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(since: &str, until: &str) -> Filter {
        let time = |text: &str| (!text.is_empty()).then(|| time(text).unwrap());
        Filter { since: time(since), until: time(until), accounts: Vec::new(), regions: Vec::new() }
    }

    #[test]
    fn times_are_read_as_people_write_them_and_nothing_else_is() {
        let day = Timestamp::from_second(1_793_491_200).unwrap();
        for text in [
            "2026-11-01",
            "2026-11-01T00:00",
            "2026-11-01T00:00:00Z",
            "2026-11-01 00:00:00",
            "2026-11-01T01:00:00+01:00",
        ] {
            assert_eq!(time(text), Ok(day), "{text}");
        }
        for (text, seconds) in [("90s", 90), ("5m", 300), ("2h", 7_200), ("3d", 259_200), ("1w", 604_800), ("now", 0)] {
            let before = Timestamp::now().as_second() - time(text).unwrap().as_second();
            assert!((seconds..seconds + 10).contains(&before), "{text}");
        }
        assert!(time("yesterday").unwrap() < time("today").unwrap());
        for text in [
            "",
            "d",
            "2",
            "2x",
            "-2d",
            "2.5d",
            "2026-13-01",
            "2026-11",
            "1 Nov",
            "tomorrow",
            "99999999999999999999d",
            "9999999999d",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn records_pass_by_their_time() {
        let mut times = filter("2026-11-01", "2026-11-02T12:00:00Z").times().unwrap();
        for (record, passes) in [
            (r#"{"eventTime":"2026-11-01T00:00:00Z"}"#, true),
            (r#"{"eventTime":"2026-10-31T23:59:59Z"}"#, false),
            (r#"{"eventTime":"2026-11-02T11:59:59Z"}"#, true),
            (r#"{"eventTime":"2026-11-02T12:00:00Z"}"#, false),
            (r#"{"eventTime":"2026-11-02T11:59:59.999Z"}"#, true),
            (r#"{"eventTime":"2026-11-01T00:30:00+01:00"}"#, false),
            (r#"{"timeWindow":{"windowStart":"2026-10-31T23:55:00Z","windowEnd":"2026-11-01T00:05:00Z"}}"#, true),
            (r#"{"timeWindow":{"windowStart":"2026-10-31T23:50:00Z","windowEnd":"2026-10-31T23:55:00Z"}}"#, false),
            (r#"{"timeWindow":{"windowStart":"2026-11-02T12:00:00Z","windowEnd":"2026-11-02T12:05:00Z"}}"#, false),
            (r#"{"eventTime":"garbage"}"#, true),
            (r#"{"eventTime":"2030-01-01 00:00"}"#, true),
            (r#"{"eventName":"x"}"#, true),
            (r#"{"eventTime":5}"#, true),
        ] {
            assert_eq!(times.admit(record.as_bytes()), passes, "{record}");
        }
        assert!(filter("", "").times().is_none());
        let mut fraction = filter("2026-11-01T00:00:09.5Z", "2026-11-01T00:00:10.5Z").times().unwrap();
        for (second, passes) in [("09", false), ("10", true), ("11", false), ("10.4", true), ("10.6", false)] {
            let record = format!(r#"{{"eventTime":"2026-11-01T00:00:{second}Z"}}"#);
            assert_eq!(fraction.admit(record.as_bytes()), passes, "{second}");
        }
    }

    #[test]
    fn names_rule_out_only_what_was_delivered_before() {
        let filter = filter("2026-11-02T12:00:00Z", "2026-11-03");
        let name = |time: &str| format!("a/b/123456789012_CloudTrail_eu-west-1_{time}_abcdefghijklmnop.json.gz");
        for (name, admitted) in [
            (name("20261102T1144Z"), false),
            (name("20261102T1145Z"), true),
            (name("20261102T1205Z"), true),
            (name("20261231T1205Z"), true),
            (name("garbage"), true),
            ("a/20200101T0000Z.json".to_owned(), true),
        ] {
            assert_eq!(filter.admits_file(&name), admitted, "{name}");
        }
    }

    #[test]
    fn folders_are_followed_by_account_region_and_day() {
        let mut filter = filter("2026-11-02T12:00:00Z", "");
        filter.accounts = vec!["123456789012".into()];
        filter.regions = vec!["eu-west-1".into()];
        let below = "p/AWSLogs/o-abc/123456789012/CloudTrail/eu-west-1/";
        for (folder, admitted) in [
            ("p/", true),
            ("p/AWSLogs/", true),
            ("p/AWSLogs/o-abc/", true),
            ("p/AWSLogs/123456789013/", false),
            ("p/AWSLogs/o-abc/123456789012/", true),
            ("p/AWSLogs/o-abc/123456789012/CloudTrail/", true),
            ("p/AWSLogs/o-abc/123456789012/CloudTrail/us-east-1/", false),
            (below, true),
            (&format!("{below}2025/"), false),
            (&format!("{below}2026/"), true),
            (&format!("{below}2026/10/"), false),
            (&format!("{below}2026/11/"), true),
            (&format!("{below}2026/11/01/"), false),
            (&format!("{below}2026/11/02/"), true),
            (&format!("{below}2026/11/09/"), true),
            // Not the layout of a trail, whatever it looks like.
            ("AWSLogs/mylogs/", true),
            ("AWSLogs/mylogs/AWSLogs/123456789012/", true),
            ("AWSLogs/prod/123456789013/", true),
            ("AWSLogs/2026/11/20/", true),
            ("AWSLogs/123456789012/CloudTrail/2026/11/20/", true),
            ("AWSLogs/123456789012/eu-west-2/2026/11/20/", true),
        ] {
            assert_eq!(filter.admits_folder(folder), admitted, "{folder}");
        }
        assert!(Folder::of(&format!("{below}2026/11/09/")).unwrap().is_day());
        assert!(!Folder::of(below).unwrap().is_day());
    }
}
