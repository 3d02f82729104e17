//! A tenant stands still: a service no longer accepts us, and only a person can change that. Nothing is read or written for it, everything that is known is kept, and what
//! happens meanwhile is read when it goes on.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use domain::ids::TenantId;
use store::keys;
use store::table::{Condition, Store, StoreError, Write, from_item, milliseconds, to_item};

/// For how long no look begins without the reason having been found once more. A round asks every five minutes.
const SHUT_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Why a tenant stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The directory no longer knows our app, or took its permissions away.
    ConsentLost,
    /// The officer's tokens no longer work, and cannot be refreshed.
    OfficerSignedOut,
    /// The officer may not read events any more.
    ComplianceRoleLost,
    /// The officer may not read the organization's people any more.
    AdministratorRoleLost,
    /// Our own credential is refused: an operator's matter, not the customer's.
    OwnCredential,
}

impl Why {
    /// What happened and what to do, in one line for administrators.
    pub fn line(self) -> &'static str {
        match self {
            Self::ConsentLost => {
                "Microsoft 365 no longer accepts the integration: an administrator of the directory has to authorize it again."
            }
            Self::OfficerSignedOut => {
                "The Webex account that the integration works with is signed out: connect it again, or replace it."
            }
            Self::ComplianceRoleLost => {
                "The Webex account that the integration works with is no compliance officer any more: give it the role again, or replace the account."
            }
            Self::AdministratorRoleLost => {
                "The Webex account that the integration works with may not read people any more: make it a read-only administrator again, or replace the account."
            }
            Self::OwnCredential => {
                "The integration's own sign-in is refused: whoever operates it has to renew its credentials."
            }
        }
    }
}

/// A tenant stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standstill {
    /// Why.
    pub why: Why,
    /// Since when.
    pub since: Timestamp,
    /// What the service said, with its request id.
    pub said: String,
    /// Until when no look begins; a gate like the others.
    #[serde(with = "milliseconds")]
    pub closed_until: Timestamp,
}

/// Whether a standstill was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It has just begun, or has another reason now.
    Now,
    /// It goes on.
    Before,
}

/// The tenant's standstill, if it stands still.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<Option<Standstill>, StoreError> {
    store.get(&keys::standstill(tenant)).await?.map(from_item).transpose()
}

/// The tenant stands still from now on, or still.
pub async fn begin(
    store: &dyn Store,
    tenant: TenantId,
    why: Why,
    said: String,
    now: Timestamp,
) -> Result<Begun, StoreError> {
    let before = load(store, tenant).await?.filter(|before| before.why == why);
    let begun = if before.is_some() { Begun::Before } else { Begun::Now };
    let since = before.map_or(now, |before| before.since);
    let standstill = Standstill { why, since, said, closed_until: now + SHUT_FOR };
    store.write(vec![Write::Put(to_item(&keys::standstill(tenant), &standstill)?, Condition::Any)]).await?;
    Ok(begun)
}

/// The tenant goes on.
pub async fn end(store: &dyn Store, tenant: TenantId) -> Result<(), StoreError> {
    store.write(vec![Write::Delete(keys::standstill(tenant), Condition::Any)]).await
}
