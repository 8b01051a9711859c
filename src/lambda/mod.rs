//! The Lambda function: the handler between lambda_runtime, S3 and SNS.
//!
//! Clients and rules are made before the first invocation and stay. What
//! happened is said in JSON lines on standard output: one for each failure, and
//! one with the metrics of each invocation.

mod config;
mod log;
mod metrics;
mod rules;

use crate::alert::plain;
use crate::aws::{self, S3Source, SnsPublisher};
use crate::handler::{Handler, ObjectReport, Report, Routes, Settings, Status};
use crate::scan;
use config::Config;
use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use log::{Level, log};
use rules::Rules;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Runs the function on the process's environment; returns where it cannot.
#[must_use]
pub fn run() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // The place and not the message, which may quote what it stumbled over.
        let place = panic.location().map(ToString::to_string);
        log(Level::Error, "an error in trailwire (a panic): please report this", json!({"place": place}));
    }));
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            log(Level::Error, "the function cannot start", json!({"error": plain(&reason)}));
            ExitCode::FAILURE
        }
    }
}

/// What Lambda sets, and its runtime's crate panics without.
const SET_BY_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

fn start() -> Result<(), String> {
    let is_missing = |name: &&str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    if let Some(name) = SET_BY_LAMBDA.into_iter().find(is_missing) {
        return Err(format!("{name} is not set, as AWS Lambda does: elsewhere, start it by deploy/local/emulator.py"));
    }
    let config = Config::from_environment(std::env::vars()).map_err(|error| error.to_string())?;
    if let Some(most) = config.simd {
        scan::limit(most);
    }
    let mut runtime = match config.processors {
        // With one processor a second thread would only take turns with the first.
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(config.processors).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), String> {
    let (source, publisher) = aws::connect(&config.patience).await;
    let (source, publisher) = (Arc::new(source), Arc::new(publisher));
    let mut rules = Rules::new(&config, &source);
    let routes = rules.load().await?;
    let handler = new_handler(routes, &config.settings, &source, &publisher);
    log(
        Level::Info,
        "started",
        json!({"version": env!("CARGO_PKG_VERSION"), "lanes": config.settings.lanes, "rulesTtl": config.rules_ttl.as_secs()}),
    );
    let function = Arc::new(Function {
        config,
        source,
        publisher,
        rules: tokio::sync::Mutex::new(rules),
        handler: Mutex::new(Arc::new(handler)),
    });
    let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move { function.invoke(event.payload.get(), &event.context).await }
    });
    lambda_runtime::run(service).await.map_err(|error| error.to_string())
}

#[cfg(not(feature = "fault-injection"))]
type FunctionSource = S3Source;
#[cfg(feature = "fault-injection")]
type FunctionSource = fault_injection::Panicking<S3Source>;

fn new_handler(
    routes: Routes,
    settings: &Settings,
    source: &Arc<S3Source>,
    publisher: &Arc<SnsPublisher>,
) -> Handler<FunctionSource, SnsPublisher> {
    #[cfg(feature = "fault-injection")]
    let source = &Arc::new(fault_injection::Panicking(S3Source::clone(source)));
    Handler::new(routes, settings.clone(), Arc::clone(source), Arc::clone(publisher))
}

/// What stays from one invocation to the next.
struct Function {
    config: Config,
    source: Arc<S3Source>,
    publisher: Arc<SnsPublisher>,
    rules: tokio::sync::Mutex<Rules>,
    /// Made anew when the rules change.
    handler: Mutex<Arc<Handler<FunctionSource, SnsPublisher>>>,
}

impl Function {
    async fn invoke(&self, event: &str, context: &Context) -> Result<Value, Diagnostic> {
        let begun = Instant::now();
        let deadline = deadline(context.deadline, self.config.margin);
        let (handler, stale) = self.handler().await;
        let mut report = handler.invoke(event.as_bytes(), deadline).await;
        report.failures.extend(stale);
        tell(&report, &context.request_id);
        let (took, now) = (begun.elapsed(), Timestamp::now());
        log::write(&metrics::line(&report, &self.config.function, &context.request_id, took, now));
        report
            .response
            .map_err(|reason| Diagnostic { error_type: "trailwire.Failed".into(), error_message: plain(&reason) })
    }

    /// The handler for the rules as they are now; and why they are not those in S3,
    /// if they are not.
    async fn handler(&self) -> (Arc<Handler<FunctionSource, SnsPublisher>>, Option<String>) {
        let (routes, stale) = {
            let mut rules = self.rules.lock().await;
            (rules.refresh().await, rules.stale().map(str::to_owned))
        };
        let mut handler = self.handler.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(routes) = routes {
            *handler = Arc::new(new_handler(routes, &self.config.settings, &self.source, &self.publisher));
        }
        (Arc::clone(&handler), stale)
    }
}

/// When to stop, so that there is time for the answer: half of the time that is
/// left, or more. `None` where the deadline is past, as some emulators have it.
fn deadline(milliseconds: u64, margin: Duration) -> Option<Instant> {
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
    let left = deadline.duration_since(SystemTime::now()).ok().filter(|left| !left.is_zero())?;
    Some(Instant::now() + left.saturating_sub(margin).max(left / 2))
}

/// Says what failed, and what an operator may want to know of the rest.
fn tell(report: &Report, request_id: &str) {
    for failure in &report.failures {
        log(Level::Error, "failed", json!({"requestId": request_id, "error": plain(failure)}));
    }
    for ObjectReport { object, status, resumes, restarts, .. } in &report.objects {
        let say = |level: Level, message: &str, detail: &str, value: Value| {
            let mut fields = json!({"requestId": request_id, "bucket": object.bucket, "key": plain(&object.key)});
            fields[detail] = value;
            log(level, message, fields);
        };
        if *restarts > 0 {
            say(Level::Warn, "another object took its place: it was read afresh", "restarts", (*restarts).into());
        }
        if *resumes > 0 {
            say(Level::Info, "its body broke off and was resumed", "resumes", (*resumes).into());
        }
        if let Status::Skipped(reason) = status {
            say(Level::Info, "skipped", "reason", (*reason).into());
        }
    }
}

/// For tests that the process survives a panic.
#[cfg(feature = "fault-injection")]
mod fault_injection {
    use crate::handler::{Fault, ObjectRef, Source};

    /// Panics where a key asks for it.
    pub(super) struct Panicking<S>(pub(super) S);

    impl<S: Source> Source for Panicking<S> {
        type Body = S::Body;

        async fn open(&self, object: &ObjectRef) -> Result<S::Body, Fault> {
            let body = self.0.open(object).await;
            assert!(!object.key.contains("panic!"), "{}", object.key);
            body
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_leaves_time_for_the_answer_and_a_past_one_is_none() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
        let left = |ahead: u64| deadline(now + ahead, Duration::from_secs(2)).map(|at| at - Instant::now());
        for (ahead, least, most) in [(60_000, 57_000, 58_000), (1_000, 400, 500), (3_000, 1_400, 1_500)] {
            let left = left(ahead).unwrap().as_millis();
            assert!((least..=most).contains(&left), "{ahead}: {left}");
        }
        assert_eq!(deadline(600_000, Duration::from_secs(2)), None);
        assert_eq!(deadline(0, Duration::ZERO), None);
        assert_eq!(deadline(now.saturating_sub(1), Duration::ZERO), None);
    }
}
