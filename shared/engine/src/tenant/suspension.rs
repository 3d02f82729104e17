//! A tenant's suspension: a service no longer accepts us, and only a person can change that.
//!
//! Nothing is read or written for a suspended tenant. Its rows stay, and the changes of that time
//! are read when it resumes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::codes::SuspensionReason;
use crate::stored::readable;
use domain::ids::TenantId;
use store::keys;
use store::table::{Condition, Store, StoreError, Write, milliseconds, to_item};

/// Duration without syncs after the reason was last found. A cycle checks it every five minutes.
// Far longer than the time between two checks, so that no sync begins in between.
const BACKOFF: SignedDuration = SignedDuration::from_hours(1);

/// Shortest time between two refusals that suspend a tenant: two minutes, less a quarter of one
/// since no schedule is exact.
const CONFIRMED_AFTER: SignedDuration = SignedDuration::from_secs(105);

/// The suspension of a tenant, or a first refusal that may become one.
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
    /// The refused part, while no later refusal has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<String>,
}

impl Suspension {
    /// Returns `true` if the tenant is suspended, and not only about to be.
    pub fn is_confirmed(&self) -> bool {
        self.unconfirmed.is_none()
    }
}

/// The effect of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The tenant is suspended from now on, or for a new reason.
    Now,
    /// The suspension continues.
    Before,
    /// One refusal proves nothing. A later one confirms it.
    NotYet,
}

/// A refusal that only a person can change.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The reason.
    pub why: SuspensionReason,
    /// The refused part.
    pub of: String,
    /// The service's answer, with its request id.
    pub said: String,
}

/// Loads the tenant's suspension.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<Option<Suspension>, StoreError> {
    Ok(stored(store, tenant).await?.filter(Suspension::is_confirmed))
}

async fn stored(store: &dyn Store, tenant: TenantId) -> Result<Option<Suspension>, StoreError> {
    Ok(store.get(&keys::suspension(tenant)).await?.and_then(readable))
}

/// Suspends the tenant if an earlier refusal is confirmed, or continues its suspension.
pub async fn begin(
    store: &dyn Store,
    tenant: TenantId,
    Refusal { why, of, said }: Refusal,
    now: Timestamp,
) -> Result<Begun, StoreError> {
    let before = stored(store, tenant).await?;
    let is_suspended = before.as_ref().is_some_and(Suspension::is_confirmed);
    // A first refusal is confirmed by any other: which part meets it first is chance.
    let before = before.filter(|before| before.why == why || !before.is_confirmed());
    let since = before.as_ref().map_or(now, |before| before.since);
    let begun = match &before {
        Some(before) if before.is_confirmed() => Begun::Before,
        // Parts of one cycle meet the same short fault, and agree without meaning anything.
        Some(_) if now.duration_since(since) < CONFIRMED_AFTER => return Ok(Begun::NotYet),
        None if !is_suspended => Begun::NotYet,
        _ => Begun::Now,
    };
    let (throttled_until, unconfirmed) = match begun {
        Begun::NotYet => (Timestamp::UNIX_EPOCH, Some(of)),
        Begun::Now | Begun::Before => (now + BACKOFF, None),
    };
    let suspension = Suspension { why, since, said, throttled_until, unconfirmed };
    let item = to_item(&keys::suspension(tenant), &suspension)?;
    // Two cycles of one tenant never overlap, so the last write is the newest.
    store.write(vec![Write::Put(item, Condition::Any)]).await?;
    Ok(begun)
}

/// Suspends a tenant that the operator no longer serves, or continues that. No refusal has to be
/// confirmed: the operator said it.
pub async fn close(
    store: &dyn Store,
    tenant: TenantId,
    before: Option<&Suspension>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let why = SuspensionReason::ClosedByOperator;
    let since = before.filter(|before| before.why == why).map_or(now, |before| before.since);
    let throttled_until = now + BACKOFF;
    let said = String::new();
    let suspension = Suspension { why, since, said, throttled_until, unconfirmed: None };
    let item = to_item(&keys::suspension(tenant), &suspension)?;
    store.write(vec![Write::Put(item, Condition::Any)]).await
}

/// Ends the tenant's suspension.
pub async fn end(store: &dyn Store, tenant: TenantId) -> Result<(), StoreError> {
    store.write(vec![Write::Delete(keys::suspension(tenant), Condition::Any)]).await
}
