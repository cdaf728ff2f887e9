//! Who may vouch for callers: whether keys can be used, and whether routes that ask for a token can check one.

use rustls::SignatureAlgorithm;
use rustls::crypto::ring::sign::any_supported_type;

use crate::config::check::findings::Report;
use crate::config::settings::{Auth, Authentication, IdentityForm, Issuer, Route, Settings};
use crate::config::tree::at_key;
use crate::config::values::{Algorithm, Balance, Claim, HashKey, KeyFile};

/// Longest leeway, in seconds: more would be a second life of every token.
const MOST_LEEWAY: u64 = 120;

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
    let key = any_supported_type(&key).map_err(|_| format!("{} holds a key of no known kind", file.pem))?;
    let kind = key.algorithm();
    let fits = |algorithm: &Algorithm| match algorithm {
        Algorithm::EdDsa => kind == SignatureAlgorithm::ED25519,
        Algorithm::Es256 | Algorithm::Es384 => kind == SignatureAlgorithm::ECDSA,
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
    super::refuse_zero(report, &[(key("refresh"), issuer.refresh)]);
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
fn check_url(url: &str) -> Result<(), String> {
    let parsed: Option<http::Uri> = url.parse().ok();
    let host = parsed.as_ref().and_then(http::Uri::host).unwrap_or_default();
    match parsed.as_ref().and_then(http::Uri::scheme_str) {
        Some("https") => Ok(()),
        Some("http") if ["localhost", "127.0.0.1", "[::1]"].contains(&host) => Ok(()),
        Some("http") => Err(format!("keys fetched without TLS could be anybody's; say https; found {url:?}")),
        Some(_) | None => Err(format!("a URL begins with https:// and a host; found {url:?}")),
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
    let pool = route.upstream.as_ref().and_then(|name| settings.upstreams.get(name).zip(Some(name)));
    if let (Some((pool, name)), Auth::None) = (pool, route.auth.word())
        && let Balance::Hash(HashKey::Claim(Claim::Sub | Claim::Tenant | Claim::Sid)) = pool.balance
    {
        let balance = at_key(&at_key("upstreams", name), "balance");
        let message =
            format!("tokens are not looked at, but upstream `{name}` is balanced by what they claim");
        report.mistake_given(&auth, &[&balance], message);
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
