//! `scan --stats`: how often what happened, who did it, what failed, and when.

use super::columns::{cut, event};
use crate::alert::{FactReader, plain};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr as _;

/// Different values of one kind that are counted by themselves; what comes
/// beyond counts as one.
const MAX_VALUES: usize = 10_000;

/// Values of one kind that are shown.
const SHOWN: usize = 10;

/// Hours that are shown by themselves; with more of them, days are.
const MAX_HOURS: usize = 48;

/// What values beyond [`MAX_VALUES`] are counted as.
const OTHERS: &str = "(others)";

/// Characters of a value that are shown.
const NAME_WIDTH: usize = 48;

/// The longest bar, in characters.
const BAR_WIDTH: usize = 30;

/// How often each value came.
#[derive(Default)]
pub(super) struct Counts(HashMap<String, u64>);

impl Counts {
    pub(super) fn add(&mut self, value: &str, count: u64) {
        if let Some(known) = self.0.get_mut(value) {
            *known += count;
            return;
        }
        let value = if self.0.len() < MAX_VALUES { value } else { OTHERS };
        *self.0.entry(value.to_owned()).or_default() += count;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(value, &count)| self.add(value, count));
    }

    /// The most frequent values, and how many others there are.
    pub(super) fn top(&self, shown: usize) -> (Vec<(&str, u64)>, usize) {
        let mut all: Vec<_> = self.0.iter().map(|(value, &count)| (&value[..], count)).collect();
        all.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        let others = all.len().saturating_sub(shown);
        all.truncate(shown);
        (all, others)
    }
}

/// Counts of the records that matched.
#[derive(Default)]
pub(super) struct Stats {
    facts: FactReader,
    records: u64,
    events: Counts,
    principals: Counts,
    errors: Counts,
    hours: BTreeMap<String, u64>,
}

impl Stats {
    pub(super) fn add(&mut self, record: &[u8]) {
        let facts = self.facts.pick(record);
        self.records += 1;
        self.events.add(&event(&facts), 1);
        self.principals.add(&facts.who(), 1);
        if let Some(error) = facts.error() {
            self.errors.add(error, 1);
        }
        // To the hour, of 2026-11-01T08:15:00Z.
        let hour = facts.time().and_then(|time| time.get(..13)).unwrap_or("unknown");
        if self.hours.len() < MAX_VALUES || self.hours.contains_key(hour) {
            *self.hours.entry(hour.to_owned()).or_default() += 1;
        } else {
            *self.hours.entry(OTHERS.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.records += other.records;
        self.events.merge(&other.events);
        self.principals.merge(&other.principals);
        self.errors.merge(&other.errors);
        other.hours.iter().for_each(|(hour, count)| *self.hours.entry(hour.clone()).or_default() += count);
    }

    /// Writes all of it; with bars for a terminal.
    pub(super) fn write(&self, out: &mut impl Write, bars: bool) -> io::Result<()> {
        writeln!(out, "records: {}", self.records)?;
        for (what, counts) in [("events", &self.events), ("principals", &self.principals), ("errors", &self.errors)] {
            let (top, others) = counts.top(SHOWN);
            group(out, what, &top, bars)?;
            if others > 0 {
                writeln!(out, "  and {others} others")?;
            }
        }
        let mut days = BTreeMap::new();
        for (hour, count) in &self.hours {
            *days.entry(hour.get(..10).unwrap_or(hour)).or_default() += count;
        }
        if self.hours.len() > MAX_HOURS {
            group(out, "days", &Vec::from_iter(days), bars)
        } else {
            let hours: Vec<_> = self.hours.iter().map(|(hour, &count)| (&hour[..], count)).collect();
            group(out, "hours", &hours, bars)
        }
    }
}

fn group(out: &mut impl Write, what: &str, counts: &[(&str, u64)], bars: bool) -> io::Result<()> {
    writeln!(out, "\n{what}:")?;
    let most = counts.iter().map(|&(_, count)| count).max().unwrap_or(0);
    let digits = most.to_string().len();
    let names: Vec<_> = counts.iter().map(|(name, _)| cut(&plain(name), NAME_WIDTH)).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (name, (_, count)) in names.iter().zip(counts) {
        write!(out, "  {count:>digits$}  {name}")?;
        if bars {
            let length = (count * BAR_WIDTH as u64).div_ceil(most.max(1)) as usize;
            write!(out, "{:padding$}  {}", "", "█".repeat(length), padding = width - name.width())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_by_what_who_error_and_hour() {
        let (mut one, mut other) = (Stats::default(), Stats::default());
        let record = |name: &str, hour: u8, error: &str| {
            format!(
                r#"{{"eventTime":"2026-11-01T{hour:02}:10:00Z","eventSource":"iam.amazonaws.com","eventName":"{name}",
                "userIdentity":{{"userName":"alice"}}{error}}}"#
            )
        };
        one.add(record("CreateUser", 8, "").as_bytes());
        one.add(record("CreateUser", 8, r#","errorCode":"AccessDenied""#).as_bytes());
        other.add(record("ListUsers", 9, "").as_bytes());
        one.merge(&other);
        let mut text = Vec::new();
        one.write(&mut text, true).unwrap();
        let (long, half) = ("█".repeat(30), "█".repeat(15));
        let expected = format!(
            "records: 3\n\nevents:\n  2  iam:CreateUser  {long}\n  1  iam:ListUsers   {half}\n\nprincipals:\n  3  alice  {long}\n\n\
             errors:\n  1  AccessDenied  {long}\n\nhours:\n  2  2026-11-01T08  {long}\n  1  2026-11-01T09  {half}\n"
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn values_without_end_take_no_memory_without_end() {
        let mut counts = Counts::default();
        (0..MAX_VALUES * 2).for_each(|number| counts.add(&number.to_string(), 1));
        assert_eq!(counts.0.len(), MAX_VALUES + 1);
        assert_eq!(counts.top(1), (vec![(OTHERS, MAX_VALUES as u64)], MAX_VALUES));
    }
}
