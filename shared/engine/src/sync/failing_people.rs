//! People whom a run could not bring in sync, for the alert about them.

use crate::notify::{self, AlertKey, AlertMessage, FailingPerson, LinkAlert};
use domain::ids::{TeamId, TenantId};
use store::table::{Store, StoreError};

/// People with a failure that an administrator should know.
#[derive(Default)]
pub(super) struct FailingPeople {
    /// Those about whom no alert was raised yet.
    pub(super) new: Vec<FailingPerson>,
    /// Those whom an alert names that was not sent yet.
    pub(super) unsent: Vec<FailingPerson>,
    /// Number of all.
    pub(super) count: usize,
}

/// Returns the people whom an alert of the link names that was not sent yet.
pub(super) async fn unsent_people(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<Vec<FailingPerson>, StoreError> {
    let key = AlertKey::Link(team, LinkAlert::PeopleFailing);
    let alert = notify::load(store, tenant, key).await?;
    let unsent = alert.filter(|alert| alert.notified_at.is_none());
    Ok(match unsent.map(|alert| alert.message) {
        Some(AlertMessage::PeopleFailing { named, .. }) => named,
        _ => vec![],
    })
}
