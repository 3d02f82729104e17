//! Tokens that somebody may have made himself.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::id_token::{Expected, Keys, check};
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use rsa::{PrivateKey, PublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::noon;

/// Signs in simulations and nowhere else.
const KEY: &str = include_str!("../../../infra/sandbox/src/simulated-issuer-key.pem");
const ISSUER: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"simulated"}"#;

static SIGNER: LazyLock<SigningKey<Sha256>> =
    LazyLock::new(|| SigningKey::new(PrivateKey::from_pkcs8_pem(KEY).unwrap()));

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let key = PublicKey::from(SIGNER.as_ref());
    let (n, e) = (URL_SAFE_NO_PAD.encode(key.n_bytes()), URL_SAFE_NO_PAD.encode(key.e_bytes()));
    serde_json::from_value(json!({"keys": [{"kid": "simulated", "kty": "RSA", "n": n, "e": e, "issuer": ISSUER}]}))
        .unwrap()
});

/// As a token, no text proves anything; neither does it as the claims of one with somebody else's signature. As claims that the issuer signed, it proves only what is
/// said for this app, this sign-in and this moment.
pub fn id_token(text: &[u8]) {
    let expected = Expected { issuer: ISSUER, client_id: "client", nonce: "nonce", now: noon() };
    let is_refused = |token: &str| assert!(check(token, &KEYS, &expected).is_err(), "{token}");
    is_refused(&String::from_utf8_lossy(text));
    let part = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let claims = part(text);
    is_refused(&format!("{}.{claims}.{}", part(HEADER.as_bytes()), part(&[7; 256])));
    is_refused(&format!("{}.{claims}.", part(HEADER.replace("RS256", "none").as_bytes())));
    is_refused(&format!("{}.{claims}.{}", part(text), part(text)));
    // Signing takes its time: what is no object cannot be claims.
    let Ok(said @ Value::Object(_)) = serde_json::from_slice(text) else { return };
    let content = format!("{}.{claims}", part(HEADER.as_bytes()));
    let signature = part(&SIGNER.sign(content.as_bytes()).to_bytes());
    is_refused(&format!("{content}x.{signature}"));
    let Ok(signed_in) = check(&format!("{content}.{signature}"), &KEYS, &expected) else { return };
    let directory = signed_in.directory.to_string();
    assert_eq!(said["iss"].as_str(), Some(ISSUER.replace("{tenantid}", &directory).as_str()));
    assert_eq!(said["nonce"], "nonce");
    assert!(said["aud"] == "client" || said["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == "client")));
    let second = |name: &str| said[name].as_i64();
    assert!(second("exp").unwrap() + 300 > noon().as_second());
    assert!(second("nbf").is_none_or(|nbf| nbf - 300 <= noon().as_second()));
    assert!(!signed_in.is_administrator() || said["wids"].is_array());
    assert!(!signed_in.is_fresh(noon()) || second("auth_time").is_some_and(|at| at + 900 > noon().as_second()));
}
