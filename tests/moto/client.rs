//! Plain HTTP to moto: what a test sets up and reads out, in no more of S3, SNS and SQS than that takes.
//!
//! Signatures are not looked at, but the scope in them says which service of which region is meant.

use super::server::Moto;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// moto's own account.
pub(crate) const ACCOUNT: &str = "123456789012";

pub(crate) const REGION: &str = "eu-west-1";

/// A queue.
pub(crate) struct Queue {
    pub(crate) arn: String,
    url: String,
}

/// A message that was read from a queue.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) body: String,
    /// The message's own attributes, as SQS has them.
    pub(crate) attributes: Value,
    /// Those that SQS gave it.
    pub(crate) system: Value,
}

/// What goes from a topic to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The message and its attributes.
    Raw,
    /// A notification with the message in it.
    Wrapped,
}

impl Moto {
    pub(crate) fn bucket(&self, bucket: &str) {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        self.call("s3", "PUT", &format!("/{bucket}"), &[], place.as_bytes());
    }

    /// Keeps the versions of its objects from now on.
    pub(crate) fn keep_versions(&self, bucket: &str) {
        let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.call("s3", "PUT", &format!("/{bucket}?versioning"), &[], versioning.as_bytes());
    }

    /// Tells a queue and a topic of each new object.
    pub(crate) fn notify(&self, bucket: &str, queue: &Queue, topic: &str) {
        let queue = &queue.arn;
        let event = "<Event>s3:ObjectCreated:*</Event>";
        let configuration = format!(
            "<NotificationConfiguration>\
             <QueueConfiguration><Id>q</Id><Queue>{queue}</Queue>{event}</QueueConfiguration>\
             <TopicConfiguration><Id>t</Id><Topic>{topic}</Topic>{event}</TopicConfiguration>\
             </NotificationConfiguration>"
        );
        self.call("s3", "PUT", &format!("/{bucket}?notification"), &[], configuration.as_bytes());
    }

    /// Stores an object and returns its version, if the bucket keeps them.
    pub(crate) fn put(&self, bucket: &str, key: &str, body: &[u8]) -> Option<String> {
        let (head, _) = self.call("s3", "PUT", &format!("/{bucket}/{}", percent(key, "/")), &[], body);
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(name, _)| name.eq_ignore_ascii_case("x-amz-version-id")).map(|(_, value)| value.to_owned())
    }

    /// Makes a topic and returns its ARN.
    pub(crate) fn topic(&self, name: &str) -> String {
        let fifo = [("Attributes.entry.1.key", "FifoTopic"), ("Attributes.entry.1.value", "true")];
        let attributes = if name.ends_with(".fifo") { &fifo[..] } else { &[] };
        let answer = self.sns(&[&[("Action", "CreateTopic"), ("Name", name)], attributes].concat());
        between(&answer, "<TopicArn>", "</TopicArn>").to_owned()
    }

    /// Makes a queue that gets what the topic is told, as far as the filter policy lets it through.
    pub(crate) fn subscribe(&self, topic: &str, queue: &str, delivery: Delivery, policy: Option<&Value>) -> Queue {
        let queue = self.queue(queue);
        let policy = policy.map(Value::to_string);
        // moto takes the word `false` for yes.
        let raw = (delivery == Delivery::Raw).then_some(("RawMessageDelivery", "true"));
        let attributes = raw.into_iter().chain(policy.as_ref().map(|policy| ("FilterPolicy", &policy[..])));
        let names = [
            "Attributes.entry.1.key",
            "Attributes.entry.1.value",
            "Attributes.entry.2.key",
            "Attributes.entry.2.value",
        ];
        let attributes = names.into_iter().zip(attributes.flat_map(|(name, value)| [name, value]));
        let fixed = [("Action", "Subscribe"), ("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", &queue.arn)];
        self.sns(&fixed.into_iter().chain(attributes).collect::<Vec<_>>());
        queue
    }

    pub(crate) fn queue(&self, name: &str) -> Queue {
        let attributes = if name.ends_with(".fifo") { json!({"FifoQueue": "true"}) } else { json!({}) };
        let answer = self.sqs("CreateQueue", &json!({"QueueName": name, "Attributes": attributes}));
        let url = answer["QueueUrl"].as_str().unwrap().to_owned();
        Queue { arn: format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"), url }
    }

    /// Takes all messages out of a queue. moto delivers before it answers the one who publishes, so what is not there
    /// will not come.
    pub(crate) fn drain(&self, queue: &Queue) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let request = json!({"QueueUrl": queue.url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"],
                "MessageSystemAttributeNames": ["All"]});
            let answer = self.sqs("ReceiveMessage", &request);
            let Some(received) = answer["Messages"].as_array().filter(|received| !received.is_empty()) else {
                return messages;
            };
            messages.extend(received.iter().map(|message| Message {
                body: message["Body"].as_str().unwrap().to_owned(),
                attributes: message["MessageAttributes"].clone(),
                system: message["Attributes"].clone(),
            }));
            let entries = (0..).zip(received);
            let entries = entries.map(
                |(id, message): (u32, _)| json!({"Id": id.to_string(), "ReceiptHandle": message["ReceiptHandle"]}),
            );
            let request = json!({"QueueUrl": queue.url, "Entries": entries.collect::<Value>()});
            let answer = self.sqs("DeleteMessageBatch", &request);
            assert_eq!(answer["Successful"].as_array().unwrap().len(), received.len(), "{answer}");
        }
    }

    /// SQS takes JSON.
    fn sqs(&self, action: &str, request: &Value) -> Value {
        let target = format!("AmazonSQS.{action}");
        let headers = [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", &target[..])];
        let (_, body) = self.call("sqs", "POST", "/", &headers, request.to_string().as_bytes());
        serde_json::from_slice(&body).unwrap()
    }

    /// SNS takes forms and answers in XML.
    fn sns(&self, parameters: &[(&str, &str)]) -> String {
        let fields = [("Version", "2010-03-31")].iter().chain(parameters);
        let fields: Vec<_> = fields.map(|(name, value)| format!("{name}={}", percent(value, ""))).collect();
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        String::from_utf8(self.call("sns", "POST", "/", &headers, fields.join("&").as_bytes()).1).unwrap()
    }

    /// One request on a connection of its own; returns head and body of the answer.
    ///
    /// # Panics
    /// If it is not done.
    fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (String, Vec<u8>) {
        let (address, length) = (self.address(), body.len());
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261014/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n"
        );
        headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let body = answer.split_off(end + 4);
        let done = head.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
        assert!(done, "{method} {path}: {head}\n{}", String::from_utf8_lossy(&body));
        (head, body)
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    text.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).unwrap().0
}

/// Percent-encodes all but what is never encoded, and `safe`.
fn percent(text: &str, safe: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || safe.as_bytes().contains(&byte);
    let encoded =
        text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    encoded.collect()
}
