//! The teams that an administrator chose, and what became of each.
//!
//! A run is chosen, shown, confirmed by the hash of what was shown, and then carried out by the tenant's rounds, some teams in each. A team whose people are not as they were shown
//! is not begun: it says so, and is chosen anew.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use sha2::{Digest, Sha256};
use std::fmt;

use super::candidate::{Found, Hindrance, Outlook, WithLink, partition as found_partition, with_links};
use super::{Wish, next_version, own_key};
use crate::tenant::settings::Settings;
use clients::webex::Region;
use domain::ids::{OrgId, TeamId, TenantId};
use store::table::{Condition, Cursor, EXPIRES_AT, Key, Query, Store, StoreError, Write, from_item, to_item};

/// What was chosen is kept for so long after its last change.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Teams that are chosen in one transaction.
const AT_ONCE: usize = 40;

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which of the tenant's it is.
    pub number: u64,
    /// How it stands.
    pub stage: Stage,
    /// When it was confirmed.
    pub began: Option<Timestamp>,
    /// How many teams stand how.
    pub counts: Counts,
    /// How much it is in all.
    pub totals: Totals,
    /// Of all teams that were chosen, in no order.
    digest: [u64; 2],
    /// What it was confirmed by.
    confirmed: Option<String>,
    version: u64,
}

/// How a run stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
pub enum Stage {
    /// An administrator is choosing; nothing is done yet.
    #[default]
    Choosing,
    /// Rounds are choosing for him.
    Gathering {
        /// From where.
        source: Source,
        /// Where that is gone on with.
        next: Option<Cursor>,
    },
    /// Rounds carry it out.
    Going,
    /// No further team is begun until it goes on.
    Paused,
    /// No further team is begun.
    Stopped,
    /// It is through.
    Done,
}

/// From where many teams are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Source {
    /// What was found, as far as the title begins so.
    Found {
        /// In lower case; empty for all.
        title: String,
    },
    /// What failed in an earlier run.
    Failed {
        /// In which.
        number: u64,
    },
}

/// How many teams of a run stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Not begun.
    pub waiting: usize,
    /// Begun, and not at their end.
    pub started: usize,
    /// In step with their groups.
    pub done: usize,
    /// At an end of another kind.
    pub failed: usize,
}

impl Counts {
    fn of(&mut self, state: State) -> &mut usize {
        match state {
            State::Waiting => &mut self.waiting,
            State::Started => &mut self.started,
            State::Done => &mut self.done,
            State::Failed => &mut self.failed,
        }
    }
}

/// How much a run is in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Teams, each of which would get a group.
    pub teams: usize,
    /// People in those groups, counted once in each.
    pub people: usize,
    /// Owners among them.
    pub owners: usize,
    /// People who would stay in the team only.
    pub left_out: usize,
}

/// How a chosen team stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is not begun; in a run that was stopped it never will be.
    Waiting,
    /// Its link was made, and has not come to an end.
    Started,
    /// Team and group are in step.
    Done,
    /// It came to another end.
    Failed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
        })
    }
}

/// A team that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The team.
    pub team: TeamId,
    /// The region in its id.
    pub region: Region,
    /// Its title, which the group gets for a name.
    pub title: String,
    /// What its group would be.
    pub outlook: Outlook,
    /// When its people were read.
    pub read_at: Timestamp,
    /// Why it failed, in words.
    pub why: Option<String>,
    /// The trouble that its link was in when it was begun, since when and for how many looks: it says nothing of what follows.
    #[serde(default)]
    pub(crate) before: Option<(Timestamp, u32)>,
}

impl From<Found> for Chosen {
    fn from(found: Found) -> Self {
        let Found { team, region, title, outlook, read_at, .. } = found;
        Self { team, region, title, outlook, read_at, why: None, before: None }
    }
}

impl Chosen {
    /// What somebody who was shown it was shown.
    fn digest(&self) -> [u64; 2] {
        let Self { team, region: _, title, outlook, read_at: _, why: _, before: _ } = self;
        let Outlook { people, owners, left_out, unresolved } = outlook;
        let digest = Sha256::digest(format!("{team} {title:?} {people} {owners} {left_out:?} {unresolved}"));
        let half = |at: usize| digest.iter().skip(at).take(8).fold(0, |half, byte| (half << 8) | u64::from(*byte));
        [half(0), half(8)]
    }

    fn put(&self, run: (TenantId, u64), state: State, now: Timestamp) -> Result<Write, StoreError> {
        let mut item = to_item(&key(run, state, self.team), self)?;
        item.insert(EXPIRES_AT.into(), AttributeValue::N((now + KEPT_FOR).as_second().to_string()));
        Ok(Write::Put(item, Condition::Any))
    }
}

/// The partition of what was chosen.
pub(crate) fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#CHOSEN")
}

fn prefix(number: u64, state: State) -> String {
    format!("{number:08}#{state}#")
}

fn key((tenant, number): (TenantId, u64), state: State, team: TeamId) -> Key {
    Key::new(partition(tenant), format!("{}{team}", prefix(number, state)))
}

fn run_key(tenant: TenantId) -> Key {
    own_key(tenant, "RUN")
}

/// The tenant's last run; an empty one before the first.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<Run, StoreError> {
    Ok(store.get(&run_key(tenant)).await?.map(from_item).transpose()?.unwrap_or_default())
}

/// Teams of a run that stand so, and where their list goes on.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    (run, state): (&Run, State),
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<Chosen>, Option<Cursor>), StoreError> {
    let query = Query::Partition { pk: partition(tenant), prefix: prefix(run.number, state) };
    let page = store.query(&query, limit, start).await?;
    let chosen = page.items.into_iter().map(from_item).collect::<Result<Vec<_>, _>>()?;
    Ok((chosen, page.next))
}

/// Who chooses, and by what it is told who may be chosen.
#[derive(Clone, Copy)]
pub struct Chooser<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// Whose teams.
    pub tenant: TenantId,
    /// Whose they have to be.
    pub org: OrgId,
    /// What the tenant's administrators chose.
    pub settings: &'a Settings,
    /// Now.
    pub now: Timestamp,
}

impl Chooser<'_> {
    /// Why a found team cannot be chosen.
    pub fn hindrance(&self, (found, link): &WithLink) -> Option<Hindrance> {
        link.as_ref().and_then(Hindrance::of_link).or_else(|| found.hindrance(self.org, self.settings))
    }

    /// Chooses teams besides those that are chosen. Whoever cannot have a group is passed over.
    pub async fn choose(&self, teams: Vec<TeamId>) -> Result<Wish, StoreError> {
        let mut run = load(self.store, self.tenant).await?.for_choosing();
        if run.stage != Stage::Choosing {
            return Ok(Wish::Moved);
        }
        for teams in teams.chunks(AT_ONCE) {
            let found = with_links(self.store, self.tenant, teams.iter().copied()).await?;
            let able = found.into_iter().filter(|one| self.hindrance(one).is_none());
            if self.take(&mut run, able.map(|(found, _)| found.into()).collect()).await? == Wish::Moved {
                return Ok(Wish::Moved);
            }
        }
        Ok(Wish::Granted)
    }

    /// Chooses all that a source has, which rounds go on with.
    pub async fn choose_all(&self, source: Source) -> Result<Wish, StoreError> {
        let run = load(self.store, self.tenant).await?;
        let mut run = match &source {
            Source::Failed { number } if *number != run.number || !run.is_over() => return Ok(Wish::Moved),
            _ => run.for_choosing(),
        };
        if run.stage != Stage::Choosing {
            return Ok(Wish::Moved);
        }
        run.stage = Stage::Gathering { source, next: None };
        Wish::of(self.store.write(vec![run.put(self.tenant)?]).await)
    }

    /// Goes on with choosing all, a page of the source. Says how the run stands then.
    pub async fn gather(&self, mut run: Run) -> Result<Run, StoreError> {
        let Stage::Gathering { source, next } = run.stage.clone() else { return Ok(run) };
        let (pk, prefix) = match &source {
            Source::Found { .. } => (found_partition(self.tenant), String::new()),
            Source::Failed { number } => (partition(self.tenant), prefix(*number, State::Failed)),
        };
        let page = self.store.query(&Query::Partition { pk, prefix }, AT_ONCE, next.as_ref()).await?;
        let chosen = match &source {
            Source::Found { title } => {
                let teams = page.items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok());
                let found = with_links(self.store, self.tenant, teams.collect::<Vec<TeamId>>()).await?;
                let able = found.into_iter().filter(|one| self.hindrance(one).is_none()).map(|(found, _)| found);
                able.filter(|found| found.title.to_lowercase().starts_with(title)).map(Chosen::from).collect()
            }
            Source::Failed { .. } => page.items.into_iter().map(from_item).collect::<Result<Vec<Chosen>, _>>()?,
        };
        run.stage = page.next.map_or(Stage::Choosing, |next| Stage::Gathering { source, next: Some(next) });
        match self.take(&mut run, chosen).await? {
            Wish::Granted => Ok(run),
            Wish::Moved => load(self.store, self.tenant).await,
        }
    }

    async fn take(&self, run: &mut Run, chosen: Vec<Chosen>) -> Result<Wish, StoreError> {
        let of = (self.tenant, run.number);
        let keys: Vec<Key> = chosen.iter().map(|one| key(of, State::Waiting, one.team)).collect();
        let before = self.store.get_many(&keys).await?;
        let mut before = before.into_iter().map(|item| from_item(item).map(|one: Chosen| one.team));
        let before: Vec<TeamId> = before.by_ref().collect::<Result<_, _>>()?;
        let mut writes = vec![];
        for one in chosen.into_iter().filter(|one| !before.contains(&one.team)) {
            let one = Chosen { why: None, before: None, ..one };
            run.counts_in(&one);
            writes.push(one.put(of, State::Waiting, self.now)?);
        }
        run.write(self.store, self.tenant, writes).await
    }

    /// Chooses none of the teams, or one team less.
    pub async fn leave_out(&self, team: Option<TeamId>) -> Result<Wish, StoreError> {
        let mut run = load(self.store, self.tenant).await?;
        if !matches!(run.stage, Stage::Choosing | Stage::Gathering { .. }) {
            return Ok(Wish::Moved);
        }
        let Some(team) = team else {
            return run.anew().write(self.store, self.tenant, vec![]).await;
        };
        let key = key((self.tenant, run.number), State::Waiting, team);
        let Some(item) = self.store.get(&key).await? else { return Ok(Wish::Granted) };
        run.counts_out(&from_item(item)?);
        run.write(self.store, self.tenant, vec![Write::Delete(key, Condition::Any)]).await
    }

    /// Corrects what is shown of a chosen team.
    pub async fn correct(&self, run: &mut Run, before: &Chosen, outlook: Outlook) -> Result<Wish, StoreError> {
        let after = Chosen { outlook, read_at: self.now, ..before.clone() };
        run.counts_out(before);
        run.counts_in(&after);
        let put = after.put((self.tenant, run.number), State::Waiting, self.now)?;
        run.write(self.store, self.tenant, vec![put]).await
    }

    /// Has the rounds carry out what was shown. A second click changes nothing.
    pub async fn confirm(&self, hash: &str) -> Result<Wish, StoreError> {
        let mut run = load(self.store, self.tenant).await?;
        if run.confirmed.as_deref() == Some(hash) {
            return Ok(Wish::Granted);
        }
        if run.stage != Stage::Choosing || run.totals.teams == 0 || run.hash() != hash {
            return Ok(Wish::Moved);
        }
        (run.stage, run.began, run.confirmed) = (Stage::Going, Some(self.now), Some(hash.into()));
        run.write(self.store, self.tenant, vec![]).await
    }

    /// Does what an administrator wants of a run that is under way.
    pub async fn order(&self, order: super::search::Order) -> Result<Wish, StoreError> {
        use super::search::Order;
        // A round that goes on at the same moment stores a version of its own.
        for _ in 0..5 {
            let mut run = load(self.store, self.tenant).await?;
            run.stage = match (order, &run.stage) {
                (Order::Pause, Stage::Going) => Stage::Paused,
                (Order::GoOn, Stage::Paused) => Stage::Going,
                (Order::Stop, Stage::Going | Stage::Paused) => Stage::Stopped,
                _ => return Ok(Wish::Moved),
            };
            if run.write(self.store, self.tenant, vec![]).await? == Wish::Granted {
                return Ok(Wish::Granted);
            }
        }
        Err(StoreError::Busy("the run goes on too fast".into()))
    }
}

impl Run {
    /// What somebody who was shown the run was shown.
    pub fn hash(&self) -> String {
        let Totals { teams, people, owners, left_out } = self.totals;
        let [high, low] = self.digest;
        let hash = Sha256::digest(format!("{} {teams} {people} {owners} {left_out} {high} {low}", self.number));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether nothing more is begun, and nothing that was begun is open.
    pub fn is_over(&self) -> bool {
        match self.stage {
            Stage::Done => true,
            Stage::Stopped => self.counts.started == 0,
            _ => false,
        }
    }

    fn for_choosing(self) -> Self {
        if self.is_over() || self.number == 0 { self.anew() } else { self }
    }

    fn anew(self) -> Self {
        Self { number: self.number + 1, version: self.version, ..Self::default() }
    }

    fn counts_in(&mut self, chosen: &Chosen) {
        let Totals { teams, people, owners, left_out } = &mut self.totals;
        (*teams, *people, *owners) = (*teams + 1, *people + chosen.outlook.people, *owners + chosen.outlook.owners);
        *left_out += chosen.outlook.stay_behind();
        self.counts.waiting += 1;
        self.mix(chosen);
    }

    fn counts_out(&mut self, chosen: &Chosen) {
        let Totals { teams, people, owners, left_out } = &mut self.totals;
        *teams = teams.saturating_sub(1);
        *people = people.saturating_sub(chosen.outlook.people);
        *owners = owners.saturating_sub(chosen.outlook.owners);
        *left_out = left_out.saturating_sub(chosen.outlook.stay_behind());
        self.counts.waiting = self.counts.waiting.saturating_sub(1);
        self.mix(chosen);
    }

    /// Twice the same leaves nothing.
    fn mix(&mut self, chosen: &Chosen) {
        for (half, of_one) in self.digest.iter_mut().zip(chosen.digest()) {
            *half ^= of_one;
        }
    }

    /// Moves a team from one state to another, with whatever else is written then.
    pub(crate) async fn turn(
        &mut self,
        (store, tenant, now): (&dyn Store, TenantId, Timestamp),
        chosen: &Chosen,
        (from, to): (State, State),
        others: Vec<Write>,
    ) -> Result<Wish, StoreError> {
        let of = (tenant, self.number);
        let was = self.counts.of(from);
        *was = was.saturating_sub(1);
        *self.counts.of(to) += 1;
        let mut writes = vec![Write::Delete(key(of, from, chosen.team), Condition::Any), chosen.put(of, to, now)?];
        writes.extend(others);
        self.write(store, tenant, writes).await
    }

    /// Everything was begun and came to its end.
    pub(crate) async fn end(&mut self, store: &dyn Store, tenant: TenantId) -> Result<Wish, StoreError> {
        self.stage = Stage::Done;
        self.write(store, tenant, vec![]).await
    }

    fn put(&self, tenant: TenantId) -> Result<Write, StoreError> {
        next_version(&run_key(tenant), self, self.version)
    }

    async fn write(&mut self, store: &dyn Store, tenant: TenantId, mut writes: Vec<Write>) -> Result<Wish, StoreError> {
        writes.push(self.put(tenant)?);
        let wish = Wish::of(store.write(writes).await)?;
        if wish == Wish::Granted {
            self.version += 1;
        }
        Ok(wish)
    }
}
