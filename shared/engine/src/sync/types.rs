//! Plain data of a sync run. It imports no sibling but the error and failing people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;

use jiff::Timestamp;

use super::error::SyncError;
use super::failing_people::FailingPeople;
use crate::activity::{EntryId, PersonChange};
use crate::codes::{FailureReason, Note};
use crate::link::{Lease, Link, LinkPerson, LinkRow, ServiceAccountPresence, Who};
use crate::quota::{Bucket, Priority};
use crate::safety::pending_approval::PendingApproval;
use crate::safety::removal_counter::RemovalCounter;
use crate::tenant::{DirectoryRules, Running, Settings, Tenant};
use clients::graph::GroupReading;
use clients::http::{Access, Api, Deadline};
use clients::webex::{Membership, MembershipId, MembershipRole, Team};
use domain::ids::{GroupId, ObjectId, PersonId, TenantId};
use domain::membership::{Eligibility, ExclusionReason, Person, Role, Side, Sides};
use domain::merge::{
    NameState, NameWrite, PersonState, Plan, PlanStep, RemovalGuard, Retry, StepOutcome, Terms,
};
use store::message::{Message, Trigger};
use store::table::Write;

/// A tenant as one message finds it: settings, directory rules, backoff and quotas.
pub(crate) struct TenantContext {
    pub(super) tenant: Tenant,
    pub(super) settings: Settings,
    pub(super) rules: Option<DirectoryRules>,
    pub(super) throttled_until: Option<Timestamp>,
    /// APIs that throttled the tenant since the last success.
    pub(super) throttled_by: Vec<Api>,
    pub(super) webex_calls: Option<Bucket>,
    pub(super) graph_writes: Option<Bucket>,
    pub(super) all_graph_writes: Option<Bucket>,
    pub(super) deadline: Deadline,
}

impl TenantContext {
    /// Returns `true` if spaces of this tenant get folders.
    pub(super) fn has_folders(&self) -> bool {
        self.settings.running == Running::Live && self.tenant.has_folders(&self.settings)
    }
}

/// API access for one sync run.
pub(crate) struct ApiAccess {
    pub(super) webex: Access,
    pub(super) graph: Access,
    /// Webex calls that the rate limiter counts for this run.
    pub(super) webex_acquired: AtomicUsize,
}

/// Extent of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SyncDepth {
    /// Applies what differs, after an event or when something of the link was due.
    Quick,
    /// Also resolves excluded people again and retries refused writes.
    ///
    /// Once a day, and when a full sync is requested. No other run answers such a request.
    Full,
    /// Computes a preview only, while an administrator waits for the page.
    DryRun,
}

/// A link under lease, and the message that gave rise to the run.
#[derive(Clone, Copy)]
pub(super) struct LeasedLink<'a> {
    pub(super) context: &'a TenantContext,
    pub(super) message: &'a Message,
    pub(super) lease: &'a Lease,
    /// The row as it was when the lease was taken, with the requests that the run answers.
    pub(super) row: &'a LinkRow,
    pub(super) depth: SyncDepth,
    /// The moment of the reading.
    pub(super) started: Timestamp,
    /// Name of the activity entry that the run writes.
    pub(super) entry: EntryId,
}

/// Context of one sync run. Nothing in it changes while the run lasts.
#[derive(Clone, Copy)]
pub(super) struct SyncRun<'a> {
    pub(super) context: &'a TenantContext,
    pub(super) lease: &'a Lease,
    pub(super) access: &'a ApiAccess,
    pub(super) depth: SyncDepth,
    /// The share of the quota that the run can take.
    pub(super) priority: Priority,
    /// Shown with what the run does.
    pub(super) trigger: Trigger,
    /// The moment of the reading.
    pub(super) started: Timestamp,
    /// The moment since which a full sync is due, in a full run.
    pub(super) full_since: Timestamp,
    /// Name of the activity entry that the run writes.
    pub(super) entry: EntryId,
}

impl SyncRun<'_> {
    pub(super) fn tenant(&self) -> TenantId {
        self.context.tenant.tenant
    }

    /// The rules of the merge for this run.
    pub(super) fn terms(&self) -> Terms {
        let Settings { direction, last_word, .. } = self.context.settings;
        Terms { direction, last_word, now: self.started, retry: self.retry() }
    }

    /// Refused writes are retried by full runs only, once for each request.
    pub(super) fn retry(&self) -> Retry {
        match self.depth {
            SyncDepth::Full => Retry::TriedBefore(self.full_since),
            SyncDepth::Quick | SyncDepth::DryRun => Retry::OwnRules,
        }
    }
}

/// Both sides as read, and the stored people.
pub(super) struct Reading {
    pub(super) team: Team,
    /// Everyone in the team but the service account and its predecessor.
    pub(super) memberships: BTreeMap<PersonId, Membership>,
    /// People of the team whose membership cannot be read.
    pub(super) unreadable: BTreeSet<PersonId>,
    /// The service account in this team.
    pub(super) service_account: ServiceAccountPresence,
    /// Membership of a former service account that joined automatically.
    pub(super) former: Option<Membership>,
    /// The group and its people; `None` while it is about to be created.
    pub(super) group: Option<GroupReading>,
    /// Users of the group, each with their role there.
    pub(super) users: BTreeMap<ObjectId, Role>,
    /// Members of the group that are not users.
    pub(super) others: BTreeSet<ObjectId>,
    pub(super) stored: BTreeMap<Who, LinkPerson>,
    /// A side that lists its people, but whose team or group is not found.
    pub(super) contradicted: Option<Side>,
}

impl Reading {
    /// A person's roles as read.
    pub(super) fn of(&self, person: Person) -> Sides<Role> {
        Sides::each(|side| match side {
            Side::Team => self.memberships.get(&person.person).map_or(Role::None, role_of),
            Side::Group => self.users.get(&person.object).copied().unwrap_or_default(),
        })
    }

    pub(super) fn membership(&self, person: PersonId) -> Option<&MembershipId> {
        self.memberships.get(&person).map(|membership| &membership.id)
    }

    /// The group's name as read; empty if there is none.
    pub(super) fn group_name(&self) -> String {
        let group = self.group.as_ref().and_then(|group| group.group.as_ref());
        group.map(|group| group.display_name.clone()).unwrap_or_default()
    }
}

/// The role that a membership gives.
pub(super) fn role_of(membership: &Membership) -> Role {
    match membership.role {
        MembershipRole::Moderator => Role::Owner,
        MembershipRole::Member => Role::Member,
    }
}

/// Result of reading both sides, with the link as the reading updates it.
pub(super) enum Observation {
    /// Both sides answered.
    Complete { reading: Box<Reading>, link: Box<Link> },
    /// Webex shows neither the team nor its people.
    TeamMissing,
    /// The directory shows neither the group nor its people.
    GroupMissing { group: GroupId, link: Box<Link> },
}

/// One person of a run, before absences are judged.
pub(super) struct Candidate {
    pub(super) person: Person,
    pub(super) stored: PersonState,
    pub(super) read: Sides<Role>,
    pub(super) eligibility: Eligibility,
}

/// Absences that a run cannot judge yet, and writes that it found lost.
#[derive(Default)]
pub(super) struct AbsencesLeft {
    /// Number of people of whom an answer changed what is stored.
    pub(super) answered: usize,
    /// Number of questions that the next run has to ask.
    pub(super) unasked: usize,
    /// Removals that an administrator decided on, and that are not judged yet.
    pub(super) undecided: usize,
    /// Number of people of whom an absence is not believed yet.
    pub(super) unclear: usize,
    /// Writes that were acknowledged and lost.
    pub(super) lost: Vec<PersonChange>,
}

/// The people of a reading.
#[derive(Default)]
pub(super) struct ResolvedPeople {
    /// People with both ids, and their eligibility.
    pub(super) people: BTreeMap<Person, Eligibility>,
    /// People on one side only who are excluded.
    pub(super) excluded: BTreeMap<Who, ExclusionReason>,
    /// Number of people who were looked up.
    pub(super) lookups: usize,
    /// Number of people still to be looked up.
    pub(super) unresolved: usize,
}

/// Everything that follows from a reading, before anything is written to a service.
pub(super) struct Decision {
    pub(super) resolved: ResolvedPeople,
    pub(super) eligibility: BTreeMap<Person, Eligibility>,
    /// The approval that was pending before this run.
    pub(super) pending_before: Option<PendingApproval>,
    pub(super) guard: RemovalGuard,
    /// The tenant's removal counter, if removals are planned that it has not counted.
    pub(super) counter: Option<RemovalCounter>,
    pub(super) absences: AbsencesLeft,
    pub(super) plan: Plan,
    /// The refusal that left a removal without proof.
    pub(super) unproven: Option<String>,
    /// Names as compared with the reading.
    pub(super) names: Option<NameState>,
    pub(super) rename: Option<NameWrite>,
}

/// The limits that removals count against.
#[derive(Clone, Copy)]
pub(super) struct RemovalTerms<'a> {
    pub(super) guard: &'a RemovalGuard,
    pub(super) counter: Option<&'a RemovalCounter>,
}

/// Work of a run besides the steps of people.
pub(super) struct Work {
    pub(super) rename: Option<NameWrite>,
    /// The group has to be created first.
    pub(super) creation: Option<CreationAttempt>,
}

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.rename.is_none() && self.creation.is_none()
    }
}

/// Attempt at sending the stored request for a new group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CreationAttempt {
    First,
    /// An earlier run may have sent the request.
    Retry,
}

/// Results of a plan's steps.
#[derive(Default)]
pub(super) struct Outcomes {
    pub(super) steps: Vec<(PlanStep, StepOutcome)>,
    /// The error that ended the work early.
    pub(super) stopped: Option<SyncError>,
}

/// Changes of a run, or of one of its stages, that are stored besides the link.
#[derive(Default)]
pub(super) struct SyncReport {
    /// People whose row changes; `None` removes the row.
    pub(super) people: BTreeMap<Who, Option<LinkPerson>>,
    /// Writes to further items.
    pub(super) writes: Vec<Write>,
    /// The moments at which removals were counted that never happened.
    pub(super) given_back: Vec<Timestamp>,
    pub(super) changes: Vec<PersonChange>,
    pub(super) notes: Vec<Note>,
    /// The next moment when a question, a written value or an open write is due.
    pub(super) check_at: Option<Timestamp>,
    /// Number of people of whom an absence is not believed yet.
    pub(super) unclear: usize,
    pub(super) failing: FailingPeople,
}

impl SyncReport {
    pub(super) fn of_note(note: Note) -> Self {
        Self { notes: vec![note], ..Self::default() }
    }

    /// Appends the report of a later stage.
    pub(super) fn extend(&mut self, later: Self) {
        self.people.extend(later.people);
        self.writes.extend(later.writes);
        self.given_back.extend(later.given_back);
        self.changes.extend(later.changes);
        self.notes.extend(later.notes);
        self.unclear += later.unclear;
        self.failing.new.extend(later.failing.new);
        self.failing.count += later.failing.count;
        self.check_at = self.check_at.into_iter().chain(later.check_at).min();
    }
}

/// The link as a run leaves it, and what else is to be stored.
pub(super) struct SyncRecord {
    pub(super) link: Link,
    pub(super) report: SyncReport,
}

impl SyncRecord {
    pub(super) fn of(link: Link) -> Self {
        Self { link, report: SyncReport::default() }
    }

    /// Takes over what a stage recorded, and returns its result.
    pub(super) fn take<T>(&mut self, stage: Recorded<T>) -> Result<T, SyncError> {
        self.link = stage.record.link;
        self.report.extend(stage.record.report);
        stage.result
    }

    /// Takes over what a stage recorded that ends the run.
    pub(super) fn end(&mut self, ending: Ending) -> Next {
        self.link = ending.record.link;
        self.report.extend(ending.record.report);
        ending.next
    }
}

/// A run that ends with one of its stages.
pub(super) struct Ending {
    pub(super) record: SyncRecord,
    pub(super) next: Next,
}

impl Ending {
    /// Ends the run and leaves the link as it is.
    pub(super) fn unchanged(link: &Link, next: Next) -> Self {
        Self { record: SyncRecord::of(link.clone()), next }
    }
}

/// The result of a stage or a run. The record holds also where the result is an error: what was
/// done until then must be stored.
pub(super) struct Recorded<T> {
    pub(super) record: SyncRecord,
    pub(super) result: Result<T, SyncError>,
}

/// Continuation after a run.
pub(super) enum Next {
    /// Both sides are in sync. The next run comes when open state settles, at the latest daily.
    Done { settles_at: Option<Timestamp> },
    /// The run goes on at this moment. A run without progress fails instead: its pauses grow, and
    /// it is reported.
    RequeueAt { moment: Timestamp, why: RequeueReason },
    /// The run cannot go on; the link stores the failure.
    Failed { reason: FailureReason },
    /// A service throttles this link alone; the link stores the failure.
    Throttled { until: Timestamp, said: String },
}

/// Reason why a run goes on later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequeueReason {
    /// A service asked for a pause.
    Backoff,
    /// A rate limiter leaves no room for the writes.
    RateLimited,
    /// A new or restored group is not visible on every replica yet.
    GroupNotVisibleYet,
    /// The plan has more steps than one run can finish.
    NextPortion(Progress),
    /// Steps were not tried, or their outcome is unknown.
    StepsLeft(Progress),
    /// People are still to be looked up.
    PeopleUnresolved(Progress),
    /// An administrator's override needs a write on the other side, too.
    OverrideIncomplete(Progress),
}

/// Proof that a run did something that the next one need not do again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress(());

impl Progress {
    /// Progress of so many settled steps and look-ups.
    pub(super) fn of(count: usize) -> Option<Self> {
        (count > 0).then_some(Self(()))
    }
}
