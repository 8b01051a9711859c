//! The Lambda Runtime API (2018-06-01): hands events to the program that asks for the next one, and takes its answers.
//!
//! The program is started and ended by the test. An event that waits is not lost if the program ends while it asks.

use super::http::{Reply, Request, Server};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A running Runtime API.
pub(crate) struct Runtime {
    shared: Arc<Shared>,
    server: Server,
}

/// When the time of an invocation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// So long behind the moment at which the program gets the event.
    In(Duration),
    /// At these milliseconds since 1970.
    At(u64),
}

/// What came of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The response, or the body of the error.
    pub(crate) result: Result<String, String>,
    /// From the moment at which the program got the event.
    pub(crate) took: Duration,
}

impl Runtime {
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let for_handler = shared.clone();
        Self { shared, server: Server::start(move |request| for_handler.answer(request)) }
    }

    /// Host and port, as in `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// Whether a program is there and asks for the next event. That one has ended is seen within about 10 ms.
    pub(crate) fn waiting(&self) -> bool {
        self.shared.lock().waiting > 0
    }

    /// Waits until a program asks for the next event; false if none does in time.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        self.shared.until(time, |state| (state.waiting > 0).then_some(())).is_some()
    }

    /// Hands an event to the program and waits for its answer.
    ///
    /// # Panics
    /// If there is none within 30 s.
    pub(crate) fn invoke(&self, event: &str, deadline: Deadline) -> Answer {
        let number = self.send(event, deadline);
        self.answer(number, TIMEOUT).unwrap_or_else(|| {
            let asked = self.shared.lock().running.contains_key(&number);
            let what = if asked { "did not answer" } else { "did not ask for" };
            panic!("the program {what} event {number} in {TIMEOUT:?}; errors of its start: {:?}", self.init_errors())
        })
    }

    /// Queues an event and returns its number.
    pub(crate) fn send(&self, event: &str, deadline: Deadline) -> u64 {
        let mut state = self.shared.lock();
        state.sent += 1;
        let number = state.sent;
        state.queue.push_back((number, event.to_owned(), deadline));
        self.shared.changed.notify_all();
        number
    }

    /// Takes the answer to an event; `None` if it does not come in time.
    pub(crate) fn answer(&self, number: u64, time: Duration) -> Option<Answer> {
        self.shared.until(time, |state| state.answers.remove(&number))
    }

    /// The bodies of what programs reported because they could not start.
    pub(crate) fn init_errors(&self) -> Vec<String> {
        self.shared.lock().init_errors.clone()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Those that wait for an event would keep the server from ending.
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }
}

struct Shared {
    state: Mutex<State>,
    /// Notified at every change of the state.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Events that no program has asked for, by number.
    queue: VecDeque<(u64, String, Deadline)>,
    /// When the events were handed out that have no answer.
    running: BTreeMap<u64, Instant>,
    /// Answers that the test has not taken.
    answers: BTreeMap<u64, Answer>,
    init_errors: Vec<String>,
    waiting: usize,
    sent: u64,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits until there is something, or the time is over.
    fn until<T>(&self, time: Duration, mut take: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + time;
        let mut state = self.lock();
        loop {
            if let Some(taken) = take(&mut state) {
                return Some(taken);
            }
            let left = end.checked_duration_since(Instant::now())?;
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        let Some(path) = request.path.strip_prefix("/2018-06-01/runtime/") else {
            return error(404, "NotFound");
        };
        let body = || String::from_utf8_lossy(&request.body).into_owned();
        let words: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), words.as_slice()) {
            ("GET", ["invocation", "next"]) => self.next(request),
            ("POST", ["invocation", id, "response"]) => self.done(id, request, Ok(body())),
            ("POST", ["invocation", id, "error"]) => self.done(id, request, Err(body())),
            ("POST", ["init", "error"]) => {
                self.lock().init_errors.push(body());
                self.changed.notify_all();
                accepted()
            }
            _ => error(404, "NotFound"),
        }
    }

    /// Blocks until there is an event.
    fn next(&self, request: &Request) -> Reply {
        let mut state = self.lock();
        state.waiting += 1;
        self.changed.notify_all();
        let (number, event, deadline) = loop {
            if state.ended || request.is_abandoned() {
                state.waiting -= 1;
                return error(503, "Ended");
            }
            if let Some(event) = state.queue.pop_front() {
                break event;
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap().0;
        };
        state.waiting -= 1;
        state.running.insert(number, Instant::now());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let deadline = match deadline {
            Deadline::In(time) => (now + time).as_millis().to_string(),
            Deadline::At(milliseconds) => milliseconds.to_string(),
        };
        Reply::new(200, event.into_bytes())
            .with("Content-Type", "application/json")
            .with("Lambda-Runtime-Aws-Request-Id", request_id(number))
            .with("Lambda-Runtime-Invocation-Id", invocation_id(number))
            .with("Lambda-Runtime-Deadline-Ms", deadline)
            .with("Lambda-Runtime-Invoked-Function-Arn", FUNCTION)
            .with("Lambda-Runtime-Trace-Id", TRACE)
    }

    fn done(&self, id: &str, request: &Request, result: Result<String, String>) -> Reply {
        let mut state = self.lock();
        let Some(number) = state.running.keys().copied().find(|number| request_id(*number) == id) else {
            return error(400, "InvalidRequestID");
        };
        // Older runtimes do not send it back.
        if request.header("lambda-runtime-invocation-id").is_some_and(|id| id != invocation_id(number)) {
            return error(400, "InvalidInvocationId");
        }
        let took = state.running.remove(&number).unwrap().elapsed();
        state.answers.insert(number, Answer { result, took });
        self.changed.notify_all();
        accepted()
    }
}

fn request_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

fn invocation_id(number: u64) -> String {
    format!("invocation-{number}")
}

fn accepted() -> Reply {
    Reply::new(202, *br#"{"status":"OK"}"#).with("Content-Type", "application/json")
}

fn error(status: u16, kind: &str) -> Reply {
    let body = format!(r#"{{"errorMessage":"{kind}","errorType":"{kind}"}}"#);
    Reply::new(status, body.into_bytes()).with("Content-Type", "application/json")
}

/// The longest that an invocation of a test takes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a request for the next event looks whether its program is still there.
const LOOK: Duration = Duration::from_millis(10);

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:trailwire";

const TRACE: &str = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0";
