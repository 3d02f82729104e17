//! The request for a team's new group: its names, owners and members.

use super::directory_rules::read_rules;
use super::outcomes::binds_of;
use super::types::{Reading, SyncRun};
use super::{Deps, SyncError};
use crate::codes::FailureReason;
use crate::link::Link;
use crate::tenant::DirectoryRules;
use clients::graph::{GroupCreation, NewGroup, RELATIONS_PER_CALL};
use domain::ids::{ObjectId, TeamId};
use domain::membership::{Role, Side};
use domain::merge::{Plan, display_name};

/// Longest mailNickname. <https://learn.microsoft.com/graph/api/group-post-groups>
const NICKNAME_LIMIT: usize = 64;

/// The group that a team would get, or the reason why it can have none.
pub(super) enum GroupRequest {
    Possible(NewGroup),
    Impossible { reason: FailureReason },
}

/// The alternate key of the group that is created for a team.
pub fn unique_name(team: TeamId) -> String {
    // By the team alone, so that a repeated request finds the group of the first one.
    format!("webex-team-{team}")
}

/// Composes the request for a team's group, as the directory's rules permit.
pub(super) async fn new_group(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    plan: &Plan,
) -> Result<GroupRequest, SyncError> {
    // Rules that stand in the way can have changed.
    let is_usable = |rules: &&DirectoryRules| {
        !rules.are_stale(run.started) && rules.creation == GroupCreation::Allowed
    };
    let rules = match run.context.rules.as_ref().filter(is_usable) {
        Some(rules) => rules.clone(),
        None => read_rules(deps, run).await?,
    };
    if rules.creation == GroupCreation::Restricted {
        return Ok(GroupRequest::Impossible { reason: FailureReason::CreationRestricted });
    }
    let people = first_people(plan, run.context.settings.fallback_owner);
    // A group without an owner gets no site.
    if people.owners.is_empty() {
        return Ok(GroupRequest::Impossible { reason: FailureReason::NoOwner });
    }
    Ok(GroupRequest::Possible(NewGroup {
        display_name: display_name(&reading.team.name).to_owned(),
        mail_nickname: nickname(&reading.team.name, link.team, 0),
        description: None,
        owners: people.owners,
        members: people.members,
    }))
}

struct FirstPeople {
    owners: Vec<ObjectId>,
    members: Vec<ObjectId>,
}

/// Owners first, then members, as many as one call takes. The others follow as steps.
fn first_people(plan: &Plan, fallback_owner: Option<ObjectId>) -> FirstPeople {
    let additions =
        || plan.steps.iter().filter(|step| step.side == Side::Group && !binds_of(step).is_empty());
    let owners = additions().filter(|step| step.to == Role::Owner);
    let mut owners: Vec<ObjectId> = owners.map(|step| step.person.object).collect();
    // Each owner is a member, too, and takes two places.
    owners.truncate(RELATIONS_PER_CALL / 2);
    if owners.is_empty() {
        owners.extend(fallback_owner);
    }
    let mut members = owners.clone();
    for step in additions().filter(|step| step.to == Role::Member) {
        let has_room = owners.len() + members.len() < RELATIONS_PER_CALL;
        if has_room && !members.contains(&step.person.object) {
            members.push(step.person.object);
        }
    }
    FirstPeople { owners, members }
}

/// A mailNickname for a team: its name in `[a-z0-9-]`, and digits of its id. Each attempt has more
/// digits.
pub fn nickname(title: &str, team: TeamId, attempt: u8) -> String {
    let digits = 6 + 4 * usize::from(attempt);
    let suffix: String = team.0.simple().to_string().chars().take(digits).collect();
    let plain = deunicode::deunicode_with_tofu(title, "").to_lowercase();
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let room = NICKNAME_LIMIT - suffix.len() - 1;
    let mut slug: String = words.join("-").chars().take(room).collect();
    // A cut can leave a dash at the end, and the suffix brings its own.
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() { format!("team-{suffix}") } else { format!("{slug}-{suffix}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::sync::create_group::CORRECTIONS;

    proptest! {
        #[test]
        fn nickname_is_valid_for_any_title(
            title in "\\PC{0,300}",
            id: u128,
            attempt in 0u8..=CORRECTIONS,
        ) {
            let nickname = nickname(&title, TeamId(uuid::Uuid::from_u128(id)), attempt);
            let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            prop_assert!(nickname.len() <= NICKNAME_LIMIT);
            prop_assert!(nickname.chars().all(is_allowed));
            prop_assert!(!nickname.starts_with('-') && !nickname.ends_with('-'));
            prop_assert!(!nickname.contains("--"));
        }
    }

    #[test]
    fn nickname_is_readable_for_any_script() {
        let team = TeamId(uuid::Uuid::from_u128(0xabcd_ef01_2345_6789_abcd_ef01_2345_6789));
        let nickname_of = |title, attempt| nickname(title, team, attempt);
        assert_eq!(nickname_of("Größe & Übung: Команда 1", 0), "grosse-ubung-komanda-1-abcdef");
        assert_eq!(nickname_of("???", 1), "team-abcdef0123");
    }
}
