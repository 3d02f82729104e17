//! Signatures, checked without the simulator's own code.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::browser::part;

/// Returns the claims of a token that the key named in its header signed with RS256, and no other
/// key of the set.
pub(crate) fn verified(token: &str, set: &Value) -> Value {
    let header = part(token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    let (content, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let number = |text: &Value| URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap();
    for key in set["keys"].as_array().unwrap() {
        let (kind, usage) = (&key["kty"], &key["use"]);
        assert_eq!((kind, usage, key.get("alg")), (&json!("RSA"), &json!("sig"), None));
        let public = PublicKeyComponents { n: number(&key["n"]), e: number(&key["e"]) };
        let fits =
            public.verify(&RSA_PKCS1_2048_8192_SHA256, content.as_bytes(), &signature).is_ok();
        assert_eq!(fits, key["kid"] == header["kid"]);
    }
    assert!(set["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));
    part(token, 1)
}
