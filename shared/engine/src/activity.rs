//! The activity of each sync: trigger, changes and request ids, stored for 90 days.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use uuid::Uuid;

pub use crate::codes::{AdoptionRight, ChangeReason, Note, Refusal};
use crate::stored::readable;
use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Role, Side};
use store::keys::team_partition;
use store::message::Trigger;
use store::pages;
use store::table::{Condition, Cursor, EXPIRES_AT, Key, Query, Store, StoreError, Write, to_item};

const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Most changes in one item.
const PER_ITEM: usize = 500;

/// Items of one page of a query.
const PAGE: usize = 100;

/// Prefix of the items' sort keys.
const PREFIX: &str = "ACTIVITY#";

/// A moment in 2286, in milliseconds. Until then, the time left to it has 13 digits.
const FAR: u64 = 9_999_999_999_999;

/// The id of an activity entry. Later entries sort first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EntryId {
    before: u64,
    id: Uuid,
}

impl EntryId {
    /// Returns a new id for an act at `at`.
    pub fn new(at: Timestamp) -> Self {
        let at = at.as_millisecond().max(0).unsigned_abs();
        Self { before: FAR.saturating_sub(at), id: Uuid::now_v7() }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013}-{}", self.before, self.id)
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.to_string()
    }
}

impl FromStr for EntryId {
    type Err = &'static str;

    /// Accepts only the spelling that `Display` writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (before, id) = text.split_once('-').ok_or("not an entry id")?;
        let before = before.parse().map_err(|_| "not an entry id")?;
        let id = Self { before, id: id.parse().map_err(|_| "not an entry id")? };
        (id.to_string() == text).then_some(id).ok_or("another spelling of an entry id")
    }
}

impl TryFrom<String> for EntryId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The acts of one sync, or of one administrator, on a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The entry's id.
    pub id: EntryId,
    /// The beginning.
    pub at: Timestamp,
    /// The trigger.
    pub trigger: Trigger,
    /// Changes of people's roles.
    pub changes: Vec<PersonChange>,
    /// Everything else.
    pub notes: Vec<Note>,
    /// The services' request ids of all writes.
    pub request_ids: Vec<String>,
}

/// A change of one person's role on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonChange {
    /// The person.
    pub person: Person,
    /// The side.
    pub side: Side,
    /// The role before.
    pub from: Role,
    /// The role after.
    pub to: Role,
    /// The refusal, if the change was refused.
    pub refused: Option<Refusal>,
}

impl Activity {
    /// An empty activity that begins at `at`.
    pub fn new(at: Timestamp, trigger: Trigger) -> Self {
        let id = EntryId::new(at);
        Self { id, at, trigger, changes: vec![], notes: vec![], request_ids: vec![] }
    }

    /// The activity of one act of an administrator.
    pub fn by_administrator(at: Timestamp, note: Note) -> Self {
        Self { notes: vec![note], ..Self::new(at, Trigger::Administrator) }
    }

    /// Returns `true` if nothing was done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.notes.is_empty()
    }

    /// Returns `true` for the beginning of a link, or a part of it: before, the two sides were not
    /// linked.
    pub fn begins_link(&self) -> bool {
        let begins = |note: &Note| {
            matches!(note, Note::FirstSync | Note::GroupCreated { .. } | Note::GroupAdopted { .. })
        };
        self.notes.iter().any(begins)
    }

    /// Part of a transaction: stores the entry, in several items if it is large.
    pub fn puts(&self, tenant: TenantId, team: TeamId) -> Result<Vec<Write>, StoreError> {
        let parts = self.changes.len().div_ceil(PER_ITEM).max(1);
        (0..parts).map(|n| self.part(tenant, team, n)).collect()
    }

    fn part(&self, tenant: TenantId, team: TeamId, n: usize) -> Result<Write, StoreError> {
        let changes = self.changes.iter().skip(n * PER_ITEM).take(PER_ITEM).cloned().collect();
        // Notes and request ids are stored once.
        let (notes, request_ids) = match n {
            0 => (self.notes.clone(), self.request_ids.clone()),
            _ => (vec![], vec![]),
        };
        let Self { id, at, trigger, .. } = *self;
        let part = Self { id, at, trigger, changes, notes, request_ids };
        let key = Key::new(team_partition(tenant, team), format!("{PREFIX}{}#{n}", self.id));
        let mut item = to_item(&key, &part)?;
        item.insert("gsi2pk".into(), AttributeValue::S(tenant_index(tenant)));
        item.insert("gsi2sk".into(), AttributeValue::S(format!("{}#{n}", self.id)));
        let expires_at = (self.at + RETENTION).as_second();
        item.insert(EXPIRES_AT.into(), AttributeValue::N(expires_at.to_string()));
        Ok(Write::Put(item, Condition::Any))
    }
}

/// Loads one entry, joined from all of its items.
pub async fn entry(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    id: EntryId,
) -> Result<Option<Activity>, StoreError> {
    let prefix = format!("{PREFIX}{id}#");
    let query = Query::Partition { pk: team_partition(tenant, team), prefix };
    let mut parts: Vec<(usize, Activity)> = vec![];
    for item in pages::all(store, &query, PAGE).await? {
        let part = Key::of(&item).and_then(|key| key.sk.rsplit('#').next()?.parse().ok());
        parts.extend(readable(item).map(|activity| (part.unwrap_or_default(), activity)));
    }
    parts.sort_by_key(|(n, _)| *n);
    Ok(parts.into_iter().map(|(_, part)| part).reduce(|mut whole, part| {
        whole.changes.extend(part.changes);
        whole
    }))
}

/// Loads a page of a link's entries, newest first. A large entry comes in several parts.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<Activity>, Option<Cursor>), StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: PREFIX.into() };
    let page = store.query(&query, limit, start).await?;
    Ok((page.items.into_iter().filter_map(readable).collect(), page.next))
}

/// Loads a page of the entries of all links, each with its team, newest first.
///
/// A large entry comes in several parts.
pub async fn page_of_all(
    store: &dyn Store,
    tenant: TenantId,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<(TeamId, Activity)>, Option<Cursor>), StoreError> {
    let query = Query::Listed { pk: tenant_index(tenant), prefix: String::new() };
    let page = store.query(&query, limit, start).await?;
    let keys: Vec<Key> = page.items.iter().filter_map(Key::of).collect();
    let mut found = Vec::with_capacity(keys.len());
    for item in store.get_many(&keys).await? {
        let Some(key) = Key::of(&item) else { continue };
        let team: Option<TeamId> = key.pk.rsplit('#').next().and_then(|team| team.parse().ok());
        found.extend(team.zip(readable(item)).map(|(team, activity)| (key.sk, team, activity)));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok((found.into_iter().map(|(_, team, activity)| (team, activity)).collect(), page.next))
}

/// The index partition of all entries of a tenant.
fn tenant_index(tenant: TenantId) -> String {
    format!("ACTIVITY#{tenant}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_entries_sort_first() {
        let at: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let (early, late) = (EntryId::new(at), EntryId::new(at + SignedDuration::from_millis(1)));
        assert!(late < early && late.to_string() < early.to_string());
    }

    #[test]
    fn entry_ids_have_one_spelling() {
        let id = EntryId::new("2026-11-23T08:00:00Z".parse().unwrap());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().to_uppercase().parse::<EntryId>().is_err());
        assert!(format!("0{id}").parse::<EntryId>().is_err());
    }
}
