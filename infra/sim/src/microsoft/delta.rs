//! `groups/delta`: changes since a token. A change may show up late, a group more than once, and a
//! page can be empty.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::groups::link;
use super::{App, READ_GROUPS, directories, error, groups, selected, subscriptions};
use crate::state::State;
use crate::state::graph_settings::{DeltaEnd, DeltaEntries};
use crate::state::groups::{Facts, GroupChange, Lifecycle, Presence, Relation};
use crate::state::microsoft::Directory;
use crate::wire::{Outcome, Request, Response};

const DEFAULT: [&str; 7] =
    ["id", "displayName", "description", "mail", "mailNickname", "groupTypes", "visibility"];

/// Final presence of each person between two tokens.
type People = BTreeMap<(Relation, ObjectId), Presence>;

/// All changes of a group between two tokens.
struct Changed {
    lifecycle: Lifecycle,
    people: People,
}

/// Position of a reader: it has read what is before `position` in the log and was shown by `at`.
#[derive(Clone, Copy)]
struct Token {
    position: usize,
    at: Timestamp,
}

impl Token {
    fn text(self) -> String {
        format!("{}.{}", self.position, self.at.as_millisecond())
    }

    fn parse(text: &str) -> Option<Self> {
        let (position, at) = text.split_once('.')?;
        let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
        Some(Self { position: position.parse().ok()?, at })
    }

    fn has_read(self, position: usize, change: &GroupChange) -> bool {
        position < self.position && change.shown <= self.at
    }
}

/// A page of a delta: its start, its end, and the number of groups on the pages before.
struct Span {
    since: Option<Token>,
    until: Token,
    offset: usize,
}

impl Span {
    /// Reads the tokens of a call.
    fn of(call: &Request, end: Token) -> Result<Self, Response> {
        match (call.query("$skiptoken"), call.query("$deltatoken")) {
            (Some(skip), _) => Self::parse_skip(skip).ok_or_else(resync),
            (None, Some(token)) => {
                let since = Some(Token::parse(token).ok_or_else(resync)?);
                Ok(Self { since, until: end, offset: 0 })
            }
            (None, None) => Ok(Self { since: None, until: end, offset: 0 }),
        }
    }

    fn parse_skip(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let (since, until, offset) = (parts.next()?, parts.next()?, parts.next()?);
        let since = if since == "-" { None } else { Some(Token::parse(since)?) };
        Some(Self { since, until: Token::parse(until)?, offset: offset.parse().ok()? })
    }

    fn skip_text(&self, offset: usize) -> String {
        let since = self.since.map_or_else(|| "-".into(), Token::text);
        format!("{since}_{}_{offset}", self.until.text())
    }
}

/// Adds a change to the log that deltas read, and notifies subscribers.
pub(super) fn log_change(
    state: &mut State,
    directory: DirectoryId,
    group: GroupId,
    before: Option<&Facts>,
    after: Option<&Facts>,
) {
    let none = BTreeSet::new();
    let mut people = Vec::new();
    for relation in [Relation::Members, Relation::Owners] {
        let old = before.map_or(&none, |facts| facts.people(relation));
        let new = after.map_or(&none, |facts| facts.people(relation));
        people.extend(new.difference(old).map(|person| (relation, *person, Presence::Added)));
        people.extend(old.difference(new).map(|person| (relation, *person, Presence::Removed)));
    }
    let lifecycle = match after {
        None => Lifecycle::Purged,
        Some(facts) if facts.deleted.is_some() => Lifecycle::SoftDeleted,
        Some(_) => Lifecycle::Active,
    };
    let lag = state.microsoft.settings.replica_lag.as_millis();
    let lag = u64::try_from(lag).unwrap_or(u64::MAX);
    let shown = state.now + Duration::from_millis(state.rng.u64(0..=lag));
    if let Some(entry) = state.microsoft.directories.get_mut(&directory) {
        entry.changes.push(GroupChange { shown, group, people, lifecycle });
    }
    subscriptions::notify(state, directory, group, lifecycle);
}

pub(super) fn read(state: &State, app: &App, call: &Request) -> Outcome {
    app.require(READ_GROUPS)?;
    let directory = directories::find(state, app.directory)?;
    let end = Token { position: directory.changes.len(), at: state.now };
    if call.query("$deltatoken") == Some("latest") {
        return Ok(last_page(call, Vec::new(), end));
    }
    let span = Span::of(call, end)?;
    if let Some(since) = span.since
        && since.at + state.microsoft.settings.delta_life <= state.now
    {
        return Err(too_old(state.microsoft.settings.delta_end, call));
    }
    let items = entries(state, app, &span, call)?;
    let size = state.microsoft.settings.delta_page.max(1);
    let reached = span.offset + size;
    let has_more = reached < items.len();
    let page = items.into_iter().skip(span.offset).take(size).collect();
    if !has_more {
        return Ok(last_page(call, page, span.until));
    }
    let mut body = body(call, page);
    body["@odata.nextLink"] = link(call, "$skiptoken", &span.skip_text(reached)).into();
    Ok(Response::ok(body))
}

fn last_page(call: &Request, page: Vec<Value>, end: Token) -> Response {
    let mut body = body(call, page);
    body["@odata.deltaLink"] = link(call, "$deltatoken", &end.text()).into();
    Response::ok(body)
}

fn body(call: &Request, page: Vec<Value>) -> Value {
    json!({"@odata.context": format!("{}/v1.0/$metadata#groups", call.base), "value": page})
}

fn too_old(end: DeltaEnd, call: &Request) -> Response {
    match end {
        DeltaEnd::UnsupportedQuery => {
            let text = "DeltaLink older than 30 days is not supported.";
            error(400, "Request_UnsupportedQuery", text)
        }
        DeltaEnd::Gone => {
            let start = format!("{}/v1.0/groups/delta?$deltatoken=", call.base);
            resync().with("Location", start)
        }
    }
}

/// Returns the groups with changes, in the order of their ids, each as it is now, with the people
/// who were added or removed.
fn entries(state: &State, app: &App, span: &Span, call: &Request) -> Result<Vec<Value>, Response> {
    let directory = directories::find(state, app.directory)?;
    let (mut outdated, mut items) = (Vec::new(), Vec::new());
    for (group, changed) in changes(directory, span) {
        let reason = match changed.lifecycle {
            Lifecycle::Active => None,
            // A first delta lists groups that exist.
            _ if span.since.is_none() => continue,
            Lifecycle::SoftDeleted => Some("changed"),
            Lifecycle::Purged => Some("deleted"),
        };
        if let Some(reason) = reason {
            items.push(json!({"id": group, "@removed": {"reason": reason}}));
            continue;
        }
        let Some(facts) = directory.groups.get(&group).map(|entry| entry.truth()) else {
            continue;
        };
        let shown = groups::json(state, app, group, facts);
        let entry = |people: &People| entry(shown.clone(), group, people, call);
        if state.microsoft.settings.delta_entries == DeltaEntries::Contradicting {
            let opposite = changed.people.iter().map(|(key, presence)| (*key, presence.opposite()));
            outdated.push(entry(&opposite.collect()));
        }
        items.push(entry(&changed.people));
    }
    // The valid entry comes last, usually on another page.
    outdated.extend(items);
    Ok(outdated)
}

/// Sums up the log between two tokens, by group.
fn changes(directory: &Directory, span: &Span) -> BTreeMap<GroupId, Changed> {
    let mut changed: BTreeMap<GroupId, Changed> = BTreeMap::new();
    let log = directory.changes.iter().enumerate().take(span.until.position);
    for (position, change) in log.filter(|(_, change)| change.shown <= span.until.at) {
        if span.since.is_some_and(|since| since.has_read(position, change)) {
            continue;
        }
        let lifecycle = change.lifecycle;
        let entry = changed.entry(change.group);
        let entry = entry.or_insert_with(|| Changed { lifecycle, people: People::new() });
        entry.lifecycle = lifecycle;
        for (relation, person, presence) in &change.people {
            entry.people.insert((*relation, *person), *presence);
        }
    }
    changed
}

fn entry(shown: Value, group: GroupId, people: &People, call: &Request) -> Value {
    let select = call.query("$select").unwrap_or("members");
    let is_selected =
        |relation: Relation| select.split(',').any(|name| name.trim() == relation.name());
    let mut item = selected(shown, call, &DEFAULT);
    item["id"] = json!(group);
    for relation in [Relation::Members, Relation::Owners] {
        let of_relation = people.iter().filter(|((of, _), _)| *of == relation);
        let delta: Vec<Value> =
            of_relation.map(|((_, person), presence)| person_json(*person, *presence)).collect();
        if is_selected(relation) && !delta.is_empty() {
            item[format!("{}@delta", relation.name())] = delta.into();
        }
    }
    item
}

fn person_json(person: ObjectId, presence: Presence) -> Value {
    let mut shown = json!({"@odata.type": "#microsoft.graph.user", "id": person});
    if presence == Presence::Removed {
        // Always this reason, even if the user still exists.
        shown["@removed"] = json!({"reason": "deleted"});
    }
    shown
}

fn resync() -> Response {
    error(410, "syncStateNotFound", "The sync state is not found: start over.")
}
