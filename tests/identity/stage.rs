//! A pipeline in memory with keys of its own, and what becomes of requests in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use axum::Router;
use http::request::Parts;
use http::{HeaderMap, Request};
use olympus_gateway::config::Settings;
use olympus_gateway::http::Connection;
use olympus_gateway::pipeline::{Admission, Exchange, Locals, Pipeline, Snapshot};
use olympus_gateway::upstream::{Pool, Pools};
use serde_json::Value;

/// A folder that goes when the test does.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("olympus-identity-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const ROUTES: &str = r#"
version = 1
listeners = { public = { address = "127.0.0.1:8080" } }
upstreams = { app = { endpoints = [{ address = "127.0.0.1:9" }] } }
[routes.required]
path = "/required"
upstream = "app"
[routes.optional]
path = "/optional"
upstream = "app"
auth = "optional"
[routes.none]
path = "/none"
upstream = "app"
auth = "none"
"#;

/// Settings with these further tables.
pub(crate) fn settings(more: &str) -> Settings {
    toml::from_str(&format!("{ROUTES}\n{more}")).unwrap()
}

pub(crate) fn snapshot(settings: Settings) -> Snapshot {
    let pools = pools(&settings);
    Snapshot::compile(Arc::new(settings), &pools).unwrap()
}

pub(crate) fn pools(settings: &Settings) -> Pools {
    let pool = |(name, it): (&String, _)| (name.clone(), Arc::new(Pool::new(name, it, Instant::now())));
    settings.upstreams.iter().map(pool).collect::<BTreeMap<_, _>>()
}

pub(crate) fn pipeline(more: &str) -> Pipeline {
    Pipeline::new(snapshot(settings(more)), Locals { keys: Router::new(), ..Locals::default() })
}

/// What became of a request.
pub(crate) struct Seen {
    /// `proxy`, or the status and the code of the problem.
    pub(crate) word: String,
    pub(crate) headers: HeaderMap,
    pub(crate) document: Value,
    pub(crate) exchange: Exchange,
    pub(crate) head: Parts,
}

impl Seen {
    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The request as its backend sees it.
    pub(crate) fn prepared(&self) -> HeaderMap {
        let mut head = self.head.clone();
        self.exchange.prepare(&mut head);
        head.headers
    }
}

pub(crate) async fn ask(pipeline: &Pipeline, path: &str, headers: &[(&str, &str)]) -> Seen {
    let mut builder = Request::builder().uri(path).header("host", "test");
    for (name, value) in headers {
        builder = builder.header(*name, value.as_bytes());
    }
    let head = builder.body(()).unwrap().into_parts().0;
    let (exchange, admission) = pipeline.admit(&head, Connection { peer: None, is_tls: false }).await;
    let (word, headers, document) = match admission {
        Admission::Proxy(_) => ("proxy".to_owned(), HeaderMap::new(), Value::Null),
        Admission::Local(_) => ("local".to_owned(), HeaderMap::new(), Value::Null),
        Admission::Answer(answer) => {
            let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let code = document["code"].as_str().unwrap_or_default().to_owned();
            (format!("{} {code}", answer.status().as_u16()), answer.headers().clone(), document)
        }
    };
    Seen { word, headers, document, exchange, head }
}

/// The same with a token.
pub(crate) async fn call(pipeline: &Pipeline, path: &str, token: &str) -> Seen {
    ask(pipeline, path, &[("authorization", &format!("Bearer {token}"))]).await
}
