//! `olympus health`: asks the running gateway's `/readyz`, for container checks.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::Settings;

/// How long the answer may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Ends with success if the gateway of these settings is ready.
pub(super) fn ask(settings: &Settings) -> ExitCode {
    let Some(address) = settings.admin.metrics_listen else {
        eprintln!("olympus: there is nothing to ask: admin.metrics_listen is not set");
        return ExitCode::FAILURE;
    };
    let url = format!("http://{address}/readyz");
    let agent = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).http_status_as_error(false).build();
    let answer = ureq::Agent::from(agent).get(&url).call();
    match answer.map(|mut answer| (answer.status(), answer.body_mut().read_to_string().unwrap_or_default())) {
        Ok((status, body)) if status.is_success() => {
            print!("{body}");
            ExitCode::SUCCESS
        }
        Ok((status, body)) => {
            eprintln!("olympus: {url} answered {status}: {}", body.trim());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("olympus: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}
