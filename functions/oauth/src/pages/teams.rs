//! All teams that are linked, were linked, or will be: by state and title.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::TenantId;
use engine::link::{self, LinkRow, LinkState};
use http::StatusCode;
use serde::Deserialize;
use store::table::{Cursor, StoreError};
use url::form_urlencoded::Serializer;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::Query;
use crate::http::page_id::{Page, PageLink};
use crate::http::response;
use crate::view::layout::Shell;
use crate::view::phrases::teams as words;

/// Teams on a page.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "teams.html")]
struct TeamsPage<'a> {
    shell: Shell<'a>,
    filter: TeamFilter<'a>,
    rows: Vec<LinkRow>,
    next: Option<String>,
}

/// The filter of the list.
#[derive(Clone, Copy)]
struct TeamFilter<'a> {
    state: Option<LinkState>,
    /// The beginning of the title.
    title: &'a str,
}

impl TeamFilter<'_> {
    fn address(&self, from: Option<&Position>) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(state) = self.state {
            query.append_pair("state", &state.to_string());
        }
        if !self.title.is_empty() {
            query.append_pair("title", self.title);
        }
        if let Some(Position { state, cursor }) = from {
            query.append_pair("from", &format!("{state}.{cursor}"));
        }
        match query.finish() {
            query if query.is_empty() => Page::Teams.path().into(),
            query => format!("{}?{query}", Page::Teams),
        }
    }
}

/// A place in the list, where the states follow one another.
struct Position {
    state: LinkState,
    /// Empty at the beginning of the state.
    cursor: String,
}

/// A link to another filter.
struct FilterLink {
    address: String,
    text: &'static str,
    is_here: bool,
}

impl TeamsPage<'_> {
    fn filters(&self) -> impl Iterator<Item = FilterLink> {
        let all = std::iter::once(None).chain(LinkState::ALL.into_iter().map(Some));
        all.map(|state| FilterLink {
            address: TeamFilter { state, ..self.filter }.address(None),
            text: state.map_or(words::ALL_STATES, words::state),
            is_here: self.filter.state == state,
        })
    }
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct TeamsQuery {
    state: Option<String>,
    title: Option<String>,
    from: Option<String>,
}

/// Lists teams, page by page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<TeamsQuery>,
) -> Result<Response, Failure> {
    let tenant = admin.connected()?.tenant;
    let named = |name: &str| LinkState::ALL.into_iter().find(|state| state.to_string() == name);
    let filter = TeamFilter {
        state: query.state.as_deref().and_then(named),
        title: query.title.as_deref().unwrap_or_default().trim(),
    };
    let from = query.from.as_deref().and_then(|from| from.split_once('.'));
    let from = from.and_then(|(state, cursor)| {
        Some(Position { state: named(state)?, cursor: cursor.to_owned() })
    });
    let listed = list(&app, tenant, filter, from).await;
    let (rows, next) = listed.map_err(|error| Failure::of_list(error, query.from.as_deref()))?;
    let next = next.map(|next| filter.address(Some(&next)));
    let page = TeamsPage { shell: admin.shell(Page::Teams), filter, rows, next };
    response::page(StatusCode::OK, &page)
}

/// Reads a page of links, and where the list continues.
async fn list(
    app: &App,
    tenant: TenantId,
    filter: TeamFilter<'_>,
    from: Option<Position>,
) -> Result<(Vec<LinkRow>, Option<Position>), StoreError> {
    let is_shown = |state: &LinkState| filter.state.is_none_or(|only| only == *state);
    let states = LinkState::ALL.into_iter().filter(is_shown);
    let first = from.as_ref().map(|from| from.state);
    let is_before = |state: &LinkState| first.is_some_and(|first| first != *state);
    let mut states = states.skip_while(is_before).peekable();
    let mut start = from.map(|from| Cursor(from.cursor)).filter(|cursor| !cursor.0.is_empty());
    let mut rows = Vec::new();
    while let Some(state) = states.next() {
        loop {
            let room = SHOWN - rows.len();
            let page =
                link::page(app.store.as_ref(), tenant, state, filter.title, room, start.as_ref());
            let (links, next) = page.await?;
            rows.extend(links);
            start = next;
            if rows.len() == SHOWN {
                // A full page ends inside this state, or before the next one.
                let inside = start.map(|cursor| Position { state, cursor: cursor.0 });
                let next = || {
                    let state = *states.peek()?;
                    Some(Position { state, cursor: String::new() })
                };
                return Ok((rows, inside.or_else(next)));
            }
            if start.is_none() {
                break;
            }
        }
    }
    Ok((rows, None))
}
