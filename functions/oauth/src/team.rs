//! One team: who is on both sides and who is not, and why; what waits, what was done, and the buttons for it.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use domain::ids::{TeamId, TenantId};
use domain::membership::{LeftOut, Person, Side, Sides, Standing};
use domain::merge::{NameWrite, OWNER_LIMIT, OwedTo, Refusal};
use engine::activity::{self, EntryId, PersonChange};
use engine::adopt::Hindrance;
use engine::link::{self, GroupOrigin, Instructed, Kept, OnLink, Proposal, Unlinked, Who};
use engine::preview::{self, Consent, GroupOutlook, Move, Of, OfficerOutlook, Preview, Rename};
use engine::safety::pending_approval::{self, Decision};
use engine::tenant::settings::{self, Running};
use store::message::{Ask, Cause, Message};
use store::table::{Cursor, StoreError, from_item};

use crate::answer::Answer;
use crate::called::Called;
use crate::done::{CHANGES_SHOWN, Entry, caused_by, entry, line};
use crate::failure::Failure;
use crate::folders::SpacesTable;
use crate::held::HeldTable;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// Said of a decision about something that is not so any more.
pub(crate) const MOVED: &str =
    "Things are not as they were when the page was shown, so nothing was decided. This is how they are now.";

/// People on a page.
const PEOPLE_SHOWN: usize = 200;

/// Entries of what was done on a page.
const DONE_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "team.html")]
struct TeamPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    kept: &'a Kept,
    looked: Option<String>,
    message: Option<&'static str>,
    held: Option<HeldTable>,
    would: Option<Would>,
    spaces: Option<SpacesTable>,
    people: Vec<Row>,
    /// Which of how many people these are.
    shown: (usize, usize, usize),
    further_people: Option<String>,
    done: Vec<Entry>,
    further_done: Option<String>,
    /// Whether a group that was there before can be connected in the place of this link.
    gives_way: bool,
    /// Whether its group was there before.
    is_connected: bool,
}

/// What would be done if it were not for preview mode.
struct Would {
    at: String,
    lines: Vec<String>,
    further: usize,
}

/// Somebody on the link.
struct Row {
    name: String,
    user_name: String,
    standings: Sides<Standing>,
    left_out: Option<LeftOut>,
    because: Option<Reason>,
    refused: Option<String>,
    offers: Vec<Offer>,
}

/// Why somebody is what he is.
struct Reason {
    words: String,
    event: String,
    entry: EntryId,
}

/// A way to make somebody equal on both sides.
struct Offer {
    person: String,
    as_in: Side,
    hash: String,
    words: &'static str,
}

impl Row {
    /// Whether both sides have somebody who takes part differently, and are left so.
    fn differs(&self) -> bool {
        self.left_out.is_none() && !self.standings.are_equal()
    }

    /// Those first whom somebody may ask about.
    fn order(&self) -> (bool, bool, String) {
        (self.left_out.is_none(), self.standings.are_equal(), self.name.to_lowercase())
    }
}

/// What somebody is on a side, in that side's words.
pub(crate) fn standing(side: Side, standing: &Standing) -> &'static str {
    match (side, standing) {
        (_, Standing::Absent) => "—",
        (_, Standing::Member) => "Member",
        (Side::Team, Standing::Owner) => "Moderator",
        (Side::Group, Standing::Owner) => "Owner",
    }
}

/// A rename that is owed, in words.
pub(crate) fn owed_name(kept: &Kept) -> Option<String> {
    let owed = kept.link.names.as_ref()?.owed.as_ref()?;
    Some(match owed {
        NameWrite::Team { title, .. } => {
            format!(
                "The team does not have the group's name “{title}” yet: it is tried again once a day, as far as the account is in the team."
            )
        }
        NameWrite::Group(name) => {
            format!("The group does not have the team's name “{name}” yet: it is tried again once a day.")
        }
    })
}

impl Oauth {
    pub(crate) async fn team(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
    ) -> Result<Answer, Failure> {
        let message = match incoming.query("did") {
            Some("asked") => Some("The team is being looked at. Reload the page in some seconds."),
            Some("folder") => Some("The space is being looked at. Reload the page in some seconds."),
            Some("connected") => {
                Some("The group is connected. Both sides are being united: reload the page in some seconds.")
            }
            Some("unlinked") => Some("The link is over. Team and group stay as they are."),
            _ => None,
        };
        self.team_page(incoming, administrator, team, (200, message)).await
    }

    pub(crate) async fn team_page(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
        (status, message): (u16, Option<&'static str>),
    ) -> Result<Answer, Failure> {
        let (store, tenant) = (self.store.as_ref(), administrator.organization.tenant);
        let kept = self.kept(administrator, team).await?;
        let path = format!("{}/{team}", Place::Teams.path());
        let done_from = incoming.query("done").map(|from| Cursor(from.to_owned()));
        let running = settings::load(store, tenant).await?.0.running;
        let (people, plan, preview, done, spaces) = futures::try_join!(
            link::people(store, tenant, team),
            pending_approval::load(store, tenant, team),
            self.foreseen(administrator, team, running),
            activity::page(store, tenant, team, DONE_SHOWN, done_from.as_ref()),
            self.spaces_table(administrator, &kept),
        )
        .map_err(|error| Failure::of_list(error, incoming.query("done")))?;
        let (done, further_done) = done;
        let moved = preview.iter().flat_map(|preview| &preview.moves).map(|one| one.person);
        let pairs = moved.chain(plan.iter().flat_map(|plan| plan.removals.iter().map(|held| held.person)));
        let pairs = pairs.chain(done.iter().flat_map(|done| done.changes.iter().map(|change| change.person)));
        let everybody = people.keys().copied().chain(pairs.map(Who::Person)).collect();
        let called = self.called(administrator, &everybody).await?;
        let is_live = running == Running::Live && kept.link.group().is_some();
        let mut rows: Vec<Row> = people.iter().map(|(who, on_link)| row(*who, on_link, &called)).collect();
        for (row, who) in rows.iter_mut().zip(people.keys()).filter(|(row, _)| is_live && row.differs()) {
            row.offers = offers(*who, &people);
        }
        rows.sort_by_cached_key(Row::order);
        let all = rows.len();
        let from = incoming.query("people").and_then(|from| from.parse().ok()).filter(|from| *from < all).unwrap_or(0);
        let rows: Vec<Row> = rows.into_iter().skip(from).take(PEOPLE_SHOWN).collect();
        let to = from + rows.len();
        let page = TeamPage {
            shell: self.shell(administrator, Place::Teams),
            csrf: &administrator.session.csrf,
            looked: (kept.looked.as_millisecond() > 0).then(|| date(kept.looked)),
            kept: &kept,
            message,
            held: plan.map(|plan| HeldTable::of(&plan, &kept.link, &called)),
            spaces,
            would: preview.map(|preview| would(&preview, &called)),
            shown: (from.min(all) + 1, to, all),
            further_people: (to < all).then(|| format!("{path}?people={to}")),
            people: rows,
            done: done.iter().map(|activity| entry(activity, team, None, &called)).collect(),
            gives_way: Hindrance::of_link(&kept.link).is_none(),
            is_connected: kept.link.group().is_some() && kept.link.origin == GroupOrigin::Connected,
            further_done: further_done.map(|cursor| format!("{path}?done={}", cursor.0)),
        };
        Ok(Answer::page(status, page.render()?))
    }

    /// What an administrator decides on the page of a team.
    pub(crate) async fn decide_about_team(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
    ) -> Result<Answer, Failure> {
        let (store, tenant) = (self.store.as_ref(), administrator.organization.tenant);
        let kept = self.kept(administrator, team).await?;
        let person = administrator.session.person;
        let decision = match incoming.field("action") {
            Some("sync") => None,
            Some("apply") => Some(Decision::Apply),
            Some("discard") => Some(Decision::Discard),
            Some("equal") => return self.make_equal(incoming, administrator, &kept).await,
            Some("folder") => return self.link_folder_again(incoming, administrator, team).await,
            Some("unlink") => return self.unlink(incoming, administrator, team).await,
            _ => return Err(Failure::NotAForm),
        };
        if let Some(decision) = decision {
            let hash = incoming.field("hash").unwrap_or_default();
            match pending_approval::decide(store, tenant, team, hash, decision).await {
                Err(StoreError::ConditionFailed) => {
                    return self.team_page(incoming, administrator, team, (409, Some(MOVED))).await;
                }
                decided => decided?,
            }
            tracing::info!(%tenant, %team, %person, ?decision, "a held plan was decided");
        }
        self.look_soon(tenant, &kept).await?;
        Ok(Answer::see(format!("{}/{team}?did=asked", Place::Teams.path())))
    }

    async fn unlink(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
    ) -> Result<Answer, Failure> {
        let Administrator { session, organization } = administrator;
        let directory = organization.directory.as_ref().ok_or(Failure::NotConnected)?.id;
        if incoming.field("sure") != Some("yes") {
            let unconfirmed = "Nothing was changed: confirm that you want to end the link.";
            return self.team_page(incoming, administrator, team, (422, Some(unconfirmed))).await;
        }
        let words = format!("{} ended the link: team and group stay as they are.", session.name);
        let ids = (organization.tenant, directory);
        match link::unlink(self.store.as_ref(), ids, team, words, self.clock.now()).await? {
            Unlinked::Over => {}
            Unlinked::Busy => {
                let busy = "The team is just being looked at, so nothing was changed. Try again in a minute.";
                return self.team_page(incoming, administrator, team, (409, Some(busy))).await;
            }
            Unlinked::Gone => return self.team_page(incoming, administrator, team, (409, None)).await,
        }
        tracing::info!(tenant = %organization.tenant, %team, person = %session.person, "a link was ended");
        Ok(Answer::see(format!("{}/{team}?did=unlinked", Place::Teams.path())))
    }

    /// A link of this organization's own; whatever is another's is not there.
    pub(crate) async fn kept(&self, administrator: &Administrator, team: TeamId) -> Result<Kept, Failure> {
        let organization = administrator.connected()?;
        let item = self.store.get(&link::key(organization.tenant, team)).await?;
        Ok(from_item(item.ok_or(Failure::NoSuchTeam)?)?)
    }

    /// What the last look in preview mode would have done, while that is on.
    async fn foreseen(
        &self,
        administrator: &Administrator,
        team: TeamId,
        running: Running,
    ) -> Result<Option<Preview>, StoreError> {
        match running {
            Running::Preview => {
                let tenant = administrator.organization.tenant;
                preview::load(self.store.as_ref(), tenant, team, Of::Look).await
            }
            Running::Live => Ok(None),
        }
    }

    /// Somebody is made equal on both sides, as one of them has it.
    async fn make_equal(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        kept: &Kept,
    ) -> Result<Answer, Failure> {
        let (object, person) = incoming.field("person").and_then(|ids| ids.split_once('/')).ok_or(Failure::NotAForm)?;
        let (object, person) = (object.parse().ok(), person.parse().ok());
        let person = object.zip(person).map(|(object, person)| Person { object, person }).ok_or(Failure::NotAForm)?;
        let as_in = match incoming.field("as") {
            Some("team") => Side::Team,
            Some("group") => Side::Group,
            _ => return Err(Failure::NotAForm),
        };
        let propose = |people: &BTreeMap<Who, OnLink>| Proposal::make_equal(person, as_in, people);
        match self.instruct(incoming, administrator, kept, propose).await? {
            None => Ok(Answer::see(format!("{}/{}?did=asked", Place::Teams.path(), kept.link.team))),
            Some(refusal) => self.team_page(incoming, administrator, kept.link.team, (409, Some(refusal))).await,
        }
    }

    /// Takes a proposal for decided, if it is the one that was shown, and has it carried out. Says why not, if not.
    pub(crate) async fn instruct(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        kept: &Kept,
        propose: impl Fn(&BTreeMap<Who, OnLink>) -> Proposal,
    ) -> Result<Option<&'static str>, Failure> {
        let (store, tenant, team) = (self.store.as_ref(), administrator.organization.tenant, kept.link.team);
        if settings::load(store, tenant).await?.0.running == Running::Preview {
            return Ok(Some("Preview mode is on: nothing is changed on either side."));
        }
        let hash = incoming.field("hash").unwrap_or_default();
        let instructed = link::instruct(store, tenant, team, (hash, propose), self.clock.now()).await?;
        Ok(match instructed {
            Instructed::Given => {
                let person = administrator.session.person;
                tracing::info!(%tenant, %team, %person, hash, "an administrator decided about people of a team");
                self.look_soon(tenant, kept).await?;
                None
            }
            Instructed::Busy => {
                Some("The team is just being looked at, so nothing was changed. Try again in a minute.")
            }
            Instructed::Moved => Some(MOVED),
            Instructed::Gone => {
                Some("The team has no group that anything could be carried to, so nothing was changed.")
            }
        })
    }

    pub(crate) async fn look_soon(&self, tenant: TenantId, kept: &Kept) -> Result<(), Failure> {
        let ask = Ask::Team { team: kept.link.team, region: Some(kept.link.region.clone()) };
        let look = Message { v: Default::default(), tenant, at: self.clock.now(), cause: Cause::Administrator, ask };
        Ok(self.queue.send(&look, Duration::ZERO).await?)
    }
}

fn row(who: Who, on_link: &OnLink, called: &Called) -> Row {
    let (name, user_name) = called.who(who);
    let known = on_link.memory.agreed;
    let standings = match who {
        Who::Person(_) => known,
        Who::Webex(_) => Sides { team: known.team.max(Standing::Member), group: Standing::Absent },
        Who::Entra(_) => Sides { team: Standing::Absent, group: known.group.max(Standing::Member) },
    };
    let because = on_link.because.as_ref().map(|because| Reason {
        words: because.words.clone(),
        event: format!("{}, {}", caused_by(because.event), date(because.at)),
        entry: because.entry,
    });
    let owed = [&on_link.memory.owed.presence, &on_link.memory.owed.role].into_iter().flatten().next();
    let refused = owed.map(|owed| match &owed.by {
        OwedTo::Rule { refusal: Refusal::LastOwner } => {
            format!("The {} keeps its last {}; it is done when there is another.", owed.side, role(owed.side))
        }
        OwedTo::Rule { refusal: Refusal::OwnerLimit } => {
            format!("A group has at most {OWNER_LIMIT} owners; it is done when there is room.")
        }
        OwedTo::Service { said } => format!("The {} refused it: {said}. It is tried again every day.", owed.side),
    });
    Row { name, user_name, standings, left_out: on_link.left_out, because, refused, offers: vec![] }
}

fn role(side: Side) -> &'static str {
    match side {
        Side::Team => "moderator",
        Side::Group => "owner",
    }
}

/// Both ways to make somebody equal, in words that say what happens.
fn offers(who: Who, people: &BTreeMap<Who, OnLink>) -> Vec<Offer> {
    let Who::Person(person) = who else { return vec![] };
    let offer = |as_in: Side| {
        let proposal = Proposal::make_equal(person, as_in, people);
        let &(is, to) = proposal.people.get(&person)?;
        let words = match (as_in.other(), is[as_in.other()], to) {
            (Side::Team, _, Standing::Absent) => "Remove from the team",
            (Side::Group, _, Standing::Absent) => "Remove from the group",
            (Side::Team, Standing::Absent, Standing::Member) => "Add to the team",
            (Side::Group, Standing::Absent, Standing::Member) => "Add to the group",
            (Side::Team, Standing::Absent, Standing::Owner) => "Add to the team as moderator",
            (Side::Group, Standing::Absent, Standing::Owner) => "Add to the group as owner",
            (Side::Team, _, Standing::Owner) => "Make moderator of the team",
            (Side::Group, _, Standing::Owner) => "Make owner of the group",
            (Side::Team, _, Standing::Member) => "Make member of the team",
            (Side::Group, _, Standing::Member) => "Make member of the group",
        };
        Some(Offer { person: format!("{}/{}", person.object, person.person), as_in, hash: proposal.hash(), words })
    };
    Side::BOTH.into_iter().filter_map(offer).collect()
}

fn would(preview: &Preview, called: &Called) -> Would {
    let group = match &preview.group {
        GroupOutlook::Exists => None,
        GroupOutlook::Created { name, consent: Consent::NotNeeded, .. } => {
            Some(format!("The group “{name}” is created"))
        }
        GroupOutlook::Created { name, consent: Consent::Creator, .. } => {
            Some(format!("If the creator agrees, the group “{name}” is created"))
        }
        GroupOutlook::Blocked { reason, .. } => Some(reason.clone()),
    };
    let joins =
        (preview.officer == OfficerOutlook::Joins).then(|| "The account joins the team as a moderator".to_owned());
    let rename = preview.rename.as_ref().map(|Rename { side, from, to }| format!("The {side} “{from}” becomes “{to}”"));
    let moves = preview.moves.iter().take(CHANGES_SHOWN).map(|one| {
        let Move { person, side, from, to, held } = *one;
        let done = line(&PersonChange { person, side, from, to, refused: None }, &called.who(Who::Person(person)).0);
        if held.is_some() { format!("{done}; this would wait for you") } else { done }
    });
    Would {
        at: date(preview.at),
        lines: group.into_iter().chain(joins).chain(rename).chain(moves).collect(),
        further: preview.moves.len().saturating_sub(CHANGES_SHOWN),
    }
}
