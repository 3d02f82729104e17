//! Removals that wait for an administrator, of one team or of all.

use askama::Template;
use domain::ids::TeamId;
use domain::membership::Side;
use domain::merge::HeldFor;
use engine::link::{self, Link, State, Who};
use engine::safety::pending_approval::{self, Decision, HeldPlan};
use futures::stream::{self, StreamExt, TryStreamExt};
use store::table::{Cursor, StoreError};

use crate::answer::Answer;
use crate::called::Called;
use crate::failure::Failure;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// Plans on a page.
const SHOWN: usize = 10;

/// Plans that are read side by side.
const AT_ONCE: usize = 10;

/// A plan that waits.
pub(crate) struct HeldTable {
    pub(crate) team: TeamId,
    pub(crate) title: String,
    pub(crate) why: &'static str,
    pub(crate) since: String,
    pub(crate) hash: String,
    pub(crate) removals: Vec<(String, &'static str)>,
    pub(crate) is_decided: bool,
}

impl HeldTable {
    /// A plan with the names of whom it is about.
    pub(crate) fn of(plan: &HeldPlan, link: &Link, called: &Called) -> Self {
        let from = |side| match side {
            Side::Team => "from the team",
            Side::Group => "from the group",
        };
        let removal = |held: &domain::merge::Held| (called.who(Who::Person(held.person)).0, from(held.side));
        let mut removals: Vec<_> = plan.removals.iter().map(removal).collect();
        removals.sort();
        Self {
            team: link.team,
            title: if link.title.is_empty() { link.team.to_string() } else { link.title.clone() },
            why: held_for(plan.why),
            since: date(plan.at),
            hash: plan.hash(),
            removals,
            is_decided: plan.decision != Decision::Open,
        }
    }
}

#[derive(Template)]
#[template(path = "all-held.html")]
struct HeldPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    plans: Vec<HeldTable>,
    next: Option<String>,
}

impl Oauth {
    /// All plans that wait, page by page. Each is decided by the handler of its team's page, by its hash.
    pub(crate) async fn all_held(&self, incoming: &Incoming, administrator: &Administrator) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let from = incoming.query("from").map(|from| Cursor(from.to_owned()));
        let links = link::page(store, tenant, (State::Held, ""), SHOWN, from.as_ref()).await;
        let (links, next) = links.map_err(|error| Failure::of_list(error, incoming.query("from")))?;
        let load = |kept: link::Kept| async move {
            let plan = pending_approval::load(store, tenant, kept.link.team).await?;
            Ok::<_, StoreError>(plan.map(|plan| (kept.link, plan)))
        };
        let plans: Vec<_> = stream::iter(links).map(load).buffered(AT_ONCE).try_collect().await?;
        // Decided and carried out since the list was read.
        let plans: Vec<_> = plans.into_iter().flatten().collect();
        let people = plans.iter().flat_map(|(_, plan)| &plan.removals).map(|held| Who::Person(held.person));
        let called = self.called(administrator, &people.collect()).await?;
        let page = HeldPage {
            shell: self.shell(administrator, Place::Held),
            csrf: &administrator.session.csrf,
            plans: plans.iter().map(|(link, plan)| HeldTable::of(plan, link, &called)).collect(),
            next: next.map(|next| format!("{}?from={}", Place::Held.path(), next.0)),
        };
        Ok(Answer::page(200, page.render()?))
    }
}

fn held_for(why: HeldFor) -> &'static str {
    match why {
        HeldFor::LinkLimit => "More people of this team would be removed within 24 hours than the settings allow.",
        HeldFor::Everybody => "Everybody on one side would be removed.",
        HeldFor::TenantLimit => "More people of all teams would be removed within 24 hours than the settings allow.",
        HeldFor::AlreadyHolding => "An earlier plan waits; until it is decided, nobody is removed here.",
        HeldFor::OfficerLimited => "The account in Webex lost a role: what it reads proves nobody's absence.",
        HeldFor::NotShown => "The preview before this went live did not show all of these removals.",
    }
}
