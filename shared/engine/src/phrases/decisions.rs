//! Sentences about decisions of people. The actor is named beside them.

use crate::activity::Actor;
use crate::codes::{
    AdoptionRight, BackfillCommand, CardAnswer, Decision, Groups, Links, SignInRefusal,
};

/// Returns the name of an actor, or what it is.
pub fn actor(actor: &Actor) -> &str {
    match actor {
        Actor::Operator => "The operator of this deployment",
        Actor::System => "This integration",
        Actor::Admin(_) | Actor::Person { .. } | Actor::Directory(_) => {
            actor.name().unwrap_or_default()
        }
    }
}

/// Returns the sentences for a decision, with its actor.
pub fn with_actor(by: &str, decision: &Decision) -> String {
    format!("{by}: {}", self::decision(decision))
}

/// Returns the sentences for a decision.
pub fn decision(decision: &Decision) -> String {
    match decision {
        Decision::CardAnswered { answer: CardAnswer::Yes } => {
            "Answered the question about a group: create.".into()
        }
        Decision::CardAnswered { answer: CardAnswer::No } => {
            "Answered the question about a group: not now.".into()
        }
        Decision::LinkEnded => "Ended the link. Team and group stay.".into(),
        Decision::GroupAdopted { group, user, right } => {
            let right = match right {
                AdoptionRight::DirectoryAdministrator => "an administrator of the directory",
                AdoptionRight::GroupOwner => "an owner of the group",
            };
            format!("Adopted the group “{group}”. Signed in with Microsoft: {user}, {right}.")
        }
        Decision::SignedIn
        | Decision::SignedOut
        | Decision::SignInRefused { .. }
        | Decision::SessionEnded { .. }
        | Decision::SessionsEnded => session(decision),
        Decision::PersonConfirmed { .. }
        | Decision::ConfirmationRevoked { .. }
        | Decision::ExternalIdsWritten { .. } => account(decision),
        Decision::TenantRetired
        | Decision::TenantResumed
        | Decision::TenantImported
        | Decision::TenantErased => operation(decision),
        Decision::ServiceAccountConnected { name, replaced: None, .. } => {
            format!("Connected Webex through the account {name}.")
        }
        Decision::ServiceAccountConnected { name, replaced: Some(replaced), .. } => {
            format!("Connected Webex through the account {name}, in place of {replaced}.")
        }
        Decision::ServiceAccountRemoved => "Removed the Webex account.".into(),
        Decision::DirectoryJoined { directory, name } => {
            format!("Connected the directory {name} ({directory}).")
        }
        Decision::DirectoryReleased { directory } => {
            format!("Released the directory {directory} from the organization that had it.")
        }
        Decision::FilesConsented { by_name, .. } => {
            format!("Authorized folders, with the consent of {by_name}.")
        }
        Decision::SettingsChanged { .. } => "Changed the settings.".into(),
        Decision::RemovalsApproved { total, .. } => {
            format!("Approved {} that waited.", removals(*total))
        }
        Decision::RemovalsRejected { total, .. } => {
            format!("Rejected {} that waited.", removals(*total))
        }
        Decision::RolesDecided { total: 1, .. } => "Decided the roles of 1 person.".into(),
        Decision::RolesDecided { total, .. } => format!("Decided the roles of {total} people."),
        Decision::BackfillStarted { teams: 1 } => "Ordered a group for 1 existing team.".into(),
        Decision::BackfillStarted { teams } => {
            format!("Ordered groups for {teams} existing teams.")
        }
        Decision::BackfillOrdered { order } => match order {
            BackfillCommand::Pause => "Paused the creation of groups.".into(),
            BackfillCommand::Resume => "Resumed the creation of groups.".into(),
            BackfillCommand::Stop => "Stopped the creation of groups.".into(),
        },
        Decision::Disconnected { groups, links } => {
            format!("Disconnected. {} {}", self::groups(*groups), self::links(*links))
        }
        Decision::GroupDeletionDecided { groups } => {
            format!("Decided about the groups. {}", self::groups(*groups))
        }
    }
}

/// Sentences about sessions.
fn session(decision: &Decision) -> String {
    match decision {
        Decision::SignedIn => "Signed in.".into(),
        Decision::SignedOut => "Signed out.".into(),
        Decision::SignInRefused { why } => match why {
            SignInRefusal::NotAnAdministrator => {
                "Was refused: the account has no role for these pages.".into()
            }
            SignInRefusal::RoleEnded => {
                "Was refused: the account is no longer an administrator. Its session ended.".into()
            }
            SignInRefusal::OrganizationNotAllowed => {
                "Was refused: the organization may not use this deployment.".into()
            }
        },
        Decision::SessionEnded { name } => format!("Ended a session of {name}."),
        Decision::SessionsEnded => "Ended all sessions of all administrators.".into(),
        _ => String::new(),
    }
}

/// Sentences about accounts.
fn account(decision: &Decision) -> String {
    match decision {
        Decision::PersonConfirmed { pair, before: Some(before) } => format!(
            "Confirmed that the account {} is the user {}, and no longer {before}.",
            pair.person, pair.object
        ),
        Decision::PersonConfirmed { pair, before: None } => {
            format!("Confirmed that the account {} is the user {}.", pair.person, pair.object)
        }
        Decision::ConfirmationRevoked { pair } => format!(
            "Revoked the confirmation that the account {} is the user {}.",
            pair.person, pair.object
        ),
        Decision::ExternalIdsWritten { total, .. } => {
            format!("Wrote the externalId of {}.", accounts(*total))
        }
        _ => String::new(),
    }
}

/// Sentences about what the operator does.
fn operation(decision: &Decision) -> String {
    match decision {
        Decision::TenantRetired => "Stopped all syncs, to move or erase the tenant.".into(),
        Decision::TenantResumed => "Started the tenant again.".into(),
        Decision::TenantImported => "Moved the tenant here.".into(),
        Decision::TenantErased => "Erased everything that was stored of the tenant.".into(),
        _ => String::new(),
    }
}

fn accounts(total: usize) -> String {
    if total == 1 { "1 account".into() } else { format!("{total} accounts") }
}

fn removals(total: usize) -> String {
    if total == 1 { "1 removal".into() } else { format!("{total} removals") }
}

fn groups(groups: Groups) -> &'static str {
    match groups {
        Groups::Keep => "The groups stay.",
        Groups::Delete => "The groups are deleted.",
    }
}

fn links(links: Links) -> &'static str {
    match links {
        Links::Keep => "The links are kept for 30 days.",
        Links::Purge => "The links are deleted.",
    }
}
