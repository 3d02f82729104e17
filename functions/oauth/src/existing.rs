//! Teams that were there before: the search for them, and choosing those that get a group.

use askama::Template;
use domain::ids::TeamId;
use engine::adopt;
use engine::backfill::Wish;
use engine::backfill::candidate::{self, TeamState, WithLink};
use engine::backfill::run::{self, Chooser, Run, Source};
use engine::backfill::search::{self, Order, Search, Stage};
use engine::people;
use engine::tenant::settings::{self, Settings};
use store::table::Cursor;
use url::form_urlencoded::Serializer;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// Teams on a page.
const SHOWN: usize = 50;

/// Pages of a source that are chosen while somebody waits; rounds choose the others.
const PAGES: usize = 3;

/// Seconds until a page that shows how far something is comes back by itself.
pub(crate) const AGAIN: u32 = 10;

#[derive(Template)]
#[template(path = "existing.html")]
struct ExistingPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    is_on: bool,
    search: Option<SearchShown>,
    run: Run,
    title: &'a str,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A search as the page shows it.
struct SearchShown {
    stage: Stage,
    people: usize,
    /// Of how many, as last counted.
    of: usize,
    teams: usize,
    hidden: usize,
    began: String,
    ended: Option<String>,
}

impl SearchShown {
    fn is_going(&self) -> bool {
        self.stage == Stage::Going
    }

    fn is_paused(&self) -> bool {
        self.stage == Stage::Paused
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Stopped | Stage::Done)
    }

    fn words(&self) -> String {
        let (began, ended) = (&self.began, self.ended.as_deref().unwrap_or_default());
        match self.stage {
            Stage::Going => format!("Searching since {began}."),
            Stage::Paused => format!("The search that began {began} is paused."),
            Stage::Stopped => format!("The search that began {began} was stopped {ended}."),
            Stage::Sweeping { .. } => "Everybody was asked; the list is being brought in order.".into(),
            Stage::Done => format!("Searched from {began} to {ended}."),
        }
    }
}

/// A team that was found.
struct Row {
    team: TeamId,
    title: String,
    created: Option<String>,
    people: usize,
    owners: usize,
    left_out: usize,
    hindrance: Option<&'static str>,
    has_link: bool,
    /// Whether a group that was there before can be connected to it.
    is_connectable: bool,
}

/// Reads an order from the button that was pressed.
pub(crate) fn order(action: &str) -> Option<Order> {
    match action {
        "pause" => Some(Order::Pause),
        "go-on" => Some(Order::GoOn),
        "stop" => Some(Order::Stop),
        _ => None,
    }
}

fn address(title: &str, from: Option<&Cursor>) -> String {
    let mut query = Serializer::new(String::new());
    if !title.is_empty() {
        query.append_pair("title", title);
    }
    if let Some(from) = from {
        query.append_pair("from", &from.0);
    }
    format!("{}?{}", Place::Existing.path(), query.finish())
}

impl Oauth {
    pub(crate) fn chooser<'a>(
        &'a self,
        administrator: &Administrator,
        settings: &'a Settings,
    ) -> Result<Chooser<'a>, Failure> {
        let organization = administrator.connected()?;
        let (store, now) = (self.store.as_ref(), self.clock.now());
        Ok(Chooser { store, tenant: organization.tenant, org: organization.org, settings, now })
    }

    pub(crate) async fn existing(&self, incoming: &Incoming, administrator: &Administrator) -> Result<Answer, Failure> {
        let organization = administrator.connected()?;
        let (store, tenant) = (self.store.as_ref(), organization.tenant);
        let (settings, _) = settings::load(store, tenant).await?;
        let title = incoming.query("title").unwrap_or_default().trim();
        let from = incoming.query("from").map(|from| Cursor(from.to_owned()));
        let found = candidate::page(store, tenant, title, SHOWN, from.as_ref()).await;
        let (found, next) = found.map_err(|error| Failure::of_list(error, incoming.query("from")))?;
        let census = people::census(store, tenant).await?;
        let chooser = self.chooser(administrator, &settings)?;
        let search = search::load(store, tenant).await?;
        let goes_on =
            search.as_ref().is_some_and(|search| matches!(search.stage, Stage::Going | Stage::Sweeping { .. }));
        let page = ExistingPage {
            shell: self.shell(administrator, Place::Existing),
            csrf: &administrator.session.csrf,
            is_on: settings.switched_on_at.is_some(),
            search: search.map(|search| shown(search, census.map_or(0, |of| of.census.ready))),
            run: run::load(store, tenant).await?,
            title,
            rows: found.iter().map(|one| row(&chooser, one)).collect(),
            next: next.map(|next| address(title, Some(&next))),
        };
        // Whoever is ticking teams is not disturbed.
        let comes_back = goes_on && page.is_on && page.rows.is_empty();
        let answer = Answer::page(200, page.render()?);
        Ok(if comes_back { answer.refresh(AGAIN, None) } else { answer })
    }

    /// What an administrator wants of the search, and whom he chooses of what it found.
    pub(crate) async fn decide_about_search(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let (store, tenant, now) = (self.store.as_ref(), administrator.connected()?.tenant, self.clock.now());
        let (settings, _) = settings::load(store, tenant).await?;
        let chooser = self.chooser(administrator, &settings)?;
        let action = incoming.field("action").ok_or(Failure::NotAForm)?;
        let title = incoming.field("title").unwrap_or_default().trim().to_lowercase();
        let (wish, place) = match action {
            "find" => (search::begin(store, tenant, now).await?, Place::Existing),
            "choose" => {
                let teams = incoming.fields("team").map(str::parse).collect::<Result<Vec<TeamId>, _>>();
                let teams = teams.map_err(|_| Failure::NotAForm)?;
                (chooser.choose(teams).await?, Place::Selection)
            }
            "choose-all" => (self.choose_all(&chooser, Source::Found { title }).await?, Place::Selection),
            other => {
                let order = order(other).ok_or(Failure::NotAForm)?;
                (search::order(store, tenant, order, now).await?, Place::Existing)
            }
        };
        tracing::info!(%tenant, person = %administrator.session.person, action, ?wish, "search for existing teams");
        match wish {
            Wish::Granted => Ok(Answer::see(place.path())),
            Wish::Moved => Err(Failure::Changed(place)),
        }
    }

    /// Begins to choose all that a source has: a few teams at once, the others by the rounds.
    pub(crate) async fn choose_all(&self, chooser: &Chooser<'_>, source: Source) -> Result<Wish, Failure> {
        let wish = chooser.choose_all(source).await?;
        if wish == Wish::Granted {
            let mut run = run::load(chooser.store, chooser.tenant).await?;
            for _ in 0..PAGES {
                run = chooser.gather(run).await?;
            }
        }
        Ok(wish)
    }
}

fn shown(search: Search, of: usize) -> SearchShown {
    SearchShown {
        people: search.people,
        of: of.max(search.people),
        teams: search.teams,
        hidden: search.hidden,
        began: date(search.began),
        ended: search.ended.map(date),
        stage: search.stage,
    }
}

fn row(chooser: &Chooser<'_>, one: &WithLink) -> Row {
    let (found, link) = one;
    Row {
        team: found.team,
        title: if found.title.is_empty() { found.team.to_string() } else { found.title.clone() },
        created: found.created.map(date),
        people: found.outlook.people,
        owners: found.outlook.owners,
        left_out: found.outlook.stay_behind() + found.outlook.unresolved,
        hindrance: chooser.hindrance(one).map(candidate::Hindrance::words),
        has_link: link.is_some(),
        is_connectable: found.owner == Some(chooser.org)
            && found.state == TeamState::Living
            && link.as_ref().is_none_or(|kept| adopt::Hindrance::of_link(&kept.link).is_none()),
    }
}
