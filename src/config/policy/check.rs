//! What the tables of a policy say about each other: roles that exist and do not include themselves, permissions that
//! something asks for, grants that are for somebody and say something.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Permitted;
use crate::config::check::{Findings, Report, propose};
use crate::config::settings::{Policy, PolicyGrant};
use crate::config::tree::{Places, at_key};
use crate::config::values::is_word;
use crate::model::Permission;

/// Roles a policy may have. A set of them is one number of so many bits.
pub const MOST_ROLES: usize = 64;

/// Permissions there may be, the gateway's own and those of `resources` together. A set of them is one number.
pub const MOST_PERMISSIONS: usize = 128;

/// Runs every check on a policy.
pub(super) fn check(policy: &Policy, places: &Places, findings: &mut Findings) {
    let mut report = Report::new(findings, places);
    check_resources(policy, &mut report);
    check_sizes(policy, &mut report);
    let known = Known::of(policy);
    for (name, role) in &policy.roles {
        let path = at_key("roles", name);
        for (index, below) in role.includes.iter().enumerate() {
            let place = report.element(&at_key(&path, "includes"), index);
            known.check_role(below, &place, &mut report);
        }
        known.check_permissions(&role.allow, &at_key(&path, "allow"), &mut report);
        if let Some(way) = cycle(policy, name) {
            let message = format!("roles include each other in a cycle: {}", way.join(" -> "));
            report.mistake(&at_key(&path, "includes"), message);
        }
    }
    for (name, grant) in &policy.grants {
        check_grant(grant, &at_key("grants", name), (&known, &mut report));
    }
}

fn check_resources(policy: &Policy, report: &mut Report<'_>) {
    for (name, actions) in &policy.resources {
        let path = at_key("resources", name);
        if Permission::ALL.iter().any(|own| own.resource() == name) {
            report.mistake(&path, format!("`{name}` is the gateway's own and has its actions already"));
        } else if !is_word(name) {
            report.mistake(
                &path,
                format!("a resource is named in small letters, digits and `_`; found {name:?}"),
            );
        }
        let mut seen = BTreeSet::new();
        for (index, action) in actions.iter().enumerate() {
            let place = report.element(&path, index);
            if !is_word(action) || action == "own" {
                let message = format!(
                    "an action is named in small letters, digits and `_`, and not `own`; found {action:?}"
                );
                report.mistake(&place, message);
            } else if !seen.insert(action) {
                report.mistake(&place, format!("action `{action}` is named twice"));
            }
        }
        if actions.is_empty() {
            report.mistake(&path, "nothing can be done with it: name its actions");
        }
    }
}

fn check_sizes(policy: &Policy, report: &mut Report<'_>) {
    let permissions = Permission::ALL.len() + policy.resources.values().map(Vec::len).sum::<usize>();
    if permissions > MOST_PERMISSIONS {
        let message = format!("{permissions} permissions with the gateway's own; {MOST_PERMISSIONS} may be");
        report.mistake("resources", message);
    }
    if policy.roles.len() > MOST_ROLES {
        report.mistake("roles", format!("{} roles; {MOST_ROLES} may be", policy.roles.len()));
    }
}

fn check_grant(grant: &PolicyGrant, path: &str, (known, report): (&Known<'_>, &mut Report<'_>)) {
    let (role, user) = (at_key(path, "role"), at_key(path, "user"));
    match (&grant.role, &grant.user) {
        (None, None) => report.mistake_given(path, &[&role, &user], "it is for nobody: set `role` or `user`"),
        (Some(_), Some(_)) => report.mistake_given(&user, &[&role], "`role` and `user` exclude each other"),
        (Some(name), None) => known.check_role(name, &role, report),
        (None, Some(_)) if grant.tenant.is_none() => {
            let message = "users of two tenants may have the same name: set `tenant`";
            report.mistake_given(&user, &[&at_key(path, "tenant")], message);
        }
        (None, Some(_)) => {}
    }
    let (allow, deny) = (at_key(path, "allow"), at_key(path, "deny"));
    if grant.allow.is_empty() && grant.deny.is_empty() {
        report.mistake_given(path, &[&allow, &deny], "it says nothing: set `allow` or `deny`");
    }
    known.check_permissions(&grant.allow, &allow, report);
    known.check_permissions(&grant.deny, &deny, report);
}

/// The way from a role back to itself by what it includes. Told once, by the first of its roles.
fn cycle<'p>(policy: &'p Policy, start: &'p str) -> Option<Vec<&'p str>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let below =
            way.last().and_then(|last| policy.roles.get(*last)).map_or(&[][..], |role| &role.includes);
        for next in below {
            let longer: Vec<&str> = way.iter().copied().chain([next.as_str()]).collect();
            if next == start {
                return (way.iter().min() == Some(&start)).then_some(longer);
            }
            if seen.insert(next) {
                ways.push(longer);
            }
        }
    }
    None
}

/// The names that may be referred to.
pub(in crate::config) struct Known<'p> {
    roles: Vec<&'p str>,
    actions: BTreeMap<&'p str, Vec<&'p str>>,
}

impl<'p> Known<'p> {
    pub(in crate::config) fn of(policy: &'p Policy) -> Self {
        let mut actions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for own in Permission::ALL {
            actions.entry(own.resource()).or_default().push(own.action());
        }
        for (name, more) in &policy.resources {
            actions.entry(name).or_default().extend(more.iter().map(String::as_str));
        }
        Self { roles: policy.roles.keys().map(String::as_str).collect(), actions }
    }

    /// Whether there is such a role.
    pub(in crate::config) fn check_role(&self, name: &str, place: &str, report: &mut Report<'_>) {
        if !self.roles.contains(&name) {
            let message = format!("the policy has no role `{name}`{}", propose(name, &self.roles));
            report.mistake_given(place, &["policy", &at_key("roles", name)], message);
        }
    }

    /// Whether each of these is about something that exists.
    pub(in crate::config) fn check_permissions(
        &self,
        list: &[Permitted],
        place: &str,
        report: &mut Report<'_>,
    ) {
        for (index, permitted) in list.iter().enumerate() {
            if let Err(message) = self.find(permitted) {
                let place = report.element(place, index);
                let resource = permitted.resource().unwrap_or_default();
                report.mistake_given(&place, &["policy", &at_key("resources", resource)], message);
            }
        }
    }

    fn find(&self, permitted: &Permitted) -> Result<(), String> {
        let Some(resource) = permitted.resource() else {
            let Some(action) = permitted.action() else { return Ok(()) };
            let all: BTreeSet<&str> = self.actions.values().flatten().copied().collect();
            return known("action", action, &Vec::from_iter(all));
        };
        let Some(actions) = self.actions.get(resource) else {
            return known("resource", resource, &self.actions.keys().copied().collect::<Vec<_>>());
        };
        let Some(action) = permitted.action() else { return Ok(()) };
        known("action", action, actions).map_err(|why| format!("`{resource}`: {why}"))
    }
}

fn known(noun: &str, word: &str, words: &[&str]) -> Result<(), String> {
    match words.contains(&word) {
        true => Ok(()),
        false => Err(format!("there is no {noun} `{word}`{}", propose(word, words))),
    }
}
