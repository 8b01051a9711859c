//! moto as a process: one for all tests of this binary, which lives as long as they do.

use super::environment::Environment;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

/// A running moto.
pub(crate) struct Moto {
    port: u16,
    /// With its standard input, at whose end it ends: when this process does.
    _child: Child,
}

impl Moto {
    /// The server of this process; `None`, and a word about it, without python3.
    ///
    /// # Panics
    /// If python3 is there but moto does not come up.
    #[allow(clippy::print_stdout, reason = "whoever runs the tests should know")]
    pub(crate) fn get() -> Option<&'static Self> {
        static MOTO: OnceLock<Result<Option<Moto>, String>> = OnceLock::new();
        match MOTO.get_or_init(Self::start) {
            Ok(Some(moto)) => Some(moto),
            Ok(None) => {
                println!("python3 is not here: the test against moto was skipped");
                None
            }
            Err(error) => panic!("moto cannot be run: {error}"),
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// As in `AWS_ENDPOINT_URL`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    fn start() -> Result<Option<Self>, String> {
        let Some(environment) = Environment::ready()? else { return Ok(None) };
        let mut command = environment.command(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moto/serve.py"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let output = child.stdout.take().ok_or("it has no output")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            // If nobody waits any more, nobody misses it.
            let _ = BufReader::new(output).read_line(&mut line).map(|_| sender.send(line));
        });
        match receiver.recv_timeout(START).map(|line| line.trim().parse()) {
            Ok(Ok(port)) => Ok(Some(Self { port, _child: child })),
            other => {
                // Whether it has ended already makes no difference.
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("it did not print its port within {START:?}: {other:?}"))
            }
        }
    }
}

/// The longest that it takes to come up: it imports some hundred files.
const START: Duration = Duration::from_secs(60);
