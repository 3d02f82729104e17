//! Stored items and queued messages that this program did not write.

use engine::phrases::exclusions::ExclusionWords;
use std::fmt::Debug;

use engine::link::{LinkPerson, LinkRow};
use engine::tenant::{Settings, Tenant};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::Item;
use store::message::{Message, ReconcileRequest};
use store::table::{Key, from_item, to_item};

use crate::noon;

/// Checks that an item is written as it was read, and that reading its fields never panics.
pub fn stored(text: &[u8]) {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(text) else {
        return;
    };
    for parsed in [
        serde_json::from_value::<Message>(value.clone()).is_ok(),
        serde_json::from_value::<ReconcileRequest>(value.clone()).is_ok(),
    ] {
        assert!(!parsed || value["v"] == 1);
    }
    let Ok(item) = serde_dynamo::to_item::<_, Item>(&value) else {
        return;
    };
    same::<Settings>(&item);
    same::<Tenant>(&item);
    if let Some(row) = same::<LinkRow>(&item) {
        asked(row);
    }
    if let Some(LinkPerson { state, excluded, .. }) = same(&item) {
        for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            (_, _, _) = (state.due(now), state.check_at(now), state.failure(now));
        }
        excluded.map(|reason| (reason.explanation(), reason.remedy()));
    }
}

fn same<T: DeserializeOwned + Serialize + PartialEq + Debug>(item: &Item) -> Option<T> {
    let read: T = from_item(item.clone()).ok()?;
    let again = from_item(to_item(&Key::new("pk", "sk"), &read).unwrap()).unwrap();
    assert_eq!(read, again);
    Some(read)
}

fn asked(row: LinkRow) {
    for now in
        [noon(), Timestamp::UNIX_EPOCH, Timestamp::MAX - SignedDuration::from_hours(24 * 366)]
    {
        _ = (row.is_leased(now), row.has_answered(row.requests()));
        let mut link = row.link.clone();
        _ = (link.state(), link.created_group(), link.group_is_new(now));
        link.names.as_ref().map(|names| names.due());
        let reason = engine::link::FailureReason::CallFailed { said: "again".into() };
        link.record_failure(reason, now);
        assert!(link.failure.is_some_and(|failure| failure.tries > 0));
    }
}
