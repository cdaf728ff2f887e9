//! Who may vouch for callers: whether keys can be used, and whether routes that ask for a token can check one.

use std::time::Duration;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::config::check::findings::Report;
use crate::config::settings::{Auth, Authentication, IdentityForm, Issuer, Route, Settings};
use crate::config::tree::at_key;
use crate::config::values::{Algorithm, Balance, HashKey, HttpUrl, KeyFile};

/// Longest leeway, in seconds: more would be a second life of every token.
const MOST_LEEWAY: u64 = 120;

/// Shortest pause between two looks at the keys of an issuer.
const LEAST_REFRESH: Duration = Duration::from_secs(10);
/// Shortest staleness, in seconds: the database is asked every second.
const LEAST_STALENESS: u64 = 2;

/// Longest life of a token made here, in seconds: revocations are kept for a little longer.
const MOST_ACCESS: u64 = 24 * 60 * 60;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    let auth = &settings.auth;
    super::refuse_zero(report, &[("auth.access_ttl".to_owned(), auth.access_ttl)]);
    for (key, text) in [("auth.issuer", &auth.issuer), ("auth.audience", &auth.audience)] {
        refuse_empty(text, key, report);
    }
    for (key, time) in [("auth.access_ttl", auth.access_ttl), ("auth.leeway", auth.leeway)] {
        if time.get().subsec_nanos() > 0 {
            report.mistake(key, format!("tokens count whole seconds; found {time}"));
        }
    }
    if auth.leeway.get().as_secs() > MOST_LEEWAY {
        report
            .mistake("auth.leeway", format!("longer than 2m would be a second life; found {}", auth.leeway));
    }
    if auth.access_ttl.get().as_secs() > MOST_ACCESS {
        let message = format!("24h at most: revocations are kept for a day; found {}", auth.access_ttl);
        report.mistake("auth.access_ttl", message);
    }
    if auth.revocation.max_staleness.get().as_secs() < LEAST_STALENESS {
        let message = "2s at least: instances hear of each other every second";
        report.mistake("auth.revocation.max_staleness", message);
    }
    check_keys(auth, report);
    for (name, issuer) in &auth.issuers {
        check_issuer(auth, (name, issuer), report);
    }
    for (name, route) in &settings.routes {
        check_route(settings, route, &at_key("routes", name), report);
    }
}

fn refuse_empty(text: &str, key: &str, report: &mut Report<'_>) {
    if text.is_empty() {
        report.mistake(key, "cannot be empty");
    }
}

fn check_keys(auth: &Authentication, report: &mut Report<'_>) {
    let Some(folder) = &auth.keys_dir else { return };
    for file in folder.files() {
        if let Err(message) = check_key(auth, file) {
            report.mistake_given("auth.keys_dir", &["auth.algorithms"], message);
        }
    }
    if folder.files().iter().all(KeyFile::is_upcoming) {
        report.mistake("auth.keys_dir", "no key may sign: all of them end in `.next.pem`");
    }
}

/// Whether a key can be used; the same is found by whoever signs with it, but not at its place.
fn check_key(auth: &Authentication, file: &KeyFile) -> Result<(), String> {
    let key = file.pem.private_key()?;
    let is_pkcs8 = matches!(key, PrivateKeyDer::Pkcs8(_));
    let key = any_supported_type(&key).map_err(|_| format!("{} holds a key of no known kind", file.pem))?;
    let kind = key.algorithm();
    if kind != SignatureAlgorithm::RSA && !is_pkcs8 {
        let message = "must be written as PKCS #8 (`BEGIN PRIVATE KEY`): openssl pkcs8 -topk8 -nodes";
        return Err(format!("{} {message}", file.pem));
    }
    let signs = |scheme| key.choose_scheme(&[scheme]).is_some();
    let fits = |algorithm: &Algorithm| match algorithm {
        Algorithm::EdDsa => kind == SignatureAlgorithm::ED25519,
        Algorithm::Es256 => signs(SignatureScheme::ECDSA_NISTP256_SHA256),
        Algorithm::Es384 => signs(SignatureScheme::ECDSA_NISTP384_SHA384),
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => kind == SignatureAlgorithm::RSA,
    };
    match auth.algorithms.iter().any(fits) {
        true => Ok(()),
        false => Err(format!("{} signs in no way that `auth.algorithms` allows", file.pem)),
    }
}

fn check_issuer(auth: &Authentication, (name, issuer): (&String, &Issuer), report: &mut Report<'_>) {
    let path = at_key("auth.issuers", name);
    let key = |key| at_key(&path, key);
    refuse_empty(&issuer.issuer, &key("issuer"), report);
    if issuer.refresh.get() < LEAST_REFRESH {
        let message = format!("keys are looked for every 10s at most; found {}", issuer.refresh);
        report.mistake(&key("refresh"), message);
    }
    let is_ours = auth.keys_dir.is_some() && auth.issuer == issuer.issuer;
    let is_earlier = |other: &(&String, &Issuer)| other.0 < name && other.1.issuer == issuer.issuer;
    if is_ours || auth.issuers.iter().any(|other| is_earlier(&other)) {
        let message = format!("tokens from {:?} are checked otherwise already", issuer.issuer);
        report.mistake(&key("issuer"), message);
    }
    match (&issuer.jwks_url, &issuer.key_file) {
        (None, None) => {
            let causes = [key("jwks_url"), key("key_file")];
            let message = "its tokens could not be checked: set `jwks_url` or `key_file`";
            report.mistake_given(&path, &[&causes[0], &causes[1]], message);
        }
        (Some(_), Some(_)) => {
            report.mistake_given(
                &key("key_file"),
                &[&key("jwks_url")],
                "`jwks_url` and `key_file` exclude each other",
            );
        }
        (Some(url), None) => {
            if let Err(message) = check_url(url) {
                report.mistake(&key("jwks_url"), message);
            }
        }
        (None, Some(file)) => {
            if let Err(message) = file.public_key() {
                report.mistake(&key("key_file"), message);
            }
        }
    }
}

/// Keys that come unprotected over a network could be anybody's.
fn check_url(url: &HttpUrl) -> Result<(), String> {
    let is_near = ["localhost", "127.0.0.1", "[::1]"].contains(&url.uri().host().unwrap_or_default());
    match url.uri().scheme_str() {
        Some("https") => Ok(()),
        _ if is_near => Ok(()),
        _ => Err(format!("keys fetched without TLS could be anybody's; say https; found \"{url}\"")),
    }
}

fn check_route(settings: &Settings, route: &Route, path: &str, report: &mut Report<'_>) {
    let issuers = ["auth.keys_dir", "auth.issuers"];
    let auth = at_key(path, "auth");
    match route.auth.word() {
        Auth::Required if !settings.auth.can_verify() => {
            let message = "no issuer is configured, so no token could be checked; set `auth = \"none\"`, or \
                           `keys_dir` or `issuers` in [auth]";
            report.mistake_given(&auth, &issuers, message);
        }
        Auth::Optional if !settings.auth.can_verify() => {
            let message = "no issuer is configured, so no token could be checked";
            report.mistake_given(&auth, &issuers, message);
        }
        Auth::Required | Auth::Optional | Auth::None => {}
    }
    check_credentials(settings, route, path, report);
    if route.identity == IdentityForm::Signed && settings.auth.keys_dir.is_none() {
        let message = "there is no key to sign with: set `keys_dir` in [auth]";
        report.mistake_given(&at_key(path, "identity"), &["auth.keys_dir"], message);
    }
    if route.auth.word() == Auth::None {
        check_claims(settings, route, path, report);
    }
}

/// Where tokens are not looked at, nothing can go by what they claim.
fn check_claims(settings: &Settings, route: &Route, path: &str, report: &mut Report<'_>) {
    let auth = at_key(path, "auth");
    let pools = route.upstream.iter().chain(route.split.iter().map(|share| &share.upstream));
    for name in pools {
        let pool = settings.upstreams.get(name);
        if pool.is_some_and(|pool| matches!(pool.balance, Balance::Hash(HashKey::Claim(_)))) {
            let balance = at_key(&at_key("upstreams", name), "balance");
            let message =
                format!("tokens are not looked at, but upstream `{name}` is balanced by what they claim");
            report.mistake_given(&auth, &[&balance], message);
        }
    }
    if let Some(HashKey::Claim(_)) = route.split_by {
        let message = "tokens are not looked at, but `split_by` goes by what they claim";
        report.mistake_given(&auth, &[&at_key(path, "split_by")], message);
    }
}

/// What a route says of tokens and keys must be able to act.
fn check_credentials(settings: &Settings, route: &Route, path: &str, report: &mut Report<'_>) {
    let (auth, keys) = (at_key(path, "auth"), at_key(path, "api_keys"));
    for (is_set, key) in [(route.sensitive, "sensitive"), (route.api_keys, "api_keys")] {
        if is_set && route.auth.word() == Auth::None {
            let message = "nobody is asked who they are: `auth` is \"none\"";
            report.mistake_given(&at_key(path, key), &[&auth], message);
        }
    }
    if route.api_keys && settings.postgres.is_none() {
        report.mistake_given(&keys, &["postgres"], "needs a database: there is no [postgres]");
    }
    let has_demand = route.auth.demands().is_some_and(|demands| !demands.permissions.is_empty());
    if route.api_keys && route.upstream.is_some() && !has_demand && route.auth.word() != Auth::None {
        let message = "the scopes of a key would mean nothing: say in `auth` which permissions are needed";
        report.mistake_given(&keys, &[&auth], message);
    }
}
