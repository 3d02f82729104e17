//! The overview: where things stand, and what comes next. For whoever is not signed in, the way in.

use askama::Template;
use domain::ids::{PersonId, TeamId};
use engine::link::{self, State};
use engine::notify::{self, Notice};
use engine::offboard::{self, Leaving, Stage};
use engine::people::PersonIndex;
use engine::reconcile;
use engine::tenant::organization::Organization;
use engine::tenant::settings::Running;
use engine::tenant::suspension::Standstill;
use jiff::Timestamp;

use crate::Oauth;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::files::FoldersState;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;

/// How many teams whose creators were asked are named.
const ASKED_SHOWN: usize = 20;

/// How many notices are shown.
const NOTICES_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    shell: Shell<'a>,
    to: &'static str,
    has_ended: bool,
    signed_out: bool,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    organization: &'a Organization,
    on_since: Option<String>,
    is_preview: bool,
    is_complete: bool,
    asked: Vec<Asked>,
    leaving: Option<Leaving>,
    standstill: Option<Standstill>,
    notices: Vec<Notice>,
    further_notices: usize,
    /// When it last looked for what changed.
    looked: Option<String>,
    folders: FoldersState,
}

/// A team whose creator was asked.
struct Asked {
    team: TeamId,
    title: String,
    whom: String,
    at: String,
}

impl Oauth {
    pub(crate) async fn home(&self, incoming: &Incoming) -> Result<Answer, Failure> {
        let Some(administrator) = self.signed_in(incoming).await? else {
            let to = incoming.query("to").map(Place::named);
            let page = WelcomePage {
                shell: self.bare_shell(),
                to: to.unwrap_or_default().name(),
                has_ended: to.is_some_and(|to| to != Place::Home),
                signed_out: incoming.query("signed-out").is_some(),
            };
            return Ok(Answer::page(200, page.render()?));
        };
        let organization = &administrator.organization;
        let is_complete = organization.directory.is_some();
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let leaving = match organization.left {
            Some(left) => offboard::load(store, left).await?,
            None => None,
        };
        let at_hand = self.at_hand(&administrator).await?;
        let folders = self.folders_state(at_hand.as_ref()).await?;
        let (mut asked, mut notices, mut looked) = (vec![], vec![], None);
        if is_complete {
            asked = self.asked(organization).await?;
            notices = notify::besides_standstill(store, tenant).await?;
            looked = reconcile::last_report(store, tenant).await?.map(|report| date(report.began));
        }
        let (settings, standstill) = at_hand.map(|at_hand| (at_hand.settings, at_hand.standstill)).unwrap_or_default();
        notices.sort_by_key(|notice| std::cmp::Reverse(notice.since));
        let further_notices = notices.len().saturating_sub(NOTICES_SHOWN);
        notices.truncate(NOTICES_SHOWN);
        let page = HomePage {
            shell: self.shell(&administrator, Place::Home),
            csrf: &administrator.session.csrf,
            organization,
            on_since: settings.switched_on_at.map(date),
            is_preview: settings.running == Running::Preview,
            is_complete,
            asked,
            leaving: leaving.filter(|leaving| leaving.stage != Stage::Done && !is_complete),
            standstill,
            notices,
            further_notices,
            looked,
            folders,
        };
        Ok(Answer::page(200, page.render()?))
    }

    /// The first of the teams whose creators were asked and have not answered.
    async fn asked(&self, organization: &Organization) -> Result<Vec<Asked>, Failure> {
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let (links, _) = link::page(store, tenant, (State::Asked, ""), ASKED_SHOWN, None).await?;
        let asked = links.into_iter().map(|kept| kept.link);
        let asked: Vec<_> = asked.filter_map(|link| Some((link.team, link.title, link.asked?))).collect();
        let people = asked.iter().map(|(.., asked)| asked.person);
        let known = PersonIndex::new(store, tenant).people(people).await?;
        let name = |person: PersonId| known.get(&person).map_or_else(|| person.to_string(), |known| known.name.clone());
        let shown = |(team, title, asked): (TeamId, String, link::Asked)| Asked {
            team,
            title,
            whom: name(asked.person),
            at: date(asked.at),
        };
        Ok(asked.into_iter().map(shown).collect())
    }
}

/// A moment as the pages show it.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
