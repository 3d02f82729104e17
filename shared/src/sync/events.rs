//! The Webex side of a round: events since the cursor. The only way to hear of teams that the officer is not in, so also of new ones.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Sync, SyncError};
use crate::http::Deadline;
use crate::ids::{RoomId, TenantId};
use crate::message::{Ask, Cause, Message};
use crate::store::{Condition, Write, from_item, milliseconds, to_item};
use crate::tenant::{self, keys};
use crate::webex::Region;

/// Events appear with a delay: windows overlap by this much. Reading an event twice costs nothing, since its message is older than the last reading.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// How far back a first window reaches.
const FIRST_WINDOW: SignedDuration = SignedDuration::from_mins(15);

#[derive(Serialize, Deserialize)]
struct EventsCursor {
    #[serde(with = "milliseconds")]
    read_to: Timestamp,
}

/// Queues a look for every space in which memberships changed since the last window. Returns how many. Nothing is asked while a gate is shut: the window grows.
pub async fn queue_webex_events(sync: &Sync, tenant: TenantId, deadline: Deadline) -> Result<usize, SyncError> {
    let now = sync.clock.now();
    if tenant::gates_shut_until(sync.store.as_ref(), tenant, now).await?.is_some() {
        return Ok(0);
    }
    let key = keys::cursor(tenant, "events");
    let cursor: Option<EventsCursor> = sync.store.get(&key).await?.map(from_item).transpose()?;
    let from = cursor.map_or(now - FIRST_WINDOW, |cursor| cursor.read_to - OVERLAP);
    let access = sync.tokens.webex(tenant, deadline).await?;
    let events = sync.webex.membership_events(&access, None, from, now).await?;
    let mut rooms: BTreeMap<RoomId, (Timestamp, Region)> = BTreeMap::new();
    for event in events.into_inner() {
        let created = event.created.unwrap_or(now);
        let newest = rooms.entry(event.room.id).or_insert((created, event.room.region));
        newest.0 = newest.0.max(created);
    }
    let message = |(room, (at, region))| Message {
        v: Default::default(),
        tenant,
        at,
        cause: Cause::WebexEvent,
        ask: Ask::Room { room, region },
    };
    let messages: Vec<Message> = rooms.into_iter().map(message).collect();
    sync.queue.send_all(&messages).await?;
    sync.store.write(vec![Write::Put(to_item(&key, &EventsCursor { read_to: now })?, Condition::Any)]).await?;
    Ok(messages.len())
}
