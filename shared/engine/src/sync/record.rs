//! What a look leaves behind, stored with its last word on the link.

use std::collections::BTreeMap;

use crate::activity::{Activity, PersonChange};
use crate::link::{self, Link, OnLink, Who};
use crate::safety::removal_counter;
use domain::ids::{TeamId, TenantId};
use domain::membership::Side;
use jiff::Timestamp;
use store::message::Cause;
use store::table::{StoreError, Write};

/// What a look has to store besides the link.
pub(super) struct Report {
    /// Who is known differently now; `None` for who is no longer on the link.
    pub(super) people: BTreeMap<Who, Option<OnLink>>,
    /// Further writes: held plans.
    pub(super) further: Vec<Write>,
    /// How many memberships more, or fewer, the link has.
    pub(super) more_memberships: i64,
    /// What was done.
    pub(super) activity: Activity,
}

impl Report {
    /// Of a look that began at `at`.
    pub(super) fn of(at: Timestamp, cause: Cause) -> Self {
        Self { people: BTreeMap::new(), further: vec![], more_memberships: 0, activity: Activity::new(at, cause) }
    }

    /// Something that was done, in words.
    pub(super) fn note(&mut self, words: impl Into<String>) {
        self.activity.notes.push(words.into());
    }

    /// Something that was done to a person.
    pub(super) fn change(&mut self, change: PersonChange) {
        self.activity.changes.push(change);
    }

    /// What the operator's dashboard and log show of it. Who is left out counts once a day, with the daily look.
    pub(super) fn measure(
        &self,
        tenant: TenantId,
        asked_at: Timestamp,
        now: Timestamp,
        link: &Link,
        started: Timestamp,
    ) {
        let Activity { cause, changes, request_ids, .. } = &self.activity;
        tracing::info!(%tenant, team = %link.team, ?cause, changes = changes.len(), ?request_ids, "looked");
        let done = changes.iter().filter(|change| change.refused.is_none());
        let mut has_changed = false;
        for change in done {
            has_changed = true;
            let name = match (change.side, change.from.is_present(), change.to.is_present()) {
                (Side::Team, false, true) => "PeopleAddedToTeams",
                (Side::Team, true, false) => "PeopleRemovedFromTeams",
                (Side::Group, false, true) => "PeopleAddedToGroups",
                (Side::Group, true, false) => "PeopleRemovedFromGroups",
                _ => "RolesChanged",
            };
            metrics::counter!(name).increment(1);
        }
        if has_changed {
            let milliseconds = now.duration_since(asked_at).as_millis();
            metrics::histogram!("Lag").record(f64::from(u32::try_from(milliseconds).unwrap_or(u32::MAX)));
        }
        metrics::counter!("Looks").increment(1);
        metrics::counter!("HeldLooks").increment(u64::from(link.held.is_some()));
        if link.daily_at == Some(started) {
            metrics::counter!("LeftOut").increment(link.counts.left_out as u64);
        }
    }

    pub(super) fn writes(&self, tenant: TenantId, team: TeamId) -> Result<Vec<Write>, StoreError> {
        let mut writes = self.further.clone();
        for (who, on_link) in &self.people {
            writes.push(match on_link {
                Some(on_link) => link::put_person(tenant, team, *who, on_link)?,
                None => link::delete_person(tenant, team, *who),
            });
        }
        if self.more_memberships != 0 {
            writes.push(removal_counter::count_memberships(tenant, self.more_memberships));
        }
        if !self.activity.is_empty() {
            writes.extend(self.activity.puts(tenant, team)?);
        }
        Ok(writes)
    }
}
