//! What the REST API is measured against: axum and tokio-postgres with nothing on top. Each request is one transaction
//! that sets the tenant, reads, and commits, and is answered in the gateway's envelope. No token, no log, no limits.
//! Usage: `bare_api LISTEN POSTGRES_URL TENANT`.

use std::error::Error;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat, Utc};
use deadpool_postgres::{Manager, Object, Pool};
use serde::Serialize;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};
use uuid::Uuid;

const CONFINE: &str = "SELECT set_config('olympus.tenant', $1, true), set_config('olympus.scope', $2, true),
    set_config('statement_timeout', $3, true)";
const GET: &str =
    "SELECT id, sku, name, description, price, currency, stock, status, version, created_at, updated_at
    FROM products WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
const LIST: &str =
    "SELECT id, sku, name, description, price, currency, stock, status, version, created_at, updated_at
    FROM products WHERE deleted_at IS NULL AND tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2";
const COUNT: &str = "SELECT count(*) AS count FROM (SELECT FROM products
    WHERE deleted_at IS NULL AND tenant_id = $1 LIMIT $2) AS counted";

/// Items of a page.
const LIMIT: usize = 20;

type Failure = (StatusCode, String);

#[derive(Clone)]
struct Api {
    pool: Pool,
    tenant: Uuid,
}

impl Api {
    /// A connection with a transaction that is confined to the tenant: both statements are sent at once.
    async fn begin(&self) -> Result<Object, Failure> {
        let connection = self.pool.get().await.map_err(failure)?;
        let confine = async {
            let statement = connection.prepare_cached(CONFINE).await?;
            connection.query(&statement, &[&self.tenant.to_string(), &"", &"5000"]).await
        };
        let (begun, confined) = futures_util::future::join(connection.batch_execute("BEGIN"), confine).await;
        begun.map_err(failure)?;
        confined.map_err(failure)?;
        Ok(connection)
    }
}

async fn query(connection: &Object, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
    let statement = connection.prepare_cached(sql).await.map_err(failure)?;
    connection.query(&statement, values).await.map_err(failure)
}

#[derive(Serialize)]
struct Success<T> {
    success: bool,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct Meta {
    limit: usize,
    has_more: bool,
    total: i64,
}

#[derive(Serialize)]
struct Product<'r> {
    id: Uuid,
    sku: &'r str,
    name: &'r str,
    description: &'r str,
    price: Price<'r>,
    stock: i32,
    status: &'r str,
    version: i64,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Price<'r> {
    amount: String,
    currency: &'r str,
}

async fn show(State(api): State<Api>, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    let connection = api.begin().await?;
    let rows = query(&connection, GET, &[&api.tenant, &id]).await?;
    connection.batch_execute("COMMIT").await.map_err(failure)?;
    let row = rows.first().ok_or_else(|| (StatusCode::NOT_FOUND, "there is no such product".to_owned()))?;
    Ok(Json(Success { success: true, data: product(row), meta: None }).into_response())
}

async fn list(State(api): State<Api>) -> Result<Response, Failure> {
    let connection = api.begin().await?;
    let rows = query(&connection, LIST, &[&api.tenant, &(LIMIT as i64 + 1)]).await?;
    let counted = query(&connection, COUNT, &[&api.tenant, &10_001_i64]).await?;
    connection.batch_execute("COMMIT").await.map_err(failure)?;
    let total: i64 = counted.first().map_or(0, |row| row.get("count"));
    let data: Vec<_> = rows.iter().take(LIMIT).map(product).collect();
    let meta = Some(Meta { limit: LIMIT, has_more: rows.len() > LIMIT, total });
    Ok(Json(Success { success: true, data, meta }).into_response())
}

fn product(row: &Row) -> Product<'_> {
    let minor: i64 = row.get("price");
    Product {
        id: row.get("id"),
        sku: row.get("sku"),
        name: row.get("name"),
        description: row.get("description"),
        price: Price { amount: format!("{}.{:02}", minor / 100, minor % 100), currency: row.get("currency") },
        stock: row.get("stock"),
        status: row.get("status"),
        version: row.get("version"),
        created_at: moment(row.get("created_at")),
        updated_at: moment(row.get("updated_at")),
    }
}

fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn failure(error: impl Error) -> Failure {
    (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(url), Some(tenant)) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: bare_api LISTEN POSTGRES_URL TENANT".into());
    };
    let pool = Pool::builder(Manager::new(url.parse()?, NoTls)).max_size(16).build()?;
    let api = Api { pool, tenant: tenant.parse()? };
    let router =
        Router::new().route("/products", get(list)).route("/products/{id}", get(show)).with_state(api);
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await?;
    Ok(())
}
