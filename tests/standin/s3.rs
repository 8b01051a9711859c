//! S3 as far as GetObject and ListObjectsV2: objects and versions, ranges, conditions, checksums, error bodies; pages
//! of keys and common prefixes.
//!
//! Paths are `/{bucket}/{key}`. Of ranges, `bytes=N-` and `bytes=N-M` are known; others are answered with 501, so that
//! a test that comes to need them fails where it says why.

use super::escape;
use super::http::{Reply, Request, Server, WireFault, percent_decode};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// A running S3. Clones share it; the last one ends it.
#[derive(Clone)]
pub(crate) struct S3 {
    state: Arc<Mutex<State>>,
    server: Arc<Server>,
}

/// What happens to one GET of an object.
#[derive(Clone, Debug)]
pub(crate) enum S3Fault {
    /// An error instead of the answer: status, code, message. Without a code it has no body.
    Status(u16, &'static str, &'static str),
    /// The answer breaks.
    Wire(WireFault),
    /// The answer is cut behind so many bytes of its body, and by then these bytes are the latest object.
    Replace { cut: usize, version: Option<&'static str>, bytes: Vec<u8> },
    /// The answer is late.
    Delay(Duration),
    /// The checksum of a whole object is that of other bytes. It is sent even where checksums are off.
    WrongChecksum,
    /// The whole object comes, whatever range was asked for.
    RangeIgnored,
}

/// One GET, whatever it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Get {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: Option<String>,
    /// The first byte that was asked for, if a range was.
    pub(crate) start: Option<u64>,
    pub(crate) if_match: Option<String>,
}

impl S3 {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State { checksums: true, ..State::default() }));
        let for_handler = state.clone();
        let server = Server::start(move |request| for_handler.lock().unwrap().answer(request));
        Self { state, server: Arc::new(server) }
    }

    /// `http://127.0.0.1:{port}`
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// An empty bucket.
    pub(crate) fn bucket(&self, bucket: &str) {
        self.lock().buckets.insert(bucket.to_owned());
    }

    /// Stores an object, in a bucket that need not be there, and returns its ETag. It becomes the latest of its key;
    /// others with a version stay.
    pub(crate) fn put(&self, bucket: &str, key: &str, version: Option<&str>, bytes: impl Into<Arc<[u8]>>) -> String {
        self.lock().put(name(bucket, key), version, bytes.into())
    }

    /// Deletes the object without a version. Those with one can still be had by it, but none is the latest.
    pub(crate) fn delete(&self, bucket: &str, key: &str) {
        if let Some(stored) = self.lock().objects.get_mut(&name(bucket, key)) {
            stored.latest = None;
            stored.versions.remove(&None);
        }
    }

    /// Appends to the faults that the next GETs of this object meet, one each.
    pub(crate) fn fault(&self, bucket: &str, key: &str, fault: S3Fault) {
        self.lock().faults.entry(name(bucket, key)).or_default().push_back(fault);
    }

    /// The fault of each GET of this object for which none is queued.
    pub(crate) fn always(&self, bucket: &str, key: &str, fault: Option<S3Fault>) {
        let name = name(bucket, key);
        match fault {
            Some(fault) => self.lock().lasting.insert(name, fault),
            None => self.lock().lasting.remove(&name),
        };
    }

    /// How late every answer is.
    pub(crate) fn delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Keys and common prefixes in one page of a listing; 1,000 at first.
    pub(crate) fn page(&self, entries: usize) {
        self.lock().page = entries;
    }

    /// The prefixes of all listings in their order, each page by itself.
    pub(crate) fn listings(&self) -> Vec<String> {
        self.lock().listings.clone()
    }

    /// Whether whole objects come with their CRC-32 when the client asks; they do at first.
    pub(crate) fn checksums(&self, on: bool) {
        self.lock().checksums = on;
    }

    /// All GETs in their order, also those that met a fault.
    pub(crate) fn log(&self) -> Vec<Get> {
        self.lock().log.clone()
    }

    /// How often this object was asked for.
    pub(crate) fn gets(&self, bucket: &str, key: &str) -> usize {
        self.lock().log.iter().filter(|get| get.bucket == bucket && get.key == key).count()
    }

    /// How many faults no GET has met yet, lasting ones aside.
    pub(crate) fn faults_left(&self) -> usize {
        self.lock().faults.values().map(VecDeque::len).sum()
    }

    /// Back to the state at the start; the port stays.
    pub(crate) fn reset(&self) {
        *self.lock() = State { checksums: true, ..State::default() };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// The ETag of these bytes, with its quotes.
pub(crate) fn etag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let first = hasher.finish();
    first.hash(&mut hasher);
    format!("\"{first:016x}{:016x}\"", hasher.finish())
}

/// A bucket and a key.
type Name = (String, String);

fn name(bucket: &str, key: &str) -> Name {
    (bucket.to_owned(), key.to_owned())
}

#[derive(Default)]
struct State {
    buckets: BTreeSet<String>,
    objects: BTreeMap<Name, Stored>,
    faults: HashMap<Name, VecDeque<S3Fault>>,
    lasting: HashMap<Name, S3Fault>,
    log: Vec<Get>,
    delay: Duration,
    checksums: bool,
    /// Entries of a page; 0 for as many as S3 gives.
    page: usize,
    listings: Vec<String>,
}

/// What is stored under one key.
#[derive(Default)]
struct Stored {
    /// By version; `None` is the object from before versioning, whose version is called `null`.
    versions: BTreeMap<Option<String>, Object>,
    /// Invariant: a key of `versions`, or `None` if the key has no object without its version.
    latest: Option<Option<String>>,
}

#[derive(Clone, PartialEq)]
struct Object {
    bytes: Arc<[u8]>,
    etag: String,
}

impl State {
    fn put(&mut self, name: Name, version: Option<&str>, bytes: Arc<[u8]>) -> String {
        self.buckets.insert(name.0.clone());
        let stored = self.objects.entry(name).or_default();
        let (version, etag) = (version.map(str::to_owned), etag(&bytes));
        stored.latest = Some(version.clone());
        stored.versions.insert(version, Object { bytes, etag: etag.clone() });
        etag
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let path = request.path.strip_prefix('/').map(|path| path.split_once('/').unwrap_or((path, "")));
        let path = path.and_then(|(bucket, key)| Some((percent_decode(bucket)?, percent_decode(key)?)));
        let (Some(name), "GET") = (path, request.method.as_str()) else {
            return error(501, "NotImplemented", "the stand-in knows only GetObject and ListObjectsV2");
        };
        if name.1.is_empty() {
            return self.listing(&name, request);
        }
        let version = request.parameter("versionId");
        let range = match request.header("range").map(parse_range) {
            Some(None) => return error(501, "NotImplemented", "the stand-in does not know such ranges"),
            range => range.flatten(),
        };
        self.log.push(Get {
            bucket: name.0.clone(),
            key: name.1.clone(),
            version: version.clone(),
            start: range.map(|(start, _)| start),
            if_match: request.header("if-match").map(str::to_owned),
        });
        let queued = self.faults.get_mut(&name).and_then(VecDeque::pop_front);
        let fault = queued.or_else(|| self.lasting.get(&name).cloned());
        let range = range.filter(|_| !matches!(fault, Some(S3Fault::RangeIgnored)));
        let mut reply = match fault {
            Some(S3Fault::Status(status, code, message)) => error(status, code, message),
            _ => self.get(&name, version, range, request, matches!(fault, Some(S3Fault::WrongChecksum))),
        };
        reply.delay = self.delay;
        match fault {
            Some(S3Fault::Wire(fault)) => reply.fault = Some(fault),
            Some(S3Fault::Replace { cut, version, bytes }) => {
                reply.fault = Some(WireFault::CutAfter(cut));
                self.put(name, version, bytes.into());
            }
            Some(S3Fault::Delay(delay)) => reply.delay += delay,
            Some(S3Fault::Status(..) | S3Fault::WrongChecksum | S3Fault::RangeIgnored) | None => {}
        }
        reply.with("x-amz-request-id", format!("{:016X}", self.log.len()))
    }

    /// A page of ListObjectsV2. Faults are those of the bucket's empty key.
    fn listing(&mut self, name: &Name, request: &Request) -> Reply {
        let parameter = |name: &str| request.parameter(name).unwrap_or_default();
        if parameter("list-type") != "2" {
            return error(501, "NotImplemented", "the stand-in knows only version 2 of listings");
        }
        let (bucket, prefix, delimiter) = (&name.0, parameter("prefix"), parameter("delimiter"));
        self.listings.push(prefix.clone());
        if let Some(S3Fault::Status(status, code, message)) =
            self.faults.get_mut(name).and_then(VecDeque::pop_front).or_else(|| self.lasting.get(name).cloned())
        {
            return error(status, code, message);
        }
        if !self.buckets.contains(bucket) {
            return error(404, "NoSuchBucket", "The specified bucket does not exist");
        }
        // A token is the last entry of the page before, and must come from there.
        let token = parameter("continuation-token");
        let after = match token.strip_prefix("behind ") {
            Some(entry) => entry.to_owned(),
            None if token.is_empty() => parameter("start-after"),
            None => return error(400, "InvalidArgument", "The continuation token provided is incorrect"),
        };
        // Entries in order: keys, and what keys begin with up to a delimiter.
        let mut entries: Vec<(String, Option<&Object>)> = Vec::new();
        for ((_, key), stored) in self.objects.iter().filter(|((own, _), _)| own == bucket) {
            let Some(rest) = key.strip_prefix(&prefix) else { continue };
            let Some(object) = stored.latest.as_ref().and_then(|version| stored.versions.get(version)) else {
                continue;
            };
            let folder = rest.find(&delimiter).filter(|_| !delimiter.is_empty());
            let entry = match folder {
                Some(at) => (key[..prefix.len() + at + delimiter.len()].to_owned(), None),
                None => (key.clone(), Some(object)),
            };
            // Keys of a folder that was told already are told with it.
            if entry.0 > after && entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        let page = if self.page == 0 { 1_000 } else { self.page };
        let truncated = entries.len() > page;
        entries.truncate(page);
        let mut body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>{bucket}</Name><Prefix>{}</Prefix>\
             <KeyCount>{}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>{truncated}</IsTruncated>",
            escape(&prefix),
            entries.len()
        );
        let encoded = parameter("encoding-type") == "url";
        for (entry, object) in &entries {
            let entry = if encoded { percent_encode(entry) } else { escape(entry) };
            body += &match object {
                Some(object) => format!(
                    "<Contents><Key>{entry}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><ETag>{}</ETag>\
                     <Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                    escape(&object.etag),
                    object.bytes.len()
                ),
                None => format!("<CommonPrefixes><Prefix>{entry}</Prefix></CommonPrefixes>"),
            };
        }
        if let Some((last, _)) = entries.last().filter(|_| truncated) {
            body += &format!("<NextContinuationToken>behind {}</NextContinuationToken>", escape(last));
        }
        body += "</ListBucketResult>";
        Reply::new(200, body.into_bytes()).with("Content-Type", "application/xml")
    }

    fn get(
        &self,
        name: &Name,
        version: Option<String>,
        range: Option<(u64, u64)>,
        request: &Request,
        wrong_checksum: bool,
    ) -> Reply {
        if !self.buckets.contains(&name.0) {
            return error(404, "NoSuchBucket", "The specified bucket does not exist");
        }
        let stored = self.objects.get(name);
        let found = match version {
            Some(version) => {
                let version = Some(version).filter(|version| version != "null");
                let object = stored.and_then(|stored| stored.versions.get(&version));
                object.map(|object| (version, object)).ok_or(("NoSuchVersion", "The specified version does not exist."))
            }
            None => {
                let latest = stored.and_then(|stored| Some((stored.latest.clone()?, stored)));
                latest
                    .map(|(version, stored)| (version.clone(), &stored.versions[&version]))
                    .ok_or(("NoSuchKey", "The specified key does not exist."))
            }
        };
        let (version, object) = match found {
            Ok(found) => found,
            Err((code, message)) => return error(404, code, message),
        };
        if request.header("if-match").is_some_and(|etag| !names(etag, &object.etag)) {
            return error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
        }
        let with_names = |reply: Reply| {
            let reply = reply.with("ETag", &object.etag);
            if let Some(version) = &version { reply.with("x-amz-version-id", version) } else { reply }
        };
        if request.header("if-none-match").is_some_and(|etag| names(etag, &object.etag)) {
            return with_names(Reply::new(304, []));
        }
        let length = object.bytes.len() as u64;
        let mut reply = match range {
            None => Reply::new(200, object.bytes.clone()),
            Some((start, _)) if start >= length => {
                let reply = error(416, "InvalidRange", "The requested range is not satisfiable");
                return reply.with("Content-Range", format!("bytes */{length}"));
            }
            Some((start, last)) => {
                let part = Range { start, end: last.saturating_add(1).min(length) };
                let content_range = format!("bytes {start}-{}/{length}", part.end - 1);
                let bytes = &object.bytes[part.start as usize..part.end as usize];
                Reply::new(206, bytes).with("Content-Range", content_range)
            }
        };
        let asked = request.header("x-amz-checksum-mode") == Some("ENABLED");
        if range.is_none() && asked && (self.checksums || wrong_checksum) {
            let checksum = crc32fast::hash(&object.bytes) ^ u32::from(wrong_checksum);
            reply = reply.with("x-amz-checksum-crc32", base64(checksum)).with("x-amz-checksum-type", "FULL_OBJECT");
        }
        with_names(reply.with("Content-Type", "application/x-gzip").with("Accept-Ranges", "bytes"))
    }
}

/// A key as S3 writes it with `encoding-type=url`.
fn percent_encode(key: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'/' | b'-' | b'_' | b'.' | b'*' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    key.bytes().map(byte).collect()
}

/// The first and the last byte of `bytes=N-` or `bytes=N-M`.
fn parse_range(range: &str) -> Option<(u64, u64)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
    start.parse().ok().filter(|start| *start <= last).map(|start| (start, last))
}

/// Whether a condition is met by this ETag.
fn names(condition: &str, etag: &str) -> bool {
    condition == "*" || condition.trim_matches('"') == etag.trim_matches('"')
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    if code.is_empty() {
        return Reply::new(status, []);
    }
    let (code, message) = (escape(code), escape(message));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>standin</RequestId><HostId>standin</HostId></Error>"
    );
    Reply::new(status, body.into_bytes()).with("Content-Type", "application/xml")
}

/// Base64 of the big-endian bytes.
fn base64(number: u32) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = u64::from(number) << 4;
    let digit = |place: u64| char::from(DIGITS[(bits >> (place * 6) & 63) as usize]);
    (0..6).rev().map(digit).chain("==".chars()).collect()
}
