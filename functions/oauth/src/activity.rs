//! Everything that was done in a tenant, to be narrowed down, and as a file.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use domain::ids::TeamId;
use domain::membership::{Person, Side, Standing};
use engine::activity::{self, Activity};
use engine::link::{self, Kept, Who};
use store::message::Cause;
use store::table::{Cursor, from_item};
use url::form_urlencoded::Serializer;

use crate::answer::Answer;
use crate::called::Called;
use crate::done::{Entry, caused_by, entry, line};
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// Entries from which on a page is full; it ends with a query, and may have some more.
const SHOWN: usize = 25;

/// Lines from which on a file is full.
const LINES: usize = 5000;

/// Entries that are read for one page or file: whoever is asked for may be far between.
const READ: usize = 2000;

/// Entries of one query.
const PER_QUERY: usize = 50;

/// What somebody looks for.
#[derive(Default)]
struct Wanted {
    /// Only what was done to this team.
    team: Option<TeamId>,
    /// Only what gave rise to it.
    cause: Option<Kind>,
    /// Only what became of whom: part of a name, an address or an id.
    person: String,
}

/// What something was caused by, as far as an administrator asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Webex,
    Microsoft,
    Administrator,
    Look,
    Person,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Webex, Self::Microsoft, Self::Administrator, Self::Look, Self::Person];

    fn of(cause: Cause) -> Self {
        match cause {
            Cause::WebexWebhook | Cause::SpaceWebhook | Cause::WebexEvent => Self::Webex,
            Cause::GraphNotification | Cause::GraphDelta => Self::Microsoft,
            Cause::Administrator => Self::Administrator,
            Cause::Due | Cause::Again => Self::Look,
            Cause::Person => Self::Person,
        }
    }

    /// In the address.
    fn name(self) -> &'static str {
        match self {
            Self::Webex => "webex",
            Self::Microsoft => "microsoft",
            Self::Administrator => "administrator",
            Self::Look => "look",
            Self::Person => "person",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Webex => "Changes in Webex",
            Self::Microsoft => "Changes in Microsoft 365",
            Self::Administrator => "Administrators",
            Self::Look => "Regular looks",
            Self::Person => "People who can take part now",
        }
    }
}

impl Wanted {
    /// What the address asks for; a team that is none matches none.
    fn read(incoming: &Incoming) -> Result<Self, Failure> {
        let text = |name| incoming.query(name).map(str::trim).filter(|text| !text.is_empty());
        let team = text("team").map(|team| team.parse().map_err(|_| Failure::NoSuchTeam)).transpose()?;
        let cause = text("cause").and_then(|name| Kind::ALL.into_iter().find(|kind| kind.name() == name));
        Ok(Self { team, cause, person: text("person").unwrap_or_default().to_lowercase() })
    }

    fn includes(&self, team: TeamId, done: &Activity) -> bool {
        self.team.is_none_or(|only| only == team) && self.cause.is_none_or(|only| only == Kind::of(done.cause))
    }

    /// Leaves only what became of whom is asked for; nothing if that is nobody.
    fn narrowed(&self, mut done: Activity, called: &Called) -> Option<Activity> {
        if !self.person.is_empty() {
            done.changes.retain(|change| {
                let (name, user_name) = called.who(Who::Person(change.person));
                let Person { object, person } = change.person;
                [name.to_lowercase(), user_name.to_lowercase(), object.to_string(), person.to_string()]
                    .iter()
                    .any(|word| word.contains(&self.person))
            });
            done.notes.clear();
        }
        (!done.is_empty()).then_some(done)
    }

    fn address(&self, path: &str, from: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        let team = self.team.map(|team| team.to_string()).unwrap_or_default();
        let cause = self.cause.map_or("", Kind::name);
        for (name, value) in
            [("team", team.as_str()), ("cause", cause), ("person", &self.person), ("from", from.unwrap_or_default())]
        {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        match query.finish() {
            query if query.is_empty() => path.into(),
            query => format!("{path}?{query}"),
        }
    }
}

/// A part of what was done, as it was asked for.
#[derive(Default)]
struct Found {
    done: Vec<(TeamId, Activity)>,
    called: Called,
    titles: BTreeMap<TeamId, String>,
    next: Option<Cursor>,
}

impl Found {
    fn title(&self, team: TeamId) -> String {
        self.titles.get(&team).filter(|title| !title.is_empty()).cloned().unwrap_or_else(|| team.to_string())
    }
}

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityPage<'a> {
    shell: Shell<'a>,
    wanted: Wanted,
    team: Option<String>,
    done: Vec<Entry>,
    next: Option<String>,
    file: String,
}

impl ActivityPage<'_> {
    fn causes(&self) -> impl Iterator<Item = (String, &'static str, bool)> {
        let one = |cause: Option<Kind>| {
            let Wanted { team, person, .. } = &self.wanted;
            let wanted = Wanted { team: *team, cause, person: person.clone() };
            let is_here = self.wanted.cause == cause;
            (wanted.address(Place::Activity.path(), None), cause.map_or("Everything", Kind::words), is_here)
        };
        std::iter::once(None).chain(Kind::ALL.into_iter().map(Some)).map(one)
    }
}

impl Oauth {
    /// What was done, the newest first.
    pub(crate) async fn activity(&self, incoming: &Incoming, administrator: &Administrator) -> Result<Answer, Failure> {
        let wanted = Wanted::read(incoming)?;
        let from = incoming.query("from");
        let is_full = |done: &[(TeamId, Activity)]| done.len() >= SHOWN;
        let found = self.found(administrator, &wanted, from, is_full).await?;
        let page = ActivityPage {
            shell: self.shell(administrator, Place::Activity),
            team: wanted.team.map(|team| found.title(team)),
            done: found
                .done
                .iter()
                .map(|(team, done)| entry(done, *team, Some(found.title(*team)), &found.called))
                .collect(),
            next: found.next.as_ref().map(|next| wanted.address(Place::Activity.path(), Some(&next.0))),
            file: wanted.address("/activity.csv", from),
            wanted,
        };
        Ok(Answer::page(200, page.render()?))
    }

    /// The same as a file, a line for each person and each other deed. What does not fit is in the file that its last line leads to.
    pub(crate) async fn activity_file(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let wanted = Wanted::read(incoming)?;
        let lines = |done: &(TeamId, Activity)| done.1.changes.len() + done.1.notes.len();
        let is_full = |done: &[(TeamId, Activity)]| done.iter().map(lines).sum::<usize>() >= LINES;
        let found = self.found(administrator, &wanted, incoming.query("from"), is_full).await?;
        let mut file = csv::Writer::from_writer(vec![]);
        file.write_record(COLUMNS)?;
        for (team, done) in &found.done {
            for record in records(*team, done, &found) {
                file.write_record(record.iter().map(|cell| harmless(cell)))?;
            }
        }
        if let Some(next) = &found.next {
            let address = format!("{}{}", self.public, wanted.address("/activity.csv", Some(&next.0)));
            let mut record = [const { String::new() }; COLUMNS.len()];
            record[4] = format!("This goes on at {address}");
            file.write_record(&record)?;
        }
        let csv = file.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        // Spreadsheets take a file for Unicode by its mark.
        let csv = format!("\u{feff}{}", String::from_utf8_lossy(&csv));
        Ok(Answer::table("activity.csv", csv))
    }

    /// Reads on until there is enough of what is wanted, or until it took too long: then it goes on with the next part.
    async fn found(
        &self,
        administrator: &Administrator,
        wanted: &Wanted,
        from: Option<&str>,
        is_full: impl Fn(&[(TeamId, Activity)]) -> bool,
    ) -> Result<Found, Failure> {
        let organization = administrator.connected()?;
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let mut found = Found { next: from.map(|from| Cursor(from.to_owned())), ..Found::default() };
        let mut read = 0;
        loop {
            let page = match wanted.team {
                Some(team) => activity::page(store, tenant, team, PER_QUERY, found.next.as_ref())
                    .await
                    .map(|(done, next)| (done.into_iter().map(|done| (team, done)).collect(), next)),
                None => activity::page_of_all(store, tenant, PER_QUERY, found.next.as_ref()).await,
            };
            let (page, next) = page.map_err(|error| Failure::of_list(error, from))?;
            read += page.len();
            let page: Vec<_> = page.into_iter().filter(|(team, done)| wanted.includes(*team, done)).collect();
            let people = page.iter().flat_map(|(_, done)| &done.changes).map(|change| Who::Person(change.person));
            let called = self.called(administrator, &people.collect::<BTreeSet<_>>()).await?;
            let narrowed = page.into_iter().filter_map(|(team, done)| Some((team, wanted.narrowed(done, &called)?)));
            found.done.extend(narrowed);
            found.called.learn(called);
            found.next = next;
            if found.next.is_none() || is_full(&found.done) || read >= READ {
                break;
            }
        }
        let teams: BTreeSet<TeamId> = found.done.iter().map(|(team, _)| *team).chain(wanted.team).collect();
        let keys: Vec<_> = teams.into_iter().map(|team| link::key(tenant, team)).collect();
        for item in store.get_many(&keys).await? {
            let link = from_item::<Kept>(item)?.link;
            found.titles.insert(link.team, link.title);
        }
        if wanted.team.is_some_and(|team| !found.titles.contains_key(&team)) {
            return Err(Failure::NoSuchTeam);
        }
        Ok(found)
    }
}

const COLUMNS: [&str; 14] = [
    "at",
    "team",
    "team id",
    "cause",
    "what",
    "side",
    "person",
    "address",
    "Webex person id",
    "Entra object id",
    "from",
    "to",
    "refused",
    "request ids",
];

fn records(team: TeamId, done: &Activity, found: &Found) -> Vec<[String; COLUMNS.len()]> {
    let of_all = [format!("{:.0}", done.at), found.title(team), team.to_string(), caused_by(done.cause).to_owned()];
    let request_ids = done.request_ids.join(" ");
    let record = |what: String, of_person: [String; 8]| {
        let cells = of_all.iter().cloned().chain([what]).chain(of_person).chain([request_ids.clone()]);
        let mut record = [const { String::new() }; COLUMNS.len()];
        record.iter_mut().zip(cells).for_each(|(place, cell)| *place = cell);
        record
    };
    let notes = done.notes.iter().map(|note| record(note.clone(), Default::default()));
    let changes = done.changes.iter().map(|change| {
        let (name, address) = found.called.who(Who::Person(change.person));
        let side = match change.side {
            Side::Team => "Webex team",
            Side::Group => "Microsoft 365 group",
        };
        let what = line(change, &name);
        let of_person = [
            side.to_owned(),
            name,
            address,
            change.person.person.to_string(),
            change.person.object.to_string(),
            standing(change.from).to_owned(),
            standing(change.to).to_owned(),
            change.refused.clone().unwrap_or_default(),
        ];
        record(what, of_person)
    });
    notes.chain(changes).collect()
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Absent => "absent",
        Standing::Member => "member",
        Standing::Owner => "owner",
    }
}

/// A spreadsheet takes a cell that begins like this for a formula, and names come from people.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        for cell in ["", "Ada Lovelace", "1=1", "2026-11-24T08:00:00Z"] {
            assert_eq!(harmless(cell), cell);
        }
    }
}
