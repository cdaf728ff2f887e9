//! `GET /explain?method=&url=&header=&client=` for the admin API. A caller's token comes in a header, for URLs are
//! written to logs.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};

use super::{Explanation, Question};
use crate::error::Kind;
use crate::http::Problem;
use crate::pipeline::Pipeline;

/// The header with a caller's token.
const TOKEN: &str = "x-explain-token";

/// Explains requests as this pipeline sees them now.
pub fn router(pipeline: Arc<Pipeline>) -> Router {
    Router::new().route("/explain", get(answer)).with_state(pipeline)
}

async fn answer(
    State(pipeline): State<Arc<Pipeline>>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Json<Explanation>, Problem> {
    let mut question = question(pairs)?;
    if let Some(token) = headers.get(TOKEN).and_then(|value| value.to_str().ok()) {
        question.bear(token);
    }
    pipeline.explain(&question).await.map(Json).map_err(Problem::from)
}

fn question(pairs: Vec<(String, String)>) -> Result<Question, Problem> {
    let mut question =
        Question { method: "GET".to_owned(), url: String::new(), headers: Vec::new(), client: None };
    for (name, value) in pairs {
        match name.as_str() {
            "method" => question.method = value,
            "url" => question.url = value,
            "header" => question.headers.push(value),
            "client" => {
                let address = value.parse().map_err(|_| invalid(format!("client: no address: {value:?}")))?;
                question.client = Some(address);
            }
            _ => {
                return Err(invalid(format!(
                    "`{name}` is unknown; there are method, url, header and client"
                )));
            }
        }
    }
    if question.url.is_empty() {
        return Err(invalid("`url` is missing: a URL or a path".to_owned()));
    }
    Ok(question)
}

fn invalid(detail: String) -> Problem {
    Problem::new(Kind::Invalid, detail)
}
