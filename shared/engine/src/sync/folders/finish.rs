//! The end of a folder run: its failures, alerts and last writes.

use jiff::{SignedDuration, Timestamp};

use super::{FolderRun, Halt};
use crate::credentials::registration::Registration;
use crate::credentials::tokens::TokensError;
use crate::folders::{
    self, AlertState, FolderBlocker, FolderClosing, FolderLease, FolderRow, Folders, SpaceState,
};
use crate::notify::{self, AlertKey, AlertMessage, LinkAlert};
use crate::sync::next::YIELD;
use crate::sync::{Deps, SyncError};
use crate::tenant;
use clients::http::{Api, CallFailure, ErrorClass};
use domain::ids::{TeamId, TenantId};
use store::message::Trigger;
use store::table::{StoreError, Write};

/// Duration of a failure before an alert.
const ALERT_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// Duration without a site before an alert.
const SITE_ALERT_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The values that the end of a folder run stores.
pub(super) struct FolderEnd {
    pub(super) folders: Folders,
    pub(super) writes: Vec<Write>,
    pub(super) started: Timestamp,
    pub(super) next_sync_at: Timestamp,
}

impl Deps {
    /// Returns the halt that an error means for the whole run.
    ///
    /// # Errors
    /// Errors that only the queue can answer.
    pub(super) async fn halt_for(
        &self,
        run: &FolderRun<'_>,
        error: SyncError,
    ) -> Result<Halt, SyncError> {
        let (tenant, now, said) = (run.context.tenant.tenant, self.clock.now(), error.to_string());
        match (&error, error.class()) {
            (_, None) => return Err(error),
            (_, Some(ErrorClass::ThrottledUntil(until))) => {
                // People and names use another app, and other tokens.
                let is_files_token = matches!(error, SyncError::Tokens(TokensError::Entra(_)));
                let api = if is_files_token { Api::SharePoint } else { error.api() };
                // A token is the whole tenant's.
                if !is_files_token && is_throttled_alone(run, api) {
                    return Ok(Halt::ThrottledAlone(until, said));
                }
                let until = tenant::back_off(self.store.as_ref(), tenant, api, until, now).await?;
                return Ok(Halt::Backoff(until));
            }
            (SyncError::Call(call), _) if matches!(call.failure, CallFailure::NoTime) => {
                // Nothing failed. The next run goes on where this one ended.
                return Ok(Halt::Until(now));
            }
            (SyncError::Call(call), _)
                if call.api == Api::SharePoint && matches!(call.status(), Some(401 | 403)) =>
            {
                // A token can be older than its permissions. A cycle finds out if the consent is
                // lost, for all teams at once.
                self.tokens.purge_app(Registration::Files, run.context.tenant.directory);
            }
            _ => {}
        }
        metrics::counter!("FailedFolderSyncs").increment(1);
        tracing::warn!(
            event = "folder_sync_failed", %tenant, team = %run.link.team, said,
            "The folder sync of a team failed."
        );
        Ok(Halt::Blocked(FolderBlocker::CallFailed, Some(said)))
    }

    /// Returns what the end of a run stores.
    pub(super) fn conclude(
        &self,
        mut run: FolderRun<'_>,
        halt: Option<Halt>,
    ) -> Result<FolderEnd, SyncError> {
        let (tenant, team, now) = (run.context.tenant.tenant, run.link.team, self.clock.now());
        let mut writes = vec![];
        run.activity.request_ids =
            [run.webex.written_request_ids(), run.files.written_request_ids()].concat();
        if !run.activity.is_empty() {
            writes.extend(run.activity.puts(tenant, team)?);
        }
        let next_sync_at = next_sync_at(&mut run, halt, now);
        let key = AlertKey::Link(team, LinkAlert::Folders);
        match (alert(&run, now), run.folders.alert) {
            (Some(message), AlertState::None) => {
                let page = format!("/teams/{team}");
                writes.push(notify::raise(tenant, key, message, page, now)?);
                run.folders.alert = AlertState::Raised;
            }
            (None, AlertState::Raised) => {
                writes.push(notify::withdraw(tenant, key));
                run.folders.alert = AlertState::None;
            }
            _ => {}
        }
        Ok(FolderEnd { folders: run.folders, writes, started: run.started, next_sync_at })
    }

    /// Gives the lease back. A run that was requested meanwhile is queued at once.
    pub(super) async fn close_folders(
        &self,
        tenant: TenantId,
        team: TeamId,
        lease: &FolderLease,
        row: &FolderRow,
        end: FolderEnd,
    ) -> Result<(), SyncError> {
        let FolderEnd { folders, writes, started, next_sync_at } = end;
        let requested_at = row.requested_at;
        let mut closing = FolderClosing { synced_at: started, requested_at, next_sync_at };
        loop {
            let close = lease.close(&folders, closing)?;
            match self.store.write([writes.as_slice(), &[close]].concat()).await {
                // Requested after this run began, which may have read before the change.
                Ok(()) if closing.requested_at > started => {
                    return self.queue_folder_sync(tenant, team, Trigger::Retry).await;
                }
                Err(StoreError::ConditionFailed) => {}
                written => return Ok(written?),
            }
            let row = lease.read(self.store.as_ref()).await?;
            let row = row.filter(|row| row.requested_at != closing.requested_at);
            // Without a new request, the lease was given back before an answer was lost, or has
            // ended: each space is stored already.
            let Some(row) = row else { return Ok(()) };
            closing.requested_at = row.requested_at;
            closing.next_sync_at = self.clock.now();
        }
    }

    /// Purges the folder rows of a link that has ended. Folders, files and links stay.
    pub(super) async fn purge_folders(
        &self,
        tenant: TenantId,
        team: TeamId,
        lease: &FolderLease,
        row: &FolderRow,
    ) -> Result<(), SyncError> {
        folders::purge(self.store.as_ref(), tenant, team).await?;
        let mut writes = vec![lease.purge()?];
        if row.folders.alert == AlertState::Raised {
            writes.push(notify::withdraw(tenant, AlertKey::Link(team, LinkAlert::Folders)));
        }
        match self.store.write(writes).await {
            Ok(()) | Err(StoreError::ConditionFailed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns `true` if a service throttled an earlier run of these folders, and has answered others
/// since.
fn is_throttled_alone(run: &FolderRun<'_>, api: Api) -> bool {
    run.folders.throttled_since.is_some() && !run.throttled_by.contains(&api)
}

/// Returns the moment of the next run, and records the obstacle or its end.
fn next_sync_at(run: &mut FolderRun<'_>, halt: Option<Halt>, now: Timestamp) -> Timestamp {
    match halt {
        // A time in the past would begin a run in the same moment.
        Some(Halt::Until(until)) => until.max(now + SignedDuration::from_secs(1)),
        Some(Halt::Backoff(until)) => {
            // Others go first after the second refusal: they show if the service answers.
            let is_second = run.folders.throttled_since.is_some();
            run.folders.throttled_since.get_or_insert(now);
            if is_second { until + YIELD } else { until }
        }
        Some(Halt::ThrottledAlone(until, said)) => {
            run.folders.record_blocker(FolderBlocker::CallFailed, Some(said), now);
            until.max(now + pause_of(&run.folders))
        }
        Some(Halt::Blocked(by, said)) => {
            run.folders.throttled_since = None;
            run.folders.record_blocker(by, said, now);
            match by {
                FolderBlocker::NoSite | FolderBlocker::CallFailed => now + pause_of(&run.folders),
                FolderBlocker::ServiceAccountOutside | FolderBlocker::Archived => {
                    now + SignedDuration::from_hours(24)
                }
            }
        }
        None => {
            run.folders.blocker = None;
            run.folders.throttled_since = None;
            let retries = run.spaces.values().filter_map(|stored| stored.space.next_try);
            let full = run.folders.full_sync_at + folders::FULL_SYNC_INTERVAL;
            retries.chain([full]).min().unwrap_or(now).max(now)
        }
    }
}

/// The pause after as many failures as there were.
fn pause_of(folders: &Folders) -> SignedDuration {
    folders::pause(folders.blocker.as_ref().map_or(1, |blocked| blocked.tries))
}

/// Returns the alert that folders have failed for too long.
fn alert(run: &FolderRun<'_>, now: Timestamp) -> Option<AlertMessage> {
    let team = || run.link.title.clone();
    let blocked = run.folders.blocker.as_ref().filter(|blocked| match blocked.by {
        // Microsoft takes up to a day to create a site.
        FolderBlocker::NoSite => now.duration_since(blocked.since) >= SITE_ALERT_AFTER,
        FolderBlocker::CallFailed => now.duration_since(blocked.since) >= ALERT_AFTER,
        FolderBlocker::ServiceAccountOutside | FolderBlocker::Archived => false,
    });
    if let Some(blocked) = blocked {
        let (blocker, since) = (blocked.by, blocked.since);
        return Some(AlertMessage::FoldersBlocked { team: team(), blocker, since });
    }
    let spaces = run.spaces.values().map(|stored| &stored.space);
    let failing = spaces.filter(|space| space.status.state() == SpaceState::Failing);
    let longest = failing.min_by_key(|space| space.since)?;
    (now.duration_since(longest.since) >= ALERT_AFTER).then(|| AlertMessage::FolderFailing {
        team: team(),
        space: longest.title.clone().unwrap_or_default(),
        status: longest.status,
        since: longest.since,
        said: longest.said.clone(),
    })
}
