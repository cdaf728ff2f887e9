//! Starts programs of this package, waits until they listen, and ends them by process id.
//!
//! A program must print `{"listening":"127.0.0.1:PORT"}` as its first line on stdout.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a test waits for what should take milliseconds before it calls it missing.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    address: SocketAddr,
    log: Receiver<String>,
}

impl Process {
    /// Starts an example, such as `commerce`, on a free port; `arguments` come after `--listen` and `--name`.
    pub fn example(example: &str, name: &str, arguments: &[&str]) -> Self {
        let mut all = vec!["--listen", "127.0.0.1:0", "--name", name];
        all.extend_from_slice(arguments);
        Self::start(&example_path(example), &all)
    }

    /// Starts an example on this address, where it was before or where nobody is yet.
    pub fn example_at(example: &str, name: &str, address: SocketAddr) -> Self {
        Self::start(&example_path(example), &["--listen", &address.to_string(), "--name", name])
    }

    /// Starts any program that announces where it listens.
    pub fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start {}: {error}", program.display()));
        let log = lines(child.stderr.take().expect("stderr is piped"));
        let output = lines(child.stdout.take().expect("stdout is piped"));
        let Ok(first) = output.recv_timeout(PATIENCE) else {
            child.kill().unwrap();
            let log: Vec<String> = log.iter().collect();
            panic!("{} did not say where it listens; its log: {log:#?}", program.display());
        };
        let announced: serde_json::Value = serde_json::from_str(&first).expect("the first line is JSON");
        let address = announced["listening"].as_str().expect("it has `listening`").parse().unwrap();
        Self { child, address, log }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An absolute URL for a path that begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A raw connection, for looking at bytes. Reads give up after [`PATIENCE`].
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the process accepts connections");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The next line of its log (stderr) that contains all of `parts`; lines before it are passed over for good.
    pub fn log_line(&self, parts: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if parts.iter().all(|part| line.contains(part)) => return line,
                Ok(_) => {}
                Err(_) => panic!("no log line with {parts:?}"),
            }
        }
    }

    /// Sends a signal by its name, such as `TERM` or `HUP`.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the process to end by itself, and fails the test if it does not.
    pub fn wait(mut self) -> ExitStatus {
        // The log ends when the process does, which can be awaited with a deadline.
        let deadline = Instant::now() + PATIENCE;
        while let Ok(_line) = self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {}
        assert!(Instant::now() < deadline, "the process {} did not end", self.child.id());
        self.child.wait().unwrap()
    }

    /// Asks it to stop with SIGTERM and waits until it has.
    pub fn stop(self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name to the process with this id.
pub fn signal(id: u32, name: &str) {
    // The shell's own `kill`, since small containers have no program of that name.
    let command = format!("kill -s {name} {id}");
    let status = Command::new("sh").args(["-c", &command]).status().expect("run a shell");
    assert!(status.success(), "{command}");
}

/// Where cargo puts an example.
pub fn example_path(example: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_olympus")).with_file_name("examples").join(example);
    assert!(path.exists(), "{} is missing: run `cargo build --examples`", path.display());
    path
}

/// Reads lines on a thread of its own until the other end closes.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Keep reading when nobody listens, or the process would block on a full pipe.
            let _ = sender.send(line);
        }
    });
    receiver
}
