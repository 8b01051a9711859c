//! Objects from S3, read as they arrive.
//!
//! Small frames are joined to chunks of 64 KiB, below which inflate slows down.
//! A body that breaks off or falls silent is asked for again from the byte where
//! it did, on the condition that the object is still the same.

use super::Patience;
use super::fault::Refusal;
use crate::handler::{Attempts, Body, Broken, Fault, ObjectRef, Source};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

/// Bytes that are handed on at once, as long as there are so many.
const CHUNK_BYTES: usize = 64 << 10;

/// How often one object is resumed, however much of it came in between.
const MAX_RESUMES: u32 = 64;

/// Reads objects from S3.
#[derive(Clone, Debug)]
pub struct S3Source {
    pub(super) client: Client,
    pub(super) patience: Patience,
}

impl S3Source {
    pub(super) fn new(client: Client, patience: Patience) -> Self {
        Self { client, patience }
    }

    /// Reads a small object whole, unless it is still the one with `etag`.
    ///
    /// # Errors
    /// As an object's; and an object of more than `max_bytes`.
    pub async fn read_small(
        &self,
        bucket: &str,
        key: &str,
        etag: Option<&str>,
        max_bytes: usize,
    ) -> Result<Option<Stored>, Fault> {
        let object = ObjectRef { bucket: bucket.into(), key: key.into(), version: None, stored: None };
        let request = self.client.get_object().bucket(bucket).key(key).set_if_none_match(etag.map(str::to_owned));
        let mut attempts = self.patience.retry.begin();
        let output = loop {
            let refusal = match request.clone().send().await {
                Ok(output) => break output,
                Err(error) => Refusal::of(&error),
            };
            if let Refusal::Answer { status: 304, .. } = refusal {
                return Ok(None);
            }
            // Who has an older one can wait.
            if etag.is_some() || !refusal.is_transient() || !attempts.wait(None).await {
                return Err(fault(&refusal, &object));
            }
        };
        let (etag, version) = (output.e_tag.clone(), output.version_id.clone());
        let mut body = S3Body::new(self.clone(), object, output);
        let mut bytes = Vec::new();
        loop {
            match body.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > max_bytes => {
                    return Err(Fault::permanent(format!("it is larger than {max_bytes} bytes: make it smaller")));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return Ok(Some(Stored { bytes, etag, version })),
                Err(Broken::Replaced) => return Err(Fault::transient("it was replaced while it was read (try again)")),
                Err(Broken::Fault(fault)) => return Err(fault),
            }
        }
    }

    /// Asks for an object from a byte on; `etag` says which it must be.
    async fn get(&self, object: &ObjectRef, from: u64, etag: Option<&str>) -> Result<GetObjectOutput, Refusal> {
        let mut request = self.client.get_object().bucket(&object.bucket).key(&object.key);
        request = request.set_version_id(object.version.clone()).set_if_match(etag.map(str::to_owned));
        if from > 0 {
            request = request.range(format!("bytes={from}-"));
        }
        request.send().await.map_err(|error| Refusal::of(&error))
    }
}

/// A small object, whole.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// What tells it from its other contents.
    pub etag: Option<String>,
    /// Its version, in a versioned bucket.
    pub version: Option<String>,
}

impl Source for S3Source {
    type Body = S3Body;

    async fn open(&self, object: &ObjectRef) -> Result<S3Body, Fault> {
        let mut attempts = self.patience.retry.begin();
        loop {
            let refusal = match self.get(object, 0, None).await {
                Ok(output) => return Ok(S3Body::new(self.clone(), object.clone(), output)),
                Err(refusal) => refusal,
            };
            if !refusal.is_transient() || !attempts.wait(None).await {
                return Err(fault(&refusal, object));
            }
        }
    }
}

/// The body of an object in S3.
#[derive(Debug)]
pub struct S3Body {
    source: S3Source,
    object: ObjectRef,
    stream: ByteStream,
    etag: Option<String>,
    /// Of the whole object.
    length: Option<u64>,
    received: u64,
    /// What was received and not handed on.
    pending: BytesMut,
    resumes: u32,
    attempts: Attempts,
}

impl S3Body {
    fn new(source: S3Source, object: ObjectRef, output: GetObjectOutput) -> Self {
        let attempts = source.patience.retry.begin();
        Self {
            source,
            object,
            etag: output.e_tag,
            length: output.content_length.and_then(|length| u64::try_from(length).ok()),
            stream: output.body,
            received: 0,
            pending: BytesMut::new(),
            resumes: 0,
            attempts,
        }
    }

    /// The next frame, or why there is none.
    async fn frame(&mut self) -> Result<Option<Bytes>, &'static str> {
        match timeout(self.source.patience.stall, self.stream.next()).await {
            Err(_) => Err("it fell silent"),
            Ok(Some(Ok(frame))) => Ok(Some(frame)),
            Ok(Some(Err(_))) => Err("the connection broke off"),
            Ok(None) if self.length.is_some_and(|length| length > self.received) => Err("it ended early"),
            Ok(None) => Ok(None),
        }
    }

    /// Asks for the rest, behind what was received.
    async fn resume(&mut self, cause: &str) -> Result<(), Broken> {
        let received = self.received;
        let broken = |cause: &str| format!("its body broke off at stored byte {received}: {cause} (try again)");
        if self.length == Some(received) {
            // All of it came, and the end says that it is not what was stored.
            let reason = "its checksum in S3 is not that of what was received (try again)";
            return Err(Fault::transient(reason).into());
        }
        if self.etag.is_none() && self.object.version.is_none() {
            return Err(Fault::transient(broken(&format!(
                "{cause}, and nothing tells whether the rest is of the same"
            )))
            .into());
        }
        let mut cause = cause.to_owned();
        loop {
            if self.resumes == MAX_RESUMES || !self.attempts.wait(None).await {
                return Err(Fault::transient(broken(&cause)).into());
            }
            self.resumes += 1;
            match self.source.get(&self.object, received, self.etag.as_deref()).await {
                Ok(output) => {
                    let start = format!("bytes {received}-");
                    // A whole object is the answer where nothing had come yet.
                    if received > 0 && !output.content_range.is_some_and(|range| range.starts_with(&start)) {
                        return Err(Fault::permanent(broken("S3 sent another part of it than the rest")).into());
                    }
                    self.stream = output.body;
                    return Ok(());
                }
                Err(Refusal::Answer { status: 412 | 416, .. }) => return Err(Broken::Replaced),
                Err(refusal) if refusal.is_transient() => cause = refusal.text(),
                Err(refusal) => return Err(fault(&refusal, &self.object).into()),
            }
        }
    }
}

impl Body for S3Body {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            match self.frame().await {
                Ok(Some(frame)) => {
                    self.received += frame.len() as u64;
                    self.attempts = self.source.patience.retry.begin();
                    // A large one by itself is not copied.
                    if self.pending.is_empty() && frame.len() >= CHUNK_BYTES {
                        return Ok(Some(frame));
                    }
                    self.pending.extend_from_slice(&frame);
                    if self.pending.len() >= CHUNK_BYTES {
                        return Ok(Some(self.pending.split().freeze()));
                    }
                }
                Ok(None) if self.pending.is_empty() => return Ok(None),
                Ok(None) => return Ok(Some(self.pending.split().freeze())),
                Err(cause) => self.resume(cause).await?,
            }
        }
    }

    fn resumes(&self) -> u32 {
        self.resumes
    }
}

/// Why an object cannot be read, and what to do.
fn fault(refusal: &Refusal, object: &ObjectRef) -> Fault {
    let advice = match refusal {
        _ if refusal.is_transient() => {
            return Fault::transient(format!("S3 did not serve it: {} ({})", refusal.text(), refusal.try_again()));
        }
        // Says what to do by itself.
        Refusal::NoAnswer(_) | Refusal::NoRequest => "",
        Refusal::Answer { status, code, kms } => match (*status, &code[..]) {
            (_, "NoSuchBucket") => "check the bucket's name",
            (_, "NoSuchVersion") => "the version was deleted: name another one, or none",
            (404, _) => "check the key, and whether it was deleted, or moved by a lifecycle rule",
            (405, _) => "this version is a delete marker: name another one, or none",
            (_, "InvalidObjectState") => "it is archived: restore it first",
            (_, code) if *kms || code.starts_with("KMS") => {
                "check that the role in use has kms:Decrypt on the key that encrypts the object, and that the \
                 key is enabled"
            }
            (401 | 403, _) if object.version.is_some() => {
                "check that the role in use has s3:GetObject and s3:GetObjectVersion; without s3:ListBucket a \
                 missing object looks like this too"
            }
            (401 | 403, _) => {
                "check that the role in use has s3:GetObject, and the bucket's policy; without s3:ListBucket a \
                 missing object looks like this too"
            }
            (301 | 307 | 400, "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed") => {
                "the bucket is in another region: run trailwire in that one"
            }
            _ => "look the code up in the documentation of S3",
        },
    };
    let separator = if advice.is_empty() { "" } else { ": " };
    Fault::permanent(format!("S3 refused it with {}{separator}{advice}", refusal.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str, kms: bool) -> Refusal {
        Refusal::Answer { status, code: code.into(), kms }
    }

    #[test]
    fn faults_name_what_to_check_and_whether_to_try_again() {
        let object = |version: Option<&str>| ObjectRef {
            bucket: "b".into(),
            key: "k".into(),
            version: version.map(str::to_owned),
            stored: None,
        };
        for (refusal, version, transient, said) in [
            (answer(404, "NoSuchKey", false), None, false, "deleted"),
            (answer(404, "NoSuchBucket", false), None, false, "bucket's name"),
            (answer(404, "NoSuchVersion", false), Some("v"), false, "version was deleted"),
            (answer(405, "MethodNotAllowed", false), Some("v"), false, "delete marker"),
            (answer(403, "AccessDenied", false), None, false, "s3:GetObject,"),
            (answer(403, "AccessDenied", false), Some("v"), false, "s3:GetObjectVersion"),
            (answer(403, "AccessDenied", true), None, false, "kms:Decrypt"),
            (answer(400, "KMS.DisabledException", false), None, false, "key is enabled"),
            (answer(403, "InvalidObjectState", false), None, false, "restore"),
            (answer(301, "PermanentRedirect", false), None, false, "another region"),
            (answer(503, "SlowDown", false), None, true, "SlowDown"),
            (answer(500, "", false), None, true, "status 500"),
            (answer(400, "RequestTimeout", false), None, true, "RequestTimeout"),
            (answer(400, "ExpiredToken", false), None, true, "ExpiredToken"),
            (answer(429, "", false), None, true, "status 429"),
            (Refusal::NoAnswer("no answer in time"), None, true, "no answer in time"),
            (Refusal::NoRequest, None, false, "region"),
        ] {
            let fault = fault(&refusal, &object(version));
            assert_eq!(fault.transient, transient, "{refusal:?}");
            assert!(fault.reason.contains(said), "{refusal:?}: {fault}");
        }
    }
}
