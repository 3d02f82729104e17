//! Webex's events since the cursor: the only way to hear of teams that the officer is not in, so also of new ones.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Round, SyncError};
use clients::webex::{MembershipEvent, Region};
use domain::ids::RoomId;
use store::keys;
use store::message::{Ask, Cause, Message};
use store::table::{Condition, Write, from_item, milliseconds, to_item};

/// Events appear with a delay: windows overlap by this much. Reading an event twice costs nothing, since its message is older than the last reading.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// How far Webex's clock may be behind ours: an event that seems to be this much older than a reading may be younger.
const SKEW: SignedDuration = SignedDuration::from_millis(250);

/// How far back a first window reaches.
const FIRST_WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// The longest window: after a standstill the cursor moves on in such steps.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(6);

/// What is older cannot be read without Webex's Pro Pack; an hour less, since its clock need not be ours.
const READABLE: SignedDuration = SignedDuration::from_hours(90 * 24 - 1);

#[derive(Serialize, Deserialize)]
struct EventsCursor {
    #[serde(with = "milliseconds")]
    read_to: Timestamp,
}

impl Round<'_> {
    /// Queues a look for every space in which memberships changed since the last window.
    pub(super) async fn events(&mut self) -> Result<(), SyncError> {
        let key = keys::cursor(self.tenant(), "events");
        let cursor: Option<EventsCursor> = self.store().get(&key).await?.map(from_item).transpose()?;
        let now = self.now();
        let mut from = cursor.map_or(now - FIRST_WINDOW, |cursor| cursor.read_to - OVERLAP).max(now - READABLE);
        let access = self.webex().await?;
        loop {
            let to = now.min(from + LONGEST_WINDOW);
            let events = self.rounds.sync.webex.membership_events(&access, None, from, to).await?.into_inner();
            let messages = self.looks_for(events);
            self.rounds.sync.queue.send_all(&messages).await?;
            self.report.spaces += messages.len();
            let read_to = to_item(&key, &EventsCursor { read_to: to })?;
            self.store().write(vec![Write::Put(read_to, Condition::Any)]).await?;
            if to >= now || !self.has_time() {
                return Ok(());
            }
            from = to - OVERLAP;
        }
    }

    /// One message for each space, as of its newest event.
    fn looks_for(&self, events: Vec<MembershipEvent>) -> Vec<Message> {
        let mut rooms: BTreeMap<RoomId, (Timestamp, Region)> = BTreeMap::new();
        for event in events {
            let created = event.created.map_or(self.report.began, |at| at + SKEW);
            let newest = rooms.entry(event.room.id).or_insert((created, event.room.region));
            newest.0 = newest.0.max(created);
        }
        let message = |(room, (at, region))| Message {
            v: Default::default(),
            tenant: self.tenant(),
            at,
            cause: Cause::WebexEvent,
            ask: Ask::Room { room, region },
        };
        rooms.into_iter().map(message).collect()
    }
}
