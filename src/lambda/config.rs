//! The environment, read once and checked whole.

use crate::Limits;
use crate::alert::{MIN_TOPIC_BYTES, plain};
use crate::aws::Patience;
use crate::handler::{Retry, Settings};
use crate::rule::{Format, PACKS, TOPIC_ARN, is_topic_arn};
use crate::scan::Level;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What the program takes by itself, in bytes: code, TLS, certificates, the
/// runtime, and what the allocator keeps at hand (`tests/lambda.rs` holds it).
const PROGRAM_BYTES: usize = 28 << 20;

/// Objects read side by side at most: beyond, the network is the limit.
const MAX_LANES: usize = 16;

/// How the function is set up.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// The best backend of the scan that may be used.
    pub(super) simd: Option<Level>,
    pub(super) rules: RulesFrom,
    /// The topic of rules that name none.
    pub(super) topic: Option<String>,
    /// The topics that rules from S3 may name, beside it.
    pub(super) topics: Vec<String>,
    pub(super) format: Format,
    pub(super) settings: Settings,
    pub(super) patience: Patience,
    /// The function's name.
    pub(super) function: String,
    /// Time that is kept for the answer.
    pub(super) margin: Duration,
    /// How long rules from S3 are good before they are looked at again.
    pub(super) rules_ttl: Duration,
    /// Processors that the function is given.
    pub(super) processors: usize,
}

/// Where the rules are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RulesFrom {
    /// In the environment.
    Inline(String),
    /// In the package, or a pack's name.
    File(String),
    /// In S3.
    S3 { bucket: String, key: String },
}

/// Why the function cannot start: the variable, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// The first variable that is missing or cannot be read, and any of its own
    /// prefix that is not known: a misspelt limit is no limit.
    pub(super) fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut variables = Variables(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect());
        let rules = variables.take("TRAILWIRE_RULES").ok_or_else(no_rules)?;
        let rules = RulesFrom::parse(&rules)?;
        let topic = variables.topics("TRAILWIRE_TOPIC_ARN")?;
        if topic.len() > 1 {
            return Err(ConfigError("TRAILWIRE_TOPIC_ARN: one ARN only; rules may name others".into()));
        }
        let topic = topic.into_iter().next();
        let topics = variables.topics("TRAILWIRE_TOPIC_ARNS")?;
        let format = variables.format("TRAILWIRE_FORMAT")?;
        let function = variables.take("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "trailwire".into());
        let own_session = match variables.take("TRAILWIRE_ROLE_ARN") {
            Some(role) => Some(session(&role, &function)?),
            None => None,
        };
        let megabytes: usize = variables.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 128, 1, usize::MAX >> 20)?;

        let defaults = Settings::default();
        let limits = Limits {
            max_record_bytes: variables.number("TRAILWIRE_MAX_RECORD_BYTES", 1 << 20, 1, 1 << 30)?,
            max_object_bytes: variables.number("TRAILWIRE_MAX_OBJECT_BYTES", 1 << 30, 1, usize::MAX >> 1)? as u64,
            ..defaults.limits
        };
        let retry = Retry {
            attempts: variables.number("TRAILWIRE_ATTEMPTS", defaults.retry.attempts as usize, 1, 1_000)? as u32,
            base: variables.time("TRAILWIRE_BACKOFF_MS", defaults.retry.base)?,
            ..defaults.retry
        };
        let settings = Settings {
            limits,
            topic_bytes: variables.number("TRAILWIRE_TOPIC_BYTES", defaults.topic_bytes, MIN_TOPIC_BYTES, 1 << 20)?,
            alert_bytes: variables.number("TRAILWIRE_ALERT_BYTES", defaults.alert_bytes, 1, 1 << 30)?,
            calls: variables.number("TRAILWIRE_PUBLISH_CALLS", defaults.calls, 1, 1_000)?,
            known_alerts: variables.number("TRAILWIRE_KNOWN_ALERTS", defaults.known_alerts, 0, 1 << 30)?,
            retry,
            own_session,
            ..defaults
        };
        let most = variables.number("TRAILWIRE_LANES", MAX_LANES, 1, 1_000)?;
        let needed = (Settings { lanes: 1, ..settings.clone() }.max_bytes() + PROGRAM_BYTES).div_ceil(1 << 20);
        let too_little = || {
            ConfigError(format!(
                "{megabytes} MB of memory are too little for one object: give the function {needed}, or lower \
                 TRAILWIRE_MAX_RECORD_BYTES, TRAILWIRE_TOPIC_BYTES or TRAILWIRE_ALERT_BYTES"
            ))
        };
        let settings = settings.with_lanes_for((megabytes << 20).saturating_sub(PROGRAM_BYTES), most);
        let settings = settings.ok_or_else(too_little)?;

        let patience = Patience::default();
        let patience = Patience {
            connect: variables.time("TRAILWIRE_CONNECT_TIMEOUT_MS", patience.connect)?,
            answer: variables.time("TRAILWIRE_ANSWER_TIMEOUT_MS", patience.answer)?,
            stall: variables.time("TRAILWIRE_STALL_TIMEOUT_MS", patience.stall)?,
            retry: Retry { base: retry.base, ..patience.retry },
        };
        let simd = variables.take("TRAILWIRE_SIMD");
        let simd = simd
            .map(|name| {
                Level::named(&name).ok_or_else(|| {
                    let names = Level::ALL.map(Level::name).join(", ");
                    ConfigError(format!("TRAILWIRE_SIMD: must be one of {names}"))
                })
            })
            .transpose()?;
        let config = Self {
            simd,
            rules,
            topic,
            topics,
            format,
            settings,
            patience,
            function,
            margin: variables.time("TRAILWIRE_DEADLINE_MARGIN_MS", Duration::from_secs(2))?,
            rules_ttl: variables.time("TRAILWIRE_RULES_TTL_MS", Duration::from_secs(60))?,
            // A whole one for each 1,769 MB.
            processors: (megabytes / 1_769).max(1),
        };
        match variables.0.keys().find(|name| name.starts_with("TRAILWIRE_")) {
            Some(unknown) => Err(ConfigError(format!(
                "{}: there is no such setting: remove it, or correct its name (the README has all)",
                plain(unknown)
            ))),
            None => Ok(config),
        }
    }
}

fn no_rules() -> ConfigError {
    ConfigError(
        "no rules: set TRAILWIRE_RULES to a file in the package, to s3://BUCKET/KEY, to the name of a ready-made pack, \
         or to the rules themselves"
            .into(),
    )
}

impl RulesFrom {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let text = text.trim();
        if text.is_empty() {
            Err(no_rules())
        } else if text.starts_with('{') || text.contains('\n') {
            Ok(Self::Inline(text.to_owned()))
        } else if let Some(address) = text.strip_prefix("s3://") {
            match address.split_once('/') {
                Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                    Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
                }
                _ => Err(ConfigError("TRAILWIRE_RULES: an address in S3 is s3://BUCKET/KEY".into())),
            }
        } else {
            Ok(Self::File(text.to_owned()))
        }
    }

    /// What it goes by in errors and logs.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Inline(_) => "TRAILWIRE_RULES".to_owned(),
            Self::File(path) => path.clone(),
            Self::S3 { bucket, key } => format!("s3://{bucket}/{key}"),
        }
    }

    /// The text of rules that are not in S3.
    pub(super) fn read_local(&self) -> Result<String, ConfigError> {
        match self {
            Self::Inline(text) => Ok(text.clone()),
            Self::File(path) => match (std::fs::read_to_string(path), PACKS.iter().find(|pack| pack.name == path)) {
                (Ok(text), _) => Ok(text),
                (Err(error), Some(pack)) if error.kind() == std::io::ErrorKind::NotFound => Ok(pack.text.to_owned()),
                (Err(error), _) => {
                    let packs = PACKS.iter().map(|pack| pack.name).collect::<Vec<_>>().join(", ");
                    Err(ConfigError(format!(
                        "TRAILWIRE_RULES: {}: {error}: put it into the package, or name a ready-made pack: {packs}",
                        plain(path)
                    )))
                }
            },
            Self::S3 { .. } => Err(ConfigError("rules in S3 are not a file".into())),
        }
    }
}

/// The ARN of the session in which Lambda runs a function with this role.
fn session(role: &str, function: &str) -> Result<String, ConfigError> {
    let parts: Vec<&str> = role.split(':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, name] if name.starts_with("role/") => {
            // The path of a role is not in its sessions.
            let name = name.rsplit('/').next().unwrap_or_default();
            Ok(format!("arn:{partition}:sts::{account}:assumed-role/{name}/{function}"))
        }
        _ => Err(ConfigError("TRAILWIRE_ROLE_ARN: must be arn:PARTITION:iam::ACCOUNT:role/NAME".into())),
    }
}

/// Variables that were not read yet.
struct Variables(BTreeMap<String, String>);

impl Variables {
    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn number(&mut self, name: &str, default: usize, least: usize, most: usize) -> Result<usize, ConfigError> {
        let Some(text) = self.take(name) else { return Ok(default) };
        let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| ConfigError(format!("{name}: must be a whole number from {least} to {most}")))
    }

    fn time(&mut self, name: &str, default: Duration) -> Result<Duration, ConfigError> {
        let most = 3_600_000;
        Ok(Duration::from_millis(self.number(name, default.as_millis() as usize, 0, most)? as u64))
    }

    fn topics(&mut self, name: &str) -> Result<Vec<String>, ConfigError> {
        let text = self.take(name).unwrap_or_default();
        let topics = text.split(',').map(str::trim).filter(|arn| !arn.is_empty()).map(|arn| match is_topic_arn(arn) {
            true => Ok(arn.to_owned()),
            false => Err(ConfigError(format!("{name}: must be {TOPIC_ARN}"))),
        });
        topics.collect()
    }

    fn format(&mut self, name: &str) -> Result<Format, ConfigError> {
        match self.take(name) {
            None => Ok(Format::default()),
            Some(text) => {
                Format::named(text.trim()).ok_or_else(|| ConfigError(format!("{name}: must be text, json or both")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_environment(variables).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_a_path_an_address_or_text() {
        let from = |text: &str| read(&[("TRAILWIRE_RULES", text)]).map(|config| config.rules);
        assert_eq!(from("rules.yaml"), Ok(RulesFrom::File("rules.yaml".into())));
        assert_eq!(from("s3://b/a/b.yaml"), Ok(RulesFrom::S3 { bucket: "b".into(), key: "a/b.yaml".into() }));
        for text in ["{\"rules\": []}", "rules:\n- id: a"] {
            assert_eq!(from(text), Ok(RulesFrom::Inline(text.into())));
        }
        for text in ["s3://", "s3://b", "s3://b/", "s3:///k"] {
            assert!(from(text).unwrap_err().contains("s3://BUCKET/KEY"), "{text}");
        }
        assert!(from("").unwrap_err().contains("set TRAILWIRE_RULES"));
        assert!(from("  ").unwrap_err().contains("set TRAILWIRE_RULES"));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_names_the_variable() {
        for (name, value, said) in [
            ("TRAILWIRE_TOPIC_ARN", "topic", "arn:PARTITION:sns"),
            ("TRAILWIRE_TOPIC_ARN", "arn:aws:sns:r:1:a,arn:aws:sns:r:1:b", "one ARN only"),
            ("TRAILWIRE_TOPIC_ARNS", "arn:aws:sns:r:1:a,x", "arn:PARTITION:sns"),
            ("TRAILWIRE_FORMAT", "xml", "text, json or both"),
            ("TRAILWIRE_TOPIC_BYTES", "1023", "from 1024 to 1048576"),
            ("TRAILWIRE_TOPIC_BYTES", "1048577", "from 1024 to 1048576"),
            ("TRAILWIRE_MAX_RECORD_BYTES", "1 MiB", "whole number"),
            ("TRAILWIRE_ROLE_ARN", "role/x", "arn:PARTITION:iam"),
            ("TRAILWIRE_LANE", "1", "no such setting"),
        ] {
            let error = read(&[("TRAILWIRE_RULES", "x"), (name, value)]).unwrap_err();
            assert!(error.starts_with(name) && error.contains(said), "{name}: {error}");
        }
    }

    #[test]
    fn memory_decides_how_many_objects_are_read_at_once() {
        let lanes = |megabytes: &str| {
            let config = read(&[("TRAILWIRE_RULES", "x"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes)]).unwrap();
            let needed = config.settings.max_bytes() + PROGRAM_BYTES;
            let given = megabytes.parse::<usize>().unwrap() << 20;
            assert!(needed <= given, "{megabytes} MB: {} lanes need {needed}", config.settings.lanes);
            config.settings.lanes
        };
        assert_eq!((lanes("128"), lanes("256")), (3, 10));
        assert_eq!((lanes("512"), lanes("10240")), (MAX_LANES, MAX_LANES));
    }

    #[test]
    fn the_session_is_of_the_role_and_the_function() {
        let config = read(&[
            ("TRAILWIRE_RULES", "x"),
            ("TRAILWIRE_ROLE_ARN", "arn:aws-cn:iam::123456789012:role/service-role/trail-role"),
            ("AWS_LAMBDA_FUNCTION_NAME", "alerts"),
        ]);
        let session = config.unwrap().settings.own_session.unwrap();
        assert_eq!(session, "arn:aws-cn:sts::123456789012:assumed-role/trail-role/alerts");
    }

    #[test]
    fn the_readme_tells_what_a_size_of_function_is_enough_for() {
        let readme = include_str!("../../README.md");
        for megabytes in [128, 256, 512, 1_024, 1_769] {
            let size = megabytes.to_string();
            let config = read(&[("TRAILWIRE_RULES", "tutorial"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &size)]).unwrap();
            let most = (config.settings.max_bytes() + PROGRAM_BYTES) as f64 / f64::from(1 << 20);
            // Lambda gives a whole one with 1,769 MB.
            let processors = f64::from(megabytes) / 1_769.0;
            let row = format!("| {megabytes} MB | {} | {most:.0} | {processors:.2} |", config.settings.lanes);
            assert!(readme.contains(&row), "{row}");
        }
    }
}
