//! Which of a route's pools a request goes to, where some of them get a share: a canary beside the rest.

use std::sync::Arc;

use http::HeaderMap;

use super::sticky::key_of;
use crate::config::{self, HashKey};
use crate::error::{Error, Result};
use crate::http::ClientAddress;
use crate::identity::Caller;
use crate::upstream::{Pool, Pools};

/// The pools of a route.
#[derive(Debug, Clone)]
pub struct Split {
    /// Gets what is left.
    rest: Arc<Pool>,
    shares: Vec<Share>,
    by: Option<HashKey>,
}

/// A pool that gets a part.
#[derive(Debug, Clone)]
struct Share {
    pool: Arc<Pool>,
    percent: f64,
}

/// Where in the whole, from 0 to 100, a request falls. The shares lie side by side from 0 on, in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// By its key: always the same.
    Key(f64),
    /// By chance.
    Chance(f64),
}

impl Split {
    pub(super) fn compile(rest: &Arc<Pool>, settings: &config::Route, pools: &Pools) -> Result<Self> {
        let share = |share: &config::Share| match pools.get(&share.upstream) {
            Some(pool) => Ok(Share { pool: pool.clone(), percent: share.percent }),
            None => Err(Error::internal(format!("split: there is no upstream `{}`", share.upstream))),
        };
        let shares = settings.split.iter().map(share).collect::<Result<_>>()?;
        Ok(Self { rest: rest.clone(), shares, by: settings.split_by.clone() })
    }

    /// The pool of a request. `chance` is any random number, asked for where it decides.
    pub(super) fn choose(
        &self,
        caller: Option<&Caller>,
        client: &ClientAddress,
        headers: &HeaderMap,
        chance: impl FnOnce() -> u64,
    ) -> &Arc<Pool> {
        match self.shares.is_empty() {
            true => &self.rest,
            false => self.pool_at(self.place(caller, client, headers, chance)),
        }
    }

    pub(super) fn place(
        &self,
        caller: Option<&Caller>,
        client: &ClientAddress,
        headers: &HeaderMap,
        chance: impl FnOnce() -> u64,
    ) -> Place {
        let key = self.by.as_ref().and_then(|by| key_of(by, caller, client, headers));
        key.map_or_else(|| Place::Chance(percent(chance())), |key| Place::Key(percent(key)))
    }

    fn pool_at(&self, place: Place) -> &Arc<Pool> {
        let (Place::Key(place) | Place::Chance(place)) = place;
        let mut end = 0.0;
        let fits = |share: &&Share| {
            end += share.percent;
            place < end
        };
        self.shares.iter().find(fits).map_or(&self.rest, |share| &share.pool)
    }

    /// What decides, where anything but chance may.
    pub(super) fn by(&self) -> Option<&HashKey> {
        self.by.as_ref()
    }

    /// Each pool and its percentage, in the order of their places; empty where there is one pool.
    pub(super) fn percentages(&self) -> Vec<(&str, f64)> {
        let mut parts: Vec<_> = self.shares.iter().map(|share| (&*share.pool.name, share.percent)).collect();
        if !parts.is_empty() {
            let taken: f64 = self.shares.iter().map(|share| share.percent).sum();
            let left = ((100.0 - taken) * 1e4).round() / 1e4;
            parts.push((&self.rest.name, left.max(0.0)));
        }
        parts
    }
}

/// A random number as a place from 0 to 100. Of a key's hash the lower half: pools that hash go by the upper one, and
/// a pool's part of the requests must not be one part of its ring.
fn percent(random: u64) -> f64 {
    let low = random & u64::from(u32::MAX);
    #[expect(clippy::cast_precision_loss, reason = "32 bits fit")]
    let place = low as f64 / (1_u64 << 32) as f64 * 100.0;
    place
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use super::*;
    use crate::http::Connection;

    const CLIENT: &str = "192.0.2.1:4";

    fn split(parts: &[(&str, f64)], by: Option<&str>) -> Split {
        let pool = |name: &str| {
            let settings = serde_json::json!({ "endpoints": [{ "address": "127.0.0.1:1" }] });
            let settings = serde_json::from_value(settings).unwrap();
            (name.to_owned(), Arc::new(Pool::new(name, &settings, Instant::now())))
        };
        let pools: Pools = ["stable", "next", "other"].into_iter().map(pool).collect();
        let parts: Vec<_> = parts
            .iter()
            .map(|(upstream, percent)| serde_json::json!({ "upstream": upstream, "percent": percent }))
            .collect();
        let route = serde_json::json!({ "path": "/", "upstream": "stable", "split": parts, "split_by": by });
        Split::compile(&pools["stable"], &serde_json::from_value(route).unwrap(), &pools).unwrap()
    }

    fn chosen(split: &Split, headers: &HeaderMap, chance: u64) -> String {
        let connection = Connection { peer: CLIENT.parse().ok(), is_tls: false };
        let client = ClientAddress::of(connection, headers, &[]);
        split.choose(None, &client, headers, || chance).name.to_string()
    }

    fn user(name: &str) -> HeaderMap {
        HeaderMap::from_iter([("x-user".parse().unwrap(), name.parse().unwrap())])
    }

    #[test]
    fn each_pool_gets_its_part() {
        let split = split(&[("next", 5.0), ("other", 20.5)], Some("header:x-user"));
        let mut counts = BTreeMap::<String, u32>::new();
        (0..20_000).for_each(|number| {
            *counts.entry(chosen(&split, &user(&format!("user-{number}")), 0)).or_default() += 1;
        });
        assert!(counts["next"].abs_diff(1_000) < 150, "{counts:?}");
        assert!(counts["other"].abs_diff(4_100) < 250, "{counts:?}");
        assert_eq!(split.percentages(), [("next", 5.0), ("other", 20.5), ("stable", 74.5)]);
    }

    #[test]
    fn whoever_is_in_the_first_part_stays_while_it_grows() {
        let (small, large) =
            (split(&[("next", 5.0)], Some("header:x-user")), split(&[("next", 30.0)], Some("header:x-user")));
        let users: Vec<_> = (0..1_000).map(|number| user(&format!("user-{number}"))).collect();
        let early: Vec<_> = users.iter().filter(|user| chosen(&small, user, u64::MAX) == "next").collect();
        assert!(!early.is_empty());
        assert!(early.iter().all(|user| chosen(&large, user, u64::MAX) == "next"));
    }

    #[test]
    fn chance_decides_without_a_key() {
        let by_chance = split(&[("next", 50.0)], None);
        let by_user = split(&[("next", 50.0)], Some("header:x-user"));
        for split in [&by_chance, &by_user] {
            assert_eq!(chosen(split, &HeaderMap::new(), 0), "next");
            assert_eq!(chosen(split, &HeaderMap::new(), u64::MAX), "stable");
        }
        let by_address = split(&[("next", 50.0)], Some("ip"));
        assert_eq!(
            chosen(&by_address, &HeaderMap::new(), 0),
            chosen(&by_address, &HeaderMap::new(), u64::MAX)
        );
    }

    #[test]
    fn none_and_all_are_exact() {
        let (none, all) = (split(&[("next", 0.0)], None), split(&[("next", 100.0)], None));
        assert_eq!(chosen(&none, &HeaderMap::new(), 0), "stable");
        assert_eq!(chosen(&all, &HeaderMap::new(), u64::MAX), "next");
        assert!(split(&[], None).percentages().is_empty());
    }
}
