//! The list of links, where the states follow one another.

use std::fmt;
use std::str::FromStr;

use domain::ids::TenantId;
use engine::link::{self, LinkRow, LinkState};
use store::pages::{self, UpTo};
use store::table::{Cursor, Store, StoreError};

/// Links of one query: as many as one request reads by their keys.
const PER_QUERY: usize = 100;

/// Most queries of one page.
const MOST_QUERIES: usize = 40;

/// The links of some states, one state after the other.
pub(crate) struct LinkList<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) states: &'a [LinkState],
    /// A part of the title.
    pub(crate) title: &'a str,
}

/// A place in the list.
pub(crate) struct Position {
    state: LinkState,
    /// `None` at the beginning of the state.
    cursor: Option<Cursor>,
}

/// Returns the state with this name in an address.
pub(crate) fn state_named(name: &str) -> Option<LinkState> {
    LinkState::ALL.into_iter().find(|state| state.to_string() == name)
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cursor = self.cursor.as_ref().map_or("", |cursor| &cursor.0);
        write!(f, "{}.{cursor}", self.state)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (state, cursor) = text.split_once('.').ok_or(())?;
        let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
        let cursor = cursor.map(|cursor| Cursor(cursor.to_owned()));
        Ok(Self { state: state_named(state).ok_or(())?, cursor })
    }
}

impl LinkList<'_> {
    /// Reads up to `count` links, and where the list continues. A search can find fewer on a page
    /// although more follow.
    pub(crate) async fn read(
        &self,
        store: &dyn Store,
        count: usize,
        from: Option<Position>,
    ) -> Result<(Vec<LinkRow>, Option<Position>), StoreError> {
        let start_of = |state: &LinkState| Position { state: *state, cursor: None };
        let Some(start) = from.or_else(|| self.states.first().map(start_of)) else {
            return Ok((vec![], None));
        };
        let part = |Position { state, cursor }, room: usize| async move {
            // Few may match, so a search reads many at once, and a page can get some more.
            let limit = if self.title.is_empty() { room.min(PER_QUERY) } else { PER_QUERY };
            let cursor = cursor.as_ref();
            let page = link::page(store, self.tenant, state, self.title, limit, cursor);
            let (links, inside) = page.await?;
            let inside = inside.map(|cursor| Position { state, cursor: Some(cursor) });
            let mut from_here = self.states.iter().skip_while(|one| **one != state);
            // Behind the last page of a state, the next state begins.
            Ok((links, inside.or_else(|| from_here.nth(1).map(start_of))))
        };
        pages::up_to(UpTo { entries: count, parts: MOST_QUERIES }, start, part).await
    }
}
