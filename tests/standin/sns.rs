//! SNS as far as PublishBatch: topics, the rules for batches and their entries, FIFO deduplication, error bodies.
//!
//! A batch with one invalid entry is refused whole, and nothing of it is published. What was published is kept in its
//! order, whether or not the client got to know.

use super::entry::{self, Entry, Refusal};
use super::escape;
use super::http::{Reply, Request, Server, WireFault, form};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// A running SNS. Clones share it; the last one ends it.
#[derive(Clone)]
pub(crate) struct Sns {
    state: Arc<Mutex<State>>,
    server: Arc<Server>,
}

/// What happens to one call.
pub(crate) enum SnsFault {
    /// An error instead of the answer: status, code, message. Nothing is published. Without a code it has no body.
    Status(u16, &'static str, &'static str),
    /// The connection breaks before the service has the call: nothing is published, and the call is not kept.
    Wire(WireFault),
    /// The batch is published, but the answer breaks.
    LoseAnswer(WireFault),
    /// The entries chosen by their place are not published and answered as failed.
    Fail { every: Box<dyn Fn(usize) -> bool + Send>, code: &'static str, sender_fault: bool },
    /// The entries at these places are not published, and the answer does not name them.
    Omit(Vec<usize>),
    /// The answer is late.
    Delay(Duration),
}

/// One entry that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) entry: Entry,
    /// That of the first message, for a duplicate.
    pub(crate) message_id: String,
    /// Whether a FIFO topic had its deduplication id before, so that subscribers do not get it.
    pub(crate) duplicate: bool,
    /// The place of its call in [`Sns::calls`].
    pub(crate) call: usize,
}

/// One call that reached the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) topic: String,
    pub(crate) entries: usize,
    /// As SNS counts them: bodies and attributes.
    pub(crate) bytes: usize,
    /// How many entries were published.
    pub(crate) published: usize,
    /// The error code, if the call as a whole got one.
    pub(crate) refused: Option<String>,
}

impl Sns {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let for_handler = state.clone();
        let server = Server::start(move |request| for_handler.lock().unwrap().answer(request));
        Self { state, server: Arc::new(server) }
    }

    /// `http://127.0.0.1:{port}`
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// Creates a topic; it is a FIFO topic if its ARN ends so.
    pub(crate) fn topic(&self, arn: &str) {
        self.lock().topics.entry(arn.to_owned()).or_default();
    }

    /// Sets the maximum of a topic in bytes, a batch being as large as its entries together.
    pub(crate) fn maximum(&self, arn: &str, bytes: usize) {
        assert!((1_024..=1_048_576).contains(&bytes), "SNS allows no such maximum");
        self.lock().topics.entry(arn.to_owned()).or_default().maximum = bytes;
    }

    /// Whether the caller lacks the permission to publish to a topic.
    pub(crate) fn deny(&self, arn: &str, denied: bool) {
        self.lock().topics.entry(arn.to_owned()).or_default().denied = denied;
    }

    /// Refuses, from now on, each batch for a topic in which a message contains this text.
    pub(crate) fn refuse(&self, arn: &str, marker: &str) {
        self.lock().topics.entry(arn.to_owned()).or_default().markers.push(marker.to_owned());
    }

    /// Appends to the faults that the next calls meet, one each.
    pub(crate) fn fault(&self, fault: SnsFault) {
        self.lock().faults.push_back(fault);
    }

    /// Appends to the faults that the next calls for a topic meet, one each and before those of [`Sns::fault`].
    pub(crate) fn fault_on(&self, arn: &str, fault: SnsFault) {
        self.lock().topics.entry(arn.to_owned()).or_default().faults.push_back(fault);
    }

    /// How late every answer is.
    pub(crate) fn delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// All that was accepted, in its order.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.lock().messages.clone()
    }

    /// All calls that reached the service, in their order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How many faults no call has met yet.
    pub(crate) fn faults_left(&self) -> usize {
        let state = self.lock();
        state.faults.len() + state.topics.values().map(|topic| topic.faults.len()).sum::<usize>()
    }

    /// Back to the state at the start, without topics; the port stays.
    pub(crate) fn reset(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[derive(Default)]
struct State {
    topics: HashMap<String, Topic>,
    faults: VecDeque<SnsFault>,
    messages: Vec<Message>,
    calls: Vec<Call>,
    delay: Duration,
}

struct Topic {
    maximum: usize,
    denied: bool,
    markers: Vec<String>,
    faults: VecDeque<SnsFault>,
    /// Message ids by deduplication id. The real window is five minutes; a test is shorter.
    seen: HashMap<String, String>,
}

impl Default for Topic {
    fn default() -> Self {
        let (markers, faults, seen) = (Vec::new(), VecDeque::new(), HashMap::new());
        Self { maximum: DEFAULT_MAXIMUM, denied: false, markers, faults, seen }
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Reply {
        let text = str::from_utf8(&request.body).ok();
        let Some(form) = text.and_then(form) else {
            return error(400, "MalformedQueryString", "the form is not in UTF-8 or badly encoded");
        };
        let parameter = |name: &str| form.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str());
        if request.method != "POST" || request.path != "/" || parameter("Action") != Some("PublishBatch") {
            return error(400, "InvalidAction", "the stand-in knows only PublishBatch");
        }
        let topic = parameter("TopicArn").unwrap_or("").to_owned();
        let entries = entry::read(&form);
        let queued = self.topics.get_mut(&topic).and_then(|topic| topic.faults.pop_front());
        let fault = queued.or_else(|| self.faults.pop_front());
        if let Some(SnsFault::Wire(fault)) = fault {
            let mut reply = error(500, "InternalError", "this answer breaks off");
            (reply.delay, reply.fault) = (self.delay, Some(fault));
            return reply;
        }
        let sent = entries.as_deref().unwrap_or_default();
        let bytes = sent.iter().map(Entry::size).sum();
        self.calls.push(Call { topic: topic.clone(), entries: sent.len(), bytes, published: 0, refused: None });
        let refusal = match &fault {
            Some(SnsFault::Status(status, code, message)) => Some((*status, *code, (*message).to_owned())),
            _ => entries.as_ref().map_err(Refusal::clone).and_then(|entries| self.check(&topic, entries)).err().map(
                |(code, message)| match code {
                    "NotFound" => (404, code, message),
                    "AuthorizationError" => (403, code, message),
                    _ => (400, code, message),
                },
            ),
        };
        let mut reply = match refusal {
            Some((status, code, message)) => {
                self.call().refused = Some(code.to_owned());
                error(status, code, &message)
            }
            None => self.publish(&topic, entries.unwrap_or_default(), &fault),
        };
        reply.delay = self.delay;
        match fault {
            Some(SnsFault::Delay(delay)) => reply.delay += delay,
            Some(SnsFault::LoseAnswer(fault)) => reply.fault = Some(fault),
            _ => {}
        }
        reply
    }

    /// The call that is answered.
    fn call(&mut self) -> &mut Call {
        self.calls.last_mut().unwrap()
    }

    fn check(&self, arn: &str, entries: &[Entry]) -> Result<(), Refusal> {
        entry::check_ids(entries)?;
        if arn.split(':').count() != 6 || !arn.starts_with("arn:") {
            return entry::invalid("Invalid parameter: TopicArn");
        }
        let topic = self.topics.get(arn).ok_or_else(|| ("NotFound", "Topic does not exist".to_owned()))?;
        if topic.denied {
            return Err(("AuthorizationError", "User is not authorized to perform: SNS:Publish".to_owned()));
        }
        let size: usize = entries.iter().map(Entry::size).sum();
        if size > topic.maximum {
            let message = "The length of all the batch messages put together is more than the limit.";
            return Err(("BatchRequestTooLong", message.to_owned()));
        }
        for entry in entries {
            entry.check(is_fifo(arn))?;
            if topic.markers.iter().any(|marker| entry.message.contains(marker)) {
                return entry::invalid("Invalid parameter: Message");
            }
        }
        Ok(())
    }

    fn publish(&mut self, arn: &str, entries: Vec<Entry>, fault: &Option<SnsFault>) -> Reply {
        let (mut successful, mut failed) = (String::new(), String::new());
        for (place, entry) in entries.into_iter().enumerate() {
            match fault {
                Some(SnsFault::Fail { every, code, sender_fault }) if every(place) => {
                    failed.push_str(&format!(
                        "<member><Id>{}</Id><Code>{}</Code><Message>scripted</Message>\
                         <SenderFault>{sender_fault}</SenderFault></member>",
                        entry.id,
                        escape(code)
                    ));
                    continue;
                }
                Some(SnsFault::Omit(places)) if places.contains(&place) => continue,
                _ => {}
            }
            let number = self.messages.len() + 1;
            let mut message_id = format!("00000000-0000-4000-8000-{number:012x}");
            let seen = &mut self.topics.entry(arn.to_owned()).or_default().seen;
            let first = entry.dedup.as_ref().and_then(|dedup| seen.get(dedup));
            let duplicate = first.is_some();
            match (first, &entry.dedup) {
                (Some(first), _) => message_id.clone_from(first),
                (None, Some(dedup)) => drop(seen.insert(dedup.clone(), message_id.clone())),
                (None, None) => {}
            }
            successful.push_str(&format!("<member><MessageId>{message_id}</MessageId><Id>{}</Id>", entry.id));
            if is_fifo(arn) {
                successful.push_str(&format!("<SequenceNumber>{number:020}</SequenceNumber>"));
            }
            successful.push_str("</member>");
            let (topic, call) = (arn.to_owned(), self.calls.len() - 1);
            self.messages.push(Message { topic, entry, message_id, duplicate, call });
            self.call().published += 1;
        }
        let result = format!("<Failed>{failed}</Failed><Successful>{successful}</Successful>");
        reply(
            200,
            &format!(
                "<PublishBatchResponse xmlns=\"{NAMESPACE}\"><PublishBatchResult>{result}</PublishBatchResult>\
                 <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></PublishBatchResponse>"
            ),
        )
    }
}

fn is_fifo(arn: &str) -> bool {
    arn.ends_with(".fifo")
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    if code.is_empty() {
        return Reply::new(status, []);
    }
    let whose = if status < 500 { "Sender" } else { "Receiver" };
    let (code, message) = (escape(code), escape(message));
    reply(
        status,
        &format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{whose}</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        ),
    )
}

fn reply(status: u16, body: &str) -> Reply {
    Reply::new(status, body.as_bytes()).with("Content-Type", "text/xml").with("x-amzn-RequestId", REQUEST_ID)
}

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

const REQUEST_ID: &str = "00000000-0000-4000-9000-000000000000";

/// `MaximumMessageSize` of a topic that does not set it, in bytes.
const DEFAULT_MAXIMUM: usize = 262_144;
