//! JSON Web Tokens: signed with RS256, and checked against a set of keys.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, PublicKey, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Signs for this simulator and nothing else, and is public with it: nothing real may trust it.
const SIGNING_KEY: &str = include_str!("keys/simulated-signing-key.pem");
/// Signs nothing. It comes first in the key set, so that a client fails that ignores `kid`.
const RETIRED_KEY: &str = include_str!("keys/simulated-retired-key.pem");
const SIGNING_ID: &str = "c2FuZGJveC1zaWducy10aGlz";
const RETIRED_ID: &str = "c2FuZGJveC1zaWduZWQtdGhhdA";

static SIGNER: LazyLock<Option<Signer>> = LazyLock::new(|| Signer::from_pem(SIGNING_KEY));

/// A private key that signs with RS256.
pub(crate) struct Signer(KeyPair);

impl Signer {
    /// Reads a PKCS#8 key; nothing if it is none.
    pub(crate) fn from_pem(pem: &str) -> Option<Self> {
        KeyPair::from_pkcs8(&der(pem)?).ok().map(Self)
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> Option<String> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        // PKCS#1 v1.5 uses no randomness: the same claims give the same token.
        let random = SystemRandom::new();
        self.0.sign(&RSA_PKCS1_SHA256, &random, content.as_bytes(), &mut signature).ok()?;
        Some(format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Returns modulus and exponent, as a JSON Web Key spells them.
    pub(crate) fn public_numbers(&self) -> PublicNumbers {
        PublicNumbers::of(self.0.public_key())
    }
}

/// Modulus and exponent of a public key, in base64url.
pub(crate) struct PublicNumbers {
    pub(crate) n: String,
    pub(crate) e: String,
}

impl PublicNumbers {
    fn of(key: &PublicKey) -> Self {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Self {
            n: encode(key.modulus().big_endian_without_leading_zero()),
            e: encode(key.exponent().big_endian_without_leading_zero()),
        }
    }
}

fn der(pem: &str) -> Option<Vec<u8>> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).ok()
}

/// Returns a token with these claims, signed by Entra; nothing if the key cannot be read.
pub(crate) fn signed(claims: &Value) -> Option<String> {
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": SIGNING_ID});
    SIGNER.as_ref()?.sign(&header, claims)
}

/// Returns the key set that Entra publishes; its keys have no `alg`.
pub(crate) fn key_set(issuer: &str) -> Value {
    let key = |id: &str, numbers: PublicNumbers| {
        json!({
            "kty": "RSA", "use": "sig", "kid": id, "x5t": id, "issuer": issuer,
            "n": numbers.n, "e": numbers.e,
        })
    };
    let retired = der(RETIRED_KEY).and_then(|der| PublicKey::from_der(&der).ok());
    let retired = retired.map(|public| key(RETIRED_ID, PublicNumbers::of(&public)));
    let signing = SIGNER.as_ref().map(|signer| key(SIGNING_ID, signer.public_numbers()));
    let keys: Vec<Value> = [retired, signing].into_iter().flatten().collect();
    json!({ "keys": keys })
}

/// A token from outside, not yet verified.
pub(crate) struct Presented<'a> {
    header: Value,
    pub(crate) claims: Value,
    content: &'a str,
    signature: Vec<u8>,
}

impl<'a> Presented<'a> {
    /// Returns nothing if the text is no token.
    pub(crate) fn read(token: &'a str) -> Option<Self> {
        let (content, signature) = token.rsplit_once('.')?;
        let (header, claims) = content.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { header: json(header)?, claims: json(claims)?, content, signature })
    }

    /// Returns `true` if the key that the header names is in the set and signed it with RS256.
    pub(crate) fn is_signed_by(&self, set: &Value) -> bool {
        let is_named = |key: &&Value| {
            key["kid"].is_string() && key["kid"] == self.header["kid"] && key["kty"] == "RSA"
        };
        let key = set["keys"].as_array().and_then(|keys| keys.iter().find(is_named));
        let number = |name: &str| URL_SAFE_NO_PAD.decode(key?[name].as_str()?).ok();
        let (Some(n), Some(e), Some("RS256")) =
            (number("n"), number("e"), self.header["alg"].as_str())
        else {
            return false;
        };
        let key = PublicKeyComponents { n, e };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, self.content.as_bytes(), &self.signature).is_ok()
    }
}
