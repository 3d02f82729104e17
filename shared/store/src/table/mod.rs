//! The table: a few operations with conditions. The code above this gives the items their meaning,
//! once for all implementations.
//!
//! # Guarantees
//! Reads of items are strongly consistent; index queries may lag. A write happens completely if all
//! of its conditions hold, and not at all otherwise.
//!
//! An item whose `expires_at` (epoch seconds) has passed is never returned, and counts as absent in
//! conditions, even before the service deletes it. Only an update may still find its old
//! attributes.
//!
//! A write whose answer was lost may be sent a second time. Then `Add` can count twice, and a
//! condition can fail because of the first one.
//!
//! # Assumptions
//! An index holds the items that have both of its attributes. An index query returns only these
//! attributes, the keys and `expires_at`.

mod cursor;
pub mod limits;
pub mod memory;
mod record;

pub use record::{from_item, milliseconds, moment, never, to_item, to_value};

use async_trait::async_trait;
use jiff::Timestamp;
pub use serde_dynamo::{AttributeValue, Item};

/// Primary key of an item: its attributes `pk` and `sk`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// Condition of a write on the item.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// No condition.
    Any,
    /// The item does not exist.
    Absent,
    /// The item exists and passes all tests.
    Holds(Vec<Test>),
    /// The item does not exist, or passes all tests.
    AbsentOr(Vec<Test>),
}

/// Test of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The attribute equals this value.
    Equals(&'static str, AttributeValue),
    /// The attribute is a number below this one.
    Below(&'static str, i64),
    /// The attribute does not exist.
    Missing(&'static str),
    /// The attribute does not exist, or is a number below this one.
    MissingOrBelow(&'static str, i64),
}

/// Change of one attribute. It creates an item that does not exist.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Sets the attribute.
    Set(&'static str, AttributeValue),
    /// Adds to the number, starting at 0.
    Add(&'static str, i64),
    /// Removes the attribute.
    Remove(&'static str),
}

/// One part of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Replaces the whole item.
    Put(Item, Condition),
    /// Changes some attributes of an item.
    Update(Key, Vec<Change>, Condition),
    /// Deletes the item. A missing item is no error.
    Delete(Key, Condition),
    /// Changes nothing, but requires the condition.
    Check(Key, Condition),
}

/// Range of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// A partition of the table by ascending sort key, limited to a prefix ("" for all).
    Partition {
        /// Partition key.
        pk: String,
        /// Prefix of the sort key.
        prefix: String,
    },
    /// `gsi1`: a partition (`gsi1pk`) by its ascending number (`gsi1sk`), up to and including
    /// `at_most`.
    Due {
        /// Partition of the index.
        pk: String,
        /// Highest number.
        at_most: i64,
    },
    /// `gsi2`: a partition (`gsi2pk`) by its ascending text (`gsi2sk`), limited to a prefix.
    Listed {
        /// Partition of the index.
        pk: String,
        /// Prefix of the text.
        prefix: String,
    },
}

impl Query {
    /// Returns the attributes that define the order of this query.
    fn key_attributes(&self) -> &'static [&'static str] {
        match self {
            Self::Partition { .. } => &["pk", "sk"],
            // Many items share a place in an index, so the table's own key tells them apart.
            Self::Due { .. } => &["pk", "sk", "gsi1pk", "gsi1sk"],
            Self::Listed { .. } => &["pk", "sk", "gsi2pk", "gsi2sk"],
        }
    }
}

/// Start of the next page of a query. Opaque; can be stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// One page of a query. A page can be empty although there is a next one.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Items in order.
    pub items: Vec<Item>,
    /// Start of the next page. `None` at the end.
    pub next: Option<Cursor>,
}

/// Error of the table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold; nothing was written.
    #[error("the item is not as expected")]
    ConditionFailed,
    /// Another transaction has the same items, or the table is throttled. A retry helps.
    #[error("the table is busy: {0}")]
    Busy(String),
    /// The request can never succeed: an item is too large, or a key too long.
    #[error("the table refused: {0}")]
    Refused(String),
    /// The service does not let us use the table.
    #[error("the table is not ours to use: {0}")]
    Denied(String),
    /// An item has a format that this program does not write.
    #[error("an item cannot be understood: {0}")]
    Malformed(String),
}

/// Extent of an error of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorClass {
    /// The table as a whole: the same request can succeed later.
    Table,
    /// The items of the request: it fails again, and other requests do not.
    Item,
}

impl StoreError {
    /// Returns the extent of the error.
    pub fn class(&self) -> StoreErrorClass {
        match self {
            // Rights belong to the whole table, and an operator can give them back.
            Self::ConditionFailed | Self::Busy(_) | Self::Denied(_) => StoreErrorClass::Table,
            Self::Refused(_) | Self::Malformed(_) => StoreErrorClass::Item,
        }
    }
}

/// Attribute with the time, in epoch seconds, at which an item expires.
pub const EXPIRES_AT: &str = "expires_at";

/// Maximum number of writes in one transaction, a limit of DynamoDB.
pub const TRANSACTION_LIMIT: usize = 100;

/// The table.
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns one item.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;
    /// Returns those of the items that exist, in no order. Takes any number of keys, and reads
    /// repeated keys once.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError>;
    /// Returns one page of at most `limit` items (at least 1), from `start` or the beginning. The
    /// service also ends a page at 1 MB.
    async fn query(
        &self,
        query: &Query,
        limit: usize,
        start: Option<&Cursor>,
    ) -> Result<Page, StoreError>;
    /// Changes one item and returns all of it as it is then. Takes at least one change, and at most
    /// one for each attribute.
    async fn update(
        &self,
        key: &Key,
        changes: Vec<Change>,
        condition: Condition,
    ) -> Result<Item, StoreError>;
    /// Does all writes or none: at most [`TRANSACTION_LIMIT`], each on a different item. A single
    /// write is no transaction.
    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError>;
}

/// Returns `true` if the item has not expired at `now`.
pub fn is_live(item: &Item, now: Timestamp) -> bool {
    match item.get(EXPIRES_AT) {
        None => true,
        Some(AttributeValue::N(end)) => end.parse().is_ok_and(|end: i64| end > now.as_second()),
        Some(_) => false,
    }
}
