//! Who calls, for handlers that need somebody.

use std::sync::Arc;

use axum::http::{Extensions, HeaderValue, header};

use crate::error::Kind;
use crate::http::{Problem, Refusal};
use crate::identity::{Caller, Denial};

/// The caller of a request.
///
/// # Errors
/// Nobody is known: because there is no token, or why the one that was sent is not believed.
pub(super) fn known(extensions: &Extensions) -> Result<Arc<Caller>, Box<Refusal>> {
    let missing = || challenged(Problem::new(Kind::Unauthenticated, Denial::MISSING.detail), "token_missing");
    let why = || Box::new(extensions.get::<Refusal>().cloned().unwrap_or_else(missing));
    extensions.get::<Arc<Caller>>().cloned().ok_or_else(why)
}

/// A problem of somebody who is not known, with what they are to send (RFC 6750 section 3).
pub(super) fn challenged(problem: Problem, code: &'static str) -> Refusal {
    let bearer = HeaderValue::from_static("Bearer realm=\"olympus\"");
    Refusal { problem: problem.with_code(code), header: Some((header::WWW_AUTHENTICATE, bearer)) }
}
