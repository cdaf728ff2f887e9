//! A new process takes the listeners over from the one that runs.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

use crate::support::double::Double;
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::process::signal;
use crate::support::wait::until;
use crate::{app, commerce, endpoint};

/// The process that takes over. Dropping it ends it.
struct Successor(Child);

impl Successor {
    /// Starts it and waits until it waits for the listeners.
    fn of(gateway: &Gateway, socket: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_olympus"));
        command.args(["run", "--upgrade", "--config", &gateway.config_file()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let waits = || std::fs::read_to_string("/proc/net/unix").unwrap().contains(socket);
        until("the successor waits for the listeners", || waits().then_some(()));
        Self(child)
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        signal(self.0.id(), "TERM");
        self.0.wait().unwrap();
    }
}

fn config(folder: &Folder, backends: &str) -> (String, String) {
    let socket = folder.file("upgrade.sock");
    (format!("[server]\nupgrade_socket = \"{socket}\"\n{backends}"), socket)
}

/// Asks again and again on connections that are kept until an answer says close; returns what failed.
fn keep_asking(gateway: &Gateway, is_over: &AtomicBool, served: &AtomicUsize) -> Vec<String> {
    let mut wire = gateway.wire();
    let mut failures = Vec::new();
    while !is_over.load(Ordering::SeqCst) && failures.len() < 3 {
        wire.ask("GET", "/api/products/p-0001", &[]);
        match wire.try_answer() {
            Ok(answer) if answer.status == 200 => {
                served.fetch_add(1, Ordering::SeqCst);
                if answer.headers.get("connection").is_some_and(|it| it == "close") {
                    wire = gateway.wire();
                }
            }
            Ok(answer) => failures.push(answer.body),
            Err(error) => failures.push(error.to_string()),
        }
    }
    failures
}

#[test]
fn no_request_is_lost_when_another_process_takes_over() {
    let (shop, folder) = (commerce("shop"), Folder::new("upgrade"));
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let slow = Double::start(move |_, wire| {
        wait.lock().unwrap().recv().ok();
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone")
    });
    let backends = format!(
        "{}[upstreams.slow]\nendpoints = [{}]\nretry = {{ max_retries = 0 }}\ntry_timeout = \"9s\"\n[routes.slow]\npath = \"/slow\"\nupstream = \"slow\"\n",
        app(&[endpoint(shop.address())], "", ""),
        endpoint(slow.address())
    );
    let (whole, socket) = config(&folder, &backends);
    let mut gateway = Gateway::start(&whole);
    let mut under_way = gateway.wire();
    under_way.ask("GET", "/slow", &[]);
    until("the slow backend works", || (slow.connections() == 1).then_some(()));
    let successor = Successor::of(&gateway, &socket);
    let (is_over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failures: Vec<String> = std::thread::scope(|scope| {
        let client = || keep_asking(&gateway, &is_over, &served);
        let clients = [(); 3].map(|()| scope.spawn(client));
        signal(gateway.id(), "QUIT");
        until("the listeners are handed over", || {
            gateway
                .messages
                .now()
                .iter()
                .any(|line| line.contains("handing the listeners over"))
                .then_some(())
        });
        let so_far = served.load(Ordering::SeqCst);
        until("clients are served on", || (served.load(Ordering::SeqCst) > so_far + 50).then_some(()));
        go.send(()).unwrap();
        assert_eq!(under_way.answer().body, "done");
        until("the old process is not needed any more", || {
            gateway.messages.now().iter().any(|line| line.contains("all requests are served")).then_some(())
        });
        let so_far = served.load(Ordering::SeqCst);
        until("the new process serves", || (served.load(Ordering::SeqCst) > so_far + 50).then_some(()));
        is_over.store(true, Ordering::SeqCst);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(gateway.wait().code(), Some(0));
    assert_eq!(gateway.ask_admin("/upstreams").status, 200, "the operators' listeners came along");
    drop(successor);
}

#[test]
fn a_quit_without_a_successor_is_ignored() {
    let folder = Folder::new("no-upgrade");
    let (whole, socket) = config(&folder, "");
    let gateway = Gateway::start(&whole);
    gateway.signal("QUIT");
    gateway.messages.find("why", |line| line.contains("SIGQUIT is ignored") && line.contains(&socket));
    assert_eq!(gateway.get("/livez").status, 200);
    let other = Gateway::start("");
    other.signal("QUIT");
    other.messages.find("why", |line| line.contains("server.upgrade_socket is not set"));
    assert_eq!(other.get("/readyz").status, 200);
}

#[test]
fn a_successor_without_a_way_for_listeners_says_so() {
    let gateway = Gateway::start("");
    let mut command = Command::new(env!("CARGO_BIN_EXE_olympus"));
    let output = command.args(["run", "--upgrade", "-c", &gateway.config_file()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("server.upgrade_socket is not set"), "{told}");
}
