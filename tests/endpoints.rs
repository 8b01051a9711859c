//! The stand-ins of S3, SNS and the Lambda Runtime API, asked over plain TCP: what they answer, what they refuse, and
//! how they break.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod standin;

use standin::http::{Reply, Server, WireFault, percent_decode};
use standin::runtime::{Deadline, Runtime};
use standin::s3::{S3, S3Fault, etag};
use standin::sns::{Sns, SnsFault};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const MS: Duration = Duration::from_millis(1);

/// How the body of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    Closed,
    Reset,
}

#[derive(Debug)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    end: End,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The content of the first element of this name.
    fn element(&self, name: &str) -> &str {
        let (_, rest) = self.text().split_once(&format!("<{name}>")).unwrap_or(("", ""));
        rest.split_once(&format!("</{name}>")).map_or("", |(content, _)| content)
    }

    /// The status, and the code of the error.
    fn error(&self) -> (u16, &str) {
        (self.status, self.element("Code"))
    }
}

/// A connection that is kept.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(5_000 * MS)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn at(url: &str) -> Self {
        Self::new(url.rsplit_once(':').unwrap().1.parse().unwrap())
    }

    fn send(&mut self, head: &str, body: &[u8]) {
        let head = format!("{head}\r\nHost: localhost\r\n");
        self.0.get_mut().write_all(&[head.as_bytes(), b"\r\n", body].concat()).unwrap();
    }

    /// Reads an answer; `None` if the connection ends before it.
    fn receive(&mut self) -> Option<Response> {
        let mut line = || {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) => None,
                Ok(_) => Some(line.trim_end().to_owned()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
                Err(error) => panic!("{error}"),
            }
        };
        let status = line()?.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        while let Some((name, value)) = line().unwrap().split_once(": ") {
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new(), end: End::Whole };
        let length: usize = response.header("content-length").unwrap().parse().unwrap();
        while response.body.len() < length {
            let mut piece = vec![0; length - response.body.len()];
            match self.0.read(&mut piece) {
                Ok(0) => response.end = End::Closed,
                Ok(read) => {
                    response.body.extend_from_slice(&piece[..read]);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => response.end = End::Reset,
                Err(error) => panic!("{error}"),
            }
            break;
        }
        Some(response)
    }

    fn get(&mut self, target: &str, headers: &str) -> Response {
        self.send(&format!("GET {target} HTTP/1.1{headers}"), b"");
        self.receive().unwrap()
    }

    fn post(&mut self, target: &str, headers: &str, body: &[u8]) -> Option<Response> {
        self.send(&format!("POST {target} HTTP/1.1\r\ncontent-LENGTH: {}{headers}", body.len()), body);
        self.receive()
    }
}

fn get(s3: &S3, target: &str, headers: &str) -> Response {
    Client::at(&s3.url()).get(target, headers)
}

/// A bucket `logs` with an object `a` of ten bytes.
fn s3() -> S3 {
    let s3 = S3::start();
    s3.put("logs", "a", None, *b"0123456789");
    s3
}

/// The form of a call: the fields of entries with the ids `e1`, `e2` and so on.
fn form<'a>(topic: &str, entries: impl IntoIterator<Item = &'a [(&'a str, &'a str)]>) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let mut form = format!("Action=PublishBatch&Version=2010-03-31&TopicArn={}", encode(topic));
    for (place, fields) in (1..).zip(entries) {
        let mut field = |(name, value): (&str, &str)| {
            let value = encode(value);
            form.push_str(&format!("&PublishBatchRequestEntries.member.{place}.{name}={value}"));
        };
        for default in [("Id", format!("e{place}").as_str()), ("Message", "hello")] {
            if !fields.iter().any(|(name, _)| *name == default.0) {
                field(default);
            }
        }
        fields.iter().copied().for_each(field);
    }
    form
}

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alerts";
const FIFO: &str = "arn:aws:sns:eu-west-1:123456789012:alerts.fifo";

fn sns() -> Sns {
    let sns = Sns::start();
    sns.topic(TOPIC);
    sns.topic(FIFO);
    sns
}

fn publish(sns: &Sns, form: &str) -> Option<Response> {
    Client::at(&sns.url()).post("/", "\r\nContent-Type: application/x-www-form-urlencoded", form.as_bytes())
}

/// Publishes entries without fields of their own.
fn publish_plain(sns: &Sns, count: usize) -> Option<Response> {
    publish(sns, &form(TOPIC, vec![&[][..]; count]))
}

/// The ids in the answer to a batch: accepted, failed.
fn ids(response: &Response) -> (Vec<&str>, Vec<&str>) {
    let ids = |list: &str| {
        let list = response.text().split_once(&format!("<{list}>")).unwrap().1;
        let list = list.split_once("</Successful>").or_else(|| list.split_once("</Failed>")).unwrap().0;
        list.split("<Id>").skip(1).map(|rest| rest.split_once("</Id>").unwrap().0).collect::<Vec<_>>()
    };
    let all = ids("Failed");
    let successful = ids("Successful");
    let failed = all.into_iter().filter(|id| !successful.contains(id)).collect();
    (successful, failed)
}

#[test]
fn connections_are_kept_and_bodies_have_a_length_or_come_in_chunks() {
    let server = Server::start(|request| {
        Reply::new(200, request.body.clone()).with("Seen", format!("{} {}", request.method, request.path))
    });
    let mut client = Client::new(server.port());
    let response = client.post("/a%2Fb?c", "", b"12345").unwrap();
    assert_eq!((response.status, response.text(), response.header("seen")), (200, "12345", Some("POST /a%2Fb")));
    client.send("POST /c HTTP/1.1\r\nTRANSFER-encoding: Chunked", b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n");
    assert_eq!(client.receive().unwrap().text(), "abc0123456789");
    assert_eq!(client.get("/d", "").header("Seen"), Some("GET /d"));
}

#[test]
fn answers_break_where_they_should() {
    let server = Server::start(|request| {
        let mut reply = Reply::new(200, *b"0123456789");
        reply.fault = match request.path.as_str() {
            "/cut" => Some(WireFault::CutAfter(3)),
            "/cut0" => Some(WireFault::CutAfter(0)),
            "/cut99" => Some(WireFault::CutAfter(99)),
            "/reset" => Some(WireFault::ResetAfter(4)),
            "/stall" => Some(WireFault::StallAfter(5, 50 * MS)),
            "/drop" => Some(WireFault::Drop),
            _ => None,
        };
        reply
    });
    let seen = |path: &str| {
        let response = Client::new(server.port()).get(path, "");
        assert_eq!(response.header("content-length"), Some("10"));
        (response.body.len(), response.end)
    };
    assert_eq!(seen("/"), (10, End::Whole));
    assert_eq!(seen("/cut"), (3, End::Closed));
    assert_eq!(seen("/cut0"), (0, End::Closed));
    assert_eq!(seen("/cut99"), (10, End::Whole));
    assert_eq!(seen("/reset"), (4, End::Reset));
    let start = Instant::now();
    assert_eq!(seen("/stall"), (10, End::Whole));
    assert!(start.elapsed() >= 50 * MS);
    let mut client = Client::new(server.port());
    client.send("GET /drop HTTP/1.1", b"");
    assert!(client.receive().is_none());
}

#[test]
fn a_large_answer_is_seen_at_most_up_to_its_reset() {
    let server = Server::start(|_| {
        let mut reply = Reply::new(200, vec![7; 4 << 20]);
        reply.fault = Some(WireFault::ResetAfter(3 << 20));
        reply
    });
    let response = Client::new(server.port()).get("/", "");
    assert!(response.body.len() <= 3 << 20);
    assert_eq!(response.end, End::Reset);
}

#[test]
fn a_dropped_server_ends_its_pauses_and_connections() {
    let server = Server::start(|_| {
        let mut reply = Reply::new(200, *b"0123456789");
        reply.delay = 60_000 * MS;
        reply
    });
    let (mut idle, mut late) = (Client::new(server.port()), Client::new(server.port()));
    late.send("GET / HTTP/1.1", b"");
    thread::sleep(20 * MS);
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < 1_000 * MS);
    assert!(idle.receive().is_none());
    assert!(late.receive().is_none());
}

#[test]
fn percent_escapes_are_decoded_exactly() {
    assert_eq!(percent_decode("a+b%20%2B%2f%C3%A9").as_deref(), Some("a+b +/é"));
    assert_eq!(percent_decode("%"), None);
    assert_eq!(percent_decode("%4"), None);
    assert_eq!(percent_decode("%zz"), None);
    assert_eq!(percent_decode("%FF"), None);
}

#[test]
fn s3_gives_objects_by_their_decoded_key() {
    let s3 = S3::start();
    let tag = s3.put("logs", "AWSLogs/1 +%/é.gz", None, *b"abc");
    let response = get(&s3, "/logs/AWSLogs/1%20%2B%25/%C3%A9.gz?x-id=GetObject", "");
    assert_eq!((response.status, response.text(), response.header("etag")), (200, "abc", Some(tag.as_str())));
    assert_eq!(tag, etag(b"abc"));
    assert_eq!(response.header("x-amz-version-id"), None);
    assert_eq!(s3.gets("logs", "AWSLogs/1 +%/é.gz"), 1);
}

#[test]
fn s3_says_what_is_missing() {
    let s3 = s3();
    s3.bucket("empty");
    assert_eq!(get(&s3, "/logs/b", "").error(), (404, "NoSuchKey"));
    assert_eq!(get(&s3, "/empty/a", "").error(), (404, "NoSuchKey"));
    assert_eq!(get(&s3, "/none/a", "").error(), (404, "NoSuchBucket"));
    assert_eq!(get(&s3, "/logs/a?versionId=v1", "").error(), (404, "NoSuchVersion"));
    assert_eq!(get(&s3, "/logs/a?versionId=null", "").status, 200);
    s3.delete("logs", "a");
    assert_eq!(get(&s3, "/logs/a", "").error(), (404, "NoSuchKey"));
    assert_eq!(Client::at(&s3.url()).post("/logs/a", "", b"").unwrap().error(), (501, "NotImplemented"));
}

#[test]
fn s3_keeps_versions() {
    let s3 = s3();
    s3.put("logs", "a", Some("v1"), *b"one");
    s3.put("logs", "a", Some("v2"), *b"two");
    let seen = |target: &str| {
        let response = get(&s3, target, "");
        (response.text().to_owned(), response.header("x-amz-version-id").map(str::to_owned))
    };
    assert_eq!(seen("/logs/a"), ("two".to_owned(), Some("v2".to_owned())));
    assert_eq!(seen("/logs/a?versionId=v1&x-id=GetObject"), ("one".to_owned(), Some("v1".to_owned())));
    assert_eq!(seen("/logs/a?versionId=null"), ("0123456789".to_owned(), None));
    s3.delete("logs", "a");
    assert_eq!(get(&s3, "/logs/a", "").status, 404);
    assert_eq!(seen("/logs/a?versionId=v2").0, "two");
}

#[test]
fn s3_gives_ranges() {
    let s3 = s3();
    s3.put("logs", "empty", None, *b"");
    let seen = |range: &str| {
        let response = get(&s3, "/logs/a", &format!("\r\nRange: {range}\r\nx-amz-checksum-mode: ENABLED"));
        assert_eq!(response.header("x-amz-checksum-crc32"), None);
        (response.status, response.text().to_owned(), response.header("content-range").map(str::to_owned))
    };
    assert_eq!(seen("bytes=4-"), (206, "456789".to_owned(), Some("bytes 4-9/10".to_owned())));
    assert_eq!(seen("bytes=0-"), (206, "0123456789".to_owned(), Some("bytes 0-9/10".to_owned())));
    assert_eq!(seen("bytes=9-"), (206, "9".to_owned(), Some("bytes 9-9/10".to_owned())));
    assert_eq!(seen("bytes=2-4"), (206, "234".to_owned(), Some("bytes 2-4/10".to_owned())));
    assert_eq!(seen("bytes=8-99"), (206, "89".to_owned(), Some("bytes 8-9/10".to_owned())));
    assert_eq!(seen("bytes=10-").0, 416);
    assert_eq!(seen("bytes=-3").0, 501);
    assert_eq!(get(&s3, "/logs/a", "\r\nRange: bytes=10-").error(), (416, "InvalidRange"));
    assert_eq!(get(&s3, "/logs/empty", "\r\nRange: bytes=0-").error(), (416, "InvalidRange"));
    assert_eq!(s3.log().iter().map(|get| get.start).take(3).collect::<Vec<_>>(), [Some(4), Some(0), Some(9)]);
}

#[test]
fn s3_keeps_to_conditions() {
    let s3 = s3();
    let (same, other) = (etag(b"0123456789"), etag(b"other"));
    assert_eq!(get(&s3, "/logs/a", &format!("\r\nIf-Match: {same}\r\nRange: bytes=5-")).text(), "56789");
    assert_eq!(get(&s3, "/logs/a", &format!("\r\nIf-Match: {other}")).error(), (412, "PreconditionFailed"));
    // The condition comes before the range.
    let both = format!("\r\nIf-Match: {other}\r\nRange: bytes=99-");
    assert_eq!(get(&s3, "/logs/a", &both).error(), (412, "PreconditionFailed"));
    let response = get(&s3, "/logs/a", &format!("\r\nIf-None-Match: {same}"));
    assert_eq!((response.status, response.body.len()), (304, 0));
    assert_eq!(get(&s3, "/logs/a", &format!("\r\nIf-None-Match: {other}")).status, 200);
    assert_eq!(s3.log()[0].if_match, Some(same));
}

#[test]
fn s3_gives_checksums_of_whole_objects_to_those_who_ask() {
    let s3 = S3::start();
    s3.put("logs", "a", None, *b"123456789");
    let seen = |headers: &str| get(&s3, "/logs/a", headers).header("x-amz-checksum-crc32").map(str::to_owned);
    let asks = "\r\nx-amz-checksum-mode: ENABLED";
    // The check value of CRC-32 is cbf43926.
    assert_eq!(seen(asks).as_deref(), Some("y/Q5Jg=="));
    assert_eq!(seen(""), None);
    s3.fault("logs", "a", S3Fault::WrongChecksum);
    assert_eq!(seen(asks).as_deref(), Some("y/Q5Jw=="));
    s3.checksums(false);
    assert_eq!(seen(asks), None);
}

#[test]
fn s3_faults_are_met_one_by_one() {
    let s3 = s3();
    s3.fault("logs", "a", S3Fault::Status(503, "SlowDown", "Please reduce your request rate."));
    s3.fault("logs", "a", S3Fault::Status(500, "", ""));
    s3.fault("logs", "a", S3Fault::Wire(WireFault::CutAfter(4)));
    s3.fault("logs", "a", S3Fault::Wire(WireFault::ResetAfter(2)));
    s3.fault("logs", "a", S3Fault::Replace { cut: 6, version: None, bytes: b"new".to_vec() });
    s3.fault("logs", "a", S3Fault::Delay(30 * MS));
    assert_eq!(s3.faults_left(), 6);
    assert_eq!(get(&s3, "/logs/a", "").error(), (503, "SlowDown"));
    assert_eq!(get(&s3, "/logs/a", "").error(), (500, ""));
    let seen = |headers: &str| {
        let response = get(&s3, "/logs/a", headers);
        (response.status, response.text().to_owned(), response.end)
    };
    assert_eq!(seen(""), (200, "0123".to_owned(), End::Closed));
    assert_eq!(seen("\r\nRange: bytes=4-"), (206, "45".to_owned(), End::Reset));
    assert_eq!(seen("\r\nRange: bytes=2-"), (206, "234567".to_owned(), End::Closed));
    let start = Instant::now();
    assert_eq!(seen(&format!("\r\nRange: bytes=8-\r\nIf-Match: {}", etag(b"0123456789"))).0, 412);
    assert!(start.elapsed() >= 30 * MS);
    assert_eq!(seen(""), (200, "new".to_owned(), End::Whole));
    assert_eq!((s3.faults_left(), s3.gets("logs", "a")), (0, 7));

    s3.always("logs", "a", Some(S3Fault::Status(403, "AccessDenied", "Access Denied")));
    s3.fault("logs", "a", S3Fault::Delay(MS));
    assert_eq!(get(&s3, "/logs/a", "").status, 200);
    assert_eq!(get(&s3, "/logs/a", "").error(), (403, "AccessDenied"));
    assert_eq!(get(&s3, "/logs/a", "").error(), (403, "AccessDenied"));
    s3.always("logs", "a", None);
    s3.delay(20 * MS);
    let start = Instant::now();
    assert_eq!(get(&s3, "/logs/a", "").status, 200);
    assert!(start.elapsed() >= 20 * MS);
    s3.reset();
    assert_eq!(get(&s3, "/logs/a", "").error(), (404, "NoSuchBucket"));
    assert_eq!(s3.gets("logs", "a"), 1);
}

#[test]
fn s3_keeps_a_version_that_is_replaced() {
    let s3 = s3();
    s3.put("logs", "a", Some("v1"), *b"one");
    s3.fault("logs", "a", S3Fault::Replace { cut: 1, version: Some("v2"), bytes: b"two".to_vec() });
    assert_eq!(get(&s3, "/logs/a", "").text(), "o");
    assert_eq!(get(&s3, "/logs/a", "").text(), "two");
    assert_eq!(get(&s3, "/logs/a?versionId=v1", "").text(), "one");
}

#[test]
fn sns_keeps_what_it_accepts() {
    let sns = sns();
    let fields = [
        ("Id", "first_-1"),
        ("Message", "a & <b> + é 😀\n"),
        ("Subject", "[HIGH] x: y"),
        ("MessageAttributes.entry.1.Name", "rule"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "root-é"),
    ];
    let response = publish(&sns, &form(TOPIC, [&fields[..], &[]])).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(ids(&response), (vec!["first_-1", "e2"], vec![]));
    let messages = sns.messages();
    let first = &messages[0];
    assert_eq!((first.topic.as_str(), first.entry.id.as_str(), first.call), (TOPIC, "first_-1", 0));
    assert_eq!(first.entry.message, "a & <b> + é 😀\n");
    assert_eq!(first.entry.subject.as_deref(), Some("[HIGH] x: y"));
    assert_eq!((first.entry.attribute("rule"), first.entry.attribute("none")), (Some("root-é"), None));
    assert_eq!(messages[1].entry.message, "hello");
    assert_ne!(messages[0].message_id, messages[1].message_id);
    let call = &sns.calls()[0];
    // Bodies, attribute names, types and values; not subjects.
    let bytes = "a & <b> + é 😀\n".len() + "rule".len() + "String".len() + "root-é".len() + "hello".len();
    assert_eq!((call.entries, call.published, call.bytes, call.refused.is_none()), (2, 2, bytes, true));
}

#[test]
fn sns_refuses_batches_by_their_number_ids_and_topic() {
    let sns = sns();
    let outcome = |entries: &[&[(&str, &str)]], topic: &str| {
        let response = publish(&sns, &form(topic, entries.iter().copied())).unwrap();
        let code = response.element("Code").to_owned();
        assert!(response.status == 200 || response.element("Type") == "Sender");
        (response.status, code)
    };
    let id = |id: &str| outcome(&[&[("Id", id)]], TOPIC);
    let accepted = (200, String::new());
    let error = |code: &str| (400, code.to_owned());
    assert_eq!(outcome(&[], TOPIC), error("EmptyBatchRequest"));
    assert_eq!(outcome(&[&[][..]; 10], TOPIC), accepted);
    assert_eq!(outcome(&[&[][..]; 11], TOPIC), error("TooManyEntriesInBatchRequest"));
    assert_eq!(id("azAZ09_-"), accepted);
    assert_eq!(id(&"x".repeat(80)), accepted);
    assert_eq!(id(&"x".repeat(81)), error("InvalidBatchEntryId"));
    assert_eq!(id(""), error("InvalidBatchEntryId"));
    assert_eq!(id("a.b"), error("InvalidBatchEntryId"));
    assert_eq!(id("é"), error("InvalidBatchEntryId"));
    assert_eq!(outcome(&[&[("Id", "a")], &[("Id", "a")]], TOPIC), error("BatchEntryIdsNotDistinct"));
    assert_eq!(outcome(&[&[("Id", "a")], &[("Id", "A")]], TOPIC), accepted);
    assert_eq!(outcome(&[&[]], "arn:aws:sns:eu-west-1:123456789012:none"), (404, "NotFound".to_owned()));
    assert_eq!(outcome(&[&[]], "alerts"), error("InvalidParameter"));
    // One bad entry, and nothing of its batch is published.
    let before = sns.messages().len();
    assert_eq!(outcome(&[&[], &[("Message", "")], &[]], TOPIC), error("InvalidParameter"));
    assert_eq!(sns.messages().len(), before);
    let call = sns.calls().pop().unwrap();
    assert_eq!((call.published, call.refused.as_deref()), (0, Some("InvalidParameter")));
    let bare = "Action=PublishBatch&Version=2010-03-31&TopicArn=arn&PublishBatchRequestEntries=";
    assert_eq!(publish(&sns, bare).unwrap().error(), (400, "EmptyBatchRequest"));
    assert_eq!(publish(&sns, "Action=Publish").unwrap().error(), (400, "InvalidAction"));
    assert_eq!(publish(&sns, "Action=%FF").unwrap().error(), (400, "MalformedQueryString"));
}

#[test]
fn sns_measures_batches_against_the_maximum_of_the_topic() {
    let sns = sns();
    let attribute = [
        ("MessageAttributes.entry.1.Name", "n"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "é"),
    ];
    // With the other body, and with the name, type and value of the attribute.
    let others = "hello".len() + 1 + 6 + 2;
    let status = |bytes: usize| {
        let message = "x".repeat(bytes - others);
        let fields = [&attribute[..], &[("Message", &message), ("Subject", "not counted")]].concat();
        let response = publish(&sns, &form(TOPIC, [&[][..], &fields])).unwrap();
        assert_eq!(sns.calls().pop().unwrap().bytes, bytes);
        (response.status, response.element("Code").to_owned())
    };
    let too_long = (400, "BatchRequestTooLong".to_owned());
    assert_eq!(status(262_144).0, 200);
    assert_eq!(status(262_145), too_long);
    sns.maximum(TOPIC, 1_024);
    assert_eq!(status(1_024).0, 200);
    assert_eq!(status(1_025), too_long);
    sns.maximum(TOPIC, 1_048_576);
    assert_eq!(status(1_048_576).0, 200);
    assert_eq!(status(1_048_577), too_long);
}

#[test]
fn sns_checks_messages_subjects_and_structures() {
    let sns = sns();
    let code = |fields: &[(&str, &str)]| {
        let response = publish(&sns, &form(TOPIC, [fields])).unwrap();
        assert!(matches!(response.error(), (200, "") | (400, "InvalidParameter")), "{response:?}");
        response.status
    };
    let message = |text: &str| code(&[("Message", text)]);
    assert_eq!(message("\t\n\r \u{7f}\u{85}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}"), 200);
    for text in ["", "\0", "a\u{8}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
        assert_eq!(message(text), 400, "{text:?}");
    }
    let subject = |text: &str| code(&[("Subject", text)]);
    assert_eq!((subject(&"x".repeat(99)), subject(&"x".repeat(100))), (200, 400));
    assert_eq!((subject("[x] ~"), subject("")), (200, 400));
    for text in [" x", "a\nb", "a\tb", "\u{7f}", "é"] {
        assert_eq!(subject(text), 400, "{text:?}");
    }
    let structure = |text: &str| code(&[("MessageStructure", "json"), ("Message", text)]);
    for text in [r#"{"default":"x"}"#, r#"{"email":"","default":"","n":{"a":[1]}}"#] {
        assert_eq!(structure(text), 200, "{text}");
    }
    for text in
        [r#"{"email":"x"}"#, r#"{"default":1}"#, "[]", "x", r#"{"default":"x"} x"#, r#"{"default":"a","default":"b"}"#]
    {
        assert_eq!(structure(text), 400, "{text}");
    }
    assert_eq!(code(&[("MessageStructure", "xml")]), 400);
}

#[test]
fn sns_checks_attributes() {
    let sns = sns();
    let code = |attributes: &[(&str, &str, &str)]| {
        let mut fields = Vec::new();
        for (place, (name, data_type, value)) in (1..).zip(attributes) {
            let field = |field: &str| format!("MessageAttributes.entry.{place}.{field}");
            let kind = if *data_type == "Binary" { "Value.BinaryValue" } else { "Value.StringValue" };
            fields.extend([(field("Name"), *name), (field("Value.DataType"), data_type), (field(kind), value)]);
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let response = publish(&sns, &form(TOPIC, [&fields[..]])).unwrap();
        assert!(matches!(response.error(), (200, "") | (400, "ParameterValueInvalid")), "{response:?}");
        response.status
    };
    let name = |name: &str| code(&[(name, "String", "x")]);
    for valid in ["azAZ09_.-", "awsome", "AWS", &"x".repeat(256)] {
        assert_eq!(name(valid), 200, "{valid}");
    }
    for invalid in ["", ".a", "a.", "a..b", "a b", "é", "AWS.x", "aws.x", "Amazon.x", "aMaZoN.", &"x".repeat(257)] {
        assert_eq!(name(invalid), 400, "{invalid}");
    }
    let value = |data_type: &str, value: &str| code(&[("n", data_type, value)]);
    for (data_type, valid) in [
        ("String", "x"),
        ("String", "é\u{ffe5}\n"),
        ("String.label", "x"),
        ("String.Array", r#"["a",1,true,null]"#),
        ("Number", "-1000000000"),
        ("Number.port", "1.12345"),
        ("Binary", "AAE="),
    ] {
        assert_eq!(value(data_type, valid), 200, "{data_type} {valid}");
    }
    for (data_type, invalid) in [
        ("String", ""),
        ("String", "😀"),
        ("String", "\u{1}"),
        ("String.", "x"),
        ("String.Array", "x"),
        ("String.Array", "[[1]]"),
        ("Number", "x"),
        ("Number", "1000000001"),
        ("Number", "1.123456"),
        ("Binary", "x"),
        ("", "x"),
        ("Text", "x"),
    ] {
        assert_eq!(value(data_type, invalid), 400, "{data_type} {invalid}");
    }
    assert_eq!(code(&[("a", "String", "x"), ("b", "String", "x")]), 200);
    assert_eq!(code(&[("a", "String", "x"), ("a", "String", "y")]), 400);
    let unknown = form(TOPIC, [&[("Colour", "x")][..]]);
    assert_eq!(publish(&sns, &unknown).unwrap().error(), (400, "ValidationError"));
}

#[test]
fn fifo_topics_need_ids_and_know_repeated_ones() {
    let sns = sns();
    let status = |topic: &str, group: &str, dedup: &str| {
        let fields = [("MessageGroupId", group), ("MessageDeduplicationId", dedup)];
        let fields: Vec<(&str, &str)> = fields.into_iter().filter(|(_, value)| *value != "-").collect();
        publish(&sns, &form(topic, [&fields[..]])).unwrap().status
    };
    assert_eq!(status(FIFO, "g", "d1"), 200);
    assert_eq!(status(FIFO, "g", "d2"), 200);
    assert_eq!(status(FIFO, "g", "d1"), 200);
    assert_eq!(status(FIFO, "-", "d"), 400);
    assert_eq!(status(FIFO, "g", "-"), 400);
    assert_eq!(status(FIFO, "a b", "d"), 400);
    assert_eq!(status(FIFO, "", "d"), 400);
    assert_eq!(status(FIFO, &"g".repeat(129), "d"), 400);
    assert_eq!(status(FIFO, "g", &"d".repeat(129)), 400);
    assert_eq!(status(TOPIC, "g", "-"), 200);
    assert_eq!(status(TOPIC, "-", "d"), 400);
    let messages = sns.messages();
    let duplicates: Vec<bool> = messages.iter().map(|message| message.duplicate).collect();
    assert_eq!(duplicates, [false, false, true, false]);
    assert_eq!(messages[0].message_id, messages[2].message_id);
    assert_eq!(status(FIFO, &"!".repeat(128), &"~".repeat(128)), 200);
}

#[test]
fn sns_faults_are_met_one_by_one() {
    let sns = sns();
    sns.fault(SnsFault::Status(400, "Throttling", "Rate exceeded"));
    sns.fault(SnsFault::Status(503, "ServiceUnavailable", "later"));
    sns.fault(SnsFault::Wire(WireFault::Drop));
    sns.fault(SnsFault::Fail { every: Box::new(|place| place % 2 == 1), code: "InternalError", sender_fault: false });
    sns.fault(SnsFault::Omit(vec![0, 2]));
    sns.fault(SnsFault::Delay(30 * MS));
    assert_eq!(publish_plain(&sns, 3).unwrap().error(), (400, "Throttling"));
    let response = publish_plain(&sns, 3).unwrap();
    assert_eq!((response.error(), response.element("Type")), ((503, "ServiceUnavailable"), "Receiver"));
    assert!(publish_plain(&sns, 3).is_none());
    assert_eq!((sns.messages().len(), sns.calls().len()), (0, 2));
    let response = publish_plain(&sns, 3).unwrap();
    assert_eq!(ids(&response), (vec!["e1", "e3"], vec!["e2"]));
    assert_eq!((response.element("Code"), response.element("SenderFault")), ("InternalError", "false"));
    assert_eq!(ids(&publish_plain(&sns, 3).unwrap()), (vec!["e2"], vec![]));
    let published: Vec<String> = sns.messages().into_iter().map(|message| message.entry.id).collect();
    assert_eq!(published, ["e1", "e3", "e2"]);
    let start = Instant::now();
    assert_eq!(publish_plain(&sns, 1).unwrap().status, 200);
    assert!(start.elapsed() >= 30 * MS);
    assert_eq!(sns.faults_left(), 0);
}

#[test]
fn a_batch_whose_answer_is_lost_is_published() {
    let sns = sns();
    for fault in [WireFault::Drop, WireFault::CutAfter(40), WireFault::ResetAfter(40)] {
        sns.fault(SnsFault::LoseAnswer(fault));
        let response = publish_plain(&sns, 2);
        assert!(response.is_none_or(|response| response.body.len() == 40 && response.end != End::Whole));
    }
    assert_eq!((sns.messages().len(), sns.calls().len()), (6, 3));
}

#[test]
fn topics_have_rules_and_faults_of_their_own() {
    let sns = sns();
    sns.fault_on(FIFO, SnsFault::Delay(MS));
    sns.refuse(TOPIC, "marker");
    let marked = form(TOPIC, [&[][..], &[("Message", "with a marker in it")]]);
    assert_eq!(publish(&sns, &marked).unwrap().error(), (400, "InvalidParameter"));
    assert_eq!(publish_plain(&sns, 1).unwrap().status, 200);
    sns.deny(TOPIC, true);
    assert_eq!(publish_plain(&sns, 1).unwrap().error(), (403, "AuthorizationError"));
    sns.deny(TOPIC, false);
    sns.delay(20 * MS);
    let start = Instant::now();
    assert_eq!(publish_plain(&sns, 1).unwrap().status, 200);
    assert!(start.elapsed() >= 20 * MS);
    assert_eq!(sns.faults_left(), 1);
    sns.reset();
    assert_eq!(publish_plain(&sns, 1).unwrap().error(), (404, "NotFound"));
    assert_eq!((sns.calls().len(), sns.messages().len()), (1, 0));
}

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

fn client(runtime: &Runtime) -> Client {
    Client::at(&runtime.address())
}

#[test]
fn the_runtime_hands_out_events_and_takes_answers() {
    let runtime = Runtime::start();
    assert!(!runtime.waiting());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = client(&runtime);
            for (what, body) in [("response", "\"yes\""), ("error", r#"{"errorMessage":"no"}"#)] {
                let event = client.get(NEXT, "");
                assert_eq!((event.status, event.text()), (200, "{}"));
                for name in ["Invoked-Function-Arn", "Trace-Id"] {
                    assert!(event.header(&format!("Lambda-Runtime-{name}")).is_some());
                }
                let id = event.header("Lambda-Runtime-Aws-Request-Id").unwrap();
                let target = format!("/2018-06-01/runtime/invocation/{id}/{what}");
                let wrong = "\r\nLambda-Runtime-Invocation-Id: other";
                assert!(client.post(&target, wrong, b"").unwrap().text().contains("InvalidInvocationId"));
                let right = event.header("Lambda-Runtime-Invocation-Id").unwrap();
                let right = format!("\r\nlambda-runtime-invocation-id: {right}");
                assert_eq!(client.post(&target, &right, body.as_bytes()).unwrap().status, 202);
                // Each event is answered once.
                assert!(client.post(&target, "", b"").unwrap().text().contains("InvalidRequestID"));
            }
        });
        assert!(runtime.wait(5_000 * MS));
        let answer = runtime.invoke("{}", Deadline::In(1_000 * MS));
        assert_eq!(answer.result.as_deref(), Ok("\"yes\""));
        assert!(answer.took < 5_000 * MS);
        let answer = runtime.invoke("{}", Deadline::In(1_000 * MS));
        assert_eq!(answer.result.unwrap_err(), r#"{"errorMessage":"no"}"#);
    });
    assert_eq!(client(&runtime).post("/2018-06-01/runtime/init/error", "", b"{}").unwrap().status, 202);
    assert_eq!(runtime.init_errors(), ["{}"]);
    assert_eq!(client(&runtime).get("/other", "").status, 404);
}

#[test]
fn deadlines_are_from_now_or_at_any_time() {
    let runtime = Runtime::start();
    let mut client = client(&runtime);
    let mut deadline = |deadline| {
        runtime.send("{}", deadline);
        client.get(NEXT, "").header("lambda-runtime-deadline-ms").unwrap().parse::<u128>().unwrap()
    };
    assert_eq!(deadline(Deadline::At(600_000)), 600_000);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let soon = deadline(Deadline::In(10_000 * MS));
    assert!((now + 10_000..now + 15_000).contains(&soon));
}

#[test]
fn an_event_is_not_lost_to_a_program_that_is_gone() {
    let runtime = Runtime::start();
    let mut gone = client(&runtime);
    gone.send(&format!("GET {NEXT} HTTP/1.1"), b"");
    assert!(runtime.wait(5_000 * MS));
    drop(gone);
    let number = runtime.send("{}", Deadline::At(0));
    assert_eq!(client(&runtime).get(NEXT, "").text(), "{}");
    assert_eq!(runtime.answer(number, MS), None);
    let start = Instant::now();
    while runtime.waiting() {
        assert!(start.elapsed() < 5_000 * MS);
        thread::sleep(MS);
    }
}

#[test]
fn a_dropped_runtime_ends_those_who_wait() {
    let runtime = Runtime::start();
    let mut client = client(&runtime);
    client.send(&format!("GET {NEXT} HTTP/1.1"), b"");
    assert!(runtime.wait(5_000 * MS));
    let start = Instant::now();
    drop(runtime);
    assert!(start.elapsed() < 1_000 * MS);
}
