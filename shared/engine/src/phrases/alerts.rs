//! Sentences of alerts to administrators.

use jiff::Timestamp;

use super::{decisions, failures, folders};
use crate::codes::{AlertMessage, FailingPerson, Provider};
use domain::membership::Side;

/// The headline of a message with alerts, in Webex's markdown.
pub const HEADLINE: &str = "**Webex teams and Microsoft 365 groups**";

/// Returns the sentences of an alert, as plain text.
pub fn message(message: &AlertMessage) -> String {
    match message {
        AlertMessage::Suspended { reason, since } => {
            let reason = failures::suspension(*reason);
            format!("{reason} Nothing is changed until then. (Since {since:.0})")
        }
        AlertMessage::Resumed { since } => {
            format!("Sync works again. It was paused since {since:.0}.")
        }
        AlertMessage::ServiceFailing { provider, since, until, said } => {
            service_failing(*provider, *since, *until, said)
        }
        AlertMessage::ServiceAccountTokensEnd { at } => {
            format!(
                "The service account's Webex sign-in ends soon and could not be renewed: {at:.0}."
            )
        }
        AlertMessage::Decided { by, decision } => decisions::with_actor(by, decision),
        AlertMessage::FilesConsentLost => {
            "Microsoft 365 no longer lets the integration work with files. Spaces get no folders \
             until an administrator of the directory authorizes it again. People and names still \
             sync."
                .into()
        }
        AlertMessage::RemovalsPending { team } => {
            format!("“{team}”: removals wait for your approval.")
        }
        AlertMessage::LinkFailing { team, since, reason } => {
            let reason = failures::failure(reason);
            format!("“{team}”: not in sync since {since:.0}: {reason}")
        }
        AlertMessage::TeamDeleted { team } => format!(
            "“{team}”: Webex has not found the team for three hours, so its link has ended. The \
             link comes back automatically if the team does within 30 days."
        ),
        AlertMessage::GroupDeleted { team } => format!(
            "“{team}”: Microsoft 365 has not found the group for three hours, so the link has \
             ended. The link comes back automatically if the group does within 30 days."
        ),
        AlertMessage::LinkReturned { team } => {
            format!("“{team}”: team and group are both there again, and the link is back.")
        }
        AlertMessage::PeopleFailing { team, people, named } => people_failing(team, *people, named),
        AlertMessage::RenameRefused { team, side, to, said } => {
            rename_refused(team, *side, to, said)
        }
        AlertMessage::RenameLost { team, side } => format!("“{team}”: {}", rename_lost(*side)),
        AlertMessage::NearOwnerLimit { team, owners, limit } => {
            format!("“{team}”: {owners} owners; a group can have {limit}.")
        }
        AlertMessage::NearExpiry { team } => format!(
            "“{team}”: the directory's expiration policy is going to delete the group, although \
             it was renewed."
        ),
        AlertMessage::FoldersBlocked { team, blocker, since } => {
            format!("“{team}”: {} (Since {since:.0})", folders::blocker(*blocker))
        }
        AlertMessage::FolderFailing { team, space, status, since, said } => {
            let status = folders::status(*status);
            let said = said.as_deref().unwrap_or_default();
            format!(
                "“{team}”: the folder of the space “{space}” has failed since {since:.0}: \
                 {status} {said}"
            )
        }
    }
}

/// Words a rename that a service acknowledged several times and lost.
pub fn rename_lost(side: Side) -> &'static str {
    match side {
        Side::Team => {
            "Webex accepted the team's new title several times but never made it. It is retried \
             once a day."
        }
        Side::Group => {
            "Microsoft 365 accepted the group's new name several times but never made it. It is \
             retried once a day."
        }
    }
}

fn rename_refused(team: &str, side: Side, to: &str, said: &str) -> String {
    format!(
        "“{team}”: the {side} refused the name “{to}”: {said}. It is retried once a day. To try it \
         sooner, end the cause and choose “Sync now” on the team's page, or rename either side."
    )
}

/// Names people with cause and remedy, and counts the others.
fn people_failing(team: &str, people: usize, named: &[FailingPerson]) -> String {
    let sentence = |one: &FailingPerson| {
        let (object, cause) = (one.person.object, failures::person_failure(&one.failure));
        let remedy = failures::remedy(&one.failure);
        format!("The Microsoft 365 user {object} is not in sync. {cause} {remedy}")
    };
    let sentences: Vec<String> = named.iter().map(sentence).collect();
    let others = match people.saturating_sub(named.len()) {
        0 => String::new(),
        1 => " One more person is not in sync: the team's page says why.".into(),
        others => format!(" {others} more people are not in sync: the team's page says why."),
    };
    format!("“{team}”: {}{others}", sentences.join(" "))
}

fn service_failing(
    provider: Provider,
    since: Timestamp,
    until: Option<Timestamp>,
    said: &str,
) -> String {
    let name = match provider {
        Provider::Webex => "Webex",
        Provider::Microsoft => "Microsoft 365",
    };
    match until {
        None => format!(
            "{name} has failed for all teams since {since:.0}. Nothing is lost: sync goes on \
             automatically when the service works again. If this lasts, look at its status page. \
             It answered: {said}"
        ),
        Some(until) => format!(
            "{name} failed for all teams from {since:.0} to {until:.0}. Nothing is lost: the \
             changes of that time are synced now."
        ),
    }
}

/// Returns the link to an alert's page, in Webex's markdown.
pub fn see(url: &str) -> String {
    format!("([see]({url}))")
}

/// Returns the last line of a message that does not name all alerts, in Webex's markdown.
pub fn more(count: usize, url: &str) -> String {
    format!("- and {count} more: [see all of them]({url})")
}
