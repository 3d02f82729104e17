//! Several reads in one call. <https://learn.microsoft.com/graph/json-batching>

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Graph;
use crate::http::{Access, Answer, Api, Call, CallError, CallFailure, Repeat, retry_after};

/// Maximum number of reads in one call.
pub(super) const READS_PER_BATCH: usize = 20;

#[derive(Deserialize)]
struct BatchAnswer {
    responses: Vec<Item>,
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
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        });
        pairs.collect()
    }
}

impl Graph {
    /// Reads up to [`READS_PER_BATCH`] encoded relative `urls` in one call, and returns the answers
    /// in their order.
    ///
    /// # Errors
    /// Throttled if any read was, until the latest of their times. An outer 424 only says that some
    /// were, so its body is read like any other.
    pub(super) async fn read_batch(
        &self,
        access: &Access,
        urls: &[String],
    ) -> Result<Vec<Result<Box<RawValue>, CallError>>, CallError> {
        let requests = urls.iter().enumerate();
        let requests =
            requests.map(|(at, url)| json!({"id": at.to_string(), "method": "GET", "url": url}));
        let call = Call::new(Method::POST, "/$batch")
            .json(&json!({"requests": requests.collect::<Vec<_>>()}));
        let answer = self.caller.call(access, call.repeat(Repeat::Safe).accept(&[424])).await?;
        let items = match answer.json::<BatchAnswer>() {
            Ok(read) => read.responses,
            Err(_) if answer.status == 424 => {
                return Err(answer.failed(self.caller.refusal(424, &answer.body)));
            }
            Err(error) => return Err(error),
        };
        if let Some(failure) = self.throttling(&items) {
            return Err(answer.failed(failure));
        }
        let mut items = items
            .into_iter()
            .map(|item| (item.id.clone(), item))
            .collect::<std::collections::HashMap<_, _>>();
        let in_order = urls.iter().enumerate().map(|(at, url)| {
            let item = items
                .remove(&at.to_string())
                .ok_or_else(|| answer.unreadable(format!("no answer for {url}")))?;
            Ok(self.outcome(&answer, url, item))
        });
        in_order.collect()
    }

    fn throttling(&self, items: &[Item]) -> Option<CallFailure> {
        let now = self.caller.clock().now();
        let pause_of = |item: &Item| retry_after(&item.headers(), now);
        let is_throttled = |item: &&Item| {
            item.status == 429 || matches!(item.status, 423 | 503) && pause_of(item).is_some()
        };
        let status = items.iter().find(is_throttled)?.status;
        let longest = items.iter().filter(|item| item.status >= 300).filter_map(pause_of).max();
        Some(CallFailure::Throttled {
            status,
            until: now + longest.unwrap_or(Api::Graph.default_pause()),
        })
    }

    fn outcome(&self, answer: &Answer, url: &str, item: Item) -> Result<Box<RawValue>, CallError> {
        if (200..300).contains(&item.status) {
            return Ok(item.body);
        }
        let failure = self.caller.refusal(item.status, item.body.get().as_bytes());
        let request_id =
            item.headers().get("request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let of = answer.failed(failure);
        let path = url.split('?').next().unwrap_or(url).to_owned();
        Err(CallError {
            method: Method::GET,
            path,
            request_id: request_id.or(of.request_id.clone()),
            ..of
        })
    }
}
