//! Our HTTP words: problems, request ids, trace context, client addresses, hop-by-hop rules, paths, JSON
//! that all read alike.
//! Nothing here knows of routes, pools or Pingora.

mod browser;
mod client;
mod exchange_client;
mod forwarded;
mod hop;
mod path;
mod problem;
mod refusal;
mod request_id;
mod retry_after;
mod router;
mod strict;
mod trace;
mod tunnel;

pub use browser::{ACCESS_COOKIE, REFRESH_COOKIE, cookie, is_same_origin, may_change, strip_token_cookies};
pub use client::Client;
pub use exchange_client::{Breach, Call, Cut, ExchangeClient, Reply};
pub use forwarded::{ClientAddress, Connection};
pub use hop::{strip_hop_by_hop, strip_identity};
pub use path::{PathError, normalise};
pub use problem::{Fault, Problem};
pub use refusal::Refusal;
pub use request_id::RequestId;
pub use retry_after::retry_after;
pub use router::ask;
pub use strict::Strict;
pub use trace::{TraceContext, TraceId};
pub use tunnel::opens_tunnel;
