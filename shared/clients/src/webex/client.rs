//! The client, and Webex's error bodies.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::http::{Access, Answer, Api, Call, CallError, Caller, InvalidBaseUrl, Transport};
use crate::wire::lenient;
use domain::clock::Clock;

/// Client of Webex's REST API. One client serves all tenants, because each call takes its
/// [`Access`].
#[derive(Clone)]
pub struct Webex(pub(super) Caller);

impl Webex {
    /// Returns a client of the API at `base`, such as `https://webexapis.com/v1`.
    ///
    /// # Errors
    /// Fails if the base is neither https nor on this machine.
    pub fn new(
        base: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidBaseUrl> {
        Caller::new(Api::Webex, base, transport, clock, refusal).map(Self)
    }

    /// Makes a call, and returns `None` for 404 and 410.
    pub(super) async fn find(
        &self,
        access: &Access,
        call: Call,
    ) -> Result<Option<Answer>, CallError> {
        match self.0.call(access, call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for Webex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Webex").field(&self.0.base()).finish()
    }
}

/// Returns `true` if the thing does not exist, or is not visible to this account.
pub(super) fn is_not_found(error: &CallError) -> bool {
    matches!(error.status(), Some(404 | 410))
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default, deserialize_with = "lenient")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    errors: Option<Vec<Reason>>,
    /// SCIM's field for the message.
    #[serde(default, deserialize_with = "lenient")]
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
}

/// Returns an empty code and the message. Webex has no codes, and its reasons often repeat the
/// message.
fn refusal(body: &[u8]) -> (String, String) {
    let Ok(ErrorBody { message, errors, detail }) = serde_json::from_slice(body) else {
        // The page of a proxy is no message of Webex.
        return Default::default();
    };
    let reason = errors.into_iter().flatten().find_map(|reason| reason.description);
    let mut words: Vec<String> = [message, reason, detail].into_iter().flatten().collect();
    // Most reasons say the message again.
    words.dedup();
    (String::new(), words.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> String {
        let (code, message) = refusal(body.as_bytes());
        assert_eq!(code, "");
        message
    }

    #[test]
    fn error_is_message_and_first_reason() {
        let body = r#"{"message":"Not allowed.","errors":[{"description":"Only moderators may."},{"description":"x"}],"trackingId":"T"}"#;
        assert_eq!(read(body), "Not allowed.: Only moderators may.");
    }

    #[test]
    fn repeated_reason_is_dropped() {
        assert_eq!(read(r#"{"message":"Gone.","errors":[{"description":"Gone."}]}"#), "Gone.");
    }

    #[test]
    fn other_bodies_are_accepted() {
        assert_eq!(
            read(r#"{"schemas":[],"detail":"No such user.","status":"404"}"#),
            "No such user."
        );
        assert_eq!(read(r#"{"message":7,"errors":{}}"#), "");
        assert_eq!(read("<html>"), "");
        assert_eq!(read(""), "");
    }
}
