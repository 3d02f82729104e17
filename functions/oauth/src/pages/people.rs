//! People who are excluded, and why.

use engine::phrases::exclusions::ExclusionWords;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::graph::User;
use domain::ids::TenantId;
use domain::membership::ExclusionReason;
use engine::people::{self, IndexedPerson, PeopleCounts, PersonIndex};
use http::StatusCode;
use serde::Deserialize;
use store::table::{Cursor, StoreError};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::Query;
use crate::http::page_id::{Page, PageLink};
use crate::http::response;
use crate::pages::external_ids::{self, IdOffer};
use crate::view::layout::Shell;
use crate::view::phrases::date;
use crate::view::phrases::people::{REASONS, ReasonFilter};

/// A page with this many people is full; it ends with a query and may have some more.
const SHOWN: usize = 50;

/// The most people that one page reads, since few of them may match.
const READ: usize = 4000;

/// People of one query.
const PER_QUERY: usize = 50;

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage<'a> {
    shell: Shell<'a>,
    /// The name of the filter; empty without one.
    why: &'static str,
    rows: Vec<ExcludedPerson>,
    next: Option<String>,
    counted: Option<Counted>,
}

/// An excluded person.
struct ExcludedPerson {
    known: IndexedPerson,
    reason: ExclusionReason,
    offer: Option<IdOffer>,
}

impl ExcludedPerson {
    /// The user whose id can be written to the account.
    fn fix(&self) -> Option<&User> {
        match &self.offer {
            Some(IdOffer::Write(user)) => Some(user),
            _ => None,
        }
    }

    /// The user whose id another account has.
    fn taken(&self) -> Option<&User> {
        match &self.offer {
            Some(IdOffer::Taken(user)) => Some(user),
            _ => None,
        }
    }

    fn waits(&self) -> bool {
        matches!(self.reason, ExclusionReason::MovedObjectId | ExclusionReason::NamesDiffer)
    }

    fn link(&self) -> PageLink {
        PageLink::Person(self.known.person)
    }
}

/// The number of people, and the time when they were counted.
struct Counted {
    people_counts: PeopleCounts,
    at: String,
}

impl PeoplePage<'_> {
    fn reasons(&self) -> [ReasonFilter; 9] {
        REASONS
    }

    fn fixes(&self) -> usize {
        self.rows.iter().filter(|row| row.fix().is_some()).count()
    }

    /// Returns the number of people who are excluded for a reason, if they were counted.
    fn total(&self, reason: &ExclusionReason) -> Option<usize> {
        self.counted.as_ref().map(|counted| counted.people_counts.of(*reason))
    }
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct PeopleQuery {
    why: Option<String>,
    from: Option<String>,
}

/// Lists excluded people, page by page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<PeopleQuery>,
) -> Result<Response, Failure> {
    let tenant = admin.connected()?.tenant;
    let asked = query.why.as_deref().unwrap_or_default();
    let only = REASONS.into_iter().find(|filter| filter.name == asked);
    let from = query.from.clone().map(Cursor);
    let read = excluded(&app, tenant, only.map(|filter| filter.reason), from).await;
    let read = read.map_err(|error| Failure::of_list(error, query.from.as_deref()));
    let (people, next) = read?;
    let why = only.map_or("", |filter| filter.name);
    let people_counts = people::people_counts(app.store.as_ref(), tenant).await?;
    // For the people of this page only, because each name costs the directory an answer.
    let mut offers = external_ids::offers(&app, &admin, &people).await?;
    let rows = people.into_iter().filter_map(|known| {
        let offer = offers.remove(&known.person);
        Some(ExcludedPerson { reason: known.excluded()?, known, offer })
    });
    let page = PeoplePage {
        shell: admin.shell(Page::People),
        why,
        rows: rows.collect(),
        next: next.map(|next| format!("{}?why={why}&from={}", Page::People, next.0)),
        counted: people_counts
            .map(|of| Counted { at: date(of.at), people_counts: of.people_counts }),
    };
    response::page(StatusCode::OK, &page)
}

/// Reads excluded people until there are enough for a page, and returns the next cursor.
pub(crate) async fn excluded(
    app: &App,
    tenant: TenantId,
    only: Option<ExclusionReason>,
    from: Option<Cursor>,
) -> Result<(Vec<IndexedPerson>, Option<Cursor>), StoreError> {
    let index = PersonIndex::new(app.store.as_ref(), tenant);
    let is_shown = |known: &IndexedPerson| match known.excluded() {
        // The service account and bots are not people to care about.
        None | Some(ExclusionReason::NotAPerson) => false,
        reason => only.is_none() || reason == only,
    };
    let (mut rows, mut next, mut read) = (vec![], from, 0);
    loop {
        let (people, behind) = index.page(PER_QUERY, next.as_ref()).await?;
        read += people.len();
        rows.extend(people.into_iter().filter(is_shown));
        next = behind;
        // Few of many people may match, and the request has to end in time.
        if next.is_none() || rows.len() >= SHOWN || read >= READ {
            return Ok((rows, next));
        }
    }
}
