//! Parts of Webex's JSON.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Errors that an item can have in place of some of its fields (`kms_failure` for a title).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ItemErrors {
    List(Vec<IgnoredAny>),
    /// Seen as an object: `{"title": {"code": "kms_failure", ...}}`.
    Map(std::collections::BTreeMap<String, IgnoredAny>),
    /// Another form, which says at least that something is wrong.
    Other(IgnoredAny),
}

impl ItemErrors {
    /// Returns `true` if a part of the item is missing.
    pub(super) fn is_some(of: Option<&Self>) -> bool {
        match of {
            None => false,
            Some(Self::List(list)) => !list.is_empty(),
            Some(Self::Map(map)) => !map.is_empty(),
            Some(Self::Other(_)) => true,
        }
    }
}
