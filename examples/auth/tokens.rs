//! Opaque tokens: given out at login, kept as digests, good until they expire or the password changes.

use rusqlite::{OptionalExtension, Transaction, params};
use uuid::Uuid;

use crate::accounts::{self, Account};
use crate::secrets::{self, Digest};
use crate::support::clock::Moment;
use crate::support::problem::Problem;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS tokens (
        digest BLOB PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
        issued_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS tokens_by_user ON tokens (user_id);
    CREATE INDEX IF NOT EXISTS tokens_by_expiry ON tokens (expires_at);
";

/// A token that is good now, and whose it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) account: Account,
    pub(crate) issued_at: Moment,
    pub(crate) expires_at: Moment,
}

const FORGET: &str = "DELETE FROM tokens WHERE expires_at <= ?1";
const INSERT: &str = "INSERT INTO tokens (digest, user_id, issued_at, expires_at) VALUES (?1, ?2, ?3, ?4)";

/// Makes a token for the user; tokens that ran out are forgotten on the way.
pub(crate) fn issue(
    transaction: &Transaction<'_>,
    user_id: Uuid,
    now: Moment,
    expires_at: Moment,
) -> Result<String, Problem> {
    let token = secrets::new_token();
    transaction.prepare_cached(FORGET)?.execute([now.0])?;
    transaction.prepare_cached(INSERT)?.execute(params![
        Digest::of(&token).bytes(),
        user_id.to_string(),
        now.0,
        expires_at.0
    ])?;
    Ok(token)
}

const SELECT: &str =
    "SELECT user_id, issued_at, expires_at FROM tokens WHERE digest = ?1 AND expires_at > ?2";

/// Whose token this is, if it is good.
pub(crate) fn look_up(
    transaction: &Transaction<'_>,
    token: Digest,
    now: Moment,
) -> Result<Option<Grant>, Problem> {
    let found = transaction
        .prepare_cached(SELECT)?
        .query_row(params![token.bytes(), now.0], |row| {
            let user_id: String = row.get("user_id")?;
            Ok((user_id, Moment(row.get("issued_at")?), Moment(row.get("expires_at")?)))
        })
        .optional()?;
    let Some((user_id, issued_at, expires_at)) = found else { return Ok(None) };
    let user_id =
        Uuid::parse_str(&user_id).map_err(|error| Problem::internal("read the owner of a token", &error))?;
    let account = accounts::by_id(transaction, user_id)?;
    Ok(account.map(|account| Grant { account, issued_at, expires_at }))
}

const REVOKE: &str = "DELETE FROM tokens WHERE user_id = ?1";

/// Ends all tokens of a user.
pub(crate) fn revoke_all(transaction: &Transaction<'_>, user_id: Uuid) -> Result<(), Problem> {
    transaction.prepare_cached(REVOKE)?.execute([user_id.to_string()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::accounts::Role;
    use crate::support::database::Database;

    const NOW: Moment = Moment(1_000_000);

    fn with_ada(check: impl FnOnce(&Transaction<'_>, &Account) -> Result<(), Problem>) {
        let schema = [accounts::SCHEMA, SCHEMA].concat();
        let database = Database::open(Path::new(":memory:"), &schema).unwrap();
        let ada = Account {
            user_id: Uuid::from_u128(7),
            tenant: "acme".to_owned(),
            email: "ada@acme.example".to_owned(),
            name: "Ada".to_owned(),
            roles: vec![Role::Member],
        };
        database
            .write_now(|transaction| {
                accounts::keep(transaction, &ada, Some("hash"))?;
                check(transaction, &ada)
            })
            .unwrap();
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        with_ada(|transaction, ada| {
            let expiry = NOW.after(Duration::from_secs(10));
            let token = Digest::of(&issue(transaction, ada.user_id, NOW, expiry)?);
            let grant = look_up(transaction, token, Moment(expiry.0 - 1))?.unwrap();
            assert_eq!(grant.account, *ada);
            assert_eq!(look_up(transaction, token, expiry)?, None);
            Ok(())
        });
    }

    #[test]
    fn tokens_end_with_the_account_or_by_revocation() {
        with_ada(|transaction, ada| {
            let expiry = NOW.after(Duration::from_secs(10));
            let first = Digest::of(&issue(transaction, ada.user_id, NOW, expiry)?);
            revoke_all(transaction, ada.user_id)?;
            assert_eq!(look_up(transaction, first, NOW)?, None);
            let second = Digest::of(&issue(transaction, ada.user_id, NOW, expiry)?);
            accounts::remove(transaction, ada.user_id)?;
            assert_eq!(look_up(transaction, second, NOW)?, None);
            Ok(())
        });
    }
}
