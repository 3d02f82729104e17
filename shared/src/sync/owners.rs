//! Owners who are no members. The directory takes the two for independent, so that somebody can own a group without being in it.
//! <https://learn.microsoft.com/graph/api/group-post-owners>

use std::collections::BTreeMap;

use super::Sync;
use super::applied::Applied;
use super::look::Look;
use super::read::Reading;
use crate::graph::{Bind, BindOutcome, Relation};
use crate::merge::{Memory, Plan, RECENT};
use crate::roster::{Participation, Person, Sides, Standing};

const OWNER: Sides<Standing> = Sides { team: Standing::Owner, group: Standing::Owner };

impl Sync {
    /// Makes members of the owners whom readings have shown to be none for longer than replicas lag. One reading alone proves nothing: whoever was just taken out of the
    /// group can be an owner in one replica still, and no member in another already.
    pub(super) async fn take_in_owners(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        plan: &Plan,
        participation: &BTreeMap<Person, Participation>,
        applied: &mut Applied,
    ) {
        let known = std::mem::take(&mut look.link.owners_alone);
        let Some(group) = &reading.group else { return };
        let alone = |person: &Person| !group.members.get().iter().any(|member| member.id == person.object);
        let takes_part = |person| matches!(participation.get(person), Some(Participation::TakesPart { .. }));
        let is_settled = |memory: &Memory| memory.agreed == OWNER && memory.intents.is_empty();
        let owners = plan.memories.iter().filter(|(person, (memory, _))| is_settled(memory) && takes_part(*person));
        for (&person, _) in owners.filter(|(person, _)| alone(person)) {
            let since = known.get(&person.object).copied().unwrap_or(look.started);
            if look.started.duration_since(since) >= RECENT && applied.stopped.is_none() {
                let bind = Bind { person: person.object, relation: Relation::Member };
                let bound = self.graph.bind(&look.calls.graph, group.group.id, &[bind]).await;
                if let [(_, BindOutcome::Done)] = bound.outcomes.as_slice() {
                    look.report.note("An owner of the group who was no member of it became one.");
                }
                applied.stopped = bound.stopped.map(Into::into);
            } else {
                look.link.owners_alone.insert(person.object, since);
            }
        }
    }
}
