//! What routes demand of callers: roles and permissions that the policy has.

use crate::config::check::findings::Report;
use crate::config::policy::Known;
use crate::config::settings::Demands;
use crate::config::tree::at_key;

pub(super) fn check(demands: &Demands, path: &str, (known, report): (&Known<'_>, &mut Report<'_>)) {
    let (roles, permissions) = (at_key(path, "roles"), at_key(path, "permissions"));
    if demands.roles.is_empty() && demands.permissions.is_empty() {
        let message = "it demands nothing: name `roles` or `permissions`, or say \"required\"";
        report.mistake_given(path, &[&roles, &permissions], message);
    }
    for (index, role) in demands.roles.iter().enumerate() {
        let place = report.element(&roles, index);
        known.check_role(role, &place, report);
    }
    known.check_permissions(&demands.permissions, &permissions, report);
    for (index, permitted) in demands.permissions.iter().enumerate() {
        if permitted.resource().is_none() || permitted.action().is_none() {
            let place = report.element(&permissions, index);
            report.mistake(
                &place,
                format!("a route asks for one permission each; `{permitted}` stands for several"),
            );
        }
    }
}
