//! Answers, and reading of their bodies.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{CallError, CallFailure};
use crate::wire::{RawItems, fault_of, id_of};

/// Answer with a status below 300, or with one that the call accepts.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// Whole body.
    pub body: Bytes,
    /// Error of this call, for answers that turn out to be none. Its failure is replaced.
    pub(super) error: CallError,
}

impl Answer {
    /// Returns an answer that came in another one. `error` names its call.
    pub(crate) fn of(status: u16, headers: HeaderMap, body: Bytes, error: CallError) -> Self {
        Self { status, headers, body, error }
    }

    /// Parses the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(fault_of(&error)))
    }

    /// Parses the items of a list, each on its own.
    pub(crate) fn items<T: DeserializeOwned>(
        &self,
        items: &RawItems,
        unreadable: UnreadableItem,
    ) -> Result<Vec<T>, CallError> {
        self.read_items(items, unreadable, |item: T| Ok(Some(item)))
    }

    /// Parses the items of a list, and converts each. `read` drops an item with `None`, or says why
    /// it cannot be used.
    pub(crate) fn read_items<W: DeserializeOwned, T>(
        &self,
        items: &RawItems,
        unreadable: UnreadableItem,
        read: impl Fn(W) -> Result<Option<T>, &'static str>,
    ) -> Result<Vec<T>, CallError> {
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            let parsed = serde_json::from_str(item.get()).map_err(|error| fault_of(&error));
            match (parsed.and_then(|item| read(item).map_err(Into::into)), unreadable) {
                (Ok(item), _) => all.extend(item),
                (Err(why), UnreadableItem::Fails) => {
                    // The item can name people, so only its id is told.
                    let id = id_of(item).unwrap_or_else(|| "no id".into());
                    return Err(self.unreadable(format_args!("the item {id}: {why}")));
                }
                (Err(why), UnreadableItem::IsSkipped) => self.skip(item, &why),
            }
        }
        Ok(all)
    }

    /// Counts and names an item that is skipped.
    fn skip(&self, item: &RawValue, why: &str) {
        // The item itself stays out of the log, because it can name people.
        let CallError { api, path, request_id, .. } = &self.error;
        metrics::counter!("ItemsSkipped").increment(1);
        tracing::warn!(
            event = "item_skipped", %api, path, request_id, id = id_of(item), why,
            "skipped an item of a list that could not be read"
        );
    }

    /// Returns the error of an answer that cannot be used, with the reason.
    pub fn unreadable(&self, why: impl fmt::Display) -> CallError {
        CallError { failure: CallFailure::unreadable(self.status, why), ..self.error.clone() }
    }

    /// Returns an error of this call with another failure, for answers that contain answers.
    pub fn failed(&self, failure: CallFailure) -> CallError {
        CallError { failure, ..self.error.clone() }
    }
}

/// Treatment of items that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnreadableItem {
    /// The list is an error that names the item, because an absence can follow from the list.
    Fails,
    /// The item is counted and named in the log. The list proves no absence.
    IsSkipped,
}
