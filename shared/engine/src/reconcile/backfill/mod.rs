//! Groups for the teams that an admin chose: each cycle begins some teams, and reads the outcome
//! of earlier ones from their links.

mod outcome;

use std::time::Duration;

use outcome::{TeamOutcome, links, outcome, settle};

use super::SyncError;
use super::call_allowance::{CallAllowance, CallPermit};
use super::context::Cycle;
use crate::backfill::UpdateOutcome;
use crate::backfill::candidate::{BackfillBlocker, Outlook, blocker_of_link};
use crate::backfill::run::{
    self, BackfillFailure, BackfillRun, BackfillStage, Chooser, ChosenState, ChosenTeam,
    EarlierFailure, RunContext, Transition,
};
use crate::link::{self, Link, LinkRow, Phase};
use crate::quota::{Bucket, Priority, Quota};
use crate::tenant::settings::Running;
use clients::http::ErrorClass;
use clients::webex::WebexId;
use store::message::{Job, Message, Trigger};
use store::table::Write;

/// Pages of a selection per cycle.
const SELECTION_PAGES: usize = 200;

/// Teams begun per cycle.
const BEGUN_PER_CYCLE: usize = 10;

/// Maximum number of teams with an open outcome.
const OPEN_LIMIT: usize = 30;

/// Gap between two requested syncs.
const SPACING: Duration = Duration::from_secs(3);

/// Result of trying to begin a team.
enum Begun {
    /// It is begun, and this requests its sync.
    Sync(Message),
    /// No sync follows.
    NoSync,
    /// The cycle begins no more teams.
    Stop,
}

/// Next step for a waiting team.
enum Step {
    /// Create its link.
    Create,
    /// Fail it.
    Fail(Box<ChosenTeam>),
    /// Leave it to a later cycle, and continue with the next team.
    Skip,
    /// Leave it and all further teams to a later cycle.
    Stop,
}

/// Continues the tenant's run, if there is one.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let mut run = run::load(cycle.store(), cycle.tenant()).await?;
    for _ in 0..SELECTION_PAGES {
        if !matches!(run.stage, BackfillStage::Selecting { .. }) || !cycle.has_time() {
            break;
        }
        run = chooser(cycle).continue_selection(run).await?;
    }
    if !matches!(run.stage, BackfillStage::Running | BackfillStage::Paused | BackfillStage::Stopped)
    {
        return Ok(());
    }
    // An admin changed the run meanwhile: the next cycle reads it again.
    if run.counts.started > 0 && settle(cycle, &mut run).await? == UpdateOutcome::Stale {
        return Ok(());
    }
    // In preview mode no team gets a group. What began before is settled all the same.
    let is_preview = cycle.snapshot.settings.running == Running::Preview;
    if run.stage != BackfillStage::Running || is_preview {
        return Ok(());
    }
    begin_teams(cycle, &mut run).await
}

fn chooser<'a>(cycle: &'a Cycle<'_>) -> Chooser<'a> {
    let (tenant, settings) = (&cycle.snapshot.tenant, &cycle.snapshot.settings);
    let (store, now) = (cycle.store(), cycle.now());
    Chooser { store, tenant: tenant.tenant, org: tenant.org, settings, now }
}

fn run_context<'a>(cycle: &'a Cycle<'_>) -> RunContext<'a> {
    RunContext { store: cycle.store(), tenant: cycle.tenant(), now: cycle.now() }
}

/// Begins as many teams as the services' quotas and the open teams leave room for.
async fn begin_teams(cycle: &mut Cycle<'_>, run: &mut BackfillRun) -> Result<(), SyncError> {
    let room = OPEN_LIMIT.saturating_sub(run.counts.started).min(BEGUN_PER_CYCLE);
    if room == 0 || are_writes_exhausted(cycle) {
        return Ok(());
    }
    let (store, tenant) = (cycle.store(), cycle.tenant());
    let (waiting, _) = run::page(store, tenant, run, ChosenState::Waiting, room, None).await?;
    // The run is not over before the last outcome is known.
    if waiting.is_empty() && run.counts.started == 0 {
        run.end(store, tenant).await?;
        return Ok(());
    }
    let links = links(cycle, &waiting).await?;
    let mut allowance = CallAllowance::of(cycle);
    let mut messages = vec![];
    for chosen in waiting {
        let link = links.get(&chosen.team);
        match begin_team(cycle, run, chosen, link, &mut allowance).await? {
            Begun::Sync(message) => messages.push(message),
            Begun::NoSync => {}
            Begun::Stop => break,
        }
    }
    // A lost message costs a delay only: the sync of a new link is due at once.
    cycle.reconciler.sync.queue.send_spaced(&messages, SPACING).await?;
    Ok(())
}

/// Returns `true` if the quota for writes leaves nothing for work of this priority.
fn are_writes_exhausted(cycle: &Cycle<'_>) -> bool {
    let now = cycle.now();
    let is_full = |quota, bucket: Option<Bucket>| {
        bucket.and_then(|bucket| bucket.full_until(quota, Priority::Repair, now)).is_some()
    };
    is_full(Quota::GraphWrites(cycle.tenant()), cycle.snapshot.graph_writes)
        || is_full(Quota::AllGraphWrites, cycle.snapshot.all_graph_writes)
}

/// Begins one team, or fails it.
async fn begin_team(
    cycle: &mut Cycle<'_>,
    run: &mut BackfillRun,
    chosen: ChosenTeam,
    before: Option<&LinkRow>,
    allowance: &mut CallAllowance,
) -> Result<Begun, SyncError> {
    let blocker = before.and_then(blocker_of_link);
    let step = match (blocker, before) {
        (Some(blocker @ BackfillBlocker::CreatorAsked), _) => {
            Step::Fail(Box::new(chosen.clone().failed(BackfillFailure::Blocked { blocker })))
        }
        // An earlier run created the link: it stays as it is, and decides the outcome.
        (Some(_), Some(before)) => return adopt_link(cycle, run, chosen, before).await,
        _ => check_team(cycle, &chosen, allowance).await?,
    };
    match step {
        Step::Create => create_link(cycle, run, &chosen, before).await,
        Step::Fail(failed) => move_waiting(cycle, run, &failed, ChosenState::Failed).await,
        Step::Skip => Ok(Begun::NoSync),
        Step::Stop => Ok(Begun::Stop),
    }
}

/// Counts a team whose link exists already as begun, or as done.
async fn adopt_link(
    cycle: &Cycle<'_>,
    run: &mut BackfillRun,
    chosen: ChosenTeam,
    before: &LinkRow,
) -> Result<Begun, SyncError> {
    let earlier_failure = before.link.failure.as_ref().map(EarlierFailure::of);
    let chosen = ChosenTeam { earlier_failure, ..chosen };
    match outcome(&chosen, before) {
        TeamOutcome::Done => move_waiting(cycle, run, &chosen, ChosenState::Done).await,
        // A link that failed before gets a new try, and only a later failure counts.
        TeamOutcome::Open | TeamOutcome::Failed(_) => {
            match move_waiting(cycle, run, &chosen, ChosenState::Started).await? {
                Begun::NoSync => Ok(Begun::Sync(sync_message(cycle, &chosen))),
                other => Ok(other),
            }
        }
    }
}

/// Reads the team once more, since its people can have changed since the admin confirmed them.
async fn check_team(
    cycle: &mut Cycle<'_>,
    chosen: &ChosenTeam,
    allowance: &mut CallAllowance,
) -> Result<Step, SyncError> {
    if allowance.try_acquire(cycle, 1).await? == CallPermit::Later {
        return Ok(Step::Stop);
    }
    let outlook = match outlook_of(cycle, chosen).await {
        // The next cycle tries again; the other teams do not wait for it.
        Err(error) if error.class() == Some(ErrorClass::Transient) => {
            tracing::warn!(
                event = "backfill_team_unreadable",
                tenant = %cycle.tenant(),
                team = %chosen.team,
                %error,
                "could not read a team"
            );
            return Ok(Step::Skip);
        }
        outlook => outlook?,
    };
    let failed = |why| Ok(Step::Fail(Box::new(chosen.clone().failed(why))));
    match outlook {
        None => failed(BackfillFailure::TeamHidden),
        Some(outlook) if outlook != chosen.outlook => {
            let current = ChosenTeam { outlook, read_at: cycle.now(), ..chosen.clone() };
            Ok(Step::Fail(Box::new(current.failed(BackfillFailure::PeopleChanged))))
        }
        Some(outlook) => match outlook.blocker(&cycle.snapshot.settings) {
            Some(blocker) => failed(BackfillFailure::Blocked { blocker }),
            None => Ok(Step::Create),
        },
    }
}

/// Creates the link of a team; its first sync creates the group.
async fn create_link(
    cycle: &Cycle<'_>,
    run: &mut BackfillRun,
    chosen: &ChosenTeam,
    before: Option<&LinkRow>,
) -> Result<Begun, SyncError> {
    let phase = Phase::Creating { request: None };
    let (region, title) = (chosen.region.clone(), chosen.title.clone());
    let mut link = Link::new(chosen.team, region, title, phase);
    // A person who removed the account from the team before meant it to stay out.
    link.service_account = before.map(|before| before.link.service_account).unwrap_or_default();
    let (store, tenant, now) = (cycle.store(), cycle.tenant(), cycle.now());
    let creation: Write = link::creation_after(store, tenant, before, &link, now).await?;
    // Otherwise a link that ended would keep its group from all teams.
    let released = before.and_then(|row| link::released(cycle.directory(), &row.link, &link));
    let transition = Transition { from: ChosenState::Waiting, to: ChosenState::Started };
    // In one transaction: a team counts as begun exactly if its link exists.
    let context = run_context(cycle);
    Ok(
        match run
            .move_team(
                context,
                chosen,
                transition,
                released.into_iter().chain([creation]).collect(),
            )
            .await?
        {
            UpdateOutcome::Done => Begun::Sync(sync_message(cycle, chosen)),
            UpdateOutcome::Stale => Begun::Stop,
        },
    )
}

async fn move_waiting(
    cycle: &Cycle<'_>,
    run: &mut BackfillRun,
    chosen: &ChosenTeam,
    to: ChosenState,
) -> Result<Begun, SyncError> {
    let transition = Transition { from: ChosenState::Waiting, to };
    Ok(match run.move_team(run_context(cycle), chosen, transition, vec![]).await? {
        UpdateOutcome::Done => Begun::NoSync,
        // An admin has changed the run meanwhile, and may have paused it.
        UpdateOutcome::Stale => Begun::Stop,
    })
}

fn sync_message(cycle: &Cycle<'_>, chosen: &ChosenTeam) -> Message {
    let (tenant, at) = (cycle.tenant(), cycle.now());
    let job = Job::Team { team: chosen.team, region: Some(chosen.region.clone()) };
    Message { v: Default::default(), tenant, at, trigger: Trigger::Due, job }
}

/// Counts the people of the team now. Returns `None` if Webex does not show the team.
async fn outlook_of(cycle: &Cycle<'_>, chosen: &ChosenTeam) -> Result<Option<Outlook>, SyncError> {
    let space = WebexId::new(chosen.region.clone(), chosen.team.general_space());
    let access = cycle.webex().await?;
    match cycle.reconciler.sync.webex.memberships(&access, &space).await {
        Ok(people) => {
            let tenant = &cycle.snapshot.tenant;
            Ok(Some(Outlook::of(cycle.store(), tenant, &people.get().members).await?))
        }
        Err(error) if error.class() == ErrorClass::Permanent => Ok(None),
        Err(error) => Err(error.into()),
    }
}
