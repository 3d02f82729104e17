//! Both sides as they would be after an adoption.

use engine::phrases::exclusions::ExclusionWords;
use std::collections::BTreeSet;

use askama::Template;
use axum::response::Response;
use domain::ids::GroupId;
use domain::membership::{Role, Side};
use engine::adopt::{AdoptionBlocker, AdoptionPreview};
use engine::link::Who;
use engine::preview::{Move, ServiceAccountOutlook};
use engine::tenant::settings::{self, Running, Settings};
use http::StatusCode;

use super::{Adoption, may_adopt};
use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::types::StepUp;
use crate::http::error::Failure;
use crate::http::page_id::{Page, PageLink};
use crate::http::response;
use crate::view::layout::Shell;
use crate::view::names::DisplayNames;
use crate::view::phrases::activity::planned_line;
use crate::view::phrases::adopt as words;
use crate::view::phrases::feedback::Feedback;

/// The most people that a list names; it counts the others.
// Each name is asked of a service, and an admin waits for the page.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "adopt-union.html")]
struct UnionPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    title: &'a str,
    group: GroupId,
    search: PageLink,
    link: PageLink,
    note: Option<Feedback>,
    blocker: Option<AdoptionBlocker>,
    is_on: bool,
    is_preview: bool,
    united: Option<United>,
    step_up: Option<&'a StepUp>,
}

/// Both sides united, as the page shows them.
struct United {
    name: String,
    mail: String,
    names: String,
    account_joins: bool,
    lists: [List; 3],
    excluded: Vec<Excluded>,
    further_excluded: usize,
    unresolved: usize,
    hash: String,
    /// The user who signed in again may adopt the group.
    is_allowed: bool,
    /// That user is one of the group's owners.
    is_owner: bool,
}

/// A person who stays on one side.
struct Excluded {
    name: String,
    side: &'static str,
    why: &'static str,
}

/// People for whom the same would be done.
struct List {
    id: &'static str,
    heading: &'static str,
    lines: Vec<String>,
    /// People without a line.
    further: usize,
}

impl List {
    fn total(&self) -> usize {
        self.lines.len() + self.further
    }
}

/// Renders the union, or what blocks it.
pub(super) async fn render(
    app: &App,
    admin: &Admin,
    adoption: &Adoption,
    found: Result<AdoptionPreview, AdoptionBlocker>,
    status: StatusCode,
    note: Option<Feedback>,
) -> Result<Response, Failure> {
    let (settings, _) = settings::load(app.store.as_ref(), admin.tenant()).await?;
    let step_up = admin.step_up(app.clock.now());
    let (united, blocker) = match found {
        Ok(union) => (Some(united(app, admin, &settings, &union, step_up).await?), None),
        Err(blocker) => (None, Some(blocker)),
    };
    let (team, group) = (adoption.candidate.team.id, adoption.group);
    let page = UnionPage {
        shell: admin.shell(Page::Teams),
        csrf: admin.csrf(),
        title: &adoption.candidate.title,
        group,
        search: PageLink::Adopt(team),
        link: PageLink::AdoptGroup(team, group),
        note,
        blocker,
        is_on: settings.switched_on_at.is_some(),
        is_preview: settings.running == Running::Preview,
        united,
        step_up,
    };
    response::page(status, &page)
}

async fn united(
    app: &App,
    admin: &Admin,
    settings: &Settings,
    union: &AdoptionPreview,
    step_up: Option<&StepUp>,
) -> Result<United, Failure> {
    let is_allowed = step_up.is_some_and(|step_up| may_adopt(step_up, union));
    // A Webex admin alone must not read who is in a group: only the app has that right.
    let shown = if is_allowed { SHOWN } else { 0 };
    let preview = &union.preview;
    let added = |side: Side| {
        let is_added = move |one: &&Move| one.side == side && one.from == Role::None;
        preview.moves.iter().filter(is_added).collect::<Vec<_>>()
    };
    let (to_team, to_group) = (added(Side::Team), added(Side::Group));
    let roles: Vec<&Move> = preview.moves.iter().filter(|one| one.from != Role::None).collect();
    let excluded = preview.excluded.iter().take(shown);
    let lists = [&to_team, &to_group, &roles].into_iter();
    // Only those who are shown: the directory is asked for the names of some.
    let named = lists.flat_map(|moves| moves.iter().take(shown)).map(|one| Who::Person(one.person));
    let people: BTreeSet<Who> = named.chain(excluded.clone().map(|(who, _)| *who)).collect();
    let names = DisplayNames::load(app, &admin.organization, &people).await?;
    let excluded = excluded.map(|(who, why)| Excluded {
        name: names.get(*who).name,
        side: words::side_of(*who),
        why: why.explanation(),
    });
    let list = |id, heading, moves: &[&Move]| {
        let lines: Vec<_> = moves
            .iter()
            .take(shown)
            .map(|one| planned_line(one, &names.name(one.person)))
            .collect();
        List { id, heading, further: moves.len() - lines.len(), lines }
    };
    Ok(United {
        name: union.group.display_name.clone(),
        mail: union.group.mail.clone().unwrap_or_default(),
        names: words::names(settings, union),
        account_joins: preview.service_account == ServiceAccountOutlook::Joins,
        lists: [
            list("to-team", words::ADDED_TO_TEAM, &to_team),
            list("to-group", words::ADDED_TO_GROUP, &to_group),
            list("roles", words::ROLES_CHANGED, &roles),
        ],
        excluded: excluded.collect(),
        further_excluded: preview.excluded.len().saturating_sub(shown),
        unresolved: preview.unresolved,
        // Over everything, also what the page only counts.
        hash: union.hash(),
        is_allowed,
        is_owner: step_up.is_some_and(|step_up| union.owners.contains(&step_up.person)),
    })
}
