//! Groups for the teams that an administrator chose: some links are made in each round, and what became of those before is read from them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::allowance::{Allowance, Leave};
use super::{Round, SyncError};
use crate::backfill::Wish;
use crate::backfill::candidate::{Hindrance, Outlook};
use crate::backfill::run::{self, Chooser, Chosen, Run, Stage, State};
use crate::link::{self, Ended, Kept, Link, Phase, Trouble, TroubleKind};
use crate::quota::{Bucket, Priority, Quota};
use crate::tenant::settings::Running;
use clients::http::Class;
use clients::webex::WebexId;
use domain::ids::TeamId;
use store::message::{Ask, Cause, Message};
use store::table::{Key, from_item};

/// Pages of what an administrator chose all of, in one round.
const PAGES: usize = 200;

/// Teams that are begun in one round.
const BEGUN_PER_ROUND: usize = 10;

/// Teams that are begun and not at their end, at most.
const OPEN: usize = 30;

/// Looks whose calls failed before a team counts as failed. Its link goes on trying.
const TRIES: u32 = 3;

/// Between two looks that are asked for.
const BETWEEN: Duration = Duration::from_secs(3);

/// What became of beginning a team.
enum Begun {
    /// This look follows.
    With(Message),
    /// Nothing follows.
    WithNothing,
    /// This round begins no more.
    NoMore,
}

/// What became of a team.
enum Outcome {
    /// Nothing yet.
    Open,
    /// It is in step with its group.
    Done,
    /// Something else, in words.
    Failed(String),
}

impl Round<'_> {
    /// Goes on with the run, if one is under way.
    pub(super) async fn run(&mut self) -> Result<(), SyncError> {
        let tenant = self.tenant();
        let mut run = run::load(self.store(), tenant).await?;
        for _ in 0..PAGES {
            if !matches!(run.stage, Stage::Gathering { .. }) || !self.has_time() {
                break;
            }
            run = self.chooser().gather(run).await?;
        }
        if !matches!(run.stage, Stage::Going | Stage::Paused | Stage::Stopped) {
            return Ok(());
        }
        if run.counts.started > 0 && self.settle(&mut run).await? == Wish::Moved {
            return Ok(());
        }
        if run.stage != Stage::Going || self.at_hand.settings.running == Running::Preview {
            return Ok(());
        }
        self.begin(&mut run).await
    }

    fn chooser(&self) -> Chooser<'_> {
        let (tenant, settings) = (&self.at_hand.tenant, &self.at_hand.settings);
        Chooser { store: self.store(), tenant: tenant.tenant, org: tenant.org, settings, now: self.now() }
    }

    /// Reads from the links what became of the teams that were begun.
    async fn settle(&mut self, run: &mut Run) -> Result<Wish, SyncError> {
        let (open, _) = run::page(self.store(), self.tenant(), (run, State::Started), OPEN, None).await?;
        let links = self.links(&open).await?;
        for chosen in open {
            let outcome = links
                .get(&chosen.team)
                .map_or(Outcome::Failed("Its link is gone.".into()), |kept| outcome(&chosen, kept));
            let wish = match outcome {
                Outcome::Open => Wish::Granted,
                Outcome::Done => self.turn(run, &chosen, (State::Started, State::Done)).await?,
                Outcome::Failed(why) => {
                    let chosen = Chosen { why: Some(why), ..chosen };
                    self.turn(run, &chosen, (State::Started, State::Failed)).await?
                }
            };
            if wish == Wish::Moved {
                return Ok(wish);
            }
        }
        Ok(Wish::Granted)
    }

    async fn links(&self, chosen: &[Chosen]) -> Result<BTreeMap<TeamId, Kept>, SyncError> {
        let keys: Vec<Key> = chosen.iter().map(|one| link::key(self.tenant(), one.team)).collect();
        let mut links = BTreeMap::new();
        for item in self.store().get_many(&keys).await? {
            let kept: Kept = from_item(item)?;
            links.insert(kept.link.team, kept);
        }
        Ok(links)
    }

    /// Begins as many teams as the services' quotas, and those that are open, leave room for.
    async fn begin(&mut self, run: &mut Run) -> Result<(), SyncError> {
        let (tenant, now) = (self.tenant(), self.now());
        let quotas = [
            (Quota::GraphWrites(tenant), self.at_hand.graph_writes),
            (Quota::AllGraphWrites, self.at_hand.all_graph_writes),
        ];
        let is_full = |(quota, bucket): (_, Option<Bucket>)| bucket?.full_until(quota, Priority::Repair, now);
        if quotas.into_iter().find_map(is_full).is_some() {
            return Ok(());
        }
        let room = OPEN.saturating_sub(run.counts.started).min(BEGUN_PER_ROUND);
        if room == 0 {
            return Ok(());
        }
        let (waiting, _) = run::page(self.store(), tenant, (run, State::Waiting), room, None).await?;
        if waiting.is_empty() && run.counts.started == 0 {
            run.end(self.store(), tenant).await?;
            return Ok(());
        }
        let links = self.links(&waiting).await?;
        let mut allowance = self.allowance();
        let mut begun = vec![];
        for chosen in waiting {
            let link = links.get(&chosen.team);
            match self.begin_one(run, chosen, link, &mut allowance).await? {
                Begun::With(look) => begun.push(look),
                Begun::WithNothing => {}
                Begun::NoMore => break,
            }
        }
        // A look whose message is lost is due all the same.
        self.rounds.sync.queue.send_spaced(&begun, BETWEEN).await?;
        Ok(())
    }

    /// Begins one team.
    async fn begin_one(
        &mut self,
        run: &mut Run,
        chosen: Chosen,
        before: Option<&Kept>,
        allowance: &mut Allowance,
    ) -> Result<Begun, SyncError> {
        let failed = |chosen: Chosen, why: &str| Chosen { why: Some(why.into()), ..chosen };
        let refused = match before.and_then(|before| Some((Hindrance::of_link(before)?, before))) {
            Some((Hindrance::CreatorAsked, _)) => Some(failed(chosen.clone(), Hindrance::CreatorAsked.words())),
            // An earlier run made its link, which is left to itself.
            Some((_, before)) => {
                let trouble = before.link.trouble.as_ref();
                let chosen = Chosen { before: trouble.map(|trouble| (trouble.since, trouble.tries)), ..chosen };
                return match outcome(&chosen, before) {
                    Outcome::Done => self.told(run, &chosen, State::Done).await,
                    Outcome::Open | Outcome::Failed(_) => match self.told(run, &chosen, State::Started).await? {
                        Begun::WithNothing => Ok(Begun::With(self.look_at(&chosen))),
                        other => Ok(other),
                    },
                };
            }
            None => {
                if self.may_call(allowance, 1).await? == Leave::Later {
                    return Ok(Begun::NoMore);
                }
                let outlook = match self.outlook_of(&chosen).await {
                    // Another round tries again; the others do not wait for it.
                    Err(error) if error.class() == Some(Class::Transient) => {
                        tracing::warn!(tenant = %self.tenant(), team = %chosen.team, %error, "a team could not be read");
                        return Ok(Begun::WithNothing);
                    }
                    outlook => outlook?,
                };
                match outlook {
                    None => Some(failed(chosen.clone(), "The team cannot be seen.")),
                    Some(outlook) if outlook != chosen.outlook => {
                        let read_at = self.now();
                        let now = Chosen { outlook, read_at, ..chosen.clone() };
                        Some(failed(now, "Its people are not as they were when it was shown, so it was not begun."))
                    }
                    Some(outlook) => {
                        let hindrance = outlook.hindrance(&self.at_hand.settings);
                        hindrance.map(|hindrance| failed(chosen.clone(), hindrance.words()))
                    }
                }
            }
        };
        if let Some(refused) = refused {
            return self.told(run, &refused, State::Failed).await;
        }
        let phase = Phase::Creating { request: None };
        let mut link = Link::new(chosen.team, chosen.region.clone(), chosen.title.clone(), phase);
        link.officer = before.map(|before| before.link.officer).unwrap_or_default();
        let (tenant, now) = (self.tenant(), self.now());
        let made = link::creation_after(self.store(), tenant, (before, &link), now).await?;
        let turn = (State::Waiting, State::Started);
        Ok(match run.turn((self.store(), tenant, now), &chosen, turn, vec![made]).await? {
            Wish::Granted => Begun::With(self.look_at(&chosen)),
            Wish::Moved => Begun::NoMore,
        })
    }

    async fn told(&self, run: &mut Run, chosen: &Chosen, to: State) -> Result<Begun, SyncError> {
        Ok(match self.turn(run, chosen, (State::Waiting, to)).await? {
            Wish::Granted => Begun::WithNothing,
            Wish::Moved => Begun::NoMore,
        })
    }

    async fn turn(&self, run: &mut Run, chosen: &Chosen, turn: (State, State)) -> Result<Wish, SyncError> {
        Ok(run.turn((self.store(), self.tenant(), self.now()), chosen, turn, vec![]).await?)
    }

    fn look_at(&self, chosen: &Chosen) -> Message {
        let ask = Ask::Team { team: chosen.team, region: Some(chosen.region.clone()) };
        Message { v: Default::default(), tenant: self.tenant(), at: self.now(), cause: Cause::Due, ask }
    }

    /// Who is in the team now; `None` where Webex does not show it.
    async fn outlook_of(&self, chosen: &Chosen) -> Result<Option<Outlook>, SyncError> {
        let space = WebexId::new(chosen.region.clone(), chosen.team.general_space());
        match self.rounds.sync.webex.memberships(&self.webex().await?, &space).await {
            Ok(people) => Ok(Some(Outlook::of(self.store(), &self.at_hand.tenant, people.get()).await?)),
            Err(error) if error.class() == Class::Permanent => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn outcome(chosen: &Chosen, kept: &Kept) -> Outcome {
    let link = &kept.link;
    let is_as_before = |trouble: &Trouble| chosen.before == Some((trouble.since, trouble.tries));
    match (&link.phase, &link.trouble) {
        (Phase::Ended { why }, _) => Outcome::Failed(over(*why).into()),
        (_, Some(trouble)) if is_as_before(trouble) => Outcome::Open,
        (_, Some(trouble)) if trouble.kind == TroubleKind::CallFailed && trouble.tries < TRIES => Outcome::Open,
        (_, Some(trouble)) => Outcome::Failed(trouble.reason.clone()),
        (Phase::Linked { .. }, None) if kept.looked.as_millisecond() > 0 => Outcome::Done,
        _ => Outcome::Open,
    }
}

fn over(why: Ended) -> &'static str {
    match why {
        Ended::TeamDeleted => "The team was deleted.",
        Ended::GroupDeleted => "The group was deleted.",
        Ended::NotWanted => "The link was ended.",
        Ended::NotAnswered => "The creator did not answer.",
    }
}
