//! The table: a handful of operations with conditions. What the items mean is written above this, once, for every implementation.
//!
//! # Guarantees
//! Reads of items are strongly consistent; index queries may lag. A write happens if all of its conditions hold, else nothing of it does. An item whose `expires_at`
//! (epoch seconds) has passed is never returned and counts as absent for conditions, whether or not the service has taken it away yet; only an update may still find
//! its old attributes. A write whose answer was lost may be sent a second time: `Add` can then count twice, and a condition can fail because the first one did it.
//!
//! # Assumptions
//! The indexes hold the items that have both of an index's attributes, and of each its keys and `expires_at`: so much, and no more, an index query returns.

mod cursor;
pub mod limits;
pub mod memory;
mod record;

pub use record::{from_item, milliseconds, moment, never, to_item, to_value};

use async_trait::async_trait;
use jiff::Timestamp;
pub use serde_dynamo::{AttributeValue, Item};

/// The two halves of an item's primary key, its attributes `pk` and `sk`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// What must hold of an item for a write to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Nothing.
    Any,
    /// There is no such item.
    Absent,
    /// There is such an item, and all of these hold of its attributes.
    Holds(Vec<Test>),
}

/// A statement about one attribute of an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The attribute is there and equal to this.
    Equals(&'static str, AttributeValue),
    /// The attribute is there, a number, and below this.
    Below(&'static str, i64),
    /// The attribute is not there.
    Missing(&'static str),
}

/// A change to one attribute of an item. On an item that does not exist, it makes one.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The attribute becomes this.
    Set(&'static str, AttributeValue),
    /// The number grows by this much, from 0 where there was none.
    Add(&'static str, i64),
    /// The attribute goes.
    Remove(&'static str),
}

/// One part of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// The whole item, in the place of what was there.
    Put(Item, Condition),
    /// Some attributes of an item.
    Update(Key, Vec<Change>, Condition),
    /// The item goes; one that does not exist is gone already.
    Delete(Key, Condition),
    /// No change, but the condition must hold.
    Check(Key, Condition),
}

/// Where a query looks.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// A partition of the table, by sort key ascending, those that begin with the prefix ("" for all).
    Partition {
        /// The partition.
        pk: String,
        /// What the sort key begins with.
        prefix: String,
    },
    /// `gsi1`: a partition (`gsi1pk`) by its number (`gsi1sk`) ascending, up to and with `at_most`.
    Due {
        /// The index's partition.
        pk: String,
        /// The highest number.
        at_most: i64,
    },
    /// `gsi2`: a partition (`gsi2pk`) by its text (`gsi2sk`) ascending, those that begin with the prefix.
    Listed {
        /// The index's partition.
        pk: String,
        /// What the text begins with.
        prefix: String,
    },
}

impl Query {
    /// The attributes that say where an item stands in the order of this query.
    fn key_attributes(&self) -> &'static [&'static str] {
        match self {
            Self::Partition { .. } => &["pk", "sk"],
            Self::Due { .. } => &["pk", "sk", "gsi1pk", "gsi1sk"],
            Self::Listed { .. } => &["pk", "sk", "gsi2pk", "gsi2sk"],
        }
    }
}

/// Where the next page of a query begins. Opaque; can be stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// One page of a query. A page may be empty although there is a next one.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The items, in order.
    pub items: Vec<Item>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Why the table did not do it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold; nothing was written.
    #[error("the item is not as expected")]
    ConditionFailed,
    /// Another transaction was at the same items, or the table is throttled: trying again helps.
    #[error("the table is busy: {0}")]
    Busy(String),
    /// The request can never succeed, or the service refused it.
    #[error("the table refused: {0}")]
    Refused(String),
    /// An item is not what this program writes.
    #[error("an item cannot be understood: {0}")]
    Malformed(String),
}

/// The attribute at whose time, in epoch seconds, an item is gone.
pub const EXPIRES_AT: &str = "expires_at";

/// Most writes in one transaction (DynamoDB's own limit).
pub const TRANSACTION_LIMIT: usize = 100;

/// The table.
#[async_trait]
pub trait Store: Send + Sync {
    /// One item.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;
    /// Those of the items that exist, in no order. Any number of keys; doubled keys are asked once.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError>;
    /// One page of at most `limit` items (at least 1; the service also ends a page at 1 MB), from `start` or the beginning.
    async fn query(&self, query: &Query, limit: usize, start: Option<&Cursor>) -> Result<Page, StoreError>;
    /// Changes one item and returns it whole, as it is afterwards. At least one change, at most one to an attribute.
    async fn update(&self, key: &Key, changes: Vec<Change>, condition: Condition) -> Result<Item, StoreError>;
    /// All of the writes or none, at most [`TRANSACTION_LIMIT`], each of another item. A single write costs no transaction.
    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError>;
}

/// Whether the item may still be seen at `now`.
pub fn is_live(item: &Item, now: Timestamp) -> bool {
    match item.get(EXPIRES_AT) {
        None => true,
        Some(AttributeValue::N(end)) => end.parse().is_ok_and(|end: i64| end > now.as_second()),
        Some(_) => false,
    }
}
