//! The teams that were chosen: what would be created, how far it is, and what failed.

use std::collections::BTreeSet;

use askama::Template;
use clients::webex::WebexId;
use domain::ids::TeamId;
use engine::backfill::Wish;
use engine::backfill::candidate::Outlook;
use engine::backfill::run::{self, Chooser, Chosen, Run, Source, Stage, State};
use engine::link;
use engine::tenant::Tenant;
use engine::tenant::settings::{self, Running};
use store::keys;
use store::table::{Cursor, Key, from_item};

use crate::answer::Answer;
use crate::existing::{AGAIN, order};
use crate::failure::Failure;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// Teams on a page.
const SHOWN: usize = 50;

/// So many teams are read anew before anything begins; of more, each is when its turn comes.
const READ_ANEW: usize = 20;

#[derive(Template)]
#[template(path = "selection.html")]
struct SelectionPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    message: Option<&'static str>,
    is_on: bool,
    is_preview: bool,
    run: Run,
    hash: String,
    began: Option<String>,
    rows: Vec<Row>,
    next: Option<String>,
}

impl SelectionPage<'_> {
    /// Whether it is still being chosen, or was confirmed.
    fn is_choice(&self) -> bool {
        matches!(self.run.stage, Stage::Choosing | Stage::Gathering { .. })
    }

    fn is_gathering(&self) -> bool {
        matches!(self.run.stage, Stage::Gathering { .. })
    }

    fn is_going(&self) -> bool {
        self.run.stage == Stage::Going
    }

    fn is_paused(&self) -> bool {
        self.run.stage == Stage::Paused
    }

    fn heading(&self) -> &'static str {
        match self.run.stage {
            Stage::Going => "Groups are being created",
            Stage::Paused => "Paused",
            Stage::Stopped => "Stopped",
            Stage::Choosing | Stage::Gathering { .. } | Stage::Done => "Done",
        }
    }

    fn ended(&self) -> usize {
        self.run.counts.done + self.run.counts.failed
    }
}

/// A chosen team.
struct Row {
    team: TeamId,
    title: String,
    people: usize,
    owners: usize,
    left_out: Vec<String>,
    read: String,
    why: String,
    has_link: bool,
}

impl Row {
    fn of(chosen: Chosen, links: &BTreeSet<TeamId>) -> Self {
        let Outlook { people, owners, left_out, unresolved } = chosen.outlook;
        let counted =
            |(reason, count): (domain::membership::LeftOut, usize)| format!("{count}: {}", reason.explanation());
        let unknown = (unresolved > 0).then(|| format!("{unresolved}: Not looked up yet."));
        Self {
            has_link: links.contains(&chosen.team),
            team: chosen.team,
            title: if chosen.title.is_empty() { chosen.team.to_string() } else { chosen.title },
            people,
            owners,
            left_out: left_out.into_iter().map(counted).chain(unknown).collect(),
            read: date(chosen.read_at),
            why: chosen.why.unwrap_or_default(),
        }
    }
}

impl Oauth {
    pub(crate) async fn selection(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        self.selection_page(incoming, administrator, (200, None)).await
    }

    async fn selection_page(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        (status, message): (u16, Option<&'static str>),
    ) -> Result<Answer, Failure> {
        let (store, tenant) = (self.store.as_ref(), administrator.connected()?.tenant);
        let (settings, _) = settings::load(store, tenant).await?;
        let run = run::load(store, tenant).await?;
        let listed = match run.stage {
            Stage::Choosing | Stage::Gathering { .. } => State::Waiting,
            _ => State::Failed,
        };
        let from = incoming.query("from").map(|from| Cursor(from.to_owned()));
        let page = run::page(store, tenant, (&run, listed), SHOWN, from.as_ref()).await;
        let (mut chosen, next) = page.map_err(|error| Failure::of_list(error, incoming.query("from")))?;
        chosen.sort_by_cached_key(|one| one.title.to_lowercase());
        let keys: Vec<Key> = chosen.iter().map(|one| link::key(tenant, one.team)).collect();
        let links = store.get_many(&keys).await?;
        let links = links.iter().filter_map(|item| Key::of(item)?.sk.parse().ok()).collect();
        let is_moving = matches!(run.stage, Stage::Gathering { .. } | Stage::Going) || run.counts.started > 0;
        let page = SelectionPage {
            shell: self.shell(administrator, Place::Selection),
            csrf: &administrator.session.csrf,
            message,
            is_on: settings.switched_on_at.is_some(),
            is_preview: settings.running == Running::Preview,
            hash: run.hash(),
            began: run.began.map(date),
            run,
            rows: chosen.into_iter().map(|one| Row::of(one, &links)).collect(),
            next: next.map(|next| format!("{}?from={}", Place::Selection.path(), next.0)),
        };
        let answer = Answer::page(status, page.render()?);
        Ok(if is_moving && status == 200 { answer.refresh(AGAIN, None) } else { answer })
    }

    /// What an administrator wants of the teams that were chosen.
    pub(crate) async fn decide_about_selection(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let (store, tenant) = (self.store.as_ref(), administrator.connected()?.tenant);
        let (settings, _) = settings::load(store, tenant).await?;
        let chooser = self.chooser(administrator, &settings)?;
        let action = incoming.field("action").ok_or(Failure::NotAForm)?;
        let wish = match action {
            "create" if settings.switched_on_at.is_none() => Wish::Moved,
            "create" => {
                self.read_anew(administrator, &chooser).await?;
                chooser.confirm(incoming.field("hash").unwrap_or_default()).await?
            }
            "leave-out" => {
                let team = incoming.field("team").and_then(|team| team.parse().ok()).ok_or(Failure::NotAForm)?;
                chooser.leave_out(Some(team)).await?
            }
            "choose-none" => chooser.leave_out(None).await?,
            "again" => {
                let number = run::load(store, tenant).await?.number;
                self.choose_all(&chooser, Source::Failed { number }).await?
            }
            other => chooser.order(order(other).ok_or(Failure::NotAForm)?).await?,
        };
        tracing::info!(%tenant, person = %administrator.session.person, action, ?wish, "groups for existing teams");
        match (wish, action) {
            (Wish::Granted, _) => Ok(Answer::see(Place::Selection.path())),
            (Wish::Moved, "create") => {
                let moved = "Things are not as they were when the page was shown, so nothing was begun. This is how they are now.";
                self.selection_page(incoming, administrator, (409, Some(moved))).await
            }
            (Wish::Moved, _) => Err(Failure::Changed(Place::Selection)),
        }
    }

    /// Reads who is in the chosen teams, where these are few: what changed since is shown before anything begins.
    async fn read_anew(&self, administrator: &Administrator, chooser: &Chooser<'_>) -> Result<(), Failure> {
        let Chooser { store, tenant, .. } = *chooser;
        let mut run = run::load(store, tenant).await?;
        if run.stage != Stage::Choosing || run.counts.waiting > READ_ANEW {
            return Ok(());
        }
        let Some(item) = store.get(&keys::tenant(tenant)).await? else { return Err(Failure::NotConnected) };
        let of: Tenant = from_item(item)?;
        let access = self.tokens.webex(tenant, of.officer, self.deadline()).await?;
        let (chosen, _) = run::page(store, tenant, (&run, State::Waiting), READ_ANEW, None).await?;
        for one in chosen {
            let space = WebexId::new(one.region.clone(), one.team.general_space());
            let people = self.webex.memberships(&access, &space).await?;
            let outlook = Outlook::of(store, &of, people.get()).await?;
            if outlook != one.outlook && chooser.correct(&mut run, &one, outlook).await? == Wish::Moved {
                break;
            }
        }
        tracing::debug!(%tenant, person = %administrator.session.person, "chosen teams were read anew");
        Ok(())
    }
}
