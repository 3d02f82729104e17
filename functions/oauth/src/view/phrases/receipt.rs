//! The receipt of a disconnect in words.

use engine::credentials::registration::Registration;
use engine::offboard::{Groups, Offboarding, OffboardingStage};

use crate::view::phrases::date;

/// The last step, which only an administrator of the directory can take.
const REMOVE_CONSENT: &str = "It lies with Microsoft. To withdraw it, delete this application in \
                              the Entra admin center: Enterprise applications, All applications, \
                              the application, Properties, Delete.";

/// The limit of a deletion: Webex lets no read-only admin revoke tokens, so our account cannot.
const NOT_REVOKED: &str = "Only a full admin of Webex can revoke them there. A copy would work \
                           until its end, up to 14 days, or up to 90 days if it is renewed. To end \
                           it at once, take the account's roles away.";

/// A line of the receipt.
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) state: String,
    pub(crate) is_done: bool,
}

impl Line {
    fn new(what: &'static str, state: impl Into<String>, is_done: bool) -> Self {
        Self { what, state: state.into(), is_done }
    }
}

/// Returns the receipt, step by step.
pub(crate) fn lines(offboarding: &Offboarding) -> Vec<Line> {
    let Offboarding { stage, receipt, .. } = offboarding;
    let reached = position(stage);
    let tokens = match receipt.tokens_deleted_at {
        Some(at) => format!("Deleted at {}. {NOT_REVOKED}", date(at)),
        None => "Not deleted yet.".into(),
    };
    let webhooks = format!("{} deleted.", receipt.webhooks);
    let subscriptions = format!("{} deleted.", receipt.subscriptions);
    let left = format!("{} left.", receipt.teams_left);
    let mut lines = vec![
        Line::new("Writing stopped", format!("At {}.", date(offboarding.at)), true),
        Line::new("Webex's webhooks", webhooks, reached > 0),
        Line::new("Microsoft's subscription", subscriptions, reached > 0),
        Line::new("The account leaves the teams", left, reached > 1),
        Line::new("The account's tokens", tokens, reached > 2),
        groups(offboarding, reached),
    ];
    if receipt.consents.contains(&Registration::Files) {
        let state = match offboarding.groups {
            Groups::Keep => "Folders, files and their links in Webex stay as they are.",
            Groups::Delete => {
                "Links in Webex stay as they are; folders and files go with their groups, and come \
                 back with them."
            }
        };
        lines.push(Line::new("Folders of spaces", state, true));
    }
    lines.push(links(offboarding));
    lines.push(consent(offboarding));
    lines
}

fn position(stage: &OffboardingStage) -> u8 {
    match stage {
        OffboardingStage::Hooks => 0,
        OffboardingStage::Teams => 1,
        OffboardingStage::Secret => 2,
        OffboardingStage::Counting
        | OffboardingStage::PendingApproval { .. }
        | OffboardingStage::Groups => 3,
        OffboardingStage::Retaining { .. } => 4,
        OffboardingStage::Purging => 5,
        OffboardingStage::Done => 6,
    }
}

fn groups(offboarding: &Offboarding, reached: u8) -> Line {
    match offboarding.groups {
        Groups::Keep => Line::new("Groups", "They stay as they are.", true),
        Groups::Delete => {
            let deleted = offboarding.receipt.groups_deleted;
            let state =
                format!("{deleted} deleted; within 30 days they can be restored in Microsoft 365.");
            Line::new("Groups", state, reached > 3)
        }
    }
}

fn links(offboarding: &Offboarding) -> Line {
    let what = "Links and people";
    match (&offboarding.stage, offboarding.receipt.purged_at) {
        (_, Some(at)) => Line::new(what, format!("Deleted at {}.", date(at)), true),
        (OffboardingStage::Retaining { until }, _) => {
            let until = date(*until);
            let state =
                format!("Kept until {until}. Connecting again before then continues with them.");
            Line::new(what, state, true)
        }
        (stage, None) => Line::new(what, "Still stored.", *stage == OffboardingStage::Done),
    }
}

fn consent(offboarding: &Offboarding) -> Line {
    let state = match offboarding.receipt.consents.contains(&Registration::Files) {
        true => format!(
            "{REMOVE_CONSENT} There are two of them: the one for groups, and the one for files."
        ),
        false => REMOVE_CONSENT.into(),
    };
    // Never done: only Microsoft's pages can withdraw it, and they do not tell us.
    Line::new("The consent of the directory", state, false)
}
