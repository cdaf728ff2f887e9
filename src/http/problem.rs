//! Errors as clients see them: `application/problem+json` (RFC 9457) with a stable `code`.
//! The one table from kinds of error to statuses is here.

use std::sync::Arc;

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::request_id::RequestId;
use super::trace::TraceContext;
use crate::error::{Error, Kind};

/// An error to be shown to a client.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status it is answered with.
    pub status: StatusCode,
    /// The stable word for programs.
    pub code: &'static str,
    /// What happened, for people. Nothing of ours is in it.
    pub detail: String,
    /// The single faults, where there are several to mend at once.
    pub faults: Vec<Fault>,
    /// What is behind it, where that is not the client's to mend: for the log.
    pub cause: Option<Arc<Error>>,
}

/// One fault of several.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Fault {
    /// Where it is in the document, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("/name"))]
    pub pointer: Option<String>,
    /// Which parameter of the query it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("limit"))]
    pub parameter: Option<String>,
    /// The stable word for programs.
    #[schema(examples("required"))]
    pub code: &'static str,
    /// What is wrong, for people.
    #[schema(examples("is needed"))]
    pub message: String,
}

impl Fault {
    /// A fault in the document, at this JSON pointer.
    pub fn at(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, code, message: message.into() }
    }

    /// A fault of this parameter of the query.
    pub fn of(parameter: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(parameter.into()), code, message: message.into() }
    }
}

/// Why a request was not served (RFC 9457).
// The members are in the order they are written.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct Document<'a> {
    /// Always `about:blank`: `code` tells problems apart.
    r#type: &'static str,
    /// The status in words.
    title: &'a str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, for people; it may change.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    /// What happened, for programs; it does not change.
    code: &'a str,
    /// The name of the request in the log.
    request_id: &'a str,
    /// Always false.
    success: bool,
    /// The single faults, where there are several to mend at once.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    #[schema(value_type = Vec<Fault>, required = false)]
    errors: &'a [Fault],
}

impl Problem {
    /// A problem of a kind, with the words the client sees.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, code) = table(kind);
        Self { status, code, detail: detail.into(), faults: Vec::new(), cause: None }
    }

    /// The same problem under a more exact code.
    #[must_use]
    pub fn with_code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// The same problem with each fault that has to be mended.
    #[must_use]
    pub fn with_faults(self, faults: Vec<Fault>) -> Self {
        Self { faults, ..self }
    }

    /// The whole answer: a JSON document that names the request, so that the log can be searched for it.
    pub fn into_answer(self, path: &str, request_id: &RequestId) -> Response<Bytes> {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: path,
            code: self.code,
            request_id: request_id.as_str(),
            success: false,
            errors: &self.faults,
        };
        // A struct of strings and numbers cannot fail to serialise.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Puts the document into an answer that a handler gave as a problem; other answers stay as they are.
    /// Headers the handler added, such as `Allow`, stay. This is where failures of handlers are logged.
    pub fn render(
        mut answer: Response<Body>,
        path: &str,
        (request_id, trace): (&RequestId, &TraceContext),
    ) -> Response<Body> {
        let Some(problem) = answer.extensions_mut().remove::<Self>() else { return answer };
        problem.log(path, (request_id, trace));
        let mut document = problem.into_answer(path, request_id).map(Body::from);
        for (name, value) in answer.headers().iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
            document.headers_mut().append(name, value.clone());
        }
        document
    }

    /// Faults of ours are errors; what others cannot do for us now is a warning.
    fn log(&self, path: &str, (id, trace): (&RequestId, &TraceContext)) {
        let Some(error) = &self.cause else { return };
        let (request_id, trace_id) = (id.as_str(), trace.trace_id());
        let trace_id = trace_id.as_str();
        let is_ours = matches!(error.kind(), Kind::Internal | Kind::BadGateway);
        if is_ours {
            tracing::error!(request_id, trace_id, path, %error, "a request could not be served");
        } else {
            tracing::warn!(request_id, trace_id, path, %error, "a request could not be served");
        }
    }
}

impl From<Error> for Problem {
    /// Faults of the client are shown, ours are masked: the log has them under the request's id.
    fn from(error: Error) -> Self {
        let (shown, is_theirs) = match error.kind() {
            Kind::Internal => ("the gateway failed to serve this request", false),
            Kind::BadGateway => ("the backend failed to serve this request", false),
            Kind::Unavailable | Kind::GatewayTimeout => (error.message(), false),
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
            | Kind::ClientTimeout => (error.message(), true),
        };
        let problem = Self::new(error.kind(), shown);
        let code = error.code().unwrap_or(problem.code);
        Self { code, cause: (!is_theirs).then(|| Arc::new(error)), ..problem }
    }
}

/// What clients see of it.
impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        Document::schema()
    }
}

impl ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Document::schemas(schemas);
    }
}

/// A local handler answers with a problem; the pipeline turns it into a document, where the id is known.
impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Which status and which code a kind of error has.
fn table(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::Invalid => (StatusCode::BAD_REQUEST, "invalid_request"),
        Kind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Kind::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        Kind::HeadTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large"),
        Kind::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
        Kind::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        Kind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
        Kind::Conflict => (StatusCode::CONFLICT, "conflict"),
        Kind::Outdated => (StatusCode::PRECONDITION_FAILED, "precondition_failed"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Kind::BadGateway => (StatusCode::BAD_GATEWAY, "bad_gateway"),
        Kind::GatewayTimeout => (StatusCode::GATEWAY_TIMEOUT, "gateway_timeout"),
        Kind::ClientTimeout => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_is_masked_and_the_clients_is_shown() {
        let ours = Problem::from(Error::internal("read secret file /etc/x"));
        assert_eq!(ours.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!ours.detail.contains("secret"));
        let theirs = Problem::from(Error::new(Kind::Invalid, "path: bad escape at 3"));
        assert_eq!(theirs.detail, "path: bad escape at 3");
    }

    #[test]
    fn a_fault_says_where_it_is_by_the_name_of_a_member() {
        let faults =
            vec![Fault::at("/sku", "required", "is needed"), Fault::of("limit", "invalid", "is none")];
        let expected = serde_json::json!([
            { "pointer": "/sku", "code": "required", "message": "is needed" },
            { "parameter": "limit", "code": "invalid", "message": "is none" },
        ]);
        assert_eq!(serde_json::to_value(faults).unwrap(), expected);
    }

    #[test]
    fn the_document_has_every_member() {
        let id = RequestId::accept(&HeaderValue::from_static("abcdefgh-1")).unwrap();
        let answer = Problem::new(Kind::NotFound, "no such thing").into_answer("/x", &id);
        let document: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank", "title": "Not Found", "status": 404, "detail": "no such thing",
            "instance": "/x", "code": "not_found", "request_id": "abcdefgh-1", "success": false,
        });
        assert_eq!(document, expected);
    }
}
