//! Writes the test data: `cargo run --example generate-testdata`.
//!
//! Made up and the same at each run, so that tests can name record ids and
//! anyone can see how a file came to be. `README.md` beside it says what the
//! files are for.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "also a module of tests/testdata.rs")]
#![allow(clippy::unwrap_used, reason = "a failure here is to be seen, not handled")]

mod faults;
mod maker;
mod records;
mod triggers;

pub use faults::expected;
use faults::faults;
use flate2::{Compression, write::GzEncoder};
use maker::{Maker, Random, joined};
use records::EVENTS;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use triggers::{messages, notification};

const HERE: &str = "AWSLogs/123456789012/CloudTrail";
const ORDINARY: &str = "eu-west-1/2026/10/14/123456789012_CloudTrail_eu-west-1_20261014T0910Z_Kp3vT7aZq0WmXr2C.json.gz";
const MULTI_MEMBER: &str =
    "eu-west-1/2026/10/14/123456789012_CloudTrail_eu-west-1_20261014T0915Z_Tm5nB8cYd1LsQv4E.json.gz";
const PRETTY: &str = "eu-west-1/2026/10/14/123456789012_CloudTrail_eu-west-1_20261014T0920Z_Pr6kD2fWj9HxNz7G.json.gz";
const PLAIN: &str = "eu-west-1/2026/10/14/123456789012_CloudTrail_eu-west-1_20261014T0925Z_Jn4tF6gVb3KyMs8H.json.gz";
const EMPTY: &str = "eu-west-1/2026/10/14/123456789012_CloudTrail_eu-west-1_20261014T0930Z_Em0uG5hRc7BzPw1J.json.gz";
const SMALL: &str = "us-east-1/2026/10/14/123456789012_CloudTrail_us-east-1_20261014T0910Z_Sm2wL9pXe4QkRt6B.json.gz";
/// Never written.
const MISSING: &str = "eu-west-1/2026/10/14/123456789012_CloudTrail_eu-west-1_20261014T0935Z_Mi8sS1nGk3FvCd5A.json.gz";
const INSIGHT: &str = "AWSLogs/123456789012/CloudTrail-Insight/eu-west-1/2026/10/14/\
    123456789012_CloudTrail-Insight_eu-west-1_20261014T0940Z_In7dC3jZm5TqWb9K.json.gz";
const DIGEST: &str = "AWSLogs/123456789012/CloudTrail-Digest/eu-west-1/2026/10/14/\
    123456789012_CloudTrail-Digest_eu-west-1_main_eu-west-1_20261014T091720Z.json.gz";
/// Its space and plus test how keys in events are decoded.
const ORGANISATION: &str = "audit logs+copies/AWSLogs/o-exampleorgid/210987654321/CloudTrail/us-east-1/2026/10/14/\
    210987654321_CloudTrail_us-east-1_20261014T0915Z_Og3xR7yAh2UeLn6D.json.gz";

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    for (path, content) in files() {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// All files: the path below `testdata/`, and the content.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let ordinary: Vec<_> = EVENTS.iter().flat_map(|event| std::iter::repeat_n(event.label, event.copies)).collect();
    // Mixed: 17 and the 40 records have no common factor.
    let ordinary: Vec<_> = (0..ordinary.len()).map(|i| ordinary[i * 17 % ordinary.len()]).collect();
    let members = "decrypt get-bucket-acl user-policy create-topic get-bucket-acl account-summary put-alarm \
        get-secret create-access-key metric-filter get-bucket-acl decoy-string";
    let pretty = "get-object open-port create-topic put-alarm run-task";
    let home = |seed, labels: &str| Maker::new(seed, "123456789012", "eu-west-1").records(labels);

    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut object = |key: String, content| files.push((format!("bucket/{key}"), content));
    object(format!("{HERE}/{ORDINARY}"), gzip(&document(&home(1, &ordinary.join(" ")))));
    let small = Maker::new(2, "123456789012", "us-east-1").records("assume-role get-bucket-acl describe-instances");
    object(format!("{HERE}/{SMALL}"), gzip(&document(&small)));
    object(format!("{HERE}/{MULTI_MEMBER}"), three_members(&document(&home(3, members))));
    object(format!("{HERE}/{PRETTY}"), gzip(&indent(&document(&home(4, pretty))).replace('\n', "\r\n")));
    let plain = document(&home(5, "sign-in create-topic create-access-key"));
    object(format!("{HERE}/{PLAIN}"), indent(&plain).into());
    object(format!("{HERE}/{EMPTY}"), gzip(&document(&[])));
    object(INSIGHT.into(), gzip(&insight()));
    object(DIGEST.into(), gzip(&digest()));
    let mut member_account = Maker::new(7, "210987654321", "us-east-1");
    let organisation = member_account.records("get-object create-topic create-function get-bucket-acl");
    object(ORGANISATION.into(), gzip(&document(&organisation)));

    let here = |file: &str| format!("{HERE}/{file}");
    let s3 = [here(ORDINARY), here(MULTI_MEMBER), DIGEST.into(), ORGANISATION.into()];
    files.push(("events/s3.json".into(), indent(&notification(&s3)).into()));
    let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-10-14T09:00:00.000Z",
        "Bucket":"example-cloudtrail-logs","RequestId":"TEST000000000001","HostId":"example"}"#;
    let bodies = [
        notification(&[here(SMALL), here(PRETTY)]),
        notification(&[here(ORDINARY)]),
        joined(test),
        notification(&[here(MISSING)]),
    ];
    files.push(("events/sqs.json".into(), indent(&messages("trail-files", &bodies)).into()));
    let bodies = [here(SMALL), here(MISSING), here(ORDINARY)].map(|key| notification(&[key]));
    files.push(("events/sqs-fifo.json".into(), indent(&messages("trail-files.fifo", &bodies)).into()));

    let faults = faults();
    let size = |file: &str| faults.iter().find(|fault| fault.file == file).unwrap().stored.len();
    let table = expected(size);
    files.extend(faults.into_iter().map(|fault| (format!("malformed/{}", fault.file), fault.stored)));
    files.push(("malformed/expected.tsv".into(), table.into()));
    files
}

fn document(records: &[String]) -> String {
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

/// One document over three gzip members, with escapes where none are needed.
/// The first cut is inside such an escape, in the key a rule looks for.
fn three_members(document: &str) -> Vec<u8> {
    let topic = r#""eventSource":"sns.amazonaws.com","eventName":"CreateTopic""#;
    let escaped = r#""eventSource":"sns\u002eamazonaws.com","event\u004eame":"Create\u0054op\u0069c""#;
    let text = document.replace(topic, escaped);
    let (first, second) = (text.find(r"u004eame").unwrap() + 2, text.len() * 3 / 4);
    [&text[..first], &text[first..second], &text[second..]].map(gzip).concat()
}

/// Spread over lines, with two spaces per level, and a line break at the end.
fn indent(json: &str) -> String {
    let (mut text, mut depth, mut quoted, mut escaped) = (String::new(), 0, false, false);
    let mut opened = false;
    for c in json.chars() {
        if quoted {
            text.push(c);
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        let closes = matches!(c, '}' | ']');
        depth -= usize::from(closes);
        // Empty brackets stay together.
        if opened != closes {
            write!(text, "\n{:1$}", "", depth * 2).unwrap();
        }
        opened = matches!(c, '{' | '[');
        depth += usize::from(opened);
        quoted = c == '"';
        text.push(c);
        match c {
            ':' => text.push(' '),
            ',' => write!(text, "\n{:1$}", "", depth * 2).unwrap(),
            _ => {}
        }
    }
    text + "\n"
}

/// Begin and end of an unusual rate of calls. It names CreateTopic, one level
/// too deep to match.
fn insight() -> String {
    let mut maker = Maker::new(6, "123456789012", "eu-west-1");
    let shared = maker.random.uuid();
    let record = |state, duration| {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"%t","awsRegion":"%r","eventID":"%u","eventType":"AwsCloudTrailInsight",
            "recipientAccountId":"%a","sharedEventID":"{shared}","insightDetails":{{"state":"{state}",
            "eventSource":"sns.amazonaws.com","eventName":"CreateTopic","insightType":"ApiCallRateInsight",
            "insightContext":{{"statistics":{{"baseline":{{"average":0.0017361111}},"insight":{{"average":12.5}},
            {duration}"baselineDuration":10080}},"attributions":[{{"attribute":"userIdentityArn",
            "insight":[{{"value":"arn:aws:iam::%a:user/alice","average":12.5}}],"baseline":[]}}]}}}},
            "eventCategory":"Insight"}}"#
        )
    };
    let pair = [record("Start", ""), record("End", r#""insightDuration":4,"#)];
    document(&pair.map(|record| maker.fill(&record)))
}

/// A digest names log files and has no `Records`. Its hashes are made up.
fn digest() -> String {
    let mut random = Random::new(8);
    let folder = DIGEST.rsplit_once('/').unwrap().0;
    joined(&format!(
        r#"{{"awsAccountId":"123456789012","digestStartTime":"2026-10-14T08:17:20Z","digestEndTime":"2026-10-14T09:17:20Z",
        "digestS3Bucket":"example-cloudtrail-logs","digestS3Object":"{DIGEST}","newestEventTime":"2026-10-14T09:08:57Z",
        "oldestEventTime":"2026-10-14T09:04:00Z","previousDigestS3Bucket":"example-cloudtrail-logs",
        "previousDigestS3Object":"{folder}/123456789012_CloudTrail-Digest_eu-west-1_main_eu-west-1_20261014T081720Z.json.gz",
        "previousDigestHashValue":"{}","previousDigestHashAlgorithm":"SHA-256","previousDigestSignature":"{}",
        "digestPublicKeyFingerprint":"{}","digestSignatureAlgorithm":"SHA256withRSA","logFiles":[{{
        "s3Bucket":"example-cloudtrail-logs","s3Object":"{HERE}/{ORDINARY}","hashValue":"{}","hashAlgorithm":"SHA-256",
        "newestEventTime":"2026-10-14T09:08:57Z","oldestEventTime":"2026-10-14T09:04:00Z"}}]}}"#,
        random.hex(64),
        random.hex(512),
        random.hex(32),
        random.hex(64),
    ))
}
