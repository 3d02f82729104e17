//! The page of a team: its people on both sides and why, what waits, and what was done.

use engine::phrases::exclusions::ExclusionWords;
use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use domain::ids::TeamId;
use domain::membership::{ExclusionReason, Role, Side, Sides};
use engine::activity::{self, EntryId};
use engine::adopt::AdoptionBlocker;
use engine::link::{self, GroupOrigin, LinkPerson, LinkRow, LinkState, OverrideProposal, Who};
use engine::preview::{self, Preview, PreviewKind, ServiceAccountOutlook};
use engine::safety::pending_approval;
use engine::tenant::settings::{self, Running, Settings};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use store::table::{Cursor, StoreError};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, ResponseExt};
use crate::pages::approvals::PendingTable;
use crate::pages::team::load_link;
use crate::pages::team_spaces::SpacesTable;
use crate::view::layout::Shell;
use crate::view::names::DisplayNames;
use crate::view::phrases::activity::{CHANGES_SHOWN, Entry, change, planned_line, trigger};
use crate::view::phrases::feedback::Feedback;
use crate::view::phrases::teams as words;
use crate::view::phrases::{self, date};

/// People on a page.
const PEOPLE_SHOWN: usize = 200;

/// The time after an act in which the page says what was done, and follows it.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(1);

/// Seconds until a page that follows an act reloads.
const RELOAD: u32 = 2;

/// Activity entries on a page.
const ACTIVITY_SHOWN: usize = 20;

/// An act after which the team's page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    /// A sync was requested.
    Asked,
    /// A folder was requested.
    Folder,
    Adopted,
    Unlinked,
}

impl Did {
    /// Returns the address of the team's page after the act.
    pub(crate) fn at(self, team: TeamId, now: Timestamp) -> String {
        format!("{}?did={}&at={}", PageLink::Team(team), self.name(), now.as_millisecond())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Folder => "folder",
            Self::Adopted => "adopted",
            Self::Unlinked => "unlinked",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [Self::Asked, Self::Folder, Self::Adopted, Self::Unlinked];
        all.into_iter().find(|did| did.name() == name)
    }
}

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TeamQuery {
    did: Option<String>,
    /// The moment of the act, in milliseconds.
    at: Option<String>,
    /// The cursor of the activity.
    done: Option<String>,
    /// The position of the first person that is shown.
    people: Option<String>,
}

impl TeamQuery {
    /// Returns the note about what the previous page did.
    fn note(&self, synced_at: Timestamp, now: Timestamp) -> Option<Feedback> {
        let at = self.at.as_deref().and_then(|at| at.parse().ok());
        let at = at.and_then(|at| Timestamp::from_millisecond(at).ok())?;
        let is_synced = synced_at >= at;
        // A reload much later must not say again what is long over.
        if now.duration_since(at) > UNDER_WAY {
            return None;
        }
        match Did::named(self.did.as_deref()?)? {
            Did::Asked if is_synced => Some(Feedback::Synced),
            Did::Asked => Some(Feedback::SyncRequested),
            Did::Folder => Some(Feedback::FolderRequested),
            Did::Adopted if is_synced => Some(Feedback::GroupMerged),
            Did::Adopted => Some(Feedback::GroupAdopted),
            Did::Unlinked => Some(Feedback::Unlinked),
        }
    }
}

#[derive(Template)]
#[template(path = "team.html")]
struct TeamPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    link_row: &'a LinkRow,
    synced: Option<String>,
    note: Option<Feedback>,
    pending: Option<PendingTable>,
    outlook: Option<PlannedChanges>,
    spaces: Option<SpacesTable>,
    people: Vec<TeamPerson>,
    shown: Shown,
    further_people: Option<String>,
    activity: Vec<Entry>,
    further_activity: Option<String>,
    /// An existing group can be adopted in place of this link.
    can_adopt: bool,
    is_adopted: bool,
}

impl TeamPage<'_> {
    fn link(&self) -> PageLink {
        PageLink::Team(self.link_row.link.team)
    }

    fn adopt(&self) -> PageLink {
        PageLink::Adopt(self.link_row.link.team)
    }

    fn entry(&self, entry: &EntryId) -> PageLink {
        PageLink::ActivityEntry(self.link_row.link.team, *entry)
    }
}

/// The part of the people that is shown.
#[derive(Clone, Copy)]
struct Shown {
    from: usize,
    to: usize,
    of: usize,
}

/// The changes that a sync would make if preview mode were off.
struct PlannedChanges {
    at: String,
    lines: Vec<String>,
    further: usize,
}

/// A person of the team or the group.
struct TeamPerson {
    name: String,
    address: String,
    /// Roles as they were last read.
    roles: Sides<Role>,
    /// The role before, on each side that lacks a row.
    before: Sides<Option<String>>,
    excluded: Option<ExclusionReason>,
    last_change: Option<LastChangeShown>,
    open: Option<String>,
    offers: Vec<ResolutionOffer>,
}

/// The reason for a person's role.
struct LastChangeShown {
    words: String,
    event: String,
    entry: EntryId,
}

/// A way to make a person equal on both sides.
struct ResolutionOffer {
    person: String,
    as_in: Side,
    hash: String,
    words: &'static str,
}

impl TeamPerson {
    fn of(
        who: Who,
        on_link: &LinkPerson,
        names: &DisplayNames,
        removal: Option<Side>,
        now: Timestamp,
    ) -> Self {
        let LinkPerson { state, .. } = on_link;
        let known = state.last_read();
        let roles = match who {
            Who::Person(_) => known,
            // An excluded account may have no baseline, and is listed because it is there.
            Who::Webex(_) => Sides { team: known.team.max(Role::Member), group: Role::None },
            Who::Entra(_) => Sides { team: Role::None, group: known.group.max(Role::Member) },
        };
        let last_change = on_link.last_change.as_ref().map(|last_change| LastChangeShown {
            words: change(last_change.reason, last_change.refused.as_ref()),
            event: format!("{}, {}", trigger(last_change.trigger), date(last_change.at)),
            entry: last_change.entry,
        });
        let name = names.get(who);
        Self {
            name: name.name,
            address: name.address,
            roles,
            before: Sides::each(|side| {
                let since = state.absent_since(side)?;
                Some(words::role_before(side, &state.baseline[side], since))
            }),
            excluded: on_link.excluded,
            last_change,
            open: words::open(state, removal, now),
            offers: vec![],
        }
    }

    /// Returns `true` if an eligible person differs between the sides.
    fn differs(&self) -> bool {
        self.excluded.is_none() && !self.roles.are_equal()
    }

    /// Orders excluded people and differences first.
    fn order(&self) -> (bool, bool, String) {
        // `false` comes first.
        (self.excluded.is_none(), self.roles.are_equal(), self.name.to_lowercase())
    }
}

/// Everything that the page reads.
struct Loaded {
    link_row: LinkRow,
    settings: Settings,
    people: BTreeMap<Who, LinkPerson>,
    plan: Option<pending_approval::PendingApproval>,
    preview: Option<Preview>,
    activity: Vec<activity::Activity>,
    next_activity: Option<Cursor>,
    spaces: Option<SpacesTable>,
    names: DisplayNames,
}

/// Renders the page.
pub(crate) async fn render(
    app: &App,
    admin: &Admin,
    team: TeamId,
    query: &TeamQuery,
    status: StatusCode,
    note: Option<Feedback>,
) -> Result<Response, Failure> {
    let mut loaded = load(app, admin, team, query).await?;
    let spaces = loaded.spaces.take();
    let Loaded { link_row, names, .. } = &loaded;
    let link = PageLink::Team(team);
    let rows = rows(&loaded, app.clock.now());
    let of = rows.len();
    let from = query.people.as_ref().and_then(|from| from.parse().ok());
    // People may have left since the address was made.
    let from = from.filter(|from| *from < of).unwrap_or(0);
    let rows: Vec<TeamPerson> = rows.into_iter().skip(from).take(PEOPLE_SHOWN).collect();
    let to = from + rows.len();
    let next_activity = loaded.next_activity.as_ref();
    let note = note.or_else(|| query.note(link_row.synced_at, app.clock.now()));
    let entries = loaded.activity.iter();
    let page = TeamPage {
        shell: admin.shell(Page::Teams),
        csrf: admin.csrf(),
        // Zero stands for a link that was never synced.
        synced: (link_row.synced_at.as_millisecond() > 0).then(|| date(link_row.synced_at)),
        link_row,
        note,
        pending: loaded.plan.as_ref().map(|plan| PendingTable::of(plan, &link_row.link, names)),
        outlook: loaded.preview.as_ref().map(|preview| outlook(preview, names)),
        spaces,
        people: rows,
        shown: Shown { from: from.min(of) + 1, to, of },
        further_people: (to < of).then(|| format!("{link}?people={to}")),
        activity: entries.map(|activity| Entry::of(activity, Some(team), None, names)).collect(),
        further_activity: next_activity.map(|cursor| format!("{link}?done={}", cursor.0)),
        can_adopt: AdoptionBlocker::of_link(&link_row.link).is_none(),
        is_adopted: link_row.link.group().is_some() && link_row.link.origin == GroupOrigin::Adopted,
    };
    let page = response::page(status, &page)?;
    let is_under_way = note.is_some_and(Feedback::is_under_way);
    Ok(if is_under_way { page.reload_after(RELOAD) } else { page })
}

async fn load(
    app: &App,
    admin: &Admin,
    team: TeamId,
    query: &TeamQuery,
) -> Result<Loaded, Failure> {
    let (store, tenant) = (app.store.as_ref(), admin.tenant());
    let link_row = load_link(app, admin, team).await?;
    let from = query.done.clone().map(Cursor);
    let (settings, _) = settings::load(store, tenant).await?;
    let last_preview = async {
        match settings.running {
            Running::Preview => preview::load(store, tenant, team, PreviewKind::SyncRun).await,
            // An old preview says nothing once syncs write.
            Running::Live => Ok::<_, StoreError>(None),
        }
    };
    // Side by side, because an admin waits.
    let (people, plan, preview, activity, spaces) = futures::try_join!(
        link::people(store, tenant, team),
        pending_approval::load(store, tenant, team),
        last_preview,
        activity::page(store, tenant, team, ACTIVITY_SHOWN, from.as_ref()),
        SpacesTable::load(app, tenant, &link_row),
    )
    .map_err(|error| Failure::of_list(error, query.done.as_deref()))?;
    let (activity, next_activity) = activity;
    let moved = preview.iter().flat_map(|preview| &preview.moves).map(|one| one.person);
    let removed = plan.iter().flat_map(|plan| plan.removals.iter().map(|held| held.person));
    let changed = activity.iter().flat_map(|one| one.changes.iter().map(|change| change.person));
    let pairs = moved.chain(removed).chain(changed).map(Who::Person);
    let named = people.keys().copied().chain(pairs).collect();
    // Last, and once: every part names people, and many are the same.
    let names = DisplayNames::load(app, &admin.organization, &named).await?;
    Ok(Loaded { link_row, settings, people, plan, preview, activity, next_activity, spaces, names })
}

/// Returns all people, those first who need attention.
fn rows(loaded: &Loaded, now: Timestamp) -> Vec<TeamPerson> {
    let Loaded { link_row, settings, people, plan, names, .. } = loaded;
    // In preview mode, or without a group, nothing can be carried out.
    let can_write = settings.running == Running::Live && link_row.link.group().is_some();
    let pending = plan.iter().flat_map(|plan| &plan.removals);
    let pending: BTreeMap<Who, Side> =
        pending.map(|held| (Who::Person(held.person), held.side)).collect();
    let row = |(who, on_link): (&Who, &LinkPerson)| {
        let removal = pending.get(who).copied();
        let mut row = TeamPerson::of(*who, on_link, names, removal, now);
        if can_write && row.differs() {
            row.offers = offers(*who, people);
        }
        if row.differs() && row.open.is_none() {
            row.open = Some(words::stays_open(settings).into());
        }
        row
    };
    let mut rows: Vec<TeamPerson> = people.iter().map(row).collect();
    rows.sort_by_cached_key(TeamPerson::order);
    rows
}

/// Returns both ways to resolve a person's difference.
fn offers(who: Who, people: &BTreeMap<Who, LinkPerson>) -> Vec<ResolutionOffer> {
    // An account with no known counterpart cannot be put on the other side.
    let Who::Person(person) = who else {
        return vec![];
    };
    let offer = |as_in: Side| {
        let proposal = OverrideProposal::resolve_difference(person, as_in, people);
        let roles = proposal.people.get(&person)?;
        let side = as_in.other();
        Some(ResolutionOffer {
            person: format!("{}/{}", person.object, person.person),
            as_in,
            hash: proposal.hash(),
            words: words::resolve(side, roles.is[side], roles.to[side]),
        })
    };
    Side::BOTH.into_iter().filter_map(offer).collect()
}

fn outlook(preview: &Preview, names: &DisplayNames) -> PlannedChanges {
    let group = words::group_outlook(&preview.group);
    let joins = preview.service_account == ServiceAccountOutlook::Joins;
    let joins = joins.then(|| words::ACCOUNT_JOINS.to_owned());
    let rename = preview.rename.as_ref().map(words::rename);
    let moves = preview.moves.iter().take(CHANGES_SHOWN).map(|one| {
        let line = planned_line(one, &names.name(one.person));
        if one.held.is_some() { words::would_wait(&line) } else { line }
    });
    PlannedChanges {
        at: date(preview.at),
        lines: group.into_iter().chain(joins).chain(rename).chain(moves).collect(),
        further: preview.moves.len().saturating_sub(CHANGES_SHOWN),
    }
}
