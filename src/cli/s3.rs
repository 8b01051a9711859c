//! Buckets: what lies in them, and objects as streams.
//!
//! Without filters a prefix is listed key by key. With them, the folders of
//! CloudTrail's layout are followed by account, region and day, so that what is
//! filtered out is not even listed.

use super::filter::{Filter, Folder};
use super::input::Input;
use crate::aws::{self, Patience, S3Body, S3Source};
use crate::handler::{Body as _, Broken, ObjectRef, Source as _, other_folder};
use bytes::{Buf as _, Bytes};
use std::io::{self, Read};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Folders in one another that are followed on the way to `AWSLogs/`; what lies
/// deeper is listed key by key.
const MAX_DEPTH: usize = 8;

/// A client for S3, and what it runs on.
pub(super) struct Connection {
    runtime: Runtime,
    source: S3Source,
}

impl Connection {
    /// With credentials and region as the AWS CLI finds them; S3 at `endpoint`,
    /// if it is not at AWS.
    pub(super) fn new(endpoint: Option<&str>) -> io::Result<Self> {
        // One thread for all connections: inflating is done by those who wait for it.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let source = runtime.block_on(aws::connect_s3(&Patience::default(), endpoint));
        Ok(Self { runtime, source })
    }
}

/// A bucket.
pub(super) struct Bucket {
    connection: Arc<Connection>,
    name: String,
}

impl Bucket {
    pub(super) fn new(connection: Arc<Connection>, name: &str) -> Arc<Self> {
        Arc::new(Self { connection, name: name.to_owned() })
    }

    /// Opens an object.
    pub(super) fn open(self: &Arc<Self>, object: &ObjectRef) -> io::Result<Box<dyn Read>> {
        let Connection { runtime, source } = &*self.connection;
        let body = runtime.block_on(source.open(object)).map_err(|fault| io::Error::other(fault.reason))?;
        Ok(Box::new(Stream { bucket: Arc::clone(self), body, chunk: Bytes::new() }))
    }
}

/// An object's bytes.
struct Stream {
    bucket: Arc<Bucket>,
    body: S3Body,
    /// What was received and not handed on.
    chunk: Bytes,
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            match self.bucket.connection.runtime.block_on(self.body.chunk()) {
                Ok(Some(chunk)) => self.chunk = chunk,
                Ok(None) => return Ok(0),
                Err(Broken::Replaced) => return Err(io::Error::other("it was replaced while it was read: try again")),
                Err(Broken::Fault(fault)) => return Err(io::Error::other(fault.reason)),
            }
        }
        let length = self.chunk.len().min(into.len());
        self.chunk.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

/// The objects of a bucket behind a prefix.
pub(super) struct Listing {
    bucket: Arc<Bucket>,
    start_after: Option<String>,
    filter: Filter,
    /// What is left to do, the next last.
    steps: Vec<Step>,
}

enum Step {
    /// A prefix, and how many folders were followed to it.
    Folder { prefix: String, depth: usize },
    /// A page of a listing.
    Page { prefix: String, depth: usize, folders: bool, from: Option<String> },
    /// An object.
    Key(String),
    /// A folder of something else.
    Skipped(&'static str),
}

impl Listing {
    pub(super) fn new(bucket: Arc<Bucket>, prefix: &str, start_after: Option<String>, filter: Filter) -> Self {
        let steps = vec![Step::Folder { prefix: prefix.to_owned(), depth: 0 }];
        Self { bucket, start_after, filter, steps }
    }

    /// Whether a prefix is followed folder by folder.
    fn by_folder(&self, prefix: &str, depth: usize) -> bool {
        self.filter.is_some() && Folder::of(prefix).map_or(depth < MAX_DEPTH, |folder| !folder.is_day())
    }

    /// Whether keys that begin so may lie behind where to start.
    fn is_behind_start(&self, folder: &str) -> bool {
        self.start_after.as_deref().is_none_or(|start| folder > start || start.starts_with(folder))
    }

    fn page(&mut self, prefix: String, depth: usize, folders: bool, from: Option<&str>) -> Result<(), Input> {
        let Bucket { connection, name } = &*self.bucket;
        // Of folders S3 would tell none that begins before, whatever it holds behind.
        let start_after = self.start_after.as_deref().filter(|_| !folders);
        let listing = aws::Listing { bucket: name, prefix: &prefix, folders, start_after, from };
        let page = connection.runtime.block_on(connection.source.list(&listing));
        let page = page.map_err(|fault| Input::Failed(format!("s3://{name}/{prefix}"), fault.reason))?;
        if page.next.is_some() {
            self.steps.push(Step::Page { prefix, depth, folders, from: page.next });
        }
        for folder in page.folders.into_iter().rev() {
            if let Some(reason) = other_folder(&folder) {
                self.steps.push(Step::Skipped(reason));
            } else if self.filter.admits_folder(&folder) && self.is_behind_start(&folder) {
                self.steps.push(Step::Folder { prefix: folder, depth: depth + 1 });
            }
        }
        let start = self.start_after.as_deref().unwrap_or_default();
        let keys = page.keys.into_iter().filter(|key| &key[..] > start);
        let step = |key: String| if key.ends_with('/') { Step::Skipped("a folder") } else { Step::Key(key) };
        self.steps.extend(keys.rev().map(step));
        Ok(())
    }
}

impl Iterator for Listing {
    type Item = Input;

    fn next(&mut self) -> Option<Input> {
        loop {
            let (prefix, depth, folders, from) = match self.steps.pop()? {
                Step::Key(key) => {
                    let object = ObjectRef { bucket: self.bucket.name.clone(), key, version: None, stored: None };
                    return Some(Input::Object(Arc::clone(&self.bucket), object));
                }
                Step::Skipped(reason) => return Some(Input::Skipped(reason)),
                Step::Folder { prefix, depth } => {
                    let folders = self.by_folder(&prefix, depth);
                    (prefix, depth, folders, None)
                }
                Step::Page { prefix, depth, folders, from } => (prefix, depth, folders, from),
            };
            if let Err(failed) = self.page(prefix, depth, folders, from.as_deref()) {
                return Some(failed);
            }
        }
    }
}
