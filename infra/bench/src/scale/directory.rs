//! The people of a directory enter the person index.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use engine::people;
use sandbox::local_stack::{Connections, LocalStack};
use serde::Deserialize;
use store::table::{Change, Condition, Cursor, Item, Key, Page, Query, Store, StoreError, Write};

use super::tally::{Tally, Usage};
use crate::BenchError;
use crate::error::unexpected;
use crate::setup::{MINUTE, backend, every_team};

/// The maximum wait, in seconds.
const PATIENCE: i64 = 24 * 60 * 60;

/// The result of filling the person index.
#[derive(Debug, Clone, Copy)]
pub struct Directory {
    /// People in the directory.
    pub people: usize,
    /// Usage until all people were in the index.
    pub usage: Usage,
    /// Maximum number of people in one answer of Webex.
    pub in_an_answer: usize,
    /// Maximum number of items in one table request.
    pub in_a_request: usize,
}

/// Connects a tenant of this many people, and waits until all of them are counted.
///
/// # Errors
/// If they are not counted within a day.
pub async fn directory(people: usize) -> Result<Directory, BenchError> {
    let backend = backend()?;
    let handle = backend.world.add_tenant("Contoso");
    for n in 0..people {
        backend.world.add_person(&handle, &format!("Person {n}"));
    }
    let answers =
        Arc::new(Answers { inner: backend.world.transport(), most: AtomicUsize::default() });
    let requests =
        Arc::new(Requests { inner: backend.store.clone(), most: AtomicUsize::default() });
    let connections = Connections {
        transport: answers.clone(),
        store: requests.clone(),
        ..Connections::to(&backend)
    };
    let mut stack = LocalStack::with_connections(&backend, connections)?;
    let tenants = [handle];
    let mut tally = Tally::begin(&backend, &tenants);
    let tenant = stack.sign_up(&tenants[0], every_team()).await?;
    let counts = loop {
        let counted = people::people_counts(backend.store.as_ref(), tenant).await;
        if let Some(counted) = counted.map_err(unexpected)? {
            break counted.people_counts;
        }
        if tally.seconds() > PATIENCE {
            return Err(unexpected("the people were not counted within a day"));
        }
        stack.let_pass(MINUTE).await;
        tally.count();
    };
    if counts.eligible < people {
        return Err(unexpected(format!("{counts:?} of {people}")));
    }
    Ok(Directory {
        people,
        usage: tally.end(),
        in_an_answer: answers.most.load(Ordering::Relaxed),
        in_a_request: requests.most.load(Ordering::Relaxed),
    })
}

/// A transport that records the maximum number of people in an answer.
struct Answers {
    inner: Arc<dyn Transport>,
    most: AtomicUsize,
}

/// A page of SCIM.
#[derive(Deserialize)]
struct ScimPage {
    #[serde(rename = "Resources")]
    resources: Vec<serde::de::IgnoredAny>,
}

#[async_trait]
impl Transport for Answers {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let answer = self.inner.send(request, timeout).await?;
        if let Ok(page) = serde_json::from_slice::<ScimPage>(answer.body()) {
            self.most.fetch_max(page.resources.len(), Ordering::Relaxed);
        }
        Ok(answer)
    }
}

/// A store that records the maximum number of items in a request.
struct Requests {
    inner: Arc<dyn Store>,
    most: AtomicUsize,
}

impl Requests {
    fn record(&self, items: usize) {
        self.most.fetch_max(items, Ordering::Relaxed);
    }
}

#[async_trait]
impl Store for Requests {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.record(keys.len());
        self.inner.get_many(keys).await
    }

    async fn query(
        &self,
        query: &Query,
        limit: usize,
        start: Option<&Cursor>,
    ) -> Result<Page, StoreError> {
        let page = self.inner.query(query, limit, start).await?;
        self.record(page.items.len());
        Ok(page)
    }

    async fn update(
        &self,
        key: &Key,
        changes: Vec<Change>,
        condition: Condition,
    ) -> Result<Item, StoreError> {
        self.inner.update(key, changes, condition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.record(writes.len());
        self.inner.write(writes).await
    }
}
