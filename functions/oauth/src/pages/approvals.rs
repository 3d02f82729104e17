//! Removals that wait for an administrator's approval, of one team or of all.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::TeamId;
use domain::merge::PersonRemoval;
use engine::link::{self, LinkState, Who};
use engine::safety::pending_approval::{self, ApprovalDecision, PendingApproval};
use futures::stream::{self, StreamExt, TryStreamExt};
use http::StatusCode;
use store::table::{Cursor, StoreError};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::{ListQuery, Query};
use crate::http::page_id::{Page, PageLink};
use crate::http::response;
use crate::view::layout::Shell;
use crate::view::names::DisplayNames;
use crate::view::phrases::teams as words;
use crate::view::phrases::{count_of_people, date};

/// Plans on a page.
const SHOWN: usize = 10;

/// Plans that are read at the same time.
const AT_ONCE: usize = 10;

/// The removals of one team that wait for approval.
pub(crate) struct PendingTable {
    pub(crate) team: TeamId,
    pub(crate) title: String,
    pub(crate) why: &'static str,
    pub(crate) since: String,
    pub(crate) hash: String,
    pub(crate) removals: Vec<Removal>,
    pub(crate) is_decided: bool,
}

/// A person who would be removed.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Removal {
    pub(crate) name: String,
    pub(crate) from: &'static str,
}

impl PendingTable {
    pub(crate) fn of(plan: &PendingApproval, link: &link::Link, names: &DisplayNames) -> Self {
        let removal = |held: &PersonRemoval| Removal {
            name: names.name(held.person),
            from: words::removed_from(held.side),
        };
        let mut removals: Vec<_> = plan.removals.iter().map(removal).collect();
        // The plan's own order is by id, which no reader can follow.
        removals.sort();
        let title = &link.title;
        Self {
            team: link.team,
            title: if title.is_empty() { link.team.to_string() } else { title.clone() },
            why: words::pending_because(plan.why),
            since: date(plan.at),
            hash: plan.hash(),
            removals,
            is_decided: plan.decision != ApprovalDecision::Open,
        }
    }

    pub(crate) fn link(&self) -> PageLink {
        PageLink::Team(self.team)
    }

    /// The number of people, so that the button says what it does.
    pub(crate) fn people(&self) -> String {
        count_of_people(self.removals.len())
    }
}

#[derive(Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    plans: Vec<PendingTable>,
    next: Option<String>,
}

/// Lists all pending removals. The form of each leads to its team's page, with its hash.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let organization = admin.connected()?;
    let (store, tenant) = (app.store.as_ref(), organization.tenant);
    let from = query.from.clone().map(Cursor);
    let links =
        link::page(store, tenant, LinkState::PendingApproval, "", SHOWN, from.as_ref()).await;
    let links = links.map_err(|error| Failure::of_list(error, query.from.as_deref()));
    let (links, next) = links?;
    let load = |link_row: link::LinkRow| async move {
        let plan = pending_approval::load(store, tenant, link_row.link.team).await?;
        Ok::<_, StoreError>(plan.map(|plan| (link_row.link, plan)))
    };
    // In the order of the list, which is the order of the page.
    let plans: Vec<_> = stream::iter(links).map(load).buffered(AT_ONCE).try_collect().await?;
    // A plan that was carried out since the list was read is gone.
    let plans: Vec<_> = plans.into_iter().flatten().collect();
    // One reading of names for all plans of the page.
    let removals = plans.iter().flat_map(|(_, plan)| &plan.removals);
    let people = removals.map(|held| Who::Person(held.person)).collect();
    let names = DisplayNames::load(&app, organization, &people).await?;
    let tables = plans.iter().map(|(link, plan)| PendingTable::of(plan, link, &names));
    let page = ApprovalsPage {
        shell: admin.shell(Page::Approvals),
        csrf: admin.csrf(),
        plans: tables.collect(),
        next: next.map(|next| format!("{}?from={}", Page::Approvals, next.0)),
    };
    response::page(StatusCode::OK, &page)
}
