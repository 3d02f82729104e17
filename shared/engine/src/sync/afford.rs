//! What a look takes of the services' quotas, before it calls.

use jiff::Timestamp;

use super::applied::binds_of;
use super::look::{End, Look};
use super::{Desk, Sync};
use crate::link::{Kept, Phase};
use crate::quota::{Priority, Quota, Taken, Taker};
use crate::tenant::Running;
use clients::graph::RELATIONS_PER_CALL;
use domain::ids::TeamId;
use domain::membership::{Side, Standing, Truth};
use domain::merge::{Plan, Step};
use store::message::Cause;
use store::table::StoreError;

/// Calls with which a look reads the team.
const READING: usize = 2;

/// What a bind costs of Graph's write quota: a third of a unit, as Microsoft told others who asked.
const BINDS_PER_UNIT: usize = 3;

impl Sync {
    /// Whether the reading of a look can be afforded now.
    pub(super) async fn afford_reading(&self, desk: &Desk, cause: Cause, team: TeamId) -> Result<Taken, StoreError> {
        let quota = Quota::Webex(desk.tenant.tenant);
        self.taker(cause, team).take(self.store.as_ref(), quota, READING, desk.webex_calls).await
    }

    /// When a look comes back that is known to write and finds no room for it: whatever it read now could not be carried over.
    pub(super) fn waits_to_write(&self, desk: &Desk, cause: Cause, kept: &Kept) -> Option<Timestamp> {
        let was_put_off = kept.delayed > kept.looked;
        let writes = was_put_off || matches!(kept.link.phase, Phase::Creating { .. });
        if !writes || desk.settings.running == Running::Preview {
            return None;
        }
        let taker = self.taker(cause, kept.link.team);
        let buckets = [
            (Quota::GraphWrites(desk.tenant.tenant), desk.graph_writes),
            (Quota::AllGraphWrites, desk.all_graph_writes),
        ];
        let full =
            buckets.into_iter().filter_map(|(quota, bucket)| bucket?.full_until(quota, taker.priority, taker.now));
        full.max().map(|until| taker.comes_back(until))
    }

    /// Whether a plan can be afforded now, with so many writes to the group itself.
    pub(super) async fn afford_plan(&self, look: &Look<'_>, plan: &Plan, others: usize) -> Result<Taken, StoreError> {
        let in_team = plan.steps.iter().filter(|step| step.side == Side::Team).count();
        if in_team > 0 {
            let taker = self.taker(look.report.activity.cause, look.link.team);
            let quota = Quota::Webex(look.desk.tenant.tenant);
            let taken = taker.take(self.store.as_ref(), quota, in_team, look.desk.webex_calls).await?;
            if taken != Taken::Granted {
                return Ok(taken);
            }
        }
        self.afford_writes(look, write_units(&plan.steps) + others).await
    }

    /// Whether so many units of Graph's write quotas can be afforded now.
    pub(super) async fn afford_writes(&self, look: &Look<'_>, units: usize) -> Result<Taken, StoreError> {
        if units == 0 {
            return Ok(Taken::Granted);
        }
        let (tenant, store) = (look.desk.tenant.tenant, self.store.as_ref());
        let taker = self.taker(look.report.activity.cause, look.link.team);
        match taker.take(store, Quota::GraphWrites(tenant), units, look.desk.graph_writes).await? {
            Taken::Granted => taker.take(store, Quota::AllGraphWrites, units, look.desk.all_graph_writes).await,
            refused => Ok(refused),
        }
    }

    /// The end of a look that found no room for what it would write.
    pub(super) fn waits_for_room(&self, look: &Look<'_>, until: Timestamp) -> End {
        End::PutOff { until: self.taker(look.report.activity.cause, look.link.team).comes_back(until) }
    }

    pub(super) fn taker(&self, cause: Cause, team: TeamId) -> Taker {
        let now = self.clock.now();
        let priority = match cause {
            Cause::Due | Cause::Person => Priority::Repair,
            _ => Priority::Awaited,
        };
        Taker { priority, now, lot: team.0.as_u128() ^ now.as_millisecond().unsigned_abs() as u128 }
    }
}

/// What the steps in the group cost of Graph's write quota: binds go together, everything else goes by itself.
fn write_units(steps: &[Step]) -> usize {
    let (mut binds, mut single) = (0, 0);
    for step in steps.iter().filter(|step| step.side == Side::Group) {
        match (step.to, step.truth) {
            (Standing::Absent, _) if step.read.group == Standing::Owner => single += 2,
            (Standing::Absent, _) => single += 1,
            (Standing::Member, Truth::Role) => single += 2,
            (Standing::Owner, Truth::Role) => (single, binds) = (single + 1, binds + 1),
            (_, Truth::Presence) => binds += binds_of(step).len(),
        }
    }
    bind_units(binds) + single
}

/// What so many binds cost of Graph's write quota, as many in a call as it takes.
pub(super) fn bind_units(binds: usize) -> usize {
    let (calls, rest) = (binds / RELATIONS_PER_CALL, binds % RELATIONS_PER_CALL);
    calls * RELATIONS_PER_CALL.div_ceil(BINDS_PER_UNIT) + rest.div_ceil(BINDS_PER_UNIT)
}
