//! A round's lease: one round of a tenant at a time, and none that a later one has overtaken.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use ulid::Ulid;

use super::Report;
use clients::http::{CALL_TIMEOUT, Deadline};
use domain::ids::TenantId;
use store::keys;
use store::message::Turn;
use store::table::{Change, Condition, Key, Store, StoreError, Test, from_item, milliseconds, moment, to_value};

/// How often everything is done that is not done every minute; half a minute early, since no schedule is exact.
const FULL_EVERY: SignedDuration = SignedDuration::from_secs(5 * 60 - 30);

/// A round's right to be the tenant's only one.
pub(super) struct RoundLease {
    key: Key,
    name: String,
    full_at: Timestamp,
    began: Timestamp,
}

#[derive(Deserialize)]
struct Kept {
    /// When everything was last done.
    #[serde(default = "epoch", with = "milliseconds")]
    full_at: Timestamp,
}

fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

/// How much a round does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is done every minute.
    Minute,
    /// Everything.
    Full,
}

impl RoundLease {
    /// Takes the lease; `None` where a round is under way, or began after this turn was asked for.
    pub(super) async fn take(
        store: &dyn Store,
        turn: &Turn,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Self>, StoreError> {
        let (key, name) = (keys::cursor(turn.tenant, "round"), Ulid::generate().to_string());
        // No call can be under way after it.
        let until = deadline.0 + SignedDuration::try_from(CALL_TIMEOUT).unwrap_or_default();
        let take = vec![
            Change::Set("lease_until", moment(until)),
            Change::Set("lease", to_value(&name)?),
            Change::Set("began", moment(now)),
        ];
        let free = Condition::Holds(vec![
            Test::Below("lease_until", now.as_millisecond().saturating_add(1)),
            Test::Below("began", turn.at.as_millisecond()),
        ]);
        let taken = match store.update(&key, take.clone(), free).await {
            Err(StoreError::ConditionFailed) => store.update(&key, take, Condition::Absent).await,
            other => other,
        };
        match taken {
            Ok(item) => Ok(Some(Self { key, name, began: now, full_at: from_item::<Kept>(item)?.full_at })),
            Err(StoreError::ConditionFailed) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How much this round does.
    pub(super) fn extent(&self) -> Extent {
        if self.began.duration_since(self.full_at) >= FULL_EVERY { Extent::Full } else { Extent::Minute }
    }

    /// Gives the lease back, with what the round found.
    pub(super) async fn close(self, store: &dyn Store, report: &Report) -> Result<(), StoreError> {
        let mut changes =
            vec![Change::Set("lease_until", moment(Timestamp::UNIX_EPOCH)), Change::Set("report", to_value(report)?)];
        if self.extent() == Extent::Full {
            changes.push(Change::Set("full_at", moment(self.began)));
        }
        let ours = Condition::Holds(vec![Test::Equals("lease", to_value(&self.name)?)]);
        match store.update(&self.key, changes, ours).await {
            // It took longer than its lease: the next round has long begun.
            Ok(_) | Err(StoreError::ConditionFailed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Has the tenant's next round do everything: something was connected or switched on, and whoever did it waits for what comes of it.
pub async fn do_everything_next(store: &dyn Store, tenant: TenantId) -> Result<(), StoreError> {
    let anew = vec![Change::Set("full_at", moment(Timestamp::UNIX_EPOCH))];
    match store.update(&keys::cursor(tenant, "round"), anew, Condition::Holds(vec![])).await {
        // The first round does everything anyway.
        Ok(_) | Err(StoreError::ConditionFailed) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the tenant's last round found, for the pages; `None` before the first.
pub async fn last_report(store: &dyn Store, tenant: TenantId) -> Result<Option<Report>, StoreError> {
    #[derive(Deserialize)]
    struct Reported {
        report: Option<Report>,
    }
    let kept = store.get(&keys::cursor(tenant, "round")).await?;
    Ok(kept.map(from_item::<Reported>).transpose()?.and_then(|kept| kept.report))
}
