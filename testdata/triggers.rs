//! The events of `events/`, which name objects of the bucket.

use super::document;
use super::maker::{Random, joined};

/// What S3 sends when objects were written: keys are form-urlencoded. Sizes and
/// ETags are made up; the bucket has versions, but one object is older.
pub fn notification(keys: &[String]) -> String {
    let mut random = Random::new(9);
    let records = (1..).zip(keys).map(|(n, key)| {
        let key = key.replace('+', "%2B").replace(' ', "+");
        let version = if n == 2 { "null".into() } else { format!("\"{}\"", random.hex(32)) };
        joined(&format!(
            r#"{{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"2026-10-14T09:12:0{n}.250Z",
            "eventName":"ObjectCreated:Put","userIdentity":{{"principalId":"AWS:AROATRAIL000000EXAMPLE:delivery"}},
            "requestParameters":{{"sourceIPAddress":"192.0.2.200"}},
            "responseElements":{{"x-amz-request-id":"{}","x-amz-id-2":"{}"}},
            "s3":{{"s3SchemaVersion":"1.0","configurationId":"new-log-files","bucket":{{"name":"example-cloudtrail-logs",
            "ownerIdentity":{{"principalId":"A1EXAMPLE"}},"arn":"arn:aws:s3:::example-cloudtrail-logs"}},
            "object":{{"key":"{key}","size":{},"eTag":"{}","versionId":{version},"sequencer":"0071C3A90D55{n:06X}"}}}}}}"#,
            random.hex(16).to_uppercase(),
            random.hex(64),
            4096 + n,
            random.hex(32),
        ))
    });
    document(&records.collect::<Vec<_>>())
}

/// A batch that Lambda makes of messages in the queue; ids end in their number.
pub fn messages(queue: &str, bodies: &[String]) -> String {
    let mut random = Random::new(10);
    let fifo = queue.ends_with(".fifo");
    let records = (1..).zip(bodies).map(|(n, body)| {
        let body = body.replace('\\', r"\\").replace('"', "\\\"");
        let order = format!(
            r#","SequenceNumber":"1884901234567890000{n}","MessageGroupId":"trail","MessageDeduplicationId":"{}""#,
            random.hex(64)
        );
        joined(&format!(
            r#"{{"messageId":"5e0d6a1c-0000-4000-8000-00000000000{n}","receiptHandle":"EXAMPLE{}","body":"{body}",
            "attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"179196912400{n}",
            "SenderId":"AIDASENDER00000EXAMPLE","ApproximateFirstReceiveTimestamp":"179196912500{n}"{}}},
            "messageAttributes":{{}},"md5OfBody":"{}","eventSource":"aws:sqs",
            "eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:{queue}","awsRegion":"eu-west-1"}}"#,
            random.hex(40),
            if fifo { &order } else { "" },
            random.hex(32),
        ))
    });
    document(&records.collect::<Vec<_>>())
}
