//! The receipt of an offboarding.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::codes::OffboardingFailure;
use crate::credentials::registration::Registration;

/// Maximum number of failures that the receipt names.
const MAX_FAILURES: usize = 50;

/// The completed work of an offboarding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Receipt {
    /// Deleted webhooks.
    pub webhooks: usize,
    /// Deleted subscriptions.
    pub subscriptions: usize,
    /// Teams that the service account left.
    pub teams_left: usize,
    /// Time at which the service account's tokens were deleted.
    pub tokens_deleted_at: Option<Timestamp>,
    /// Deleted groups.
    pub groups_deleted: usize,
    /// Our apps with a known consent: only an admin of the directory can remove it.
    pub consents: Vec<Registration>,
    /// Time at which links, people and everything else were deleted.
    pub purged_at: Option<Timestamp>,
    /// Work that could not be done.
    pub failures: Vec<OffboardingFailure>,
}

impl Receipt {
    /// Adds a failure once, up to the maximum.
    pub(super) fn record_failure(&mut self, failure: OffboardingFailure) {
        if self.failures.len() < MAX_FAILURES && !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }
}
