//! JSON Web Tokens, signed with RS256 and checked against a set of keys.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use rsa::signature::{SignatureEncoding, Signer, Verifier};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PrivateKey, PublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

/// Signs for this simulator and nothing else, and is public with it: never to be trusted by anything real.
const SIGNING_KEY: &str = include_str!("simulated-signing-key.pem");
/// Stands in the set beside the other and signs nothing: whoever takes the first key of a set instead of the named one fails.
const RETIRED_KEY: &str = include_str!("simulated-retired-key.pem");
const SIGNING_ID: &str = "c2FuZGJveC1zaWducy10aGlz";
const RETIRED_ID: &str = "c2FuZGJveC1zaWduZWQtdGhhdA";

static SIGNER: LazyLock<Option<SigningKey<Sha256>>> =
    LazyLock::new(|| Some(SigningKey::new(PrivateKey::from_pkcs8_pem(SIGNING_KEY).ok()?)));

/// A token with these claims; nothing if the key cannot be read.
pub(super) fn signed(claims: &Value) -> Option<String> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": SIGNING_ID});
    let content = format!("{}.{}", part(&header), part(claims));
    let signature = SIGNER.as_ref()?.try_sign(content.as_bytes()).ok()?;
    Some(format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))
}

/// The set that Entra publishes, in which keys bear no `alg`.
pub(super) fn key_set(issuer: &str) -> Value {
    let shown = |id: &str, key: &PublicKey| {
        json!({
            "kty": "RSA", "use": "sig", "kid": id, "x5t": id, "issuer": issuer,
            "n": URL_SAFE_NO_PAD.encode(key.n_bytes()), "e": URL_SAFE_NO_PAD.encode(key.e_bytes()),
        })
    };
    let retired = PublicKey::from_public_key_pem(RETIRED_KEY).ok().map(|key| shown(RETIRED_ID, &key));
    let signing = SIGNER.as_ref().map(|key| shown(SIGNING_ID, &PublicKey::from(key.as_ref())));
    let keys: Vec<Value> = [retired, signing].into_iter().flatten().collect();
    json!({ "keys": keys })
}

/// Somebody else's token, not yet believed.
pub(super) struct Presented<'a> {
    header: Value,
    pub(super) claims: Value,
    content: &'a str,
    signature: Vec<u8>,
}

impl<'a> Presented<'a> {
    /// Nothing where it is no token.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        let (content, signature) = token.rsplit_once('.')?;
        let (header, claims) = content.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { header: json(header)?, claims: json(claims)?, content, signature })
    }

    /// Whether the key of the set that its header names signed it, with RS256.
    pub(super) fn is_signed_by(&self, set: &Value) -> bool {
        let named = |key: &&Value| key["kid"].is_string() && key["kid"] == self.header["kid"] && key["kty"] == "RSA";
        let key = set["keys"].as_array().and_then(|keys| keys.iter().find(named));
        let number = |name: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(key?[name].as_str()?).ok()?;
            Some(BoxedUint::from_be_slice_vartime(&bytes))
        };
        let key = number("n").zip(number("e")).and_then(|(n, e)| PublicKey::new(n, e).ok());
        let signature = Signature::try_from(self.signature.as_slice()).ok();
        let (Some(key), Some(signature), Some("RS256")) = (key, signature, self.header["alg"].as_str()) else {
            return false;
        };
        VerifyingKey::<Sha256>::new(key).verify(self.content.as_bytes(), &signature).is_ok()
    }
}
