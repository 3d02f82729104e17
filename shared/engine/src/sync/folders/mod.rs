//! The look at a team's folders: reads its spaces, the folders in the group's library and what Webex links, and carries the differences over.
//!
//! It is asked for by itself, under a lease of its own: people and names never wait for it. `space` sees to one space, `linking` to its link in Webex.
//!
//! # Guarantees
//! * Every step can be cut off, with its effect done or not, and the next look ends as if it had not been. That the officer is about to step into a space is stored before.
//! * Nothing is ever deleted in a library, and nothing that is there is replaced.
//! * A link that a person removed, or made to another folder, stays as the person wants it.

mod linking;
mod space;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::route::noted_spaces;
use super::{Desk, Sync, SyncError};
use crate::activity::Activity;
use crate::credentials::registration::Registration;
use crate::credentials::tokens::TokensError;
use crate::folders::{self, Folders, Hindrance, Kept, Lease, Library, Notice, State, StoredSpace, Wish};
use crate::link::{self, Link, Phase, TroubleKind};
use crate::notify::{self, LinkNotice, Matter};
use crate::quota::{Bucket, Quota, Taken};
use crate::tenant::{self, Gate};
use clients::http::{Access, Api, CALL_TIMEOUT, Class, Failure};
use clients::webex::{MembershipId, Room, WebexId};
use domain::ids::{GroupId, RoomId, TeamId, TenantId};
use store::keys;
use store::message::{Ask, Cause, Message};
use store::table::{Key, StoreError, Write, from_item};

/// How long folders can fail before an administrator is told.
const TOLD_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// How long a site can be missing before an administrator is told.
const SITE_TOLD_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// A look at a team's folders under way.
struct Pass<'a> {
    desk: &'a Desk,
    lease: &'a Lease,
    link: &'a Link,
    webex: Access,
    files: Access,
    started: Timestamp,
    folders: Folders,
    library: Option<Library>,
    spaces: BTreeMap<RoomId, StoredSpace>,
    /// Spaces that the officer is in, as far as they were listed.
    joined: BTreeSet<RoomId>,
    /// By what the officer stepped into the space at hand.
    membership: Option<MembershipId>,
    units: Option<Bucket>,
    activity: Activity,
}

/// Why a look ends before it is through.
enum Halt {
    /// Something keeps all folders waiting.
    Hindered(Hindrance, Option<String>),
    /// Quota, gate or time: the rest is done from this moment on.
    Until(Timestamp),
}

impl Sync {
    /// Looks at a team's folders, if a look is due.
    pub(super) async fn folders(
        &self,
        desk: &Desk,
        message: &Message,
        team: TeamId,
        link: Option<link::Kept>,
    ) -> Result<(), SyncError> {
        let (tenant, store, now) = (desk.tenant.tenant, self.store.as_ref(), self.clock.now());
        let (own, gate) = (folders::key(tenant, team), keys::gate(tenant, Api::SharePoint));
        let (mut kept, mut shut_until, mut units) = (None, desk.shut_until, None);
        for item in store.get_many(&[own.clone(), gate.clone(), Quota::SharePoint(tenant).key()]).await? {
            match Key::of(&item) {
                Some(key) if key == own => kept = Some(from_item::<Kept>(item)?),
                Some(key) if key == gate => {
                    let until = from_item::<Gate>(item)?.closed_until;
                    shut_until = shut_until.max(Some(until).filter(|until| *until > now));
                }
                _ => units = Some(from_item(item)?),
            }
        }
        let Some(kept) = kept.filter(|kept| !kept.has_answered(message.at)) else { return Ok(()) };
        // Whoever holds them sees what is wanted; should it be cut off, this comes back when its lease has ended.
        let not_before = if kept.is_leased(now) { Some(kept.lease_until) } else { shut_until };
        if let Some(until) = not_before {
            return Ok(folders::postpone(store, (tenant, team), &kept, until).await?);
        }
        let until = desk.deadline.0 + SignedDuration::try_from(CALL_TIMEOUT).unwrap_or_default();
        let Some((lease, kept)) = folders::take_lease(store, tenant, team, now, until).await? else { return Ok(()) };
        let Some(link) = link.map(|kept| kept.link).filter(|link| !matches!(link.phase, Phase::Ended { .. })) else {
            return self.forget_folders(desk, (team, &lease), &kept).await;
        };
        let Some(group) = link.group().filter(|_| desk.has_folders()) else {
            let next_look = now + folders::WHOLE_EVERY;
            return self.close_folders((tenant, team), (&lease, &kept), &kept.folders, vec![], (now, next_look)).await;
        };
        let mut pass = Pass {
            desk,
            lease: &lease,
            link: &link,
            webex: Access::anonymous(desk.deadline),
            files: Access::anonymous(desk.deadline),
            started: now,
            folders: kept.folders.clone(),
            library: None,
            spaces: BTreeMap::new(),
            joined: BTreeSet::new(),
            membership: None,
            units,
            activity: Activity::new(now, message.cause),
        };
        let is_whole = kept.folders.is_whole_due(kept.whole_wanted, now);
        let halt = match self.go_through(&mut pass, group, is_whole).await {
            Ok(halt) => halt,
            Err(error) => Some(self.halted(&pass, error).await?),
        };
        let (next_look, writes) = self.conclude(&mut pass, halt)?;
        self.close_folders((tenant, team), (&lease, &kept), &pass.folders, writes, (now, next_look)).await
    }

    /// Goes through the spaces that somebody should look at, or through all of them.
    async fn go_through(&self, pass: &mut Pass<'_>, group: GroupId, is_whole: bool) -> Result<Option<Halt>, SyncError> {
        let desk = pass.desk;
        if !pass.link.officer.is_inside(desk.tenant.officer) {
            return Ok(Some(Halt::Hindered(Hindrance::OfficerOutside, None)));
        }
        if pass.link.trouble.as_ref().is_some_and(|trouble| trouble.kind == TroubleKind::Archived) {
            return Ok(Some(Halt::Hindered(Hindrance::Archived, None)));
        }
        pass.webex = self.tokens.webex(desk.tenant.tenant, desk.tenant.officer, desk.deadline).await?;
        pass.files = self.tokens.files(desk.tenant.directory, desk.deadline).await?;
        pass.library = pass.folders.library.clone().filter(|library| library.group == group);
        if pass.library.is_none() {
            if let Some(halt) = self.afford(pass, Quota::SharePoint(desk.tenant.tenant), 1).await? {
                return Ok(Some(halt));
            }
            let Some(drive) = self.graph.group_drive(&pass.files, group).await? else {
                return Ok(Some(Halt::Hindered(Hindrance::NoSite, None)));
            };
            pass.library = Some(Library { group, drive: drive.id, url: drive.web_url });
            pass.folders.library.clone_from(&pass.library);
        }
        pass.spaces = folders::stored(self.store.as_ref(), desk.tenant.tenant, pass.link.team).await?;
        let mut rooms = BTreeMap::new();
        if let Some(halt) = self.read_spaces(pass, is_whole, &mut rooms).await? {
            return Ok(Some(halt));
        }
        for (id, room) in in_order(rooms, pass.link.team) {
            if let Some(halt) = self.see_to(pass, id, room).await? {
                return Ok(Some(halt));
            }
        }
        if let Some(since) = pass.folders.whole_since.take() {
            pass.folders.whole_at = since;
        }
        Ok(None)
    }

    /// Reads the spaces that are to be seen to.
    async fn read_spaces(
        &self,
        pass: &mut Pass<'_>,
        is_whole: bool,
        rooms: &mut BTreeMap<RoomId, Option<Room>>,
    ) -> Result<Option<Halt>, SyncError> {
        let webex = Quota::Webex(pass.desk.tenant.tenant);
        let team = WebexId::new(pass.link.region.clone(), pass.link.team);
        let general = team.general_space();
        pass.joined.insert(general.id);
        pass.spaces.entry(general.id).or_insert_with(|| StoredSpace::new(general.region.clone()));
        let mut listed = BTreeMap::new();
        let whole_since = is_whole.then(|| *pass.folders.whole_since.get_or_insert(pass.started));
        if is_whole {
            if let Some(halt) = self.afford(pass, webex, 1).await? {
                return Ok(Some(halt));
            }
            for room in self.webex.rooms_of_team(&pass.webex, &team).await?.into_inner() {
                let WebexId { id, region } = room.id.clone();
                pass.joined.insert(id);
                pass.spaces.entry(id).or_insert_with(|| StoredSpace::new(region));
                listed.insert(id, room);
            }
            // Who is not in the General space is not in the team, and may link nothing.
            if !listed.contains_key(&general.id) {
                return Ok(Some(Halt::Hindered(Hindrance::OfficerOutside, None)));
            }
            for id in noted_spaces(self.store.as_ref(), pass.desk.tenant.tenant, pass.link.team).await? {
                pass.spaces.entry(id).or_insert_with(|| StoredSpace::new(general.region.clone()));
            }
        }
        let ids: Vec<RoomId> = pass.spaces.keys().copied().collect();
        for id in ids {
            let Some(stored) = pass.spaces.get_mut(&id) else { continue };
            stored.heed();
            let space = &stored.space;
            let is_unseen =
                whole_since.is_some_and(|since| space.looked < since) || space.looked == Timestamp::UNIX_EPOCH;
            let is_asked = stored.wanted > space.looked || space.next_try.is_some_and(|at| at <= pass.started);
            if !(is_unseen || is_asked || space.stepped_in.is_some()) {
                continue;
            }
            let room = match listed.remove(&id) {
                Some(room) => Some(room),
                None => {
                    let region = stored.region.clone();
                    if let Some(halt) = self.afford(pass, webex, 1).await? {
                        return Ok(Some(halt));
                    }
                    match self.webex.room(&pass.webex, &WebexId::new(region, id)).await {
                        Err(error) if error.class() == Class::Permanent => None,
                        room => room?,
                    }
                }
            };
            rooms.insert(id, room);
        }
        Ok(None)
    }

    /// Whether so much of a quota is left.
    async fn afford(&self, pass: &Pass<'_>, quota: Quota, count: usize) -> Result<Option<Halt>, SyncError> {
        if let Some(until) = pass.files.nearly_spent_until().filter(|until| *until > self.clock.now()) {
            // Whoever goes on until nothing is left is refused, and then for longer.
            tenant::shut_gate(self.store.as_ref(), pass.desk.tenant.tenant, Api::SharePoint, until).await?;
            return Ok(Some(Halt::Until(until)));
        }
        let known = if matches!(quota, Quota::SharePoint(_)) { pass.units } else { pass.desk.webex_calls };
        let taker = self.taker(pass.activity.cause, pass.link.team);
        Ok(match taker.take(self.store.as_ref(), quota, count, known).await? {
            Taken::Granted => None,
            Taken::NotBefore(until) => Some(Halt::Until(until)),
        })
    }

    /// What an error means for the whole look. Those that the queue has to answer go on upwards.
    async fn halted(&self, pass: &Pass<'_>, error: SyncError) -> Result<Halt, SyncError> {
        let (tenant, now, said) = (pass.desk.tenant.tenant, self.clock.now(), error.to_string());
        match (&error, error.class()) {
            (_, None) => Err(error),
            (_, Some(Class::ThrottledUntil(until))) => {
                // People and names have another app, and other tokens.
                let is_files_token = matches!(error, SyncError::Tokens(TokensError::Entra(_)));
                let api = if is_files_token { Api::SharePoint } else { error.api() };
                tenant::shut_gate(self.store.as_ref(), tenant, api, until).await?;
                Ok(Halt::Until(until))
            }
            (SyncError::Call(call), _) if matches!(call.failure, Failure::NoTime) => Ok(Halt::Until(now)),
            _ => {
                if matches!(&error, SyncError::Call(call) if call.api == Api::SharePoint && matches!(call.status(), Some(401 | 403)))
                {
                    // A token can be older than what it allows. Whether the consent is lost, rounds find out, for all teams at once.
                    self.tokens.forget_app(Registration::Files, pass.desk.tenant.directory);
                }
                metrics::counter!("FoldersFailing").increment(1);
                tracing::warn!(%tenant, team = %pass.link.team, said, "a team's folders could not be looked at");
                Ok(Halt::Hindered(Hindrance::CallFailed, Some(said)))
            }
        }
    }

    /// What is stored at the end of a look, and when the next is due.
    fn conclude(&self, pass: &mut Pass<'_>, halt: Option<Halt>) -> Result<(Timestamp, Vec<Write>), SyncError> {
        let (tenant, team, now) = (pass.desk.tenant.tenant, pass.link.team, self.clock.now());
        let mut writes = vec![];
        pass.activity.request_ids = [pass.webex.written_request_ids(), pass.files.written_request_ids()].concat();
        if !pass.activity.is_empty() {
            writes.extend(pass.activity.puts(tenant, team)?);
        }
        let next_look = match halt {
            Some(Halt::Until(until)) => until.max(now + SignedDuration::from_secs(1)),
            Some(Halt::Hindered(by, said)) => {
                pass.folders.is_hindered(by, said, now);
                let tries = pass.folders.hindrance.as_ref().map_or(1, |hindered| hindered.tries);
                match by {
                    Hindrance::NoSite | Hindrance::CallFailed => now + folders::pause(tries),
                    Hindrance::OfficerOutside | Hindrance::Archived => now + SignedDuration::from_hours(24),
                }
            }
            None => {
                pass.folders.hindrance = None;
                let tries = pass.spaces.values().filter_map(|stored| stored.space.next_try);
                tries.chain([pass.folders.whole_at + folders::WHOLE_EVERY]).min().unwrap_or(now).max(now)
            }
        };
        let failing = pass.spaces.values().map(|stored| &stored.space);
        let failing = failing.filter(|space| space.standing.state() == State::Failing).min_by_key(|space| space.since);
        let failing = failing.filter(|space| now.duration_since(space.since) >= TOLD_AFTER).map(|space| {
            let said = space.said.as_deref().unwrap_or_default();
            let title = space.title.as_deref().unwrap_or_default();
            format!(
                "the folder of the space “{title}” fails since {:.0}: {} {said}",
                space.since,
                space.standing.explanation()
            )
        });
        let hindered = pass.folders.hindrance.as_ref().filter(|hindered| match hindered.by {
            Hindrance::NoSite => now.duration_since(hindered.since) >= SITE_TOLD_AFTER,
            Hindrance::CallFailed => now.duration_since(hindered.since) >= TOLD_AFTER,
            Hindrance::OfficerOutside | Hindrance::Archived => false,
        });
        let text =
            hindered.map(|hindered| format!("{} (Since {:.0})", hindered.by.explanation(), hindered.since)).or(failing);
        let matter = Matter::Link(team, LinkNotice::Folders);
        match (text, pass.folders.notice) {
            (Some(text), Notice::None) => {
                let text = format!("“{}”: {text}", pass.link.title);
                writes.push(notify::raise(tenant, matter, text, format!("/teams/{team}"), now)?);
                pass.folders.notice = Notice::Raised;
            }
            (None, Notice::Raised) => {
                writes.push(notify::withdraw(tenant, matter));
                pass.folders.notice = Notice::None;
            }
            _ => {}
        }
        Ok((next_look, writes))
    }

    /// Gives the lease back. Whoever wanted a look meanwhile gets it at once.
    async fn close_folders(
        &self,
        (tenant, team): (TenantId, TeamId),
        (lease, kept): (&Lease, &Kept),
        folders: &Folders,
        writes: Vec<Write>,
        (started, mut next_look): (Timestamp, Timestamp),
    ) -> Result<(), SyncError> {
        let mut wanted = kept.wanted;
        loop {
            let close = lease.close(folders, (started, next_look), wanted)?;
            match self.store.write([writes.as_slice(), &[close]].concat()).await {
                Ok(()) if wanted > started => return self.ask_for_folders(tenant, team, Cause::Again).await,
                Ok(()) => return Ok(()),
                Err(StoreError::ConditionFailed) => {
                    let as_it_stands = lease.read(self.store.as_ref()).await?.filter(|kept| kept.wanted != wanted);
                    // Given back before an answer was lost, or ended: what was seen to is stored space by space.
                    let Some(as_it_stands) = as_it_stands else { return Ok(()) };
                    (wanted, next_look) = (as_it_stands.wanted, self.clock.now());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The link is over: what is known of its folders goes. Folders, files and links stay as they are.
    async fn forget_folders(&self, desk: &Desk, (team, lease): (TeamId, &Lease), kept: &Kept) -> Result<(), SyncError> {
        let tenant = desk.tenant.tenant;
        folders::forget(self.store.as_ref(), tenant, team).await?;
        let mut writes = vec![lease.forget()?];
        if kept.folders.notice == Notice::Raised {
            writes.push(notify::withdraw(tenant, Matter::Link(team, LinkNotice::Folders)));
        }
        match self.store.write(writes).await {
            Ok(()) | Err(StoreError::ConditionFailed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Has a team's folders looked at.
    pub(super) async fn want_folders(
        &self,
        tenant: TenantId,
        team: TeamId,
        (wish, cause): (&Wish, Cause),
    ) -> Result<(), SyncError> {
        self.store.write(folders::want(tenant, team, wish, self.clock.now())?).await?;
        self.ask_for_folders(tenant, team, cause).await
    }

    pub(super) async fn ask_for_folders(&self, tenant: TenantId, team: TeamId, cause: Cause) -> Result<(), SyncError> {
        let ask = Ask::Folders { team };
        let message = Message { v: Default::default(), tenant, at: self.clock.now(), cause, ask };
        Ok(self.queue.send(&message, std::time::Duration::ZERO).await?)
    }
}

impl Pass<'_> {
    fn note(&mut self, words: impl Into<String>) {
        self.activity.notes.push(words.into());
    }
}

/// First who had a right to a plain name first: the General space, then the oldest.
fn in_order(rooms: BTreeMap<RoomId, Option<Room>>, team: TeamId) -> Vec<(RoomId, Option<Room>)> {
    let mut rooms: Vec<_> = rooms.into_iter().collect();
    rooms.sort_by_key(|(id, room)| (*id != team.general_space(), room.as_ref().and_then(|room| room.created), *id));
    rooms
}
