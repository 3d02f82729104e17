//! What would be done to all teams, as preview mode has found it.

use askama::Template;
use futures::{StreamExt, TryStreamExt, stream};
use shared::ids::TeamId;
use shared::link::{self, State};
use shared::preview::{self, GroupOutlook, Preview, Totals};
use shared::settings::{self, Running};
use shared::store::{Cursor, StoreError};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// Teams whose previews are read for one page.
const READ: usize = 1000;

/// Teams of one query.
const PER_QUERY: usize = 100;

/// Previews that are read at the same time.
const AT_ONCE: usize = 20;

/// Where a link can be of which something would be done.
const STATES: [State; 5] = [State::Held, State::Failing, State::Creating, State::Asked, State::Active];

#[derive(Template)]
#[template(path = "preview.html")]
struct PreviewPage<'a> {
    shell: Shell<'a>,
    is_on: bool,
    rows: Vec<Row>,
    totals: Totals,
    /// Teams that were read, and those of them that no look in preview mode has seen yet.
    read: usize,
    unseen: usize,
    next: Option<String>,
}

/// A team of which something would be done.
struct Row {
    team: TeamId,
    title: String,
    totals: Totals,
    blocked: Option<String>,
}

impl Oauth {
    pub(crate) async fn previews(&self, incoming: &Incoming, administrator: &Administrator) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let (settings, _) = settings::load(store, tenant).await?;
        let from = incoming.query("from").and_then(|from| from.split_once('.'));
        let from = from.and_then(|(at, cursor)| Some((at.parse::<usize>().ok()?, Cursor(cursor.to_owned()))));
        let (first, mut start) = from.map_or((0, None), |(at, cursor)| (at, (!cursor.0.is_empty()).then_some(cursor)));
        let mut page = PreviewPage {
            shell: self.shell(administrator, Place::Preview),
            is_on: settings.switched_on_at.is_some() && settings.running == Running::Preview,
            rows: vec![],
            totals: Totals::default(),
            read: 0,
            unseen: 0,
            next: None,
        };
        'states: for (at, state) in STATES.into_iter().enumerate().skip(first) {
            loop {
                if page.read >= READ {
                    let cursor = start.take().map(|cursor| cursor.0).unwrap_or_default();
                    page.next = Some(format!("{}?from={at}.{cursor}", Place::Preview.path()));
                    break 'states;
                }
                let links = link::page(store, tenant, (state, ""), PER_QUERY, start.as_ref()).await;
                let (links, next) = links.map_err(|error| Failure::of_list(error, incoming.query("from")))?;
                let load = |kept: link::Kept| async move {
                    let found = preview::load(store, tenant, kept.link.team).await?;
                    Ok::<_, StoreError>((kept.link, found))
                };
                let found: Vec<_> = stream::iter(links).map(load).buffered(AT_ONCE).try_collect().await?;
                found.into_iter().for_each(|(link, found)| page.take(link, found));
                start = next;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(Answer::page(200, page.render()?))
    }
}

impl PreviewPage<'_> {
    fn take(&mut self, link: link::Link, found: Option<Preview>) {
        self.read += 1;
        let Some(found) = found else {
            self.unseen += 1;
            return;
        };
        let totals = found.totals();
        self.totals += totals;
        let blocked = match found.group {
            GroupOutlook::Blocked { reason, .. } => Some(reason),
            GroupOutlook::Exists | GroupOutlook::Created { .. } => None,
        };
        if totals != Totals::default() || blocked.is_some() {
            self.rows.push(Row { team: link.team, title: link.title, totals, blocked });
        }
    }
}
