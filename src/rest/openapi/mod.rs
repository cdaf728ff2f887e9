//! The OpenAPI document: what the handlers say of themselves, and what is true of all of them. Routes are made from the
//! same annotations, so that a handler cannot be served without being in it.

mod answers;
mod refusals;
mod tidy;

use serde_json::Value;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, ServerBuilder, Tag,
};

use crate::config;
use crate::http::ACCESS_COOKIE;

const ABOUT: &str = "The API that the gateway itself serves. Every answer is JSON: a success has its `data` beside \
`success`, a failure is a problem document (RFC 9457) with a stable `code`. Which of it is reachable, and who may call \
it, is up to the configuration of the gateway.";

/// Parts of the API and what they are about, in the order readers want them.
const TAGS: &[(&str, &str)] = &[
    ("sessions", "Login, refresh, logout, and what callers may know of themselves."),
    ("api keys", "Keys for programs, which do no more than they are for."),
    ("users", "The people of a tenant."),
    ("products", "What a tenant sells."),
    ("orders", "What was bought, and how far it is."),
    ("tenants", "Tenants, for those who run the platform."),
    ("gateway", "Which gateway this is, and the keys it signs with."),
];

/// How callers may say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    /// By an access token, in a header or a cookie.
    Tokens,
    /// So, or by an API key.
    TokensAndKeys,
}

/// The document of these parts under these settings. An operation that says nothing of security takes the credentials of
/// its part.
pub(super) fn document(
    parts: impl IntoIterator<Item = (Credentials, OpenApi)>,
    settings: &config::Rest,
) -> Value {
    let mut whole = frame();
    for (credentials, mut part) in parts {
        operations(&mut part).for_each(|(_, operation)| {
            operation.security.get_or_insert_with(|| security(credentials));
        });
        whole.merge(part);
    }
    answers::add(&mut whole);
    refusals::add(&mut whole);
    keep_used_tags(&mut whole);
    // Maps whose keys are texts cannot fail to serialise.
    let mut document = serde_json::to_value(&whole).unwrap_or_default();
    tidy::tidy(&mut document);
    tidy::limit(&mut document, settings);
    document
}

/// A text that is one of these words.
pub(super) fn words(words: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

fn frame() -> OpenApi {
    let licence = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Olympus")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(licence.build()));
    let server = ServerBuilder::new().url("/").description(Some("The gateway that serves this document."));
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([server.build()]))
        .tags(Some(TAGS.iter().map(|(name, about)| tag(name, about))))
        .components(Some(schemes()))
        .build()
}

fn tag(name: &str, about: &str) -> Tag {
    TagBuilder::new().name(name).description(Some(about)).build()
}

fn schemes() -> Components {
    let bearer = |form: Option<&str>, about: &str| {
        let mut scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
        if let Some(form) = form {
            scheme = scheme.bearer_format(form);
        }
        SecurityScheme::Http(scheme.build())
    };
    let cookie = "The access token, where a login asked for cookies and the gateway is set up for them.";
    let mut components = Components::new();
    components
        .add_security_scheme("token", bearer(Some("JWT"), "An access token, as `POST login` gives it."));
    components.add_security_scheme("api_key", bearer(None, "An API key, sent in the place of a token."));
    let value = ApiKeyValue::with_description(ACCESS_COOKIE, cookie);
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(value)));
    components
}

fn security(credentials: Credentials) -> Vec<SecurityRequirement> {
    let names: &[&str] = match credentials {
        Credentials::Tokens => &["token", "cookie"],
        Credentials::TokensAndKeys => &["token", "api_key", "cookie"],
    };
    names.iter().map(|name| SecurityRequirement::new::<_, _, &str>(*name, [])).collect()
}

/// The operations of a document with their paths.
fn operations(document: &mut OpenApi) -> impl Iterator<Item = (&str, &mut Operation)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        let PathItem { get, put, post, delete, patch, .. } = item;
        let found = [get, put, post, delete, patch].into_iter().flatten();
        found.map(|operation| (path.as_str(), operation))
    })
}

/// Whether an operation takes a parameter of this name.
fn takes(operation: &Operation, name: &str) -> bool {
    let is_it = |it: &RefOr<Parameter>| match it {
        RefOr::T(parameter) => parameter.name.eq_ignore_ascii_case(name),
        RefOr::Ref(_) => false,
    };
    operation.parameters.iter().flatten().any(is_it)
}

/// A header that is a text.
fn text(about: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()
}

/// A tag that nothing has would stand there empty.
fn keep_used_tags(document: &mut OpenApi) {
    let used: Vec<String> =
        operations(document).flat_map(|(_, it)| it.tags.clone().unwrap_or_default()).collect();
    document.tags.iter_mut().for_each(|tags| tags.retain(|tag| used.contains(&tag.name)));
}
