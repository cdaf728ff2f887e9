//! A Redis of the test's own, on a free loopback port, which keeps nothing and dies with the test.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use super::folder::Folder;
use super::port::Port;
use super::wait::until;

/// A running `redis-server`. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    child: Option<Child>,
    port: Port,
    folder: Folder,
    arguments: Vec<String>,
}

impl Redis {
    /// Starts one with further arguments and waits until it listens.
    pub fn start(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&it| it.to_owned()).collect();
        let mut redis = Self { child: None, port: Port::reserve(), folder: Folder::new("redis"), arguments };
        redis.start_again();
        redis
    }

    /// Starts it where it was, empty.
    pub fn start_again(&mut self) {
        let port = self.address().port().to_string();
        // It ends with the thread that started it, even if that is killed.
        let mut command = Command::new("setpriv");
        // A configuration file comes first among the arguments.
        command.args(["--pdeathsig", "KILL", "redis-server"]).args(&self.arguments);
        command.args(["--bind", "127.0.0.1", "--port", &port, "--dir", &self.folder.file("")]);
        if !self.arguments.iter().any(|it| it == "--sentinel") {
            command.args(["--save", "", "--appendonly", "no"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        until("Redis listens", || {
            assert!(child.try_wait().unwrap().is_none(), "Redis ended: {command:?}");
            TcpStream::connect(self.address()).ok()
        });
        self.child = Some(child);
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().map(Child::id).expect("it runs")
    }

    /// Where it listens, or did.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The same as the configuration names it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// What `redis-cli` answers to a command.
    pub fn ask(&self, command: &[&str]) -> String {
        let port = self.address().port().to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(command).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
