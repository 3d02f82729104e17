//! A directory's people enter the person index.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use engine::people;
use serde::Deserialize;
use store::table::{Change, Condition, Cursor, Item, Key, Page, Query, Store, StoreError, Write};

use super::tally::{Taken, Tally};
use crate::costs::NotCounted;
use crate::house::{House, Reach};
use crate::load::{MINUTE, every_team, ground, not_as_meant};

/// Longest that is waited, in seconds.
const PATIENCE: i64 = 24 * 60 * 60;

/// How the index was filled.
#[derive(Debug, Clone, Copy)]
pub struct Directory {
    /// How many people.
    pub people: usize,
    /// What it took until everybody was in the index.
    pub taken: Taken,
    /// The most people in one answer of Webex.
    pub in_an_answer: usize,
    /// The most items that the table was asked for, or gave, at a time.
    pub in_a_request: usize,
}

/// Connects a tenant of so many people, and waits until all of them were counted.
///
/// # Errors
/// If they are not after a day.
pub async fn directory(people: usize) -> Result<Directory, NotCounted> {
    let ground = ground()?;
    let handle = ground.world.add_tenant("Contoso");
    for n in 0..people {
        ground.world.add_person(&handle, &format!("Person {n}"));
    }
    let answers = Arc::new(Answers { to: ground.world.transport(), most: AtomicUsize::default() });
    let requests = Arc::new(Requests { to: ground.store.clone(), most: AtomicUsize::default() });
    let reach = Reach { transport: answers.clone(), store: requests.clone(), ..Reach::to(&ground) };
    let mut house = House::reaching_out(&ground, reach)?;
    let tenants = [handle];
    let mut tally = Tally::begin(&ground, &tenants);
    let tenant = house.sign_up(&tenants[0], every_team()).await?;
    let counted = loop {
        if let Some(counted) = people::census(ground.store.as_ref(), tenant).await.map_err(not_as_meant)? {
            break counted.census;
        }
        if tally.seconds() > PATIENCE {
            return Err(not_as_meant("not everybody was counted within a day"));
        }
        house.let_pass(MINUTE).await;
        tally.count();
    };
    if counted.ready < people {
        return Err(not_as_meant(format!("{counted:?} of {people}")));
    }
    let most = |of: &AtomicUsize| of.load(Ordering::Relaxed);
    Ok(Directory { people, taken: tally.end(), in_an_answer: most(&answers.most), in_a_request: most(&requests.most) })
}

/// Notes how many people an answer has.
struct Answers {
    to: Arc<dyn Transport>,
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
        let answer = self.to.send(request, timeout).await?;
        if let Ok(page) = serde_json::from_slice::<ScimPage>(answer.body()) {
            self.most.fetch_max(page.resources.len(), Ordering::Relaxed);
        }
        Ok(answer)
    }
}

/// Notes how many items a request to the table is about.
struct Requests {
    to: Arc<dyn Store>,
    most: AtomicUsize,
}

impl Requests {
    fn note(&self, items: usize) {
        self.most.fetch_max(items, Ordering::Relaxed);
    }
}

#[async_trait]
impl Store for Requests {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.to.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.note(keys.len());
        self.to.get_many(keys).await
    }

    async fn query(&self, query: &Query, limit: usize, start: Option<&Cursor>) -> Result<Page, StoreError> {
        let page = self.to.query(query, limit, start).await?;
        self.note(page.items.len());
        Ok(page)
    }

    async fn update(&self, key: &Key, changes: Vec<Change>, condition: Condition) -> Result<Item, StoreError> {
        self.to.update(key, changes, condition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.note(writes.len());
        self.to.write(writes).await
    }
}
