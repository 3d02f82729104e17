//! Parts of Webex's JSON.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// Reads an optional field in any form. An undocumented form counts as missing, because nothing
/// depends on these fields.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(deserializer)?).ok())
}

/// Errors that an item can have in place of some of its fields (`kms_failure` for a title).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ItemErrors {
    List(Vec<IgnoredAny>),
    /// Seen as an object: `{"title": {"code": "kms_failure", ...}}`.
    Map(std::collections::BTreeMap<String, IgnoredAny>),
}

impl ItemErrors {
    /// Returns `true` if a part of the item is missing.
    pub(super) fn is_some(of: Option<&Self>) -> bool {
        match of {
            None => false,
            Some(Self::List(list)) => !list.is_empty(),
            Some(Self::Map(map)) => !map.is_empty(),
        }
    }
}

/// Boolean, which `/people` spells as a text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Flag {
    Plain(bool),
    Text(String),
}

impl Flag {
    /// Returns the value, if the text is one.
    pub(super) fn value(self) -> Option<bool> {
        match self {
            Self::Plain(value) => Some(value),
            Self::Text(text) => text.parse().ok(),
        }
    }
}
