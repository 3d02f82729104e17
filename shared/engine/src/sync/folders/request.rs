//! Requests for folder runs.

use std::time::Duration;

use crate::folders::{self, FolderRequest};
use crate::sync::{Deps, SyncError};
use domain::ids::{TeamId, TenantId};
use store::message::{Job, Message, Trigger};

impl Deps {
    /// Stores a request for a folder run, and queues the run.
    pub(in crate::sync) async fn request_folder_sync(
        &self,
        tenant: TenantId,
        team: TeamId,
        request: &FolderRequest,
        trigger: Trigger,
    ) -> Result<(), SyncError> {
        let writes = folders::request_sync(tenant, team, request, self.clock.now())?;
        // The table comes first: a run whose message is faster would find nothing to do.
        self.store.write(writes).await?;
        self.queue_folder_sync(tenant, team, trigger).await
    }

    /// Queues the folder run of a team.
    pub(in crate::sync) async fn queue_folder_sync(
        &self,
        tenant: TenantId,
        team: TeamId,
        trigger: Trigger,
    ) -> Result<(), SyncError> {
        let (at, job) = (self.clock.now(), Job::Folders { team });
        let message = Message { v: Default::default(), tenant, at, trigger, job };
        Ok(self.queue.send(&message, Duration::ZERO).await?)
    }
}
