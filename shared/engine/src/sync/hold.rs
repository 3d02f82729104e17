//! Held plans: what the brake goes by, and what is kept of its answer.

use std::collections::BTreeSet;

use super::applied::Applied;
use super::look::Look;
use super::read::Reading;
use super::{Sync, SyncError};
use crate::preview::Preview;
use crate::safety::pending_approval::{Decision, HeldPlan};
use domain::membership::{Side, Standing};
use domain::merge::{Brake, Held, HeldFor, Holding, Plan, Subject};

/// The link's brake at this moment, with what an administrator decided, of a held plan or of somebody by name.
pub(super) fn brake(
    look: &Look<'_>,
    reading: &Reading,
    (held, shown): (Option<&HeldPlan>, Option<&Preview>),
    subjects: &[Subject],
) -> Brake {
    let decided = |decision| -> BTreeSet<Held> {
        held.filter(|plan| plan.decision == decision).map(|plan| plan.removals.clone()).unwrap_or_default()
    };
    // Whoever this very reading shows is back, also where what is recent says otherwise.
    let is_gone = |removal: &Held| !reading.of(removal.person)[removal.side.other()].is_present();
    let is_instructed = |subject: &&Subject| subject.stored.instruction.is_some_and(|one| one.to == Standing::Absent);
    let by_name = subjects.iter().filter(is_instructed).map(|subject| subject.person);
    let by_name = by_name.flat_map(|person| Side::BOTH.map(|side| Held { person, side }));
    Brake {
        limit: look.desk.settings.brake.of_a_link(),
        removed: look.link.removed_lately(look.started),
        people: subjects.len(),
        holding: if held.is_some() { Holding::Plan } else { Holding::Nothing },
        approved: decided(Decision::Apply).into_iter().filter(is_gone).chain(by_name).collect(),
        discarded: decided(Decision::Discard),
        shown: shown.map(|preview| preview.removals().collect()),
    }
}

impl Sync {
    /// Keeps the held plan as it is to be shown, or lets go of one that is over.
    pub(super) fn keep_held(
        &self,
        look: &mut Look<'_>,
        plan: &Plan,
        before: Option<&HeldPlan>,
        applied: &Applied,
    ) -> Result<(), SyncError> {
        if let Some(before) = before.filter(|before| before.decision != Decision::Open && applied.is_cut_short()) {
            // What was decided is not through yet: the next look goes on with it.
            look.link.held = Some(before.why);
            return Ok(());
        }
        let (tenant, team) = (look.desk.tenant.tenant, look.link.team);
        let now = plan.held.as_ref().map(|(why, removals)| HeldPlan {
            why: before.filter(|_| *why == HeldFor::AlreadyHolding).map_or(*why, |before| before.why),
            at: look.started,
            removals: removals.iter().copied().collect(),
            decision: Decision::Open,
        });
        look.link.held = now.as_ref().map(|plan| plan.why);
        let is_the_same = |now: &HeldPlan| {
            before.is_some_and(|before| before.removals == now.removals && before.decision == Decision::Open)
        };
        if now.as_ref().is_some_and(is_the_same) {
            return Ok(());
        }
        // A put and a delete of the same item cannot be in one transaction: only what the new plan does not write anew is deleted.
        let kept = now.as_ref().map_or(0, |plan| plan.puts(tenant, team).map_or(0, |puts| puts.len()));
        look.report.further.extend(before.into_iter().flat_map(|before| before.deletes(tenant, team)).skip(kept));
        if let Some(plan) = now {
            tracing::warn!(%tenant, %team, why = ?plan.why, removals = plan.removals.len(), "removals are held for an administrator");
            look.report.note(format!("{} removals wait for an administrator.", plan.removals.len()));
            look.report.further.extend(plan.puts(tenant, team)?);
        }
        Ok(())
    }
}
