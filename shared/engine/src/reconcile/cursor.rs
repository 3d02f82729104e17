//! Cursors of a cycle's parts. One that cannot be used is replaced, and its part starts again.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::Cycle;
use crate::stored::readable;
use domain::ids::TenantId;
use store::keys;
use store::table::{Condition, StoreError, Write, to_item};

/// A stored cursor.
pub(super) enum Stored<T> {
    /// It can be used.
    Cursor(T),
    /// There is none yet.
    Absent,
    /// It cannot be read: how far its part has read is unknown.
    Unreadable,
}

/// Loads the cursor with this name.
pub(super) async fn load<T: DeserializeOwned>(
    cycle: &Cycle<'_>,
    name: &'static str,
) -> Result<Stored<T>, StoreError> {
    let tenant = cycle.tenant();
    let Some(item) = cycle.store().get(&keys::cursor(tenant, name)).await? else {
        return Ok(Stored::Absent);
    };
    let Some(cursor) = readable(item) else {
        report_reset(tenant, name, "it cannot be read");
        return Ok(Stored::Unreadable);
    };
    Ok(Stored::Cursor(cursor))
}

/// Returns the write that stores a cursor, in place of any other.
pub(super) fn put(
    tenant: TenantId,
    name: &'static str,
    cursor: &impl Serialize,
) -> Result<Write, StoreError> {
    Ok(Write::Put(to_item(&keys::cursor(tenant, name), cursor)?, Condition::Any))
}

/// Counts and logs a cursor that is replaced.
pub(super) fn report_reset(tenant: TenantId, name: &'static str, why: &str) {
    metrics::counter!("CursorsReset").increment(1);
    tracing::error!(event = "cursor_reset", %tenant, cursor = name, why, "replaced a cursor");
}
