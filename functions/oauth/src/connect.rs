//! Connecting a group that was there before to a team: finding it, both sides united as they would be, who may, and the link.
//!
//! A Webex administrator alone could put himself into any group by it: so somebody has to sign in with Microsoft at that moment who owns the group, as the directory says then,
//! or who administers the directory.

use std::collections::BTreeSet;

use askama::Template;
use clients::graph::Group;
use domain::ids::{GroupId, TeamId, TenantId};
use domain::membership::{Side, Standing};
use engine::activity::PersonChange;
use engine::adopt::{self, Candidate, Connected, Hindrance, Union};
use engine::link::{self, Claim, TroubleKind, Who};
use engine::preview::{Move, OfficerOutlook, Rename};
use engine::sync::unique_name;
use engine::tenant::Tenant;
use engine::tenant::settings::{self, NameCarriage, Running, Settings};
use store::keys;
use store::table::from_item;

use crate::answer::Answer;
use crate::called::Called;
use crate::done::line;
use crate::failure::Failure;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::proof::{Asker, Proof, Rank};
use crate::{Administrator, Oauth};

/// Longest beginning of a name that is looked for, in characters: no group's name is longer.
const LONGEST: usize = 256;

/// People that a list names; of further ones it says how many.
const SHOWN: usize = 200;

const OFF: &str = "The integration is off, so nothing was connected. Switch it on first.";
const MOVED: &str =
    "Things are not as they were when the page was shown, so nothing was connected. This is how they are now.";
const NOT_PROVEN: &str = "Nothing was connected: first somebody who may has to sign in with Microsoft.";
const NOT_ALLOWED: &str =
    "Nothing was connected: whoever signed in with Microsoft neither owns the group nor administers the directory.";
const BUSY: &str = "The team is just being looked at, so nothing was connected. Try again in a minute.";

/// Where a team and a group are shown united.
pub(crate) fn path(team: TeamId, group: GroupId) -> String {
    format!("{}/{team}/connect?group={group}", Place::Teams.path())
}

#[derive(Template)]
#[template(path = "connect.html")]
struct SearchPage<'a> {
    shell: Shell<'a>,
    team: TeamId,
    title: &'a str,
    has_link: bool,
    hindrance: Option<Hindrance>,
    beginning: &'a str,
    /// The group that has the team's own key, where that keeps the team from another.
    own: Option<Row>,
    rows: Vec<Row>,
    in_all: usize,
}

/// A group that was found.
struct Row {
    group: GroupId,
    name: String,
    mail: Option<String>,
    created: Option<String>,
    hindrance: Option<Hindrance>,
    /// The team that has it, if it is one of this organization's.
    team: Option<TeamId>,
}

impl Row {
    fn of(group: Group, tenant: TenantId, claim: Option<&Claim>) -> Self {
        Self {
            hindrance: claim.map(|claim| Hindrance::of_claim(tenant, claim)).or_else(|| Hindrance::of_group(&group)),
            team: claim.filter(|claim| claim.tenant == tenant).map(|claim| claim.team),
            group: group.id,
            name: group.display_name,
            mail: group.mail,
            created: group.created.map(date),
        }
    }
}

#[derive(Template)]
#[template(path = "union.html")]
struct UnionPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    team: TeamId,
    title: &'a str,
    group: GroupId,
    message: Option<&'static str>,
    hindrance: Option<Hindrance>,
    is_on: bool,
    is_preview: bool,
    united: Option<Shown>,
    proof: Option<&'a Proof>,
}

/// Both sides united, as the page shows it.
struct Shown {
    name: String,
    mail: String,
    names: String,
    officer_joins: bool,
    lists: [List; 3],
    left_out: Vec<(String, &'static str, &'static str)>,
    further_left_out: usize,
    unresolved: usize,
    hash: String,
    /// Whether whoever proved who he is may connect the group.
    is_allowed: bool,
    /// Whether he may as one of its owners.
    is_owner: bool,
}

/// What would be done to some people.
struct List {
    id: &'static str,
    heading: &'static str,
    lines: Vec<String>,
    further: usize,
}

impl List {
    fn of(id: &'static str, heading: &'static str, moves: &[&Move], called: &Called) -> Self {
        let words = |one: &&Move| {
            let Move { person, side, from, to, .. } = **one;
            line(&PersonChange { person, side, from, to, refused: None }, &called.who(Who::Person(person)).0)
        };
        let lines = moves.iter().take(SHOWN).map(words).collect();
        Self { id, heading, lines, further: moves.len().saturating_sub(SHOWN) }
    }

    fn total(&self) -> usize {
        self.lines.len() + self.further
    }
}

/// Whether a proof is of somebody who may connect the group.
fn may_connect(proof: &Proof, union: &Union) -> bool {
    proof.rank == Rank::Administrator || union.owners.contains(&proof.person)
}

impl Oauth {
    /// The search for a group, or both sides united with one that was found.
    pub(crate) async fn connecting(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
    ) -> Result<Answer, Failure> {
        let candidate = self.candidate(administrator, team).await?;
        let Some(group) = incoming.query("group") else {
            return self.search_page(incoming, administrator, &candidate).await;
        };
        let group = group.parse().map_err(|_| Failure::NoSuchPage)?;
        let found = self.sync.union(administrator.organization.tenant, &candidate, group, self.deadline()).await?;
        let status = match found {
            Ok(_) => 200,
            Err(Hindrance::GroupMissing) => 404,
            Err(Hindrance::Pausing) => 503,
            Err(_) => 409,
        };
        self.union_page(administrator, &candidate, (group, found), (status, None)).await
    }

    /// Goes to Microsoft for the proof, or connects what was shown.
    pub(crate) async fn decide_about_connecting(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
    ) -> Result<Answer, Failure> {
        let group: GroupId = incoming.query("group").and_then(|group| group.parse().ok()).ok_or(Failure::NotAForm)?;
        let candidate = self.candidate(administrator, team).await?;
        match incoming.field("action") {
            Some("sign-in") => {
                return self.ask_for_proof(incoming, administrator, Asker::Connecting(team, group)).await;
            }
            Some("connect") => {}
            _ => return Err(Failure::NotAForm),
        }
        let done = || Answer::see(format!("{}/{team}?did=connected", Place::Teams.path()));
        if candidate.before.as_ref().is_some_and(|kept| kept.link.group() == Some(group)) {
            return Ok(done());
        }
        let (store, tenant) = (self.store.as_ref(), administrator.organization.tenant);
        let union = match self.sync.union(tenant, &candidate, group, self.deadline()).await? {
            Ok(union) => union,
            hindered => return self.union_page(administrator, &candidate, (group, hindered), (409, Some(MOVED))).await,
        };
        let proof = administrator.proof(self.clock.now());
        let refusal = match proof {
            _ if settings::load(store, tenant).await?.0.switched_on_at.is_none() => Some((409, OFF)),
            None => Some((403, NOT_PROVEN)),
            Some(proof) if !may_connect(proof, &union) => Some((403, NOT_ALLOWED)),
            Some(_) if !union.is_whole() || incoming.field("hash") != Some(&union.hash()) => Some((409, MOVED)),
            Some(_) => None,
        };
        let (Some(proof), None) = (proof, refusal) else {
            let (status, message) = refusal.unwrap_or((403, NOT_PROVEN));
            return self.union_page(administrator, &candidate, (group, Ok(union)), (status, Some(message))).await;
        };
        let item = store.get(&keys::tenant(tenant)).await?.ok_or(Failure::NotConnected)?;
        let of: Tenant = from_item(item)?;
        let words = words(administrator, proof, &union);
        match adopt::connect(store, &of, &union, words, self.clock.now()).await? {
            Connected::Linked => {}
            Connected::Busy => {
                return self.union_page(administrator, &candidate, (group, Ok(union)), (409, Some(BUSY))).await;
            }
            Connected::Hindered(hindrance) => {
                let hindered = (group, Err(hindrance));
                return self.union_page(administrator, &candidate, hindered, (409, Some(MOVED))).await;
            }
        }
        let (person, microsoft) = (administrator.session.person, proof.person);
        tracing::info!(%tenant, %team, %group, %person, %microsoft, rank = ?proof.rank, "an existing group was connected");
        let kept = self.kept(administrator, team).await?;
        self.look_soon(tenant, &kept).await?;
        Ok(done())
    }

    /// A team of this organization that has a link or was found; whatever is another's is not there.
    async fn candidate(&self, administrator: &Administrator, team: TeamId) -> Result<Candidate, Failure> {
        let tenant = administrator.connected()?.tenant;
        Candidate::load(self.store.as_ref(), tenant, team).await?.ok_or(Failure::NoSuchTeam)
    }

    async fn search_page(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        candidate: &Candidate,
    ) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        let (tenant, team) = (organization.tenant, candidate.team.id);
        let directory = organization.directory.as_ref().ok_or(Failure::NotConnected)?.id;
        let beginning: String = incoming.query("name").unwrap_or_default().trim().chars().take(LONGEST).collect();
        let hindrance = candidate.hindrance();
        let trouble = candidate.before.as_ref().and_then(|kept| kept.link.trouble.as_ref());
        let has_own = trouble.is_some_and(|trouble| trouble.kind == TroubleKind::SomebodyElsesGroup);
        let (mut groups, mut own, mut in_all) = (vec![], None, 0);
        if hindrance.is_none() && (has_own || !beginning.is_empty()) {
            let access = self.tokens.graph(directory, self.deadline()).await?;
            if has_own {
                own = self.graph.group_by_unique_name(&access, &unique_name(team)).await?;
            }
            if !beginning.is_empty() {
                let found = self.graph.groups_beginning(&access, &beginning).await?;
                (groups, in_all) = (found.groups, found.in_all);
            }
        }
        let ids = groups.iter().chain(&own).map(|group| group.id);
        let claims = link::claims(self.store.as_ref(), directory, ids.collect::<Vec<_>>()).await?;
        let row = |group: Group| {
            let claim = claims.get(&group.id);
            Row::of(group, tenant, claim)
        };
        let page = SearchPage {
            shell: self.shell(administrator, Place::Teams),
            team,
            title: &candidate.title,
            has_link: candidate.before.is_some(),
            hindrance,
            beginning: &beginning,
            own: own.map(row),
            rows: groups.into_iter().map(row).collect(),
            in_all,
        };
        Ok(Answer::page(200, page.render()?))
    }

    async fn union_page(
        &self,
        administrator: &Administrator,
        candidate: &Candidate,
        (group, found): (GroupId, Result<Union, Hindrance>),
        (status, message): (u16, Option<&'static str>),
    ) -> Result<Answer, Failure> {
        let (settings, _) = settings::load(self.store.as_ref(), administrator.organization.tenant).await?;
        let proof = administrator.proof(self.clock.now());
        let (united, hindrance) = match found {
            Ok(union) => (Some(self.shown(administrator, &settings, &union, proof).await?), None),
            Err(hindrance) => (None, Some(hindrance)),
        };
        let page = UnionPage {
            shell: self.shell(administrator, Place::Teams),
            csrf: &administrator.session.csrf,
            team: candidate.team.id,
            title: &candidate.title,
            group,
            message,
            hindrance,
            is_on: settings.switched_on_at.is_some(),
            is_preview: settings.running == Running::Preview,
            united,
            proof,
        };
        Ok(Answer::page(status, page.render()?))
    }

    async fn shown(
        &self,
        administrator: &Administrator,
        settings: &Settings,
        union: &Union,
        proof: Option<&Proof>,
    ) -> Result<Shown, Failure> {
        let preview = &union.preview;
        let added = |side| preview.moves.iter().filter(move |one| one.side == side && one.from == Standing::Absent);
        let [to_team, to_group]: [Vec<&Move>; 2] = [Side::Team, Side::Group].map(|side| added(side).collect());
        let roles: Vec<&Move> = preview.moves.iter().filter(|one| one.from != Standing::Absent).collect();
        let left_out = preview.left_out.iter().take(SHOWN);
        let named = [&to_team, &to_group, &roles].into_iter().flat_map(|moves| moves.iter().take(SHOWN));
        let people: BTreeSet<Who> =
            named.map(|one| Who::Person(one.person)).chain(left_out.clone().map(|(who, _)| *who)).collect();
        let called = self.called(administrator, &people).await?;
        Ok(Shown {
            name: union.group.display_name.clone(),
            mail: union.group.mail.clone().unwrap_or_default(),
            names: names(settings, union),
            officer_joins: preview.officer == OfficerOutlook::Joins,
            lists: [
                List::of("to-team", "Added to the Webex team", &to_team, &called),
                List::of("to-group", "Added to the Microsoft 365 group", &to_group, &called),
                List::of("roles", "Roles that change", &roles, &called),
            ],
            left_out: left_out.map(|(who, why)| (called.who(*who).0, on_one_side(*who), why.explanation())).collect(),
            further_left_out: preview.left_out.len().saturating_sub(SHOWN),
            unresolved: preview.unresolved,
            hash: union.hash(),
            is_allowed: proof.is_some_and(|proof| may_connect(proof, union)),
            is_owner: proof.is_some_and(|proof| union.owners.contains(&proof.person)),
        })
    }
}

fn on_one_side(who: Who) -> &'static str {
    match who {
        Who::Webex(_) => "The team",
        Who::Entra(_) => "The group",
        Who::Person(_) => "Either side",
    }
}

/// Which name holds, and why.
fn names(settings: &Settings, union: &Union) -> String {
    let (title, group) = (&union.title, &union.group.display_name);
    let last_word = match settings.last_word {
        Side::Team => "in your settings Webex has the last word.",
        Side::Group => "in your settings Microsoft 365 has the last word.",
    };
    match &union.preview.rename {
        Some(Rename { side: Side::Team, from, to }) => format!("The team “{from}” is renamed to “{to}”: {last_word}"),
        Some(Rename { side: Side::Group, from, to }) => format!("The group “{from}” is renamed to “{to}”: {last_word}"),
        None if title == group => format!("Both are called “{title}”."),
        None if settings.names == NameCarriage::No => {
            format!("The team stays “{title}” and the group “{group}”: your settings do not carry names.")
        }
        None => format!("The team stays “{title}” and the group “{group}”, until somebody renames one of them."),
    }
}

/// What is kept of it: who connected the group, and who at Microsoft stood for it.
fn words(administrator: &Administrator, proof: &Proof, union: &Union) -> String {
    let standing = match proof.rank {
        Rank::Administrator => "an administrator of the directory",
        Rank::Anybody => "an owner of the group",
    };
    let (who, group, object) = (&administrator.session.name, &union.group.display_name, proof.person);
    format!(
        "{who} connected the group “{group}”, which was there before. Signed in with Microsoft: {object}, {standing}."
    )
}
