//! The routes of `auth`, in one table, and who may call which.

mod bearer;
mod credentials;
mod introspect;
mod login;
mod userinfo;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};

use crate::Service;

pub(crate) fn router(service: Service) -> Router {
    let for_services = Router::new()
        .route("/introspect", post(introspect::introspect))
        .route("/credentials/{user}", put(credentials::keep).delete(credentials::remove))
        .route_layer(from_fn_with_state(service.clone(), bearer::require_service));
    Router::new()
        .route("/login", post(login::login))
        .route("/userinfo", get(userinfo::userinfo))
        .merge(for_services)
        .with_state(service)
}
