//! A look in preview mode: what it would do is stored to be shown, and that is all.
//!
//! # Guarantees
//! * Nothing is written outside, and of the link nothing changes but its title: the first live look afterwards finds what the last one before left.
//! * What is stored besides is known of the directories rather than of the link: the person index, the rules for groups, and who is on one side only.

use jiff::SignedDuration;

use super::apply::{Weighed, keep_left_out, returns_due};
use super::look::{End, Look, Occasion};
use super::read::{Reading, Sight};
use super::upkeep::wants_inside;
use super::{Sync, SyncError};
use crate::link::{Phase, TroubleKind, Who};
use crate::preview::{self, Consent, GroupOutlook, Move, Of, OfficerOutlook, Preview, Rename};
use domain::membership::{Participation, Side, Standing};
use domain::merge::{NameWrite, Plan};

impl Sync {
    /// Stores what a live look would do now.
    pub(super) async fn preview(&self, look: &mut Look<'_>) -> Result<End, SyncError> {
        let mut link = look.link.clone();
        let foreseen = self.foresee(look).await;
        link.title.clone_from(&look.link.title);
        look.link = link;
        let (preview, end) = foreseen?;
        if look.occasion == Occasion::Thorough {
            look.link.previewed_at = Some(look.started);
        }
        look.link.shown_at = Some(look.started);
        let (tenant, team) = (look.desk.tenant.tenant, look.link.team);
        if preview::stored_hash(self.store.as_ref(), tenant, team).await?.as_ref() != Some(&preview.hash()) {
            look.report.further.push(preview::count_change(tenant));
        }
        look.report.further.extend(preview.puts(tenant, team, Of::Look)?);
        Ok(end)
    }

    async fn foresee(&self, look: &mut Look<'_>) -> Result<(Preview, End), SyncError> {
        let blocked = |kind, reason: &str| GroupOutlook::Blocked { kind, reason: reason.into() };
        let reading = match self.read(look).await? {
            Sight::Clear(reading) => *reading,
            Sight::NoTeam => {
                let group = blocked(TroubleKind::TeamMissing, "The team cannot be seen.");
                return Ok((nothing_but(look, group), End::Looked { due: None }));
            }
            Sight::NoGroup(_) => {
                let group = blocked(TroubleKind::GroupMissing, "The group cannot be seen.");
                return Ok((nothing_but(look, group), End::Looked { due: None }));
            }
        };
        self.what_follows(look, &reading).await
    }

    /// What a live look would do on this reading, and when there is more to see.
    pub(super) async fn what_follows(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
    ) -> Result<(Preview, End), SyncError> {
        let weighed = self.weigh(look, reading).await?;
        keep_left_out(look, reading, &weighed.everybody);
        let mut preview = nothing_but(look, self.group_outlook(look, reading, &weighed.plan).await?);
        preview.left_out = left_out(&weighed);
        preview.unresolved = weighed.everybody.unresolved;
        if !matches!(preview.group, GroupOutlook::Blocked { .. }) {
            preview.moves = moves(&weighed.plan, reading);
            preview.rename = weighed.rename.as_ref().map(|write| rename(write, reading));
            preview.officer = if wants_inside(look, reading) { OfficerOutlook::Joins } else { OfficerOutlook::Stays };
        }
        let end = if preview.unresolved > 0 {
            End::Wait { until: self.clock.now() + SignedDuration::from_secs(5) }
        } else {
            End::Looked { due: returns_due(weighed.participation.values(), look.started) }
        };
        Ok((preview, end))
    }

    async fn group_outlook(&self, look: &Look<'_>, reading: &Reading, plan: &Plan) -> Result<GroupOutlook, SyncError> {
        let consent = match look.link.phase {
            Phase::Asked { .. } => Consent::Creator,
            Phase::Creating { .. } => Consent::NotNeeded,
            Phase::Linked { .. } | Phase::Ended { .. } => return Ok(GroupOutlook::Exists),
        };
        Ok(match self.new_group(look, reading, plan).await? {
            Ok(group) => {
                let is_of_the_team = |owner| plan.steps.iter().any(|step| step.person.object == owner);
                let fallback_owner = group.owners.iter().copied().find(|owner| !is_of_the_team(*owner));
                let (name, mail_nickname) = (group.display_name, group.mail_nickname);
                GroupOutlook::Created { name, mail_nickname, fallback_owner, consent }
            }
            Err((kind, reason)) => GroupOutlook::Blocked { kind, reason },
        })
    }
}

fn nothing_but(look: &Look<'_>, group: GroupOutlook) -> Preview {
    Preview {
        at: look.started,
        group,
        officer: OfficerOutlook::Stays,
        rename: None,
        moves: vec![],
        left_out: vec![],
        unresolved: 0,
    }
}

fn moves(plan: &Plan, reading: &Reading) -> Vec<Move> {
    let steps = plan.steps.iter().map(|step| Move {
        person: step.person,
        side: step.side,
        from: step.read[step.side],
        to: step.to,
        held: None,
    });
    let held = plan.held.iter().flat_map(|(why, removals)| removals.iter().map(|removal| (*why, *removal)));
    let held = held.map(|(why, removal)| Move {
        person: removal.person,
        side: removal.side,
        from: reading.of(removal.person)[removal.side],
        to: Standing::Absent,
        held: Some(why),
    });
    steps.chain(held).collect()
}

fn rename(write: &NameWrite, reading: &Reading) -> Rename {
    match write {
        NameWrite::Team { title, .. } => {
            Rename { side: Side::Team, from: reading.team.name.clone(), to: title.clone() }
        }
        NameWrite::Group(to) => {
            let from = reading.group.as_ref().map(|group| group.group.display_name.clone()).unwrap_or_default();
            Rename { side: Side::Group, from, to: to.clone() }
        }
    }
}

fn left_out(weighed: &Weighed) -> Vec<(Who, domain::membership::LeftOut)> {
    let people = weighed.participation.iter().filter_map(|(person, participation)| match participation {
        Participation::LeftOut { reason } => Some((Who::Person(*person), *reason)),
        Participation::TakesPart { .. } => None,
    });
    people.chain(weighed.everybody.left_out.iter().map(|(who, reason)| (*who, *reason))).collect()
}
