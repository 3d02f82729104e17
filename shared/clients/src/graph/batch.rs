//! Several reads in one call. <https://learn.microsoft.com/graph/json-batching>

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Graph;
use crate::http::{
    Access, Answer, Api, Call, CallError, CallFailure, Repeat, UnreadableItem, retry_after,
};
use crate::wire::{RawItems, can_be_json};

/// Maximum number of reads in one call.
pub(super) const READS_PER_BATCH: usize = 20;

#[derive(Deserialize)]
struct BatchAnswer {
    responses: RawItems,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    status: u16,
    headers: Option<Map<String, Value>>,
    #[serde(default = "null")]
    body: Box<RawValue>,
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

impl Item {
    fn headers(&self) -> HeaderMap {
        let pairs = self.headers.iter().flatten().filter_map(|(name, value)| {
            // `Retry-After` can be a number in JSON.
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        });
        pairs.collect()
    }

    fn body(&self) -> Bytes {
        Bytes::copy_from_slice(self.body.get().as_bytes())
    }
}

impl Graph {
    /// Reads up to [`READS_PER_BATCH`] encoded relative `urls` in one call, and returns the answers
    /// in their order. A read without exactly one answer is an error.
    ///
    /// # Errors
    /// Throttled if any read was, until the latest of their times. An outer 424 only says that some
    /// were, so its body is read like any other.
    pub(super) async fn read_batch(
        &self,
        access: &Access,
        urls: &[String],
    ) -> Result<Vec<Result<Answer, CallError>>, CallError> {
        let reads = urls.iter().map(|url| json!({"method": "GET", "url": url}));
        self.read_batch_of(access, reads.collect()).await
    }

    /// Does what [`read_batch`](Self::read_batch) does, for requests with method, url and perhaps a
    /// body. None of them may have an effect.
    pub(super) async fn read_batch_of(
        &self,
        access: &Access,
        mut requests: Vec<Value>,
    ) -> Result<Vec<Result<Answer, CallError>>, CallError> {
        for (at, request) in requests.iter_mut().enumerate() {
            // Graph may answer in any order.
            request["id"] = at.to_string().into();
        }
        // Safe to repeat although it is a POST: all its parts read.
        let call = Call::new(Method::POST, "/$batch").json(&json!({"requests": &requests}));
        let answer = self.caller.call(access, call.repeat(Repeat::Safe).accept(&[424])).await?;
        let items: Vec<Item> = match answer.json::<BatchAnswer>() {
            // The read of an unreadable item is one without an answer.
            Ok(read) => answer.items(&read.responses, UnreadableItem::IsSkipped)?,
            Err(_) if answer.status == 424 => {
                return Err(answer.failed(self.caller.refusal(424, &answer.body)));
            }
            Err(error) => return Err(error),
        };
        // One throttled read means that the next ones are, too.
        if let Some(failure) = self.throttling(&items) {
            return Err(answer.failed(failure));
        }
        let mut by_id: HashMap<String, Vec<Item>> = HashMap::new();
        for item in items {
            by_id.entry(item.id.clone()).or_default().push(item);
        }
        let in_order = requests.iter().enumerate().map(|(at, request)| {
            let url = request["url"].as_str().unwrap_or_default();
            let found = by_id.remove(&at.to_string()).unwrap_or_default();
            self.outcome(&answer, url, found)
        });
        Ok(in_order.collect())
    }

    fn throttling(&self, items: &[Item]) -> Option<CallFailure> {
        let now = self.caller.clock().now();
        let pause_of = |item: &Item| retry_after(&item.headers(), now);
        let is_throttled = |item: &&Item| {
            item.status == 429 || matches!(item.status, 423 | 503) && pause_of(item).is_some()
        };
        let status = items.iter().find(is_throttled)?.status;
        // All parts share one limit, so the longest pause counts.
        let longest = items.iter().filter(|item| item.status >= 300).filter_map(pause_of).max();
        Some(CallFailure::Throttled {
            status,
            until: now + longest.unwrap_or(Api::Graph.default_pause()),
        })
    }

    /// Returns the answer to one read, with its own path and request id.
    fn outcome(&self, outer: &Answer, url: &str, found: Vec<Item>) -> Result<Answer, CallError> {
        let path = url.split('?').next().unwrap_or(url);
        let error = |request_id: Option<String>, failure| {
            let of = outer.failed(failure);
            // Without its own id, support finds a part by the id of the batch.
            let request_id = request_id.or(of.request_id.clone());
            CallError { method: Method::GET, path: path.to_owned(), request_id, ..of }
        };
        // Two answers to one read contradict each other. Neither is believed.
        let Ok([item]) = <[Item; 1]>::try_from(found) else {
            let why = "the batch has not exactly one answer to this read";
            return Err(error(None, CallFailure::unreadable(outer.status, why)));
        };
        let (status, headers, body) = (item.status, item.headers(), item.body());
        let id = headers.get("request-id").and_then(|id| id.to_str().ok()).map(Into::into);
        if !(200..300).contains(&status) {
            return Err(error(id, self.caller.refusal(status, &body)));
        }
        let unusable = error(id, CallFailure::unreadable(status, "no JSON object"));
        if can_be_json(&body) {
            Ok(Answer::of(status, headers, body, unusable))
        } else {
            Err(unusable)
        }
    }
}
