//! The middleware that makes a request go wrong.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::super::problem::Problem;
use super::super::socket::Cut;
use super::plan::{Ending, Plan};
use super::{Faults, Injected};

/// How much a truncated answer promises; half of it is sent.
const PROMISED: usize = 1024;

/// Applies the fault the request asks for in `x-fault`, or else the mode for all requests.
pub(crate) async fn inject(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/faults" {
        return next.run(request).await;
    }
    let plan = match choose(&faults, &request) {
        Ok(Some(plan)) if fastrand::f64() < plan.probability => plan,
        Ok(_) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    faults.with(|ledger| {
        for kind in plan.kinds() {
            *ledger.injected.entry(kind).or_default() += 1;
        }
    });
    carry_out(&plan, request, next).await
}

fn choose(faults: &Faults, request: &Request) -> Result<Option<Plan>, Problem> {
    let mode = faults.with(|ledger| {
        ledger.requests += 1;
        ledger.mode.clone()
    });
    match request.headers().get("x-fault") {
        Some(words) => {
            let words = words.to_str().map_err(|_| Problem::invalid("x-fault is not text"))?;
            Plan::parse(words).map(Some).map_err(Problem::invalid)
        }
        None => Ok(mode.filter(|plan| plan.health || request.uri().path() != "/healthz")),
    }
}

async fn carry_out(plan: &Plan, request: Request, next: Next) -> Response {
    if let Some(delay) = plan.delay {
        tokio::time::sleep(delay).await;
    }
    let mut response = match plan.ending {
        Ending::Normal => next.run(request).await,
        Ending::Status(status) => refused(status),
        Ending::Hang => std::future::pending().await,
        Ending::Reset => reset(&request),
        Ending::Truncate => truncated(),
    };
    if let Some(kind) = plan.kinds().last() {
        response.extensions_mut().insert(Injected(kind));
    }
    response
}

fn refused(status: StatusCode) -> Response {
    Problem::new(status, "injected_fault", "this answer was asked for by x-fault or /faults").into_response()
}

/// The answer is never seen: the socket refuses to write it.
fn reset(request: &Request) -> Response {
    if let Some(ConnectInfo(cut)) = request.extensions().get::<ConnectInfo<Cut>>() {
        cut.reset();
    }
    StatusCode::BAD_GATEWAY.into_response()
}

fn truncated() -> Response {
    let body = stream::unfold(0_u8, async |step| match step {
        0 => Some((Ok(Bytes::from(vec![b' '; PROMISED / 2])), 1)),
        1 => {
            // Lets the server flush the first half before it learns that there is no second.
            tokio::task::yield_now().await;
            Some((Err(io::Error::other("truncated on purpose")), 2))
        }
        _ => None,
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(PROMISED));
    response
}
