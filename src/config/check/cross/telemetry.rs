//! Where access lines are written to.

use std::path::Path;

use crate::config::check::findings::Report;
use crate::config::settings::Settings;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    let file = settings.telemetry.access_log.file.as_deref();
    if let Some(message) = file.and_then(why_not_a_file) {
        report.mistake("telemetry.access_log.file", message);
    }
}

/// Why lines cannot be appended to a file of this name. The file itself may be absent, its folder may not.
fn why_not_a_file(path: &Path) -> Option<String> {
    if path.as_os_str().is_empty() {
        return Some("names no file; leave the key out to write to standard output".to_owned());
    }
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Some(format!("{} is a folder; name a file in it", path.display()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    (!folder.is_dir()).then(|| format!("there is no folder {}", folder.display()))
}
