//! The search for a group to adopt.

use askama::Template;
use axum::response::Response;
use clients::graph::Group;
use domain::ids::{GroupId, TeamId, TenantId};
use engine::adopt::{AdoptableTeam, AdoptionBlocker};
use engine::link::{self, Claim, FailureKind};
use engine::sync::unique_name;
use http::StatusCode;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::page_id::{Page, PageLink};
use crate::http::response;
use crate::view::layout::Shell;
use crate::view::phrases::adopt as words;
use crate::view::phrases::date;

/// The longest beginning of a name that is searched for, in characters. No group's name is longer.
const LONGEST: usize = 256;

#[derive(Template)]
#[template(path = "adopt-search.html")]
struct SearchPage<'a> {
    shell: Shell<'a>,
    team: TeamId,
    title: &'a str,
    has_link: bool,
    blocker: Option<AdoptionBlocker>,
    beginning: &'a str,
    /// The group with the team's own key, if it keeps the team from another group.
    own: Option<FoundGroup>,
    rows: Vec<FoundGroup>,
    in_all: usize,
}

impl SearchPage<'_> {
    fn team_link(&self) -> PageLink {
        PageLink::Team(self.team)
    }

    fn link(&self) -> PageLink {
        PageLink::Adopt(self.team)
    }
}

/// A group that was found.
struct FoundGroup {
    link: PageLink,
    name: String,
    mail: Option<String>,
    created: Option<String>,
    blocker: Option<AdoptionBlocker>,
    /// The team that has the group, if it is one of this organization's.
    team: Option<PageLink>,
}

impl FoundGroup {
    fn of(team: TeamId, group: Group, tenant: TenantId, claim: Option<&Claim>) -> Self {
        let claimed = claim.map(|claim| AdoptionBlocker::of_claim(tenant, claim));
        // Another organization's team is not named, only that the group is taken.
        let own_claim = claim.filter(|claim| claim.tenant == tenant);
        Self {
            blocker: claimed.or_else(|| AdoptionBlocker::of_group(&group)),
            team: own_claim.map(|claim| PageLink::Team(claim.team)),
            link: PageLink::AdoptGroup(team, group.id),
            name: group.display_name,
            mail: group.mail,
            created: group.created.map(date),
        }
    }
}

/// The groups that were found.
#[derive(Default)]
struct Found {
    own: Option<Group>,
    groups: Vec<Group>,
    in_all: usize,
}

/// Renders the search for groups whose name begins like this.
pub(super) async fn render(
    app: &App,
    admin: &Admin,
    candidate: &AdoptableTeam,
    beginning: &str,
) -> Result<Response, Failure> {
    let (tenant, team) = (admin.connected()?.tenant, candidate.team.id);
    let beginning: String = beginning.trim().chars().take(LONGEST).collect();
    let blocker = candidate.blocker();
    let found = match blocker {
        // No group can be chosen for the team, so none is searched for.
        Some(_) => Found::default(),
        None => find(app, admin, candidate, &beginning).await?,
    };
    let ids = found.groups.iter().chain(&found.own).map(|group| group.id);
    let ids: Vec<GroupId> = ids.collect();
    let claims = link::claims(app.store.as_ref(), admin.directory()?.id, ids).await?;
    let row = |group: Group| {
        let claim = claims.get(&group.id);
        FoundGroup::of(team, group, tenant, claim)
    };
    let page = SearchPage {
        shell: admin.shell(Page::Teams),
        team,
        title: &candidate.title,
        has_link: candidate.before.is_some(),
        blocker,
        beginning: &beginning,
        own: found.own.map(row),
        rows: found.groups.into_iter().map(row).collect(),
        in_all: found.in_all,
    };
    response::page(StatusCode::OK, &page)
}

async fn find(
    app: &App,
    admin: &Admin,
    candidate: &AdoptableTeam,
    beginning: &str,
) -> Result<Found, Failure> {
    let failure = candidate.before.as_ref().and_then(|link_row| link_row.link.failure.as_ref());
    let has_own = failure.is_some_and(|one| one.kind() == FailureKind::GroupNotOurs);
    let mut found = Found::default();
    // Nothing to ask for, so the directory is not called.
    if !has_own && beginning.is_empty() {
        return Ok(found);
    }
    let access = app.tokens.graph(admin.directory()?.id, app.deadline()).await?;
    // A group with the team's key can have any name, so no search by name finds it.
    if has_own {
        let name = unique_name(candidate.team.id);
        found.own = app.graph.group_by_unique_name(&access, &name).await?;
    }
    if !beginning.is_empty() {
        let groups = app.graph.groups_beginning(&access, beginning).await?;
        (found.groups, found.in_all) = (groups.groups, groups.in_all);
    }
    Ok(found)
}
