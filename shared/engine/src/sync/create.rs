//! A group for a team: the request is stored before it is sent, found again by its unique name, and repeated verbatim.

use jiff::SignedDuration;

use super::applied::{Applied, binds_of};
use super::look::{End, Look};
use super::read::Reading;
use super::{Sync, SyncError};
use crate::link::{self, Claim, Link, OnLink, Phase, Request, TroubleKind, Who};
use crate::people::{Known, PersonIndex};
use crate::tenant::DirectoryRules;
use clients::graph::{Group, GroupCreation, NewGroup, RELATIONS_PER_CALL, Relation, Upserted};
use domain::ids::{GroupId, ObjectId, TeamId};
use domain::membership::{Side, Standing};
use domain::merge::{Decoration, Memory, Names, Plan, RECENT};
use store::keys;
use store::table::{Condition, StoreError, Write, to_item};

/// How often a name or nickname is changed at the service's wish before somebody has to look into it.
const CORRECTIONS: u8 = 5;

/// Longest mailNickname. <https://learn.microsoft.com/graph/api/group-post-groups>
const NICKNAME_LIMIT: usize = 64;

/// Longest displayName that a naming policy leaves room for in the prefix of a slug; the rest is cut.
const DISPLAY_NAME_LIMIT: usize = 256;

/// Whether a look has to create the group.
pub(super) enum Creation {
    /// It exists.
    None,
    /// It has to be created, with this.
    Prepared(Prepared),
    /// It cannot be created now.
    End(End),
}

/// A request that is ready, and whether it may have been sent before.
pub(super) struct Prepared {
    attempt: Attempt,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    First,
    Again,
}

/// The alternate key of a group that is made for a team.
pub fn unique_name(team: TeamId) -> String {
    format!("webex-team-{team}")
}

impl Sync {
    /// Makes the request for a group that does not exist yet, or takes the stored one. A group that an earlier attempt made is taken over.
    pub(super) async fn prepare(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        plan: &Plan,
    ) -> Result<Creation, SyncError> {
        let Phase::Creating { request } = look.link.phase.clone() else { return Ok(Creation::None) };
        if let Some(request) = request {
            if let Some(group) =
                self.graph.group_by_unique_name(&look.calls.graph, &unique_name(look.link.team)).await?
            {
                return Ok(Creation::End(self.take_over(look, reading, &request, group).await?));
            }
            if look.started.duration_since(request.at) < RECENT {
                return Ok(Creation::Prepared(Prepared { attempt: Attempt::Again }));
            }
        }
        let group = match self.new_group(look, reading, plan).await? {
            Ok(group) => group,
            Err((kind, reason)) => return Ok(Creation::End(End::Trouble { kind, reason })),
        };
        look.link.phase = Phase::Creating { request: Some(Request { group, at: look.started, corrections: 0 }) };
        Ok(Creation::Prepared(Prepared { attempt: Attempt::First }))
    }

    /// The group that a team would get, or why it cannot have one.
    pub(super) async fn new_group(
        &self,
        look: &Look<'_>,
        reading: &Reading,
        plan: &Plan,
    ) -> Result<Result<NewGroup, (TroubleKind, String)>, SyncError> {
        let rules = match look.desk.rules.as_ref().filter(|rules| !rules.are_stale(look.started)) {
            Some(rules) => rules.clone(),
            None => self.read_rules(look).await?,
        };
        if rules.creation == GroupCreation::Restricted {
            let reason = "The directory's settings do not let users create groups (EnableGroupCreation).".into();
            return Ok(Err((TroubleKind::CreationRestricted, reason)));
        }
        let reason = "No moderator of the team takes part, and there is no fallback owner: a group without an owner gets no site.";
        Ok(self.request(look, reading, plan).ok_or_else(|| (TroubleKind::NoOwner, reason.into())))
    }

    /// Owners first, then members, as many as one call takes; the others follow.
    fn request(&self, look: &Look<'_>, reading: &Reading, plan: &Plan) -> Option<NewGroup> {
        let additions = || plan.steps.iter().filter(|step| step.side == Side::Group && !binds_of(step).is_empty());
        let mut owners: Vec<ObjectId> =
            additions().filter(|step| step.to == Standing::Owner).map(|step| step.person.object).collect();
        owners.truncate(RELATIONS_PER_CALL / 2);
        if owners.is_empty() {
            owners.extend(look.desk.settings.fallback_owner);
        }
        let mut members = owners.clone();
        for step in additions().filter(|step| step.to == Standing::Member) {
            if owners.len() + members.len() < RELATIONS_PER_CALL && !members.contains(&step.person.object) {
                members.push(step.person.object);
            }
        }
        let display_name = reading.team.name.chars().take(DISPLAY_NAME_LIMIT).collect();
        let mail_nickname = nickname(&reading.team.name, look.link.team, 0);
        (!owners.is_empty()).then_some(NewGroup { display_name, mail_nickname, description: None, owners, members })
    }

    /// Sends the stored request until the group exists. What the service wants different is stored before it is sent.
    pub(super) async fn create(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        plan: &Plan,
        prepared: Prepared,
        applied: &mut Applied,
    ) -> Result<Option<GroupId>, SyncError> {
        loop {
            let Phase::Creating { request: Some(request) } = look.link.phase.clone() else {
                return Ok(look.link.group());
            };
            let mut corrected = request.clone();
            match self.graph.upsert_group(&look.calls.graph, &unique_name(look.link.team), &request.group).await {
                Ok(Upserted::Created(group)) => {
                    self.group_exists(look, reading, &request, &group).await?;
                    self.agree_on_fallback(look, plan, &request.group).await?;
                    for step in plan.steps.iter().filter(|step| is_within(&request.group, step)) {
                        applied.done(*step);
                    }
                    return Ok(Some(group.id));
                }
                // Its body is not told: the next look finds it by its name.
                Ok(Upserted::Existed) if prepared.attempt == Attempt::Again || request.corrections > 0 => {
                    applied.stop(self.not_found_yet());
                    return Ok(None);
                }
                Ok(Upserted::Existed) => return Err(SyncError::SomebodyElsesGroup(look.link.team)),
                Ok(Upserted::NeedsName { suggested }) => corrected.group.display_name = suggested,
                Ok(Upserted::NicknameTaken) => {
                    corrected.group.mail_nickname =
                        nickname(&reading.team.name, look.link.team, request.corrections + 1);
                }
                Ok(Upserted::BindRefused(error)) => {
                    if !self.without_missing_users(look, &mut corrected.group).await? {
                        return Err(error.into());
                    }
                }
                Err(error) => {
                    applied.stop(error);
                    return Ok(None);
                }
            }
            corrected.corrections += 1;
            if corrected.corrections > CORRECTIONS || corrected.group.owners.is_empty() {
                return Err(SyncError::CreationRefused(look.link.team));
            }
            look.link.phase = Phase::Creating { request: Some(corrected) };
            self.store.write(vec![look.lease.keep(&look.link)?]).await?;
        }
    }

    /// The fallback owner owns the group for want of somebody from the team: that is agreed, and takes nobody into the team.
    async fn agree_on_fallback(&self, look: &mut Look<'_>, plan: &Plan, group: &NewGroup) -> Result<(), SyncError> {
        let is_wanted = |owner: &ObjectId| !plan.steps.iter().any(|step| step.person.object == *owner);
        let Some(owner) =
            look.desk.settings.fallback_owner.filter(|owner| group.owners.contains(owner) && is_wanted(owner))
        else {
            return Ok(());
        };
        let index = PersonIndex::new(self.store.as_ref(), look.desk.tenant.tenant);
        if let Some(pair) = index.bearers_of([owner]).await?.get(&owner).and_then(Known::pair) {
            let memory = Memory::of_an_owner_of_the_group(self.clock.now());
            look.report.people.insert(Who::Person(pair), Some(OnLink { memory, ..OnLink::default() }));
        }
        Ok(())
    }

    /// A bind was refused: whoever is no user of the directory is taken out of the request. Says whether somebody was.
    async fn without_missing_users(&self, look: &Look<'_>, group: &mut NewGroup) -> Result<bool, SyncError> {
        let users = self.graph.users(&look.calls.graph, &group.members).await?;
        let missing: Vec<ObjectId> =
            group.members.iter().copied().filter(|id| !users.iter().any(|user| user.id == *id)).collect();
        group.members.retain(|id| !missing.contains(id));
        group.owners.retain(|id| !missing.contains(id));
        let index = PersonIndex::new(self.store.as_ref(), look.desk.tenant.tenant);
        for object in &missing {
            index.observe_user(*object, None, self.clock.now()).await?;
        }
        Ok(!missing.is_empty())
    }

    /// A group with the team's unique name is there before this attempt: ours if it is younger than the stored request.
    async fn take_over(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        request: &Request,
        group: Group,
    ) -> Result<End, SyncError> {
        let is_ours = group.created.is_none_or(|created| created >= request.at - SignedDuration::from_mins(5));
        if !is_ours {
            return Err(SyncError::SomebodyElsesGroup(look.link.team));
        }
        self.group_exists(look, reading, request, &group).await?;
        Ok(End::Wait { until: self.clock.now() + SignedDuration::from_secs(5) })
    }

    /// Links the group: from now on it is read. A group belongs to one team.
    async fn group_exists(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        request: &Request,
        group: &Group,
    ) -> Result<(), SyncError> {
        let (tenant, team) = (&look.desk.tenant, look.link.team);
        let given = &request.group.display_name;
        let link = Link {
            phase: Phase::Linked { group: group.id },
            group_since: Some(self.clock.now()),
            names: Some(Names::at_creation(reading.team.name.clone(), given, group.display_name.clone())),
            ..look.link.clone()
        };
        let claim = Claim { tenant: tenant.tenant, team, region: link.region.clone() };
        match self.store.write(vec![claim.put(tenant.directory, group.id)?, look.lease.keep(&link)?]).await {
            Err(StoreError::ConditionFailed) => {
                let mut claims = link::claims(self.store.as_ref(), tenant.directory, [group.id]).await?;
                match claims.remove(&group.id) {
                    // An administrator was faster, and connected it elsewhere.
                    Some(other) if other != claim => return Err(SyncError::SomebodyElsesGroup(team)),
                    // Written, and the answer lost.
                    Some(_) if look.lease.read(self.store.as_ref()).await?.is_some_and(|kept| kept.link == link) => {}
                    _ => return Err(SyncError::LeaseLost(team)),
                }
            }
            written => written?,
        }
        look.link = link;
        look.report.note(format!("The group “{}” was created.", group.display_name));
        Ok(())
    }

    /// Reads the directory's rules for groups and keeps them for a day.
    pub(super) async fn read_rules(&self, look: &Look<'_>) -> Result<DirectoryRules, SyncError> {
        let settings = self.graph.group_settings(&look.calls.graph).await?;
        let rules = DirectoryRules {
            read_at: self.clock.now(),
            creation: settings.creation,
            naming: settings.naming_requirement.as_deref().map(Decoration::required_by).unwrap_or_default(),
        };
        let item = to_item(&keys::directory_rules(look.desk.tenant.tenant), &rules)?;
        self.store.write(vec![Write::Put(item, Condition::Any)]).await?;
        Ok(rules)
    }

    fn not_found_yet(&self) -> SyncError {
        SyncError::GroupNotFoundYet
    }
}

/// Whether the request makes the step's person what the step wants.
fn is_within(group: &NewGroup, step: &domain::merge::Step) -> bool {
    step.side == Side::Group
        && binds_of(step).iter().all(|bind| match bind.relation {
            Relation::Owner => group.owners.contains(&bind.person),
            Relation::Member => group.members.contains(&bind.person),
        })
}

/// A mailNickname for a team: what is left of its name in `[a-z0-9-]`, and a few digits of its id, more of them with each attempt.
pub fn nickname(title: &str, team: TeamId, attempt: u8) -> String {
    let suffix: String = team.0.simple().to_string().chars().take(6 + 4 * usize::from(attempt)).collect();
    let plain = deunicode::deunicode_with_tofu(title, "").to_lowercase();
    let words: Vec<&str> = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut slug: String = words.join("-").chars().take(NICKNAME_LIMIT - suffix.len() - 1).collect();
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() { format!("team-{suffix}") } else { format!("{slug}-{suffix}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_nickname_is_one_whatever_the_team_is_called(title in "\\PC{0,300}", id: u128, attempt in 0u8..=CORRECTIONS) {
            let nickname = nickname(&title, TeamId(uuid::Uuid::from_u128(id)), attempt);
            prop_assert!(nickname.len() <= NICKNAME_LIMIT);
            prop_assert!(nickname.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            prop_assert!(!nickname.starts_with('-') && !nickname.ends_with('-') && !nickname.contains("--"));
        }
    }

    #[test]
    fn names_of_every_script_leave_something_readable() {
        let team = TeamId(uuid::Uuid::from_u128(0xabcd_ef01_2345_6789_abcd_ef01_2345_6789));
        assert_eq!(nickname("Größe & Übung: Команда 1", team, 0), "grosse-ubung-komanda-1-abcdef");
        assert_eq!(nickname("???", team, 1), "team-abcdef0123");
    }
}
