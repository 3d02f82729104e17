//! What a look did, for the pages: cause, difference and request ids, kept for 90 days.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use ulid::Ulid;

use crate::ids::{TeamId, TenantId};
use crate::message::Cause;
use crate::roster::{Person, Side, Standing};
use crate::store::{Condition, Cursor, EXPIRES_AT, Key, Query, Store, StoreError, Write, from_item, to_item};
use crate::tenant::keys::team_partition;

const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Changes in one item.
const PER_ITEM: usize = 500;

/// What the keys of these items begin with.
const PREFIX: &str = "ACTIVITY#";

/// A moment of the year 2286, in milliseconds: until then what is left to it has 13 digits.
const FAR: i64 = 9_999_999_999_999;

/// What one look did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When.
    pub at: Timestamp,
    /// What gave rise to the look.
    pub cause: Cause,
    /// What became of people.
    pub changes: Vec<PersonChange>,
    /// Everything else, in words: created, renamed, restored.
    pub notes: Vec<String>,
    /// What the services called the writes.
    pub request_ids: Vec<String>,
}

/// What became of one person on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonChange {
    /// Who.
    pub person: Person,
    /// Where.
    pub side: Side,
    /// What the person was there.
    pub from: Standing,
    /// What the person is there.
    pub to: Standing,
    /// Why it did not work out, if so.
    pub refused: Option<String>,
}

impl Activity {
    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.notes.is_empty()
    }

    /// The items of this entry: one, or more where it is large.
    pub fn puts(&self, tenant: TenantId, team: TeamId) -> Result<Vec<Write>, StoreError> {
        let id = Ulid::generate();
        let parts = self.changes.len().div_ceil(PER_ITEM).max(1);
        let part = |n: usize| {
            let changes = self.changes.iter().skip(n * PER_ITEM).take(PER_ITEM).cloned().collect();
            let rest = if n == 0 { self.clone() } else { Self { notes: vec![], request_ids: vec![], ..self.clone() } };
            // The newest comes first: what is shown is what happened last.
            let before = FAR - self.at.as_millisecond();
            let mut item = to_item(
                &Key::new(team_partition(tenant, team), format!("{PREFIX}{before:013}#{id}#{n}")),
                &Self { changes, ..rest },
            )?;
            item.insert("gsi2pk".into(), AttributeValue::S(everywhere(tenant)));
            item.insert("gsi2sk".into(), AttributeValue::S(format!("{before:013}#{id}#{n}")));
            let expires_at = (self.at + KEPT_FOR).as_second();
            item.insert(EXPIRES_AT.into(), AttributeValue::N(expires_at.to_string()));
            Ok(Write::Put(item, Condition::Any))
        };
        (0..parts).map(part).collect()
    }
}

/// A page of what was done to a link, the newest first; something large is in several parts.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<Activity>, Option<Cursor>), StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: PREFIX.into() };
    let page = store.query(&query, limit, start).await?;
    Ok((page.items.into_iter().map(from_item).collect::<Result<_, _>>()?, page.next))
}

/// A page of what was done to all links of a tenant, each with its team, the newest first; something large is in several parts.
pub async fn page_of_all(
    store: &dyn Store,
    tenant: TenantId,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<(TeamId, Activity)>, Option<Cursor>), StoreError> {
    let query = Query::Listed { pk: everywhere(tenant), prefix: String::new() };
    let page = store.query(&query, limit, start).await?;
    let keys: Vec<Key> = page.items.iter().filter_map(Key::of).collect();
    let mut found = Vec::with_capacity(keys.len());
    for item in store.get_many(&keys).await? {
        let key = Key::of(&item).ok_or_else(|| StoreError::Malformed("an activity without a key".into()))?;
        let team = key.pk.rsplit('#').next().and_then(|team| team.parse().ok());
        let team: TeamId = team.ok_or_else(|| StoreError::Malformed(format!("no team in {}", key.pk)))?;
        found.push((key.sk, team, from_item(item)?));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok((found.into_iter().map(|(_, team, activity)| (team, activity)).collect(), page.next))
}

/// The index's partition of everything that was done in a tenant.
fn everywhere(tenant: TenantId) -> String {
    format!("ACTIVITY#{tenant}")
}
