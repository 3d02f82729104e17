//! Everything as it is at this moment, for the page.

use std::collections::BTreeMap;

use domain::ids::{GroupId, TeamId};
use domain::membership::{Side, Standing};
use engine::link::{self, Kept, OnLink, Phase, TroubleKind, Who};
use engine::safety::pending_approval;
use engine::tenant;
use engine::tenant::suspension::Why;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::cast::Customer;
use super::log::Entry;
use super::play::{Play, Speed};
use super::rounds::Found;
use super::spaces::SpacesShown;
use super::telling::Told;
use super::trouble::{Described, Reach, Trouble};
use super::words;
use crate::{Group, Role, Team};

/// All that the page shows of one customer.
#[derive(Serialize)]
pub(super) struct State<'a> {
    now: Timestamp,
    speed: Speed,
    customer: Named<'a>,
    customers: Vec<Named<'a>>,
    people: Vec<Account<'a>>,
    pairs: Vec<Pair>,
    troubles: Vec<TroubleShown>,
    round: Round,
    story: Option<Told>,
    /// What should never happen, and messages that were given up: none, ever.
    wrong: Vec<String>,
    entries: Vec<&'a Entry>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct Account<'a> {
    id: Uuid,
    name: &'a str,
    kind: &'static str,
    webex: bool,
    microsoft: bool,
}

/// A team, its group, or both, and what is between them.
#[derive(Serialize)]
struct Pair {
    id: Uuid,
    team: Option<Thing>,
    group: Option<Thing>,
    link: LinkShown,
    left_out: Vec<LeftOutShown>,
    held: Option<HeldShown>,
    spaces: SpacesShown,
}

#[derive(Serialize)]
struct Thing {
    id: Uuid,
    name: String,
    condition: Condition,
    people: Vec<Seat>,
}

#[derive(Serialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Condition {
    Alive,
    Archived,
    Deleted,
}

/// Somebody in a team or a group.
#[derive(Serialize)]
struct Seat {
    id: Uuid,
    name: String,
    role: Standing,
    with: Counterpart,
}

/// How the person stands on the other side.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Counterpart {
    /// The same.
    Same,
    /// Not there, or with another role: something is to be carried over.
    Different,
    /// Stays on this side alone, with a reason.
    LeftOut,
    /// The account that the functions work with.
    Officer,
    /// There is no other side.
    Alone,
}

#[derive(Serialize)]
struct LinkShown {
    state: LinkState,
    reason: Option<String>,
    /// When the link is looked at again without anybody asking.
    next_look: Option<Timestamp>,
    /// Until when one of the services asked not to be asked.
    shut_until: Option<Timestamp>,
    /// What differs, as far as it is to be carried over.
    differences: usize,
}

/// How a link stands, seen from outside.
#[derive(Serialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum LinkState {
    /// There is none yet.
    New,
    /// The team's creator was asked.
    Asked,
    Creating,
    InStep,
    /// Something is to be carried over.
    Carrying,
    /// The same, but one of the services asked to wait.
    Waiting,
    Held,
    Paused,
    Failing,
    Ended,
    /// A group without a team, which nobody links.
    Unlinked,
}

#[derive(Serialize)]
struct LeftOutShown {
    name: String,
    reason: &'static str,
    remedy: &'static str,
}

#[derive(Serialize)]
struct HeldShown {
    why: &'static str,
    people: Vec<String>,
    side: Option<Side>,
}

#[derive(Serialize)]
struct TroubleShown {
    id: Trouble,
    title: &'static str,
    what: &'static str,
    survived: &'static str,
    reach: Reach,
    on: bool,
}

#[derive(Serialize)]
struct Round {
    next: Timestamp,
    last: Option<Found>,
}

impl Play {
    /// Everything of one customer, and what happened after the entry of that number.
    pub(super) async fn state(&self, at: usize, after: u64) -> State<'_> {
        let customer = &self.customers[at];
        let named = |customer: &'_ Customer| customer.slug;
        State {
            now: self.now(),
            speed: self.speed,
            customer: Named { id: named(customer), name: &customer.handle.name },
            customers: self
                .customers
                .iter()
                .map(|customer| Named { id: named(customer), name: &customer.handle.name })
                .collect(),
            people: customer.people.iter().map(account).collect(),
            pairs: self.pairs(at).await,
            troubles: Trouble::ALL.iter().map(|trouble| self.trouble_shown(at, *trouble)).collect(),
            round: Round { next: self.house.next_round(), last: self.last_round(at).await },
            story: self.told(),
            wrong: self.wrong(),
            entries: self.log.after(after).filter(|entry| entry.tenant.is_none_or(|of| of == customer.slug)).collect(),
        }
    }

    fn wrong(&self) -> Vec<String> {
        let violations = self.world().violations().into_iter().map(|violation| format!("{violation:?}"));
        let dead = self.house.ground().queue.dead_letters().into_iter();
        let turns = self.house.ground().turns.dead_letters().into_iter();
        let dead = dead.map(|message| format!("a dead letter: {:?}", message.ask));
        violations.chain(dead).chain(turns.map(|turn| format!("a turn that was given up: {turn:?}"))).collect()
    }

    fn trouble_shown(&self, at: usize, id: Trouble) -> TroubleShown {
        let Described { title, what, survived, reach } = id.described();
        TroubleShown { id, title, what, survived, reach, on: self.is_on(at, id) }
    }

    async fn pairs(&self, at: usize) -> Vec<Pair> {
        let customer = &self.customers[at];
        let world = self.world();
        let store = self.house.ground().store.as_ref();
        let at_hand = tenant::at_hand(store, customer.tenant, &[], self.now()).await.ok().flatten();
        let at_hand = at_hand.map(|(at_hand, _)| at_hand);
        let rest = Rest {
            until: at_hand.as_ref().and_then(|at_hand| at_hand.shut_until),
            why: at_hand.and_then(|at_hand| at_hand.standstill).map(|standstill| standstill.why),
        };
        let mut links = self.links(at).await;
        let mut groups = world.groups(customer.handle.directory);
        let mut pairs = Vec::new();
        for team in world.teams(customer.handle.org) {
            let kept = links.remove(&team);
            let group = kept.as_ref().and_then(|kept| kept.link.group());
            let group = group.and_then(|id| Some((id, groups.remove(&id)?)));
            pairs.extend(self.pair(at, Some(team), group, (kept, &rest)).await);
        }
        for (team, kept) in links {
            let group = kept.link.group().and_then(|id| Some((id, groups.remove(&id)?)));
            if group.is_some() {
                pairs.extend(self.pair(at, Some(team), group, (Some(kept), &rest)).await);
            }
        }
        for (id, group) in groups {
            pairs.extend(self.pair(at, None, Some((id, group)), (None, &rest)).await);
        }
        pairs
    }

    async fn pair(
        &self,
        at: usize,
        team: Option<TeamId>,
        group: Option<(GroupId, Group)>,
        (kept, rest): (Option<Kept>, &Rest),
    ) -> Option<Pair> {
        let customer = &self.customers[at];
        let (store, world) = (self.house.ground().store.as_ref(), self.world());
        let seen = team.and_then(|team| world.team(team));
        let people = match team {
            Some(team) => link::people(store, customer.tenant, team).await.unwrap_or_default(),
            None => BTreeMap::new(),
        };
        let held = match team {
            Some(team) => pending_approval::load(store, customer.tenant, team).await.ok().flatten(),
            None => None,
        };
        let both =
            Both { customer, team: seen.as_ref(), group: group.as_ref().map(|(_, group)| group), people: &people };
        let differences = both.differences();
        let archived = team.is_some_and(|team| world.is_archived(team));
        let spaces = match team.filter(|_| seen.is_some()) {
            Some(team) => self.spaces(at, team, group.as_ref().map(|(id, _)| *id), kept.as_ref()).await,
            None => SpacesShown::default(),
        };
        Some(Pair {
            id: team.map(|team| team.0).or(group.as_ref().map(|(id, _)| id.0))?,
            link: shown(kept.as_ref(), team, seen.is_some(), differences, rest),
            team: team.filter(|_| seen.is_some()).map(|id| Thing {
                id: id.0,
                name: seen.as_ref().map(|team| team.title.clone()).unwrap_or_default(),
                condition: if archived { Condition::Archived } else { Condition::Alive },
                people: both.seats(Side::Team),
            }),
            spaces,
            left_out: left_out(self, at, &people),
            held: held.map(|plan| HeldShown {
                why: words::held_for(plan.why),
                side: plan.removals.first().map(|removal| removal.side),
                people: plan.removals.iter().map(|held| self.name_of(at, Who::Person(held.person))).collect(),
            }),
            group: group.as_ref().map(|(id, group)| Thing {
                id: id.0,
                name: group.display_name.clone(),
                condition: if group.deleted.is_some() { Condition::Deleted } else { Condition::Alive },
                people: both.seats(Side::Group),
            }),
        })
    }

    /// Whether a team and its group are the same, as far as they can be.
    pub(super) async fn is_in_step(&self, at: usize, team: TeamId) -> bool {
        let pairs = self.pairs(at).await;
        pairs.iter().any(|pair| pair.id == team.0 && pair.link.state == LinkState::InStep)
    }
}

fn account(somebody: &super::cast::Somebody) -> Account<'_> {
    Account {
        id: somebody.id(),
        name: &somebody.name,
        kind: somebody.kind,
        webex: somebody.person.is_some(),
        microsoft: somebody.object.is_some(),
    }
}

fn left_out(play: &Play, at: usize, people: &BTreeMap<Who, OnLink>) -> Vec<LeftOutShown> {
    let shown = people.iter().filter_map(|(who, on_link)| {
        let why = on_link.left_out?;
        Some(LeftOutShown { name: play.name_of(at, *who), reason: why.explanation(), remedy: why.remedy() })
    });
    shown.collect()
}

fn shown(kept: Option<&Kept>, team: Option<TeamId>, team_lives: bool, differences: usize, rest: &Rest) -> LinkShown {
    let is_shut = rest.until.is_some();
    let state = match (kept, team) {
        (None, None) => LinkState::Unlinked,
        (None, Some(_)) => LinkState::New,
        (Some(kept), _) => match (&kept.link.phase, &kept.link.trouble) {
            (Phase::Ended { .. }, _) => LinkState::Ended,
            _ if rest.why.is_some() => LinkState::Paused,
            (_, Some(trouble)) if trouble.kind == TroubleKind::Archived => LinkState::Paused,
            (_, Some(_)) => LinkState::Failing,
            (Phase::Asked { .. }, _) => LinkState::Asked,
            _ if kept.link.held.is_some() => LinkState::Held,
            (Phase::Creating { .. }, _) if is_shut => LinkState::Waiting,
            (Phase::Creating { .. }, _) => LinkState::Creating,
            _ if differences == 0 && team_lives => LinkState::InStep,
            _ if is_shut => LinkState::Waiting,
            _ => LinkState::Carrying,
        },
    };
    LinkShown {
        state,
        reason: rest.why.map(|why| why.line().to_owned()).or_else(|| kept.and_then(|kept| words::reason(&kept.link))),
        next_look: kept.map(|kept| kept.next_look).filter(|_| state != LinkState::Ended),
        shut_until: rest.until.filter(|_| rest.why.is_none()),
        differences,
    }
}

/// Whether the customer is left alone for now.
struct Rest {
    /// Until when nothing is asked of the services.
    until: Option<Timestamp>,
    /// Why not, if only a person can change it.
    why: Option<Why>,
}

/// A team and its group with what is known of the people.
struct Both<'a> {
    customer: &'a Customer,
    team: Option<&'a Team>,
    group: Option<&'a Group>,
    people: &'a BTreeMap<Who, OnLink>,
}

impl Both<'_> {
    fn standing(&self, side: Side, somebody: &super::cast::Somebody) -> Standing {
        match side {
            Side::Team => {
                let role = somebody.person.and_then(|person| self.team?.people.get(&person));
                role.map_or(Standing::Absent, |role| of_role(*role))
            }
            Side::Group => match (self.group, somebody.object) {
                (Some(group), Some(object)) if group.owners.contains(&object) => Standing::Owner,
                (Some(group), Some(object)) if group.members.contains(&object) => Standing::Member,
                _ => Standing::Absent,
            },
        }
    }

    fn is_left_out(&self, somebody: &super::cast::Somebody) -> bool {
        let is = |who: &Who| match who {
            Who::Person(person) => Some(person.person) == somebody.person || Some(person.object) == somebody.object,
            Who::Webex(person) => Some(*person) == somebody.person,
            Who::Entra(object) => Some(*object) == somebody.object,
        };
        let half = somebody.person.is_none() || somebody.object.is_none();
        half || self.people.iter().any(|(who, on_link)| on_link.left_out.is_some() && is(who))
    }

    /// In how many things the two sides are not the same, although they can be. A group that was deleted is one.
    fn differences(&self) -> usize {
        let (Some(team), Some(group)) = (self.team, self.group) else { return 0 };
        let people = self.customer.people.iter().filter(|somebody| !self.is_left_out(somebody));
        let differ = people
            .filter(|somebody| self.standing(Side::Team, somebody) != self.standing(Side::Group, somebody))
            .count();
        // The directory's naming policy may put something around the name.
        differ + usize::from(!group.display_name.contains(&team.title)) + usize::from(group.deleted.is_some())
    }

    fn seats(&self, side: Side) -> Vec<Seat> {
        let seat = |somebody: &super::cast::Somebody| {
            let role = self.standing(side, somebody);
            let with = match self.standing(side.other(), somebody) {
                _ if self.team.is_none() || self.group.is_none() => Counterpart::Alone,
                _ if self.is_left_out(somebody) => Counterpart::LeftOut,
                other if other == role => Counterpart::Same,
                _ => Counterpart::Different,
            };
            role.is_present().then(|| Seat { id: somebody.id(), name: somebody.name.clone(), role, with })
        };
        let mut seats: Vec<Seat> = self.customer.people.iter().filter_map(seat).collect();
        let officer = self.customer.handle.officer;
        let role = self.team.filter(|_| side == Side::Team).and_then(|team| team.people.get(&officer));
        seats.extend(role.map(|role| Seat {
            id: officer.0,
            name: "The integration".into(),
            role: of_role(*role),
            with: Counterpart::Officer,
        }));
        seats
    }
}

fn of_role(role: Role) -> Standing {
    if role == Role::Moderator { Standing::Owner } else { Standing::Member }
}
