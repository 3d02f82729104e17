//! Teams, their people and their pending removals in words.

use domain::membership::{Role, Side};
use domain::merge::{Direction, PersonState};
use engine::phrases::alerts::rename_lost;
use engine::phrases::differences;
pub(crate) use engine::phrases::differences::pending_because;
pub(crate) use engine::phrases::failures::failure;
use engine::phrases::failures::person_failure;
use jiff::Timestamp;

use engine::link::{Ended, Link, LinkRow, LinkState, Phase};
use engine::preview::{Consent, GroupOutlook, Rename};
use engine::tenant::settings::{Running, Settings};

use crate::view::phrases::date;

/// The state of a team's link.
pub(crate) fn state(state: LinkState) -> &'static str {
    match state {
        LinkState::PendingApproval => "Waiting for you",
        LinkState::Failing => "Failing",
        LinkState::Differing => "Not in sync",
        LinkState::Creating => "Being created",
        LinkState::Asked => "Creator asked",
        LinkState::Active => "In sync",
        LinkState::Ended => "Unlinked",
    }
}

/// The tile of the teams in one state.
pub(crate) fn tile(state: LinkState) -> &'static str {
    match state {
        LinkState::PendingApproval => "Teams waiting for you",
        LinkState::Failing => "Teams failing",
        LinkState::Differing => "Teams not in sync",
        LinkState::Creating => "Groups being created",
        LinkState::Asked => "Creators asked",
        LinkState::Active => "Teams in sync",
        LinkState::Ended => "Teams unlinked",
    }
}

/// The state of a team's link, with the number of people who differ.
pub(crate) fn state_with_count(link: &Link) -> String {
    let state = state(link.state());
    match link.differing_people {
        0 => state.into(),
        1 => format!("{state}: 1 person differs"),
        people => format!("{state}: {people} people differ"),
    }
}

/// The filter that shows all states.
pub(crate) const ALL_STATES: &str = "All";

/// A person's role on one side, in that side's word.
pub(crate) fn role(side: Side, role: &Role) -> &'static str {
    match (side, role) {
        (_, Role::None) => "—",
        (_, Role::Member) => "Member",
        (Side::Team, Role::Owner) => "Moderator",
        (Side::Group, Role::Owner) => "Owner",
    }
}

/// The role that a person had on one side before its list lacked them.
pub(crate) fn role_before(side: Side, role: &Role, since: Timestamp) -> String {
    format!("{} until {}", self::role(side, role), date(since))
}

/// A rename that is deferred.
pub(crate) fn deferred_rename(link_row: &LinkRow) -> Option<String> {
    let names = link_row.link.names.as_ref()?;
    let deferred = names.deferred.as_ref()?;
    if let Some(side) = names.lost_for_good() {
        return Some(rename_lost(side).into());
    }
    Some(differences::rename(deferred))
}

/// The way back of a link that ended because its team or group did not answer.
pub(crate) fn way_back(link_row: &LinkRow) -> Option<String> {
    let Phase::Ended { why, way_back: Some(way_back) } = &link_row.link.phase else { return None };
    let what = match why {
        Ended::TeamDeleted => "Webex no longer finds the team",
        // A way back exists only for these two ends.
        _ => "Microsoft 365 no longer finds the group",
    };
    let (since, until) = (date(way_back.since), date(way_back.ends_at()));
    Some(format!(
        "{what}, so the link ended {since}. It is asked about once a day until {until}. If it is \
         found again, the link goes on where it ended."
    ))
}

/// The reason why a person is not in sync, or not yet. `removal` is the side of a removal that
/// waits for approval.
pub(crate) fn open(state: &PersonState, removal: Option<Side>, now: Timestamp) -> Option<String> {
    if let Some(failure) = state.failure(now) {
        return Some(person_failure(&failure));
    }
    let deferred = &state.deferred;
    if let Some(deferred) = [&deferred.presence, &deferred.ownership].into_iter().flatten().next() {
        return Some(differences::deferred(deferred.side, &deferred.by));
    }
    if let Some(side) = removal {
        return Some(format!("Their removal {} waits for you.", removed_from(side)));
    }
    if let Some(side) = Side::BOTH.into_iter().find(|side| state.absent_since(*side).is_some()) {
        return Some(differences::missing(side));
    }
    None
}

/// The reason why a difference is open that no sync has met an obstacle with.
pub(crate) fn stays_open(settings: &Settings) -> &'static str {
    match (settings.switched_on_at, settings.running, settings.direction) {
        (None, ..) => "Sync is off.",
        (_, Running::Preview, _) => "Preview mode is on, so nothing is changed.",
        (.., Direction::Microsoft) => {
            "Changes in the team are not synced: the direction is from Microsoft 365 only."
        }
        (.., Direction::Both) => "The next sync makes both sides equal, or says why it can't.",
    }
}

/// The button that changes a person on `side` from one role to another.
pub(crate) fn resolve(side: Side, from: Role, to: Role) -> &'static str {
    match (side, from, to) {
        (Side::Team, _, Role::None) => "Remove from the team",
        (Side::Group, _, Role::None) => "Remove from the group",
        (Side::Team, Role::None, Role::Member) => "Add to the team",
        (Side::Group, Role::None, Role::Member) => "Add to the group",
        (Side::Team, Role::None, Role::Owner) => "Add to the team as moderator",
        (Side::Group, Role::None, Role::Owner) => "Add to the group as owner",
        (Side::Team, _, Role::Owner) => "Make moderator of the team",
        (Side::Group, _, Role::Owner) => "Make owner of the group",
        (Side::Team, _, Role::Member) => "Make member of the team",
        (Side::Group, _, Role::Member) => "Make member of the group",
    }
}

/// The change that preview mode expects of the team's group.
pub(crate) fn group_outlook(group: &GroupOutlook) -> Option<String> {
    match group {
        GroupOutlook::Exists => None,
        GroupOutlook::Created { name, consent: Consent::NotNeeded, .. } => {
            Some(format!("The group “{name}” is created"))
        }
        GroupOutlook::Created { name, consent: Consent::Creator, .. } => {
            Some(format!("If the creator agrees, the group “{name}” is created"))
        }
        GroupOutlook::Blocked { reason, .. } => Some(failure(reason)),
    }
}

/// The service account would join the team.
pub(crate) const ACCOUNT_JOINS: &str = "The account joins the team as a moderator";

/// A rename that preview mode expects.
pub(crate) fn rename(rename: &Rename) -> String {
    let Rename { side, from, to } = rename;
    format!("The {side} “{from}” becomes “{to}”")
}

/// A change that would wait for approval.
pub(crate) fn would_wait(line: &str) -> String {
    format!("{line}; this would wait for you")
}

/// The side that a person would be removed from.
pub(crate) fn removed_from(side: Side) -> &'static str {
    match side {
        Side::Team => "from the team",
        Side::Group => "from the group",
    }
}
