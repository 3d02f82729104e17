//! An issuer outside of Entra that vouches for an app, as AWS STS does for a role.
//! A [`FederatedCredential`](crate::FederatedCredential) trusts it.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::jwt::Signer;

/// Signs in simulations and nowhere else, and is public with them: nothing real may trust it.
const KEY: &str = include_str!("keys/simulated-issuer-key.pem");

static SIGNER: LazyLock<Option<Signer>> = LazyLock::new(|| Signer::from_pem(KEY));

/// Returns the header of the issuer's tokens.
pub fn issuer_header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": "outside"})
}

/// Returns the JSON Web Key Set that the issuer publishes.
pub fn issuer_keys() -> Value {
    let key = SIGNER.as_ref().map(|signer| {
        let numbers = signer.public_numbers();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "outside",
            "n": numbers.n, "e": numbers.e,
        })
    });
    json!({"keys": key.as_slice()})
}

/// Returns a token of the issuer; nothing if its key cannot be read.
pub fn issue_token(header: &Value, claims: &Value) -> Option<String> {
    SIGNER.as_ref()?.sign(header, claims)
}
