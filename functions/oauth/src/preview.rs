//! What would be done to all teams, as preview mode has found it, and having it done.
//!
//! # Guarantees
//! It is done only as long as nothing of it has changed since it was shown. A removal that was not shown, because it came about in between, waits for an administrator.

use askama::Template;
use domain::ids::TeamId;
use engine::link::{self, State};
use engine::preview::{self, Changes, GroupOutlook, Of, Preview, Totals};
use engine::reconcile;
use engine::tenant::settings::{self, Running, Settings};
use futures::{StreamExt, TryStreamExt, stream};
use store::table::{Cursor, StoreError};

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
    csrf: &'a str,
    message: Option<&'static str>,
    is_on: bool,
    /// Which previews are shown, over all pages.
    seen: Changes,
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
        self.previews_page(incoming, administrator, (200, None)).await
    }

    /// Goes live, if what would be done is still what was shown.
    pub(crate) async fn go_live(&self, incoming: &Incoming, administrator: &Administrator) -> Result<Answer, Failure> {
        let (store, tenant) = (self.store.as_ref(), administrator.connected()?.tenant);
        let seen: Changes = incoming.field("seen").and_then(|seen| seen.parse().ok()).ok_or(Failure::NotAForm)?;
        let (settings, version) = settings::load(store, tenant).await?;
        if !is_on(&settings) {
            return Err(Failure::Changed(Place::Preview));
        }
        if preview::changes(store, tenant).await? != seen {
            let moved =
                "Something changed since the page was shown, so nothing was begun. This is what would be done now.";
            return self.previews_page(incoming, administrator, (409, Some(moved))).await;
        }
        let live = Settings { running: Running::Live, ..settings };
        match settings::save(store, tenant, &live, version).await {
            Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Place::Preview)),
            saved => saved?,
        }
        reconcile::look_at_every_link(store, tenant, self.clock.now()).await?;
        reconcile::do_everything_next(store, tenant).await?;
        tracing::info!(%tenant, person = %administrator.session.person, "went live as it was shown");
        Ok(Answer::see(Place::Teams.path()))
    }

    async fn previews_page(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        (status, message): (u16, Option<&'static str>),
    ) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let (settings, _) = settings::load(store, tenant).await?;
        // Of several pages, what the first was read at counts.
        let earlier = incoming.query("seen").and_then(|seen| seen.parse().ok()).filter(|_| status == 200);
        let seen = match earlier {
            Some(seen) => seen,
            None => preview::changes(store, tenant).await?,
        };
        let from = incoming.query("from").and_then(|from| from.split_once('.'));
        let from = from.and_then(|(at, cursor)| Some((at.parse::<usize>().ok()?, Cursor(cursor.to_owned()))));
        let (first, mut start) = from.map_or((0, None), |(at, cursor)| (at, (!cursor.0.is_empty()).then_some(cursor)));
        let mut page = PreviewPage {
            shell: self.shell(administrator, Place::Preview),
            csrf: &administrator.session.csrf,
            message,
            is_on: is_on(&settings),
            seen,
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
                    page.next = Some(format!("{}?seen={seen}&from={at}.{cursor}", Place::Preview.path()));
                    break 'states;
                }
                let links = link::page(store, tenant, (state, ""), PER_QUERY, start.as_ref()).await;
                let (links, next) = links.map_err(|error| Failure::of_list(error, incoming.query("from")))?;
                let load = |kept: link::Kept| async move {
                    let found = preview::load(store, tenant, kept.link.team, Of::Look).await?;
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
        Ok(Answer::page(status, page.render()?))
    }
}

/// Whether looks only show what they would do.
fn is_on(settings: &Settings) -> bool {
    settings.switched_on_at.is_some() && settings.running == Running::Preview
}

impl PreviewPage<'_> {
    /// Whether all there is has been shown, and can be had done.
    fn is_whole(&self) -> bool {
        self.is_on && self.unseen == 0 && self.next.is_none()
    }

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
