//! Where objects come from.

use super::ObjectRef;
use bytes::Bytes;
use std::fmt;
use std::future::Future;

/// Opens objects; S3, or whatever stands in for it.
pub trait Source: Send + Sync + 'static {
    /// What an open object is read from.
    type Body: Body + Send;

    /// Opens an object, in the version it names.
    fn open(&self, object: &ObjectRef) -> impl Future<Output = Result<Self::Body, Fault>> + Send;
}

/// An object's bytes, as they are stored.
pub trait Body {
    /// The next bytes, of any number but none; `None` behind the last. Whatever
    /// can be resumed is resumed inside.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Broken>> + Send;

    /// How often reading was resumed behind a break.
    fn resumes(&self) -> u32 {
        0
    }
}

/// Why there are no more bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Another object has taken the place of the one that was begun: what was
    /// read is worth nothing, and reading may start afresh.
    Replaced,
    /// The object cannot be read.
    Fault(Fault),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Why an object cannot be read, for an operator: what happened and what to do,
/// without a byte of what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happened.
    pub reason: String,
    /// Whether trying again can help.
    pub transient: bool,
}

impl Fault {
    /// A fault that stays.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), transient: false }
    }

    /// A fault that may pass.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), transient: true }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Fault {}
