//! `/faults`: switch a fault on for all requests, off again, and count.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::Faults;
use super::plan::Plan;

/// The routes of `/faults`.
pub(crate) fn routes(faults: Faults) -> Router {
    Router::new().route("/faults", get(show).put(switch_on).delete(switch_off)).with_state(faults)
}

async fn show(State(faults): State<Faults>) -> Json<Value> {
    Json(faults.with(|ledger| {
        json!({
            "mode": ledger.mode.as_ref().map(|plan| &plan.text),
            "requests": ledger.requests,
            "injected": ledger.injected,
        })
    }))
}

async fn switch_on(State(faults): State<Faults>, text: String) -> Result<StatusCode, Problem> {
    let plan = Plan::parse(&text).map_err(Problem::invalid)?;
    faults.with(|ledger| ledger.mode = Some(plan));
    Ok(StatusCode::NO_CONTENT)
}

/// The counts stay, so that two modes can be compared.
async fn switch_off(State(faults): State<Faults>) -> StatusCode {
    faults.with(|ledger| ledger.mode = None);
    StatusCode::NO_CONTENT
}
