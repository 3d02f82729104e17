//! Sync of one team: reads both sides, compares each with its baseline, and applies the
//! differences.
//!
//! [`Deps::handle`] takes a message to a team, and `sync_team` is one run over that team:
//! observe, prove absences, decide, prove removals, permit, write intents, execute, finish. Folders
//! have separate runs.
//!
//! # Guarantees
//! * Every step can be cut off, with its effect done or not; the next run ends as if it had not
//!   been.
//! * While a service asks for a pause, no call is made for that tenant; other tenants go on.
//! * A message returns to the queue only where table or queue are out of reach. Everything else is
//!   state of the link, with a next sync. A link that cannot be read is logged.

mod adoption_preview;
mod approvals;
mod card;
mod context;
mod create_group;
mod decide;
mod directory_rules;
mod discover;
mod dispatch;
mod error;
mod execute;
mod failing_people;
mod finish;
mod folder_request;
mod folders;
mod intents;
mod link_alerts;
mod maintain;
mod memory;
mod missing;
mod new_group;
mod next;
mod observe;
mod outcomes;
mod owners;
mod pilot;
mod preview;
mod prove_absences;
mod prove_removals;
mod quota;
mod rename;
mod resolve;
mod run;
mod schedule;
mod spaces;
mod subjects;
mod types;
mod waiting;
mod work_off;

pub use error::SyncError;
pub use memory::PeopleInMemory;
pub use new_group::{nickname, unique_name};
pub(crate) use spaces::{no_general_space, note_of_space, room_key};
use types::{ApiAccess, TenantContext};

use std::collections::BTreeMap;
use std::sync::Arc;

use self::types::{
    Decision, Next, Observation, Outcomes, Reading, Recorded, RemovalTerms, SyncDepth, SyncRecord,
    SyncRun, Work,
};
use crate::codes::Note;
use crate::credentials::tokens::Tokens;
use crate::link::{CountedRemoval, Link};
use crate::quota::Acquire;
use clients::graph::Graph;
use clients::http::Deadline;
use clients::webex::Webex;
use domain::clock::Clock;
use domain::membership::Person;
use domain::merge::PORTION;
use store::message::{Job, Message};
use store::queue::Queue;
use store::table::Store;

/// Dependencies of a sync. Made once per process.
pub struct Deps {
    /// The table.
    pub store: Arc<dyn Store>,
    /// The queue of sync messages.
    pub queue: Arc<dyn Queue>,
    /// Access tokens of all tenants.
    pub tokens: Arc<Tokens>,
    /// Webex.
    pub webex: Webex,
    /// Microsoft Graph.
    pub graph: Graph,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The people of all runs that are in memory.
    pub people_in_memory: PeopleInMemory,
}

impl Deps {
    /// Handles one message within the deadline.
    ///
    /// # Errors
    /// The message must be delivered again.
    pub async fn handle(&self, message: &Message, deadline: Deadline) -> Result<(), SyncError> {
        let handled = match message.job {
            Job::Waiting => work_off::work_off(self, message, deadline).await,
            _ => dispatch::handle(self, message, deadline).await,
        };
        dispatch::unless_unusable(message, (), handled)
    }
}

/// Runs the pipeline over one team that has a link, under its lease.
async fn sync_team(deps: &Deps, run: &SyncRun<'_>, link: Link) -> Recorded<Next> {
    let mut record = SyncRecord::of(link);
    let result = async {
        // Observe: both sides and the stored people, at the same time.
        let mut reading = match observe::observe(deps, run, &record.link).await? {
            Observation::Complete { reading, link } => {
                record.link = *link;
                reading
            }
            Observation::TeamMissing => {
                let ending = missing::team_is_missing(deps, run, &record.link).await?;
                return Ok(record.end(ending));
            }
            Observation::GroupMissing { group, link } => {
                let ending = missing::group_is_missing(deps, run, &link, group).await;
                record.link = *link;
                return Ok(record.end(ending?));
            }
        };

        if let Some(next) = missing::before_creation(&record.link, &reading) {
            return Ok(next);
        }

        // Decide and prove: nothing is written to a service until here.
        // Boxed, because it is the largest part of a run.
        let decision = Box::pin(decide_and_prove(deps, run, &record.link, &mut reading));
        let mut decision = decision.await?;
        record.link.names = decision.names.take();
        // The refusal explains a deferred rename. Without one, its alert would outlive its reason.
        if record.link.names.as_ref().is_none_or(|names| names.deferred.is_none()) {
            record.link.rename_refused = None;
        }
        let creation =
            match create_group::prepare_group(deps, run, &record.link, &reading, &decision.plan)
                .await?
            {
                create_group::Preparation::NotNeeded => None,
                create_group::Preparation::Ready(ready) => {
                    record.link.phase = ready.phase;
                    Some(ready.attempt)
                }
                create_group::Preparation::Ended(ending) => return Ok(record.end(*ending)),
            };
        // The account joins after that: a team that can get no group is left alone.
        record.take(maintain::join_team(deps, run, &record.link, &reading).await)?;

        // Acquire quota, write intents, execute.
        let work = Work { rename: decision.rename.take(), creation };
        let written = Box::pin(write_portion(deps, run, &record.link, &reading, decision, work));
        let (decision, done) = match record.take(written.await)? {
            Portion::Written { decision, done } => (*decision, done),
            Portion::Waits(next) => return Ok(next),
        };

        // Record outcomes, and say what is next. `finish` stores it under the lease.
        let recorded = record_and_maintain(deps, run, &record.link, &reading, decision, done);
        let next = record.take(Box::pin(recorded).await)?;
        Ok(missing::unless_doubtful(run, &record.link, &reading, next))
    }
    .await;
    Recorded { record, result }
}

/// A portion of a plan, after its writes.
enum Portion {
    Written { decision: Box<Decision>, done: Done },
    Waits(Next),
}

/// Acquires quota for a portion, writes its intents, and executes it.
async fn write_portion(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    mut decision: Decision,
    work: Work,
) -> Recorded<Portion> {
    let mut record = SyncRecord::of(link.clone());
    let result = async {
        let mut done = Done::default();
        // A team in sync costs no quota, no intent and no call.
        if !decision.plan.is_empty() || !work.is_empty() {
            let quota = quota::acquire_work(deps, run, link, &decision.plan, &work).await?;
            if let Acquire::RetryAt(moment) = quota {
                return Ok(Portion::Waits(quota::wait_for_quota(deps, run, link, moment)));
            }
            let removals =
                RemovalTerms { guard: &decision.guard, counter: decision.counter.as_ref() };
            let plan = decision.plan;
            let intents =
                intents::write_intents(deps, run, link, reading, plan, &work, removals).await;
            let intended = record.take(intents)?;
            (decision.plan, done.counted) = (intended.plan, intended.counted);
            let executed =
                execute::execute(deps, run, &record.link, reading, &decision.plan, work).await;
            done.outcomes = record.take(executed)?;
        }
        Ok(Portion::Written { decision: Box::new(decision), done })
    }
    .await;
    Recorded { record, result }
}

/// Says what follows from a reading. Live runs and previews share it.
async fn decide_and_prove(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &mut Reading,
) -> Result<Decision, SyncError> {
    let resolved = resolve::resolve(deps, run, reading).await?;
    let people = subjects::load_people(deps, run, link, reading, &resolved).await?;
    let approvals = approvals::load_approvals(deps, run, link).await?;
    let guard = approvals::removal_guard(run, reading, &approvals, &people);
    let prove_absences::Judged { subjects, found, left: absences } =
        Box::pin(prove_absences::prove_absences(deps, run, link, reading, people, &guard)).await?;
    // A later step needs the id of a membership, also where the listing lacked it.
    reading.memberships.extend(found);
    let decide::Proposal { mut draft, guard, limits, eligibility } =
        decide::decide(run, link, reading, &resolved, guard, subjects);
    let counter = approvals::permit_removals(deps, run, reading, &mut draft, &guard).await?;
    let plan = draft.order(&limits, run.started).portion(PORTION);
    // Only the portion is proven: each proof costs a call, and would be old by the next run.
    let prove_removals::Proven { plan, unproven } =
        prove_removals::prove_removals(deps, run, link, plan).await?;
    let rename::NamePlan { names, rename } = rename::plan_rename(deps, run, link, reading).await?;
    let pending_before = approvals.pending;
    Ok(Decision {
        resolved,
        eligibility,
        pending_before,
        guard,
        counter,
        absences,
        plan,
        unproven,
        names,
        rename,
    })
}

/// Writes of a run, and their outcomes.
#[derive(Default)]
struct Done {
    outcomes: Outcomes,
    /// Its removals that count against the limits.
    counted: BTreeMap<Person, CountedRemoval>,
}

/// Records what became of the plan, does what is due beside it, and says what is next.
async fn record_and_maintain(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    decision: Decision,
    done: Done,
) -> Recorded<Next> {
    let Done { mut outcomes, counted } = done;
    let mut record = SyncRecord::of(link.clone());
    let result = async {
        let Decision { resolved, eligibility, pending_before, absences, plan, unproven, .. } =
            decision;
        let (link, before) = (&record.link, pending_before.as_ref());
        let pending =
            approvals::save_pending_approval(run, link, &plan, before, &outcomes, &absences);
        record.take(pending)?;
        let people = outcomes::People {
            resolved: &resolved,
            eligibility: &eligibility,
            counted: &counted,
            lost: &absences.lost,
        };
        let now = deps.clock.now();
        let recorded =
            outcomes::record_outcomes(run, &record.link, reading, &people, plan, &outcomes, now);
        let plan = record.take(recorded)?;
        let link = &record.link;
        if link.full_sync_at.is_none() && !record.report.changes.is_empty() {
            record.report.notes.push(Note::FirstSync);
        }
        let owners =
            owners::add_owners_as_members(deps, run, link, reading, &plan, &eligibility, &outcomes);
        let owners = owners.await;
        let owners::OwnersAdded { quota, stopped } = record.take(owners)?;
        if let Some(error) = stopped {
            outcomes.stop(error);
        }
        let counts = subjects::count_people(reading, &resolved, &eligibility);
        record.link.counts = counts;
        if run.depth == SyncDepth::Full {
            // Until the last portion, full runs follow: only they retry what is refused.
            if plan.later.is_empty() {
                record.link.full_sync_at = Some(run.started);
            }
            let renewed = maintain::renew_before_expiry(deps, run, &record.link, reading).await;
            record.take(renewed)?;
        }
        quota::give_back_writes(deps, run, &record.link, &outcomes).await?;
        record.report.unclear = absences.unclear;
        record.report.check_at = next::check_at(&plan, &record.link, run.started);
        let state = next::SyncState {
            plan: &plan,
            lookups: resolved.lookups + absences.answered,
            unresolved: resolved.unresolved + absences.unasked,
            unproven,
            eligibility: &eligibility,
            quota,
        };
        next::next_after_steps(deps, run, &record.link, state, outcomes).await
    }
    .await;
    Recorded { record, result }
}
