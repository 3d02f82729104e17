//! The table in DynamoDB.
//!
//! Keys are `pk` and `sk` (S). Index `gsi1` has the keys `gsi1pk` (S) and `gsi1sk` (N), index
//! `gsi2` has `gsi2pk` (S) and `gsi2sk` (S). Both project the keys and `expires_at` (N), which is
//! the time to live.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue as Value, CancellationReason, ConditionCheck, Delete, KeysAndAttributes, Put,
    ReturnValue, TransactWriteItem, Update,
};
use serde_dynamo::Item;

mod expression;

use self::expression::Placeholders;
use crate::sdk::{SdkFailure, failure, is_transient};
use domain::clock::Clock;
use store::table::limits::{check_changes, check_writes};
use store::table::{
    Change, Condition, Cursor, Key, Page, Query, Store, StoreError, Write, is_live,
};

/// Maximum number of keys in one `BatchGetItem`.
const BATCH_LIMIT: usize = 100;
/// Number of empty batches in a row after which the table counts as busy.
const IDLE_BATCHES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A table in DynamoDB.
pub struct DynamoStore {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
}

impl DynamoStore {
    /// Returns the table with this name.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), clock }
    }

    fn live(&self, attributes: HashMap<String, Value>) -> Option<Item> {
        // The service can take days to delete an expired item, and returns it until then.
        Some(Item::from(attributes)).filter(|item| is_live(item, self.clock.now()))
    }

    async fn batch(
        &self,
        keys: Vec<HashMap<String, Value>>,
        found: &mut Vec<Item>,
    ) -> Result<(), StoreError> {
        let (mut left, mut idle, mut pause) = (keys, 0, FIRST_PAUSE);
        while !left.is_empty() {
            let asked = left.len();
            let request =
                KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, request.map_err(unbuilt)?)
                .send()
                .await
                .map_err(|error| sorted(&error))?;
            found.extend(
                answer
                    .responses
                    .into_iter()
                    .flatten()
                    .flat_map(|(_, items)| items)
                    .filter_map(|item| self.live(item)),
            );
            left = answer
                .unprocessed_keys
                .into_iter()
                .flatten()
                .flat_map(|(_, rest)| rest.keys)
                .collect();
            // A batch that returned items was cut for its size, so there is no reason to wait.
            if left.len() < asked {
                idle = 0;
                continue;
            }
            // To the SDK, an answer that leaves all keys unread is a success that needs no retry.
            idle += 1;
            if idle == IDLE_BATCHES {
                return Err(StoreError::Busy(format!("{} items left unread", left.len())));
            }
            self.clock.sleep(pause).await;
            pause *= 2;
        }
        Ok(())
    }

    async fn put(&self, item: Item, condition: &Condition) -> Result<(), StoreError> {
        let mut placeholders = Placeholders::default();
        let condition = placeholders.condition(condition, self.clock.now());
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.into()))
            .set_condition_expression(condition)
            .set_expression_attribute_names(placeholders.names())
            .set_expression_attribute_values(placeholders.values())
            .send()
            .await
            .map(drop)
            .map_err(|error| sorted(&error))
    }

    async fn delete(&self, key: &Key, condition: &Condition) -> Result<(), StoreError> {
        let mut placeholders = Placeholders::default();
        let condition = placeholders.condition(condition, self.clock.now());
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(attributes(key)))
            .set_condition_expression(condition)
            .set_expression_attribute_names(placeholders.names())
            .set_expression_attribute_values(placeholders.values())
            .send()
            .await
            .map(drop)
            .map_err(|error| sorted(&error))
    }

    async fn transaction(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let parts: Result<Vec<_>, _> = writes.into_iter().map(|write| self.part(write)).collect();
        let request =
            self.client.transact_write_items().set_transact_items(Some(parts.map_err(unbuilt)?));
        request.send().await.map(drop).map_err(|error| match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancellation(cancelled.cancellation_reasons(), error.request_id())
            }
            _ => sorted(&error),
        })
    }

    fn part(&self, write: Write) -> Result<TransactWriteItem, BuildError> {
        let mut placeholders = Placeholders::default();
        let now = self.clock.now();
        let part = TransactWriteItem::builder();
        Ok(match write {
            Write::Put(item, condition) => {
                let condition = placeholders.condition(&condition, now);
                part.put(
                    Put::builder()
                        .table_name(&self.table)
                        .set_item(Some(item.into()))
                        .set_condition_expression(condition)
                        .set_expression_attribute_names(placeholders.names())
                        .set_expression_attribute_values(placeholders.values())
                        .build()?,
                )
            }
            Write::Update(key, changes, condition) => {
                let condition = placeholders.condition(&condition, now);
                part.update(
                    Update::builder()
                        .table_name(&self.table)
                        .set_key(Some(attributes(&key)))
                        .update_expression(placeholders.update(&changes))
                        .set_condition_expression(condition)
                        .set_expression_attribute_names(placeholders.names())
                        .set_expression_attribute_values(placeholders.values())
                        .build()?,
                )
            }
            Write::Delete(key, condition) => {
                let condition = placeholders.condition(&condition, now);
                part.delete(
                    Delete::builder()
                        .table_name(&self.table)
                        .set_key(Some(attributes(&key)))
                        .set_condition_expression(condition)
                        .set_expression_attribute_names(placeholders.names())
                        .set_expression_attribute_values(placeholders.values())
                        .build()?,
                )
            }
            Write::Check(key, condition) => {
                let condition = placeholders.condition(&condition, now);
                part.condition_check(
                    ConditionCheck::builder()
                        .table_name(&self.table)
                        .set_key(Some(attributes(&key)))
                        .set_condition_expression(condition)
                        .set_expression_attribute_names(placeholders.names())
                        .set_expression_attribute_values(placeholders.values())
                        .build()?,
                )
            }
        }
        .build())
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(attributes(key)));
        // A decision follows from each read, so it must not be old.
        let answer = request.consistent_read(true).send().await.map_err(|error| sorted(&error))?;
        Ok(answer.item.and_then(|item| self.live(item)))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        // The service refuses a batch that names a key twice.
        let keys: Vec<_> =
            keys.iter().collect::<BTreeSet<_>>().into_iter().map(attributes).collect();
        let mut found = Vec::new();
        for some in keys.chunks(BATCH_LIMIT) {
            self.batch(some.to_vec(), &mut found).await?;
        }
        Ok(found)
    }

    async fn query(
        &self,
        query: &Query,
        limit: usize,
        start: Option<&Cursor>,
    ) -> Result<Page, StoreError> {
        let mut placeholders = Placeholders::default();
        let key_condition = placeholders.key_condition(query);
        let (index, consistent) = match query {
            Query::Partition { .. } => (None, true),
            // The service refuses strongly consistent reads of an index.
            Query::Due { .. } => (Some("gsi1".to_owned()), false),
            Query::Listed { .. } => (Some("gsi2".to_owned()), false),
        };
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(index)
            .consistent_read(consistent)
            .key_condition_expression(key_condition)
            .set_expression_attribute_names(placeholders.names())
            .set_expression_attribute_values(placeholders.values())
            // The service ends a page at 1 MB, long before so many items.
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start.map(Cursor::keys).transpose()?.map(Into::into))
            .send()
            .await
            .map_err(|error| sorted(&error))?;
        let next =
            answer.last_evaluated_key.map(|keys| Cursor::behind(&Item::from(keys))).transpose()?;
        let items = answer.items.into_iter().flatten().filter_map(|item| self.live(item)).collect();
        Ok(Page { items, next })
    }

    async fn update(
        &self,
        key: &Key,
        changes: Vec<Change>,
        condition: Condition,
    ) -> Result<Item, StoreError> {
        check_changes(&changes)?;
        let mut placeholders = Placeholders::default();
        let condition = placeholders.condition(&condition, self.clock.now());
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(attributes(key)))
            .update_expression(placeholders.update(&changes))
            .set_condition_expression(condition)
            .set_expression_attribute_names(placeholders.names())
            .set_expression_attribute_values(placeholders.values())
            // The taker of a lease decides from the item as it is now.
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| sorted(&error))?;
        Ok(answer.attributes.unwrap_or_default().into())
    }

    async fn write(&self, mut writes: Vec<Write>) -> Result<(), StoreError> {
        check_writes(&writes)?;
        // A transaction costs twice as much as the same write alone.
        if writes.len() > 1 {
            return self.transaction(writes).await;
        }
        match writes.pop() {
            None => Ok(()),
            Some(Write::Put(item, condition)) => self.put(item, &condition).await,
            Some(Write::Update(key, changes, condition)) => {
                self.update(&key, changes, condition).await.map(drop)
            }
            Some(Write::Delete(key, condition)) => self.delete(&key, &condition).await,
            // Only a transaction can check an item without writing it.
            Some(check @ Write::Check(..)) => self.transaction(vec![check]).await,
        }
    }
}

fn attributes(key: &Key) -> HashMap<String, Value> {
    [("pk", &key.pk), ("sk", &key.sk)]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Value::S(text.clone())))
        .collect()
}

fn unbuilt(error: BuildError) -> StoreError {
    StoreError::Refused(error.to_string())
}

fn sorted<E>(error: &SdkError<E, HttpResponse>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + 'static,
{
    if error.code() == Some("ConditionalCheckFailedException") {
        return StoreError::ConditionFailed;
    }
    match failure(error) {
        SdkFailure::Busy(what) => StoreError::Busy(what),
        // One bad item must not look like a table out of reach.
        SdkFailure::Refused(what) if error.code().is_some_and(is_about_the_items) => {
            StoreError::Refused(what)
        }
        SdkFailure::Refused(what) => StoreError::Denied(what),
    }
}

/// Returns `true` for refusals of the request's own items; others concern the table.
fn is_about_the_items(code: &str) -> bool {
    matches!(code, "ValidationException" | "ItemCollectionSizeLimitExceededException")
}

/// Returns the error of a cancelled transaction. A mistake in one part outweighs a condition in
/// another, since a retry would find it again.
fn cancellation(reasons: &[CancellationReason], request: Option<&str>) -> StoreError {
    let codes =
        || reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None");
    // A mistake in one part is told before a condition of another.
    let mistake = codes().find(|code| *code != "ConditionalCheckFailed" && !is_transient(code));
    let what = |code: &str| {
        let text = reasons
            .iter()
            .find(|reason| reason.code() == Some(code))
            .and_then(CancellationReason::message);
        format!("{code}: {} (request {})", text.unwrap_or("no text"), request.unwrap_or("unknown"))
    };
    match mistake {
        Some(code) => StoreError::Refused(what(code)),
        None if codes().any(|code| code == "ConditionalCheckFailed") => StoreError::ConditionFailed,
        None => StoreError::Busy(what(codes().next().unwrap_or("TransactionCanceledException"))),
    }
}
