//! The link of a team and its group as it is stored, its lease, and its people.
//!
//! # Guarantees
//! Whoever holds a lease is the only one who writes the link and its people, until the lease ends: it is taken by one conditional update, and every later write requires
//! it still to stand.

mod again;
mod claim;
mod instruct;
mod lease;
mod listing;
mod people;
mod unlink;

pub(crate) use again::{creation_after, forget_people};
pub(crate) use claim::release;
pub use claim::{Claim, claims};
pub use instruct::{Instructed, Proposal, instruct};
pub use lease::{Closing, Handed, Lease, take_lease, want};
pub(crate) use listing::listing;
pub use listing::{State, page};
pub use people::{Because, OnLink, Who, delete_person, people, put_person};
pub use unlink::{Unlinked, unlink};

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::notify::LinkNotice;
use clients::graph::NewGroup;
use clients::webex::Region;
use domain::ids::{GroupId, ObjectId, PersonId, TeamId, TenantId};
use domain::merge::{HeldFor, Names};
use store::table::{
    Change, Condition, Key, Store, StoreError, Test, Write, milliseconds, moment, never, to_item, to_value,
};

/// A team and the group that it has or is going to have. Scalars only; the people are items of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The team.
    pub team: TeamId,
    /// The region in the team's id.
    pub region: Region,
    /// How far the link has come.
    pub phase: Phase,
    /// The team's title and the group's name. `None` until the group exists.
    pub names: Option<Names>,
    /// Owners whom readings show to be no members, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub owners_alone: BTreeMap<ObjectId, Timestamp>,
    /// The team's title when it was last read, for the pages.
    pub title: String,
    /// Where the officer stands in this team.
    pub officer: OfficerPlace,
    /// Removals of the last 24 hours, by when they were made.
    pub removed: Vec<Removed>,
    /// Why a plan waits for an administrator.
    pub held: Option<HeldFor>,
    /// What keeps the link from being in step.
    pub trouble: Option<Trouble>,
    /// When the group was created or restored: replicas may not know it for a while.
    pub group_since: Option<Timestamp>,
    /// When the group was last restored from the deleted ones.
    pub restored_at: Option<Timestamp>,
    /// How many people take part, and how many are left out, at the last look.
    pub counts: Counts,
    /// When the last daily look was.
    pub daily_at: Option<Timestamp>,
    /// When the directory's expiration policy deletes the group, as of the last daily look.
    #[serde(default)]
    pub group_ends_at: Option<Timestamp>,
    /// What an administrator was made to know.
    #[serde(default)]
    pub notices: BTreeSet<LinkNotice>,
    /// When the last daily look in preview mode was, which says nothing of the others.
    #[serde(default)]
    pub previewed_at: Option<Timestamp>,
    /// When a preview was last stored, if no live look has come after it.
    #[serde(default)]
    pub shown_at: Option<Timestamp>,
    /// Who was asked whether the team should have a group.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// Since when its spaces have folders.
    #[serde(default)]
    pub folders_since: Option<Timestamp>,
    /// Where the group comes from.
    #[serde(default)]
    pub origin: GroupOrigin,
}

/// Where a link's group comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupOrigin {
    /// It was made for the team.
    #[default]
    Made,
    /// It was there before, and an administrator connected it: it is never deleted.
    Connected,
}

/// Somebody who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
}

/// How far a link has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The creator was asked, by card, whether the team should have a group.
    Asked {
        /// The card, once it is sent.
        card: Option<Card>,
    },
    /// The group is being created.
    Creating {
        /// The whole request, stored before it is sent and repeated verbatim.
        request: Option<Request>,
    },
    /// The group exists.
    Linked {
        /// Which.
        group: GroupId,
    },
    /// The link is over; the group stays as it is.
    Ended {
        /// Why.
        why: Ended,
    },
}

/// A card that was sent to a team's creator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Webex's id of its message.
    pub message: String,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// A request for a group as it was stored before it was first sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The request.
    pub group: NewGroup,
    /// When it was stored.
    pub at: Timestamp,
    /// How often names or nicknames were changed at the service's wish.
    pub corrections: u8,
}

/// Why a link is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The team was deleted.
    TeamDeleted,
    /// The group was deleted for good, or again within 30 days of being restored.
    GroupDeleted,
    /// The creator or an administrator wants no group.
    NotWanted,
    /// The creator was asked, and has not answered.
    NotAnswered,
}

/// Where the officer stands in a team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfficerPlace {
    /// It was never in the team.
    #[default]
    NotYet,
    /// It was a member of the team when last read.
    Inside {
        /// Which account: the officer can have been replaced since.
        account: PersonId,
        /// By whom.
        by: PutThere,
    },
    /// A person put it out: it stays out.
    PutOut {
        /// Which account.
        account: PersonId,
    },
}

/// By whom the officer was put into a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PutThere {
    /// It stepped in to do its work, and leaves with it.
    Itself,
    /// Somebody, before it had a work to do there. It stays, whoever the officer is.
    Somebody,
}

impl OfficerPlace {
    /// Where this account stands if it was just read in the team; `by` says who put it there if that is new.
    pub(crate) fn there(self, officer: PersonId, by: PutThere) -> Self {
        if self.is_inside(officer) { self } else { Self::Inside { account: officer, by } }
    }

    /// Where this account stands if it was just not read in the team.
    pub(crate) fn not_there(self, officer: PersonId) -> Self {
        match self {
            Self::Inside { account, .. } | Self::PutOut { account } if account == officer => Self::PutOut { account },
            _ => Self::NotYet,
        }
    }

    /// Whether this account stands in the team.
    pub fn is_inside(self, officer: PersonId) -> bool {
        matches!(self, Self::Inside { account, .. } if account == officer)
    }

    /// An account that stepped in when it was the officer.
    pub(crate) fn former(self, officer: PersonId) -> Option<PersonId> {
        match self {
            Self::Inside { account, by: PutThere::Itself } if account != officer => Some(account),
            _ => None,
        }
    }
}

/// Removals that a look made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub people: usize,
}

/// What keeps a link from being in step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What, in words.
    pub reason: String,
    /// What kind, for the pages.
    pub kind: TroubleKind,
    /// Since when.
    pub since: Timestamp,
    /// How many looks ended so.
    pub tries: u32,
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// A call failed; the next look tries again.
    CallFailed,
    /// An administrator has to do something.
    NeedsAdministrator,
    /// No moderator of the team takes part, and there is no fallback owner.
    NoOwner,
    /// The team is not visible.
    TeamMissing,
    /// The group is not visible.
    GroupMissing,
    /// A group with the name that is unique to this team exists already, and it is not ours.
    SomebodyElsesGroup,
    /// The directory does not let groups be created.
    CreationRestricted,
    /// The team is archived: nobody comes or goes until it is brought back.
    Archived,
}

/// How many people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// On either side and able to be on both.
    pub taking_part: usize,
    /// On one side only, with a reason.
    pub left_out: usize,
    /// Owners of the group.
    #[serde(default)]
    pub owners: usize,
}

impl Link {
    /// A link that is about to be.
    pub fn new(team: TeamId, region: Region, title: String, phase: Phase) -> Self {
        Self {
            team,
            region,
            phase,
            names: None,
            owners_alone: BTreeMap::new(),
            title,
            officer: OfficerPlace::NotYet,
            removed: Vec::new(),
            held: None,
            trouble: None,
            group_since: None,
            restored_at: None,
            counts: Counts::default(),
            daily_at: None,
            group_ends_at: None,
            notices: BTreeSet::new(),
            previewed_at: None,
            shown_at: None,
            asked: None,
            folders_since: None,
            origin: GroupOrigin::Made,
        }
    }

    /// The group, if it exists.
    pub fn group(&self) -> Option<GroupId> {
        match self.phase {
            Phase::Linked { group } => Some(group),
            _ => None,
        }
    }

    /// The group, if it was made for the team. No other may ever be deleted.
    pub fn group_of_our_making(&self) -> Option<GroupId> {
        self.group().filter(|_| self.origin == GroupOrigin::Made)
    }

    /// Whether the group was connected, and no look has united both sides yet.
    pub(crate) fn is_first_union(&self) -> bool {
        self.origin == GroupOrigin::Connected && self.daily_at.is_none()
    }

    /// The state under which the pages list it.
    pub fn state(&self) -> State {
        match (&self.phase, &self.trouble, &self.held) {
            (Phase::Ended { .. }, ..) => State::Ended,
            (_, Some(_), _) => State::Failing,
            (_, None, Some(_)) => State::Held,
            (Phase::Asked { .. }, ..) => State::Asked,
            (Phase::Creating { .. }, ..) => State::Creating,
            (Phase::Linked { .. }, ..) => State::Active,
        }
    }

    /// Whether the group is so young that replicas may not know it.
    pub fn group_is_young(&self, now: Timestamp) -> bool {
        self.group_since.is_some_and(|since| now.duration_since(since) < domain::merge::RECENT)
    }

    /// How many people were removed in the last 24 hours.
    pub fn removed_lately(&self, now: Timestamp) -> usize {
        let lately = self.removed.iter().filter(|removed| is_within_a_day(removed.at, now));
        lately.fold(0, |all, removed| all.saturating_add(removed.people))
    }

    /// Counts removals for the brake, and forgets those older than a day.
    pub fn count_removals(&mut self, people: usize, now: Timestamp) {
        self.removed.retain(|removed| is_within_a_day(removed.at, now));
        if people > 0 {
            self.removed.push(Removed { at: now, people });
        }
    }

    /// Remembers what went wrong, since when and how often.
    pub fn is_troubled(&mut self, kind: TroubleKind, reason: String, now: Timestamp) {
        let (since, tries) =
            self.trouble.as_ref().filter(|trouble| trouble.kind == kind).map_or((now, 0), |t| (t.since, t.tries));
        self.trouble = Some(Trouble { reason, kind, since, tries: tries.saturating_add(1) });
    }
}

fn is_within_a_day(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < SignedDuration::from_hours(24)
}

/// A link with what its lease and its looks go by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The link.
    pub link: Link,
    /// Until when somebody holds it.
    #[serde(with = "milliseconds")]
    pub lease_until: Timestamp,
    /// Who.
    pub lease: String,
    /// Wishes for a look up to here are known.
    #[serde(with = "milliseconds")]
    pub wanted: Timestamp,
    /// Start of the last reading.
    #[serde(with = "milliseconds")]
    pub looked: Timestamp,
    /// The last hint from Microsoft.
    #[serde(with = "milliseconds")]
    pub hinted: Timestamp,
    /// When the next look is due without anybody asking.
    #[serde(rename = "gsi1sk", with = "milliseconds")]
    pub next_look: Timestamp,
    /// When the one delayed message comes.
    #[serde(with = "milliseconds")]
    pub delayed: Timestamp,
}

impl Kept {
    /// Whether somebody holds the link at this moment.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.lease_until > now
    }

    /// Whether the last reading answers a wish for a look at `at`, and every wish known since.
    pub fn has_answered(&self, at: Timestamp) -> bool {
        self.looked >= at && self.looked >= self.wanted
    }
}

/// The partition of a tenant's links.
pub fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#LINK")
}

/// Where a link is kept.
pub fn key(tenant: TenantId, team: TeamId) -> Key {
    Key::new(partition(tenant), team.to_string())
}

fn index_attributes(tenant: TenantId, link: &Link, next_look: Timestamp) -> Result<Vec<Change>, StoreError> {
    Ok(vec![
        Change::Set("gsi1pk", to_value(&format!("LOOK#{tenant}"))?),
        Change::Set("gsi1sk", moment(next_look)),
        Change::Set("gsi2pk", to_value(&listing(tenant, link.state()))?),
        Change::Set("gsi2sk", to_value(&listing::sorted_by(link))?),
    ])
}

/// Part of a transaction that makes a link, if there is none. Nobody holds it, and its first look is due at once.
pub fn creation(tenant: TenantId, link: &Link, now: Timestamp) -> Result<Write, StoreError> {
    let never = Timestamp::UNIX_EPOCH;
    let kept = Kept {
        link: link.clone(),
        lease_until: never,
        lease: String::new(),
        wanted: never,
        looked: never,
        hinted: never,
        next_look: now,
        delayed: never,
    };
    let mut item = to_item(&key(tenant, link.team), &kept)?;
    for change in index_attributes(tenant, link, now)? {
        if let Change::Set(attribute, value) = change {
            item.insert(attribute.into(), value);
        }
    }
    Ok(Write::Put(item, Condition::Absent))
}

/// That a link's next look has come.
pub fn is_due(now: Timestamp) -> Condition {
    Condition::Holds(vec![Test::Below("gsi1sk", now.as_millisecond().saturating_add(1))])
}

/// Moves a link's next look, unless the link changed in the meantime, which then knows better. Says whether it was moved.
pub async fn postpone(
    store: &dyn Store,
    tenant: TenantId,
    kept: &Kept,
    changes: Vec<Change>,
) -> Result<bool, StoreError> {
    let same = Condition::Holds(vec![
        Test::Equals("looked", moment(kept.looked)),
        Test::Equals("delayed", moment(kept.delayed)),
        Test::Equals("gsi1sk", moment(kept.next_look)),
    ]);
    match store.update(&key(tenant, kept.link.team), changes, same).await {
        Ok(_) => Ok(true),
        Err(StoreError::ConditionFailed) => Ok(false),
        Err(error) => Err(error),
    }
}
