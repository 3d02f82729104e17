//! A tenant's suspension: a service no longer accepts us, and only a person can change that.
//!
//! Nothing is read or written for a suspended tenant. Its rows stay, and the changes of that time
//! are read when it resumes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::codes::SuspensionReason;
use domain::ids::TenantId;
use store::keys;
use store::table::{Condition, Store, StoreError, Write, from_item, milliseconds, to_item};

/// Duration without syncs after the reason was last found. A cycle checks it every five minutes.
const BACKOFF: SignedDuration = SignedDuration::from_hours(1);

/// The suspension of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// The reason.
    pub why: SuspensionReason,
    /// The beginning.
    pub since: Timestamp,
    /// The service's answer, with its request id.
    pub said: String,
    /// The moment until which no sync begins, like a backoff.
    #[serde(with = "milliseconds")]
    pub throttled_until: Timestamp,
}

/// The novelty of a suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It has just begun, or has a new reason.
    Now,
    /// It continues.
    Before,
}

/// Loads the tenant's suspension.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<Option<Suspension>, StoreError> {
    store.get(&keys::suspension(tenant)).await?.map(from_item).transpose()
}

/// Suspends the tenant, or continues its suspension.
pub async fn begin(
    store: &dyn Store,
    tenant: TenantId,
    why: SuspensionReason,
    said: String,
    now: Timestamp,
) -> Result<Begun, StoreError> {
    let before = load(store, tenant).await?.filter(|before| before.why == why);
    let begun = if before.is_some() { Begun::Before } else { Begun::Now };
    let since = before.map_or(now, |before| before.since);
    let suspension = Suspension { why, since, said, throttled_until: now + BACKOFF };
    let item = to_item(&keys::suspension(tenant), &suspension)?;
    store.write(vec![Write::Put(item, Condition::Any)]).await?;
    Ok(begun)
}

/// Ends the tenant's suspension.
pub async fn end(store: &dyn Store, tenant: TenantId) -> Result<(), StoreError> {
    store.write(vec![Write::Delete(keys::suspension(tenant), Condition::Any)]).await
}
