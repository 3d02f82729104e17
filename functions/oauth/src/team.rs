//! One team: who is on both sides and who is not, and why; what waits, what was done, and the buttons for it.

use std::time::Duration;

use askama::Template;
use shared::activity::{self, PersonChange};
use shared::held::{self, Decision};
use shared::ids::TeamId;
use shared::link::{self, Kept, OnLink, Unlinked, Who};
use shared::message::{Ask, Cause, Message};
use shared::preview::{self, Consent, GroupOutlook, Move, OfficerOutlook, Preview, Rename};
use shared::roster::{LeftOut, Side, Sides, Standing};
use shared::settings::{self, Running};
use shared::store::{Cursor, StoreError, from_item};

use crate::answer::Answer;
use crate::called::Called;
use crate::done::{CHANGES_SHOWN, Entry, entry, line};
use crate::failure::Failure;
use crate::held::HeldTable;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

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
    people: Vec<Row>,
    /// Which of how many people these are.
    shown: (usize, usize, usize),
    further_people: Option<String>,
    done: Vec<Entry>,
    further_done: Option<String>,
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
    cause: Option<String>,
}

impl Row {
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

impl Oauth {
    pub(crate) async fn team(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
    ) -> Result<Answer, Failure> {
        let message = match incoming.query("did") {
            Some("asked") => Some("The team is being looked at. Reload the page in some seconds."),
            Some("unlinked") => Some("The link is over. Team and group stay as they are."),
            _ => None,
        };
        self.team_page(incoming, administrator, team, (200, message)).await
    }

    async fn team_page(
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
        let (people, plan, preview, done) = futures::try_join!(
            link::people(store, tenant, team),
            held::load(store, tenant, team),
            self.foreseen(administrator, team),
            activity::page(store, tenant, team, DONE_SHOWN, done_from.as_ref()),
        )
        .map_err(|error| Failure::of_list(error, incoming.query("done")))?;
        let (done, further_done) = done;
        let moved = preview.iter().flat_map(|preview| &preview.moves).map(|one| one.person);
        let pairs = moved.chain(plan.iter().flat_map(|plan| plan.removals.iter().map(|held| held.person)));
        let pairs = pairs.chain(done.iter().flat_map(|done| done.changes.iter().map(|change| change.person)));
        let everybody = people.keys().copied().chain(pairs.map(Who::Person)).collect();
        let called = self.called(administrator, &everybody).await?;
        let mut rows: Vec<Row> = people.iter().map(|(who, on_link)| row(*who, on_link, &called)).collect();
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
            would: preview.map(|preview| would(&preview, &called)),
            shown: (from.min(all) + 1, to, all),
            further_people: (to < all).then(|| format!("{path}?people={to}")),
            people: rows,
            done: done.iter().map(|activity| entry(activity, None, &called)).collect(),
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
            Some("unlink") => return self.unlink(incoming, administrator, team).await,
            _ => return Err(Failure::NotAForm),
        };
        if let Some(decision) = decision {
            let hash = incoming.field("hash").unwrap_or_default();
            match held::decide(store, tenant, team, hash, decision).await {
                Err(StoreError::ConditionFailed) => {
                    let moved = "Things are not as they were when the page was shown, so nothing was decided. This is how they are now.";
                    return self.team_page(incoming, administrator, team, (409, Some(moved))).await;
                }
                decided => decided?,
            }
            tracing::info!(%tenant, %team, %person, ?decision, "a held plan was decided");
        }
        let ask = Ask::Team { team, region: Some(kept.link.region) };
        let look = Message { v: Default::default(), tenant, at: self.clock.now(), cause: Cause::Administrator, ask };
        self.queue.send(&look, Duration::ZERO).await?;
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
    async fn kept(&self, administrator: &Administrator, team: TeamId) -> Result<Kept, Failure> {
        let organization = administrator.connected()?;
        let item = self.store.get(&link::key(organization.tenant, team)).await?;
        Ok(from_item(item.ok_or(Failure::NoSuchTeam)?)?)
    }

    /// What the last look in preview mode would have done, while that is on.
    async fn foreseen(&self, administrator: &Administrator, team: TeamId) -> Result<Option<Preview>, StoreError> {
        let (store, tenant) = (self.store.as_ref(), administrator.organization.tenant);
        match settings::load(store, tenant).await?.0.running {
            Running::Preview => preview::load(store, tenant, team).await,
            Running::Live => Ok(None),
        }
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
    Row { name, user_name, standings, left_out: on_link.left_out, cause: on_link.cause.clone() }
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
