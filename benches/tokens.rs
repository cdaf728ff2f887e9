//! What a token costs: verified for the first time, by how it is signed, and when it comes again.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, header};
use olympus_gateway::config::{Algorithm, Authentication, Settings};
use olympus_gateway::identity::{Authenticator, Issuance, Revocation, new_key};
use olympus_gateway::model::{TenantId, TokenId};
use olympus_gateway::telemetry::Tokens;
use std::hint::black_box;

/// Tokens to verify for the first time.
const BATCH: usize = 64;

fn rsa_key() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("its encoding");
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
}

fn authenticator(name: &str, pem: &str, algorithm: Algorithm) -> Authenticator {
    let folder = std::env::temp_dir().join(format!("olympus-bench-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("a.pem"), pem).expect("a file");
    let keys = folder.to_string_lossy().parse().expect("keys");
    let mut settings: Settings = toml::from_str("version = 1").expect("settings");
    settings.auth =
        Authentication { keys_dir: Some(keys), algorithms: vec![algorithm], ..Authentication::default() };
    let made = Authenticator::new(&settings, Tokens::default()).expect("an authenticator");
    std::fs::remove_dir_all(folder).expect("to be alone");
    made
}

fn headers(identity: &Authenticator) -> HeaderMap {
    let grant = Issuance {
        tenant: TenantId::new(),
        subject: TokenId::new().to_string(),
        roles: vec!["manager".to_owned()],
        scoped: Vec::new(),
        session: None,
    };
    let token = identity.issue(&grant, None, Utc::now()).expect("a token");
    let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

fn check(identity: &Authenticator, headers: &HeaderMap) {
    let found = identity.authenticate(black_box(headers), Utc::now()).now_or_never();
    black_box(found.expect("keys are at hand").expect("a good token"));
}

fn tokens(criterion: &mut Criterion) {
    let keys = [
        ("EdDSA", new_key(Algorithm::EdDsa).expect("a key"), Algorithm::EdDsa),
        ("ES256", new_key(Algorithm::Es256).expect("a key"), Algorithm::Es256),
        ("RS256", rsa_key(), Algorithm::Rs256),
    ];
    for (name, pem, algorithm) in keys {
        let identity = authenticator(name, &pem, algorithm);
        let known = headers(&identity);
        let fresh: Vec<HeaderMap> = (0..BATCH).map(|_| headers(&identity)).collect();
        criterion.bench_function(&format!("verify a new token, {name}"), |bench| {
            let mut next = fresh.iter().cycle();
            bench.iter_batched_ref(
                // Its cache is empty, and reading one key for each batch is not measured.
                || authenticator(name, &pem, algorithm),
                |empty| {
                    check(empty, next.next().expect("a token"));
                },
                criterion::BatchSize::PerIteration,
            );
        });
        criterion.bench_function(&format!("verify a token again, {name}"), |bench| {
            bench.iter(|| check(&identity, &known));
        });
        let revoked = Revocation::Token(TokenId::new());
        let until = Utc::now() + chrono::TimeDelta::hours(1);
        identity.revocations().add(revoked, until, Utc::now()).expect("room");
        criterion.bench_function(
            &format!("verify a token again while others are revoked, {name}"),
            |bench| {
                bench.iter(|| check(&identity, &known));
            },
        );
    }
}

criterion_group!(benches, tokens);
criterion_main!(benches);
