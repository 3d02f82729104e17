//! All teams that are linked, were linked, or will be: by state and title.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::link::{Link, LinkCounts, LinkRow, LinkState};
use http::StatusCode;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::Query;
use crate::http::page_id::{Page, PageLink};
use crate::http::response;
use crate::pages::link_list::{LinkList, Position, state_named};
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
    /// A part of the title.
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
        if let Some(position) = from {
            query.append_pair("from", &position.to_string());
        }
        match query.finish() {
            query if query.is_empty() => Page::Teams.path().into(),
            query => format!("{}?{query}", Page::Teams),
        }
    }
}

/// A link to another filter.
struct FilterLink {
    address: String,
    text: &'static str,
    is_here: bool,
}

impl TeamsPage<'_> {
    fn is_filtered(&self) -> bool {
        self.filter.state.is_some() || !self.filter.title.is_empty()
    }

    /// Returns `true` if a sync has counted the people of the team.
    fn is_counted(&self, link: &Link) -> bool {
        link.counts != LinkCounts::default()
    }

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
    let filter = TeamFilter {
        state: query.state.as_deref().and_then(state_named),
        title: query.title.as_deref().unwrap_or_default().trim(),
    };
    // In this order, teams that wait for an admin come first.
    let states = filter.state.map_or(LinkState::ALL.to_vec(), |state| vec![state]);
    let list = LinkList { tenant, states: &states, title: filter.title };
    let from = query.from.as_deref().and_then(|from| from.parse().ok());
    let read = list.read(app.store.as_ref(), SHOWN, from).await;
    let (rows, next) = read.map_err(|error| Failure::of_list(error, query.from.as_deref()))?;
    let next = next.map(|next| filter.address(Some(&next)));
    let page = TeamsPage { shell: admin.shell(Page::Teams), filter, rows, next };
    response::page(StatusCode::OK, &page)
}
