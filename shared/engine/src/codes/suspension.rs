//! Reasons of a suspension.

use serde::{Deserialize, Serialize};

/// The reason why a tenant is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspensionReason {
    /// The directory no longer knows the app, or removed its permissions.
    ConsentLost,
    /// The service account's tokens no longer work and cannot be refreshed.
    ServiceAccountSignedOut,
    /// The service account may no longer read events.
    ComplianceRoleLost,
    /// The service account may no longer read the organization's people.
    AdministratorRoleLost,
    /// Our own credential is refused: a matter for the operator, not the customer.
    OwnCredential,
    /// The operator no longer serves the organization.
    ClosedByOperator,
}
