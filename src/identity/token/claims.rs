//! From what a signed token claims to a caller, by the rules of its issuer. Time comes in as an argument.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::config;
use crate::identity::caller::Caller;
use crate::identity::denial::Denial;
use crate::identity::policy::{Grant, Rights};
use crate::model::{ScopedRole, SessionId, TenantId, TokenId};

/// Longest subject, name of a role, and list of roles.
const LONGEST_SUBJECT: usize = 255;
const LONGEST_ROLE: usize = 64;
const MOST_ROLES: usize = 64;
/// The last second of the year 9999.
const END_OF_TIME: i64 = 253_402_300_799;

/// What the tokens of an issuer must say, and where.
#[derive(Debug, PartialEq)]
pub(super) struct Rules {
    pub(super) audience: String,
    /// What they may say they are; empty: anything.
    pub(super) types: Vec<String>,
    pub(super) claims: config::Claims,
    pub(super) tenant: Option<TenantId>,
    pub(super) roles: Option<Vec<String>>,
    /// In seconds.
    pub(super) leeway: i64,
    /// Whether they are made here, so that more is asked of them.
    pub(super) is_own: bool,
}

/// A caller, and how long its token is good for.
#[derive(Debug)]
pub(in crate::identity) struct Verified {
    pub(in crate::identity) caller: Arc<Caller>,
    /// What they were granted for single things, until their rights are worked out.
    pub(in crate::identity) grants: Vec<Grant>,
    /// When it expires, in Unix seconds, without leeway.
    pub(in crate::identity) expires: i64,
}

impl Rules {
    /// Whether a token is of a kind that is taken (RFC 8725 section 3.11).
    pub(super) fn check_kind(&self, kind: Option<&str>) -> Result<(), Denial> {
        let said = kind.unwrap_or_default();
        // RFC 7515 section 4.1.9: `application/` may be left out.
        let short = said.get(..12).filter(|start| start.eq_ignore_ascii_case("application/"));
        let said = short.and_then(|start| said.get(start.len()..)).unwrap_or(said);
        match self.types.is_empty() || self.types.iter().any(|known| known.eq_ignore_ascii_case(said)) {
            true => Ok(()),
            false => Err(Denial::invalid("the token's `typ` is none that is taken here, such as `at+jwt`")),
        }
    }

    /// Who the token says the caller is, if it is good at this Unix time.
    pub(super) fn read(&self, claims: &Map<String, Value>, now: i64) -> Result<Verified, Denial> {
        self.check_audience(claims)?;
        let expires = date(claims, "exp")?.ok_or_else(|| Denial::invalid("the token has no `exp`"))?;
        let issued = date(claims, "iat")?.ok_or_else(|| Denial::invalid("the token has no `iat`"))?;
        let begins = date(claims, "nbf")?;
        if begins.is_none() && self.is_own {
            return Err(Denial::invalid("the token has no `nbf`"));
        }
        if issued.max(begins.unwrap_or(issued)) > now + self.leeway {
            return Err(Denial::invalid("the token is not good yet: its `iat` or `nbf` is to come"));
        }
        if now >= expires + self.leeway {
            return Err(Denial::EXPIRED);
        }
        let caller = Caller {
            tenant: self.tenant(claims)?,
            subject: self.subject(claims)?,
            roles: self.roles(claims)?,
            session: id(claims, "sid", self.is_own)?.map(SessionId::from),
            token: self.token(claims)?,
            key: None,
            issued: time(issued),
            expires: time(expires),
            rights: Rights::default(),
        };
        let grants = self.grants(claims, caller.tenant)?;
        Ok(Verified { caller: Arc::new(caller), grants, expires })
    }

    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), Denial> {
        let is_ours = |value: &Value| value.as_str() == Some(&self.audience);
        let is_for_us = match claims.get("aud") {
            Some(Value::Array(audience)) => {
                audience.iter().all(Value::is_string) && audience.iter().any(is_ours)
            }
            Some(audience) => is_ours(audience),
            None => false,
        };
        if is_for_us {
            Ok(())
        } else {
            Err(Denial::invalid("the token is not for this gateway: see its `aud`"))
        }
    }

    fn subject(&self, claims: &Map<String, Value>) -> Result<Arc<str>, Denial> {
        let subject = find(claims, &self.claims.subject).and_then(Value::as_str);
        // It is sent on in a header.
        let is_fit = |text: &&str| !text.is_empty() && text.len() <= LONGEST_SUBJECT && is_visible(text);
        let refusal = || Denial::invalid("the token's subject is missing, too long, or not of visible ASCII");
        subject.filter(is_fit).map(Arc::from).ok_or_else(refusal)
    }

    fn tenant(&self, claims: &Map<String, Value>) -> Result<TenantId, Denial> {
        let said = find(claims, &self.claims.tenant).and_then(Value::as_str).and_then(|it| it.parse().ok());
        self.tenant.or(said).ok_or_else(|| Denial::invalid("the token names no tenant by its id"))
    }

    fn token(&self, claims: &Map<String, Value>) -> Result<Option<TokenId>, Denial> {
        match id(claims, "jti", self.is_own)? {
            None if self.is_own => Err(Denial::invalid("the token has no `jti`")),
            id => Ok(id.map(TokenId::from)),
        }
    }

    /// Names that could not be sent on are left out where another issuer chose them.
    fn roles(&self, claims: &Map<String, Value>) -> Result<Arc<[Box<str>]>, Denial> {
        let refusal = || Denial::invalid("the token's roles are no list of names");
        let named: Vec<&str> = match find(claims, &self.claims.roles) {
            None => Vec::new(),
            Some(Value::Array(list)) => {
                list.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(refusal)?
            }
            Some(Value::String(words)) if !self.is_own => words.split_ascii_whitespace().collect(),
            Some(_) => return Err(refusal()),
        };
        let is_given =
            |role: &&str| self.roles.as_ref().is_none_or(|given| given.iter().any(|it| it == role));
        let (fit, unfit): (Vec<&str>, Vec<&str>) = named.into_iter().partition(|role| is_role(role));
        if fit.len() > MOST_ROLES || (self.is_own && !unfit.is_empty()) {
            return Err(refusal());
        }
        Ok(fit.into_iter().filter(is_given).map(Box::from).collect())
    }

    /// Roles for single things are had by those only whom this gateway knows: of other issuers' tokens they are not read.
    fn grants(&self, claims: &Map<String, Value>, tenant: TenantId) -> Result<Vec<Grant>, Denial> {
        let refusal = || Denial::invalid("the token's grants are no lists of things by roles");
        let Some(said) = claims.get("grants").filter(|_| self.is_own) else { return Ok(Vec::new()) };
        let mut grants = Vec::new();
        for (role, things) in said.as_object().ok_or_else(refusal)? {
            for thing in things.as_array().ok_or_else(refusal)? {
                let thing = thing.as_str().filter(|thing| is_role(role) && is_thing(thing));
                let (role, thing) = (role.clone(), thing.ok_or_else(refusal)?.to_owned());
                grants.push(Grant::of_role(tenant, &ScopedRole { role, thing }));
            }
        }
        if grants.len() > usize::from(ScopedRole::MOST) { Err(refusal()) } else { Ok(grants) }
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(super) fn is_role(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_ROLE && is_visible(name) && !name.contains(',')
}

/// What may be the id of a thing.
pub(super) fn is_thing(id: &str) -> bool {
    !id.is_empty() && id.len() <= ScopedRole::LONGEST_THING && is_visible(id)
}

/// A claim by its name, or else by the path its name is.
fn find<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(claims.get(first)?, |value, step| value.get(step))
    })
}

/// A date is a whole number of seconds here: other spellings are read differently by different readers.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Denial> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().filter(|seconds| (0..=END_OF_TIME).contains(seconds));
    let refusal = || Denial::invalid("the token's `exp`, `nbf` or `iat` is no whole number of seconds");
    seconds.map(Some).ok_or_else(refusal)
}

/// An id that is a UUID where the token was made here, and may be anything elsewhere.
fn id(claims: &Map<String, Value>, name: &str, is_own: bool) -> Result<Option<uuid::Uuid>, Denial> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    match value.as_str().and_then(|text| text.parse().ok()) {
        None if is_own => Err(Denial::invalid("the token's `jti` or `sid` is no UUID")),
        id => Ok(id),
    }
}

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}
