//! Conversion between items and records.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::{AttributeValue, Item};

use super::{Key, StoreError};

impl Key {
    /// Builds a key from its two halves.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// Returns the key of an item.
    pub fn of(item: &Item) -> Option<Self> {
        match (item.get("pk"), item.get("sk")) {
            (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) => Some(Self::new(pk, sk)),
            _ => None,
        }
    }
}

/// Builds the item that stores `record` under `key`.
pub fn to_item(key: &Key, record: &impl Serialize) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(record).map_err(malformed)?;
    item.insert("pk".into(), AttributeValue::S(key.pk.clone()));
    item.insert("sk".into(), AttributeValue::S(key.sk.clone()));
    Ok(item)
}

/// Reads the record of an item.
pub fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(malformed)
}

/// Converts one attribute.
pub fn to_value(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(malformed)
}

/// Converts a time to a number that conditions and indexes can compare: milliseconds since the
/// epoch.
pub fn moment(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}

/// Times as numbers, for `#[serde(with = "...")]`.
pub mod milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the number.
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_millisecond())
    }

    /// Reads the number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_millisecond(i64::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}

fn malformed(error: serde_dynamo::Error) -> StoreError {
    StoreError::Malformed(error.to_string())
}

/// Returns a time beyond every plan, for links that ended: in the year 9987, which still fits into
/// milliseconds.
pub fn never() -> Timestamp {
    Timestamp::from_second(253_000_000_000).unwrap_or(Timestamp::MAX)
}
