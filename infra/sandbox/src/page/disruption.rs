//! Disruptions that can be switched on and off, as data.

use domain::membership::Side;
use serde::{Deserialize, Serialize};

/// A failure of a service, of the functions, or of an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disruption {
    /// Graph's replicas show writes late.
    ReplicaLag,
    /// Graph answers every call with 429.
    Throttling,
    /// Webex delivers no webhooks.
    WebhooksOff,
    /// Graph delivers no notifications.
    NotificationsLost,
    /// Writes take effect, and their answers are lost.
    AnswersLost,
    /// Graph answers late.
    SlowAnswers,
    /// The functions crash after a write.
    Crash,
    /// The service account loses its role.
    RoleLost,
    /// Every externalId of a directory is cleared.
    ExternalIds,
    /// A group is deleted.
    GroupDeleted,
    /// All members of a group are removed.
    MassRemoval,
    /// Writes about people are acknowledged and lost.
    LostWrites,
    /// Writes about people are acknowledged and take effect late.
    LateWrites,
    /// Listings of people lack rows.
    ShortListings,
    /// Additions and removals are refused, as if they were made already.
    FalseConflicts,
    /// Teams and groups answer 404, and their listings answer.
    HiddenObjects,
    /// Both services throttle with a wait of a second.
    HastyRetry,
    /// Answers are HTML.
    HtmlAnswers,
}

/// The customers that a disruption affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All customers.
    All,
    /// One customer.
    Customer,
}

/// The state of a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// A disruption in words.
pub(super) struct Description {
    pub(super) title: &'static str,
    /// The failure.
    pub(super) effect: &'static str,
    /// The behavior of the sync.
    pub(super) recovery: &'static str,
}

impl Disruption {
    /// All disruptions, in the order of the menu.
    pub const ALL: [Self; 18] = [
        Self::ReplicaLag,
        Self::Throttling,
        Self::Crash,
        Self::AnswersLost,
        Self::WebhooksOff,
        Self::NotificationsLost,
        Self::SlowAnswers,
        Self::MassRemoval,
        Self::GroupDeleted,
        Self::ExternalIds,
        Self::RoleLost,
        Self::LostWrites,
        Self::LateWrites,
        Self::ShortListings,
        Self::FalseConflicts,
        Self::HiddenObjects,
        Self::HastyRetry,
        Self::HtmlAnswers,
    ];

    /// The customers it affects.
    pub fn scope(self) -> Scope {
        match self {
            Self::ReplicaLag
            | Self::Throttling
            | Self::Crash
            | Self::AnswersLost
            | Self::WebhooksOff
            | Self::NotificationsLost
            | Self::SlowAnswers
            | Self::LostWrites
            | Self::LateWrites
            | Self::ShortListings
            | Self::FalseConflicts
            | Self::HiddenObjects
            | Self::HastyRetry
            | Self::HtmlAnswers => Scope::All,
            Self::MassRemoval | Self::GroupDeleted | Self::ExternalIds | Self::RoleLost => {
                Scope::Customer
            }
        }
    }

    /// The side on which a change of a person shows the disruption; none if it shows at once.
    pub(super) fn shown_by(self) -> Option<Side> {
        match self {
            Self::MassRemoval | Self::GroupDeleted | Self::ExternalIds | Self::RoleLost => None,
            // What is lost or hidden here comes from Microsoft 365.
            Self::NotificationsLost | Self::ReplicaLag | Self::ShortListings => Some(Side::Group),
            Self::Throttling
            | Self::Crash
            | Self::AnswersLost
            | Self::WebhooksOff
            | Self::SlowAnswers
            | Self::LostWrites
            | Self::LateWrites
            | Self::FalseConflicts
            | Self::HiddenObjects
            | Self::HastyRetry
            | Self::HtmlAnswers => Some(Side::Team),
        }
    }

    pub(super) fn description(self) -> Description {
        match self.scope() {
            Scope::All => self.description_of_service(),
            Scope::Customer => self.description_of_customer(),
        }
    }

    /// The description of a disruption of the services or functions.
    fn description_of_service(self) -> Description {
        let (title, effect, recovery) = match self {
            Self::ReplicaLag => (
                "Late replicas",
                "Microsoft shows each write up to ten minutes late, and each replica at a \
                 different time.",
                "For 15 minutes, readings older than the last known state are ignored: no one is \
                 added and removed again.",
            ),
            Self::Throttling => (
                "Throttling storm",
                "Microsoft answers every call with 429, Retry-After: 120.",
                "Calls for the customer pause until then; afterwards all missed changes are synced \
                 in one go.",
            ),
            Self::Crash => (
                "Crash",
                "The functions crash at their next write: it takes effect, and they never see the \
                 answer. Change something and watch.",
                "Every write is stored before it is sent. The next sync finds out what became of \
                 it and continues.",
            ),
            Self::AnswersLost => (
                "Answers are lost",
                "Writes take effect, but the connection breaks before the answer arrives.",
                "No write is repeated blindly: the next reading shows whether it took effect.",
            ),
            Self::WebhooksOff => (
                "No webhooks",
                "Webex delivers no webhooks.",
                "Every minute, reconciliation reads Webex’s events and finds the missed changes.",
            ),
            Self::NotificationsLost => (
                "No notifications",
                "Microsoft’s change notifications are lost.",
                "Notifications only save time: reconciliation, or at the latest the daily sync, \
                 finds the missed changes.",
            ),
            Self::SlowAnswers => (
                "Slow answers",
                "Microsoft takes eight seconds for every answer.",
                "No call starts that could outlast the invocation; the next sync does the rest.",
            ),
            _ => return self.description_of_lie(),
        };
        Description { title, effect, recovery }
    }

    /// The description of answers that disagree with the state.
    fn description_of_lie(self) -> Description {
        let (title, effect, recovery) = match self {
            Self::LostWrites => (
                "Writes are lost",
                "Both services acknowledge changes of people and forget them.",
                "A write is believed once a reading shows it. Until then it is made again, and \
                 no one is said to have undone it.",
            ),
            Self::LateWrites => (
                "Late writes",
                "Both services acknowledge changes of people, and make them half an hour later.",
                "A change that comes twice changes nothing.",
            ),
            Self::ShortListings => (
                "Short listings",
                "Listings of people lack about half of their rows, and seem whole.",
                "No one is removed by a missing row alone: a single question must say the same, \
                 twice.",
            ),
            Self::FalseConflicts => (
                "False conflicts",
                "Additions are refused as there already, and removals as not there.",
                "The next reading decides. What it contradicts waits, and is reported.",
            ),
            Self::HiddenObjects => (
                "404 for what exists",
                "Teams and groups answer 404, while their listings answer.",
                "A link ends only if everything about a team or group says so for hours.",
            ),
            Self::HastyRetry => (
                "Retry-After: 1",
                "Both services answer every call with 429 and ask for it again in a second.",
                "Pauses grow while answers stay the same.",
            ),
            _ => (
                "HTML answers",
                "Calls take effect, and their answers are a page of a proxy.",
                "An answer that cannot be read is no answer: the next reading shows the rest.",
            ),
        };
        Description { title, effect, recovery }
    }

    /// The description of a disruption of one customer.
    fn description_of_customer(self) -> Description {
        let (title, effect, recovery) = match self {
            Self::MassRemoval => (
                "Mass removal",
                "A script removes all members but the owners from the first linked group.",
                "The removal limit stops all removals: no one leaves the team until an \
                 administrator has decided.",
            ),
            Self::GroupDeleted => (
                "Group deleted",
                "The first linked group is deleted while its team still exists.",
                "It is restored once, with the same ID and the same people.",
            ),
            Self::ExternalIds => (
                "externalIds cleared",
                "Directory synchronization clears the externalId of every Webex account.",
                "People who cannot be matched stay in their teams and groups. Once the IDs are \
                 back, they sync as before.",
            ),
            _ => (
                "Role lost",
                "The service account loses the compliance officer role.",
                "Its incomplete readings prove nothing, so no one is removed. Once the role is \
                 back, syncing resumes.",
            ),
        };
        Description { title, effect, recovery }
    }
}
