//! Who may give and take what of users, besides the permissions: nobody gives more than they may do themselves, and
//! somebody remains who can.

use crate::error::{Error, Kind, Result};
use crate::identity::Caller;
use crate::model::{Permission, User, UserDraft, UserStatus};
use crate::store::Work;

/// Whether the caller may give these roles.
///
/// # Errors
/// They may give none, or not all of these; the policy does not know one.
pub(super) fn may_give(caller: &Caller, roles: &[String]) -> Result<()> {
    if roles.is_empty() {
        return Ok(());
    }
    caller.require(Permission::GrantsAssign)?;
    for role in roles {
        match caller.rights.cover_role(caller.tenant, role) {
            Some(true) => {}
            Some(false) => return Err(beyond(role)),
            None => {
                let message = format!("roles: the policy has no role `{role}`");
                return Err(Error::new(Kind::Invalid, message).about("roles"));
            }
        }
    }
    Ok(())
}

/// Whether the caller may do something to somebody who has these roles: nobody rules over those who may more.
///
/// # Errors
/// One of the roles goes beyond what the caller may do.
pub(super) fn may_rule(caller: &Caller, user: &User) -> Result<()> {
    if *caller.subject == *user.id.to_string() {
        return Ok(());
    }
    // A role that the policy does not know gives nothing.
    let beyond_them = |role: &&String| caller.rights.cover_role(caller.tenant, role) == Some(false);
    user.roles.iter().find(beyond_them).map_or(Ok(()), |role| Err(beyond(role)))
}

/// Whether the caller may make of a user what the draft says.
///
/// # Errors
/// They may not change the status, or not give and take these roles; they do not rule over the user.
pub(super) fn may_become(caller: &Caller, user: &User, draft: &UserDraft) -> Result<()> {
    may_rule(caller, user)?;
    if user.status != draft.status {
        // Not for those who may only change themselves.
        caller.require(Permission::UsersUpdate)?;
    }
    let (given, taken) = differing(&user.roles, &draft.roles);
    if !taken.is_empty() {
        caller.require(Permission::GrantsAssign)?;
    }
    may_give(caller, &given)
}

/// The roles that are given and those that are taken.
pub(super) fn differing(before: &[String], after: &[String]) -> (Vec<String>, Vec<String>) {
    let without = |these: &[String], those: &[String]| {
        these.iter().filter(|role| !those.contains(role)).cloned().collect::<Vec<_>>()
    };
    (without(after, before), without(before, after))
}

/// Makes sure that somebody remains who may give roles, where the user is going to have only these, or none while they
/// are not active. Those who run the platform can always give them anew.
///
/// # Errors
/// The user is the last one.
pub(super) async fn leave_somebody(
    work: &Work,
    caller: &Caller,
    user: &User,
    (status, roles): (UserStatus, &[String]),
) -> Result<()> {
    let ruling = caller.rights.roles_that_may(Permission::GrantsAssign);
    let rules = |roles: &[String]| roles.iter().any(|role| ruling.contains(role));
    let did = user.status == UserStatus::Active && rules(&user.roles);
    let will = status == UserStatus::Active && rules(roles);
    if !did || will || caller.rights.may(Permission::TenantsEnter) {
        return Ok(());
    }
    if work.users().others_hold(&ruling, user.id).await? {
        return Ok(());
    }
    let message = "the tenant has nobody else who may give roles: make somebody before this one goes";
    Err(Error::new(Kind::Conflict, message))
}

fn beyond(role: &str) -> Error {
    Error::new(Kind::Forbidden, format!("the role `{role}` may do more than you may yourself"))
}
