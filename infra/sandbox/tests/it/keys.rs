//! Checking signatures, as an independent party would.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::browser::part;

/// The claims of a token that the key named in its header signed with RS256; no other key of the set did.
pub(crate) fn verified(token: &str, set: &Value) -> Value {
    let header = part(token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    let (content, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::try_from(&*URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let number =
        |text: &Value| BoxedUint::from_be_slice_vartime(&URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap());
    for key in set["keys"].as_array().unwrap() {
        assert_eq!((&key["kty"], &key["use"], key.get("alg")), (&json!("RSA"), &json!("sig"), None));
        let public = PublicKey::new(number(&key["n"]), number(&key["e"])).unwrap();
        let fits = VerifyingKey::<Sha256>::new(public).verify(content.as_bytes(), &signature).is_ok();
        assert_eq!(fits, key["kid"] == header["kid"]);
    }
    assert!(set["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));
    part(token, 1)
}
