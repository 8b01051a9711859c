//! Log files, the rules that they are read by, and an oracle: what those rules say, in plain Rust over serde_json.

use serde_json::{Value, json};

/// The rules, for `TRAILWIRE_RULES`. `text` and `both` would stop at 20 alerts by one principal.
pub(crate) const RULES: &str = "rules:
- {id: topics, severity: high, max_alerts: 1000, pattern: {eventSource: [sns.amazonaws.com], eventName: [CreateTopic, DeleteTopic]}}
- {id: denied, severity: critical, max_alerts: 1000, pattern: {errorCode: [{exists: true}]}}
- {id: created, severity: low, max_alerts: 1000, pattern: {eventName: [{prefix: Create}], awsRegion: [{anything-but: us-east-1}]}}
";

/// A rule's name, severity and meaning.
type Meaning = (&'static str, &'static str, fn(&Value) -> bool);

/// The rules once more, in their order.
const MEANINGS: [Meaning; 3] = [
    ("topics", "high", |record| {
        record["eventSource"] == "sns.amazonaws.com"
            && (record["eventName"] == "CreateTopic" || record["eventName"] == "DeleteTopic")
    }),
    ("denied", "critical", |record| record.get("errorCode").is_some()),
    ("created", "low", |record| {
        let region = record["awsRegion"].as_str();
        record["eventName"].as_str().unwrap().starts_with("Create")
            && region.is_some_and(|region| region != "us-east-1")
    }),
];

/// A match that has to be alerted on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    pub(crate) rule: String,
    pub(crate) severity: String,
    /// As JSON, so that it has an order.
    pub(crate) record: String,
}

impl Expected {
    /// A field of the record; the empty text if there is none.
    pub(crate) fn field(&self, name: &str) -> String {
        let record: Value = serde_json::from_str(&self.record).unwrap();
        record[name].as_str().unwrap_or_default().to_owned()
    }
}

/// What the rules find in these records, sorted.
pub(crate) fn oracle(records: &[Value]) -> Vec<Expected> {
    let of = |record: &Value| {
        let rules = MEANINGS.iter().filter(|(_, _, matches)| matches(record));
        let expected = |(rule, severity, _): &Meaning| Expected {
            rule: (*rule).to_owned(),
            severity: (*severity).to_owned(),
            record: record.to_string(),
        };
        rules.map(expected).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = records.iter().flat_map(of).collect();
    all.sort();
    all
}

/// So many records, whose ids begin with the name of their file. Among them is text that forms, XML and JSON have to
/// escape, and records without region or account.
pub(crate) fn records(file: &str, count: usize) -> Vec<Value> {
    const CALLS: [(&str, &str); 5] = [
        ("sns.amazonaws.com", "CreateTopic"),
        ("kms.amazonaws.com", "Decrypt"),
        ("iam.amazonaws.com", "CreateUser"),
        ("sns.amazonaws.com", "DeleteTopic"),
        ("ec2.amazonaws.com", "DescribeInstances"),
    ];
    const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "cn-north-1"];
    let record = |number: usize| {
        let ((source, name), region) = (CALLS[number % CALLS.len()], REGIONS[number / 2 % REGIONS.len()]);
        let mut record = json!({"eventVersion": "1.11", "eventSource": source, "eventName": name, "awsRegion": region,
            "userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::123456789012:user/alice"},
            "eventTime": "2026-10-14T09:03:11Z", "eventID": format!("{file}-{number}"),
            "recipientAccountId": if number % 4 == 1 { "210987654321" } else { "123456789012" },
            "requestParameters": {"name": "a&b=c+d%20<e>\"\\\t\u{e9}\u{2603}\u{1f600}]]>", "number": number}});
        let fields = record.as_object_mut().unwrap();
        match number % 7 {
            2 | 3 => drop(fields.insert("errorCode".into(), "AccessDenied".into())),
            5 => drop(fields.remove("awsRegion")),
            6 => drop(fields.remove("recipientAccountId")),
            _ => {}
        }
        record
    };
    (0..count).map(record).collect()
}

/// A log file.
pub(crate) fn file(records: &[Value]) -> Vec<u8> {
    json!({"Records": records}).to_string().into_bytes()
}
