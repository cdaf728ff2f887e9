//! What stands before HTTP on a listener: limits on connections, the PROXY protocol, TLS, and a watch over heads and
//! frames. It knows bytes and addresses; what requests mean is for those behind it.

mod alarm;
mod allowance;
mod crowd;
mod farewell;
mod frames;
mod front;
mod head;
mod hosts;
mod proxy_header;
mod refusal;
mod stream;
mod tls;
mod watched;

pub(super) use crowd::Crowd;
pub(super) use front::{Front, Terms};
pub(super) use stream::{bear, head_was_parsed};
pub(super) use tls::Tls;
