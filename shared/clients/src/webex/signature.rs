//! Signature of a webhook's delivery: `X-Spark-Signature`.
//! <https://developer.webex.com/docs/api/guides/webhooks>

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Header with the signature.
pub const HEADER: &str = "x-spark-signature";

/// Delivery whose signature does not match the webhook's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match")]
pub struct SignatureMismatch;

/// Verifies the HMAC-SHA1 of the body under the webhook's secret, as lowercase hex, in constant
/// time. `raw_body` is the body byte by byte, decoded from API Gateway's base64, but never
/// reserialized JSON.
pub fn verify(secret: &[u8], raw_body: &[u8], header: &str) -> Result<(), SignatureMismatch> {
    // SHA-1 is Webex's choice. HMAC takes keys of any length, so this never fails.
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).map_err(|_| SignatureMismatch)?;
    mac.update(raw_body);
    let expected: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    // The hex is compared as text, so that no second spelling of a signature counts.
    if expected.as_bytes().ct_eq(header.as_bytes()).into() {
        Ok(())
    } else {
        Err(SignatureMismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202, cases 1, 2 and 6.
    #[test]
    fn published_vectors_verify() {
        let long = [0xaa; 80];
        let vectors: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
            (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
        ];
        for (key, body, signature) in vectors {
            assert_eq!(verify(key, body, signature), Ok(()));
        }
    }

    #[test]
    fn other_signatures_are_rejected() {
        let (key, body, good) =
            (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        for signature in
            ["", "effcdf6a", &good.to_uppercase(), &format!("{good} "), &good.replace('e', "d")]
        {
            assert_eq!(verify(key, body, signature), Err(SignatureMismatch), "{signature}");
        }
        assert_eq!(verify(b"jefe", body, good), Err(SignatureMismatch));
        assert_eq!(verify(key, b"what do ya want for nothing? ", good), Err(SignatureMismatch));
    }
}
