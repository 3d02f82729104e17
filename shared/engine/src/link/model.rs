//! A link's data.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{LinkState, ServiceAccountPresence};
use crate::codes::{CardAnswer, FailureKind, FailureReason};
use crate::notify::LinkAlert;
use clients::graph::NewGroup;
use clients::webex::Region;
use domain::ids::{GroupId, ObjectId, PersonId, TeamId};
use domain::membership::Side;
use domain::merge::{ApprovalReason, NameState};

/// Time for which a link that ended can come back. A deleted group can be restored for as long.
const WAY_BACK_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A team and the group that it has or is going to have, without its people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The team.
    pub team: TeamId,
    /// The region in the team's id.
    pub region: Region,
    /// The phase.
    pub phase: Phase,
    /// The team's title and the group's name; `None` until the group exists.
    pub names: Option<NameState>,
    /// Owners whom readings show without membership, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub owners_without_membership: BTreeMap<ObjectId, Timestamp>,
    /// The team's title at the last reading, for the pages.
    pub title: String,
    /// The service account's presence in the team.
    pub service_account: ServiceAccountPresence,
    /// The reason why removals wait for an administrator.
    pub held: Option<ApprovalReason>,
    /// The failure that keeps the link out of sync.
    pub failure: Option<SyncFailure>,
    /// The creation or restoration of the group; replicas may not know it for a while.
    pub group_since: Option<Timestamp>,
    /// Our write that made the group or brought it back, until a reading shows the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Box<Unseen>>,
    /// The last restoration of the group.
    pub restored_at: Option<Timestamp>,
    /// Numbers of people at the last sync.
    pub counts: LinkCounts,
    /// Number of people with a failure that an administrator should know.
    #[serde(default)]
    pub failing_people: usize,
    /// Number of eligible people whose roles differ between the sides, as the last sync left them.
    #[serde(default)]
    pub differing_people: usize,
    /// The first run that a service throttled since one ended in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_since: Option<Timestamp>,
    /// The refusal of the rename that is deferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename_refused: Option<RenameRefusal>,
    /// The last daily sync.
    pub full_sync_at: Option<Timestamp>,
    /// The expiry of the group by the directory's policy, as of the last daily sync.
    #[serde(default)]
    pub group_ends_at: Option<Timestamp>,
    /// Alerts that are raised.
    #[serde(default)]
    pub alerts: BTreeSet<LinkAlert>,
    /// The last daily sync in preview mode, which says nothing of live ones.
    #[serde(default)]
    pub previewed_at: Option<Timestamp>,
    /// The last stored preview, if no live sync came after it.
    #[serde(default)]
    pub preview_stored_at: Option<Timestamp>,
    /// The person who was asked about a group.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// Since when its spaces have folders.
    #[serde(default)]
    pub folders_since: Option<Timestamp>,
    /// The origin of the group.
    #[serde(default)]
    pub origin: GroupOrigin,
    /// The last return of a link that had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_at: Option<Timestamp>,
}

/// The origin of a link's group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupOrigin {
    /// It was created for the team.
    #[default]
    Created,
    /// It existed before, and an administrator adopted it: it is never deleted.
    Adopted,
}

/// A person who was asked about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The person.
    pub person: PersonId,
    /// The moment of the question.
    pub at: Timestamp,
}

/// The phase of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The creator was asked, by card, about a group.
    Asked {
        /// The card, once it is sent.
        card: Option<Card>,
    },
    /// The group is being created.
    Creating {
        /// The whole request, stored before it is sent and repeated verbatim.
        request: Option<CreationRequest>,
    },
    /// The group exists.
    Linked {
        /// The group.
        group: GroupId,
    },
    /// The link has ended.
    Ended {
        /// The reason.
        why: Ended,
        /// The way back, where the reason was that something did not answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        // In a box, because a way back holds a phase itself.
        way_back: Option<Box<WayBack>>,
    },
}

/// The way back of a link that ended because its team or group did not answer.
///
/// Until it is given up, the people and the claim on the group stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    /// The phase to return to.
    pub phase: Phase,
    /// The moment at which the link ended.
    pub since: Timestamp,
}

impl WayBack {
    /// Returns the moment at which the link ends for good.
    pub fn ends_at(&self) -> Timestamp {
        self.since + WAY_BACK_FOR
    }
}

impl Phase {
    /// Returns the phase of a link that has ended for good.
    pub fn ended(why: Ended) -> Self {
        Self::Ended { why, way_back: None }
    }

    /// Returns the phase after an answer to a card; `None` if the link does not wait for it.
    pub fn after_answer(&self, card: &str, answer: CardAnswer) -> Option<Self> {
        // A crash can leave a second card, and only the stored one counts.
        match (self, answer) {
            (Self::Asked { card: Some(sent) }, CardAnswer::Yes) if sent.message == card => {
                Some(Self::Creating { request: None })
            }
            (Self::Asked { card: Some(sent) }, CardAnswer::No) if sent.message == card => {
                Some(Self::ended(Ended::Declined))
            }
            // It was answered before, or has lapsed.
            _ => None,
        }
    }

    fn group(&self) -> Option<GroupId> {
        match self {
            Self::Linked { group } => Some(*group),
            _ => None,
        }
    }
}

/// A card that was sent to a team's creator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Webex's id of its message.
    pub message: String,
    /// The moment of sending.
    pub sent_at: Timestamp,
    /// The number of cards that were sent, while no reading has shown one.
    #[serde(default)]
    pub unseen: u32,
}

/// A request for a group, stored before it is first sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreationRequest {
    /// The request.
    pub group: NewGroup,
    /// The moment of storing.
    pub at: Timestamp,
    /// The moment of the first request for the team's group, if it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Timestamp>,
    /// The number of changes of name or nickname that the service asked for.
    pub corrections: u8,
}

/// A write after which the group should be there, and no reading has shown it yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unseen {
    /// This request created it.
    Created(CreationRequest),
    /// It was restored.
    Restored,
}

/// The reason why a link has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The team was deleted.
    TeamDeleted,
    /// The group was deleted for good, or again within 30 days of a restoration.
    GroupDeleted,
    /// The creator or an administrator wants no group.
    Declined,
    /// The creator was asked and did not answer.
    NotAnswered,
}

/// A failure that keeps a link out of sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncFailure {
    /// The reason.
    pub reason: FailureReason,
    /// The first sync that ended so.
    pub since: Timestamp,
    /// The number of syncs that ended so.
    pub tries: u32,
}

impl SyncFailure {
    /// Returns the kind of failure.
    pub fn kind(&self) -> FailureKind {
        self.reason.kind()
    }
}

/// The refusal of a rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenameRefusal {
    /// The side to rename.
    pub side: Side,
    /// The refused name.
    pub to: String,
    /// The service's answer.
    pub said: String,
}

/// Numbers of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounts {
    /// People on either side who are eligible.
    pub eligible: usize,
    /// People on one side who are excluded.
    pub excluded: usize,
    /// Owners of the group.
    #[serde(default)]
    pub owners: usize,
}

impl Link {
    /// A new link.
    pub fn new(team: TeamId, region: Region, title: String, phase: Phase) -> Self {
        Self {
            team,
            region,
            phase,
            names: None,
            owners_without_membership: BTreeMap::new(),
            title,
            service_account: ServiceAccountPresence::NeverJoined,
            held: None,
            failure: None,
            group_since: None,
            unseen: None,
            restored_at: None,
            counts: LinkCounts::default(),
            failing_people: 0,
            differing_people: 0,
            throttled_since: None,
            rename_refused: None,
            full_sync_at: None,
            group_ends_at: None,
            alerts: BTreeSet::new(),
            previewed_at: None,
            preview_stored_at: None,
            asked: None,
            folders_since: None,
            origin: GroupOrigin::Created,
            returned_at: None,
        }
    }

    /// Returns the group, if it exists.
    pub fn group(&self) -> Option<GroupId> {
        self.phase.group()
    }

    /// Returns the group that no other team can have: its own, or that of a way back.
    pub fn claimed_group(&self) -> Option<GroupId> {
        match &self.phase {
            Phase::Ended { way_back: Some(way_back), .. } => way_back.phase.group(),
            phase => phase.group(),
        }
    }

    /// Returns `true` if the link has ended for good.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended { way_back: None, .. })
    }

    /// Returns the group, if it was created for the team. Only such a group may be deleted.
    pub fn created_group(&self) -> Option<GroupId> {
        self.group().filter(|_| self.origin == GroupOrigin::Created)
    }

    /// Returns `true` if the group was adopted and no sync has merged both sides yet.
    pub(crate) fn is_first_sync_after_adoption(&self) -> bool {
        self.origin == GroupOrigin::Adopted && self.full_sync_at.is_none()
    }

    /// Returns the state under which the pages list it.
    pub fn state(&self) -> LinkState {
        match (&self.phase, &self.failure, &self.held) {
            (Phase::Ended { .. }, ..) => LinkState::Ended,
            // Before a pending approval, because only a sync that works carries one out.
            (_, Some(_), _) => LinkState::Failing,
            (_, None, Some(_)) => LinkState::PendingApproval,
            (Phase::Asked { .. }, ..) => LinkState::Asked,
            (Phase::Creating { .. }, ..) => LinkState::Creating,
            (Phase::Linked { .. }, ..) if self.differing_people > 0 => LinkState::Differing,
            (Phase::Linked { .. }, ..) => LinkState::Active,
        }
    }

    /// Returns the number of memberships that the link adds to the tenant's.
    pub(crate) fn memberships(&self) -> usize {
        match self.phase {
            // An ended link removes no one, so its people must not raise the removal limit.
            Phase::Ended { .. } => 0,
            _ => self.counts.eligible,
        }
    }

    /// Returns `true` if the group is so new that replicas may not know it.
    pub fn group_is_new(&self, now: Timestamp) -> bool {
        self.group_since.is_some_and(|since| now.duration_since(since) < domain::merge::LAG_WINDOW)
    }

    /// Records a failure. One of the same kind keeps its beginning and counts on.
    pub fn record_failure(&mut self, reason: FailureReason, now: Timestamp) {
        // Another kind is another failure, with its own pauses and its own alert.
        let before = self.failure.as_ref().filter(|failure| failure.kind() == reason.kind());
        let (since, tries) = before.map_or((now, 0), |before| (before.since, before.tries));
        self.failure = Some(SyncFailure { reason, since, tries: tries.saturating_add(1) });
    }
}
