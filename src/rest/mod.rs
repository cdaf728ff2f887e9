//! JSON over HTTP below `/api/v1`: thin handlers, one envelope for success, problems for failure.

mod api_keys;
mod asked;
mod asks;
mod auth;
mod compression;
mod docs;
mod document;
mod envelope;
mod images;
mod keys;
mod known;
mod listing;
mod once;
mod openapi;
mod orders;
mod products;
mod representation;
mod resource;
mod selection;
mod status;
mod tenants;
mod users;
mod warming;

pub use asks::asks;
pub use warming::warm;

use axum::http::{Method, Uri};
use axum::{Extension, Router};

use crate::config;
use crate::domain::{ApiKeys, Images, Onces, Orders, Products, Sessions, Tenants, Users};
use crate::error::Kind;
use crate::http::Problem;
use crate::tasks::Lifecycle;

use self::compression::compressing;
use self::openapi::Credentials;

/// What others verify our tokens by.
pub fn keys_router() -> Router {
    compressing(with_fallbacks(keys::routes().into()))
}

/// Sessions and API keys, where there is a database for them.
pub fn auth_router(sessions: Option<Sessions>, keys: Option<ApiKeys>) -> Router {
    let keys = keys.map(|keys| Router::from(api_keys::routes().with_state(keys)));
    with_fallbacks(auth::router(sessions).merge(keys.unwrap_or_default()))
}

/// Which gateway this is.
pub fn status_router(lifecycle: Lifecycle) -> Router {
    let started = status::Started::now(lifecycle);
    with_fallbacks(status::routes().with_state(started).into())
}

/// What the REST API serves, where there is a database for it.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// Tenants.
    pub tenants: Option<Tenants>,
    /// Products.
    pub products: Option<Products>,
    /// Orders.
    pub orders: Option<Orders>,
    /// Users.
    pub users: Option<Users>,
    /// What is done once.
    pub onces: Option<Onces>,
    /// The pictures of products.
    pub images: Option<Images>,
}

/// The REST API.
pub fn router(served: Served) -> Router {
    let Served { tenants, products, orders, users, onces, images } = served;
    let routers: [Option<Router>; 5] = [
        tenants.map(|tenants| tenants::routes().with_state(tenants).into()),
        products.map(|products| products::routes().with_state(products).into()),
        orders.map(|orders| orders::routes().with_state(orders).into()),
        images.map(|images| images::routes().with_state(images).into()),
        users.map(|users| users::routes().with_state(users).into()),
    ];
    let router = routers.into_iter().flatten().fold(Router::new(), Router::merge);
    compressing(with_fallbacks(match onces {
        Some(onces) => router.layer(Extension(onces)),
        None => router,
    }))
}

/// The description of the API, and pages to read it.
pub fn docs_router() -> Router {
    compressing(with_fallbacks(docs::router()))
}

/// The description of all that is served here under these settings (OpenAPI 3.1), as JSON.
pub fn openapi(settings: &config::Rest) -> String {
    use Credentials::{Tokens, TokensAndKeys};
    let parts = [
        (Tokens, auth::routes().into_openapi()),
        (Tokens, api_keys::routes().into_openapi()),
        (TokensAndKeys, tenants::routes().into_openapi()),
        (TokensAndKeys, users::routes().into_openapi()),
        (TokensAndKeys, products::routes().into_openapi()),
        (TokensAndKeys, orders::routes().into_openapi()),
        (TokensAndKeys, images::routes().into_openapi()),
        (Tokens, status::routes().into_openapi()),
        (Tokens, keys::routes().into_openapi()),
    ];
    format!("{:#}", openapi::document(parts, settings))
}

fn with_fallbacks(router: Router) -> Router {
    router.fallback(missing).method_not_allowed_fallback(no_method)
}

async fn missing(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("nothing is served at {}", uri.path()))
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{method} is not served at {}", uri.path()))
}
