//! What a look would do to a link, as preview mode stores it to be shown: both sides are read and merged, and that is all.
//!
//! Each link's preview is judged by itself: the tenant's brake counts what was removed, not what other links' previews would remove.

use std::fmt;
use std::num::ParseIntError;
use std::ops::AddAssign;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use sha2::{Digest, Sha256};

use crate::link::{TroubleKind, Who};
use domain::ids::{GroupId, ObjectId, TeamId, TenantId};
use domain::membership::{LeftOut, Person, Side, Standing};
use domain::merge::{Held, HeldFor};
use store::keys::{self, team_partition};
use store::table::{Change, Condition, EXPIRES_AT, Key, Query, Store, StoreError, Write, from_item, to_item};

/// What a preview is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The next look.
    Look,
    /// The first look after this group has been connected.
    Connecting(GroupId),
}

impl Of {
    /// A preview that nobody renews for so long is gone.
    fn kept_for(self) -> SignedDuration {
        match self {
            Self::Look => SignedDuration::from_hours(30 * 24),
            Self::Connecting(_) => SignedDuration::from_mins(15),
        }
    }

    fn prefix(self) -> String {
        match self {
            Self::Look => "PREVIEW#".into(),
            Self::Connecting(group) => format!("CONNECTING#{group}#"),
        }
    }
}

/// Moves, and people who are left out, in one item.
const PER_ITEM: usize = 500;

/// What a look would do to one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// When both sides were read.
    pub at: Timestamp,
    /// What would become of the group itself.
    pub group: GroupOutlook,
    /// What the officer would do.
    pub officer: OfficerOutlook,
    /// Which side would be renamed.
    pub rename: Option<Rename>,
    /// What would become of people, in the order in which it would be done; what would wait for an administrator comes last.
    pub moves: Vec<Move>,
    /// Who would stay on one side only.
    pub left_out: Vec<(Who, LeftOut)>,
    /// How many people have not been looked up yet: the next look knows more.
    pub unresolved: usize,
}

/// What would become of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outlook", rename_all = "kebab-case")]
pub enum GroupOutlook {
    /// It exists.
    Exists,
    /// It would be created.
    Created {
        /// The name that would be asked for; a naming policy can decorate it.
        name: String,
        /// The address before the `@` that would be asked for.
        mail_nickname: String,
        /// The tenant's fallback owner, where no moderator takes part.
        fallback_owner: Option<ObjectId>,
        /// Who would have to agree first.
        consent: Consent,
    },
    /// Nothing would be done: a side is missing, or there can be no group.
    Blocked {
        /// What kind of trouble it is.
        kind: TroubleKind,
        /// What, in words.
        reason: String,
    },
}

/// Who has to agree before a group is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// Nobody, or the one who had to has.
    NotNeeded,
    /// The team's creator, who is asked by card.
    Creator,
}

/// What the officer would do in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfficerOutlook {
    /// It would stay where it is.
    Stays,
    /// It would join the team as a moderator.
    Joins,
}

/// A rename that would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Whose name.
    pub side: Side,
    /// The name as it was read.
    pub from: String,
    /// The name that would be given.
    pub to: String,
}

/// What would become of one person on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Who.
    pub person: Person,
    /// Where.
    pub side: Side,
    /// What the person is there.
    pub from: Standing,
    /// What the person would be there.
    pub to: Standing,
    /// Why it would wait for an administrator, if so.
    pub held: Option<HeldFor>,
}

/// How much a preview would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Groups created.
    pub created: usize,
    /// People added, on either side.
    pub added: usize,
    /// Members made owners.
    pub promoted: usize,
    /// Owners made members.
    pub demoted: usize,
    /// People removed without asking.
    pub removed: usize,
    /// Removals that would wait for an administrator.
    pub held: usize,
    /// Names changed.
    pub renamed: usize,
    /// People who would stay on one side only.
    pub left_out: usize,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        let Self { created, added, promoted, demoted, removed, held, renamed, left_out } = other;
        self.created += created;
        self.added += added;
        self.promoted += promoted;
        self.demoted += demoted;
        self.removed += removed;
        self.held += held;
        self.renamed += renamed;
        self.left_out += left_out;
    }
}

impl Preview {
    /// How much it is.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            created: usize::from(matches!(self.group, GroupOutlook::Created { .. })),
            renamed: usize::from(self.rename.is_some()),
            left_out: self.left_out.len(),
            ..Totals::default()
        };
        for one in &self.moves {
            *match (one.from, one.to, one.held) {
                (_, _, Some(_)) => &mut totals.held,
                (_, Standing::Absent, None) => &mut totals.removed,
                (Standing::Absent, _, None) => &mut totals.added,
                (_, Standing::Owner, None) => &mut totals.promoted,
                (_, Standing::Member, None) => &mut totals.demoted,
            } += 1;
        }
        totals
    }

    /// Who would be removed, at once or after an administrator has decided.
    pub fn removals(&self) -> impl Iterator<Item = Held> {
        let removals = self.moves.iter().filter(|one| !one.to.is_present());
        removals.map(|one| Held { person: one.person, side: one.side })
    }

    /// What somebody who saw the preview saw: it differs as soon as anything else would be done. Who is left out is no act, nor is when it was read.
    pub fn hash(&self) -> String {
        let Self { at: _, group, officer, rename, moves, left_out: _, unresolved: _ } = self;
        let mut hash = Sha256::new();
        hash.update(match group {
            GroupOutlook::Exists => "exists\n".to_owned(),
            GroupOutlook::Created { name, mail_nickname, fallback_owner, consent } => {
                format!("created {name:?} {mail_nickname:?} {fallback_owner:?} {consent:?}\n")
            }
            GroupOutlook::Blocked { kind, reason: _ } => format!("blocked {kind:?}\n"),
        });
        hash.update(format!("officer {officer:?}\n"));
        if let Some(Rename { side, from, to }) = rename {
            hash.update(format!("rename {side} {from:?} {to:?}\n"));
        }
        for Move { person: Person { object, person }, side, from, to, held } in moves {
            hash.update(format!("{object}/{person} {side} {from} {to} {held:?}\n"));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The items of this preview: one, or more where it is large.
    pub fn puts(&self, tenant: TenantId, team: TeamId, of: Of) -> Result<Vec<Write>, StoreError> {
        let parts = self.moves.len().max(self.left_out.len()).div_ceil(PER_ITEM).max(1);
        let hash = self.hash();
        let expires_at = (self.at + of.kept_for()).as_second().to_string();
        let part = |n: usize| {
            let moves = self.moves.iter().skip(n * PER_ITEM).take(PER_ITEM).cloned().collect();
            let left_out = self.left_out.iter().skip(n * PER_ITEM).take(PER_ITEM).copied().collect();
            let preview = Self { moves, left_out, ..self.clone() };
            let mut item = to_item(&key(tenant, team, of, n), &Part { hash: hash.clone(), preview })?;
            item.insert(EXPIRES_AT.into(), AttributeValue::N(expires_at.clone()));
            Ok(Write::Put(item, Condition::Any))
        };
        (0..parts).map(part).collect()
    }
}

#[derive(Serialize, Deserialize)]
struct Part {
    hash: String,
    preview: Preview,
}

fn key(tenant: TenantId, team: TeamId, of: Of, n: usize) -> Key {
    Key::new(team_partition(tenant, team), format!("{}{n:04}", of.prefix()))
}

/// The hash of the stored preview, if there is one.
pub(crate) async fn stored_hash(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<Option<String>, StoreError> {
    let part: Option<Part> = store.get(&key(tenant, team, Of::Look, 0)).await?.map(from_item).transpose()?;
    Ok(part.map(|part| part.hash))
}

/// How often what would be done to any of a tenant's links has changed: whoever confirms all previews says which he saw.
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

/// How often the tenant's previews have changed so far. Read it before the previews: what is shown is then never older than it says.
pub async fn changes(store: &dyn Store, tenant: TenantId) -> Result<Changes, StoreError> {
    Ok(store.get(&keys::previews(tenant)).await?.map(from_item).transpose()?.unwrap_or_default())
}

/// Part of the transaction that stores another preview than was there.
pub(crate) fn count_change(tenant: TenantId) -> Write {
    Write::Update(keys::previews(tenant), vec![Change::Add("changes", 1)], Condition::Any)
}

/// The last preview of this kind, if there was one.
pub async fn load(store: &dyn Store, tenant: TenantId, team: TeamId, of: Of) -> Result<Option<Preview>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: of.prefix() };
    let mut whole: Option<Part> = None;
    let mut start = None;
    loop {
        let page = store.query(&query, 100, start.as_ref()).await?;
        for item in page.items {
            let part: Part = from_item(item)?;
            match &mut whole {
                None => whole = Some(part),
                // What a larger preview of before left behind is no part of this one.
                Some(whole) if part.hash == whole.hash && part.preview.at == whole.preview.at => {
                    whole.preview.moves.extend(part.preview.moves);
                    whole.preview.left_out.extend(part.preview.left_out);
                }
                Some(_) => {}
            }
        }
        start = page.next;
        if start.is_none() {
            return Ok(whole.map(|whole| whole.preview));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use domain::clock::{Clock, SimulatedClock};
    use domain::ids::PersonId;
    use store::table::memory::MemoryStore;

    const A_MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

    fn person(n: u128) -> Person {
        Person { object: ObjectId(Uuid::from_u128(n)), person: PersonId(Uuid::from_u128(n)) }
    }

    fn preview(at: Timestamp, moves: u128, left_out: u128) -> Preview {
        let added =
            |n| Move { person: person(n), side: Side::Group, from: Standing::Absent, to: Standing::Member, held: None };
        Preview {
            at,
            group: GroupOutlook::Exists,
            officer: OfficerOutlook::Stays,
            rename: None,
            moves: (0..moves).map(added).collect(),
            left_out: (0..left_out).map(|n| (Who::Entra(person(n).object), LeftOut::Guest)).collect(),
            unresolved: 0,
        }
    }

    #[tokio::test]
    async fn a_preview_is_read_as_it_was_stored_whatever_its_size_and_whatever_was_there_before() {
        let clock = Arc::new(SimulatedClock::starting_at("2026-11-23T08:00:00Z".parse().unwrap()));
        let store = MemoryStore::new(clock.clone());
        let (tenant, team) = (TenantId(Uuid::from_u128(1)), TeamId(Uuid::from_u128(2)));
        assert_eq!(load(&store, tenant, team, Of::Look).await, Ok(None));
        for (moves, left_out) in [(0, 1), (1_200, 3), (3, 1_700), (1_200, 3), (0, 0)] {
            clock.advance(std::time::Duration::from_secs(60));
            let stored = preview(clock.now(), moves, left_out);
            store.write(stored.puts(tenant, team, Of::Look).unwrap()).await.unwrap();
            assert_eq!(load(&store, tenant, team, Of::Look).await, Ok(Some(stored)), "{moves} and {left_out}");
        }
        let (one, other) = (GroupId(Uuid::from_u128(3)), GroupId(Uuid::from_u128(4)));
        let connecting = preview(clock.now(), 1, 1);
        store.write(connecting.puts(tenant, team, Of::Connecting(one)).unwrap()).await.unwrap();
        assert_eq!(load(&store, tenant, team, Of::Connecting(one)).await, Ok(Some(connecting)));
        assert_eq!(load(&store, tenant, team, Of::Connecting(other)).await, Ok(None), "each group's is its own");
        clock.advance(std::time::Duration::from_secs(15 * 60));
        assert_eq!(load(&store, tenant, team, Of::Connecting(one)).await, Ok(None), "it is kept for some minutes");
        clock.advance(std::time::Duration::from_secs(31 * 86_400));
        assert_eq!(load(&store, tenant, team, Of::Look).await, Ok(None), "an old one is gone");
    }

    #[test]
    fn the_hash_is_of_what_would_be_done() {
        let at = "2026-11-23T08:00:00Z".parse().unwrap();
        let shown = preview(at, 3, 3);
        let later = Preview { at: at + A_MONTH, unresolved: 7, ..preview(at, 3, 0) };
        assert_eq!(shown.hash(), later.hash(), "the moment, and who is left out, are no acts");
        let rename = |to: &str| Some(Rename { side: Side::Team, from: "A".into(), to: to.into() });
        let created = |name: &str, consent| GroupOutlook::Created {
            name: name.into(),
            mail_nickname: "n".into(),
            fallback_owner: None,
            consent,
        };
        let mut held = shown.clone();
        held.moves[1].held = Some(HeldFor::LinkLimit);
        let mut promoted = shown.clone();
        promoted.moves[1].to = Standing::Owner;
        let mut others = vec![shown.hash(), held.hash(), promoted.hash(), preview(at, 2, 3).hash()];
        for other in [
            Preview { rename: rename("B"), ..shown.clone() },
            Preview { rename: rename("C"), ..shown.clone() },
            Preview { officer: OfficerOutlook::Joins, ..shown.clone() },
            Preview { group: created("A", Consent::NotNeeded), ..shown.clone() },
            Preview { group: created("B", Consent::NotNeeded), ..shown.clone() },
            Preview { group: created("B", Consent::Creator), ..shown },
        ] {
            others.push(other.hash());
        }
        let count = others.len();
        others.sort();
        others.dedup();
        assert_eq!(others.len(), count);
    }
}
