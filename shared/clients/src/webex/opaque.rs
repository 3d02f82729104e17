//! Ids that we only pass back to Webex.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that cannot be a path segment unescaped, so it is no Webex id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: {0:?}")]
pub struct InvalidOpaqueId(pub String);

/// Returns `true` for the characters of Webex's ids: uuids, and base64 in either alphabet without
/// the slash.
pub(super) fn is_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    !text.is_empty() && text.len() <= 1000 && text.bytes().all(is_allowed)
}

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = InvalidOpaqueId;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                if is_id(&text) {
                    return Ok(Self(text));
                }
                // Cut, because the text comes from outside and ends up in a log.
                Err(InvalidOpaqueId(text.chars().take(200).collect()))
            }
        }
        impl FromStr for $name {
            type Err = InvalidOpaqueId;
            fn from_str(text: &str) -> Result<Self, Self::Err> { text.to_owned().try_into() }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self { id.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
    )+};
}

opaque! {
    /// Id of a membership of a space.
    MembershipId;
    /// Id of a webhook.
    WebhookId;
    /// Id of a link between a folder and a space.
    LinkedFolderId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_syntax_is_no_id() {
        for text in ["", ".", "..", "a/b", "%2e%2e", "a?b", "a#b", "a b"] {
            assert!(text.parse::<MembershipId>().is_err(), "{text}");
        }
        assert_eq!("Y2lz-_9=".parse::<MembershipId>().unwrap().to_string(), "Y2lz-_9=");
    }
}
