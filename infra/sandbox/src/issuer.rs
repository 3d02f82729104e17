//! Somebody outside who vouches for an app, as AWS STS does for a role: what a [`FederatedCredential`](crate::FederatedCredential) trusts.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use rsa::{PrivateKey, PublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

/// Vouches in simulations and nowhere else, and is public with them: never to be trusted by anything real.
const KEY: &str = include_str!("simulated-issuer-key.pem");

static ISSUER: LazyLock<Option<PrivateKey>> = LazyLock::new(|| PrivateKey::from_pkcs8_pem(KEY).ok());

/// The header of its tokens.
pub fn issuer_header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": "outside"})
}

/// What it publishes: a JSON Web Key Set.
pub fn issuer_keys() -> Value {
    let key = ISSUER.as_ref().map(|key| {
        let key = PublicKey::from(key);
        let (n, e) = (URL_SAFE_NO_PAD.encode(key.n_bytes()), URL_SAFE_NO_PAD.encode(key.e_bytes()));
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "outside", "n": n, "e": e})
    });
    json!({"keys": key.as_slice()})
}

/// A token of its own; nothing if the key cannot be read.
pub fn issued(header: &Value, claims: &Value) -> Option<String> {
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let content = format!("{}.{}", encoded(header), encoded(claims));
    let signature = SigningKey::<Sha256>::new(ISSUER.clone()?).try_sign(content.as_bytes()).ok()?;
    Some(format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))
}
