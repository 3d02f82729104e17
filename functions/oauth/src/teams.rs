//! All teams that are linked, were, or are about to be: by state, by title, page by page.

use askama::Template;
use domain::ids::TenantId;
use engine::link::{self, Kept, State};
use store::table::{Cursor, StoreError};
use url::form_urlencoded::Serializer;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// Teams on a page.
const SHOWN: usize = 50;

/// A state in words.
pub(crate) fn words(state: State) -> &'static str {
    match state {
        State::Held => "Waiting for you",
        State::Failing => "Failing",
        State::Creating => "Being created",
        State::Asked => "Creator asked",
        State::Active => "In step",
        State::Ended => "Over",
    }
}

#[derive(Template)]
#[template(path = "teams.html")]
struct TeamsPage<'a> {
    shell: Shell<'a>,
    /// What the list is narrowed to.
    state: Option<State>,
    title: &'a str,
    rows: Vec<Kept>,
    next: Option<String>,
}

impl TeamsPage<'_> {
    fn states(&self) -> impl Iterator<Item = (String, &'static str, bool)> {
        let one = |state| (self.address(Some(state), None), words(state), self.state == Some(state));
        let all = (self.address(None, None), "All", self.state.is_none());
        std::iter::once(all).chain(State::ALL.into_iter().map(one))
    }

    fn address(&self, state: Option<State>, from: Option<&str>) -> String {
        address(state, self.title, from)
    }
}

fn address(state: Option<State>, title: &str, from: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    if let Some(state) = state {
        query.append_pair("state", &state.to_string());
    }
    if !title.is_empty() {
        query.append_pair("title", title);
    }
    if let Some(from) = from {
        query.append_pair("from", from);
    }
    match query.finish() {
        query if query.is_empty() => Place::Teams.path().into(),
        query => format!("{}?{query}", Place::Teams.path()),
    }
}

impl Oauth {
    pub(crate) async fn teams(&self, incoming: &Incoming, administrator: &Administrator) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        let named = |name: &str| State::ALL.into_iter().find(|state| state.to_string() == name);
        let state = incoming.query("state").and_then(named);
        let title = incoming.query("title").unwrap_or_default().trim();
        let from = incoming.query("from").and_then(|from| from.split_once('.'));
        let from = from.and_then(|(state, cursor)| Some((named(state)?, cursor.to_owned())));
        let listed = self.listed(organization.tenant, (state, title), from).await;
        let (rows, next) = listed.map_err(|error| Failure::of_list(error, incoming.query("from")))?;
        let page = TeamsPage {
            shell: self.shell(administrator, Place::Teams),
            state,
            title,
            rows,
            next: next.map(|(at, cursor)| address(state, title, Some(&format!("{at}.{cursor}")))),
        };
        Ok(Answer::page(200, page.render()?))
    }

    /// A page of links, and in which state and where there the list goes on. All states are listed one after the other.
    async fn listed(
        &self,
        tenant: TenantId,
        (only, title): (Option<State>, &str),
        from: Option<(State, String)>,
    ) -> Result<(Vec<Kept>, Option<(State, String)>), StoreError> {
        let states = State::ALL.into_iter().filter(|state| only.is_none_or(|only| only == *state));
        let begins = from.as_ref().map(|(state, _)| *state);
        let mut states = states.skip_while(|state| begins.is_some_and(|begins| begins != *state)).peekable();
        let mut start = from.map(|(_, cursor)| Cursor(cursor)).filter(|cursor| !cursor.0.is_empty());
        let mut rows = Vec::new();
        while let Some(state) = states.next() {
            loop {
                let room = SHOWN - rows.len();
                let (links, next) =
                    link::page(self.store.as_ref(), tenant, (state, title), room, start.as_ref()).await?;
                rows.extend(links);
                start = next;
                if rows.len() == SHOWN {
                    let further = start.map(|cursor| (state, cursor.0));
                    return Ok((rows, further.or_else(|| states.peek().map(|next| (*next, String::new())))));
                }
                if start.is_none() {
                    break;
                }
            }
        }
        Ok((rows, None))
    }
}
