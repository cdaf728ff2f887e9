//! Loopback ports that belong to one test.
//!
//! A port is bound but not listened on: nobody else is given it, a program that the test starts may still listen on
//! it (both sides reuse addresses), and until one does, connecting to it is refused.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::sockopt::ReuseAddr;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, setsockopt, socket,
};

/// A port that stays the test's own for as long as this lives.
#[derive(Debug)]
pub struct Port {
    _socket: OwnedFd,
    address: SocketAddr,
}

impl Port {
    /// Takes a free port.
    pub fn reserve() -> Self {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        setsockopt(&socket, ReuseAddr, &true).unwrap();
        bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
        let bound: SockaddrIn = getsockname(socket.as_raw_fd()).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port()));
        Self { _socket: socket, address }
    }

    /// Where to listen, or to be refused.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
