//! How Webex's JSON is read.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// A field that may be missing, null, or in a form that its page does not show: nothing that we do depends on it.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(deserializer)?).ok())
}

/// The errors that an item of a good list can carry in place of some of its fields (`kms_failure` for a title).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ItemErrors {
    List(Vec<IgnoredAny>),
    /// Seen as an object: `{"title": {"code": "kms_failure", ...}}`.
    Map(std::collections::BTreeMap<String, IgnoredAny>),
}

impl ItemErrors {
    /// Whether something of the item is missing.
    pub(super) fn is_some(of: Option<&Self>) -> bool {
        match of {
            None => false,
            Some(Self::List(list)) => !list.is_empty(),
            Some(Self::Map(map)) => !map.is_empty(),
        }
    }
}

/// A truth value, which `/people` spells as a text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Flag {
    Plain(bool),
    Text(String),
}

impl Flag {
    /// Its value, if it is one.
    pub(super) fn value(self) -> Option<bool> {
        match self {
            Self::Plain(value) => Some(value),
            Self::Text(text) => text.parse().ok(),
        }
    }
}
