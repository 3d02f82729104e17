//! Lists of links by state, sorted by title.

use std::fmt;

use super::{Link, LinkRow};
use crate::stored::readable;
use domain::ids::TenantId;
use serde_dynamo::AttributeValue;
use store::keys;
use store::table::{Cursor, Item, Key, Query, Store, StoreError};

/// The state of a link, as the pages list it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Removals wait for an administrator.
    PendingApproval,
    /// A failure keeps it out of sync.
    Failing,
    /// People differ between team and group.
    Differing,
    /// The group is being created.
    Creating,
    /// The team's creator was asked.
    Asked,
    /// Both sides are in sync.
    Active,
    /// The link has ended.
    Ended,
}

impl LinkState {
    /// All states, those that need attention first.
    pub const ALL: [Self; 7] = [
        Self::PendingApproval,
        Self::Failing,
        Self::Differing,
        Self::Creating,
        Self::Asked,
        Self::Active,
        Self::Ended,
    ];
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            // These words are stored in the index, so a new word would lose the links of now.
            Self::PendingApproval => "held",
            Self::Failing => "failing",
            Self::Differing => "differing",
            Self::Creating => "creating",
            Self::Asked => "asked",
            Self::Active => "active",
            Self::Ended => "ended",
        })
    }
}

/// Loads a page of the links in one state whose titles contain `title`, in any case.
///
/// `limit` counts the links in the index, so a page can have fewer, although more follow.
/// The index lags: a link that has just changed its state can be missing or still listed.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    state: LinkState,
    title: &str,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<LinkRow>, Option<Cursor>), StoreError> {
    let query = Query::Listed { pk: listing(tenant, state), prefix: String::new() };
    let page = store.query(&query, limit, start).await?;
    // The index has the titles, so only links that match are read.
    let title = keys::typed(title);
    let matching = page.items.iter().filter(|item| title_in(item).contains(&title));
    let keys: Vec<Key> = matching.filter_map(Key::of).collect();
    // The index has only keys, and is older than the links themselves.
    let links = store.get_many(&keys).await?.into_iter();
    let mut links: Vec<LinkRow> = links.filter_map(readable).collect();
    // The table returns the items of many keys in any order.
    links.sort_by_cached_key(|row| sort_key(&row.link));
    Ok((links, page.next))
}

/// A number of links, counted up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkCount {
    /// All of them.
    Exactly(usize),
    /// There are more.
    MoreThan(usize),
}

/// Counts the links in one state, up to `most`. The index lags, as for [`page`].
pub async fn count(
    store: &dyn Store,
    tenant: TenantId,
    state: LinkState,
    most: usize,
) -> Result<LinkCount, StoreError> {
    let query = Query::Listed { pk: listing(tenant, state), prefix: String::new() };
    // One page at most: an exact count would read each link of a large tenant.
    let page = store.query(&query, most, None).await?;
    let links = page.items.len();
    Ok(if page.next.is_some() { LinkCount::MoreThan(links) } else { LinkCount::Exactly(links) })
}

/// The index partition of the links in one state.
pub(crate) fn listing(tenant: TenantId, state: LinkState) -> String {
    format!("LIST#{tenant}#{state}")
}

/// The title in an item of the index; empty if it has none.
fn title_in(item: &Item) -> &str {
    let Some(AttributeValue::S(sort_key)) = item.get("gsi2sk") else { return "" };
    sort_key.rsplit_once('#').map_or("", |(title, _)| title)
}

/// The sort key of a link in its list.
pub(super) fn sort_key(link: &Link) -> String {
    // Titles repeat, and the id gives those an order that stays.
    format!("{}#{}", keys::typed(&link.title), link.team)
}
