//! Tokens that somebody changed, made up, or signed with what is not ours: each is refused, and the original is not.

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use olympus_gateway::config::Algorithm as Way;
use olympus_gateway::identity::new_key;
use olympus_gateway::pipeline::Pipeline;
use serde_json::{Map, Value, json};

use crate::maker::{Maker, TENANT, claims, encode, rsa_key};
use crate::stage::{Folder, call, pipeline};

struct Scene {
    pipeline: Pipeline,
    maker: Maker,
    stranger: Maker,
    _keys: Folder,
}

fn scene(algorithm: Algorithm, make: &dyn Fn() -> String) -> Scene {
    let (keys, pem) = (Folder::new(), make());
    keys.write("a.pem", &pem);
    let more = format!("[auth]\nkeys_dir = {:?}\nalgorithms = [\"{algorithm:?}\"]", keys.path());
    let stranger = Maker::of(algorithm, &make());
    Scene { pipeline: pipeline(&more), maker: Maker::of(algorithm, &pem), stranger, _keys: keys }
}

fn with(mut object: Value, members: &[(&str, Value)]) -> Value {
    for (name, value) in members {
        object[*name] = value.clone();
    }
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().map(|members: &mut Map<_, _>| members.remove(name));
    object
}

type Mutations = Vec<(String, String)>;

/// Signed by the right key, with a header that no token has.
fn headers(maker: &Maker) -> Mutations {
    let mut found = Mutations::new();
    let mut add = |name: &str, header: Value| found.push((name.to_owned(), maker.sign(&header, &claims())));
    let header = || maker.header();
    for algorithm in
        ["none", "None", "NONE", "nOnE", "HS256", "HS512", "ES384", "RS512", "PS256", "ES256K", "", " "]
    {
        add(&format!("alg {algorithm:?}"), with(header(), &[("alg", json!(algorithm))]));
    }
    add(
        "alg in lower case",
        with(header(), &[("alg", json!(format!("{:?}", maker.algorithm).to_lowercase()))]),
    );
    add("alg missing", without(header(), "alg"));
    add("alg null", with(header(), &[("alg", Value::Null)]));
    add("alg a list", with(header(), &[("alg", json!([format!("{:?}", maker.algorithm)]))]));
    for kid in ["", "../../../dev/null", "' OR 1=1 --", "/etc/passwd", "file:///dev/null", "x\u{0}"] {
        add(&format!("kid {kid:?}"), with(header(), &[("kid", json!(kid))]));
    }
    add("kid missing", without(header(), "kid"));
    add("kid a number", with(header(), &[("kid", json!(1))]));
    add("kid in another case", with(header(), &[("kid", json!(swap_case(&maker.kid)))]));
    for kind in ["JWT", "jwt", "id+jwt", "logout+jwt", "olympus-identity+jwt", "", "application/jwt"] {
        add(&format!("typ {kind:?}"), with(header(), &[("typ", json!(kind))]));
    }
    add("typ missing", without(header(), "typ"));
    add("typ null", with(header(), &[("typ", Value::Null)]));
    let url = json!("https://evil.example/keys.json");
    add("crit empty", with(header(), &[("crit", json!([]))]));
    add("crit of an unknown member", with(header(), &[("crit", json!(["exp"])), ("exp", json!(1))]));
    add("b64 false", with(header(), &[("b64", json!(false)), ("crit", json!(["b64"]))]));
    add("jku", with(header(), &[("jku", url.clone())]));
    add("x5u", with(header(), &[("x5u", url)]));
    add("x5c", with(header(), &[("x5c", json!(["MIIB"]))]));
    add("jwk of the right key", with(header(), &[("jwk", maker.published())]));
    add("zip", with(header(), &[("zip", json!("DEF"))]));
    found
}

fn swap_case(text: &str) -> String {
    text.chars()
        .map(|it| if it.is_lowercase() { it.to_ascii_uppercase() } else { it.to_ascii_lowercase() })
        .collect()
}

/// Signed by the right key, with claims that no token of ours makes.
fn claimed(maker: &Maker) -> Mutations {
    let now = claims()["iat"].as_i64().unwrap();
    let mut found = Mutations::new();
    let mut add =
        |name: &str, claims: Value| found.push((name.to_owned(), maker.sign(&maker.header(), &claims)));
    for name in ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "tenant"] {
        add(&format!("{name} missing"), without(claims(), name));
        add(&format!("{name} null"), with(claims(), &[(name, Value::Null)]));
        add(&format!("{name} an object"), with(claims(), &[(name, json!({}))]));
    }
    for (name, value) in [
        ("iss", json!("Olympus")),
        ("iss", json!("olympus ")),
        ("iss", json!("https://evil.example")),
        ("iss", json!(["olympus"])),
        ("aud", json!("other")),
        ("aud", json!("Olympus")),
        ("aud", json!("")),
        ("aud", json!([])),
        ("aud", json!(["other"])),
        ("aud", json!(["olympus", 1])),
        ("exp", json!(now - 6)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!((now + 600).to_string())),
        ("exp", json!((now + 600) as f64 + 0.5)),
        ("exp", json!((now + 600) as f64)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("exp", json!("2099-01-01T00:00:00Z")),
        ("exp", json!(true)),
        ("nbf", json!(now + 60)),
        ("nbf", json!(now.to_string())),
        ("nbf", json!(now as f64)),
        ("nbf", json!(i64::MAX)),
        ("iat", json!(now + 60)),
        ("iat", json!(now.to_string())),
        ("iat", json!(now as f64)),
        ("iat", json!(i64::MIN)),
        ("sub", json!("")),
        ("sub", json!("a\r\nx-roles: platform_admin")),
        ("sub", json!("a".repeat(256))),
        ("sub", json!(1)),
        ("tenant", json!("acme")),
        ("tenant", json!(1)),
        ("tenant", json!([TENANT])),
        ("jti", json!("1")),
        ("sid", json!("1")),
        ("sid", json!(1)),
        ("roles", json!("platform_admin")),
        ("roles", json!({"admin": true})),
        ("roles", json!([1])),
        ("roles", json!(["a,platform_admin"])),
        ("roles", json!(["a\r\nb"])),
        ("roles", json!(vec!["a"; 65])),
    ] {
        let name_of = format!("{name} {}", value.to_string().chars().take(40).collect::<String>());
        add(&name_of, with(claims(), &[(name, value)]));
    }
    found
}

/// Signed by the right key, but not what a token is.
fn texts(maker: &Maker) -> Mutations {
    let (header, body) = (maker.header().to_string(), claims().to_string());
    let repeat = |text: &str, member: &str| format!("{}{member}}}", text.trim_end_matches('}'));
    let mut found: Mutations = Vec::new();
    let mut add = |name: &str, token: String| found.push((name.to_owned(), token));
    add("alg named twice", maker.sign_text(&repeat(&header, r#","alg":"none""#), &body));
    add("kid named twice", maker.sign_text(&repeat(&header, r#","kid":"x""#), &body));
    add("alg named twice by an escape", maker.sign_text(&repeat(&header, r#","\u0061lg":"none""#), &body));
    add("iss named twice", maker.sign_text(&header, &repeat(&body, r#","iss":"olympus""#)));
    add("exp named twice", maker.sign_text(&header, &repeat(&body, r#","exp":99999999999"#)));
    add("tenant named twice", maker.sign_text(&header, &repeat(&body, &format!(r#","tenant":"{TENANT}""#))));
    add("a member of a claim named twice", maker.sign_text(&header, &repeat(&body, r#","x":{"a":1,"a":2}"#)));
    add("text after the claims", maker.sign_text(&header, &format!("{body}{{}}")));
    add("text after the header", maker.sign_text(&format!("{header} x"), &body));
    add("a byte order mark before the claims", maker.sign_text(&header, &format!("\u{feff}{body}")));
    add("claims that are a list", maker.sign_text(&header, &format!("[{body}]")));
    add("claims that are a token", maker.sign_text(&header, &format!("{:?}", maker.good())));
    add("claims that are not UTF-8", maker.sign_parts(&encode(&header), &encode([b'{', 0xff, b'}'])));
    add("exp with an exponent", maker.sign_text(&header, &body.replace("\"exp\":1", "\"exp\":1e1")));
    add("exp written as -0", maker.sign_text(&header, &replaced_exp(&body, "-0")));
    add("no claims", maker.sign_parts(&encode(&header), ""));
    add("no header", maker.sign_parts("", &encode(&body)));
    add("a header with padding", maker.sign_parts(&format!("{}=", encode(&header)), &encode(&body)));
    add(
        "claims deeper than anybody reads",
        maker.sign_text(&header, &repeat(&body, &format!(r#","x":{}{}"#, "[".repeat(500), "]".repeat(500)))),
    );
    add("more than 8 kb", maker.sign(&maker.header(), &with(claims(), &[("x", json!("x".repeat(9000)))])));
    found
}

fn replaced_exp(body: &str, text: &str) -> String {
    let exp = claims()["exp"].to_string();
    let start = body.find("\"exp\":").unwrap() + 6;
    format!("{}{text}{}", &body[..start], &body[start + exp.len()..])
}

/// A good token, changed after it was signed.
fn changed(maker: &Maker, stranger: &Maker) -> Mutations {
    let good = maker.good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, body) = message.split_once('.').unwrap();
    let admin = encode(with(claims(), &[("roles", json!(["platform_admin"]))]).to_string());
    let last = signature.chars().next_back().unwrap();
    let sibling = sibling(last);
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let none = encode(with(maker.header(), &[("alg", json!("none"))]).to_string());
    let hmac = encode(with(maker.header(), &[("alg", json!("HS256"))]).to_string());
    let public = maker.published().to_string();
    let secret = EncodingKey::from_secret(public.as_bytes());
    let confused = crypto::sign(format!("{hmac}.{body}").as_bytes(), &secret, Algorithm::HS256).unwrap();
    let own_jwk = with(stranger.header(), &[("jwk", stranger.published())]);
    let pairs: Vec<(&str, String)> = vec![
        ("other claims under the same signature", format!("{header}.{admin}.{signature}")),
        ("another header under the same signature", format!("{none}.{body}.{signature}")),
        ("alg none with an empty signature", format!("{none}.{body}.")),
        ("alg none without a signature", format!("{none}.{body}")),
        ("no signature", format!("{message}.")),
        ("no signature and no dot", message.to_owned()),
        ("the public key as a secret of HS256", format!("{hmac}.{body}.{confused}")),
        ("a stranger's signature", stranger.sign(&maker.header(), &claims())),
        ("a stranger's key and name of it", stranger.good()),
        ("a stranger's key in the header", stranger.sign(&own_jwk, &claims())),
        ("signature cut by one", format!("{message}.{}", &signature[..signature.len() - 1])),
        ("signature cut by half", format!("{message}.{}", &signature[..signature.len() / 2])),
        ("signature longer", format!("{good}AAAA")),
        ("signature twice", format!("{good}{signature}")),
        ("first letter of the signature changed", format!("{message}.{flipped}{}", &signature[1..])),
        (
            "last letter with other unused bits",
            format!("{message}.{}{sibling}", &signature[..signature.len() - 1]),
        ),
        ("signature with padding", format!("{good}==")),
        ("signature in the other alphabet", format!("{message}.{}", other_alphabet(signature))),
        ("signature of zeros", format!("{message}.{}", encode(vec![0; signature.len() * 3 / 4]))),
        ("signature in DER", format!("{message}.{}", encode([0x30, 0x06, 2, 1, 1, 2, 1, 1]))),
        ("signature in hexadecimal", format!("{message}.{}", "ab".repeat(64))),
        ("a space in the signature", format!("{message}.{} {}", &signature[..8], &signature[8..])),
        ("a fourth part", format!("{good}.{signature}")),
        ("five parts, as encrypted ones have", format!("{header}..{body}.{signature}.{signature}")),
        ("a dot in front", format!(".{good}")),
        ("parts in another order", format!("{body}.{header}.{signature}")),
        ("header and claims without a token's dots", good.replace('.', "")),
        ("quotes around it", format!("\"{good}\"")),
        ("another token behind it", format!("{good} {good}")),
        ("a comma behind it", format!("{good},")),
        ("nothing", String::new()),
        ("a word", "token".to_owned()),
        ("dots", "...".to_owned()),
        ("a letter of another script", format!("{good}\u{430}")),
    ];
    pairs.into_iter().map(|(name, token)| (name.to_owned(), token)).collect()
}

/// A letter that decodes to the same bytes where it is the last one of 86 or 342.
fn sibling(last: char) -> char {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = LETTERS.find(last).unwrap();
    LETTERS.chars().nth(at ^ 1).unwrap()
}

/// With `+` and `/`, and surely one of them.
fn other_alphabet(signature: &str) -> String {
    let other = signature.replace('-', "+").replace('_', "/");
    if other == signature { format!("+{}", &signature[1..]) } else { other }
}

async fn refuses_all(algorithm: Algorithm, make: &dyn Fn() -> String) {
    let scene = scene(algorithm, make);
    let good = scene.maker.good();
    assert_eq!(call(&scene.pipeline, "/required", &good).await.word, "proxy", "{algorithm:?}");
    let sets = [
        headers(&scene.maker),
        claimed(&scene.maker),
        texts(&scene.maker),
        changed(&scene.maker, &scene.stranger),
    ];
    let mutations: Mutations = sets.into_iter().flatten().collect();
    assert!(mutations.len() >= 60, "{}", mutations.len());
    for (name, token) in &mutations {
        for path in ["/required", "/optional"] {
            let seen = call(&scene.pipeline, path, token).await;
            let code = if seen.word.ends_with("token_expired") { "token_expired" } else { "token_invalid" };
            assert_eq!(seen.word, format!("401 {code}"), "{algorithm:?}: {name} on {path}");
            let challenge = seen.header("www-authenticate");
            assert!(
                challenge.starts_with("Bearer realm=\"olympus\", error=\"invalid_token\""),
                "{challenge}"
            );
            assert!(seen.exchange.caller.is_none());
        }
    }
    assert_eq!(call(&scene.pipeline, "/required", &good).await.word, "proxy", "{algorithm:?} still");
}

#[tokio::test]
async fn no_hostile_token_of_ed25519_is_believed() {
    refuses_all(Algorithm::EdDSA, &|| new_key(Way::EdDsa).unwrap()).await;
}

#[tokio::test]
async fn no_hostile_token_of_p256_is_believed() {
    refuses_all(Algorithm::ES256, &|| new_key(Way::Es256).unwrap()).await;
}

#[tokio::test]
async fn no_hostile_token_of_rsa_is_believed() {
    refuses_all(Algorithm::RS256, &rsa_key).await;
}
