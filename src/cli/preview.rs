//! `trailwire preview`: what a rule set would have sent.
//!
//! Each file stands for one invocation of the Lambda function, as S3 makes them:
//! so caps per principal, repeated alerts, summaries and batches are as they would
//! have been.

use super::ordered::Part;
use super::stats::Counts;
use super::work::{ReadOptions, Visit};
use super::{Failure, HELP, Patterns, Status, counted};
use crate::RuleSet;
use crate::alert::{AlertId, AlertReader, FactReader, Origin, Rung, plain};
use crate::handler::{BATCH_ENTRIES, MAX_PRINCIPALS, Settings, TOPIC_BYTES};
use crate::pipeline::Match;
use crate::rule::Mode;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Write};
use std::sync::Arc;

/// Show what rules would have sent: alerts per rule and day, by whom, and how many at once
///
/// Nothing is sent. Each file counts as one invocation of the Lambda function, with its caps (max_alerts), summaries and
/// batches. Exits as scan does.
#[derive(clap::Args)]
#[command(help_template = HELP, after_help = "Examples:
  trailwire preview -r rules.yaml logs/
  trailwire preview -r cis --since 2w logs/")]
pub(super) struct Options {
    #[command(flatten)]
    patterns: Patterns,
    #[command(flatten)]
    read: ReadOptions,
}

/// Principals that are named for each rule.
const SHOWN: usize = 5;

/// Minutes that are counted for one rule: two years' worth. What is in further
/// ones is in no peak, which is said then.
const MAX_MINUTES: usize = 1 << 20;

/// Days that are counted for one rule.
const MAX_DAYS: usize = 10_000;

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    if options.patterns.is_empty() {
        return Err(Failure::Usage("no rules: give some with -r or -p, for example -r cis".into()));
    }
    let filter = options.read.filter()?;
    let rules = filter.narrow(options.patterns.read()?)?;
    // Nothing is printed before the end.
    let done = options.read.read(Arc::clone(&rules), &filter, io::sink(), None, || Preview::new(&rules))?;
    done.end(|previews| {
        let mut all = Preview::new(&rules);
        previews.iter().for_each(|preview| all.merge(preview));
        let mut out = io::BufWriter::new(io::stdout());
        all.write(&mut out)?;
        out.flush()
    })
}

/// What one worker counted.
struct Preview {
    rules: Arc<RuleSet>,
    reader: AlertReader,
    facts: FactReader,
    all: Vec<Sent>,
    invocation: Invocation,
    calls: u64,
}

/// What a rule would have sent.
#[derive(Default)]
struct Sent {
    matches: u64,
    alerts: u64,
    summaries: u64,
    principals: Counts,
    /// Alerts; matches of a rule that only observes.
    days: BTreeMap<String, u64>,
    /// The same, by digits: 202611010815.
    minutes: HashMap<u64, u64>,
    /// Whether there were more minutes than are counted.
    more_minutes: bool,
}

/// What the function remembers in one invocation; as in [`crate::handler`].
#[derive(Default)]
struct Invocation {
    /// Alerts that were sent, or counted in a summary.
    known: HashSet<AlertId>,
    /// Alerts by rule and principal; all further principals have no name.
    principals: HashMap<(u32, String), u32>,
    /// Rules with a summary to send.
    summaries: BTreeSet<u32>,
    /// Entries and bytes of the open batch of each topic.
    batches: HashMap<Option<String>, (usize, usize)>,
}

impl Invocation {
    /// Whether an alert is neither known nor one of too many.
    fn admits(&mut self, rule: u32, cap: Option<u32>, principal: &str, id: AlertId) -> bool {
        if self.known.contains(&id) {
            return false;
        }
        if self.known.len() < Settings::default().known_alerts {
            self.known.insert(id);
        }
        let Some(cap) = cap else { return true };
        let mut key = (rule, principal.to_owned());
        if self.principals.len() >= MAX_PRINCIPALS && !self.principals.contains_key(&key) {
            key.1.clear();
        }
        let sent = self.principals.entry(key).or_default();
        if *sent == cap {
            self.summaries.insert(rule);
            return false;
        }
        *sent += 1;
        true
    }

    /// Adds a message of so many bytes to its topic's batch; true if that takes
    /// another call.
    fn add(&mut self, topic: Option<&str>, bytes: usize) -> bool {
        let batch = self.batches.entry(topic.map(str::to_owned)).or_default();
        let another = batch.0 == 0 || batch.0 == BATCH_ENTRIES || batch.1 + bytes > TOPIC_BYTES;
        *batch = if another { (1, bytes) } else { (batch.0 + 1, batch.1 + bytes) };
        another
    }
}

impl Visit for Preview {
    fn matched(&mut self, found: &Match<'_>, input: &str, _: &mut Part<'_>) {
        let Self { rules, reader, facts, all, invocation, calls } = self;
        let facts = facts.pick(found.record);
        let record = reader.read(found);
        let origin = Origin { bucket: None, key: input, stored: None };
        for &number in found.rules {
            let (rule, sent) = (&rules.rules()[number as usize], &mut all[number as usize]);
            sent.matches += 1;
            sent.principals.add(&facts.who(), 1);
            let format = rule.format.unwrap_or_default();
            if rule.mode == Mode::Publish {
                let id = record.sameness(record.id(rule, &origin));
                if !invocation.admits(number, rule.alert_cap(format), record.principal(), id) {
                    continue;
                }
                sent.alerts += 1;
                let (_, alert) = record.fit(Rung::Full, TOPIC_BYTES, format, rule, &origin);
                *calls += u64::from(invocation.add(rule.topic_arn.as_deref(), alert.bytes()));
            }
            sent.at(facts.time().unwrap_or("unknown"));
        }
    }

    fn ended(&mut self) {
        for rule in std::mem::take(&mut self.invocation.summaries) {
            self.all[rule as usize].summaries += 1;
            let topic = self.rules.rules()[rule as usize].topic_arn.clone();
            self.calls += u64::from(self.invocation.add(topic.as_deref(), SUMMARY_BYTES));
        }
        self.invocation = Invocation::default();
    }
}

/// What a summary is taken to be, in bytes: that matters only beside alerts that
/// nearly fill a call.
const SUMMARY_BYTES: usize = 2_000;

impl Sent {
    /// Counts what was sent at a time.
    fn at(&mut self, time: &str) {
        let day = time.get(..10).unwrap_or(time);
        if self.days.len() < MAX_DAYS || self.days.contains_key(day) {
            *self.days.entry(day.to_owned()).or_default() += 1;
        }
        let digits = time.get(..16).unwrap_or_default().bytes().filter(u8::is_ascii_digit);
        let minute = digits.fold(0, |minute, digit| minute * 10 + u64::from(digit - b'0'));
        if self.minutes.len() < MAX_MINUTES || self.minutes.contains_key(&minute) {
            *self.minutes.entry(minute).or_default() += 1;
        } else {
            self.more_minutes = true;
        }
    }
}

impl Preview {
    fn new(rules: &Arc<RuleSet>) -> Self {
        Self {
            rules: Arc::clone(rules),
            reader: AlertReader::new(),
            facts: FactReader::new(),
            all: rules.rules().iter().map(|_| Sent::default()).collect(),
            invocation: Invocation::default(),
            calls: 0,
        }
    }

    fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        for (sent, other) in self.all.iter_mut().zip(&other.all) {
            sent.matches += other.matches;
            sent.alerts += other.alerts;
            sent.summaries += other.summaries;
            sent.more_minutes |= other.more_minutes;
            sent.principals.merge(&other.principals);
            other.days.iter().for_each(|(day, count)| *sent.days.entry(day.clone()).or_default() += count);
            other.minutes.iter().for_each(|(&minute, count)| *sent.minutes.entry(minute).or_default() += count);
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut never = Vec::new();
        for (rule, sent) in self.rules.rules().iter().zip(&self.all) {
            if sent.matches == 0 {
                never.push(&rule.id[..]);
                continue;
            }
            let severity = rule.severity.name().to_uppercase();
            write!(out, "[{severity}] {}: {}", rule.id, counted(sent.matches, "match", "matches"))?;
            match (rule.mode, sent.summaries) {
                (Mode::Observe, _) => writeln!(out, ", nothing sent (mode: observe)")?,
                (Mode::Publish, 0) => writeln!(out, ", {}", counted(sent.alerts, "alert", "alerts"))?,
                (Mode::Publish, summaries) => writeln!(
                    out,
                    ", {} and {}",
                    counted(sent.alerts, "alert", "alerts"),
                    counted(summaries, "summary", "summaries")
                )?,
            }
            let (one, many) = if rule.mode == Mode::Observe { ("match", "matches") } else { ("alert", "alerts") };
            for (day, count) in &sent.days {
                writeln!(out, "  {}  {}", plain(day), counted(*count, one, many))?;
            }
            let peak = sent.minutes.iter().max_by_key(|&(&minute, &count)| (count, std::cmp::Reverse(minute)));
            if let Some((&minute, count)) = peak {
                write!(out, "  at most {count} in a minute")?;
                if minute > 0 {
                    let (year, month, day) = (minute / 100_000_000, minute / 1_000_000 % 100, minute / 10_000 % 100);
                    let (hour, minute) = (minute / 100 % 100, minute % 100);
                    write!(out, ", in that of {year}-{month:02}-{day:02}T{hour:02}:{minute:02}")?;
                }
                writeln!(out, "{}", if sent.more_minutes { " (of the first million)" } else { "" })?;
            }
            let (top, others) = sent.principals.top(SHOWN);
            let names: Vec<_> = top.iter().map(|(who, count)| format!("{} {count}", plain(who))).collect();
            let others = if others > 0 { format!(" and {others} others") } else { String::new() };
            writeln!(out, "  by {}{others}", names.join(", "))?;
        }
        if !never.is_empty() {
            writeln!(out, "never matched: {}", never.join(", "))?;
        }
        let sent: u64 = self.all.iter().map(|sent| sent.alerts + sent.summaries).sum();
        let calls = counted(self.calls, "PublishBatch call", "PublishBatch calls");
        writeln!(out, "in all: {} in {calls}", counted(sent, "message", "messages"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ordered::Ordered;
    use crate::rule::{Format, Rule};

    #[test]
    fn each_file_is_an_invocation_with_its_caps() {
        let mut rule = Rule::from_pattern("r", r#"{"eventName":["X"]}"#).unwrap();
        rule.max_alerts = Some(2);
        let mut observed = rule.clone();
        (observed.id, observed.mode) = ("o".into(), Mode::Observe);
        let mut json = rule.clone();
        (json.id, json.max_alerts, json.format) = ("j".into(), None, Some(Format::Json));
        let rules = Arc::new(RuleSet::new(vec![rule, observed, json]));
        let mut preview = Preview::new(&rules);
        let ordered = Ordered::new(Box::new(io::sink()), |_| {}, 1, None);
        let mut part = ordered.begin(0);
        let mut id = 0;
        for (file, records) in [["a"; 25].as_slice(), &["a", "b", "b", "b"]].into_iter().enumerate() {
            for who in records {
                id += 1;
                let record = format!(
                    r#"{{"eventTime":"2026-11-0{}T08:00:00Z","eventID":"{id}","recipientAccountId":"1",
                    "userIdentity":{{"principalId":"{who}","userName":"{who}"}}}}"#,
                    file + 1
                );
                // Each comes twice, and alerts once.
                for _ in 0..2 {
                    let found = Match { record: record.as_bytes(), number: id, offset: 0, rules: &[0, 1, 2] };
                    preview.matched(&found, "f", &mut part);
                }
            }
            preview.ended();
        }
        part.finish();
        let mut text = Vec::new();
        preview.write(&mut text).unwrap();
        let by = "  by a 52, b 6\n";
        let peak = |count: u32| format!("  at most {count} in a minute, in that of 2026-11-01T08:00\n{by}");
        // 2 and a summary, then 1 and 2 and a summary; of the other 25 and 4. One topic: 28 and 8.
        let expected = [
            "[MEDIUM] r: 58 matches, 5 alerts and 2 summaries\n  2026-11-01  2 alerts\n  2026-11-02  3 alerts\n",
            "  at most 3 in a minute, in that of 2026-11-02T08:00\n",
            by,
            "[MEDIUM] o: 58 matches, nothing sent (mode: observe)\n  2026-11-01  50 matches\n  2026-11-02  8 matches\n",
            &peak(50),
            "[MEDIUM] j: 58 matches, 29 alerts\n  2026-11-01  25 alerts\n  2026-11-02  4 alerts\n",
            &peak(25),
            "in all: 36 messages in 4 PublishBatch calls\n",
        ]
        .concat();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn large_alerts_fill_a_call_by_their_bytes() {
        let mut invocation = Invocation::default();
        let calls = (0..10).filter(|_| invocation.add(None, 90_000)).count();
        assert_eq!(calls, 5, "two in each");
        assert!(invocation.add(Some("other"), 1) && !invocation.add(Some("other"), 1));
    }
}
