//! Rounds: what happened that nobody told of. Every minute each tenant has its turn: Webex's events, and links whose next look has come; every five minutes also the
//! groups and people that changed, and everything that has to be kept alive.
//!
//! # Guarantees
//! * One round of a tenant at a time, and none for a turn that a later round has answered: turns never pile up.
//! * Each part goes by a cursor of its own, which moves only when what it found is in the queue or the table. A round that is cut off is gone on with by the next.
//! * A part that fails leaves the others alone, and one tenant's round the others'.
//! * A round writes nothing to a team or a group: it asks for looks.

mod allowance;
mod due;
mod events;
mod files;
mod groups;
mod people;
mod run;
mod search;
mod subscription;
mod tell;
mod turn;
mod upkeep;
mod webhooks;

pub use groups::look_at_every_link;
pub use turn::{do_everything_next, last_report};

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::credentials::webhook_keys::CachedWebhookKeys;
use crate::offboard::{self, Hands, LeavingError};
use crate::sync::{Sync, SyncError};
use crate::tenant::suspension::{self, Begun, Why};
use crate::tenant::{self, AtHand};
use clients::http::{Access, Class, Deadline};
use domain::ids::{DirectoryId, TenantId};
use store::message::Turn;
use store::queue::Queue;
use store::table::{Key, Query, Store};
use turn::{Extent, RoundLease};

/// Tenants in a page of their list.
const TENANTS_PAGE: usize = 1000;

/// Looks that one round asks for: more than Webex's limit lets be made in a minute would only wait.
pub const LOOKS_PER_ROUND: usize = 100;

/// Between two of them, so that they fill the minute: all at once, most would find nothing left of the quota.
const BETWEEN_LOOKS: Duration = Duration::from_millis(600);

/// Everything that a round needs. Made once, outside the handler.
pub struct Rounds {
    /// Table, tokens, clients, and the queue of looks.
    pub sync: Sync,
    /// The queue of turns.
    pub turns: Arc<dyn Queue<Turn>>,
    /// What webhooks and subscriptions prove themselves with.
    pub keys: CachedWebhookKeys,
    /// Where the functions are reached, without a slash at the end.
    pub public_url: String,
}

/// What a round found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// When it began.
    pub began: Timestamp,
    /// Whether it did everything, or what is done every minute.
    pub full: bool,
    /// Spaces in which memberships changed.
    pub spaces: usize,
    /// Links whose next look had come.
    pub due: usize,
    /// Changed groups that are linked.
    pub groups: usize,
    /// Links that were asked to be looked at since the directory's changes could not be followed.
    pub swept: usize,
    /// People that were read.
    pub people: usize,
    /// People who can take part now, and could not before.
    pub can_take_part: usize,
    /// Webhooks and subscriptions that were made, started again or prolonged.
    pub repaired: usize,
    /// Notices that were told.
    pub told: usize,
    /// Teams that the search found.
    pub found: usize,
    /// Calls that were made for work that nobody waits for.
    pub called: usize,
    /// Why the tenant stands still, if it does.
    pub standstill: Option<Why>,
    /// What went wrong, part by part.
    pub troubles: Vec<String>,
}

/// One round under way.
struct Round<'a> {
    rounds: &'a Rounds,
    at_hand: AtHand,
    deadline: Deadline,
    report: Report,
}

/// The parts of a round that call somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Events,
    Due,
    Groups,
    Sweep,
    ChangedPeople,
    Pass,
    OfficerTokens,
    FilesConsent,
    Webhooks,
    Subscription,
    Tell,
    Run,
    Search,
}

impl Rounds {
    /// Asks for a round of every tenant. Returns how many there are.
    pub async fn schedule(&self) -> Result<usize, SyncError> {
        let query = Query::Partition { pk: "TENANTS".into(), prefix: String::new() };
        let (mut start, mut count) = (None, 0);
        loop {
            let page = self.sync.store.query(&query, TENANTS_PAGE, start.as_ref()).await?;
            let tenants = page.items.iter().filter_map(|item| Key::of(item)?.sk.parse::<TenantId>().ok());
            let turn = |tenant| Turn { v: Default::default(), tenant, at: self.sync.clock.now() };
            let turns: Vec<Turn> = tenants.map(turn).collect();
            self.turns.send_all(&turns).await?;
            count += turns.len();
            start = page.next;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// Makes the round of a tenant; `None` where there is nothing to do: another is under way, or a later one has answered this turn. A tenant that leaves
    /// goes on with that.
    ///
    /// # Errors
    /// The table is out of reach. What goes wrong in a part is in the report.
    pub async fn take_turn(&self, turn: &Turn, deadline: Deadline) -> Result<Option<Report>, SyncError> {
        let store = self.sync.store.as_ref();
        let now = self.sync.clock.now();
        let Some((at_hand, _)) = tenant::at_hand(store, turn.tenant, &[], now).await? else {
            self.let_go(turn.tenant, deadline).await?;
            return Ok(None);
        };
        let Some(lease) = RoundLease::take(store, turn, now, deadline).await? else { return Ok(None) };
        let full = lease.extent() == Extent::Full;
        let report = Report { began: now, full, ..Report::default() };
        let mut round = Round { rounds: self, at_hand, deadline, report };
        round.go_through(lease.extent()).await?;
        let report = round.report;
        lease.close(store, &report).await?;
        tracing::info!(tenant = %turn.tenant, ?report, "round");
        metrics::counter!("Rounds").increment(1);
        metrics::counter!("StandingStill").increment(u64::from(report.standstill.is_some()));
        metrics::counter!("RoundTroubles").increment(report.troubles.len() as u64);
        metrics::counter!("HooksRepaired").increment(report.repaired as u64);
        Ok(Some(report))
    }

    /// Whoever is listed and no tenant any more is leaving.
    async fn let_go(&self, tenant: TenantId, deadline: Deadline) -> Result<(), SyncError> {
        let Sync { store, tokens, webex, graph, clock, .. } = &self.sync;
        let hands = Hands { store: store.as_ref(), tokens, webex, graph, clock: clock.as_ref(), deadline };
        match offboard::go_on(&hands, tenant).await {
            Ok(_) => Ok(()),
            Err(LeavingError::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(%tenant, %error, "a tenant could not leave yet; its next round tries again");
                Ok(())
            }
        }
    }
}

impl Round<'_> {
    async fn go_through(&mut self, extent: Extent) -> Result<(), SyncError> {
        if !self.goes_on(extent).await? {
            return Ok(());
        }
        let is_on = self.at_hand.settings.switched_on_at.is_some();
        let minute: &[Part] = if is_on { &[Part::Events, Part::Due, Part::Sweep] } else { &[] };
        // While the integration is off, its sign-in is kept alive and people are counted; and whoever is switched on hears everything from the first moment.
        let full: &[Part] = match (extent, is_on) {
            (Extent::Minute, _) => &[],
            (Extent::Full, false) => &[Part::OfficerTokens, Part::Webhooks, Part::Subscription, Part::Pass, Part::Tell],
            (Extent::Full, true) => &[
                Part::Groups,
                Part::ChangedPeople,
                Part::Pass,
                Part::OfficerTokens,
                Part::FilesConsent,
                Part::Webhooks,
                Part::Subscription,
                Part::Tell,
            ],
        };
        // What nobody waits for has what everything else leaves.
        let last: &[Part] = if is_on { &[Part::Run, Part::Search] } else { &[] };
        for part in minute.iter().chain(full).chain(last) {
            // A gate that shut on the way concerns all that follows.
            if self.at_hand.shut_until.is_some() && *part != Part::OfficerTokens {
                continue;
            }
            let mut outcome = self.part(*part).await;
            if outcome.as_ref().is_err_and(|error| error.suspension_reason().is_some()) {
                // A token can end early: a new one is tried before anybody is called.
                self.rounds.sync.tokens.forget(self.tenant(), self.directory());
                outcome = self.part(*part).await;
            }
            if let Err(error) = outcome {
                self.failed(*part, error).await?;
            }
            if self.report.standstill.is_some() {
                return self.tell_of_standstill().await;
            }
        }
        Ok(())
    }

    async fn part(&mut self, part: Part) -> Result<(), SyncError> {
        match part {
            Part::Events => self.events().await,
            Part::Due => self.due().await,
            Part::Groups => self.groups().await,
            Part::Sweep => self.sweep().await,
            Part::ChangedPeople => self.changed_people().await,
            Part::Pass => self.pass().await,
            Part::OfficerTokens => self.officer_tokens().await,
            Part::FilesConsent => self.files_consent().await,
            Part::Webhooks => self.webhooks().await,
            Part::Subscription => self.subscription().await,
            Part::Tell => self.tell().await,
            Part::Run => self.run().await,
            Part::Search => self.search().await,
        }
    }

    /// What a part's error means for the tenant. Where the table itself is out of reach, the round ends.
    async fn failed(&mut self, part: Part, error: SyncError) -> Result<(), SyncError> {
        let (tenant, now) = (self.tenant(), self.now());
        if matches!(error, SyncError::Store(_) | SyncError::Queue(_)) {
            return Err(error);
        }
        let reason = error.to_string();
        if let Some(Class::ThrottledUntil(until)) = error.class() {
            tenant::shut_gate(self.store(), tenant, error.api(), until).await?;
            self.at_hand.shut_until = Some(until);
        }
        if let Some(why) = error.suspension_reason().filter(|_| part.is_a_probe()) {
            self.report.standstill = Some(why);
            let begun = suspension::begin(self.store(), tenant, why, reason.clone(), now).await?;
            if begun == Begun::Now {
                tracing::error!(%tenant, ?why, reason, "the tenant stands still");
            }
        }
        tracing::warn!(%tenant, ?part, reason, "a part of a round failed");
        self.report.troubles.push(format!("{part:?}: {reason}"));
        Ok(())
    }

    fn tenant(&self) -> TenantId {
        self.at_hand.tenant.tenant
    }

    fn directory(&self) -> DirectoryId {
        self.at_hand.tenant.directory
    }

    async fn webex(&self) -> Result<Access, SyncError> {
        Ok(self.rounds.sync.tokens.webex(self.tenant(), self.at_hand.tenant.officer, self.deadline).await?)
    }

    async fn graph(&self) -> Result<Access, SyncError> {
        Ok(self.rounds.sync.tokens.graph(self.directory(), self.deadline).await?)
    }

    fn store(&self) -> &dyn Store {
        self.rounds.sync.store.as_ref()
    }

    fn now(&self) -> Timestamp {
        self.rounds.sync.clock.now()
    }

    /// Whether a further page can be read, and acted on, before the round has to end.
    fn has_time(&self) -> bool {
        self.deadline.leaves_time(self.now(), clients::http::CALL_TIMEOUT * 2)
    }
}

impl Part {
    /// Whether its calls are made with all rights that the integration needs, so that a refusal tells of the tenant.
    fn is_a_probe(self) -> bool {
        matches!(self, Self::Events | Self::Groups | Self::ChangedPeople | Self::Pass | Self::OfficerTokens)
    }
}
