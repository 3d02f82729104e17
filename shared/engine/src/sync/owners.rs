//! Owners who are no members. The directory takes the two for independent, so that somebody can own a group without being in it.
//! <https://learn.microsoft.com/graph/api/group-post-owners>

use std::collections::BTreeMap;

use super::Sync;
use super::afford::bind_units;
use super::applied::Applied;
use super::look::Look;
use super::read::Reading;
use crate::quota::Taken;
use clients::graph::{Bind, BindOutcome, Relation};
use domain::membership::{Participation, Person, Sides, Standing};
use domain::merge::{Memory, Plan, RECENT};
use store::table::StoreError;

const OWNER: Sides<Standing> = Sides { team: Standing::Owner, group: Standing::Owner };

impl Sync {
    /// Makes members of the owners whom readings have shown to be none for longer than replicas lag. One reading alone proves nothing: whoever was just taken out of the
    /// group can be an owner in one replica still, and no member in another already. Where the quotas leave no room, they wait.
    pub(super) async fn take_in_owners(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        plan: &Plan,
        participation: &BTreeMap<Person, Participation>,
        applied: &mut Applied,
    ) -> Result<Taken, StoreError> {
        let known = std::mem::take(&mut look.link.owners_alone);
        let Some(group) = &reading.group else { return Ok(Taken::Granted) };
        let alone = |person: &Person| !group.members.get().iter().any(|member| member.id == person.object);
        let takes_part = |person| matches!(participation.get(person), Some(Participation::TakesPart { .. }));
        let is_settled = |memory: &Memory| memory.agreed == OWNER && memory.intents.is_empty();
        let owners = plan.memories.iter().filter(|(person, (memory, _))| is_settled(memory) && takes_part(*person));
        let owners = owners.map(|(person, _)| person).filter(|person| alone(person));
        look.link.owners_alone =
            owners.map(|person| (person.object, known.get(&person.object).copied().unwrap_or(look.started))).collect();
        let sure = look.link.owners_alone.iter().filter(|(_, since)| look.started.duration_since(**since) >= RECENT);
        let binds: Vec<_> = sure.map(|(&person, _)| Bind { person, relation: Relation::Member }).collect();
        if binds.is_empty() || applied.stopped.is_some() {
            return Ok(Taken::Granted);
        }
        let taken = self.afford_writes(look, bind_units(binds.len())).await?;
        if taken == Taken::Granted {
            let bound = self.graph.bind(&look.calls.graph, group.group.id, &binds).await;
            // Whose call failed is asked for again, without another wait.
            for (bind, _) in &bound.outcomes {
                look.link.owners_alone.remove(&bind.person);
            }
            let became = bound.outcomes.iter().filter(|(_, outcome)| matches!(outcome, BindOutcome::Done)).count();
            if became > 0 {
                look.report.note(format!("Owners of the group who were no members of it became members: {became}."));
            }
            applied.stopped = bound.stopped.map(Into::into);
        }
        Ok(taken)
    }
}
