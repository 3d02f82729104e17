//! Previews in the table.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use super::Preview;
use crate::stored::readable;
use domain::ids::{GroupId, TeamId, TenantId};
use store::keys::{self, team_partition};
use store::pages;
use store::table::{Change, Condition, EXPIRES_AT, Key, Query, Store, StoreError, Write, to_item};

/// Most changes, and most excluded people, in one item.
// Both lists together stay well below the 400 KB that an item can have.
const PER_ITEM: usize = 500;

/// Items of one page of a query.
const PAGE: usize = 100;

/// The subject of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewKind {
    /// The next sync.
    SyncRun,
    /// The first sync after the adoption of this group.
    Adoption(GroupId),
}

impl PreviewKind {
    fn lifetime(self) -> SignedDuration {
        match self {
            Self::SyncRun => SignedDuration::from_hours(30 * 24),
            Self::Adoption(_) => SignedDuration::from_mins(15),
        }
    }

    fn prefix(self) -> String {
        match self {
            Self::SyncRun => "PREVIEW#".into(),
            Self::Adoption(group) => format!("ADOPTION#{group}#"),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Part {
    hash: String,
    preview: Preview,
}

fn key(tenant: TenantId, team: TeamId, of: PreviewKind, n: usize) -> Key {
    // Padded, because the parts are read back in the order of their texts.
    Key::new(team_partition(tenant, team), format!("{}{n:04}", of.prefix()))
}

impl Preview {
    /// Part of a transaction: stores the preview, in several items if it is large.
    pub fn puts(
        &self,
        tenant: TenantId,
        team: TeamId,
        of: PreviewKind,
    ) -> Result<Vec<Write>, StoreError> {
        let parts = self.moves.len().max(self.excluded.len()).div_ceil(PER_ITEM).max(1);
        let hash = self.hash();
        let expires_at = (self.at + of.lifetime()).as_second().to_string();
        let part = |n: usize| {
            let moves = self.moves.iter().skip(n * PER_ITEM).take(PER_ITEM).cloned().collect();
            let excluded =
                self.excluded.iter().skip(n * PER_ITEM).take(PER_ITEM).copied().collect();
            let preview = Self {
                at: self.at,
                group: self.group.clone(),
                service_account: self.service_account,
                rename: self.rename.clone(),
                moves,
                excluded,
                unresolved: self.unresolved,
            };
            let part = Part { hash: hash.clone(), preview };
            let mut item = to_item(&key(tenant, team, of, n), &part)?;
            item.insert(EXPIRES_AT.into(), AttributeValue::N(expires_at.clone()));
            Ok(Write::Put(item, Condition::Any))
        };
        (0..parts).map(part).collect()
    }
}

/// Loads the hash of the stored preview.
pub(crate) async fn stored_hash(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<Option<String>, StoreError> {
    // One part is enough: each has the hash of the whole.
    let item = store.get(&key(tenant, team, PreviewKind::SyncRun, 0)).await?;
    Ok(item.and_then(readable::<Part>).map(|part| part.hash))
}

/// Loads the last preview of this kind.
pub async fn load(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    of: PreviewKind,
) -> Result<Option<Preview>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: of.prefix() };
    let mut whole: Option<Part> = None;
    for item in pages::all(store, &query, PAGE).await? {
        // A part of a preview would show too little.
        let Some(part) = readable::<Part>(item) else { return Ok(None) };
        match &mut whole {
            None => whole = Some(part),
            // Other parts are left over from a larger preview before.
            Some(whole) if part.hash == whole.hash && part.preview.at == whole.preview.at => {
                whole.preview.moves.extend(part.preview.moves);
                whole.preview.excluded.extend(part.preview.excluded);
            }
            Some(_) => {}
        }
    }
    Ok(whole.map(|whole| whole.preview))
}

/// The number of changes of a tenant's previews. A confirmation of all names the number it saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    changes: u64,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.fmt(f)
    }
}

impl FromStr for Changes {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|changes| Self { changes })
    }
}

/// Loads the number of changes. Read it before the previews, which are then never older.
pub async fn changes(store: &dyn Store, tenant: TenantId) -> Result<Changes, StoreError> {
    Ok(store.get(&keys::previews(tenant)).await?.and_then(readable).unwrap_or_default())
}

/// Part of a transaction that stores another preview: counts the change.
pub(crate) fn count_change(tenant: TenantId) -> Write {
    // A lost answer can count twice, which only shows an admin the previews once more.
    Write::Update(keys::previews(tenant), vec![Change::Add("changes", 1)], Condition::Any)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::Timestamp;
    use uuid::Uuid;

    use super::super::{GroupOutlook, Move, ServiceAccountOutlook};
    use super::*;
    use crate::link::Who;
    use domain::clock::{Clock, SimulatedClock};
    use domain::ids::{ObjectId, PersonId};
    use domain::membership::{ExclusionReason, Person, Role, Side};
    use store::table::memory::MemoryStore;

    fn person(n: u128) -> Person {
        Person { object: ObjectId(Uuid::from_u128(n)), person: PersonId(Uuid::from_u128(n)) }
    }

    pub(in super::super) fn preview(at: Timestamp, moves: u128, excluded: u128) -> Preview {
        let added = |n| Move {
            person: person(n),
            side: Side::Group,
            from: Role::None,
            to: Role::Member,
            held: None,
        };
        let guest = |n| (Who::Entra(person(n).object), ExclusionReason::Guest);
        Preview {
            at,
            group: GroupOutlook::Exists,
            service_account: ServiceAccountOutlook::Stays,
            rename: None,
            moves: (0..moves).map(added).collect(),
            excluded: (0..excluded).map(guest).collect(),
            unresolved: 0,
        }
    }

    #[tokio::test]
    async fn preview_is_read_as_it_was_stored() {
        let start = "2026-11-23T08:00:00Z".parse().unwrap();
        let clock = Arc::new(SimulatedClock::starting_at(start));
        let store = MemoryStore::new(clock.clone());
        let (tenant, team) = (TenantId(Uuid::from_u128(1)), TeamId(Uuid::from_u128(2)));
        let read = async |of| load(&store, tenant, team, of).await;
        let write = async |preview: &Preview, of| {
            store.write(preview.puts(tenant, team, of).unwrap()).await.unwrap();
        };
        assert_eq!(read(PreviewKind::SyncRun).await, Ok(None));
        for (moves, excluded) in [(0, 1), (1_200, 3), (3, 1_700), (1_200, 3), (0, 0)] {
            clock.advance(Duration::from_secs(60));
            let stored = preview(clock.now(), moves, excluded);
            write(&stored, PreviewKind::SyncRun).await;
            let read = read(PreviewKind::SyncRun).await;
            assert_eq!(read, Ok(Some(stored)), "{moves} and {excluded}");
        }
        let (one, other) = (GroupId(Uuid::from_u128(3)), GroupId(Uuid::from_u128(4)));
        let adoption = preview(clock.now(), 1, 1);
        write(&adoption, PreviewKind::Adoption(one)).await;
        assert_eq!(read(PreviewKind::Adoption(one)).await, Ok(Some(adoption)));
        let other = read(PreviewKind::Adoption(other)).await;
        assert_eq!(other, Ok(None), "each group has its own");
        clock.advance(Duration::from_secs(15 * 60));
        let expired = read(PreviewKind::Adoption(one)).await;
        assert_eq!(expired, Ok(None), "it is kept for some minutes");
        clock.advance(Duration::from_secs(31 * 86_400));
        assert_eq!(read(PreviewKind::SyncRun).await, Ok(None), "an old one is gone");
    }
}
