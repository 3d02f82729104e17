//! Proof keys for code exchange (RFC 7636), with the method S256 only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::wire::Request;

/// Length of a SHA-256 in base64url.
const CHALLENGE: usize = 43;

/// Hash of a verifier that only the client knows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Challenge(String);

/// Error for a malformed challenge, or another method than S256.
pub(crate) struct Malformed;

impl Challenge {
    /// Returns the challenge of a request for a code, if it has one.
    pub(crate) fn of(call: &Request) -> Result<Option<Self>, Malformed> {
        match (call.query("code_challenge"), call.query("code_challenge_method")) {
            (None, None) => Ok(None),
            (Some(challenge), Some("S256"))
                if challenge.len() == CHALLENGE && plain(challenge, b"-_") =>
            {
                Ok(Some(Self(challenge.to_owned())))
            }
            _ => Err(Malformed),
        }
    }
}

/// Returns `true` if the verifier fits the challenge. Without a challenge there must be no
/// verifier.
pub(crate) fn proves(verifier: Option<&str>, challenge: Option<&Challenge>) -> bool {
    match (verifier, challenge) {
        (None, None) => true,
        (Some(verifier), Some(challenge)) => {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
            (43..=128).contains(&verifier.len()) && plain(verifier, b"-._~") && hash == challenge.0
        }
        _ => false,
    }
}

fn plain(text: &str, and: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || and.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_a_pair() {
        let challenge = Challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into());
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(proves(Some(verifier), Some(&challenge)));
        assert!(!proves(Some(&verifier.replace('d', "e")), Some(&challenge)));
        assert!(!proves(None, Some(&challenge)));
        assert!(!proves(Some(verifier), None));
    }
}
