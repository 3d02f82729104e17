//! What the table and the queue hold, should it ever be other than this program wrote it.

use std::fmt::Debug;

use engine::link::{Kept, OnLink};
use engine::tenant::{Settings, Tenant};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::Item;
use store::message::{Message, Turn};
use store::table::{Key, from_item, to_item};

use crate::noon;

/// What is read of an item is written the same again, and can be asked for everything that the pages and the looks ask.
pub fn stored(text: &[u8]) {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(text) else { return };
    for parsed in [
        serde_json::from_value::<Message>(value.clone()).is_ok(),
        serde_json::from_value::<Turn>(value.clone()).is_ok(),
    ] {
        assert!(!parsed || value["v"] == 1);
    }
    let Ok(item) = serde_dynamo::to_item::<_, Item>(&value) else { return };
    same::<Settings>(&item);
    same::<Tenant>(&item);
    if let Some(kept) = same::<Kept>(&item) {
        asked(kept);
    }
    if let Some(OnLink { memory, left_out, .. }) = same(&item) {
        memory.due();
        left_out.map(|reason| (reason.explanation(), reason.remedy()));
    }
}

fn same<T: DeserializeOwned + Serialize + PartialEq + Debug>(item: &Item) -> Option<T> {
    let read: T = from_item(item.clone()).ok()?;
    let again = from_item(to_item(&Key::new("pk", "sk"), &read).unwrap()).unwrap();
    assert_eq!(read, again);
    Some(read)
}

fn asked(kept: Kept) {
    for now in [noon(), Timestamp::UNIX_EPOCH, Timestamp::MAX - SignedDuration::from_hours(24 * 366)] {
        _ = (kept.is_leased(now), kept.has_answered(now));
        let mut link = kept.link.clone();
        _ = (link.state(), link.group_of_our_making(), link.group_is_young(now), link.removed_lately(now));
        link.names.as_ref().map(|names| names.due());
        link.count_removals(1, now);
        link.is_troubled(engine::link::TroubleKind::CallFailed, "again".into(), now);
        assert!(link.removed_lately(now) > 0 && link.trouble.is_some_and(|trouble| trouble.tries > 0));
    }
}
