//! The export: one line for each item, as DynamoDB's own exports have them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>

use std::io::Write;

use futures::TryStreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DRAINED_AFTER, Found, TransferError, claims, starting_items};
use crate::link::{self, LinkRow};
use crate::offboard;
use crate::people;
use crate::stored::readable;
use crate::tenant::Tenant;
use domain::ids::TenantId;
use store::keys;
use store::pages::items;
use store::table::{Item, Key, Query, Store, StoreError};

/// Items per page of a query.
const PAGE: usize = 500;

/// A line of an export.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    /// The item, with the type of each attribute.
    #[serde(rename = "Item")]
    pub(super) item: Item,
}

/// The extent of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// Number of items.
    pub items: usize,
    /// The state of the tenant during the export.
    pub of: ExportOf,
}

/// The state of a tenant during its export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportOf {
    /// It runs: items can have changed during the export. The export is a copy for the customer.
    Running,
    /// It is retired: the export is complete, and can be imported elsewhere.
    Retired,
}

/// Writes all items of a tenant: its claims first, and last the items that start it.
///
/// Sessions of admins and secrets are not among them.
///
/// # Errors
/// `Draining` if the tenant was retired a moment ago.
pub async fn export(
    store: &dyn Store,
    id: TenantId,
    now: Timestamp,
    out: &mut (dyn Write + Send),
) -> Result<Export, TransferError> {
    let (tenant, of) = match Found::load(store, id).await? {
        Found::InUse(tenant) => (tenant, ExportOf::Running),
        Found::Retired(retired) => {
            let until = retired.at + DRAINED_AFTER;
            if now < until {
                return Err(TransferError::Draining { tenant: id, until });
            }
            (retired.tenant, ExportOf::Retired)
        }
    };
    let mut lines = Lines { out, count: 0 };
    // Claims first: an import that meets another tenant's claim stops before it stores anything.
    lines.write_all(store.get_many(&claims(&tenant)).await?)?;
    write_links(store, &tenant, &mut lines).await?;
    write_people(store, id, &mut lines).await?;
    let partitions = offboard::simple_partitions(id)
        .into_iter()
        .chain([keys::record_partition(id), keys::partition(id)]);
    for pk in partitions {
        write_partition(store, pk, &mut lines, |item| is_at_rest(id, item)).await?;
    }
    // Last, so that an import that is cut off starts nothing.
    lines.write_all(starting_items(&tenant)?)?;
    lines.out.flush()?;
    Ok(Export { items: lines.count, of })
}

/// Returns `true` for an item that starts or stops nothing.
fn is_at_rest(id: TenantId, item: &Item) -> bool {
    let key = Key::of(item);
    [keys::tenant(id), keys::retired(id)].iter().all(|moved| key.as_ref() != Some(moved))
}

struct Lines<'a> {
    out: &'a mut (dyn Write + Send),
    count: usize,
}

impl Lines<'_> {
    fn write_all(&mut self, items: impl IntoIterator<Item = Item>) -> Result<(), TransferError> {
        for item in items {
            serde_json::to_writer(&mut *self.out, &Line { item }).map_err(std::io::Error::from)?;
            self.out.write_all(b"\n")?;
            self.count += 1;
        }
        Ok(())
    }
}

async fn write_partition(
    store: &dyn Store,
    pk: String,
    lines: &mut Lines<'_>,
    is_exported: impl Fn(&Item) -> bool,
) -> Result<(), TransferError> {
    let query = Query::Partition { pk, prefix: String::new() };
    let mut items = items(store, &query, PAGE);
    while let Some(item) = items.try_next().await? {
        lines.write_all(is_exported(&item).then_some(item))?;
    }
    Ok(())
}

/// Writes the links, each with its people, activity and claim.
async fn write_links(
    store: &dyn Store,
    tenant: &Tenant,
    lines: &mut Lines<'_>,
) -> Result<(), TransferError> {
    let id = tenant.tenant;
    let query = Query::Partition { pk: link::partition(id), prefix: String::new() };
    let mut links = items(store, &query, PAGE);
    while let Some(item) = links.try_next().await? {
        let row: Option<LinkRow> = readable(item.clone());
        if let Some(team) = Key::of(&item).and_then(|key| key.sk.parse().ok()) {
            write_partition(store, keys::team_partition(id, team), lines, |_| true).await?;
        }
        if let Some(group) = row.and_then(|row| row.link.claimed_group()) {
            // Another tenant can have claimed the group since the link ended.
            lines.write_all(own(store, keys::group(tenant.directory, group), id).await?)?;
        }
        lines.write_all([item])?;
    }
    Ok(())
}

/// Writes the person index, with the holders of each object id.
async fn write_people(
    store: &dyn Store,
    id: TenantId,
    lines: &mut Lines<'_>,
) -> Result<(), TransferError> {
    let query = Query::Partition { pk: people::partition(id), prefix: String::new() };
    let mut people = store::pages::pages(store, &query, PAGE);
    // Two accounts can hold one object id.
    let mut known = std::collections::HashSet::new();
    while let Some(page) = people.try_next().await? {
        let objects = page.iter().filter_map(|item| people::object_of_entry(id, item));
        let objects: Vec<Key> = objects.filter(|key| known.insert(key.clone())).collect();
        lines.write_all(store.get_many(&objects).await?)?;
        lines.write_all(page)?;
    }
    Ok(())
}

/// Returns the claim of a group if it is this tenant's.
async fn own(store: &dyn Store, claim: Key, id: TenantId) -> Result<Option<Item>, StoreError> {
    let item = store.get(&claim).await?;
    let ours = store::table::to_value(&id)?;
    Ok(item.filter(|item| item.get("tenant") == Some(&ours)))
}
