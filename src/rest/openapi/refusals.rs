//! How any operation may fail: problems, worked out from what an operation takes, so that no handler repeats them.

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::Response;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

use super::{operations, takes, text};
use crate::http::Problem;

/// A way to fail: the status, its name among the components, the usual code, what it means, and who may fail so.
struct Refusal {
    status: u16,
    name: &'static str,
    code: &'static str,
    about: &'static str,
    when: When,
}

/// Which operations may fail so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// It is about a thing, or in a tenant, that is named.
    Named,
    /// It takes a body.
    Body,
    /// It changes something.
    Changing,
    /// It takes `If-Match`.
    Versioned,
    /// A service behind the gateway has a part in it.
    Backed,
}

const REFUSALS: &[Refusal] = &[
    row(400, "BadRequest", "invalid_request", "Something of the request is not as it must be.", When::Always),
    row(401, "Unauthorized", "token_missing", "No token was sent, or none that is good.", When::Always),
    row(403, "Forbidden", "forbidden", "The caller may not do this.", When::Always),
    row(404, "NotFound", "not_found", "There is no such thing, or none the caller may know of.", When::Named),
    row(408, "RequestTimeout", "request_timeout", "The body stopped coming.", When::Body),
    row(409, "Conflict", "conflict", "The thing is in a state that does not allow this.", When::Changing),
    row(
        412,
        "PreconditionFailed",
        "precondition_failed",
        "It is of another version than is asked for.",
        When::Versioned,
    ),
    row(413, "ContentTooLarge", "body_too_large", "The body is larger than is taken.", When::Body),
    row(415, "UnsupportedMediaType", "unsupported_media_type", "The body is of no type taken.", When::Body),
    row(422, "UnprocessableContent", "validation_failed", "The document has faults: `errors`.", When::Body),
    row(428, "PreconditionRequired", "precondition_required", "`If-Match` is needed.", When::Versioned),
    row(429, "TooManyRequests", "rate_limited", "A limit is used up.", When::Always),
    row(500, "InternalServerError", "internal_error", "A fault of ours.", When::Always),
    row(502, "BadGateway", "bad_gateway", "A service behind the gateway failed.", When::Backed),
    row(503, "ServiceUnavailable", "unavailable", "What is needed cannot be had now.", When::Always),
    row(504, "GatewayTimeout", "gateway_timeout", "It took too long.", When::Always),
];

const fn row(
    status: u16,
    name: &'static str,
    code: &'static str,
    about: &'static str,
    when: When,
) -> Refusal {
    Refusal { status, name, code, about, when }
}

/// Adds to every operation how it may fail, and the answers themselves to the components.
pub(super) fn add(document: &mut OpenApi) {
    for (path, operation) in operations(document) {
        let fitting: Vec<_> = REFUSALS.iter().filter(|it| fits(it.when, path, operation)).collect();
        let responses = &mut operation.responses.responses;
        for refusal in fitting {
            let known = responses.entry(refusal.status.to_string());
            known.or_insert_with(|| RefOr::Ref(Ref::from_response_name(refusal.name)));
        }
    }
    let components = document.components.get_or_insert_default();
    let answers = REFUSALS.iter().map(|it| (it.name.to_owned(), RefOr::T(answer(it))));
    components.responses.extend(answers);
    let mut schemas = vec![(Problem::name().into_owned(), <Problem as utoipa::PartialSchema>::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
}

fn fits(when: When, path: &str, operation: &Operation) -> bool {
    let has = |name: &str| takes(operation, name);
    let succeeds = |status: &str| operation.responses.responses.contains_key(status);
    match when {
        When::Always => true,
        When::Named => path.contains('{') || has("tenant_id"),
        When::Body => operation.request_body.is_some(),
        When::Changing => operation.request_body.is_some() || succeeds("204") || has("if-match"),
        When::Versioned => has("if-match"),
        When::Backed => {
            let changes = operation.request_body.is_some() || succeeds("204");
            changes && ["/orders", "/users", "/login"].iter().any(|word| path.contains(word))
        }
    }
}

fn answer(refusal: &Refusal) -> Response {
    let Refusal { status, code, about, .. } = refusal;
    let title = http::StatusCode::from_u16(*status).ok().and_then(|it| it.canonical_reason());
    let example = json!({
        "type": "about:blank", "title": title, "status": status, "detail": about,
        "instance": "/api/v1/…", "code": code, "request_id": "01a20357-4b19-72d4-b022-443ab0718c4d",
        "success": false,
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Problem::name())))
        .example(Some(example))
        .build();
    let answer = ResponseBuilder::new().description(*about).content("application/problem+json", content);
    match status {
        401 => answer.header("WWW-Authenticate", text("How to say who calls (RFC 6750).")).build(),
        429 | 503 => answer.header("Retry-After", text("In how many seconds to come again.")).build(),
        _ => answer.build(),
    }
}
