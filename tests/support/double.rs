//! A backend that does exactly what a test tells it, byte by byte, and remembers what it was asked.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::wire::Wire;

/// A backend under the test's control. Each connection is served on a thread of its own until it ends.
#[derive(Debug)]
pub struct Double {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    heads: Mutex<Vec<String>>,
    connections: AtomicUsize,
    is_stopped: AtomicBool,
}

impl Double {
    /// Calls `serve` with the head of each request and its connection, which ends when `serve` returns an error.
    pub fn start(serve: impl Fn(&str, &mut Wire) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (shared, serve) = (Arc::new(Shared::default()), Arc::new(serve));
        let theirs = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if theirs.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, serve) = (theirs.clone(), serve.clone());
                std::thread::spawn(move || shared.serve(stream, &*serve));
            }
        });
        Self { address, shared }
    }

    /// Answers every request with the same bytes. Request bodies are not read.
    pub fn answering(bytes: &'static str) -> Self {
        Self::start(move |_, wire| wire.try_send(bytes))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }

    /// The head of the only request so far.
    pub fn only_head(&self) -> String {
        let mut heads = self.heads();
        assert_eq!(heads.len(), 1, "{heads:#?}");
        heads.remove(0)
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream, serve: &dyn Fn(&str, &mut Wire) -> io::Result<()>) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let mut wire = Wire::over(stream);
        while let Ok(head) = wire.try_head_text() {
            self.heads.lock().unwrap().push(head.clone());
            if serve(&head, &mut wire).is_err() {
                return;
            }
        }
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; it may be gone already.
        let _ = TcpStream::connect(self.address);
    }
}
