//! An admin's choice of teams, and their commands to a run.

use jiff::Timestamp;

use super::{
    BackfillRun, BackfillStage, ChosenState, ChosenTeam, SelectionSource, key, load, team,
};
use crate::backfill::UpdateOutcome;
use crate::backfill::candidate::{
    self, BackfillBlocker, Candidate, CandidateWithLink, Outlook, blocker_of_link, with_links,
};
use crate::codes::{BackfillCommand, Decision};
use crate::decision::Decider;
use crate::tenant::settings::Settings;
use domain::ids::{OrgId, TeamId, TenantId};
use store::table::{
    Change, Condition, Key, Page, Query, Store, StoreError, Write, from_item, to_value,
};
use store::versioned;

/// Teams chosen per transaction.
const BATCH: usize = 40;

/// Context of an admin's choice, with what decides which teams they can choose.
#[derive(Clone, Copy)]
pub struct Chooser<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// The tenant.
    pub tenant: TenantId,
    /// The organization that has to own the teams.
    pub org: OrgId,
    /// The tenant's settings.
    pub settings: &'a Settings,
    /// Now.
    pub now: Timestamp,
}

impl Chooser<'_> {
    /// Returns the reason why a candidate cannot be chosen.
    pub fn blocker(&self, (candidate, link): &CandidateWithLink) -> Option<BackfillBlocker> {
        let of_link = link.as_ref().and_then(blocker_of_link);
        of_link.or_else(|| candidate.blocker(self.org, self.settings))
    }

    /// Adds teams to the choice. Teams that cannot get a group are skipped.
    ///
    /// # Errors
    /// The table's.
    pub async fn choose(&self, teams: Vec<TeamId>) -> Result<UpdateOutcome, StoreError> {
        let mut run = load(self.store, self.tenant).await?.for_choosing();
        if run.stage != BackfillStage::Choosing {
            return Ok(UpdateOutcome::Stale);
        }
        for teams in teams.chunks(BATCH) {
            let able = self.able(teams.iter().copied()).await?;
            let chosen = able.into_iter().map(ChosenTeam::from).collect();
            // A run that has changed may no longer be a choice.
            if self.add(&mut run, chosen).await? == UpdateOutcome::Stale {
                return Ok(UpdateOutcome::Stale);
            }
        }
        Ok(UpdateOutcome::Done)
    }

    /// Adds all teams of a source, which the cycles carry out.
    ///
    /// # Errors
    /// The table's.
    pub async fn choose_all(&self, source: SelectionSource) -> Result<UpdateOutcome, StoreError> {
        let run = load(self.store, self.tenant).await?;
        let mut run = match &source {
            // A run that continues can still change the list of failed teams.
            SelectionSource::Failed { number } if *number != run.number || !run.is_over() => {
                return Ok(UpdateOutcome::Stale);
            }
            _ => run.for_choosing(),
        };
        if run.stage != BackfillStage::Choosing {
            return Ok(UpdateOutcome::Stale);
        }
        run.stage = BackfillStage::Selecting { source, next: None };
        run.write(self.store, self.tenant, vec![]).await
    }

    /// Adds the next page of the source, and returns the run as it is then.
    ///
    /// # Errors
    /// The table's.
    pub async fn continue_selection(
        &self,
        mut run: BackfillRun,
    ) -> Result<BackfillRun, StoreError> {
        let BackfillStage::Selecting { source, next } = run.stage.clone() else {
            return Ok(run);
        };
        let (pk, prefix) = match &source {
            SelectionSource::Candidate { .. } => (candidate::partition(self.tenant), String::new()),
            SelectionSource::Failed { number } => {
                (team::partition(self.tenant), team::prefix(*number, ChosenState::Failed))
            }
        };
        let query = Query::Partition { pk, prefix };
        let mut page = self.store.query(&query, BATCH, next.as_ref()).await?;
        let next = page.next.take();
        let chosen = self.chosen_from(&source, page).await?;
        run.stage = match next {
            None => BackfillStage::Choosing,
            next => BackfillStage::Selecting { source, next },
        };
        match self.add(&mut run, chosen).await? {
            UpdateOutcome::Done => Ok(run),
            // Another request selected this page.
            UpdateOutcome::Stale => load(self.store, self.tenant).await,
        }
    }

    async fn chosen_from(
        &self,
        source: &SelectionSource,
        page: Page,
    ) -> Result<Vec<ChosenTeam>, StoreError> {
        match source {
            SelectionSource::Candidate { title } => {
                let teams = page.items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok());
                let able = self.able(teams.collect::<Vec<TeamId>>()).await?.into_iter();
                // The partition is sorted by id, so the title is compared here.
                let named = able.filter(|one| one.title.to_lowercase().starts_with(title));
                Ok(named.map(ChosenTeam::from).collect())
            }
            SelectionSource::Failed { .. } => page.items.into_iter().map(from_item).collect(),
        }
    }

    /// Returns the candidates among the teams that can get a group.
    async fn able(
        &self,
        teams: impl IntoIterator<Item = TeamId>,
    ) -> Result<Vec<Candidate>, StoreError> {
        let found = with_links(self.store, self.tenant, teams).await?;
        let able = found.into_iter().filter(|one| self.blocker(one).is_none());
        Ok(able.map(|(candidate, _)| candidate).collect())
    }

    async fn add(
        &self,
        run: &mut BackfillRun,
        chosen: Vec<ChosenTeam>,
    ) -> Result<UpdateOutcome, StoreError> {
        let number = run.number;
        let key = |team| team::key(self.tenant, number, ChosenState::Waiting, team);
        let keys: Vec<Key> = chosen.iter().map(|one| key(one.team)).collect();
        let before = self.store.get_many(&keys).await?;
        let before = before.into_iter().map(|item| from_item(item).map(|one: ChosenTeam| one.team));
        let before: Vec<TeamId> = before.collect::<Result<_, _>>()?;
        let mut writes = vec![];
        // A team that is chosen twice would cancel itself out in the digest.
        for one in chosen.into_iter().filter(|one| !before.contains(&one.team)) {
            // A team that failed in an earlier run starts afresh.
            let one = ChosenTeam { why: None, earlier_failure: None, ..one };
            run.add_chosen(&one);
            writes.push(one.put(&key(one.team), self.now)?);
        }
        run.write(self.store, self.tenant, writes).await
    }

    /// Removes one team from the choice, or all of them for `None`.
    ///
    /// # Errors
    /// The table's.
    pub async fn exclude(&self, team: Option<TeamId>) -> Result<UpdateOutcome, StoreError> {
        let mut run = load(self.store, self.tenant).await?;
        if !matches!(run.stage, BackfillStage::Choosing | BackfillStage::Selecting { .. }) {
            return Ok(UpdateOutcome::Stale);
        }
        let Some(team) = team else {
            // Another number excludes all at once, and the teams of the old one expire.
            return run.restarted().write(self.store, self.tenant, vec![]).await;
        };
        let key = team::key(self.tenant, run.number, ChosenState::Waiting, team);
        // Another admin excluded it first.
        let Some(item) = self.store.get(&key).await? else {
            return Ok(UpdateOutcome::Done);
        };
        run.remove_chosen(&from_item(item)?);
        run.write(self.store, self.tenant, vec![Write::Delete(key, Condition::Any)]).await
    }

    /// Replaces the counted people of a chosen team.
    ///
    /// # Errors
    /// The table's.
    pub async fn correct(
        &self,
        run: &mut BackfillRun,
        before: &ChosenTeam,
        outlook: Outlook,
    ) -> Result<UpdateOutcome, StoreError> {
        let after = ChosenTeam { outlook, read_at: self.now, ..before.clone() };
        run.remove_chosen(before);
        run.add_chosen(&after);
        let key = team::key(self.tenant, run.number, ChosenState::Waiting, after.team);
        run.write(self.store, self.tenant, vec![after.put(&key, self.now)?]).await
    }

    /// Confirms the choice by the hash of what was shown. A second click changes nothing.
    ///
    /// # Errors
    /// The table's.
    pub async fn confirm(&self, hash: &str, by: Decider<'_>) -> Result<UpdateOutcome, StoreError> {
        let mut run = load(self.store, self.tenant).await?;
        // The same click came twice.
        if run.confirmed.as_deref() == Some(hash) {
            return Ok(UpdateOutcome::Done);
        }
        let is_choosing = run.stage == BackfillStage::Choosing;
        // Only what the admin was shown may begin.
        if !is_choosing || run.totals.teams == 0 || run.hash() != hash {
            return Ok(UpdateOutcome::Stale);
        }
        run.stage = BackfillStage::Running;
        run.began = Some(self.now);
        run.confirmed = Some(hash.into());
        let decision = Decision::BackfillStarted { teams: run.totals.teams };
        run.write(self.store, self.tenant, by.of_tenant(self.tenant, decision)?).await
    }

    /// Carries out an admin's command to the run.
    ///
    /// # Errors
    /// The table's, and `Busy` if the cycles keep changing the run.
    pub async fn order(
        &self,
        order: BackfillCommand,
        by: Decider<'_>,
    ) -> Result<UpdateOutcome, StoreError> {
        let record = by.of_tenant(self.tenant, Decision::BackfillOrdered { order })?;
        versioned::update_with(self.store, &key(self.tenant), &record, |run| {
            let stage = run.map(|run: BackfillRun| run.stage).unwrap_or_default();
            let stage = match (order, stage) {
                (BackfillCommand::Pause, BackfillStage::Running) => BackfillStage::Paused,
                (BackfillCommand::Resume, BackfillStage::Paused) => BackfillStage::Running,
                (BackfillCommand::Stop, BackfillStage::Running | BackfillStage::Paused) => {
                    BackfillStage::Stopped
                }
                // The page was older than the run: the admin sees it as it is, and decides again.
                _ => return Ok(versioned::Decision::Keep(UpdateOutcome::Stale)),
            };
            let change = Change::Set("stage", to_value(&stage)?);
            Ok(versioned::Decision::Write(vec![change], UpdateOutcome::Done))
        })
        .await
    }
}
