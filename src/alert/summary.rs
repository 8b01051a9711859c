//! Many matches of one rule in one alert.

use super::escape::push_json_string;
use super::facts::Fact;
use super::{Alert, AlertId, MatchedRecord, Origin, json, text};
use crate::rule::{Format, Rule};
use jiff::Timestamp;
use std::fmt::Write as _;

/// Principals and objects that are counted by name; the others together.
const MAX_NAMES: usize = 10;

/// The matches of one rule that were not sent one by one: how many, whose, when
/// and where. Its size is bounded, however many it counts.
#[derive(Debug, Default)]
pub struct Summary {
    count: u64,
    principals: Names,
    objects: Names,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    id: [u8; 16],
}

/// Names and how often each came, in the order in which they came.
#[derive(Debug, Default)]
struct Names {
    named: Vec<(String, u64)>,
    /// How often a name came that found no place.
    others: u64,
}

impl Names {
    fn add(&mut self, name: &str) {
        if let Some((_, count)) = self.named.iter_mut().find(|(known, _)| known == name) {
            *count += 1;
        } else if self.named.len() < MAX_NAMES {
            self.named.push((name.to_owned(), 1));
        } else {
            self.others += 1;
        }
    }

    /// The first names, at most so many, and how often others came.
    fn shown(&self, names: usize) -> (&[(String, u64)], u64) {
        let (shown, rest) = self.named.split_at(names.min(self.named.len()));
        (shown, self.others + rest.iter().map(|(_, count)| count).sum::<u64>())
    }
}

impl Summary {
    /// Counts one match, whose alert would have had this id.
    pub fn add(&mut self, record: &MatchedRecord, id: AlertId, origin: &Origin<'_>) {
        self.count += 1;
        self.principals.add(&text::capped(record.principal()));
        self.objects.add(&text::capped(&origin.name()));
        if let Some(time) = record.facts.get(Fact::EventTime).and_then(|time| time.parse::<Timestamp>().ok()) {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        // In whatever order they come, the same matches give the same id.
        self.id.iter_mut().zip(id.0).for_each(|(sum, byte)| *sum ^= byte);
    }

    /// Writes the alert, with as many names as fit into `max_bytes`
    /// ([`MIN_TOPIC_BYTES`](super::MIN_TOPIC_BYTES) at least).
    #[must_use]
    pub fn alert(&self, format: Format, rule: &Rule, max_bytes: usize) -> Alert {
        let id = AlertId::of(&["summary", &rule.id, &AlertId(self.id).to_string()]);
        let attributes =
            [("rule", rule.id.clone()), ("severity", rule.severity.name().to_owned()), ("alertId", id.to_string())];
        let mut names = MAX_NAMES;
        loop {
            let body = match format {
                Format::Text => self.text(rule, id, names),
                Format::Json => self.json(rule, id, names),
                Format::Both => json::structure(&self.json(rule, id, names), Some(&self.text(rule, id, names))),
            };
            let alert = Alert::new(body, format, rule, (id, id), &self.headline(), attributes.to_vec());
            if alert.bytes() <= max_bytes || names == 0 {
                return alert;
            }
            names /= 2;
        }
    }

    fn headline(&self) -> String {
        match self.count {
            1 => "1 more match".to_owned(),
            count => format!("{count} more matches"),
        }
    }

    fn text(&self, rule: &Rule, id: AlertId, names: usize) -> String {
        let mut out = String::new();
        if names > 0 {
            text::title(&mut out, rule);
        }
        let _ = writeln!(
            out,
            "{} of this rule: not sent one by one, since a principal had more than max_alerts of them.\n",
            self.headline()
        );
        let mut list = |label: &str, all: &Names| {
            let (shown, others) = all.shown(names);
            for (name, count) in shown {
                text::line(&mut out, label, &format!("{name}: {count}"));
            }
            if others > 0 {
                text::line(&mut out, label, &format!("others: {others}"));
            }
        };
        list("Who", &self.principals);
        list("Log file", &self.objects);
        for (label, time) in [("First", self.first), ("Last", self.last)] {
            text::line(&mut out, label, &time.map_or(String::new(), |time| time.to_string()));
        }
        text::rule_line(&mut out, rule);
        text::line(&mut out, "Alert id", &id.to_string());
        out
    }

    fn json(&self, rule: &Rule, id: AlertId, names: usize) -> String {
        let mut out = String::new();
        json::begin(&mut out, rule, if names > 0 { &rule.description } else { "" }, id, &self.headline());
        let _ = write!(out, ",\"summarised\":{{\"matches\":{}", self.count);
        for (key, time) in [("first", self.first), ("last", self.last)] {
            if let Some(time) = time {
                json::member(&mut out, key, &time.to_string());
            }
        }
        for (key, all) in [("principals", &self.principals), ("objects", &self.objects)] {
            let (shown, others) = all.shown(names);
            let _ = write!(out, ",\"{key}\":{{\"named\":[");
            for (n, (name, count)) in shown.iter().enumerate() {
                out.push_str(if n == 0 { "{\"name\":" } else { ",{\"name\":" });
                push_json_string(&mut out, name);
                let _ = write!(out, ",\"matches\":{count}}}");
            }
            let _ = write!(out, "],\"others\":{others}}}");
        }
        out.push_str("}}");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertReader, MIN_TOPIC_BYTES};
    use crate::pipeline::Match;
    use crate::rule::Pattern;
    use serde_json::Value;

    fn summary(matches: usize, names: usize) -> Summary {
        let mut reader = AlertReader::new();
        let mut summary = Summary::default();
        let rule = Rule::new("r", Pattern::any());
        for n in 0..matches {
            let record = format!(
                r#"{{"eventID":"{n}","eventTime":"2026-10-14T09:{:02}:00Z","userIdentity":{{"arn":"arn:{}"}}}}"#,
                (n + 30) % 60,
                n % names
            );
            let found = Match { record: record.as_bytes(), number: 1, offset: 1, rules: &[0] };
            let key = format!("k{}", n % names);
            let origin = Origin { bucket: Some("b"), key: &key, stored: None };
            let record = reader.read(&found);
            summary.add(&record, record.id(&rule, &origin), &origin);
        }
        summary
    }

    #[test]
    fn it_says_how_many_who_when_and_where() {
        let mut rule = Rule::new("r", Pattern::any());
        rule.description = "Something".into();
        let text = summary(60, 2).alert(Format::Text, &rule, 262_144);
        assert_eq!(text.subject, "[MEDIUM] r: 60 more matches");
        for part in [
            "Something\n",
            "60 more matches",
            "Who       arn:0: 30\n",
            "Log file  s3://b/k1: 30\n",
            "First     2026-10-14T09:00:00Z\n",
            "Last      2026-10-14T09:59:00Z\n",
        ] {
            assert!(text.body.contains(part), "{part}\n{}", text.body);
        }
        let json = summary(60, 12).alert(Format::Json, &rule, 262_144);
        let body: Value = serde_json::from_str(&json.body).unwrap();
        assert_eq!(body["summarised"]["matches"], 60);
        assert_eq!(body["summarised"]["principals"]["named"].as_array().unwrap().len(), MAX_NAMES);
        assert_eq!(body["summarised"]["principals"]["others"], 10);
        assert_eq!(body["alertId"], json.id.to_string());
    }

    #[test]
    fn it_fits_the_smallest_topic_whatever_it_counts() {
        let mut rule = Rule::new("r".repeat(64), Pattern::any());
        rule.description = "d".repeat(5_000);
        for format in [Format::Text, Format::Json, Format::Both] {
            let alert = summary(100, 50).alert(format, &rule, MIN_TOPIC_BYTES);
            assert!(alert.bytes() <= MIN_TOPIC_BYTES, "{format:?}: {}", alert.bytes());
        }
    }

    #[test]
    fn its_id_depends_on_the_matches_and_not_on_their_order() {
        let rule = Rule::new("r", Pattern::any());
        let ids = [AlertId([1; 16]), AlertId([2; 16]), AlertId([7; 16])];
        let found = Match { record: b"{}", number: 1, offset: 1, rules: &[0] };
        let record = AlertReader::new().read(&found);
        let id = |order: &[usize]| {
            let mut summary = Summary::default();
            order.iter().for_each(|&n| summary.add(&record, ids[n], &Origin { bucket: None, key: "k", stored: None }));
            summary.alert(Format::Text, &rule, 262_144).id
        };
        assert_eq!(id(&[0, 1, 2]), id(&[2, 0, 1]));
        assert_ne!(id(&[0, 1, 2]), id(&[0, 1]));
    }
}
