//! `groups/delta`: what changed since a token. A change may show up late, a group more than once, and a page can be empty.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::groups::link;
use super::replicas::{Facts, Relation};
use super::{App, DeltaEnd, DeltaWords, READ_GROUPS, error, selected};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

const DEFAULT: [&str; 7] = ["id", "displayName", "description", "mail", "mailNickname", "groupTypes", "visibility"];

/// One change of one group.
#[derive(Clone)]
pub(super) struct Changed {
    /// From when on a delta shows it.
    shown: Timestamp,
    group: GroupId,
    /// Who came and who went, in order.
    people: Vec<(Relation, ObjectId, Way)>,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Came,
    Went,
}

impl Way {
    fn contrary(self) -> Self {
        match self {
            Self::Came => Self::Went,
            Self::Went => Self::Came,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    SoftDeleted,
    Purged,
}

/// The last word on each person.
type People = BTreeMap<(Relation, ObjectId), Way>;

/// How far a reader is: whatever is before `position` in the log and was shown by `at` has been read.
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
}

impl State {
    pub(super) fn log_change(
        &mut self,
        directory: DirectoryId,
        group: GroupId,
        before: Option<&Facts>,
        after: Option<&Facts>,
    ) {
        let nobody = BTreeSet::new();
        let mut people = Vec::new();
        for relation in [Relation::Members, Relation::Owners] {
            let was = before.map_or(&nobody, |facts| facts.people(relation));
            let is = after.map_or(&nobody, |facts| facts.people(relation));
            people.extend(is.difference(was).map(|person| (relation, *person, Way::Came)));
            people.extend(was.difference(is).map(|person| (relation, *person, Way::Went)));
        }
        let fate = match after {
            None => Fate::Purged,
            Some(facts) if facts.deleted.is_some() => Fate::SoftDeleted,
            Some(_) => Fate::Lives,
        };
        let lag = u64::try_from(self.microsoft.settings.replica_lag.as_millis()).unwrap_or(u64::MAX);
        let shown = self.now + std::time::Duration::from_millis(self.rng.u64(0..=lag));
        if let Some(entry) = self.microsoft.directories.get_mut(&directory) {
            entry.changes.push(Changed { shown, group, people, fate });
        }
        self.notify(directory, group, fate == Fate::Purged);
    }

    pub(super) fn delta(&mut self, app: &App, call: &Request) -> Outcome {
        app.needs(READ_GROUPS)?;
        let now = self.now;
        let end = Token { position: self.directory(app.directory)?.changes.len(), at: now };
        if call.query("$deltatoken") == Some("latest") {
            return Ok(self.delta_page(call, Vec::new(), ("@odata.deltaLink", "$deltatoken", end.text())));
        }
        // A skip token says from where, up to where, and how many groups were on the pages before.
        let (since, until, offset) = match (call.query("$skiptoken"), call.query("$deltatoken")) {
            (Some(skip), _) => parse_skip(skip).ok_or_else(resync)?,
            (None, Some(token)) => (Some(Token::parse(token).ok_or_else(resync)?), end, 0),
            (None, None) => (None, end, 0),
        };
        if let Some(since) = since
            && since.at + self.microsoft.settings.delta_life <= now
        {
            return Err(match self.microsoft.settings.delta_end {
                DeltaEnd::UnsupportedQuery => {
                    error(400, "Request_UnsupportedQuery", "DeltaLink older than 30 days is not supported.")
                }
                DeltaEnd::Gone => resync().with("Location", format!("{}/v1.0/groups/delta?$deltatoken=", call.base)),
            });
        }
        let items = self.changes_between(app, since, until, call)?;
        let size = self.microsoft.settings.delta_page.max(1);
        let reached = offset + size;
        let next = if reached < items.len() {
            let since = since.map_or_else(|| "-".into(), Token::text);
            ("@odata.nextLink", "$skiptoken", format!("{since}_{}_{reached}", until.text()))
        } else {
            ("@odata.deltaLink", "$deltatoken", until.text())
        };
        let page = items.into_iter().skip(offset).take(size).collect();
        Ok(self.delta_page(call, page, next))
    }

    fn delta_page(&self, call: &Request, page: Vec<Value>, (key, name, token): (&str, &str, String)) -> Answer {
        let mut body = json!({"@odata.context": format!("{}/v1.0/$metadata#groups", call.base), "value": page});
        body[key] = link(call, name, &token).into();
        Answer::ok(body)
    }

    /// The groups with changes, in the order of their ids, each as it is now, with who came and went.
    fn changes_between(
        &self,
        app: &App,
        since: Option<Token>,
        until: Token,
        call: &Request,
    ) -> Result<Vec<Value>, Answer> {
        let directory = self.directory(app.directory)?;
        let mut changed: BTreeMap<GroupId, (Fate, People)> = BTreeMap::new();
        let log = directory.changes.iter().enumerate().take(until.position);
        for (position, change) in log.filter(|(_, change)| change.shown <= until.at) {
            if since.is_some_and(|since| position < since.position && change.shown <= since.at) {
                continue;
            }
            let entry = changed.entry(change.group).or_insert_with(|| (change.fate, People::new()));
            entry.0 = change.fate;
            entry.1.extend(change.people.iter().map(|(relation, person, way)| ((*relation, *person), *way)));
        }
        let select = call.query("$select").unwrap_or("members").to_owned();
        let wants = |relation: Relation| select.split(',').any(|name| name.trim() == relation.name());
        let (mut outdated, mut items) = (Vec::new(), Vec::new());
        for (group, (fate, people)) in changed {
            // A first round tells of the living.
            if since.is_none() && fate != Fate::Lives {
                continue;
            }
            let reason = match fate {
                Fate::Lives => None,
                Fate::SoftDeleted => Some("changed"),
                Fate::Purged => Some("deleted"),
            };
            if let Some(reason) = reason {
                items.push(json!({"id": group, "@removed": {"reason": reason}}));
                continue;
            }
            let Some(facts) = directory.groups.get(&group).map(|entry| entry.truth()) else { continue };
            let told = |said: fn(Way) -> Way| {
                let mut item = selected(self.group_json(app, group, facts), call, &DEFAULT);
                item["id"] = json!(group);
                for relation in [Relation::Members, Relation::Owners] {
                    let of_relation = people.iter().filter(|((of, _), _)| *of == relation);
                    let delta: Vec<Value> =
                        of_relation.map(|((_, person), way)| person_json(*person, said(*way))).collect();
                    if wants(relation) && !delta.is_empty() {
                        item[format!("{}@delta", relation.name())] = delta.into();
                    }
                }
                item
            };
            if self.microsoft.settings.delta_words == DeltaWords::Contradicting {
                outdated.push(told(Way::contrary));
            }
            items.push(told(|way| way));
        }
        // The last word comes last, as a rule on another page.
        outdated.extend(items);
        let items = outdated;
        Ok(items)
    }
}

fn parse_skip(text: &str) -> Option<(Option<Token>, Token, usize)> {
    let mut parts = text.split('_');
    let (since, until, offset) = (parts.next()?, parts.next()?, parts.next()?);
    let since = if since == "-" { None } else { Some(Token::parse(since)?) };
    Some((since, Token::parse(until)?, offset.parse().ok()?))
}

fn person_json(person: ObjectId, way: Way) -> Value {
    let mut shown = json!({"@odata.type": "#microsoft.graph.user", "id": person});
    if way == Way::Went {
        // Always this reason, also where the user lives on.
        shown["@removed"] = json!({"reason": "deleted"});
    }
    shown
}

fn resync() -> Answer {
    error(410, "syncStateNotFound", "The sync state is not found: start over.")
}
