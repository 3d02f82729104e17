//! What a look did, for the pages: cause, difference and request ids, kept for 90 days.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use ulid::Ulid;

use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Side, Standing};
use store::keys::team_partition;
use store::message::Cause;
use store::table::{Condition, Cursor, EXPIRES_AT, Key, Query, Store, StoreError, Write, from_item, to_item};

const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Changes in one item.
const PER_ITEM: usize = 500;

/// What the keys of these items begin with.
const PREFIX: &str = "ACTIVITY#";

/// A moment of the year 2286, in milliseconds: until then what is left to it has 13 digits.
const FAR: u64 = 9_999_999_999_999;

/// The name of an entry. Later entries come first in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EntryId {
    before: u64,
    ulid: Ulid,
}

impl EntryId {
    /// A new one, for what is done at `at`.
    pub fn new(at: Timestamp) -> Self {
        Self { before: FAR.saturating_sub(at.as_millisecond().max(0).unsigned_abs()), ulid: Ulid::generate() }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013}-{}", self.before, self.ulid)
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.to_string()
    }
}

impl FromStr for EntryId {
    type Err = &'static str;

    /// Only what is written exactly so is one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (before, ulid) = text.split_once('-').ok_or("no name of an entry")?;
        let before = before.parse().map_err(|_| "no name of an entry")?;
        let id = Self { before, ulid: ulid.parse().map_err(|_| "no name of an entry")? };
        (id.to_string() == text).then_some(id).ok_or("another spelling of an entry's name")
    }
}

impl TryFrom<String> for EntryId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// What one look did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Its name.
    pub id: EntryId,
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
    /// One that begins at `at`.
    pub fn new(at: Timestamp, cause: Cause) -> Self {
        Self { id: EntryId::new(at), at, cause, changes: vec![], notes: vec![], request_ids: vec![] }
    }

    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.notes.is_empty()
    }

    /// The items of this entry: one, or more where it is large.
    pub fn puts(&self, tenant: TenantId, team: TeamId) -> Result<Vec<Write>, StoreError> {
        let parts = self.changes.len().div_ceil(PER_ITEM).max(1);
        let part = |n: usize| {
            let changes = self.changes.iter().skip(n * PER_ITEM).take(PER_ITEM).cloned().collect();
            let rest = if n == 0 { self.clone() } else { Self { notes: vec![], request_ids: vec![], ..self.clone() } };
            let mut item = to_item(
                &Key::new(team_partition(tenant, team), format!("{PREFIX}{}#{n}", self.id)),
                &Self { changes, ..rest },
            )?;
            item.insert("gsi2pk".into(), AttributeValue::S(everywhere(tenant)));
            item.insert("gsi2sk".into(), AttributeValue::S(format!("{}#{n}", self.id)));
            let expires_at = (self.at + KEPT_FOR).as_second();
            item.insert(EXPIRES_AT.into(), AttributeValue::N(expires_at.to_string()));
            Ok(Write::Put(item, Condition::Any))
        };
        (0..parts).map(part).collect()
    }
}

/// One entry, whole, however many parts it is stored in.
pub async fn entry(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    id: EntryId,
) -> Result<Option<Activity>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: format!("{PREFIX}{id}#") };
    let mut parts: Vec<(usize, Activity)> = vec![];
    let mut start = None;
    loop {
        let page = store.query(&query, 100, start.as_ref()).await?;
        for item in page.items {
            let part = Key::of(&item).and_then(|key| key.sk.rsplit('#').next()?.parse().ok());
            parts.push((part.unwrap_or_default(), from_item(item)?));
        }
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    parts.sort_by_key(|(n, _)| *n);
    Ok(parts.into_iter().map(|(_, part)| part).reduce(|mut whole, part| {
        whole.changes.extend(part.changes);
        whole
    }))
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
