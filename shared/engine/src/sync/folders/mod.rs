//! The folder run of a team: reads its spaces, the folders in the group's library and the links in
//! Webex, and applies the differences.
//!
//! Folder runs have their own requests and their own lease: people and names never wait for them.
//!
//! # Guarantees
//! * Every step can be cut off, with its effect done or not; the next run ends as if it had not
//!   been. That the service account is about to join a space is stored before.
//! * Nothing in a library is ever deleted or replaced.
//! * A link that a person removed, or made to another folder, stays as the person wants it.

mod finish;
mod linking;
mod name;
mod observe;
mod request;
mod space;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use self::finish::FolderEnd;
use self::observe::in_order;
use super::{Deps, SyncError, TenantContext};
use crate::activity::{Activity, Note};
use crate::folders::{
    self, FolderBlocker, FolderLease, FolderRow, Folders, Library, SpaceKey, StoredSpace,
};
use crate::link::{FailureKind, Link, LinkRow, SyncFailure, SyncRequests};
use crate::quota::{Acquire, Bucket, Priority, Quota};
use crate::stored::readable;
use crate::tenant::{self, Backoff};
use clients::http::{Access, Api, CALL_TIMEOUT};
use clients::webex::MembershipId;
use domain::ids::{GroupId, RoomId, TeamId};
use store::keys;
use store::message::Message;
use store::table::Key;

/// A folder run under way.
struct FolderRun<'a> {
    context: &'a TenantContext,
    lease: &'a FolderLease,
    link: &'a Link,
    webex: Access,
    files: Access,
    started: Timestamp,
    folders: Folders,
    library: Option<Library>,
    spaces: BTreeMap<RoomId, StoredSpace>,
    /// Listed spaces that the service account is in.
    joined: BTreeSet<RoomId>,
    /// The membership by which the service account joined the present space.
    membership: Option<MembershipId>,
    /// APIs that refused the tenant since they answered it.
    throttled_by: Vec<Api>,
    units: Option<Bucket>,
    priority: Priority,
    activity: Activity,
}

/// The reason why a run ends early.
enum Halt {
    /// All folders wait.
    Blocked(FolderBlocker, Option<String>),
    /// Quota or time: the rest is done from this moment on.
    Until(Timestamp),
    /// A service throttled the tenant until this moment.
    Backoff(Timestamp),
    /// A service throttles these folders alone, until this moment.
    ThrottledAlone(Timestamp, String),
}

/// The stored state of a team's folders.
struct Stored {
    row: Option<FolderRow>,
    throttled_until: Option<Timestamp>,
    /// `true` if SharePoint has refused the tenant since the last success.
    is_refused: bool,
    units: Option<Bucket>,
}

impl Deps {
    /// Runs over a team's folders, if a run is due.
    pub(super) async fn folders(
        &self,
        context: &TenantContext,
        message: &Message,
        team: TeamId,
        link: Option<LinkRow>,
    ) -> Result<(), SyncError> {
        let (tenant, store, now) = (context.tenant.tenant, self.store.as_ref(), self.clock.now());
        let Stored { row, throttled_until, is_refused, units } =
            self.load_folders(context, team, now).await?;
        // A doubled message, or one that another run answered, costs one read.
        let Some(row) = row.filter(|row| !row.has_answered(message.at)) else { return Ok(()) };
        // The holder of the lease sees the request. If it is cut off, this message comes again
        // when its lease has ended.
        let not_before = if row.is_leased(now) { Some(row.lease_until) } else { throttled_until };
        if let Some(until) = not_before {
            return Ok(folders::postpone(store, tenant, team, &row, until).await?);
        }
        // No call of this run can be under way after it.
        let until = context.deadline.0 + SignedDuration::try_from(CALL_TIMEOUT).unwrap_or_default();
        let taken = folders::take_lease(store, tenant, team, now, until).await?;
        // Another run was faster, and sees the request before it ends.
        let Some((lease, row)) = taken else { return Ok(()) };
        let link = link.map(|row| row.link);
        let Some(link) = link.filter(|link| !link.is_over()) else {
            return self.purge_folders(tenant, team, &lease, &row).await;
        };
        let Some(group) = link.group().filter(|_| context.has_folders()) else {
            let end = FolderEnd {
                folders: row.folders.clone(),
                writes: vec![],
                started: now,
                next_sync_at: now + folders::FULL_SYNC_INTERVAL,
            };
            return self.close_folders(tenant, team, &lease, &row, end).await;
        };
        let mut run = FolderRun {
            context,
            lease: &lease,
            link: &link,
            // Tokens come later: many runs end before they need one.
            webex: Access::anonymous(context.deadline),
            files: Access::anonymous(context.deadline),
            started: now,
            folders: row.folders.clone(),
            library: None,
            spaces: BTreeMap::new(),
            joined: BTreeSet::new(),
            membership: None,
            throttled_by: throttled_by(context, is_refused),
            units,
            priority: SyncRequests::of(message).priority(Timestamp::UNIX_EPOCH),
            activity: Activity::new(now, message.trigger),
        };
        let is_full = row.folders.is_full_sync_due(row.full_requested_at, now);
        let halt = match self.sync_spaces(&mut run, group, is_full).await {
            Ok(halt) => halt,
            Err(error) => Some(self.halt_for(&run, error).await?),
        };
        if halt.is_none() && is_refused && run.files.calls() > 0 {
            // SharePoint answers the tenant: who is throttled from now on is so alone.
            tenant::drop_refusals(store, tenant, Api::SharePoint).await?;
        }
        let end = self.conclude(run, halt)?;
        self.close_folders(tenant, team, &lease, &row, end).await
    }

    /// Loads the folder row, the backoff and the used units of SharePoint in one request.
    async fn load_folders(
        &self,
        context: &TenantContext,
        team: TeamId,
        now: Timestamp,
    ) -> Result<Stored, SyncError> {
        let tenant = context.tenant.tenant;
        let (own, backoff) = (folders::key(tenant, team), keys::backoff(tenant, Api::SharePoint));
        let keys = [own.clone(), backoff.clone(), Quota::SharePoint(tenant).key()];
        let throttled_until = context.throttled_until;
        let mut stored = Stored { row: None, throttled_until, is_refused: false, units: None };
        for item in self.store.get_many(&keys).await? {
            match Key::of(&item) {
                Some(key) if key == own => stored.row = readable(item),
                Some(key) if key == backoff => {
                    let backoff = readable::<Backoff>(item);
                    stored.is_refused = backoff.is_some_and(|backoff| backoff.refusals > 0);
                    let until = backoff.map(|backoff| backoff.throttled_until);
                    let until = until.filter(|until| *until > now);
                    stored.throttled_until = throttled_until.max(until);
                }
                _ => stored.units = readable(item),
            }
        }
        Ok(stored)
    }

    /// Runs over the spaces that a request names or whose time has come, or over all of them.
    async fn sync_spaces(
        &self,
        run: &mut FolderRun<'_>,
        group: GroupId,
        is_full: bool,
    ) -> Result<Option<Halt>, SyncError> {
        let (context, tenant) = (run.context, &run.context.tenant);
        if !run.link.service_account.is_member(tenant.service_account) {
            return Ok(Some(Halt::Blocked(FolderBlocker::ServiceAccountOutside, None)));
        }
        let failure = run.link.failure.as_ref().map(SyncFailure::kind);
        if failure == Some(FailureKind::Archived) {
            return Ok(Some(Halt::Blocked(FolderBlocker::Archived, None)));
        }
        let (account, deadline) = (tenant.service_account, context.deadline);
        run.webex = self.tokens.webex(tenant.tenant, account, deadline).await?;
        run.files = self.tokens.files(tenant.directory, deadline).await?;
        // The link can have another group by now, which has another library.
        run.library = run.folders.library.clone().filter(|library| library.group == group);
        if run.library.is_none() {
            if let Some(halt) = self.acquire(run, Quota::SharePoint(tenant.tenant), 1).await? {
                return Ok(Some(halt));
            }
            let Some(drive) = self.graph.group_drive(&run.files, group).await? else {
                return Ok(Some(Halt::Blocked(FolderBlocker::NoSite, None)));
            };
            run.library = Some(Library { group, drive: drive.id, url: drive.web_url });
            run.folders.library.clone_from(&run.library);
        }
        run.spaces = folders::stored(self.store.as_ref(), tenant.tenant, run.link.team).await?;
        let mut rooms = BTreeMap::new();
        if let Some(halt) = self.read_spaces(run, is_full, &mut rooms).await? {
            return Ok(Some(halt));
        }
        for (id, room) in in_order(rooms, run.link.team) {
            if let Some(halt) = self.sync_space(run, id, room).await? {
                return Ok(Some(halt));
            }
        }
        // Only after the last space: a run that was halted goes on with the same full sync.
        if let Some(since) = run.folders.full_sync_since.take() {
            run.folders.full_sync_at = since;
        }
        Ok(None)
    }

    /// Acquires so much of a quota, or returns the halt if there is too little.
    async fn acquire(
        &self,
        run: &FolderRun<'_>,
        quota: Quota,
        count: usize,
    ) -> Result<Option<Halt>, SyncError> {
        let (store, tenant) = (self.store.as_ref(), run.context.tenant.tenant);
        let spent_until = run.files.nearly_spent_until();
        if let Some(until) = spent_until.filter(|until| *until > self.clock.now()) {
            // A caller who spends all of it is refused, and then for longer.
            tenant::set_backoff(store, tenant, Api::SharePoint, until).await?;
            return Ok(Some(Halt::Until(until)));
        }
        let known = match quota {
            Quota::SharePoint(_) => run.units,
            _ => run.context.webex_calls,
        };
        let limiter = self.limiter(run.priority, run.link.team);
        Ok(match limiter.take(store, quota, count, known).await? {
            Acquire::Acquired => None,
            Acquire::RetryAt(until) => Some(Halt::Until(until)),
        })
    }
}

/// The APIs that refused the tenant since they answered it.
fn throttled_by(context: &TenantContext, is_refused_by_sharepoint: bool) -> Vec<Api> {
    let sharepoint = is_refused_by_sharepoint.then_some(Api::SharePoint);
    context.throttled_by.iter().copied().chain(sharepoint).collect()
}

impl FolderRun<'_> {
    fn note(&mut self, note: Note) {
        self.activity.notes.push(note);
    }

    fn space_key(&self, room: RoomId) -> SpaceKey {
        SpaceKey { tenant: self.context.tenant.tenant, team: self.link.team, room }
    }
}
