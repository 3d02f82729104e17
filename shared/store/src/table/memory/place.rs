//! Order of the items in the table and its indexes.

use serde_dynamo::Item;

use crate::table::limits::{integer, text};
use crate::table::{Key, Query};

/// Place of an item in the order of one index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) index: Index,
    pub(super) pk: String,
    pub(super) sort: Sort,
    pub(super) key: Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Index {
    Table,
    Due,
    Listed,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Number(i64),
    Text(String),
}

impl Place {
    /// Returns the item's place in this index, if it has one.
    pub(super) fn of(item: &Item, key: &Key, index: Index) -> Option<Self> {
        let (pk, sort) = match index {
            Index::Table => (key.pk.clone(), Sort::Text(key.sk.clone())),
            // An item without both attributes is not in the index.
            Index::Due => (
                text(item, "gsi1pk")?,
                Sort::Number(integer(item.get("gsi1sk")?).and_then(|n| n.try_into().ok())?),
            ),
            Index::Listed => (text(item, "gsi2pk")?, Sort::Text(text(item, "gsi2sk")?)),
        };
        Some(Self { index, pk, sort, key: key.clone() })
    }

    pub(super) fn all_of<'i>(item: &'i Item, key: &'i Key) -> impl Iterator<Item = Self> + 'i {
        [Index::Table, Index::Due, Index::Listed]
            .into_iter()
            .filter_map(move |index| Self::of(item, key, index))
    }

    /// Returns the place before all items of the query.
    pub(super) fn beginning(query: &Query) -> Self {
        let (index, pk, sort) = match query {
            Query::Partition { pk, prefix } => (Index::Table, pk, Sort::Text(prefix.clone())),
            // A moment in the far past is due, too.
            Query::Due { pk, .. } => (Index::Due, pk, Sort::Number(i64::MIN)),
            Query::Listed { pk, prefix } => (Index::Listed, pk, Sort::Text(prefix.clone())),
        };
        Self { index, pk: pk.clone(), sort, key: Key { pk: String::new(), sk: String::new() } }
    }

    pub(super) fn answers(&self, query: &Query) -> bool {
        match (query, self.index, &self.sort) {
            (Query::Partition { pk, prefix }, Index::Table, Sort::Text(sort))
            | (Query::Listed { pk, prefix }, Index::Listed, Sort::Text(sort)) => {
                self.pk == *pk && sort.starts_with(prefix)
            }
            (Query::Due { pk, at_most }, Index::Due, Sort::Number(sort)) => {
                self.pk == *pk && sort <= at_most
            }
            _ => false,
        }
    }
}
