//! The schedule of all tenants: a request for the cycle of each.

use std::time::Duration;

use futures::TryStreamExt;
use store::keys;
use store::message::ReconcileRequest;
use store::pages::pages;
use store::table::{Key, Query};

use super::Reconciler;
use crate::sync::SyncError;

/// Tenants per page of their list.
const TENANTS_PAGE: usize = 1000;

/// Number of tenants of a page whose cycles begin at once.
const AT_ONCE: usize = 100;

/// Gap between two requests of a longer page, which spreads them over the minute.
const SPACING: Duration = Duration::from_millis(50);

impl Reconciler {
    /// Requests a cycle of every tenant. Returns the number of tenants.
    ///
    /// # Errors
    /// The table is out of reach, or the queue refused some requests. The others are in the queue.
    pub async fn schedule(&self) -> Result<usize, SyncError> {
        let query = Query::Partition { pk: keys::TENANTS.into(), prefix: String::new() };
        let mut pages = pages(self.sync.store.as_ref(), &query, TENANTS_PAGE);
        let (mut count, mut failed) = (0, None);
        while let Some(items) = pages.try_next().await? {
            let tenants = items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok());
            let at = self.sync.clock.now();
            let requests: Vec<ReconcileRequest> = tenants
                .map(|tenant| ReconcileRequest { v: Default::default(), tenant, at })
                .collect();
            let gap = if requests.len() > AT_ONCE { SPACING } else { Duration::ZERO };
            // A page that fails is no reason to pass over the tenants behind it, minute by minute.
            failed = self.requests.send_spaced(&requests, gap).await.err().or(failed);
            count += requests.len();
        }
        metrics::counter!("Tenants").increment(count as u64);
        match failed {
            Some(error) => Err(error.into()),
            None => {
                metrics::counter!("ScheduleRuns").increment(1);
                Ok(count)
            }
        }
    }
}
