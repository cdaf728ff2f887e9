//! The gateway as operators run it: the real program with a configuration of the test's on ports of its own.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::folder::Folder;
use super::http::{Answer, get, send, try_send};
use super::lines::Lines;
use super::port::Port;
use super::process::{PATIENCE, example_path, signal};
use super::wait::until;
use super::wire::Wire;

/// The token of the admin API.
pub const ADMIN_TOKEN: &str = "admin-token-of-the-tests";

/// A running gateway. Dropping it ends it by SIGTERM and fails the test unless it ends well.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    public: Port,
    admin: Port,
    metrics: Port,
    folder: Folder,
    /// The access log.
    pub access: Lines,
    /// What it says to people.
    pub messages: Lines,
    has_ended: bool,
}

impl Gateway {
    /// Starts the program with the upstreams, routes and whatever else `config` says, and waits until it is ready.
    /// Listeners, local routes and a drain without delay are there already.
    pub fn start(config: &str) -> Self {
        Self::listening("", config)
    }

    /// The same with further keys of its public listener.
    pub fn listening(listener: &str, config: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_olympus"));
        Self::launch((listener, config), |file| run(program, file), |_| {})
    }

    /// Sends it a signal as soon as it has begun to listen for that.
    pub fn signalled_early(config: &str, (name, number): (&str, u32)) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_olympus"));
        let early = |id| {
            until("it listens for the signal", || catches(id, number).then_some(()));
            signal(id, name);
        };
        Self::launch(("", config), |file| run(program, file), early)
    }

    /// The same as a library in another program, which has local routes of its own: `examples/embedded`.
    pub fn embedded(config: &str) -> Self {
        let program = example_path("embedded");
        Self::launch(
            ("", config),
            |file| {
                let mut command = Command::new(&program);
                command.arg(file);
                command
            },
            |_| {},
        )
    }

    fn launch(
        (listener, config): (&str, &str),
        command: impl FnOnce(&str) -> Command,
        early: impl FnOnce(u32),
    ) -> Self {
        let folder = Folder::new("gateway");
        let [public, admin, metrics] = [(); 3].map(|()| Port::reserve());
        let whole = whole_config((listener, config), [&public, &admin, &metrics].map(Port::address));
        let mut command = command(&folder.write("gateway.toml", &whole));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let access = Lines::of(child.stdout.take().expect("stdout is piped"));
        let messages = Lines::of(child.stderr.take().expect("stderr is piped"));
        early(child.id());
        let mut gateway = Self { child, public, admin, metrics, folder, access, messages, has_ended: false };
        until("the gateway is ready", || gateway.is_up().then_some(()));
        gateway
    }

    /// Whether every listener is open and it says that it is ready.
    fn is_up(&mut self) -> bool {
        if let Some(status) = self.child.try_wait().unwrap() {
            self.has_ended = true;
            panic!("the gateway ended with {status}: {:#?}", self.messages.all());
        }
        [&self.public, &self.admin].iter().all(|port| TcpStream::connect(port.address()).is_ok())
            && try_send("GET", &self.metrics_url("/readyz"), &[], "").is_ok_and(|it| it.status == 200)
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.public.address()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its configuration file.
    pub fn config_file(&self) -> String {
        self.folder.file("gateway.toml")
    }

    /// An absolute URL for clients; the path begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.public.address())
    }

    /// The same on the listener with metrics and probes.
    pub fn metrics_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.metrics.address())
    }

    /// The same on the listener of the admin API.
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin.address())
    }

    /// A raw connection as a client.
    pub fn wire(&self) -> Wire {
        Wire::to(self.address())
    }

    /// `GET` as a client, without anything else.
    pub fn get(&self, path: &str) -> Answer {
        get(&self.url(path))
    }

    /// What the admin API answers to those who have the token.
    pub fn ask_admin(&self, path: &str) -> Answer {
        self.tell_admin("GET", path, "")
    }

    /// The same for a method and a JSON document.
    pub fn tell_admin(&self, method: &str, path: &str, document: &str) -> Answer {
        let token = format!("Bearer {ADMIN_TOKEN}");
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        send(method, &self.admin_url(path), &headers, document)
    }

    /// Puts another configuration into the place of the one it was started with, its public listener without keys.
    pub fn write_config(&self, config: &str) {
        self.write_including("[]", config);
    }

    /// The same with a list of files to include.
    pub fn write_including(&self, include: &str, config: &str) {
        let addresses = [&self.public, &self.admin, &self.metrics].map(Port::address);
        let whole = format!("include = {include}\n{}", whole_config(("", config), addresses));
        self.write_beside("gateway.toml", &whole);
    }

    /// Puts a file beside the configuration, or in the place of the one of that name.
    pub fn write_beside(&self, name: &str, text: &str) {
        // By renaming, as editors and deployments do: nobody reads half of it.
        let fresh = self.folder.write(&format!("{name}.new"), text);
        std::fs::rename(fresh, self.folder.file(name)).unwrap();
    }

    /// The access line of the request with this id, now or later.
    pub fn line_of(&self, request_id: &str) -> Value {
        let field = format!("\"request_id\":\"{request_id}\"");
        serde_json::from_str(&self.access.find(&field, |line| line.contains(&field))).unwrap()
    }

    /// The access line of the request that this answers.
    pub fn line_for(&self, answer: &Answer) -> Value {
        self.line_of(answer.header("x-request-id"))
    }

    /// The value of a metric's only series that contains all of `labels`; 0 where there is none.
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = get(&self.metrics_url("/metrics")).body;
        let is_wanted = |line: &&str| {
            let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']));
            rest.is_some_and(|rest| labels.iter().all(|label| rest.contains(label)))
        };
        let found: Vec<&str> = text.lines().filter(is_wanted).collect();
        assert!(found.len() < 2, "several series: {found:#?}");
        found.first().map_or(0.0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = until("the gateway ends", || self.child.try_wait().unwrap());
        self.has_ended = true;
        assert!(Instant::now() < deadline);
        status
    }

    /// Ends it and returns its complete access log.
    pub fn stop(mut self) -> Vec<Value> {
        self.signal("TERM");
        assert_eq!(self.wait().code(), Some(0), "{:#?}", self.messages.all());
        self.access.all().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        if std::thread::panicking() {
            eprintln!("messages of the gateway: {:#?}", self.messages.now());
            let _ = self.child.kill();
            let _ = self.child.wait();
            return;
        }
        self.signal("TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{:#?}", self.messages.all());
    }
}

fn run(program: &Path, file: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["run", "--config", file]);
    command
}

/// Whether a process has a handler for a signal (proc_pid_status(5), `SigCgt`).
fn catches(id: u32, number: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (number - 1)) != 0
}

/// The configuration of the test with what every gateway of the tests has.
fn whole_config((listener, config): (&str, &str), [public, admin, metrics]: [SocketAddr; 3]) -> String {
    let drain = if config.contains("[server.drain]") {
        ""
    } else {
        "[server.drain]\ndelay = \"0s\"\ntimeout = \"5s\""
    };
    format!(
        r#"
version = 1
[listeners.public]
address = "{public}"
{listener}
[admin]
listen = "{admin}"
token = "{ADMIN_TOKEN}"
metrics_listen = "{metrics}"
{drain}
[defaults.route]
auth = "none"
[routes.health]
path = ["/livez", "/readyz", "/healthz"]
local = "health"
[routes.status]
path = "/api/v1/{{*rest}}"
local = "status"
{config}
"#
    )
}
