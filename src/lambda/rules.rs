//! The function's rules: read at the start, and those in S3 again when they
//! change.
//!
//! Whoever may write the object in S3 decides what is alerted on. So it can do
//! no more than that: its size is bounded, it may name only topics that the
//! function's own configuration names, and one that cannot be used changes
//! nothing.

use super::config::{Config, RulesFrom};
use super::log::{Level, log};
use crate::RuleSet;
use crate::aws::S3Source;
use crate::handler::{Routes, Topic};
use crate::rule::{self, Rule, RuleFile};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Largest rule file that is read from S3, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The longest that an invocation waits for rules when it has some.
const REFRESH: Duration = Duration::from_secs(2);

/// Where the rules come from, and what is known of them.
pub(super) struct Rules {
    config: Config,
    source: Arc<S3Source>,
    /// Of the object that was looked at last.
    etag: Option<String>,
    looked: Instant,
    /// Why the rules in use are not those in S3, if they are not.
    stale: Option<String>,
}

impl Rules {
    pub(super) fn new(config: &Config, source: &Arc<S3Source>) -> Self {
        Self { config: config.clone(), source: Arc::clone(source), etag: None, looked: Instant::now(), stale: None }
    }

    /// Reads the rules for the first time.
    pub(super) async fn load(&mut self) -> Result<Routes, String> {
        match self.config.rules.clone() {
            RulesFrom::S3 { bucket, key } => match self.fetch(&bucket, &key).await? {
                Some(routes) => Ok(routes),
                None => Err("S3 says of rules that were never read that they did not change".into()),
            },
            local => {
                let text = local.read_local().map_err(|error| error.to_string())?;
                let rules = self.compile(text)?;
                self.loaded(&rules, None);
                Ok(self.routes(rules))
            }
        }
    }

    /// Looks whether the rules have changed, if it is time to.
    pub(super) async fn refresh(&mut self) -> Option<Routes> {
        let RulesFrom::S3 { bucket, key } = self.config.rules.clone() else { return None };
        if self.looked.elapsed() < self.config.rules_ttl {
            return None;
        }
        self.looked = Instant::now();
        let fetched = timeout(REFRESH, self.fetch(&bucket, &key)).await;
        let late =
            || Err(format!("{}: no answer within {} s (try again)", self.config.rules.name(), REFRESH.as_secs()));
        match fetched.unwrap_or_else(|_| late()) {
            Ok(routes) => routes,
            Err(reason) => {
                self.stale = Some(format!("the rules in S3 cannot be used: the last good ones stay: {reason}"));
                None
            }
        }
    }

    /// Why the rules in use are not those in S3, as far as is known, if they are
    /// not: a failure of each invocation that uses them, since a new instance of
    /// the function could not even start.
    pub(super) fn stale(&self) -> Option<&str> {
        self.stale.as_deref()
    }

    /// Reads the rules in S3, unless they are the ones looked at last.
    async fn fetch(&mut self, bucket: &str, key: &str) -> Result<Option<Routes>, String> {
        // Forgotten until S3 answers: behind a fault they are read again.
        let known = self.etag.take();
        let stored = self.source.read_small(bucket, key, known.as_deref(), MAX_BYTES).await;
        let stored = stored.map_err(|fault| format!("{}: {fault}", self.config.rules.name()))?;
        let Some(stored) = stored else {
            self.etag = known;
            return Ok(None);
        };
        // Also where they cannot be used: then they stay stale, and need not be read again.
        self.etag = stored.etag;
        let text = String::from_utf8(stored.bytes)
            .map_err(|_| format!("{}: not UTF-8: save it as UTF-8", self.config.rules.name()))?;
        let rules = self.compile(text)?;
        let topics = self.config.topic.iter().chain(&self.config.topics);
        check_topics(&rules, topics).map_err(|reason| format!("{}: {reason}", self.config.rules.name()))?;
        self.stale = None;
        self.loaded(&rules, stored.version.as_deref());
        Ok(Some(self.routes(rules)))
    }

    fn compile(&self, text: String) -> Result<Vec<Rule>, String> {
        let name = self.config.rules.name();
        let rules = rule::load(&[RuleFile { name, text }]).map_err(|error| error.to_string())?;
        match rules.iter().find(|rule| rule.topic_arn.is_none()) {
            Some(rule) if self.config.topic.is_none() => {
                Err(format!("rule {} has no topic: set TRAILWIRE_TOPIC_ARN, or topic_arn in the rules", rule.id))
            }
            _ => Ok(rules),
        }
    }

    fn routes(&self, rules: Vec<Rule>) -> Routes {
        let topic: Topic = self.config.topic.as_deref().map(Arc::from);
        Routes::new(Arc::new(RuleSet::new(rules)), &topic, self.config.format)
    }

    fn loaded(&self, rules: &[Rule], version: Option<&str>) {
        let observed = rules.iter().filter(|rule| rule.mode == rule::Mode::Observe).count();
        let fields = json!({
            "rules": self.config.rules.name(),
            "count": rules.len(),
            "observed": observed,
            "etag": self.etag,
            "version": version,
        });
        log(Level::Info, "rules loaded", fields);
    }
}

/// Whether rules name no other topics than these.
fn check_topics<'a>(rules: &[Rule], topics: impl Iterator<Item = &'a String> + Clone) -> Result<(), String> {
    let strange = |rule: &&Rule| rule.topic_arn.as_ref().is_some_and(|arn| !topics.clone().any(|known| known == arn));
    match rules.iter().find(strange) {
        None => Ok(()),
        Some(rule) => Err(format!(
            "rule {} names a topic that is not among those allowed: add it to TRAILWIRE_TOPIC_ARNS",
            rule.id
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Pattern;

    #[test]
    fn rules_from_s3_name_only_topics_that_are_allowed() {
        let allowed = ["arn:aws:sns:r:1:a".to_owned()];
        let mut rules = vec![Rule::new("none", Pattern::any()), Rule::new("own", Pattern::any())];
        rules[1].topic_arn = Some(allowed[0].clone());
        assert_eq!(check_topics(&rules, allowed.iter()), Ok(()));
        rules[1].topic_arn = Some("arn:aws:sns:r:1:b".into());
        assert!(check_topics(&rules, allowed.iter()).unwrap_err().starts_with("rule own names a topic"));
    }
}
