//! The activity of all teams, with filters, as a page and as a file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::{TeamId, TenantId};
use domain::membership::Person;
use engine::activity::{self, Activity, Actor, Listed};
use engine::link::{self, LinkRow, Who};
use http::StatusCode;
use serde::Deserialize;
use store::table::{Cursor, StoreError, from_item};
use url::form_urlencoded::Serializer;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::Query;
use crate::http::page_id::{Page, PageLink};
use crate::http::response;
use crate::view::layout::Shell;
use crate::view::names::DisplayNames;
use crate::view::phrases::activity::{
    ALL_TRIGGERS, COLUMNS, Entry, TriggerFilter, change_line, file_continues_at, refusal, role,
    side,
};
use crate::view::phrases::decisions::{actor_cells, cause, decision_of, note_lines, people_of};

/// A page with this many entries is full; it ends with a query and may have some more.
const SHOWN: usize = 25;

/// A file with this many lines is full.
const LINES: usize = 5000;

/// The most entries that one page or file reads, since few of them may match.
const READ: usize = 2000;

/// Entries of one query.
const PER_QUERY: usize = 50;

/// The query of the page and of the file.
#[derive(Deserialize)]
pub(crate) struct ActivityQuery {
    team: Option<String>,
    #[serde(rename = "cause")]
    trigger: Option<String>,
    person: Option<String>,
    from: Option<String>,
}

/// The filter of the activity.
#[derive(Clone, Default)]
struct ActivityFilter {
    team: Option<TeamId>,
    trigger: Option<TriggerFilter>,
    /// Part of a name, an address or an id, in lower case.
    person: String,
}

impl ActivityFilter {
    /// Reads the filter; a team that is no id matches no team.
    fn read(query: &ActivityQuery) -> Result<Self, Failure> {
        let text = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default().trim().to_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        // A mistyped id must not silently show the activity of all teams.
        let team = match text(&query.team) {
            Some(team) => Some(team.parse().map_err(|_| Failure::NoSuchTeam)?),
            None => None,
        };
        let named = |name: String| TriggerFilter::ALL.into_iter().find(|one| one.name() == name);
        let trigger = text(&query.trigger).and_then(named);
        let person = text(&query.person).unwrap_or_default().to_lowercase();
        Ok(Self { team, trigger, person })
    }

    fn includes(&self, Listed { team, activity }: &Listed) -> bool {
        let trigger = TriggerFilter::of(activity.trigger);
        self.team.is_none_or(|only| *team == Some(only))
            && self.trigger.is_none_or(|only| only == trigger)
    }

    /// Keeps only the changes of the person that is searched for; `None` if there are none.
    fn narrowed(&self, mut activity: Activity, names: &DisplayNames) -> Option<Activity> {
        if !self.person.is_empty() {
            activity.changes.retain(|change| self.matches(Who::Person(change.person), names));
            let is_named = || people_of(&activity).into_iter().any(|who| self.matches(who, names));
            let is_actor = || activity.actor.as_ref().is_some_and(|actor| self.is_actor(actor));
            // Notes of a sync are about the team; with a search for a person, only they count.
            if decision_of(&activity).is_none() || !(is_actor() || is_named()) {
                activity.notes.clear();
            }
        }
        (!activity.is_empty()).then_some(activity)
    }

    fn matches(&self, who: Who, names: &DisplayNames) -> bool {
        let name = names.get(who);
        let ids = match who {
            Who::Person(Person { object, person }) => format!("{object} {person}"),
            Who::Webex(person) => person.to_string(),
            Who::Entra(object) => object.to_string(),
        };
        let texts = [name.name.to_lowercase(), name.address.to_lowercase(), ids];
        texts.iter().any(|text| text.contains(&self.person))
    }

    fn is_actor(&self, actor: &Actor) -> bool {
        let name = actor.name().unwrap_or_default().to_lowercase();
        let id = actor.person().map(|person| person.to_string()).unwrap_or_default();
        name.contains(&self.person) || id.contains(&self.person)
    }

    fn address(&self, path: &str, from: Option<&str>) -> String {
        let team = self.team.map(|team| team.to_string()).unwrap_or_default();
        let parameters = [
            ("team", team.as_str()),
            ("cause", self.trigger.map_or("", TriggerFilter::name)),
            ("person", &self.person),
            ("from", from.unwrap_or_default()),
        ];
        let given = parameters.into_iter().filter(|(_, value)| !value.is_empty());
        match Serializer::new(String::new()).extend_pairs(given).finish() {
            query if query.is_empty() => path.into(),
            query => format!("{path}?{query}"),
        }
    }
}

/// A part of the activity that matches a filter.
#[derive(Default)]
struct Found {
    activity: Vec<Listed>,
    names: DisplayNames,
    titles: BTreeMap<TeamId, String>,
    next: Option<Cursor>,
}

impl Found {
    fn title(&self, team: TeamId) -> String {
        let title = self.titles.get(&team).filter(|title| !title.is_empty());
        title.cloned().unwrap_or_else(|| team.to_string())
    }

    fn entry(&self, Listed { team, activity }: &Listed) -> Entry {
        Entry::of(activity, *team, team.map(|team| self.title(team)), &self.names)
    }
}

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityPage<'a> {
    shell: Shell<'a>,
    filter: ActivityFilter,
    team: Option<String>,
    activity: Vec<Entry>,
    next: Option<String>,
    file: String,
}

/// A link to another filter.
struct FilterLink {
    address: String,
    text: &'static str,
    is_here: bool,
}

impl ActivityPage<'_> {
    fn is_filtered(&self) -> bool {
        let ActivityFilter { team, trigger, person } = &self.filter;
        team.is_some() || trigger.is_some() || !person.is_empty()
    }

    fn filters(&self) -> impl Iterator<Item = FilterLink> {
        let all = std::iter::once(None).chain(TriggerFilter::ALL.into_iter().map(Some));
        all.map(|trigger| FilterLink {
            address: ActivityFilter { trigger, ..self.filter.clone() }
                .address(Page::Activity.path(), None),
            text: trigger.map_or(ALL_TRIGGERS, TriggerFilter::text),
            is_here: self.filter.trigger == trigger,
        })
    }
}

/// Lists the activity, newest first.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<ActivityQuery>,
) -> Result<Response, Failure> {
    let filter = ActivityFilter::read(&query)?;
    let from = query.from.as_deref();
    let is_full = |activity: &[Listed]| activity.len() >= SHOWN;
    let found = find(&app, &admin, &filter, from, is_full).await?;
    let entries = found.activity.iter().map(|listed| found.entry(listed));
    let next = found.next.as_ref();
    let page = ActivityPage {
        shell: admin.shell(Page::Activity),
        team: filter.team.map(|team| found.title(team)),
        activity: entries.collect(),
        next: next.map(|next| filter.address(Page::Activity.path(), Some(&next.0))),
        file: filter.address(&PageLink::ActivityFile.to_string(), from),
        filter,
    };
    response::page(StatusCode::OK, &page)
}

/// Returns the activity as CSV, one line for each change. The last line of a full file names the
/// address of the next one.
pub(crate) async fn file(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<ActivityQuery>,
) -> Result<Response, Failure> {
    let filter = ActivityFilter::read(&query)?;
    let lines = |one: &Listed| one.activity.changes.len() + one.activity.notes.len();
    // Lines and not entries, because one entry can have thousands.
    let is_full = |activity: &[Listed]| activity.iter().map(lines).sum::<usize>() >= LINES;
    let found = find(&app, &admin, &filter, query.from.as_deref(), is_full).await?;
    let mut file = csv::Writer::from_writer(vec![]);
    file.write_record(COLUMNS)?;
    for listed in &found.activity {
        for record in records(listed, &found) {
            file.write_record(record.iter().map(|cell| harmless(cell)))?;
        }
    }
    if let Some(next) = &found.next {
        let path = filter.address(&PageLink::ActivityFile.to_string(), Some(&next.0));
        let mut record = [const { String::new() }; COLUMNS.len()];
        // In the column of sentences, where a reader of the file looks.
        record[4] = file_continues_at(&app.url(&path));
        file.write_record(&record)?;
    }
    let csv = file.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    // Spreadsheets recognize Unicode by this mark.
    let csv = format!("\u{feff}{}", String::from_utf8_lossy(&csv));
    Ok(response::csv("activity.csv", csv))
}

/// Reads until enough entries match, or until it took too long: the next part continues then.
async fn find(
    app: &App,
    admin: &Admin,
    filter: &ActivityFilter,
    from: Option<&str>,
    is_full: impl Fn(&[Listed]) -> bool,
) -> Result<Found, Failure> {
    let organization = admin.connected()?;
    let tenant = organization.tenant;
    let next = from.map(|from| Cursor(from.to_owned()));
    let mut found = Found { next, ..Found::default() };
    let mut read = 0;
    loop {
        let page = query_page(app, tenant, filter.team, found.next.as_ref()).await;
        let (page, next) = page.map_err(|error| Failure::of_list(error, from))?;
        // What was read counts, not what matched: the request has to end in time.
        read += page.len();
        let page: Vec<_> = page.into_iter().filter(|listed| filter.includes(listed)).collect();
        let people = page.iter().flat_map(|listed| people_of(&listed.activity)).collect();
        let names = DisplayNames::load(app, organization, &people).await?;
        let narrowed = page.into_iter().filter_map(|Listed { team, activity }| {
            filter.narrowed(activity, &names).map(|activity| Listed { team, activity })
        });
        found.activity.extend(narrowed);
        // Per query, because the filter needs names before it drops entries.
        found.names.extend(names);
        found.next = next;
        if found.next.is_none() || is_full(&found.activity) || read >= READ {
            break;
        }
    }
    // Also the team of the filter, which can have no entries.
    let teams = found.activity.iter().filter_map(|listed| listed.team).chain(filter.team);
    found.titles = titles(app, tenant, teams.collect()).await?;
    // A team of another organization must not be told apart from none.
    if filter.team.is_some_and(|team| !found.titles.contains_key(&team)) {
        return Err(Failure::NoSuchTeam);
    }
    Ok(found)
}

type ActivityPart = (Vec<Listed>, Option<Cursor>);

async fn query_page(
    app: &App,
    tenant: TenantId,
    team: Option<TeamId>,
    from: Option<&Cursor>,
) -> Result<ActivityPart, StoreError> {
    let store = app.store.as_ref();
    // Without a team, one index has all entries in order. With one, its own partition is shorter.
    let Some(team) = team else {
        return activity::page_of_all(store, tenant, PER_QUERY, from).await;
    };
    let (page, next) = activity::page(store, tenant, team, PER_QUERY, from).await?;
    let listed = |activity| Listed { team: Some(team), activity };
    Ok((page.into_iter().map(listed).collect(), next))
}

/// Loads the titles of teams, as their links have them.
pub(crate) async fn titles(
    app: &App,
    tenant: TenantId,
    teams: BTreeSet<TeamId>,
) -> Result<BTreeMap<TeamId, String>, StoreError> {
    let keys: Vec<_> = teams.into_iter().map(|team| link::key(tenant, team)).collect();
    let mut titles = BTreeMap::new();
    for item in app.store.get_many(&keys).await? {
        let link = from_item::<LinkRow>(item)?.link;
        titles.insert(link.team, link.title);
    }
    Ok(titles)
}

type Record = [String; COLUMNS.len()];

fn records(Listed { team, activity }: &Listed, found: &Found) -> Vec<Record> {
    let of_all = [
        format!("{:.0}", activity.at),
        team.map(|team| found.title(team)).unwrap_or_default(),
        team.map(|team| team.to_string()).unwrap_or_default(),
        cause(activity),
    ];
    let request_ids = activity.request_ids.join(" ");
    let record = |what: String, of_person: [String; 8]| {
        let cells = of_all.iter().cloned().chain([what]).chain(of_person);
        let mut record = [const { String::new() }; COLUMNS.len()];
        let cells = cells.chain([request_ids.clone()]).chain(actor_cells(activity.actor.as_ref()));
        record.iter_mut().zip(cells).for_each(|(place, cell)| *place = cell);
        record
    };
    let notes = activity
        .notes
        .iter()
        .map(|note| record(note_lines(note, &found.names).join(" "), Default::default()));
    let changes = activity.changes.iter().map(|change| {
        let name = found.names.get(Who::Person(change.person));
        let what = change_line(change, &name.name);
        let of_person = [
            side(change.side).to_owned(),
            name.name,
            name.address,
            change.person.person.to_string(),
            change.person.object.to_string(),
            role(change.from).to_owned(),
            role(change.to).to_owned(),
            change.refused.as_ref().map(refusal).unwrap_or_default(),
        ];
        record(what, of_person)
    });
    notes.chain(changes).collect()
}

/// Quotes a cell that a spreadsheet would read as a formula, since names come from people.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn harmless(cell: &str) -> String {
    const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let cell = response::visible(cell);
    if cell.starts_with(STARTS) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let cells =
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠A"];
        for cell in cells {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        for cell in ["", "Ada Lovelace", "1=1", "2026-11-24T08:00:00Z"] {
            assert_eq!(harmless(cell), cell);
        }
        assert_eq!(harmless("a\u{202e}b"), "a\u{fffd}b");
    }
}
