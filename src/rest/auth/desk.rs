//! What every handler of sessions needs of a request, and how it answers when it cannot serve one.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::{Refused, Sessions, Terms, Visit};
use crate::error::{Error, Kind};
use crate::http::Problem;
use crate::identity::Caller;

/// What a request of sessions is served with.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) sessions: Sessions,
    pub(super) terms: Arc<Terms>,
    pub(super) visit: Visit,
    pub(super) now: DateTime<Utc>,
    caller: Option<Arc<Caller>>,
}

impl FromRequestParts<Option<Sessions>> for Desk {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, state: &Option<Sessions>) -> Result<Self, Problem> {
        let found = state.clone().zip(head.extensions.remove::<Arc<Terms>>()).zip(head.extensions.remove());
        let missing = || Problem::new(Kind::Unavailable, "there is no database to keep sessions in");
        let ((sessions, terms), visit) = found.ok_or_else(missing)?;
        Ok(Self { sessions, terms, visit, now: Utc::now(), caller: head.extensions.get().cloned() })
    }
}

impl Desk {
    /// The caller, where one is needed.
    pub(super) fn caller(&self) -> Result<&Arc<Caller>, Answer> {
        self.known_caller().ok_or_else(|| {
            let detail = "send a token as `Authorization: Bearer TOKEN`";
            let problem = Problem::new(Kind::Unauthenticated, detail).with_code("token_missing");
            challenge(problem)
        })
    }

    /// The caller, if there is one.
    pub(super) fn known_caller(&self) -> Option<&Arc<Caller>> {
        self.caller.as_ref()
    }
}

/// An answer to somebody who is not served.
#[derive(Debug)]
pub(super) struct Answer(Box<Response>);

impl Answer {
    fn new(answer: impl IntoResponse) -> Self {
        Self(Box::new(answer.into_response()))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self::new(problem)
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Internal | Kind::BadGateway => tracing::error!(%error, "serve a request about sessions"),
            Kind::Unavailable | Kind::GatewayTimeout => {
                tracing::warn!(%error, "serve a request about sessions");
            }
            Kind::Invalid
            | Kind::NotFound
            | Kind::MethodNotAllowed
            | Kind::TooLarge
            | Kind::HeadTooLarge
            | Kind::Unauthenticated
            | Kind::Forbidden
            | Kind::RateLimited
            | Kind::Conflict
            | Kind::Outdated
            | Kind::ClientTimeout => {}
        }
        Problem::from(error).into()
    }
}

/// The answer to somebody who is sent away, in these words where what they showed is not good.
pub(super) fn refuse(refused: Refused, (code, detail): (&'static str, &str)) -> Answer {
    match refused {
        Refused::Unknown => challenge(Problem::new(Kind::Unauthenticated, detail).with_code(code)),
        Refused::Attempts(seconds) => {
            let problem =
                Problem::new(Kind::RateLimited, format!("too many attempts; come again in {seconds} s"));
            let after = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
            Answer::new((after, problem.with_code("too_many_attempts")))
        }
        Refused::Failed(error) => error.into(),
    }
}

fn challenge(problem: Problem) -> Answer {
    let bearer = HeaderValue::from_static("Bearer realm=\"olympus\"");
    Answer::new(([(header::WWW_AUTHENTICATE, bearer)], problem))
}

/// A moment as clients read it.
pub(super) fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
