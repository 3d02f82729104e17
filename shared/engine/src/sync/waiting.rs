//! Messages that wait in the table until their tenant has room for them.
//!
//! A message of the queue is handled once. One that finds no quota, a backoff or a refusal becomes
//! an item, and one delayed message of the tenant works all of them off. So a backlog costs no more
//! messages than it has, however long it lasts.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use sha2::{Digest, Sha256};

use super::schedule::MESSAGE_LOSS_MARGIN;
use super::{Deps, SyncError};
use crate::stored::{delete_unreadable, load_rebuildable, readable};
use clients::webex::SpaceClue;
use domain::ids::TenantId;
use store::keys;
use store::message::{Job, Message, Trigger};
use store::table::{
    Change, Condition, EXPIRES_AT, Key, Query, StoreError, Test, Write, milliseconds, moment,
    to_item,
};

/// Time after which a message that waits is dropped, counted from when it began to wait.
const WAITS_AT_MOST: SignedDuration = SignedDuration::from_hours(24);

/// Messages that one run works off: about what the quota of Webex has room for in a pause.
pub(super) const PORTION: usize = 50;

/// Pause before the next run of a tenant without room.
pub(super) const PAUSE: SignedDuration = SignedDuration::from_secs(15);

/// Pause before the next run of a tenant with room.
pub(super) const AT_ONCE: SignedDuration = SignedDuration::from_secs(1);

/// Time within which a delayed message begins the next run. A cycle begins later ones, so that an
/// earlier one never waits for them.
const BY_MESSAGE: SignedDuration = SignedDuration::from_mins(1);

/// Attempts to plan a run while other messages do, too. Each of them that succeeds ends one.
const PLAN_ATTEMPTS: usize = 8;

/// Milliseconds since the epoch that have 13 digits, as all in sort keys.
const LAST_MILLISECOND: i64 = 9_999_999_999_999;

/// Result of handling a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handled {
    /// Nothing is left to do.
    Done,
    /// The tenant has no room for it before this moment.
    NoRoom(Timestamp),
    /// A service throttled the tenant until this moment, and the message waits for its own.
    Throttled { until: Timestamp, again: Timestamp },
    /// Only this message waits until this moment.
    Again(Timestamp),
}

/// A message that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) message: Message,
    /// The moment at which it began to wait.
    #[serde(with = "milliseconds")]
    pub(super) since: Timestamp,
}

/// The place of a message among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The next when there is room: first what people wait for, and then the newest.
    Next,
    /// After those, and not before this moment.
    At(Timestamp),
}

/// The first messages that wait, and when there is more to do.
pub(super) struct Portion {
    pub(super) due: Vec<(Key, Waiting)>,
    pub(super) next: Option<Timestamp>,
}

/// The plan of the next run. Equal plans mean that no message began to wait in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct RunPlan {
    /// The moment at which the delayed message comes.
    #[serde(with = "milliseconds")]
    delayed_until: Timestamp,
    /// The moment from which a cycle begins the run.
    #[serde(rename = "gsi1sk", with = "milliseconds")]
    next_at: Timestamp,
}

impl Waiting {
    /// Returns the write that stores the message, or `None` if it has waited too long.
    pub(super) fn put(&self, tenant: TenantId, order: Order) -> Result<Option<Write>, StoreError> {
        let ends_at = self.since + WAITS_AT_MOST;
        if matches!(order, Order::At(at) if at >= ends_at) {
            return Ok(None);
        }
        let key = Key::new(keys::waiting_partition(tenant), self.sort_key(order)?);
        let mut item = to_item(&key, self)?;
        item.insert(EXPIRES_AT.into(), AttributeValue::N(ends_at.as_second().to_string()));
        Ok(Some(Write::Put(item, Condition::Any)))
    }

    fn sort_key(&self, order: Order) -> Result<String, StoreError> {
        // By content, so that a message that is delivered twice mostly waits once.
        let text = serde_json::to_string(&self.message)
            .map_err(|error| StoreError::Malformed(error.to_string()))?;
        let digest = Sha256::digest(text);
        // Long enough that no two messages of one moment share it.
        let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let (class, number) = match order {
            Order::Next => {
                let newest_first = LAST_MILLISECOND - self.message.at.as_millisecond();
                (if is_awaited(&self.message) { 0 } else { 1 }, newest_first.max(0))
            }
            Order::At(at) => (2, at.as_millisecond()),
        };
        Ok(format!("{class}#{number:013}#{id}"))
    }
}

/// Returns `true` if a person waits for what the message asks.
fn is_awaited(message: &Message) -> bool {
    match &message.job {
        Job::Room { clue, .. } => *clue == SpaceClue::LikelyTeam,
        // Many people become eligible at once, and none of them waits.
        Job::Person { .. } => false,
        _ => true,
    }
}

/// Returns the moment until which an item of this sort key waits on its own.
fn waits_until(key: &Key) -> Option<Timestamp> {
    let (number, _) = key.sk.strip_prefix("2#")?.split_once('#')?;
    Timestamp::from_millisecond(number.parse().ok()?).ok()
}

impl RunPlan {
    /// Returns the moment at which a run begins.
    fn begins_at(self, now: Timestamp) -> Timestamp {
        if self.delayed_until > now { self.delayed_until.min(self.next_at) } else { self.next_at }
    }

    fn unchanged(plan: Option<Self>) -> Condition {
        plan.map_or(Condition::Absent, |plan| {
            Condition::Holds(vec![
                Test::Equals("delayed_until", moment(plan.delayed_until)),
                Test::Equals("gsi1sk", moment(plan.next_at)),
            ])
        })
    }
}

impl Deps {
    /// Stores a message that cannot be handled now, and plans the run that works it off.
    pub(super) async fn keep(&self, message: &Message, handled: Handled) -> Result<(), SyncError> {
        let (tenant, now) = (message.tenant, self.clock.now());
        let (order, until) = match handled {
            Handled::Done => return Ok(()),
            Handled::NoRoom(until) => (Order::Next, until.max(now + PAUSE)),
            Handled::Throttled { again: at, .. } | Handled::Again(at) => (Order::At(at), at),
        };
        let waiting = Waiting { message: message.clone(), since: now };
        match waiting.put(tenant, order)? {
            // The plan comes second: a run that it begins must find the message.
            Some(put) => self.store.write(vec![put]).await?,
            None => {
                report_dropped(message);
                return Ok(());
            }
        }
        self.plan_run(tenant, until).await
    }

    /// Makes sure that a run begins at this moment or earlier.
    pub(super) async fn plan_run(
        &self,
        tenant: TenantId,
        until: Timestamp,
    ) -> Result<(), SyncError> {
        for _ in 0..PLAN_ATTEMPTS {
            let now = self.clock.now();
            let plan = self.load_plan(tenant).await?;
            if plan.is_some_and(|plan| plan.begins_at(now) <= until) {
                return Ok(());
            }
            let by_message = until.duration_since(now) <= BY_MESSAGE;
            let before = plan.map_or(Timestamp::UNIX_EPOCH, |plan| plan.delayed_until);
            // The message can be lost, and the cycle then begins the run.
            let (delayed_until, next_at) =
                if by_message { (until, until + MESSAGE_LOSS_MARGIN) } else { (before, until) };
            let changes = vec![
                Change::Set("delayed_until", moment(delayed_until)),
                Change::Set("gsi1pk", AttributeValue::S(keys::due_partition(tenant))),
                Change::Set("gsi1sk", moment(next_at)),
            ];
            let unchanged = RunPlan::unchanged(plan);
            match self.store.update(&keys::waiting(tenant), changes, unchanged).await {
                // Only the call that stored the plan sends its message: a backlog needs one.
                Ok(_) if by_message => return self.queue_run(tenant, until).await,
                Ok(_) => return Ok(()),
                Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Busy(format!("the plan of tenant {tenant} changes too fast")).into())
    }

    async fn queue_run(&self, tenant: TenantId, until: Timestamp) -> Result<(), SyncError> {
        let now = self.clock.now();
        let (trigger, job) = (Trigger::Retry, Job::Waiting);
        let message = Message { v: Default::default(), tenant, at: now, trigger, job };
        // A moment that has passed has no delay, and the run begins at once.
        let delay = until.duration_since(now).try_into().unwrap_or_default();
        Ok(self.queue.send(&message, delay).await?)
    }

    /// Loads the plan of the next run.
    pub(super) async fn load_plan(&self, tenant: TenantId) -> Result<Option<RunPlan>, StoreError> {
        load_rebuildable(self.store.as_ref(), &keys::waiting(tenant)).await
    }

    /// Ends the runs of a tenant for which nothing waited, unless a message has begun to wait.
    pub(super) async fn end_runs(
        &self,
        tenant: TenantId,
        plan: Option<RunPlan>,
    ) -> Result<(), StoreError> {
        // A run that is still to come finds the messages of those who saw it planned.
        if plan.is_none_or(|plan| plan.delayed_until > self.clock.now()) {
            return Ok(());
        }
        let end = Write::Delete(keys::waiting(tenant), RunPlan::unchanged(plan));
        match self.store.write(vec![end]).await {
            // A message has begun to wait and planned a run, which stays.
            Ok(()) | Err(StoreError::ConditionFailed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Loads the messages that are due, up to a portion.
    pub(super) async fn load_portion(&self, tenant: TenantId) -> Result<Portion, StoreError> {
        let (store, now) = (self.store.as_ref(), self.clock.now());
        let query = Query::Partition { pk: keys::waiting_partition(tenant), prefix: String::new() };
        let page = store.query(&query, PORTION, None).await?;
        let mut portion = Portion { due: vec![], next: page.next.map(|_| now + AT_ONCE) };
        let mut unreadable = vec![];
        for item in page.items {
            let Some(key) = Key::of(&item) else { continue };
            if let Some(until) = waits_until(&key).filter(|until| *until > now) {
                // Those that wait for a moment come last and in order, so all others are later.
                portion.next = Some(until);
                break;
            }
            match readable(item) {
                Some(waiting) => portion.due.push((key, waiting)),
                // It would be first in each portion.
                None => unreadable.push(key),
            }
        }
        delete_unreadable(store, unreadable).await?;
        Ok(portion)
    }
}

/// Logs a message that waited too long.
pub(super) fn report_dropped(message: &Message) {
    tracing::error!(
        event = "message_dropped", tenant = %message.tenant, ?message,
        "A message was dropped that waited for a day."
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::RoomId;
    use uuid::Uuid;

    fn sort_key(at: i64, clue: SpaceClue, order: Order) -> String {
        let at = Timestamp::from_second(1_700_000_000 + at).unwrap();
        let job = Job::Room { room: RoomId(Uuid::nil()), region: Default::default(), clue };
        let (v, tenant, trigger) =
            (Default::default(), TenantId(Uuid::nil()), Trigger::WebexWebhook);
        Waiting { message: Message { v, tenant, at, trigger, job }, since: at }
            .sort_key(order)
            .unwrap()
    }

    #[test]
    fn likely_teams_come_first_and_then_the_newest() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let in_order = [
            sort_key(1, SpaceClue::LikelyTeam, Order::Next),
            sort_key(0, SpaceClue::LikelyTeam, Order::Next),
            sort_key(2, SpaceClue::Unclear, Order::Next),
            sort_key(1, SpaceClue::Unclear, Order::Next),
            sort_key(9, SpaceClue::LikelyTeam, Order::At(now)),
            sort_key(8, SpaceClue::Unclear, Order::At(now + PAUSE)),
        ];
        assert!(in_order.is_sorted(), "{in_order:#?}");
        let key = Key::new("TENANT", in_order[5].clone());
        assert_eq!(waits_until(&key), Some(now + PAUSE));
        assert_eq!(waits_until(&Key::new("TENANT", in_order[3].clone())), None);
    }
}
