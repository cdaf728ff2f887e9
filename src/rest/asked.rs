//! What every handler needs of a request besides its document: who calls, whose request it is, which page is wanted,
//! and what of a thing.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use utoipa::IntoParams;

use super::known::known;
use super::listing::{self, Around, Offer, parameters};
use super::selection::{Members, Selection};
use crate::config::Settings;
use crate::domain::{Onces, Terms, Visit};
use crate::error::{Error, Flaw, Kind};
use crate::http::{Fault, Problem};
use crate::identity::{Authenticator, Caller};
use crate::model::{Field, Moment, TenantId};

/// A request of somebody who is known.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) caller: Arc<Caller>,
    pub(super) visit: Visit,
    pub(super) settings: Arc<Settings>,
    pub(super) now: DateTime<Utc>,
    /// Where there is a database.
    pub(super) onces: Option<Onces>,
    pub(super) headers: HeaderMap,
    terms: Option<Arc<Terms>>,
    pub(super) identity: Arc<Authenticator>,
    path: String,
    query: String,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, Response> {
        let extensions = &mut head.extensions;
        let caller = known(extensions).map_err(|refusal| refusal.into_response())?;
        let found = extensions.remove::<Visit>().zip(extensions.get::<Arc<Settings>>().cloned());
        let found = found.zip(extensions.get::<Arc<Authenticator>>().cloned());
        // The pipeline puts all of them into every request.
        let missing = || Problem::from(Error::internal("serve a request without its origin"));
        let ((visit, settings), identity) = found.ok_or_else(|| missing().into_response())?;
        let (onces, terms) = (extensions.remove::<Onces>(), extensions.get().cloned());
        let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
        let headers = head.headers.clone();
        Ok(Self { caller, visit, settings, now: Utc::now(), onces, headers, terms, identity, path, query })
    }
}

/// Which part of a list is wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Items of a page.
    #[param(required = false, minimum = 1)]
    pub(super) limit: u16,
    /// The `next` of the page before.
    #[param(required = false)]
    pub(super) after: String,
}

impl Asked {
    /// A parameter of the query, however its name is written.
    ///
    /// # Errors
    /// It cannot be read, or is given twice.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<String>, Problem> {
        let mut faults = Vec::new();
        let found = parameters(&self.query, &mut faults).into_iter().find(|it| it.name == name);
        faults.retain(|fault| fault.parameter.as_deref() == Some(name));
        if faults.is_empty() { Ok(found.map(|it| it.value)) } else { Err(listing::refused(faults)) }
    }

    /// `?limit&after`.
    pub(super) fn page(&self) -> Result<Wanted, Problem> {
        let (few, most) = (self.settings.rest.default_limit, self.settings.rest.max_limit);
        let limit = match self.parameter("limit")?.as_deref().map(str::parse) {
            None => few,
            Some(Ok(limit)) if (1..=most).contains(&limit) => limit,
            Some(_) => return Err(unfit("limit", &format!("must be from 1 to {most}"))),
        };
        Ok(Wanted { limit, after: self.parameter("after")?.unwrap_or_default() })
    }

    /// The caller, in the tenant that `?tenant_id=` names, where they may name one.
    pub(super) fn acting(&self) -> Result<Arc<Caller>, Problem> {
        let tenant = match self.parameter("tenant_id")?.as_deref().map(str::parse::<TenantId>) {
            None => None,
            Some(Ok(tenant)) => Some(tenant),
            Some(Err(_)) => return Err(unfit("tenant_id", "must be the id of a tenant")),
        };
        self.caller.acting_in(tenant).map_err(problem)
    }

    /// The same request of a caller who acts where they say, if whose things these are may be said.
    pub(super) fn acting_for(self, members: Members) -> Result<Self, Problem> {
        let caller = if members.of_tenant { self.acting()? } else { self.caller.clone() };
        Ok(Self { caller, ..self })
    }

    /// The configuration as the domain sees it.
    ///
    /// # Errors
    /// The pipeline did not put it into the request: a fault of ours.
    pub(super) fn terms(&self) -> Result<&Terms, Error> {
        self.terms.as_deref().ok_or_else(|| Error::internal("serve a request without the terms of sessions"))
    }

    /// The page of a list that is wanted in the caller's tenant.
    pub(super) fn listing<F: Field>(&self, offer: &Offer<F>) -> Result<listing::Wanted<F>, Problem> {
        let (settings, identity) = (&self.settings.rest, &self.identity);
        let around = Around { tenant: self.caller.tenant, settings, identity, path: &self.path };
        listing::read(&self.query, offer, &around)
    }

    /// What of a thing is wanted: what may be said of its members, and nothing else.
    pub(super) fn selection(&self, members: Members) -> Result<Selection, Problem> {
        let (mut selection, mut faults) = (Selection::default(), Vec::new());
        for parameter in parameters(&self.query, &mut faults) {
            let (name, value) = (parameter.name.as_str(), parameter.value.as_str());
            // The caller acts there by now.
            let is_tenant = name == "tenant_id" && members.of_tenant;
            if !is_tenant && !selection.take((name, value), members, &mut faults) {
                let known: Vec<_> = members.parameters().collect();
                let known = if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") };
                let message = format!("is not known here; there are {known}");
                faults.push(Fault::of(name, "unknown_parameter", message));
            }
        }
        if faults.is_empty() { Ok(selection) } else { Err(listing::refused(faults)) }
    }
}

/// A parameter that is not as it must be.
pub(super) fn unfit(name: &str, message: &str) -> Problem {
    let fault = Fault::of(name, "invalid_value", message);
    Problem::new(Kind::Invalid, format!("the parameter `{name}` {message}")).with_faults(vec![fault])
}

/// What a function failed with, and in which field, if it was one.
pub(super) fn problem(error: Error) -> Problem {
    let of_field = error.field().map(|field| Fault::at(format!("/{field}"), "invalid", error.message()));
    let of_flaw = |flaw: &Flaw| Fault::at(format!("/{}", flaw.place), flaw.code, flaw.message.clone());
    let faults = error.flaws().iter().map(of_flaw).chain(of_field).collect();
    let is_validation = error.kind() == Kind::Invalid && !error.flaws().is_empty();
    let problem = Problem::from(error).with_faults(faults);
    match is_validation {
        true => Problem { status: StatusCode::UNPROCESSABLE_ENTITY, ..problem },
        false => problem,
    }
}

/// A moment as clients read it.
pub(super) fn moment(time: DateTime<Utc>) -> String {
    Moment::of(time).as_str().to_owned()
}
