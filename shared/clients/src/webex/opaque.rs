//! Ids that are only handed back to Webex.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that cannot be part of a path as it stands, so that it is no id of Webex's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: {0:?}")]
pub struct InvalidOpaqueId(pub String);

/// Whether this is what Webex's ids are made of: base64, in either alphabet but for the slash, or a uuid.
pub(super) fn is_id(text: &str) -> bool {
    let is_of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    !text.is_empty() && text.len() <= 1000 && text.bytes().all(is_of_an_id)
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
                if is_id(&text) { Ok(Self(text)) } else { Err(InvalidOpaqueId(text.chars().take(200).collect())) }
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
    /// A membership of a space.
    MembershipId;
    /// A webhook.
    WebhookId;
    /// A folder's being linked to a space.
    LinkedFolderId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_lead_to_another_path_is_no_id() {
        for text in ["", ".", "..", "a/b", "%2e%2e", "a?b", "a#b", "a b"] {
            assert!(text.parse::<MembershipId>().is_err(), "{text}");
        }
        assert_eq!("Y2lz-_9=".parse::<MembershipId>().unwrap().to_string(), "Y2lz-_9=");
    }
}
