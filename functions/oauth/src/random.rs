//! What nobody can guess, and what is kept of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Characters of a token: 256 bits as base64url.
const LENGTH: usize = 43;

/// 256 random bits, as they go to a browser.
pub(crate) fn token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether a text can be a token of ours.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// What is stored of a token: whoever reads the table cannot use it.
pub(crate) fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// A secret for one purpose, which nobody without the token can make.
pub(crate) fn derived(token: &str, purpose: &str, of: &str) -> String {
    // A key of any length is taken; 256 bits never fail.
    let mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).ok();
    let mac = mac.map(|mac| mac.chain_update(purpose).chain_update(":").chain_update(of).finalize().into_bytes());
    URL_SAFE_NO_PAD.encode(mac.unwrap_or_default())
}

/// Compares in a time that does not depend on where the two differ.
pub(crate) fn are_equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_taken_for_tokens() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_ne!(one, other);
        assert!(is_token(&one) && is_token(&other));
        for text in ["", "short", &format!("{one}x"), &format!("{}/", &one[1..])] {
            assert!(!is_token(text), "{text}");
        }
    }

    #[test]
    fn what_is_derived_depends_on_all_it_is_derived_from() {
        let all = [("a", "p", "s"), ("b", "p", "s"), ("a", "q", "s"), ("a", "p", "t")];
        let derived: std::collections::BTreeSet<_> = all.map(|(token, purpose, of)| derived(token, purpose, of)).into();
        assert_eq!(derived.len(), all.len());
    }
}
