//! Who is connected: how many connections a listener has, and how many of them each client.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::refusal::Refusal;
use crate::telemetry::{ListenerConnections, OpenConnection, Registered};

/// The connections of one listener.
#[derive(Debug)]
pub(in crate::edge) struct Crowd {
    most: u32,
    most_of_one: u32,
    open: AtomicU32,
    by_client: Mutex<HashMap<IpAddr, u32>>,
    counts: ListenerConnections,
}

/// A connection's place among the others; dropping it leaves.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    client: Option<IpAddr>,
    listed: Registered,
}

impl Crowd {
    /// Nobody yet, with room for so many, and for so many of one client.
    pub(in crate::edge) fn new(most: u32, most_of_one: u32, counts: ListenerConnections) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, open: AtomicU32::new(0), by_client: Mutex::default(), counts })
    }

    /// A place for a connection that was just accepted.
    ///
    /// # Errors
    /// There is no room.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Place, Refusal> {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        let place = Place { crowd: self.clone(), client: None, listed: self.counts.opened() };
        if before < self.most { Ok(place) } else { Err(Refusal::Full) }
    }

    /// Counts a refusal and says it to those who look for it.
    pub(super) fn refused(&self, refusal: Refusal, client: Option<IpAddr>) {
        if let Some(cause) = refusal.cause() {
            self.counts.refused(cause);
            tracing::debug!(listener = self.counts.listener(), cause, ?client, "connection refused");
        }
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.by_client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts the connection as one of this client's, once it is known who that is.
    ///
    /// # Errors
    /// The client has as many as it may.
    pub(super) fn belongs_to(&mut self, client: IpAddr) -> Result<(), Refusal> {
        let client = household(client);
        let mut clients = self.crowd.clients();
        let count = clients.entry(client).or_default();
        if *count >= self.crowd.most_of_one {
            return Err(Refusal::FullForClient);
        }
        *count += 1;
        drop(clients);
        self.client = Some(client);
        Ok(())
    }

    /// What operators see of the connection.
    pub(super) fn listed(&self) -> &OpenConnection {
        &self.listed.connection
    }

    /// Counts why the connection is cut.
    pub(super) fn refused(&self, refusal: Refusal) {
        self.crowd.refused(refusal, self.client);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.open.fetch_sub(1, Ordering::Relaxed);
        self.crowd.counts.closed();
        let Some(client) = self.client else { return };
        let mut clients = self.crowd.clients();
        if let Some(count) = clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&client);
            }
        }
    }
}

/// What counts as one client: whoever has an IPv6 address has the other 2^64 of its network too.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    fn crowd(metrics: &Metrics) -> Arc<Crowd> {
        Crowd::new(3, 2, metrics.connections.of("public"))
    }

    fn enter(crowd: &Arc<Crowd>, client: &str) -> Result<Place, Refusal> {
        let mut place = crowd.enter()?;
        place.belongs_to(client.parse().unwrap())?;
        Ok(place)
    }

    #[test]
    fn there_is_room_for_as_many_as_there_may_be() {
        let metrics = Metrics::new();
        let crowd = crowd(&metrics);
        let places = [1, 2, 3].map(|last| enter(&crowd, &format!("192.0.2.{last}")).unwrap());
        assert_eq!(enter(&crowd, "192.0.2.4").unwrap_err(), Refusal::Full);
        drop(places);
        assert!(enter(&crowd, "192.0.2.4").is_ok());
        assert!(metrics.exposition().into_text().contains("olympus_connections_open{listener=\"public\"} 0"));
    }

    #[test]
    fn one_client_leaves_room_for_others() {
        let crowd = crowd(&Metrics::new());
        let places = [(); 2].map(|()| enter(&crowd, "192.0.2.1").unwrap());
        assert_eq!(enter(&crowd, "::ffff:192.0.2.1").unwrap_err(), Refusal::FullForClient);
        assert!(enter(&crowd, "192.0.2.2").is_ok());
        drop(places);
        assert!(crowd.clients().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let crowd = crowd(&Metrics::new());
        let _places = ["2001:db8::1", "2001:db8::ffff:2"].map(|client| enter(&crowd, client).unwrap());
        assert_eq!(enter(&crowd, "2001:db8::3").unwrap_err(), Refusal::FullForClient);
        assert!(enter(&crowd, "2001:db8:0:1::1").is_ok());
    }
}
