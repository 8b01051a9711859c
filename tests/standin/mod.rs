//! Stand-ins for the services that trailwire talks to as a Lambda function: S3, SNS and the Lambda Runtime API, each
//! an HTTP server on a port of its own. They refuse what the real services refuse, break as scripted, and keep what
//! they were asked, so that a test can compare it with what should have come of an event.
//!
//! A fault is scripted before the call that meets it; without one, every call is answered as it deserves.
#![allow(dead_code, reason = "each test binary uses its part of the stand-ins")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a stand-in that fails is a failed test")]

mod entry;
pub(crate) mod function;
pub(crate) mod http;
pub(crate) mod runtime;
pub(crate) mod s3;
pub(crate) mod sns;

/// Text as the content of an XML element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
