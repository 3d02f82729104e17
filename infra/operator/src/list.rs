//! The list of all tenants.

use engine::tenant::{self, Running, TenantSnapshot};
use futures::TryStreamExt;
use jiff::Timestamp;
use store::keys;
use store::pages::items;
use store::table::{Key, Query, Store, StoreError};

/// Tenants per page.
const PAGE: usize = 100;

/// Prints a line for each tenant: its ids, its state, and the reason of a suspension.
pub(crate) async fn print(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    let query = Query::Partition { pk: keys::TENANTS.into(), prefix: String::new() };
    let mut listed = items(store, &query, PAGE);
    let mut count = 0;
    while let Some(item) = listed.try_next().await? {
        let Some(id) = Key::of(&item).and_then(|key| key.sk.parse().ok()) else { continue };
        count += 1;
        match tenant::load_snapshot(store, id, &[], now).await {
            Ok(Some((snapshot, _))) => {
                let tenant::Tenant { org, directory, .. } = &snapshot.tenant;
                anstream::println!(
                    "{id}  organization {org}  directory {directory}  {}",
                    state(&snapshot)
                );
            }
            Ok(None) => anstream::println!("{id}  disconnected"),
            // One tenant that cannot be read hides no other.
            Err(error) => anstream::println!("{id}  cannot be read: {error}"),
        }
    }
    anstream::println!("{count} tenants");
    Ok(())
}

fn state(snapshot: &TenantSnapshot) -> String {
    if let Some(suspension) = &snapshot.suspension {
        let said = &suspension.said;
        return format!("suspended since {} ({:?}): {said}", suspension.since, suspension.why);
    }
    if let Some(until) = snapshot.throttled_until {
        return format!("throttled until {until} by {:?}", snapshot.throttled_by);
    }
    match (snapshot.settings.switched_on_at, snapshot.settings.running) {
        (None, _) => "off".into(),
        (Some(_), Running::Preview) => "on, preview".into(),
        (Some(_), Running::Live) => "on".into(),
    }
}
