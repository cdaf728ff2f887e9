//! A token taken apart: three parts in base64url without padding (RFC 7515 section 7.1), each in its one spelling.
//! Nothing here is believed yet.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::http::Strict;
use crate::identity::denial::Denial;

/// Longest token, in bytes. Larger ones are refused unread; those of known issuers have 1 to 3 kb.
pub(in crate::identity) const LONGEST: usize = 8 << 10;

/// Members of a header that name keys to believe, or say how the token is to be read: none of it is taken from the
/// token itself (RFC 8725 sections 3.1 and 3.10).
const REFUSED: [&str; 8] = ["crit", "jku", "jwk", "x5u", "x5c", "zip", "b64", "enc"];

/// A token's parts.
#[derive(Debug)]
pub(in crate::identity) struct Compact<'t> {
    /// What is signed: header and claims as they were sent.
    pub(super) message: &'t str,
    /// The signature as it was sent, in its one spelling.
    pub(super) signature: &'t str,
    /// How it says it is signed.
    pub(super) algorithm: String,
    /// By which key.
    pub(super) key: Option<String>,
    /// What it says it is.
    pub(super) kind: Option<String>,
    /// What it claims.
    pub(super) claims: Map<String, Value>,
}

impl<'t> Compact<'t> {
    /// Takes a token apart.
    pub(in crate::identity) fn parse(token: &'t str) -> Result<Self, Denial> {
        if token.len() > LONGEST {
            return Err(Denial::invalid("the token is longer than is taken here"));
        }
        let malformed = || Denial::invalid("the token is not three parts of base64url, as a signed JWT is");
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok().filter(|bytes| !bytes.is_empty());
        // The signature too: who verifies it may be less strict.
        let (header, claims) = decode(header).zip(decode(claims)).ok_or_else(malformed)?;
        decode(signature).ok_or_else(malformed)?;
        let header = object(&header);
        let mut header = header
            .ok_or_else(|| Denial::invalid("the token's header is no JSON object, or repeats a member"))?;
        if header.keys().any(|name| REFUSED.contains(&name.as_str())) {
            let detail = "the token's header has a member that is not taken from a token: `crit`, `jku`, `jwk`, \
                          `x5u`, `x5c`, `zip`, `b64` or `enc`";
            return Err(Denial::invalid(detail));
        }
        let claims = object(&claims);
        let claims = claims
            .ok_or_else(|| Denial::invalid("the token's claims are no JSON object, or repeat a member"))?;
        let algorithm = text(&mut header, "alg")?;
        Ok(Self {
            message,
            signature,
            algorithm: algorithm.ok_or_else(|| Denial::invalid("the token's header has no `alg`"))?,
            key: text(&mut header, "kid")?,
            kind: text(&mut header, "typ")?,
            claims,
        })
    }

    /// Who it says it is from.
    pub(in crate::identity) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }
}

/// The members of an object, or `None` where the bytes are no object, or one that names a member twice.
fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Strict(Value::Object(members))) => Some(members),
        Ok(Strict(_)) | Err(_) => None,
    }
}

fn text(header: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Denial> {
    match header.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Denial::invalid("the token's header has an `alg`, `kid` or `typ` that is no text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_whole_object_will_do() {
        for text in ["", "1", "[]", "{", "{}{}", "{} x", "{'a':1}", "\u{feff}{}", r#"{"a":1,"a":1}"#] {
            assert_eq!(object(text.as_bytes()), None, "{text}");
        }
        assert!(object(br#"{"a":{"b":[1,null]},"b":2}"#).is_some());
    }
}
