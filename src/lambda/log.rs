//! Log lines: one JSON object each, in the form that Lambda's own have.
//!
//! Only what is said here reaches the log. Libraries have no way to it, so that
//! no credential and nothing of a log file can come from them.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::{self, Write as _};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Warn,
    Error,
}

/// Writes a line; `fields` is an object whose members stand beside the message.
pub(super) fn log(level: Level, message: &str, fields: Value) {
    let mut line = json!({
        "timestamp": Timestamp::now().to_string(),
        "level": match level {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        },
        "message": message,
    });
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
    }
    write(&line);
}

/// Writes an object as a line.
pub(super) fn write(line: &Value) {
    // If that cannot be written there is nobody left to tell.
    let _ = writeln!(io::stdout().lock(), "{line}");
}
