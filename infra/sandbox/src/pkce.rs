//! Proof keys for code exchange (RFC 7636). Of the two methods only S256 is taken.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::wire::Request;

/// The base64url of a SHA-256.
const CHALLENGE: usize = 43;

/// The hash of a verifier that only the asking client knows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Challenge(String);

/// The request names a challenge that is none, or another method than S256.
pub(crate) struct Malformed;

impl Challenge {
    /// The challenge of a request for a code, if it has one.
    pub(crate) fn of(call: &Request) -> Result<Option<Self>, Malformed> {
        match (call.query("code_challenge"), call.query("code_challenge_method")) {
            (None, None) => Ok(None),
            (Some(challenge), Some("S256")) if challenge.len() == CHALLENGE && plain(challenge, b"-_") => {
                Ok(Some(Self(challenge.to_owned())))
            }
            _ => Err(Malformed),
        }
    }
}

/// Whether the verifier is the one behind the challenge. Where there was no challenge there must be no verifier.
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
