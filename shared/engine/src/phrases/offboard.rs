//! Sentences about what an offboarding could not do.

use crate::codes::OffboardingFailure;

/// Says that the directory was released.
pub const RELEASED: &str = "**Webex teams and Microsoft 365 groups**\n\
    - An administrator of the Microsoft directory has released it from your Webex organization. \
    Sync has ended, and the groups stay as they are. The report is on the integration's pages.";

/// Says what could not be done, and why.
pub fn failure(failure: &OffboardingFailure) -> String {
    match failure {
        OffboardingFailure::ConnectedAgain => {
            "The organization connected again: what was left to do was not done.".into()
        }
        OffboardingFailure::Webhooks { said } => {
            format!("Webex's webhooks could not be deleted: {said}")
        }
        OffboardingFailure::Subscription { said } => {
            format!("Microsoft's subscription could not be deleted: {said}")
        }
        OffboardingFailure::Hooks { said } => format!(
            "Not all webhooks and subscriptions could be deleted; they expire automatically: {said}"
        ),
        OffboardingFailure::Team { title, said } => {
            format!("The account could not leave the team “{title}”: {said}")
        }
        OffboardingFailure::Teams { said } => {
            format!("The account could not be taken out of all teams: {said}")
        }
        OffboardingFailure::Group { title, said } => {
            format!("The group of “{title}” could not be deleted: {said}")
        }
        OffboardingFailure::Groups { said } => format!("Not all groups could be deleted: {said}"),
        OffboardingFailure::Other { said } => {
            format!("Something could not be taken back: {said}")
        }
    }
}
