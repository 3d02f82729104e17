//! Identity tokens, forged and real.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use oauth::id_token::{Expected, Keys, check};
use serde_json::{Value, json};

use crate::noon;

/// The signing key of the simulator.
const KEY: &str = include_str!("../../../infra/sim/src/keys/simulated-issuer-key.pem");
const ISSUER: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"simulated"}"#;

static SIGNER: LazyLock<KeyPair> = LazyLock::new(|| {
    let lines = KEY.lines().filter(|line| !line.starts_with("-----"));
    KeyPair::from_pkcs8(&STANDARD.decode(lines.collect::<String>()).unwrap()).unwrap()
});

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let key = SIGNER.public_key();
    let n = URL_SAFE_NO_PAD.encode(key.modulus().big_endian_without_leading_zero());
    let e = URL_SAFE_NO_PAD.encode(key.exponent().big_endian_without_leading_zero());
    serde_json::from_value(
        json!({"keys": [{"kid": "simulated", "kty": "RSA", "n": n, "e": e, "issuer": ISSUER}]}),
    )
    .unwrap()
});

/// Checks any text as a token, and as claims. A token without the issuer's signature proves
/// nothing; signed claims prove only this app, this sign-in and this time.
pub fn id_token(text: &[u8]) {
    let expected = Expected { issuer: ISSUER, client_id: "client", nonce: "nonce", now: noon() };
    let is_refused = |token: &str| assert!(check(token, &KEYS, &expected).is_err(), "{token}");
    is_refused(&String::from_utf8_lossy(text));
    let part = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let claims = part(text);
    is_refused(&format!("{}.{claims}.{}", part(HEADER.as_bytes()), part(&[7; 256])));
    is_refused(&format!("{}.{claims}.", part(HEADER.replace("RS256", "none").as_bytes())));
    is_refused(&format!("{}.{claims}.{}", part(text), part(text)));
    // Signing is slow, and only objects can be claims.
    let Ok(said @ Value::Object(_)) = serde_json::from_slice(text) else {
        return;
    };
    let content = format!("{}.{claims}", part(HEADER.as_bytes()));
    let signature = part(&signed(&content));
    is_refused(&format!("{content}x.{signature}"));
    let Ok(signed_in) = check(&format!("{content}.{signature}"), &KEYS, &expected) else {
        return;
    };
    let directory = signed_in.directory.to_string();
    assert_eq!(said["iss"].as_str(), Some(ISSUER.replace("{tenantid}", &directory).as_str()));
    assert_eq!(said["nonce"], "nonce");
    assert!(
        said["aud"] == "client"
            || said["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == "client"))
    );
    let second = |name: &str| said[name].as_i64();
    assert!(second("exp").unwrap() + 300 > noon().as_second());
    assert!(second("nbf").is_none_or(|nbf| nbf - 300 <= noon().as_second()));
    assert!(!signed_in.is_administrator() || said["wids"].is_array());
    assert!(
        !signed_in.is_fresh(noon())
            || second("auth_time").is_some_and(|at| at + 900 > noon().as_second())
    );
}

/// Returns the issuer's RS256 signature.
fn signed(content: &str) -> Vec<u8> {
    let mut signature = vec![0; SIGNER.public_modulus_len()];
    let random = SystemRandom::new();
    SIGNER.sign(&RSA_PKCS1_SHA256, &random, content.as_bytes(), &mut signature).unwrap();
    signature
}
