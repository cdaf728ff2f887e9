//! Which client connections are open, for operators to look at. Locked when a connection opens, closes or is looked
//! at, never for a request.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Doing {
    /// Nothing is known of it yet: a PROXY header, a handshake or its first bytes are waited for.
    Opening,
    /// HTTP/1.1: a request is waited for.
    Waiting,
    /// HTTP/1.1: a request or a tunnel is served.
    Serving,
    /// HTTP/2, which may do both at a time.
    Multiplexing,
}

impl Doing {
    const ALL: [Self; 4] = [Self::Opening, Self::Waiting, Self::Serving, Self::Multiplexing];

    /// What it speaks; `None` while that is not known.
    pub fn protocol(self) -> Option<&'static str> {
        match self {
            Self::Opening => None,
            Self::Waiting | Self::Serving => Some("HTTP/1.1"),
            Self::Multiplexing => Some("HTTP/2"),
        }
    }

    /// The word people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Waiting => "idle",
            Self::Serving => "serving",
            Self::Multiplexing => "open",
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub struct OpenConnection {
    listener: Arc<str>,
    opened: Instant,
    client: Mutex<Option<SocketAddr>>,
    is_tls: AtomicBool,
    doing: AtomicU8,
    requests: AtomicU32,
}

impl OpenConnection {
    /// The name of its listener.
    pub fn listener(&self) -> &str {
        &self.listener
    }

    /// Who it is from, by the PROXY header where there is one.
    pub fn client(&self) -> Option<SocketAddr> {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long it has been open.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.opened)
    }

    /// Whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        self.is_tls.load(Ordering::Relaxed)
    }

    /// What it does.
    pub fn doing(&self) -> Doing {
        let number = self.doing.load(Ordering::Relaxed);
        Doing::ALL.into_iter().find(|it| *it as u8 == number).unwrap_or(Doing::Opening)
    }

    /// Requests so far, the one under way included; over HTTP/2 streams, by their number.
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// It turned out who it is from.
    pub fn is_from(&self, client: SocketAddr) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
    }

    /// TLS was agreed on.
    pub fn is_encrypted(&self) {
        self.is_tls.store(true, Ordering::Relaxed);
    }

    /// It does something else now.
    pub fn does(&self, doing: Doing) {
        self.doing.store(doing as u8, Ordering::Relaxed);
    }

    /// A request has come.
    pub fn asks(&self) {
        self.does(Doing::Serving);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// So many have come by now.
    pub fn has_asked(&self, requests: u32) {
        self.requests.store(requests, Ordering::Relaxed);
    }
}

/// All open connections, in the order they were opened.
#[derive(Debug, Clone, Default)]
pub struct Register(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<OpenConnection>>>,
}

/// Keeps a connection in the register until it is dropped.
#[derive(Debug)]
pub struct Registered {
    register: Register,
    number: u64,
    /// What is known of it.
    pub connection: Arc<OpenConnection>,
}

impl Register {
    pub(super) fn enter(&self, listener: &Arc<str>) -> Registered {
        let connection = Arc::new(OpenConnection {
            listener: listener.clone(),
            opened: Instant::now(),
            client: Mutex::new(None),
            is_tls: AtomicBool::new(false),
            doing: AtomicU8::new(Doing::Opening as u8),
            requests: AtomicU32::new(0),
        });
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, connection.clone());
        Registered { register: self.clone(), number, connection }
    }

    /// The oldest connections that are wanted, so many at most, and how many are wanted altogether.
    pub fn oldest(
        &self,
        wanted: impl Fn(&OpenConnection) -> bool,
        most: usize,
    ) -> (Vec<Arc<OpenConnection>>, usize) {
        let (mut found, mut count) = (Vec::new(), 0);
        for connection in self.lock().values().filter(|it| wanted(it)) {
            count += 1;
            if found.len() < most {
                found.push(connection.clone());
            }
        }
        (found, count)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<OpenConnection>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.register.lock().remove(&self.number);
    }
}

/// Whether a connection is from this address.
pub fn is_from(connection: &OpenConnection, client: IpAddr) -> bool {
    connection.client().is_some_and(|it| it.ip().to_canonical() == client.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_come_first_and_who_left_is_gone() {
        let (register, name) = (Register::default(), Arc::from("public"));
        let mut open: Vec<_> = (0..5).map(|_| register.enter(&name)).collect();
        open.iter().for_each(|it| it.connection.is_from("192.0.2.1:4".parse().unwrap()));
        open[2].connection.is_from("[::ffff:192.0.2.7]:4".parse().unwrap());
        open[1].connection.asks();
        open.remove(0);
        let (found, count) = register.oldest(|_| true, 2);
        assert_eq!((found.len(), count), (2, 4));
        assert_eq!((found[0].requests(), found[0].doing()), (1, Doing::Serving));
        let (found, count) = register.oldest(|it| is_from(it, "192.0.2.7".parse().unwrap()), 2);
        assert_eq!((found.len(), count), (1, 1));
        drop(open);
        assert_eq!(register.oldest(|_| true, 2).1, 0);
    }
}
