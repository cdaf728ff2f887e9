//! Keys that are fetched, from a server of the test's own on loopback.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::remote::{Epoch, Pace, Remote};
use crate::config::Algorithm;

/// Longer than any test waits for what must not happen.
const LONG: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(20);

/// What the server does with a request.
#[derive(Clone)]
enum Answer {
    Keys(Vec<Jwk>),
    Raw(&'static str),
    /// It never answers.
    Silence,
}

struct Server {
    url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicU32::new(0)));
        let (theirs, count) = (answer.clone(), asked.clone());
        #[expect(clippy::disallowed_methods, reason = "the test ends it")]
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                count.fetch_add(1, Ordering::SeqCst);
                let text = match theirs.lock().unwrap().clone() {
                    Answer::Keys(keys) => {
                        let body = serde_json::json!({ "keys": keys }).to_string();
                        let length = body.len();
                        format!(
                            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                        )
                    }
                    Answer::Raw(text) => text.to_owned(),
                    Answer::Silence => {
                        open.push(stream);
                        continue;
                    }
                };
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        Self { url, answer, asked, task }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn pace() -> Pace {
    Pace { refresh: LONG, retry: LONG, least: Duration::ZERO, fetch: SOON, wait: SOON }
}

/// The remote, and the task that fetches for it.
fn remote(server: &Server, pace: Pace) -> (Remote, JoinHandle<()>, Epoch) {
    let epoch = Epoch::default();
    let remote = Remote::new(("test", &server.url), vec![Algorithm::EdDsa], pace, epoch.clone());
    let fetching = remote.fetching().unwrap();
    assert!(remote.fetching().is_none(), "once is enough");
    #[expect(clippy::disallowed_methods, reason = "the test ends it")]
    let task = tokio::spawn(fetching);
    (remote, task, epoch)
}

fn key(name: &str) -> Jwk {
    let pem = super::new_key(Algorithm::EdDsa).unwrap();
    let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
    let mut jwk = Jwk::from_encoding_key(&key, jsonwebtoken::Algorithm::EdDSA).unwrap();
    jwk.common.key_id = Some(name.to_owned());
    jwk
}

fn knows(remote: &Remote, name: &str) -> bool {
    remote.keys().is_some_and(|keys| keys.find(Some(name)).is_some())
}

#[tokio::test]
async fn a_key_that_is_not_known_is_looked_for_at_once() {
    let (one, two) = (key("one"), key("two"));
    let server = Server::start(Answer::Keys(vec![one.clone()])).await;
    let (remote, task, epoch) = remote(&server, pace());
    remote.renewed().await;
    assert!(knows(&remote, "one") && !knows(&remote, "two"));
    let before = epoch.load(Ordering::SeqCst);
    server.answers(Answer::Keys(vec![one, two.clone()]));
    remote.renewed().await;
    assert!(knows(&remote, "one") && knows(&remote, "two"));
    assert_eq!(epoch.load(Ordering::SeqCst), before + 1, "what was verified before is looked at again");
    server.answers(Answer::Keys(vec![two]));
    remote.renewed().await;
    assert!(!knows(&remote, "one"), "a key that is no longer published is no longer believed");
    task.abort();
}

#[tokio::test]
async fn invented_keys_do_not_make_the_issuer_be_asked_again_and_again() {
    let server = Server::start(Answer::Keys(vec![key("one")])).await;
    let (remote, task, _) = remote(&server, Pace { least: LONG, ..pace() });
    for _ in 0..1000 {
        remote.renewed().await;
    }
    assert!(knows(&remote, "one"));
    assert_eq!(server.asked(), 1);
    task.abort();
}

#[tokio::test]
async fn keys_are_kept_when_they_cannot_be_fetched_anew() {
    let server = Server::start(Answer::Keys(vec![key("one")])).await;
    let (remote, task, epoch) = remote(&server, pace());
    remote.renewed().await;
    let before = epoch.load(Ordering::SeqCst);
    for text in [
        "HTTP/1.1 500 Oh\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nnot json!",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 900\r\n\r\n{\"keys",
        "",
    ] {
        let asked = server.asked();
        server.answers(Answer::Raw(text));
        remote.renewed().await;
        assert!(server.asked() > asked, "{text:?}");
        assert!(knows(&remote, "one"), "{text:?}");
    }
    assert_eq!(epoch.load(Ordering::SeqCst), before);
    task.abort();
}

#[tokio::test]
async fn a_server_that_hangs_holds_requests_only_briefly_and_only_some() {
    let server = Server::start(Answer::Silence).await;
    let wait = Duration::from_millis(50);
    let (remote, task, _) = remote(&server, Pace { wait, fetch: LONG, ..pace() });
    let waiting = (0..1000).map(|_| remote.renewed());
    tokio::time::timeout(SOON, futures_util::future::join_all(waiting)).await.unwrap();
    assert!(remote.keys().is_none());
    assert!(server.asked() <= 1);
    task.abort();
}

#[tokio::test]
async fn fetching_ends_with_the_issuer() {
    let server = Server::start(Answer::Keys(vec![key("one")])).await;
    let (remote, task, _) = remote(&server, pace());
    remote.renewed().await;
    drop(remote);
    tokio::time::timeout(SOON, task).await.unwrap().unwrap();
}

#[test]
fn keys_that_are_none_for_us_are_left_out() {
    use super::key::KeySet;
    let good = serde_json::to_value(key("good")).unwrap();
    let with = |name: &str, member: &str, value: &str| {
        let mut key = good.clone();
        key["kid"] = name.into();
        key[member] = value.into();
        key
    };
    let set = serde_json::json!({ "keys": [
        good.clone(), with("encrypts", "use", "enc"), with("hmac", "alg", "HS256"), with("rsa", "alg", "RS256"),
        {"kty": "oct", "k": "AAAA", "kid": "secret", "alg": "HS256"}, {"kty": "new", "kid": "new"}, 1, null,
    ]});
    let keys = KeySet::published(set.to_string().as_bytes(), &[Algorithm::EdDsa]).unwrap();
    assert!(keys.find(Some("good")).is_some());
    for name in ["encrypts", "hmac", "rsa", "secret", "new"] {
        assert!(keys.find(Some(name)).is_none(), "{name}");
    }
    assert!(KeySet::published(set.to_string().as_bytes(), &[Algorithm::Rs256]).is_err());
}
