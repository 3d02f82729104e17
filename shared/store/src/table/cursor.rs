//! Cursors: the key attributes of the last item of a page, as base64 of JSON.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_dynamo::{AttributeValue, Item};

use super::{Cursor, StoreError};

impl Cursor {
    /// Returns the cursor behind the item with these key attributes.
    pub fn behind(keys: &Item) -> Result<Self, StoreError> {
        // In one order, so that equal cursors are equal texts.
        let sorted: BTreeMap<&String, &AttributeValue> = keys.iter().collect();
        let json = serde_json::to_vec(&sorted)
            .map_err(|error| StoreError::Malformed(error.to_string()))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(json)))
    }

    /// Returns the key attributes of the cursor.
    pub fn keys(&self) -> Result<Item, StoreError> {
        let refused =
            |why: String| StoreError::Refused(format!("not a cursor of this table: {why}"));
        // Cursors come back in addresses, where anyone can change them.
        let json = URL_SAFE_NO_PAD.decode(&self.0).map_err(|error| refused(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| refused(error.to_string()))
    }
}
