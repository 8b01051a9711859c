//! An HTTP/1.1 server: a thread per connection, connections kept alive, and answers that break off where a test says.
//!
//! Only what the clients of the project need: bodies with a length or in chunks, no trailers, no `Expect`.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// One request, read to its end.
pub(crate) struct Request {
    pub(crate) method: String,
    /// As sent: percent-encoded, without the query.
    pub(crate) path: String,
    /// As sent: percent-encoded, without the question mark; empty if there is none.
    pub(crate) query: String,
    pub(crate) body: Vec<u8>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    connection: Arc<TcpStream>,
}

impl Request {
    /// The value of a header, whose name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form(&self.query)?.into_iter().find(|(each, _)| each == name).map(|(_, value)| value)
    }

    /// Whether the client has closed the connection, so that nobody waits for the answer.
    pub(crate) fn is_abandoned(&self) -> bool {
        // No other thread uses the connection while its request is answered.
        if self.connection.set_nonblocking(true).is_err() {
            return true;
        }
        let peeked = self.connection.peek(&mut [0]);
        let alive = match peeked {
            Ok(length) => length > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        !(self.connection.set_nonblocking(false).is_ok() && alive)
    }
}

/// What a handler answers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Arc<[u8]>,
    /// How long the client waits for the first byte.
    pub(crate) delay: Duration,
    pub(crate) fault: Option<WireFault>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Arc<[u8]>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), delay: Duration::ZERO, fault: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// How an answer breaks. `Content-Length` is that of the whole body all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireFault {
    /// The connection is closed behind so many bytes of the body.
    CutAfter(usize),
    /// The connection is reset behind so many bytes of the body. Of more than a few kilobytes the client may see less:
    /// a reset overtakes what its side has not taken in.
    ResetAfter(usize),
    /// A pause behind so many bytes of the body, then the rest.
    StallAfter(usize, Duration),
    /// The connection is closed without a byte.
    Drop,
}

/// A running server. Dropping it ends all connections, pauses and threads.
pub(crate) struct Server {
    shared: Arc<Shared>,
    port: u16,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let (handler, for_acceptor) = (Arc::new(handler), shared.clone());
        let acceptor = thread::spawn(move || {
            for number in 0.. {
                let accepted = listener.accept();
                if for_acceptor.lock().stopped {
                    break;
                }
                let Ok((stream, _)) = accepted else { continue };
                let (stream, handler, shared) = (Arc::new(stream), handler.clone(), for_acceptor.clone());
                shared.lock().connections.insert(number, Arc::downgrade(&stream));
                thread::spawn(move || {
                    let _open = Open { shared: &shared, number };
                    // An error says only that the client is gone or that the server has stopped.
                    let _ = serve(stream, &*handler, &shared);
                    // Its state goes before the server can see this connection ended.
                    drop(handler);
                });
            }
        });
        Self { shared, port, acceptor: Some(acceptor) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let _ = self.acceptor.take().map(JoinHandle::join);
        let mut state = self.shared.lock();
        for connection in state.connections.values().filter_map(Weak::upgrade) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        while !state.connections.is_empty() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Shared {
    state: Mutex<State>,
    /// Notified when the server stops and when a connection has ended.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    /// The connections that a thread serves, by number. Weak, so that the thread closes its connection alone.
    connections: HashMap<u64, Weak<TcpStream>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits.
    ///
    /// # Errors
    /// If the server has stopped, so that a late answer is not sent early.
    fn pause(&self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        let mut state = self.lock();
        while !state.stopped {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

/// The entry of a connection among those that are served, removed also if the handler panics.
struct Open<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.shared.lock().connections.remove(&self.number);
        self.shared.changed.notify_all();
    }
}

/// Answers the requests of a connection until one side ends it.
fn serve(stream: Arc<TcpStream>, handler: &impl Fn(&Request) -> Reply, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(&*stream);
    while let Some(request) = read(&mut reader, &stream)? {
        let reply = handler(&request);
        shared.pause(reply.delay)?;
        let mut head = format!("HTTP/1.1 {} Status\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let until = |end: usize| [head.as_bytes(), &reply.body[..end.min(reply.body.len())]].concat();
        match reply.fault {
            None => (&*stream).write_all(&until(usize::MAX))?,
            Some(WireFault::CutAfter(end)) => {
                (&*stream).write_all(&until(end))?;
                return Ok(());
            }
            Some(WireFault::ResetAfter(end)) => {
                (&*stream).write_all(&until(end))?;
                shared.pause(RESET_PAUSE)?;
                return socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
            }
            Some(WireFault::StallAfter(end, time)) => {
                let end = end.min(reply.body.len());
                (&*stream).write_all(&until(end))?;
                shared.pause(time)?;
                (&*stream).write_all(&reply.body[end..])?;
            }
            Some(WireFault::Drop) => return Ok(()),
        }
    }
    Ok(())
}

/// Reads one request; `None` if the client has ended the connection before it.
fn read(reader: &mut BufReader<&TcpStream>, connection: &Arc<TcpStream>) -> io::Result<Option<Request>> {
    let Some(first) = line(reader)? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(malformed()) };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    loop {
        let header = line(reader)?.ok_or_else(malformed)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(malformed)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
    let mut request = Request { method, path, query, body: Vec::new(), headers, connection: connection.clone() };
    request.body = body(reader, &request)?;
    Ok(Some(request))
}

fn body(reader: &mut impl BufRead, request: &Request) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = line(reader)?.ok_or_else(malformed)?;
            let size = size.split(';').next().unwrap_or("").trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| malformed())?;
            exactly(reader, size, &mut body)?;
            if line(reader)?.is_none_or(|end| !end.is_empty()) {
                return Err(malformed());
            }
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = request.header("content-length") {
        exactly(reader, length.parse().map_err(|_| malformed())?, &mut body)?;
    }
    Ok(body)
}

fn exactly(reader: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    let read = reader.take(length).read_to_end(body)?;
    if read as u64 == length { Ok(()) } else { Err(malformed()) }
}

/// One line without its end; `None` at the end of the connection.
fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Decodes percent escapes; `None` if one is broken or the result is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        bytes.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// The pairs of a query or of a form, decoded, in their order.
pub(crate) fn form(text: &str) -> Option<Vec<(String, String)>> {
    let decode = |text: &str| percent_decode(&text.replace('+', " "));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, decode(value)?))
    };
    text.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// Enough for the other side of a loopback connection to take in what a client keeps reading.
const RESET_PAUSE: Duration = Duration::from_millis(2);
