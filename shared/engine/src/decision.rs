//! Decisions of people, recorded in the transaction that makes them.
//!
//! # Guarantees
//! An entry of the tenant's record is only ever added. It is kept for a year, also when the tenant
//! disconnects.

use jiff::Timestamp;

use crate::activity::{self, Activity, Actor};
use crate::codes::{AlertMessage, Decision, Note};
use crate::notify;
use crate::phrases::decisions;
use domain::ids::{TeamId, TenantId};
use store::message::Trigger;
use store::table::{Store, StoreError, Write};

/// The page that lists decisions.
const PAGE: &str = "/activity";

/// An actor at the moment of a decision. What changes a tenant takes it, and records the decision.
#[derive(Clone, Copy, Debug)]
pub struct Decider<'a> {
    /// The actor.
    pub actor: &'a Actor,
    /// The moment.
    pub now: Timestamp,
}

/// The actors that have no name.
static OPERATOR: Actor = Actor::Operator;
static SYSTEM: Actor = Actor::System;

impl Decider<'_> {
    /// The operator of the deployment.
    pub fn operator(now: Timestamp) -> Self {
        Self { actor: &OPERATOR, now }
    }

    /// The system, by its own rule.
    pub fn system(now: Timestamp) -> Self {
        Self { actor: &SYSTEM, now }
    }

    /// Parts of a transaction: records a decision about the tenant.
    pub fn of_tenant(self, tenant: TenantId, decision: Decision) -> Result<Vec<Write>, StoreError> {
        let entry = self.entry(None, decision.clone());
        let mut writes = vec![activity::put_in_record(tenant, &entry)?];
        writes.extend(self.alert(tenant, &entry, decision)?);
        Ok(writes)
    }

    /// Parts of a transaction: records a decision about a team, for the team's page, too.
    pub fn of_team(
        self,
        tenant: TenantId,
        team: TeamId,
        decision: Decision,
    ) -> Result<Vec<Write>, StoreError> {
        let entry = self.entry(Some(team), decision.clone());
        // The team's page reads one partition. Its copy ends with the other activity of the team.
        let copy = activity::put_on_team(tenant, team, &entry)?;
        let mut writes = vec![activity::put_in_record(tenant, &entry)?, copy];
        writes.extend(self.alert(tenant, &entry, decision)?);
        Ok(writes)
    }

    /// Records a decision that changes nothing else.
    pub async fn record(
        self,
        store: &dyn Store,
        tenant: TenantId,
        decision: Decision,
    ) -> Result<(), StoreError> {
        store.write(self.of_tenant(tenant, decision)?).await
    }

    fn entry(self, team: Option<TeamId>, decision: Decision) -> Activity {
        let actor = Some(self.actor.clone());
        let empty = Activity::new(self.now, Trigger::Administrator);
        let note = Note::Decided { decision: Box::new(decision) };
        Activity { team, actor, notes: vec![note], ..empty }
    }

    /// The alert that tells the tenant's recipient, once.
    fn alert(
        self,
        tenant: TenantId,
        entry: &Activity,
        decision: Decision,
    ) -> Result<Option<Write>, StoreError> {
        if !decision.is_notified() {
            return Ok(None);
        }
        let by = decisions::actor(self.actor).to_owned();
        let message = AlertMessage::Decided { by, decision: Box::new(decision) };
        let page = entry.team.map_or_else(|| PAGE.into(), |team| format!("/teams/{team}"));
        // By the entry's id: two decisions of the same kind are two alerts.
        notify::raise_once(tenant, entry.id, message, page, self.now).map(Some)
    }
}
