//! The outcome of the teams that a run began, read from their links.

use std::collections::BTreeMap;

use super::{OPEN_LIMIT, run_context};
use crate::backfill::UpdateOutcome;
use crate::backfill::run::{
    self, BackfillFailure, BackfillRun, ChosenState, ChosenTeam, EarlierFailure, Transition,
};
use crate::link::{self, Ended, FailureKind, LinkRow, Phase};
use crate::reconcile::SyncError;
use crate::reconcile::context::Cycle;
use domain::ids::TeamId;
use store::table::{Key, from_item};

/// Failed syncs after which a team counts as failed. Its link keeps trying.
const MAX_TRIES: u32 = 3;

/// Outcome of a team that was begun.
pub(super) enum TeamOutcome {
    Open,
    Done,
    Failed(BackfillFailure),
}

/// Reads the outcome of the teams that were begun from their links.
pub(super) async fn settle(
    cycle: &mut Cycle<'_>,
    run: &mut BackfillRun,
) -> Result<UpdateOutcome, SyncError> {
    let (store, tenant) = (cycle.store(), cycle.tenant());
    let state = ChosenState::Started;
    let (open, _) = run::page(store, tenant, run, state, OPEN_LIMIT, None).await?;
    let links = links(cycle, &open).await?;
    for chosen in open {
        let outcome = match links.get(&chosen.team) {
            Some(row) => outcome(&chosen, row),
            // The link was created with the state, so it can only have been purged.
            None => TeamOutcome::Failed(BackfillFailure::LinkMissing),
        };
        let (to, chosen) = match outcome {
            TeamOutcome::Open => continue,
            TeamOutcome::Done => (ChosenState::Done, chosen),
            TeamOutcome::Failed(why) => (ChosenState::Failed, chosen.failed(why)),
        };
        let transition = Transition { from: ChosenState::Started, to };
        let moved = run.move_team(run_context(cycle), &chosen, transition, vec![]).await?;
        if moved == UpdateOutcome::Stale {
            return Ok(moved);
        }
    }
    Ok(UpdateOutcome::Done)
}

pub(super) async fn links(
    cycle: &Cycle<'_>,
    chosen: &[ChosenTeam],
) -> Result<BTreeMap<TeamId, LinkRow>, SyncError> {
    let keys: Vec<Key> = chosen.iter().map(|one| link::key(cycle.tenant(), one.team)).collect();
    let mut links = BTreeMap::new();
    for item in cycle.store().get_many(&keys).await? {
        let row: LinkRow = from_item(item)?;
        links.insert(row.link.team, row);
    }
    Ok(links)
}

/// Returns the outcome of a team by its link.
pub(super) fn outcome(chosen: &ChosenTeam, row: &LinkRow) -> TeamOutcome {
    match (&row.link.phase, &row.link.failure) {
        (Phase::Ended { why, .. }, _) => TeamOutcome::Failed(failure_of_end(*why)),
        // No sync of this run has ended yet.
        (_, Some(failure)) if chosen.earlier_failure == Some(EarlierFailure::of(failure)) => {
            TeamOutcome::Open
        }
        (_, Some(failure))
            // The next try can succeed, while most other failures wait for a person.
            if failure.kind() == FailureKind::CallFailed && failure.tries < MAX_TRIES =>
        {
            TeamOutcome::Open
        }
        (_, Some(failure)) => {
            TeamOutcome::Failed(BackfillFailure::SyncFailed { reason: failure.reason.clone() })
        }
        // A group alone is not enough: its people are in sync only after a whole reading.
        (Phase::Linked { .. }, None) if row.synced_at.as_millisecond() > 0 => TeamOutcome::Done,
        _ => TeamOutcome::Open,
    }
}

fn failure_of_end(why: Ended) -> BackfillFailure {
    match why {
        Ended::TeamDeleted => BackfillFailure::TeamDeleted,
        Ended::GroupDeleted => BackfillFailure::GroupDeleted,
        Ended::Declined => BackfillFailure::Unlinked,
        Ended::NotAnswered => BackfillFailure::CreatorSilent,
    }
}
