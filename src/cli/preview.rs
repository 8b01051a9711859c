//! `trailwire preview`: what a rule set would have sent.
//!
//! Each file stands for one invocation of the Lambda function, as S3 makes them:
//! so caps per principal and summaries are as they would have been.

use super::filter::FilterOptions;
use super::input::InputOptions;
use super::ordered::{Ordered, Part};
use super::progress::Progress;
use super::search::status;
use super::stats::Counts;
use super::work::{Visit, Work};
use super::{Failure, HELP, LimitOptions, Patterns, Status, WorkOptions, counted};
use crate::RuleSet;
use crate::alert::{FactReader, plain};
use crate::handler::BATCH_ENTRIES;
use crate::pipeline::Match;
use crate::rule::Mode;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

/// Show what rules would have sent: alerts per rule and day, by whom, and how many at once
///
/// Nothing is sent. Each file counts as one invocation of the Lambda function, with its caps (max_alerts) and summaries.
/// Exits as scan does.
#[derive(clap::Args)]
#[command(help_template = HELP, after_help = "Examples:
  trailwire preview -r rules.yaml logs/
  trailwire preview -r cis --since 2w logs/")]
pub(super) struct Options {
    #[command(flatten)]
    patterns: Patterns,
    #[command(flatten)]
    filters: FilterOptions,
    #[command(flatten)]
    work: WorkOptions,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    inputs: InputOptions,
}

/// Principals that are named for each rule.
const SHOWN: usize = 5;

/// Minutes and days that are counted for one rule; what comes beyond, in no
/// order of time, is left out of peak and days.
const MAX_TIMES: usize = 100_000;

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    if options.patterns.is_empty() {
        return Err(Failure::Usage("no rules: give some with -r or -p, for example -r cis".into()));
    }
    let filter = options.filters.filter()?;
    let rules = Arc::new(filter.narrow(&*options.patterns.compile(None)?)?);
    let inputs = options.inputs.inputs(&filter)?;
    let progress = Progress::new(options.work.quiet, || options.work.total_bytes(&options.inputs, &filter));
    let workers = options.work.workers(&options.inputs);
    // Nothing is printed before the end.
    let ordered = Ordered::new(Box::new(io::sink()), progress.complain(), workers, None);
    let work = Work {
        rules: Arc::clone(&rules),
        limits: options.limits.limits(),
        filter: &filter,
        output: &ordered,
        done: &progress.done,
        workers,
    };
    let (totals, previews) = work.run(inputs, || Preview::new(&rules));
    let result = ordered.finish();
    progress.finish();
    let mut all = Preview::new(&rules);
    previews.iter().for_each(|preview| all.merge(preview));
    let mut out = io::BufWriter::new(io::stdout());
    let result = result.and_then(|()| all.write(&mut out)).and_then(|()| out.flush());
    status(result, &totals, options.work.quiet)
}

/// What one worker counted.
struct Preview {
    rules: Arc<RuleSet>,
    facts: FactReader,
    all: Vec<Sent>,
    /// Matches in the file in progress, by rule and principal.
    current: HashMap<(u32, String), u64>,
    calls: u64,
}

/// What a rule would have sent.
#[derive(Default)]
struct Sent {
    matches: u64,
    alerts: u64,
    summaries: u64,
    principals: Counts,
    days: BTreeMap<String, u64>,
    minutes: HashMap<String, u64>,
}

impl Visit for Preview {
    fn matched(&mut self, found: &Match<'_>, _: &str, _: &mut Part<'_>) {
        let facts = self.facts.pick(found.record);
        let (who, time) = (facts.who(), facts.time().unwrap_or("unknown"));
        for &rule in found.rules {
            let sent = &mut self.all[rule as usize];
            sent.matches += 1;
            sent.principals.add(&who, 1);
            if sent.minutes.len() < MAX_TIMES {
                *sent.days.entry(time.get(..10).unwrap_or(time).to_owned()).or_default() += 1;
                *sent.minutes.entry(time.get(..16).unwrap_or(time).to_owned()).or_default() += 1;
            }
            *self.current.entry((rule, who.clone())).or_default() += 1;
        }
    }

    fn ended(&mut self) {
        // Alerts and summaries of each rule in this file.
        let mut rules: BTreeMap<u32, (u64, bool)> = BTreeMap::new();
        for ((rule, _), count) in self.current.drain() {
            let own = &self.rules.rules()[rule as usize];
            let cap = own.alert_cap(own.format.unwrap_or_default()).map_or(u64::MAX, u64::from);
            let (alerts, summary) = rules.entry(rule).or_default();
            *alerts += count.min(cap);
            *summary |= count > cap;
        }
        let mut topics: BTreeMap<Option<&str>, u64> = BTreeMap::new();
        for (rule, (alerts, summary)) in rules {
            let own = &self.rules.rules()[rule as usize];
            if own.mode == Mode::Observe {
                continue;
            }
            let sent = &mut self.all[rule as usize];
            sent.alerts += alerts;
            sent.summaries += u64::from(summary);
            *topics.entry(own.topic_arn.as_deref()).or_default() += alerts + u64::from(summary);
        }
        self.calls += topics.values().map(|messages| messages.div_ceil(BATCH_ENTRIES as u64)).sum::<u64>();
    }
}

impl Preview {
    fn new(rules: &Arc<RuleSet>) -> Self {
        let all = rules.rules().iter().map(|_| Sent::default()).collect();
        Self { rules: Arc::clone(rules), facts: FactReader::new(), all, current: HashMap::new(), calls: 0 }
    }

    fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        for (sent, other) in self.all.iter_mut().zip(&other.all) {
            sent.matches += other.matches;
            sent.alerts += other.alerts;
            sent.summaries += other.summaries;
            sent.principals.merge(&other.principals);
            other.days.iter().for_each(|(day, count)| *sent.days.entry(day.clone()).or_default() += count);
            other.minutes.iter().for_each(|(minute, count)| *sent.minutes.entry(minute.clone()).or_default() += count);
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
            for (day, count) in &sent.days {
                writeln!(out, "  {}  {}", plain(day), counted(*count, "match", "matches"))?;
            }
            if let Some((minute, count)) =
                sent.minutes.iter().max_by_key(|(minute, count)| (**count, std::cmp::Reverse(*minute)))
            {
                writeln!(out, "  at most {count} in a minute, in that of {}", plain(minute))?;
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
        for (file, records) in [["a"; 25].as_slice(), &["a", "b", "b", "b"]].into_iter().enumerate() {
            for who in records {
                let record = format!(
                    r#"{{"eventTime":"2026-11-0{}T08:00:00Z","userIdentity":{{"userName":"{who}"}}}}"#,
                    file + 1
                );
                let found = Match { record: record.as_bytes(), number: 1, offset: 0, rules: &[0, 1, 2] };
                preview.matched(&found, "f", &mut part);
            }
            preview.ended();
        }
        part.finish();
        let mut text = Vec::new();
        preview.write(&mut text).unwrap();
        let rest = "  2026-11-01  25 matches\n  2026-11-02  4 matches\n  at most 25 in a minute, in that of 2026-11-01T08:00\n  by a 26, b 3\n";
        // 2 and a summary, then 1 and 2 and a summary; of the other 25 and 4. One topic: 28 and 8.
        let expected = format!(
            "[MEDIUM] r: 29 matches, 5 alerts and 2 summaries\n{rest}[MEDIUM] o: 29 matches, nothing sent (mode: observe)\n{rest}\
             [MEDIUM] j: 29 matches, 29 alerts\n{rest}in all: 36 messages in 4 PublishBatch calls\n"
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
