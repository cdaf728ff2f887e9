//! Deadlines on whole tries. Pingora's read timeout begins again at every read and cannot be changed after a
//! connection is open, so a deadline here shuts the connection to the backend down; Pingora then sees it end.

use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::socket::{Shutdown, SockaddrStorage, getsockname, shutdown};

/// How exact a deadline is.
const TICK: Duration = Duration::from_millis(10);

/// The deadlines of all tries in flight.
#[derive(Debug, Clone, Default)]
pub(super) struct Deadlines(Arc<Mutex<Slots>>);

#[derive(Debug, Default)]
struct Slots {
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    connection: Connection,
    at: Instant,
    has_fired: bool,
}

/// An open connection to a backend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    /// Its file descriptor, open for as long as the try lives.
    pub(super) fd: RawFd,
    /// Our end of it. Tells it from a later connection under the same descriptor.
    pub(super) local: Option<SocketAddr>,
}

/// A deadline that is watched while this lives.
#[derive(Debug)]
pub(super) struct Deadline {
    all: Deadlines,
    index: usize,
}

impl Deadlines {
    /// Shuts the connection down at the given time, unless the deadline is dropped before.
    pub(super) fn set(&self, connection: Connection, at: Instant) -> Deadline {
        let entry = Some(Entry { connection, at, has_fired: false });
        let mut slots = self.lock();
        let index = match slots.free.pop() {
            Some(index) => index,
            None => {
                slots.entries.push(None);
                slots.entries.len() - 1
            }
        };
        if let Some(slot) = slots.entries.get_mut(index) {
            *slot = entry;
        }
        Deadline { all: self.clone(), index }
    }

    /// Watches the deadlines for as long as the process runs.
    pub(super) async fn watch(self) {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            self.fire(Instant::now());
        }
    }

    fn fire(&self, now: Instant) {
        for entry in self.lock().entries.iter_mut().flatten() {
            if entry.at <= now && !entry.has_fired {
                entry.has_fired = true;
                entry.connection.shut_down();
            }
        }
    }

    /// Held to change one entry, or once a tick to look at all of them.
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn shut_down(self) {
        let is_same = match self.local {
            Some(local) => local_address(self.fd) == Some(local),
            None => true,
        };
        if is_same {
            // It may have ended by itself in the meantime, which is as good.
            let _ = shutdown(self.fd, Shutdown::Both);
        }
    }
}

fn local_address(fd: RawFd) -> Option<SocketAddr> {
    let address = getsockname::<SockaddrStorage>(fd).ok()?;
    let v4 = address.as_sockaddr_in().map(|it| SocketAddr::from((it.ip(), it.port())));
    v4.or_else(|| address.as_sockaddr_in6().map(|it| SocketAddr::from((it.ip(), it.port()))))
}

impl Deadline {
    /// Whether the time came.
    pub(super) fn has_fired(&self) -> bool {
        self.all.lock().entries.get(self.index).and_then(Option::as_ref).is_some_and(|entry| entry.has_fired)
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut slots = self.all.lock();
        if let Some(entry) = slots.entries.get_mut(self.index) {
            *entry = None;
        }
        slots.free.push(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn the_connection_ends_at_its_deadline_and_not_before() {
        let (mut client, _server) = pair();
        let deadlines = Deadlines::default();
        let now = Instant::now();
        let connection = Connection { fd: client.as_raw_fd(), local: client.local_addr().ok() };
        let deadline = deadlines.set(connection, now + Duration::from_secs(1));
        deadlines.fire(now);
        assert!(!deadline.has_fired());
        deadlines.fire(now + Duration::from_secs(1));
        assert!(deadline.has_fired());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_later_connection_under_the_same_descriptor_is_left_alone() {
        let (mut client, server) = pair();
        let deadlines = Deadlines::default();
        let other = "127.0.0.1:1".parse().ok();
        let _deadline = deadlines.set(Connection { fd: client.as_raw_fd(), local: other }, Instant::now());
        deadlines.fire(Instant::now());
        drop(server);
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "ended by the other side only");
        assert!(client.peer_addr().is_ok(), "a connection that was shut down has no peer");
    }

    #[test]
    fn slots_are_used_again() {
        let deadlines = Deadlines::default();
        for _ in 0..100 {
            drop(deadlines.set(Connection { fd: -1, local: None }, Instant::now()));
        }
        assert_eq!(deadlines.lock().entries.len(), 1);
    }
}
