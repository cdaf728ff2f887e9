//! `Idempotency-Key`: a request that is sent again with the same key is done once, and answered as it was then.

use std::future::Future;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use ring::digest::{Context, SHA256};
use utoipa::IntoParams;

use super::asked::{Asked, problem};
use crate::domain::{Once, Outcome};
use crate::error::{Error, Kind, Result};
use crate::http::Problem;
use crate::identity::{Authenticator, Caller};
use crate::model::{OnceKey, StoredAnswer};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Longest key, in bytes.
const LONGEST: usize = 255;
/// Largest answer that is kept, in bytes.
const MOST: usize = 256 << 10;

/// The header, as the description of the API has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct IdempotencyKey {
    /// A key of the client's own: whoever sends the same request with it again gets the same answer, and nothing is done
    /// twice.
    #[param(rename = "Idempotency-Key", required = false, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: String,
}

/// What a request says of being done once: its key, and a digest of what it asks for, which is not kept like this.
#[derive(Debug, Clone, Default)]
pub(super) struct Keyed(Option<(Result<String, ()>, [u8; 32])>);

impl Keyed {
    /// What this request says, with its whole body.
    pub(super) fn of(head: &Parts, body: &[u8]) -> Self {
        let mut values = head.headers.get_all(KEY).iter();
        let Some(first) = values.next() else { return Self::default() };
        let is_key = |key: &HeaderValue| {
            (1..=LONGEST).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        let key = match first.to_str() {
            Ok(key) if is_key(first) && values.next().is_none() => Ok(key.to_owned()),
            _ => Err(()),
        };
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut context = Context::new(&SHA256);
        for part in [head.method.as_str().as_bytes(), b" ", target.as_bytes(), b"\n", body] {
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(Some((key, hash)))
    }

    fn of_caller(self, caller: &Caller, identity: &Authenticator) -> Result<Option<OnceKey>, Problem> {
        let Some((key, hash)) = self.0 else { return Ok(None) };
        let key = key.map_err(|()| {
            let message = format!("must be one key of 1 to {LONGEST} visible characters");
            Problem::new(Kind::Invalid, format!("`Idempotency-Key` {message}"))
        })?;
        let request = identity.digests(&hash).map_err(problem)?;
        Ok(Some(OnceKey { tenant: caller.tenant, caller: caller.subject.to_string(), key, request }))
    }
}

impl Asked {
    /// Answers with what `act` makes, as `show` tells it, or as it was told before.
    pub(super) async fn once<T, F, Fut>(
        &self,
        (caller, keyed): (&Caller, Keyed),
        show: impl Fn(&T) -> Response + Send + Sync + 'static,
        act: F,
    ) -> Result<Response, Problem>
    where
        T: Send + 'static,
        F: FnOnce(Once<T>) -> Fut,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let wanted = keyed.of_caller(caller, &self.identity)?;
        let missing = || problem(Error::internal("serve a write without the handle on what is done once"));
        let onces = self.onces.as_ref().ok_or_else(missing)?;
        let kept = self.settings.rest.idempotency_ttl.get();
        let show = Arc::new(show);
        let rendering = show.clone();
        let render = Arc::new(move |made: &T| keep(rendering(made)));
        match onces.run(wanted, (self.visit.left(), kept), render, act).await.map_err(problem)? {
            Outcome::Done(made) => Ok(show(&made)),
            Outcome::Repeated(answer) => again(answer).map_err(problem),
            Outcome::InProgress => Ok(in_progress()),
            Outcome::Mismatch => Err(mismatch()),
        }
    }
}

fn in_progress() -> Response {
    let detail = "a request with this `Idempotency-Key` is being served; ask again";
    let problem = Problem::new(Kind::Conflict, detail).with_code("idempotency_in_progress");
    ([(header::RETRY_AFTER, HeaderValue::from_static("1"))], problem).into_response()
}

fn mismatch() -> Problem {
    let detail = "this `Idempotency-Key` was sent with another request; take a new one";
    let problem = Problem::new(Kind::Conflict, detail).with_code("idempotency_mismatch");
    Problem { status: StatusCode::UNPROCESSABLE_ENTITY, ..problem }
}

/// An answer as it is kept. Its body is in memory already.
fn keep(answer: Response) -> Result<StoredAnswer> {
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, MOST).now_or_never().and_then(Result::ok);
    let body = body.ok_or_else(|| Error::internal("keep an answer that is not whole, or too large"))?;
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(StoredAnswer { status: head.status.as_u16(), headers, body: body.to_vec() })
}

/// A kept answer, with the mark that it is one.
fn again(answer: StoredAnswer) -> Result<Response> {
    let mut response = Response::builder().status(answer.status).header(REPLAYED, "true");
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let response = response.body(Body::from(answer.body));
    response.map_err(|error| Error::internal("give a kept answer again").caused_by(error))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn keyed(keys: &[&str], body: &[u8]) -> Keyed {
        let mut request = Request::builder().method("POST").uri("/api/v1/orders?a=1");
        for key in keys {
            request = request.header(KEY, *key);
        }
        Keyed::of(&request.body(()).unwrap().into_parts().0, body)
    }

    #[test]
    fn a_key_has_visible_characters_and_is_one() {
        assert!(keyed(&[], b"").0.is_none());
        let long = "k".repeat(LONGEST + 1);
        for bad in [&["a b"][..], &["a", "b"], &[long.as_str()], &[""]] {
            assert!(keyed(bad, b"").0.is_some_and(|(key, _)| key.is_err()), "{bad:?}");
        }
        assert_eq!(keyed(&["\"k-1\""], b"").0.map(|it| it.0), Some(Ok("\"k-1\"".to_owned())));
    }

    #[test]
    fn another_body_is_another_request() {
        let hash = |body| keyed(&["k"], body).0.map(|it| it.1);
        assert_eq!(hash(b"{}"), hash(b"{}"));
        assert_ne!(hash(b"{}"), hash(b"{ }"));
    }

    #[test]
    fn an_answer_is_given_again_as_it_was() {
        let shown = (StatusCode::CREATED, [(header::LOCATION, "/api/v1/orders/1")], "{}").into_response();
        let again = again(keep(shown).unwrap()).unwrap();
        assert_eq!(again.status(), 201);
        assert_eq!(again.headers()[header::LOCATION], "/api/v1/orders/1");
        assert_eq!(again.headers()[REPLAYED], "true");
    }
}
