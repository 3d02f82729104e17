//! Random tokens, and what is stored of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Characters of a token: 256 bits as base64url.
const LENGTH: usize = 43;

/// Returns 256 random bits, as they go to a browser.
pub(crate) fn token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns `true` if a text has the form of a token.
pub(crate) fn is_token(text: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == LENGTH && text.bytes().all(is_base64)
}

/// Returns the hash that is stored of a token, so that the table alone opens no session.
pub(crate) fn hash(token: &str) -> String {
    // Without salt or repetition: no one can try 256 random bits.
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// Derives a secret for one purpose, which needs the token.
pub(crate) fn derived(token: &str, purpose: &str, of: &str) -> String {
    // HMAC accepts keys of any length.
    let mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).ok();
    // The separator keeps a purpose apart from what follows it.
    let mac = mac.map(|mac| mac.chain_update(purpose).chain_update(":").chain_update(of));
    let bytes = mac.map(|mac| mac.finalize().into_bytes());
    URL_SAFE_NO_PAD.encode(bytes.unwrap_or_default())
}

/// Compares in constant time.
pub(crate) fn are_equal(one: &str, other: &str) -> bool {
    // The time of a comparison would tell how much of a guess is right.
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_have_the_form_of_tokens() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_ne!(one, other);
        assert!(is_token(&one) && is_token(&other));
        for text in ["", "short", &format!("{one}x"), &format!("{}/", &one[1..])] {
            assert!(!is_token(text), "{text}");
        }
    }

    #[test]
    fn derived_secrets_depend_on_every_input() {
        let all = [("a", "p", "s"), ("b", "p", "s"), ("a", "q", "s"), ("a", "p", "t")];
        let derived = all.map(|(token, purpose, of)| derived(token, purpose, of));
        let derived: std::collections::BTreeSet<_> = derived.into();
        assert_eq!(derived.len(), all.len());
    }
}
