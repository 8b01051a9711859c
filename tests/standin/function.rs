//! The real `bootstrap`, as a process between the stand-ins. Its environment holds nothing but what a test gives it
//! and what Lambda would; its waits are short, so that faults take milliseconds.

use super::runtime::{Answer, Deadline, Runtime};
use super::s3::S3;
use super::sns::Sns;
use serde_json::Value;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// The secret key in the function's environment, which must never be printed.
pub(crate) const SECRET: &str = "planted/credential+EXAMPLEKEY";

pub(crate) struct Function {
    pub(crate) s3: S3,
    pub(crate) sns: Sns,
    pub(crate) runtime: Runtime,
    child: Child,
    /// A file and no pipe: what was printed before an answer is there when the answer is.
    output: NamedTempFile,
}

impl Function {
    /// Starts it with these settings beside the usual ones; it need not come up.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let (s3, sns, runtime) = (S3::start(), Sns::start(), Runtime::start());
        Self::start_between(settings, s3, sns, runtime)
    }

    /// As [`Function::start`], between stand-ins that are there already.
    pub(crate) fn start_between(settings: &[(&str, &str)], s3: S3, sns: Sns, runtime: Runtime) -> Self {
        let endpoints = [("AWS_ENDPOINT_URL_S3", &s3.url()[..]), ("AWS_ENDPOINT_URL_SNS", &sns.url())];
        Self::spawn(&[&endpoints, settings].concat(), s3, sns, runtime)
    }

    /// As [`Function::start`], with one endpoint for all of AWS; nobody asks the stand-ins for S3 and SNS.
    pub(crate) fn start_at(endpoint: &str, settings: &[(&str, &str)]) -> Self {
        let (s3, sns, runtime) = (S3::start(), Sns::start(), Runtime::start());
        Self::spawn(&[&[("AWS_ENDPOINT_URL", endpoint)], settings].concat(), s3, sns, runtime)
    }

    fn spawn(settings: &[(&str, &str)], s3: S3, sns: Sns, runtime: Runtime) -> Self {
        let output = NamedTempFile::new().unwrap();
        let stream = || Stdio::from(output.as_file().try_clone().unwrap());
        let mut command = bootstrap();
        command
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", &runtime.address()[..]),
                ("AWS_LAMBDA_FUNCTION_NAME", "trailwire"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", SECRET),
                ("AWS_SESSION_TOKEN", SECRET),
                ("TRAILWIRE_BACKOFF_MS", "2"),
                ("TRAILWIRE_ANSWER_TIMEOUT_MS", "400"),
                ("TRAILWIRE_STALL_TIMEOUT_MS", "100"),
                ("TRAILWIRE_DEADLINE_MARGIN_MS", "100"),
            ])
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(stream())
            .stderr(stream());
        let child = command.spawn().expect("bootstrap is built with the tests");
        Self { s3, sns, runtime, child, output }
    }

    pub(crate) fn invoke(&self, event: &Value) -> Answer {
        self.runtime.invoke(&event.to_string(), Deadline::In(Duration::from_secs(30)))
    }

    /// All that it printed so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(self.output.path()).unwrap()
    }

    /// The metrics of all invocations so far, in their order.
    pub(crate) fn metrics(&self) -> Vec<Value> {
        let lines = self.output();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line.get("_aws").is_some()).collect()
    }

    /// The most memory that it ever had resident, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(&mut self, time: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

/// The one that was built with the tests; or another, such as the one that ships for another processor, with what it
/// takes to run it, from `TRAILWIRE_BOOTSTRAP` (words with spaces between).
fn bootstrap() -> Command {
    let Ok(line) = std::env::var("TRAILWIRE_BOOTSTRAP") else { return Command::new(env!("CARGO_BIN_EXE_bootstrap")) };
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("TRAILWIRE_BOOTSTRAP names a program"));
    command.args(words);
    command
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An S3 notification of objects in the bucket `logs`.
pub(crate) fn notification(keys: &[&str]) -> Value {
    let records = keys.iter().map(|key| {
        serde_json::json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "eventTime": "2026-10-14T09:12:43.712Z",
            "s3": {"bucket": {"name": "logs"}, "object": {"key": key}}})
    });
    serde_json::json!({"Records": records.collect::<Value>()})
}

/// A batch of messages, each of which is one event.
pub(crate) fn messages(queue: &str, bodies: &[(String, String)]) -> Value {
    let records = bodies.iter().map(|(id, body)| {
        serde_json::json!({"messageId": id, "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:eu-west-1:123456789012:{queue}"), "awsRegion": "eu-west-1"})
    });
    serde_json::json!({"Records": records.collect::<Value>()})
}
