//! Makes tokens, good and bad: the good one first, then whatever a test changes.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

pub(crate) const TENANT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
pub(crate) const SESSION: &str = "01890a5d-ac96-774b-bcce-b302099a8058";
pub(crate) const TOKEN: &str = "01890a5d-ac96-774b-bcce-b302099a8059";

/// A private key and how it signs.
pub(crate) struct Maker {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: EncodingKey,
    pub(crate) kid: String,
}

impl Maker {
    /// From a private key in PEM, as the gateway reads it.
    pub(crate) fn of(algorithm: Algorithm, pem: &str) -> Self {
        let pem = pem.as_bytes();
        let readers = [EncodingKey::from_ed_pem, EncodingKey::from_ec_pem, EncodingKey::from_rsa_pem];
        let key = readers.iter().find_map(|read| read(pem).ok());
        let key = key.unwrap();
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, algorithm).unwrap();
        let kid = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
        Self { algorithm, key, kid }
    }

    /// Its public key, as an issuer publishes it.
    pub(crate) fn published(&self) -> Value {
        let mut jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_value(jwk).unwrap()
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": format!("{:?}", self.algorithm), "kid": self.kid, "typ": "at+jwt"})
    }

    /// A token of this header and these claims, signed.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// The same of texts that need not be JSON.
    pub(crate) fn sign_text(&self, header: &str, claims: &str) -> String {
        self.sign_parts(&encode(header), &encode(claims))
    }

    /// The same of parts that need not be base64url.
    pub(crate) fn sign_parts(&self, header: &str, claims: &str) -> String {
        let message = format!("{header}.{claims}");
        let signature = crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }

    pub(crate) fn good(&self) -> String {
        self.sign(&self.header(), &claims())
    }
}

pub(crate) fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// What a good token says.
pub(crate) fn claims() -> Value {
    let now = Utc::now().timestamp();
    json!({
        "iss": "olympus", "aud": "olympus", "sub": "ada", "tenant": TENANT, "roles": ["manager", "member"],
        "exp": now + 600, "nbf": now, "iat": now, "jti": TOKEN, "sid": SESSION,
    })
}

/// A new RSA key of 2048 bits, in PEM.
pub(crate) fn rsa_key() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
}
