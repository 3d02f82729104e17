//! From a message to a team: known links, spaces of teams, groups, and teams that are new.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use super::pilot::Origin;
use super::{Desk, Sync, SyncError};
use crate::folders::Wish;
use crate::link::{self, Kept, Link};
use crate::quota::Taken;
use crate::tenant::{self};
use clients::http::Class;
use clients::webex::{Region, WebexId};
use domain::ids::{GroupId, RoomId, TeamId, TenantId};
use domain::membership::Person;
use store::keys;
use store::message::{Ask, Cause, Message};
use store::table::{Condition, EXPIRES_AT, Item, Key, Query, Store, StoreError, Write, from_item, to_item};

/// For how long a space that is of no team is not asked about again.
const NO_TEAM_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Over how many seconds the messages of new spaces are spread that came all at once.
const SPREAD_OVER: u128 = 300;

/// For how long a message that cannot be dealt with is tried again.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// A space can be told of before it can be read: what cannot be seen so soon is asked about once more.
const SEEN_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// For how long a space that the officer cannot see is not asked about again.
const INVISIBLE_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What is known of a space. The General space of a team that has no link was decided about: the team gets a group only if an administrator selects it.
#[derive(Serialize, Deserialize)]
struct RoomNote {
    team: Option<TeamId>,
}

/// Where it is stored what a space is.
pub(crate) fn room_key(tenant: TenantId, room: RoomId) -> Key {
    Key::new(keys::room_partition(tenant), room.to_string())
}

/// Stores that a space is of no team, for a while, or a further space of one. What a General space is, [`Sync`] alone decides.
pub(crate) fn note_of_space(
    tenant: TenantId,
    room: RoomId,
    team: Option<TeamId>,
    now: Timestamp,
) -> Result<Write, StoreError> {
    note(tenant, room, team, team.is_none().then_some(now + NO_TEAM_FOR))
}

fn note(tenant: TenantId, room: RoomId, team: Option<TeamId>, expires: Option<Timestamp>) -> Result<Write, StoreError> {
    let mut item = to_item(&room_key(tenant, room), &RoomNote { team })?;
    if let Some(expires) = expires {
        item.insert(EXPIRES_AT.into(), AttributeValue::N(expires.as_second().to_string()));
    }
    if let Some(team) = team.filter(|team| *team != room.as_team()) {
        item.insert("gsi2pk".into(), AttributeValue::S(spaces_of(tenant, team)));
        item.insert("gsi2sk".into(), AttributeValue::S(room.to_string()));
    }
    Ok(Write::Put(item, Condition::Any))
}

/// The index's partition of the further spaces of a team, as far as they were ever noted.
fn spaces_of(tenant: TenantId, team: TeamId) -> String {
    format!("LIST#{tenant}#spaces#{team}")
}

/// The further spaces of a team that are known, also of those that the officer is not in: no list of Webex's shows these.
pub(super) async fn noted_spaces(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<Vec<RoomId>, StoreError> {
    let query = Query::Listed { pk: spaces_of(tenant, team), prefix: String::new() };
    let (mut spaces, mut start) = (vec![], None);
    loop {
        let page = store.query(&query, 1000, start.as_ref()).await?;
        spaces.extend(page.items.iter().filter_map(|item| Key::of(item)?.sk.parse::<RoomId>().ok()));
        start = page.next;
        if start.is_none() {
            return Ok(spaces);
        }
    }
}

/// The space of a stored note that is known to be no General space.
pub(crate) fn no_general_space(note: Item) -> Option<RoomId> {
    let room: RoomId = Key::of(&note)?.sk.parse().ok()?;
    let note: RoomNote = from_item(note).ok()?;
    (note.team != Some(room.as_team())).then_some(room)
}

impl Sync {
    pub(super) async fn team(
        &self,
        desk: &Desk,
        message: &Message,
        team: TeamId,
        region: Option<Region>,
        kept: Option<Kept>,
    ) -> Result<(), SyncError> {
        match (kept, region) {
            (Some(kept), _) => self.look_at(desk, message, kept).await,
            (None, Some(region)) => self.room(desk, message, team.general_space(), &region, None).await,
            (None, None) => Ok(()),
        }
    }

    pub(super) async fn room(
        &self,
        desk: &Desk,
        message: &Message,
        room: RoomId,
        region: &Region,
        kept: Option<Kept>,
    ) -> Result<(), SyncError> {
        if let Some(kept) = kept {
            return self.look_at(desk, message, kept).await;
        }
        let tenant = desk.tenant.tenant;
        match self.store.get(&room_key(tenant, room)).await?.map(from_item::<RoomNote>).transpose()? {
            // It may have moved into a team, or out of one; a General space cannot, and what was decided of its team stands.
            Some(note) if message.cause == Cause::SpaceWebhook && note.team != Some(room.as_team()) => {
                self.discover(desk, message, (room, region), note.team).await
            }
            Some(RoomNote { team: None }) => Ok(()),
            Some(RoomNote { team: Some(team) }) => match self.kept(tenant, team).await? {
                Some(kept) => self.look_at(desk, message, kept).await,
                None => Ok(()),
            },
            None => self.discover(desk, message, (room, region), None).await,
        }
    }

    pub(super) async fn group(&self, desk: &Desk, message: &Message, group: GroupId) -> Result<(), SyncError> {
        let claim = link::claims(self.store.as_ref(), desk.tenant.directory, [group]).await?.remove(&group);
        let Some(claim) = claim.filter(|claim| claim.tenant == desk.tenant.tenant) else { return Ok(()) };
        match self.kept(desk.tenant.tenant, claim.team).await? {
            Some(kept) => self.look_at(desk, message, kept).await,
            None => Ok(()),
        }
    }

    /// Somebody can take part now: his teams and groups are looked at, as far as they are linked.
    pub(super) async fn person(&self, desk: &Desk, message: &Message, person: Person) -> Result<(), SyncError> {
        if let Some(until) = desk.shut_until {
            return self.send_at(message, until).await;
        }
        match self.teams_of(desk, person).await {
            Ok(teams) => {
                let look =
                    |team| Message { cause: Cause::Person, ask: Ask::Team { team, region: None }, ..message.clone() };
                Ok(self.queue.send_all(&teams.into_iter().map(look).collect::<Vec<_>>()).await?)
            }
            Err(error) => self.later(desk, message, error).await,
        }
    }

    /// The linked teams that somebody is in, on either side.
    async fn teams_of(&self, desk: &Desk, person: Person) -> Result<BTreeSet<TeamId>, SyncError> {
        let calls = self.calls(desk).await?;
        let account = WebexId::new(desk.tenant.region.clone(), person.person);
        let (memberships, groups) = futures::future::join(
            self.webex.memberships_of(&calls.webex, &account),
            self.graph.groups_of(&calls.graph, person.object),
        )
        .await;
        let tenant = desk.tenant.tenant;
        // A space that is no team's has no link under its uuid.
        let links: Vec<Key> =
            memberships?.into_inner().iter().map(|membership| link::key(tenant, membership.room.as_team())).collect();
        let claims = link::claims(self.store.as_ref(), desk.tenant.directory, groups?).await?;
        let mut teams = BTreeSet::new();
        for item in self.store.get_many(&links).await? {
            teams.insert(from_item::<Kept>(item)?.link.team);
        }
        teams.extend(claims.into_values().filter(|claim| claim.tenant == tenant).map(|claim| claim.team));
        Ok(teams)
    }

    pub(super) async fn kept(&self, tenant: TenantId, team: TeamId) -> Result<Option<Kept>, StoreError> {
        self.store.get(&link::key(tenant, team)).await?.map(from_item).transpose()
    }

    /// Asks Webex what a space is that nothing is known of, or that was of the team `before`. A team that is new gets its link.
    async fn discover(
        &self,
        desk: &Desk,
        message: &Message,
        (room, region): (RoomId, &Region),
        before: Option<TeamId>,
    ) -> Result<(), SyncError> {
        let tenant = desk.tenant.tenant;
        if let Some(until) = desk.shut_until {
            return self.send_at(message, until).await;
        }
        if let Taken::NotBefore(until) = self.afford_reading(desk, message.cause, room.as_team()).await? {
            // There is no link yet that could wait: the messages of many new spaces spread over some minutes.
            let own = SignedDuration::from_secs(i64::try_from(room.0.as_u128() % SPREAD_OVER).unwrap_or(0));
            return self.send_at(message, until + own).await;
        }
        let found = match self.ask_webex(desk, &WebexId::new(region.clone(), room)).await {
            Ok(found) => found,
            Err(error) => return self.later(desk, message, error).await,
        };
        let (team, expires) = match &found {
            Found::Nothing if self.clock.now() < message.at + SEEN_WITHIN => {
                return self.send_at(message, message.at + SEEN_WITHIN).await;
            }
            Found::Nothing => (None, Some(self.clock.now() + INVISIBLE_FOR)),
            Found::NoTeam => (None, Some(self.clock.now() + NO_TEAM_FOR)),
            Found::Room(team) | Found::General { team, .. } => (Some(*team), None),
        };
        let note = note(tenant, room, team, expires)?;
        if let Some(before) = before.filter(|before| team != Some(*before)) {
            // Noted last: else nobody would know any more whose it was.
            self.space_changed(desk, message, before, (room, region)).await?;
        }
        match found {
            Found::Nothing | Found::NoTeam => Ok(self.store.write(vec![note]).await?),
            Found::Room(team) => {
                self.space_changed(desk, message, team, (room, region)).await?;
                self.store.write(vec![note]).await?;
                match self.kept(tenant, team).await? {
                    Some(kept) => self.look_at(desk, message, kept).await,
                    None => Ok(()),
                }
            }
            Found::General { team, title, origin } => {
                let phase = match self.phase_of_new(desk, &WebexId::new(region.clone(), room), &origin).await {
                    Ok(Some(phase)) => phase,
                    Ok(None) => return Ok(self.store.write(vec![note]).await?),
                    Err(error) => return self.later(desk, message, error).await,
                };
                let link = Link::new(team, region.clone(), title, phase);
                match self.store.write(vec![note, link::creation(tenant, &link, self.clock.now())?]).await {
                    Ok(()) | Err(StoreError::ConditionFailed) => {}
                    Err(error) => return Err(error.into()),
                }
                match self.kept(tenant, team).await? {
                    Some(kept) => self.look_at(desk, message, kept).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// A further space of a team was made, renamed, or moved: its folder is looked at, if it is to have one.
    async fn space_changed(
        &self,
        desk: &Desk,
        message: &Message,
        team: TeamId,
        (room, region): (RoomId, &Region),
    ) -> Result<(), SyncError> {
        let tenant = desk.tenant.tenant;
        if !desk.has_folders() || self.kept(tenant, team).await?.is_none_or(|kept| kept.link.folders_since.is_none()) {
            return Ok(());
        }
        self.want_folders(tenant, team, (&Wish::Space(room, region.clone()), message.cause)).await
    }

    async fn ask_webex(&self, desk: &Desk, room: &WebexId<RoomId>) -> Result<Found, SyncError> {
        let access = self.tokens.webex(desk.tenant.tenant, desk.tenant.officer, desk.deadline).await?;
        let Some(details) = self.webex.room(&access, room).await? else { return Ok(Found::Nothing) };
        let Some(team) = details.team.clone() else { return Ok(Found::NoTeam) };
        // A room's teamId has been seen with the kind of a room: the uuid is what counts.
        if team.id.general_space() != room.id {
            return Ok(Found::Room(team.id));
        }
        // The General space is as old as its team and has the team's name: the team itself is read by the look.
        let (title, created) = match (details.title, details.created) {
            (Some(title), Some(created)) => (title, Some(created)),
            _ => match self.webex.team(&access, &team).await? {
                Some(named) => (named.name, named.created),
                None => return Ok(Found::Nothing),
            },
        };
        let origin = Origin { owner: details.owner, created, creator: details.creator };
        Ok(Found::General { team: team.id, title, origin })
    }

    /// There is no link that could say what went wrong: the message waits, and where waiting does not help for a day, the log says it.
    pub(super) async fn later(&self, desk: &Desk, message: &Message, error: SyncError) -> Result<(), SyncError> {
        let now = self.clock.now();
        let is_old = now.duration_since(message.at) > GIVEN_UP_AFTER;
        let until = match error.class() {
            None => return Err(error),
            Some(Class::ThrottledUntil(until)) => {
                tenant::shut_gate(self.store.as_ref(), desk.tenant.tenant, error.api(), until).await?;
                until
            }
            Some(_) if is_old => {
                tracing::error!(tenant = %desk.tenant.tenant, %error, ?message, "given up after a day");
                return Ok(());
            }
            Some(Class::Transient) => now + SignedDuration::from_secs(30),
            Some(Class::NeedsAdministrator | Class::Permanent) => now + SignedDuration::from_mins(15),
        };
        tracing::warn!(tenant = %desk.tenant.tenant, %error, again = %until, "a message waits");
        self.send_at(message, until).await
    }

    /// Queues a message once more, for when it can be dealt with.
    pub(super) async fn send_at(&self, message: &Message, at: Timestamp) -> Result<(), SyncError> {
        Ok(self.queue.send(message, at.duration_since(self.clock.now()).try_into().unwrap_or_default()).await?)
    }
}

/// What a space turned out to be.
enum Found {
    /// Not visible to the officer.
    Nothing,
    /// Of no team.
    NoTeam,
    /// A further space of a team.
    Room(TeamId),
    /// A team's General space.
    General { team: TeamId, title: String, origin: Origin },
}
