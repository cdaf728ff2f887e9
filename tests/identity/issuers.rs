//! Other issuers: with a key of their own in a file, and with claims under other names.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use olympus_gateway::config::Algorithm as Way;
use olympus_gateway::identity::new_key;
use olympus_gateway::model::Permission;
use olympus_gateway::pipeline::Pipeline;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::maker::{Maker, TENANT, claims};
use crate::stage::{Folder, call, pipeline};

/// An issuer's key, and the file of its public half.
fn issuer() -> (Folder, Maker) {
    let folder = Folder::new();
    let maker = Maker::of(Algorithm::EdDSA, &new_key(Way::EdDsa).unwrap());
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(maker.key.as_bytes()).unwrap();
    // What every Ed25519 key of RFC 8410 begins with.
    let beginning = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let der = [&beginning, pair.public_key().as_ref()].concat();
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    folder.write("public.pem", &format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"));
    (folder, maker)
}

fn pipeline_with(folder: &Folder, more: &str) -> Pipeline {
    let file = folder.path().join("public.pem");
    pipeline(&format!("[auth.issuers.partner]\nissuer = \"partner\"\nkey_file = {file:?}\n{more}"))
}

fn partner(members: &[(&str, Value)]) -> Value {
    let mut claims = claims();
    claims["iss"] = json!("partner");
    for (name, value) in members {
        claims[*name] = value.clone();
    }
    claims
}

async fn word(pipeline: &Pipeline, maker: &Maker, claims: &Value) -> String {
    call(pipeline, "/required", &maker.sign(&maker.header(), claims)).await.word
}

#[tokio::test]
async fn a_static_key_verifies_whatever_it_is_called() {
    let (folder, maker) = issuer();
    let pipeline = pipeline_with(&folder, "");
    let (mut renamed, mut unnamed) = (maker.header(), maker.header());
    renamed["kid"] = json!("anything");
    unnamed.as_object_mut().unwrap().remove("kid");
    for header in [renamed, unnamed] {
        let seen = call(&pipeline, "/required", &maker.sign(&header, &partner(&[]))).await;
        assert_eq!(seen.word, "proxy", "{header}");
    }
    let own = word(&pipeline, &maker, &claims()).await;
    assert_eq!(own, "401 token_invalid", "it may not speak for others");
}

#[tokio::test]
async fn claims_have_the_names_the_issuer_gives_them() {
    let (folder, maker) = issuer();
    let names = "claims = { subject = \"https://partner.example/user\", tenant = \"org.id\", roles = \"scope\" }\n\
                 roles = [\"member\"]\naudience = \"shop\"\ntypes = [\"JWT\"]";
    let pipeline = pipeline_with(&folder, names);
    let said = partner(&[
        ("https://partner.example/user", json!("p-1")),
        ("org", json!({"id": TENANT})),
        ("scope", json!("member platform_admin")),
        ("aud", json!(["x", "shop"])),
        ("jti", json!("no uuid")),
    ]);
    let mut header = maker.header();
    header["typ"] = json!("jwt");
    let seen = call(&pipeline, "/required", &maker.sign(&header, &said)).await;
    let caller = seen.exchange.caller.expect(&seen.word);
    assert_eq!((&*caller.subject, caller.tenant.to_string().as_str()), ("p-1", TENANT));
    assert_eq!(caller.roles.iter().map(|role| &**role).collect::<Vec<_>>(), ["member"]);
    assert_eq!(caller.token, None);
}

#[tokio::test]
async fn an_issuer_gives_no_roles_for_single_things() {
    let (folder, maker) = issuer();
    let pipeline = pipeline_with(&folder, "");
    let said = partner(&[("roles", json!([])), ("grants", json!({"manager": ["o-1"]}))]);
    let caller = call(&pipeline, "/required", &maker.sign(&maker.header(), &said)).await.exchange.caller;
    assert!(!caller.unwrap().rights.may_some(Permission::OrdersUpdate));
}

#[tokio::test]
async fn a_fixed_tenant_leaves_no_choice() {
    let (folder, maker) = issuer();
    let other = "01890a5d-ac96-774b-bcce-b30209900000";
    let pipeline = pipeline_with(&folder, &format!("tenant = {other:?}"));
    let token = maker.sign(&maker.header(), &partner(&[]));
    let seen = call(&pipeline, "/required", &token).await;
    assert_eq!(seen.exchange.caller.unwrap().tenant.to_string(), other);
}

#[tokio::test]
async fn an_issuers_algorithms_are_not_a_tokens_to_choose() {
    let (folder, maker) = issuer();
    let file = folder.path().join("public.pem");
    let more = format!(
        "[auth.issuers.partner]\nissuer = \"partner\"\nkey_file = {file:?}\nalgorithms = [\"RS256\"]"
    );
    let settings = crate::stage::settings(&more);
    let made = olympus_gateway::identity::Authenticator::new(&settings, Default::default());
    assert!(made.unwrap_err().to_string().contains("signs in no way"));
    let jwk: Jwk = serde_json::from_value(maker.published()).unwrap();
    assert!(jwk.is_supported());
}
