//! Webex's membership events since the cursor: the only source for teams without the service
//! account, and so for new teams.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::SyncError;
use super::context::Cycle;
use clients::webex::{MembershipEvent, Region};
use domain::ids::RoomId;
use store::keys;
use store::message::{Job, Message, Trigger};
use store::table::{Condition, Write, from_item, milliseconds, to_item};

/// Overlap of two windows, since events appear with a delay. An event that is read twice costs
/// nothing: its message is older than the last sync.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// Maximum lag of Webex's clock behind ours. An event that seems this much older than a reading
/// can be younger.
const SKEW: SignedDuration = SignedDuration::from_millis(250);

/// Length of the first window.
const FIRST_WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Longest window. After a suspension the cursor moves in such steps.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(6);

/// Age up to which events can be read without Webex's Pro Pack, less an hour for clock skew.
const READABLE: SignedDuration = SignedDuration::from_hours(90 * 24 - 1);

#[derive(Serialize, Deserialize)]
struct EventsCursor {
    #[serde(with = "milliseconds")]
    read_to: Timestamp,
}

/// The newest event of a space.
struct ChangedSpace {
    at: Timestamp,
    region: Region,
}

/// Queues a sync of every space with memberships that changed since the last window.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let key = keys::cursor(cycle.tenant(), "events");
    let cursor: Option<EventsCursor> = cycle.store().get(&key).await?.map(from_item).transpose()?;
    let now = cycle.now();
    let from = cursor.map_or(now - FIRST_WINDOW, |cursor| cursor.read_to - OVERLAP);
    let mut from = from.max(now - READABLE);
    let access = cycle.webex().await?;
    let sync = &cycle.reconciler.sync;
    loop {
        let to = now.min(from + LONGEST_WINDOW);
        let events = sync.webex.membership_events(&access, None, from, to).await?.into_inner();
        let messages = requests_for(cycle, events);
        sync.queue.send_all(&messages).await?;
        cycle.report.spaces += messages.len();
        let read_to = to_item(&key, &EventsCursor { read_to: to })?;
        cycle.store().write(vec![Write::Put(read_to, Condition::Any)]).await?;
        if to >= now || !cycle.has_time() {
            return Ok(());
        }
        from = to - OVERLAP;
    }
}

/// Returns one message per space, with the time of its newest event.
fn requests_for(cycle: &Cycle<'_>, events: Vec<MembershipEvent>) -> Vec<Message> {
    let mut spaces: BTreeMap<RoomId, ChangedSpace> = BTreeMap::new();
    for event in events {
        let at = event.created.map_or(cycle.report.began, |created| created + SKEW);
        let changed = ChangedSpace { at, region: event.room.region };
        let newest = spaces.entry(event.room.id).or_insert(changed);
        newest.at = newest.at.max(at);
    }
    let message = |(room, ChangedSpace { at, region }): (RoomId, ChangedSpace)| Message {
        v: Default::default(),
        tenant: cycle.tenant(),
        at,
        trigger: Trigger::WebexEvent,
        job: Job::Room { room, region },
    };
    spaces.into_iter().map(message).collect()
}
