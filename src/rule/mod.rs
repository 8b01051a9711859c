//! Rules: event patterns with a name, compiled into one set.
//!
//! In: rule text. Out: a [`RuleSet`], immutable and shared, that a [`Matcher`]
//! runs on records. Everything that can be wrong with a rule is found here, by
//! place and reason, before the first record is read: a rule that loads is a
//! rule that does what it says.

mod element;
mod envelope;
pub mod explain;
mod file;
mod fold;
mod hits;
mod ignore;
mod index;
mod ip;
pub mod lint;
mod matcher;
mod node;
pub mod overlap;
mod pack;
mod pattern;
mod sample;
mod schema;
mod search;
mod set;
mod texts;
mod wildcard;

pub use file::{FileError, RuleFile, RuleSource, RuleTest, TOPIC_ARN, is_topic_arn, load, load_sources};
pub(crate) use matcher::MATCH_BYTES;
pub use matcher::Matcher;
pub use node::Place;
pub use pack::{PACKS, Pack};
pub use pattern::Pattern;
pub use sample::Sample;
pub use set::{FoundBy, RuleSet};

use std::fmt;

/// Alerts per rule, principal and invocation in the formats that go to people: SNS
/// disables an email subscription that gets more than 10 messages a second.
pub const MAX_ALERTS: u32 = 20;

/// A pattern and what an alert says about it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique in a set: `[A-Za-z0-9._-]{1,64}`.
    pub id: String,
    /// One line on what a match means; may be empty.
    pub description: String,
    /// How bad a match is.
    pub severity: Severity,
    /// Where its alerts go; `None` for the environment's topic.
    pub topic_arn: Option<String>,
    /// How its alerts are written; `None` for the environment's format.
    pub format: Option<Format>,
    /// Alerts per principal and invocation, behind which the rest is summarised;
    /// `None` for the format's own bound.
    pub max_alerts: Option<u32>,
    /// Whether its matches are published.
    pub mode: Mode,
    /// The records it matches.
    pub pattern: Pattern,
    /// The records among them that it does not match after all: known to be
    /// harmless.
    pub ignore: Vec<Pattern>,
}

impl Rule {
    /// A rule with a pattern and nothing else.
    #[must_use]
    pub fn new(id: impl Into<String>, pattern: Pattern) -> Self {
        Self {
            id: id.into(),
            description: String::new(),
            severity: Severity::default(),
            topic_arn: None,
            format: None,
            max_alerts: None,
            mode: Mode::default(),
            pattern,
            ignore: Vec::new(),
        }
    }

    /// How many alerts of one principal are sent one by one, if not all: what the
    /// rule says, and else [`MAX_ALERTS`] where people read them.
    #[must_use]
    pub fn alert_cap(&self, format: Format) -> Option<u32> {
        self.max_alerts.or((format != Format::Json).then_some(MAX_ALERTS))
    }

    /// A rule from a pattern's JSON, as [`new`](Self::new).
    ///
    /// # Errors
    /// As [`Pattern::from_json`]; and a pattern for the envelope of EventBridge
    /// (with a top-level `detail`) that cannot be put as one for records.
    pub fn from_pattern(id: impl Into<String>, json: &str) -> Result<Self, RuleError> {
        Ok(Self::new(id, Pattern::compile_for_records(&node::Node::from_json(json)?)?))
    }
}

/// How bad a match is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a line in a log.
    Info,
    /// Worth a look some day.
    Low,
    /// Worth a look today. The default.
    #[default]
    Medium,
    /// Worth a look now.
    High,
    /// Worth waking somebody.
    Critical,
}

impl Severity {
    const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word in rule files and alerts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// How an alert's body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people, in an email.
    #[default]
    Text,
    /// For programs: one JSON object on one line.
    Json,
    /// `Text` for email subscribers and `Json` for all others, in one message.
    Both,
}

impl Format {
    const ALL: [Self; 3] = [Self::Text, Self::Json, Self::Both];

    /// The word in rule files and options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Both => "both",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Whether a rule's matches are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    #[default]
    Publish,
    /// They are counted and no more, as long as a rule is on trial.
    Observe,
}

impl Mode {
    const ALL: [Self; 2] = [Self::Publish, Self::Observe];

    /// The word in rule files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Observe => "observe",
        }
    }
}

/// What is wrong with rule text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub reason: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.place.line, self.place.column, self.reason)
    }
}

impl std::error::Error for RuleError {}
