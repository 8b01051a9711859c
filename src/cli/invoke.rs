//! `trailwire invoke`: the handler, once; with S3 and SNS as the environment says,
//! or offline, with a folder in place of S3 and standard output in place of SNS.

use super::folder::FolderSource;
use super::{Failure, HELP, LimitOptions, Patterns, Status, complain};
use crate::alert::{Alert, plain};
use crate::handler::{self, Answer, Handler, ObjectReport, Outcome, Publish, Report, Routes, Settings, Topic};
use crate::rule::Format;
use clap::ValueEnum;
use serde_json::{Value, json, value::RawValue};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Run the Lambda handler once on an event
///
/// Reads from S3 and publishes to SNS with the credentials, region and endpoints
/// of the environment, or works offline with --bucket-dir. Exits with 0 when all of the event succeeded, and with 2 when
/// anything in it failed.
#[derive(clap::Args)]
#[command(help_template = HELP, after_help = "Example:
  trailwire invoke testdata/events/s3.json --bucket-dir testdata/bucket -r tutorial")]
pub(super) struct Options {
    /// The event, as JSON; - for standard input
    #[arg(value_name = "EVENT")]
    event: PathBuf,
    /// Offline: read objects from DIR/BUCKET/KEY, or DIR/KEY, and print the alerts
    #[arg(long, value_name = "DIR")]
    bucket_dir: Option<PathBuf>,
    /// The topic of rules that name none
    #[arg(long, value_name = "ARN", env = "TRAILWIRE_TOPIC_ARN", conflicts_with = "bucket_dir")]
    topic_arn: Option<String>,
    #[command(flatten)]
    patterns: Patterns,
    /// text: the alerts; json: one object with response, objects and alerts
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    limits: LimitOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

pub(super) fn run(options: &Options) -> Result<Status, Failure> {
    if options.patterns.is_empty() {
        return Err(Failure::Usage("no rules: give some with -r or -p, for example -r tutorial".into()));
    }
    let usage =
        |what: &PathBuf, error: io::Error| Failure::Usage(format!("{}: {error}", plain(&what.to_string_lossy())));
    let event = if options.event.as_os_str() == "-" {
        io::read_to_string(io::stdin()).map(String::into_bytes)
    } else {
        std::fs::read(&options.event)
    };
    let event = event.map_err(|error| usage(&options.event, error))?;
    let (report, alerts, failed) = match &options.bucket_dir {
        Some(folder) => offline(options, &event, FolderSource::new(folder).map_err(|error| usage(folder, error))?)?,
        None => online(options, &event)?,
    };
    let unwritten = match options.output {
        Output::Text => {
            summarise(&report);
            failed
        }
        Output::Json => {
            let mut out = io::stdout().lock();
            writeln!(out, "{}", json_report(&report, &alerts)).and_then(|()| out.flush()).err()
        }
    };
    if let Some(error) = unwritten {
        // Alerts that nobody read were not delivered, whoever closed the pipe.
        complain(&format_args!("cannot write the alerts: {error}"));
        return Ok(Status::Failed);
    }
    Ok(if report.failures.is_empty() { Status::Success } else { Status::Failed })
}

/// What a run gives: the report, alerts that are to be shown in it, and why
/// others could not be printed.
type Ran = (Report, Vec<Box<RawValue>>, Option<io::Error>);

fn offline(options: &Options, event: &[u8], source: FolderSource) -> Result<Ran, Failure> {
    let forced = (options.output == Output::Json).then_some(Format::Json);
    let routes = Routes::new(options.patterns.compile(forced)?, &None, Format::default());
    let printer = Arc::new(Printer { collect: options.output == Output::Json, printed: Mutex::default() });
    // One object after another, so that two runs print alike.
    let settings = Settings { limits: options.limits.limits(), lanes: 1, calls: 1, ..Settings::default() };
    let handler = Handler::new(routes, settings, Arc::new(source), Arc::clone(&printer));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let report = runtime.block_on(handler.invoke(event, None));
    let Printed { alerts, failed } = std::mem::take(&mut *printer.printed());
    Ok((report, alerts, failed))
}

#[cfg(feature = "aws")]
fn online(options: &Options, event: &[u8]) -> Result<Ran, Failure> {
    let rules = options.patterns.compile(None)?;
    let topic: Topic = options.topic_arn.as_deref().map(Arc::from);
    if let Some(rule) = rules.rules().iter().find(|rule| rule.topic_arn.is_none() && topic.is_none()) {
        return Err(Failure::Usage(format!("rule {} has no topic: give one with --topic-arn", rule.id)));
    }
    let routes = Routes::new(rules, &topic, Format::default());
    let settings = Settings { limits: options.limits.limits(), ..Settings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (report, published) = runtime.block_on(async {
        let (source, publisher) = crate::aws::connect(&crate::aws::Patience::default()).await;
        let published = Arc::new(Published { publisher, alerts: Mutex::default() });
        let handler = Handler::new(routes, settings, Arc::new(source), Arc::clone(&published));
        (handler.invoke(event, None).await, published)
    });
    let alerts = std::mem::take(&mut *published.alerts.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((report, alerts, None))
}

#[cfg(not(feature = "aws"))]
fn online(_: &Options, _: &[u8]) -> Result<Ran, Failure> {
    Err(Failure::Usage(
        "this build knows no AWS: give --bucket-dir DIR to work offline, or build with --features aws".into(),
    ))
}

/// Publishes to SNS, and keeps the alerts that are JSON.
#[cfg(feature = "aws")]
struct Published {
    publisher: crate::aws::SnsPublisher,
    alerts: Mutex<Vec<Box<RawValue>>>,
}

#[cfg(feature = "aws")]
impl Publish for Published {
    async fn batch(&self, topic: &Topic, alerts: &[&Alert]) -> Answer {
        let answer = self.publisher.batch(topic, alerts).await;
        if let Answer::Each(outcomes) = &answer {
            let sent = alerts.iter().zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Sent);
            let sent = sent.filter_map(|(alert, _)| RawValue::from_string(alert.body.clone()).ok());
            self.alerts.lock().unwrap_or_else(PoisonError::into_inner).extend(sent);
        }
        answer
    }
}

/// Says on standard error what became of each object, and the answer.
fn summarise(report: &Report) {
    for ObjectReport { object, status, counts, .. } in &report.objects {
        let name = plain(&format!("s3://{}/{}", object.bucket, object.key));
        match status {
            handler::Status::Done => {
                complain(&format_args!("{name}: done: {} records, {} matches", counts.records, counts.matches));
            }
            handler::Status::Skipped(reason) => complain(&format_args!("{name}: skipped: {reason}")),
            // Told below, with all else that did.
            handler::Status::Failed(_) => {}
        }
    }
    for failure in &report.failures {
        complain(&format_args!("failed: {}", plain(failure)));
    }
    match &report.response {
        Ok(response) => complain(&format_args!("response: {response}")),
        Err(error) => complain(&format_args!("error: {}", plain(error))),
    }
}

fn json_report(report: &Report, alerts: &[Box<RawValue>]) -> String {
    let objects = report.objects.iter().map(|ObjectReport { object, status, counts, .. }| {
        let (status, error) = match status {
            handler::Status::Done => ("done", None),
            handler::Status::Skipped(_) => ("skipped", None),
            handler::Status::Failed(fault) => ("failed", Some(&fault.reason)),
        };
        let mut report = json!({"bucket": object.bucket, "key": object.key, "status": status,
            "records": counts.records, "matches": counts.matches});
        if let Some(error) = error {
            report["error"] = error.as_str().into();
        }
        report
    });
    let objects: Value = objects.collect();
    let response = match &report.response {
        Ok(response) => response.clone(),
        Err(error) => json!({"error": error}),
    };
    let alerts: Vec<_> = alerts.iter().map(|alert| alert.get()).collect();
    // By hand, since the alerts' records are to stay as CloudTrail wrote them.
    format!("{{\"response\":{response},\"objects\":{objects},\"alerts\":[{}]}}", alerts.join(","))
}

/// Accepts every alert, and prints it or keeps it.
struct Printer {
    collect: bool,
    printed: Mutex<Printed>,
}

#[derive(Default)]
struct Printed {
    alerts: Vec<Box<RawValue>>,
    /// Why nothing more is printed.
    failed: Option<io::Error>,
}

impl Printer {
    fn printed(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publish for Printer {
    async fn batch(&self, _: &Topic, alerts: &[&Alert]) -> Answer {
        let mut printed = self.printed();
        let outcomes = alerts.iter().map(|alert| {
            if self.collect {
                return match RawValue::from_string(alert.body.clone()) {
                    Ok(alert) => {
                        printed.alerts.push(alert);
                        Outcome::Sent
                    }
                    Err(error) => Outcome::Rejected(format!("the alert is not JSON: {error}")),
                };
            }
            let result = writeln!(io::stdout(), "{}\n\n{}", alert.subject, alert.body);
            match result {
                Ok(()) => Outcome::Sent,
                Err(error) => {
                    let reason = error.to_string();
                    printed.failed.get_or_insert(error);
                    Outcome::Rejected(reason)
                }
            }
        });
        Answer::Each(outcomes.collect())
    }
}
