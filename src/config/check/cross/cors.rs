//! Cross-origin policies.

use crate::config::check::findings::Report;
use crate::config::settings::Settings;
use crate::config::tree::at_key;
use crate::config::values::Origin;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    for (name, policy) in &settings.cors {
        let path = at_key("cors", name);
        if policy.credentials && policy.origins.iter().any(Origin::is_any) {
            let message = "credentials cannot be allowed to every origin; name the origins instead of `*`";
            report.mistake_given(&at_key(&path, "credentials"), &[&at_key(&path, "origins")], message);
        }
    }
}
