//! What becomes of a refresh token that is shown: a decision of what is known of it, without I/O.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Device, RefreshRecord, Session};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It is good: a new pair follows.
    Rotate,
    /// It was used a moment ago by the same device, which missed the answer: the same pair again.
    Repeat,
    /// Two hold it, and one of them stole it: the session ends.
    Reuse,
    /// Its session is over, or it is too late.
    Refuse,
}

/// Decides about a token of a session. A session holds the device that used it last.
pub(super) fn decide(
    (token, session): (&RefreshRecord, &Session),
    device: &Device,
    (now, grace): (DateTime<Utc>, TimeDelta),
) -> Rotation {
    let is_over = session.ended.is_some() || session.expires_at <= now;
    if is_over || token.revoked_at.is_some() || token.expires_at <= now {
        return Rotation::Refuse;
    }
    match token.used_at {
        None => Rotation::Rotate,
        Some(used) if grace > TimeDelta::zero() && now - used <= grace && session.device == *device => {
            Rotation::Repeat
        }
        Some(_) => Rotation::Reuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FamilyId, SessionEnd, SessionId, UserId};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn phone() -> Device {
        Device { agent: "phone".to_owned(), address: "10.0.0.1".to_owned() }
    }

    fn pair() -> (RefreshRecord, Session) {
        let id = SessionId::new();
        let token = RefreshRecord {
            hash: [0; 32],
            session: id,
            family: FamilyId::new(),
            generation: 0,
            created_at: at(0),
            expires_at: at(1000),
            used_at: None,
            revoked_at: None,
        };
        let session = Session {
            id,
            user: UserId::new(),
            device: phone(),
            created_at: at(0),
            last_seen_at: at(0),
            expires_at: at(1000),
            ended: None,
        };
        (token, session)
    }

    fn decided(token: &RefreshRecord, session: &Session, device: &Device, now: i64) -> Rotation {
        decide((token, session), device, (at(now), TimeDelta::seconds(10)))
    }

    #[test]
    fn a_token_is_good_once() {
        let (token, session) = pair();
        assert_eq!(decided(&token, &session, &phone(), 500), Rotation::Rotate);
        let used = RefreshRecord { used_at: Some(at(400)), ..token };
        assert_eq!(decided(&used, &session, &phone(), 411), Rotation::Reuse);
    }

    #[test]
    fn within_the_grace_the_same_device_may_ask_again_and_no_other() {
        let (token, session) = pair();
        let used = RefreshRecord { used_at: Some(at(400)), ..token };
        assert_eq!(decided(&used, &session, &phone(), 410), Rotation::Repeat);
        // The clock of another instance may be behind.
        assert_eq!(decided(&used, &session, &phone(), 399), Rotation::Repeat);
        for other in [
            Device { agent: "other".to_owned(), ..phone() },
            Device { address: "10.0.0.2".to_owned(), ..phone() },
        ] {
            assert_eq!(decided(&used, &session, &other, 401), Rotation::Reuse);
        }
        let none = (at(400), TimeDelta::zero());
        assert_eq!(decide((&used, &session), &phone(), none), Rotation::Reuse, "no grace is none");
    }

    #[test]
    fn what_is_over_is_refused_and_no_news() {
        let (token, session) = pair();
        let ended = Session { ended: Some((at(1), SessionEnd::Logout)), ..session.clone() };
        let used = RefreshRecord { used_at: Some(at(400)), ..token };
        let revoked = RefreshRecord { revoked_at: Some(at(400)), ..token };
        assert_eq!(decided(&used, &ended, &phone(), 500), Rotation::Refuse);
        assert_eq!(decided(&revoked, &session, &phone(), 500), Rotation::Refuse);
        assert_eq!(decided(&token, &session, &phone(), 1000), Rotation::Refuse);
        let longer = Session { expires_at: at(2000), ..session };
        assert_eq!(decided(&token, &longer, &phone(), 1000), Rotation::Refuse);
    }
}
