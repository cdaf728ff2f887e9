//! A request about things of one kind, and its answers.

use std::future::Future;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Answer, Resource};
use crate::config::Settings;
use crate::domain::{Found, Once};
use crate::error::{Kind, Result};
use crate::http::Problem;
use crate::model::Expected;
use crate::rest::asked::{Asked, problem};
use crate::rest::once::Keyed;
use crate::rest::representation::{self, Representation};
use crate::rest::selection::Selection;

/// A request about things that are shown as such documents. Whoever deletes something is shown nothing.
pub(in crate::rest) struct Call<S> {
    /// By whom, in whose tenant.
    pub(in crate::rest) by: Arc<Asked>,
    pub(in crate::rest) selection: Selection,
    shows: PhantomData<fn() -> S>,
}

impl<S: Resource, T: Sync> FromRequestParts<T> for Call<S> {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Parts, state: &T) -> Result<Self, Response> {
        let asked = Asked::from_request_parts(head, state).await?;
        let is_shown = head.method != Method::DELETE;
        let members = if is_shown { S::MEMBERS } else { S::MEMBERS.unshown() };
        let by = asked.acting_for(members).map_err(IntoResponse::into_response)?;
        let selection = by.selection(members).map_err(IntoResponse::into_response)?;
        Ok(Self { by: Arc::new(by), selection, shows: PhantomData })
    }
}

impl<S: Resource> Call<S> {
    /// The answer to a read.
    pub(in crate::rest) fn read(&self, found: Result<Found<S::Thing>>) -> Answer {
        let found = found.map_err(problem)?;
        let shown = represented(S::of(&found.value), &self.selection).map_err(problem)?;
        Ok(shown.come_by(found.how).read(&self.by.headers))
    }

    /// The answer to a change.
    pub(in crate::rest) fn changed(&self, changed: Result<S::Thing>) -> Answer {
        let changed = changed.map_err(problem)?;
        Ok(written::<S>(&changed, &self.selection, (StatusCode::OK, &self.by.headers), ""))
    }

    /// The answer to a deletion.
    pub(in crate::rest) fn removed(&self, removed: Result<()>) -> Answer {
        removed.map(|()| StatusCode::NO_CONTENT.into_response()).map_err(problem)
    }

    /// Makes or changes a thing, once for a key, and answers with it and this status.
    pub(in crate::rest) async fn once<F, Fut>(self, (status, keyed): (StatusCode, Keyed), act: F) -> Answer
    where
        F: FnOnce(Arc<Asked>, Once<S::Thing>) -> Fut,
        Fut: Future<Output = Result<S::Thing>> + Send + 'static,
    {
        let Self { by, selection, .. } = self;
        let headers = by.headers.clone();
        // Whoever acts elsewhere finds it there only.
        let is_elsewhere = S::MEMBERS.of_tenant && by.parameter("tenant_id")?.is_some();
        let query = if is_elsewhere { format!("?tenant_id={}", by.caller.tenant) } else { String::new() };
        let show = move |thing: &S::Thing| written::<S>(thing, &selection, (status, &headers), &query);
        by.once((&by.caller, keyed), show, |once| act(by.clone(), once)).await
    }
}

/// Which thing is meant, by the id in the path, and what a change expects of it.
#[derive(Debug)]
pub(in crate::rest) struct Which<I> {
    pub(in crate::rest) id: I,
    pub(in crate::rest) expected: Expected,
}

impl<I: FromStr, T: Send + Sync> FromRequestParts<T> for Which<I> {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Parts, state: &T) -> Result<Self, Response> {
        let id =
            Path::<String>::from_request_parts(head, state).await.map_err(IntoResponse::into_response)?;
        // What is no id is nothing's.
        let missing = |_| Problem::new(Kind::NotFound, "there is no such thing").into_response();
        let id = id.parse().map_err(missing)?;
        if head.method.is_safe() {
            return Ok(Self { id, expected: Expected::Any });
        }
        let settings = head.extensions.get::<Arc<Settings>>();
        let is_required = settings.is_some_and(|settings| settings.rest.require_if_match);
        let expected = representation::expected(&head.headers, is_required);
        Ok(Self { id, expected: expected.map_err(IntoResponse::into_response)? })
    }
}

/// A thing as it is sent: what is wanted of it.
fn represented<S: Resource>(shown: S, selection: &Selection) -> Result<Representation> {
    let (_, version) = shown.place();
    match selection.is_whole() {
        true => Representation::of_version(version, shown),
        false => Representation::of_version(version, selection.of(shown)?),
    }
}

/// The answer to what made or changed a thing, which is found where it is with this query.
fn written<S: Resource>(
    thing: &S::Thing,
    selection: &Selection,
    (status, asked): (StatusCode, &HeaderMap),
    query: &str,
) -> Response {
    let shown = S::of(thing);
    let place = (status == StatusCode::CREATED).then(|| format!("{}/{}{query}", S::PATH, shown.place().0));
    match (represented(shown, selection), place) {
        (Ok(made), Some(place)) => made.located(&place).written(status, asked),
        (Ok(changed), None) => changed.written(status, asked),
        (Err(error), _) => problem(error).into_response(),
    }
}
