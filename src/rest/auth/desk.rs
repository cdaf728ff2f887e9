//! What every handler of sessions needs of a request, and how it answers when it cannot serve one.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use crate::domain::{Refused, Sessions, Terms, Visit};
use crate::error::{Error, Kind};
use crate::http::{Problem, Refusal};
use crate::identity::Caller;
use crate::rest::asked::problem;
use crate::rest::known::{challenged, known};

/// What a request of sessions is served with.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) sessions: Sessions,
    pub(super) terms: Arc<Terms>,
    pub(super) visit: Visit,
    pub(super) now: DateTime<Utc>,
    /// Or why there is none.
    caller: Result<Arc<Caller>, Box<Refusal>>,
}

impl FromRequestParts<Option<Sessions>> for Desk {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, state: &Option<Sessions>) -> Result<Self, Problem> {
        let found = state.clone().zip(head.extensions.remove::<Arc<Terms>>()).zip(head.extensions.remove());
        let missing = || Problem::new(Kind::Unavailable, "there is no database to keep sessions in");
        let ((sessions, terms), visit) = found.ok_or_else(missing)?;
        Ok(Self { sessions, terms, visit, now: Utc::now(), caller: known(&head.extensions) })
    }
}

impl Desk {
    /// The caller, where one is needed.
    pub(super) fn caller(&self) -> Result<&Arc<Caller>, Answer> {
        self.caller.as_ref().map_err(|refusal| Answer::new((**refusal).clone()))
    }

    /// The caller, if there is one.
    pub(super) fn known_caller(&self) -> Option<&Arc<Caller>> {
        self.caller.as_ref().ok()
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
        problem(error).into()
    }
}

/// The answer to somebody who is sent away, in these words where what they showed is not good.
pub(super) fn refuse(refused: Refused, (code, detail): (&'static str, &str)) -> Answer {
    match refused {
        Refused::Unknown => Answer::new(challenged(Problem::new(Kind::Unauthenticated, detail), code)),
        Refused::Attempts(seconds) => {
            let problem =
                Problem::new(Kind::RateLimited, format!("too many attempts; come again in {seconds} s"));
            let after = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
            Answer::new((after, problem.with_code("too_many_attempts")))
        }
        Refused::Failed(error) => error.into(),
    }
}
