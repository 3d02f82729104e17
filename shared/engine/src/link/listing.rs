//! Links as the pages list them: by state, then by title.

use std::fmt;

use super::{Kept, Link};
use domain::ids::TenantId;
use store::table::{Cursor, Key, Query, Store, StoreError, from_item};

/// How a link is, as the pages list it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Removals wait for an administrator.
    Held,
    /// Something keeps it from being in step.
    Failing,
    /// Its group is being created.
    Creating,
    /// Its team's creator was asked.
    Asked,
    /// Both sides are kept as one.
    Active,
    /// It is over.
    Ended,
}

impl State {
    /// All of them, those first that want somebody.
    pub const ALL: [Self; 6] = [Self::Held, Self::Failing, Self::Creating, Self::Asked, Self::Active, Self::Ended];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Held => "held",
            Self::Failing => "failing",
            Self::Creating => "creating",
            Self::Asked => "asked",
            Self::Active => "active",
            Self::Ended => "ended",
        })
    }
}

/// The links that are in one state, by title, and where their list goes on. `title` is what the titles begin with, whatever the case.
///
/// The list is read from an index that is a moment behind: a link that has just changed its state can be missing, or be there although it left.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    (state, title): (State, &str),
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<Kept>, Option<Cursor>), StoreError> {
    let query = Query::Listed { pk: listing(tenant, state), prefix: title.to_lowercase() };
    let page = store.query(&query, limit, start).await?;
    let keys: Vec<Key> = page.items.iter().filter_map(Key::of).collect();
    let links = store.get_many(&keys).await?.into_iter().map(from_item::<Kept>);
    let mut links = links.collect::<Result<Vec<_>, _>>()?;
    links.sort_by_cached_key(|kept| sorted_by(&kept.link));
    Ok((links, page.next))
}

/// The index's partition of links in one state.
pub(crate) fn listing(tenant: TenantId, state: State) -> String {
    format!("LIST#{tenant}#{state}")
}

/// By what links are sorted.
pub(super) fn sorted_by(link: &Link) -> String {
    format!("{}#{}", link.title.to_lowercase(), link.team)
}
