//! What can go wrong, and what each of it says to people: what happened, and what to do.

use std::error::Error;

use clients::http::{CallError, Class};
use engine::credentials::registration::Registration;
use engine::credentials::tokens::TokensError;
use store::table::StoreError;

use crate::id_token::IdTokenFault;
use crate::place::Place;

/// Which service somebody was at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Webex,
    Microsoft,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Webex => "Webex",
            Self::Microsoft => "Microsoft",
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Webex => Place::Webex,
            Self::Microsoft => Place::Microsoft,
        }
    }
}

/// Why somebody does not get the page that he asked for. Nothing was changed, unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no such page")]
    NoSuchPage,
    #[error("wrong method")]
    WrongMethod { allowed: &'static str },
    #[error("body too large")]
    TooLarge,
    #[error("not a form")]
    NotAForm,
    #[error("no session")]
    NoSession(Place),
    #[error("CSRF token missing or wrong")]
    NotFromOurPage,
    #[error("state unknown, expired, used, or of another browser or session")]
    State,
    #[error("declined at {0:?}")]
    Declined(Service),
    #[error("{0:?} returned an error: {1}")]
    Returned(Service, String),
    #[error("the code was not accepted by {0:?}")]
    CodeRefused(Service),
    #[error("no full administrator of the organization")]
    NotAWebexAdministrator,
    #[error("the organization may not sign up")]
    OrganizationNotAllowed,
    #[error("an account of another organization")]
    OfficerOfAnotherOrganization,
    #[error("a grant of another organization")]
    GrantOfAnotherOrganization,
    #[error("the account may not change people")]
    MayNotChangePeople,
    #[error("another account than the one that is connected")]
    AnotherOfficer { connected: String },
    #[error("scopes missing: {missing:?}")]
    ScopesMissing { missing: Vec<String> },
    #[error("the account is no compliance officer")]
    NotAComplianceOfficer,
    #[error("the account is no read-only administrator")]
    NotAReadOnlyAdministrator,
    #[error("Webex is not connected yet")]
    WebexFirst,
    #[error("id_token: {0}")]
    IdToken(#[from] IdTokenFault),
    #[error("no administrator of the directory")]
    NotAMicrosoftAdministrator,
    #[error("another directory than the one that is connected")]
    AnotherDirectory { connected: String },
    #[error("signed in, but not just now, or it is not said when")]
    NotFresh,
    #[error("{failure}")]
    OnTheWay { failure: Box<Self>, to: Place },
    #[error("consent came back for another directory")]
    ConsentForAnotherDirectory,
    #[error("roles missing: {missing:?}")]
    RolesMissing { directory: String, missing: Vec<&'static str> },
    #[error("the directory belongs to another organization")]
    JoinedElsewhere { directory: String },
    #[error("changed meanwhile")]
    Changed(Place),
    #[error("not connected")]
    NotConnected,
    #[error("no such team")]
    NoSuchTeam,
    #[error("no such entry")]
    NoSuchEntry,
    #[error("no such person")]
    NoSuchPerson,
    #[error("out of reach: {0}")]
    Unavailable(Box<dyn Error + Send + Sync>),
}

macro_rules! unavailable {
    ($($error:ty),+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self { Self::Unavailable(error.into()) }
        }
    )+};
}
unavailable!(
    store::queue::QueueError,
    CallError,
    TokensError,
    getrandom::Error,
    askama::Error,
    csv::Error,
    clients::graph::TokenError,
    engine::offboard::LeavingError,
    engine::sync::SyncError
);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ConditionFailed => Self::Changed(Place::Home),
            error => Self::Unavailable(error.into()),
        }
    }
}

impl Failure {
    /// Of a list that goes on where the address says: if the table cannot use that, somebody changed the address.
    pub(crate) fn of_list(error: StoreError, from: Option<&str>) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::Malformed(_) if from.is_some() => Self::NoSuchPage,
            error => error.into(),
        }
    }

    /// Of a way that was begun at a page of ours: from what it says it leads back there.
    pub(crate) fn on_the_way_to(self, to: Place) -> Self {
        Self::OnTheWay { failure: Box::new(self), to }
    }

    /// Of the way to the consent to an app: its page is where it can be begun again.
    pub(crate) fn of_consent_to(self, registration: Registration) -> Self {
        match registration {
            // What each failure says leads there.
            Registration::Groups => self,
            Registration::Files => self.on_the_way_to(Place::of(registration)),
        }
    }

    /// A code that was refused is the browser's story; anything else is the service's.
    pub(crate) fn of_exchange(error: CallError, service: Service) -> Self {
        match error.class() {
            Class::Permanent | Class::NeedsAdministrator => {
                tracing::warn!(%error, "a code was not accepted");
                Self::CodeRefused(service)
            }
            _ => error.into(),
        }
    }

    /// The status of the page.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::OnTheWay { failure, .. } => failure.status(),
            Self::NoSuchPage | Self::NoSuchTeam | Self::NoSuchEntry | Self::NoSuchPerson => 404,
            Self::WrongMethod { .. } => 405,
            Self::TooLarge => 413,
            Self::NotAForm | Self::State | Self::IdToken(_) | Self::ConsentForAnotherDirectory => 400,
            Self::CodeRefused(_) | Self::Returned(..) => 400,
            Self::NoSession(_) => 303,
            Self::NotFromOurPage
            | Self::Declined(_)
            | Self::NotAWebexAdministrator
            | Self::OrganizationNotAllowed
            | Self::OfficerOfAnotherOrganization
            | Self::GrantOfAnotherOrganization
            | Self::MayNotChangePeople
            | Self::AnotherOfficer { .. }
            | Self::ScopesMissing { .. }
            | Self::NotAComplianceOfficer
            | Self::NotAReadOnlyAdministrator
            | Self::NotAMicrosoftAdministrator
            | Self::AnotherDirectory { .. }
            | Self::NotFresh
            | Self::RolesMissing { .. } => 403,
            Self::WebexFirst | Self::JoinedElsewhere { .. } | Self::Changed(_) | Self::NotConnected => 409,
            Self::Unavailable(_) => 503,
        }
    }

    /// What it says.
    pub(crate) fn words(&self) -> Words {
        match self {
            Self::NoSuchPage => Words::new("There is no such page", "The address leads nowhere.").then("Go to the overview", Place::Home),
            Self::WrongMethod { .. } => Words::new("This cannot be done here", "The address exists, but not for what your browser tried to do with it.").then("Go to the overview", Place::Home),
            Self::TooLarge => Words::new("That was too much", "What your browser sent is larger than any form of ours.").then("Go back and send less", Place::Home),
            Self::NotAForm => Words::new("That could not be read", "What your browser sent is no form.").then("Go to the overview and try again", Place::Home),
            Self::NoSession(place) => Words::new("Your session has ended", "Nobody is signed in.").then("Sign in to go on", *place),
            Self::NotFromOurPage => Words::new("The form has expired", "It did not come from a page that was made for this session, so nothing was changed.")
                .hint("This happens when you signed in again meanwhile in another tab.")
                .then("Open the page again, and send the form once more", Place::Home),
            Self::State => Words::new("This sign-in cannot be used any more", "It was begun more than ten minutes ago, in another browser or another session, or it has been used already. Nothing was changed.")
                .hint("Going back in the browser leads here, too: a sign-in works once.")
                .then("Go to the overview and begin again", Place::Home),
            Self::Declined(service) => Words::new(
                format!("You declined at {}", service.name()),
                "Nothing was connected and nothing was changed.",
            )
            .hint("If somebody else has to decide about it, send them the address of these pages: they can begin where you are.")
            .then("Read what is asked for, and why", service.place()),
            Self::Returned(service, error) => Words::new(
                format!("{} did not let you through", service.name()),
                format!("It says: {error}. Nothing was changed."),
            )
            .then("Try again", service.place()),
            Self::CodeRefused(service) => Words::new(
                format!("{} did not confirm the sign-in", service.name()),
                "The proof that your browser brought back was not accepted. Nothing was changed.",
            )
            .then("Begin again", Place::Home),
            Self::NotAWebexAdministrator => Words::new("You are no full administrator", "You signed in to Webex, but your account is not a full administrator of its organization. Only full administrators may see and change these pages.")
                .hint("A full administrator gives the role in Control Hub: Users, your account, Administrator roles, Full administrator.")
                .hint("If you have another account with that role, sign out of Webex first.")
                .then("Sign in with another account", Place::Home),
            Self::OrganizationNotAllowed => Words::new("Your organization cannot sign up here", "Whoever runs this service has decided which Webex organizations may use it, and yours is not among them.")
                .hint("Ask them to add your organization's id. Control Hub shows it under Account.")
                .then("Sign in with another account", Place::Home),
            Self::OfficerOfAnotherOrganization => Words::new("That account is of another organization", "The account that you signed in with at Webex does not belong to your organization. Nothing was stored.")
                .hint("Sign out of Webex, or use a private window, and sign in as the account of your own organization.")
                .then("Connect Webex with another account", Place::Webex),
            Self::GrantOfAnotherOrganization => Words::new("That account is of another organization", "The account that you signed in with at Webex does not belong to your organization. Nothing was written.")
                .hint("Sign out of Webex, or use a private window, and sign in as an administrator of your own organization."),
            Self::MayNotChangePeople => Words::new("That account may not change people", "Webex lets only full administrators and user administrators write an externalId. Nothing was written.")
                .hint("Sign in at Webex with the account of such an administrator.")
                .hint("The registration of the integration in Webex has to have the scope identity:people_rw."),
            Self::AnotherOfficer { connected } => Words::new("That is another account", format!("Your organization is connected through {connected}, and you signed in as somebody else. Nothing was changed."))
                .hint("To renew the connection, sign in as the account that is connected.")
                .hint("To use another account from now on, choose “Replace the account”.")
                .then("Go to the account in Webex", Place::Webex),
            Self::ScopesMissing { missing } => Words::new("Not everything was granted", "Webex gave less than what was asked for. Nothing was stored.")
                .hint(format!("Missing: {}.", missing.join(", ")))
                .hint("Scopes for compliance are granted only to an account that has the role of compliance officer.")
                .then("Try again", Place::Webex),
            Self::NotAComplianceOfficer => Words::new("That account is no compliance officer", "Webex does not let it read the organization's events, without which changes in teams would go unseen. Nothing was stored.")
                .hint("In Control Hub another full administrator gives the role: Users, the account, Administrator roles, Compliance officer. Nobody can give it to himself.")
                .hint("It can take some minutes until Webex knows the new role.")
                .then("Try again", Place::Webex),
            Self::NotAReadOnlyAdministrator => Words::new("That account cannot read people", "Webex does not let it list the organization's people, without which nobody can tell who is who. Nothing was stored.")
                .hint("In Control Hub, give the account the role of read-only administrator: Users, the account, Administrator roles.")
                .hint("It can take some minutes until Webex knows the new role.")
                .then("Try again", Place::Webex),
            Self::WebexFirst => Words::new("Connect Webex first", "Microsoft is connected in the second step.").then("Connect Webex", Place::Webex),
            Self::IdToken(_) => Words::new("Microsoft's sign-in could not be verified", "What came back is not a proof of a sign-in for this application. Nothing was changed.").then("Begin again", Place::Microsoft),
            Self::NotAMicrosoftAdministrator => Words::new("That account may not connect the directory", "You signed in to Microsoft, but not as a Global Administrator or Privileged Role Administrator of the directory. Nothing was changed.")
                .hint("Sign in as such an administrator, or ask one: the page works for anybody with that role who sits at this browser.")
                .hint("A role that has to be activated first (Privileged Identity Management) must be active while you sign in.")
                .hint("Sign out of Microsoft first if it takes you for somebody else.")
                .then("Sign in to Microsoft again", Place::Microsoft),
            Self::AnotherDirectory { connected } => Words::new("That is another directory", format!("Your organization is connected with {connected}, and you signed in to another directory. Nothing was changed."))
                .hint("Sign in with an account of that directory, or disconnect first.")
                .then("Sign in to Microsoft again", Place::Microsoft),
            Self::NotFresh => Words::new("That was not a fresh sign-in", "Microsoft took this browser for somebody who had signed in before, or did not say when that was. Here a password or another proof has to be given at this moment. Nothing was changed.")
                .hint("If it stays like this, whoever runs this service has to add the claim auth_time to the id tokens of the app registration.")
                .then("Sign in to Microsoft again", Place::Home),
            Self::OnTheWay { failure, to } => failure.words().then("Go back and try again", *to),
            Self::ConsentForAnotherDirectory => Words::new("The consent is for another directory", "What came back from Microsoft names another directory than the one that you signed in to. Nothing was changed.").then("Begin again", Place::Microsoft),
            Self::RolesMissing { directory, missing } => Words::new("Permissions are missing", format!("{directory} does not grant everything that is needed. Nothing was connected."))
                .hint(format!("Missing: {}.", missing.join(", ")))
                .hint("In the Entra admin center, under Enterprise applications, the permissions of this application can be seen and granted.")
                .then("Grant them again", Place::Microsoft),
            Self::JoinedElsewhere { directory } => Words::new("The directory belongs to another organization", format!("{directory} is connected with another Webex organization. A directory can be connected with one at a time; nothing was changed."))
                .hint("An administrator of the other organization can disconnect it in these pages.")
                .then("Sign in to another directory", Place::Microsoft),
            Self::Changed(place) => Words::new("Somebody else was faster", "Things are not as they were when the page was shown. Nothing was changed.").then("Look at how they are now", *place),
            Self::NoSuchEntry => Words::new("This is not known any more", "What was done to a team is kept for 90 days.")
                .then("Go to the activity", Place::Activity),
            Self::NoSuchPerson => Words::new("There is no such person here", "It is nobody whom Webex shows in your organization, or not yet.")
                .hint("People are known once they were counted; somebody new within minutes.")
                .then("Look at everybody who is left out", Place::People),
            Self::NoSuchTeam => Words::new("There is no such team here", "It is not among the teams of your organization that have a group, had one, or are about to get one.")
                .hint("A team is here once somebody was asked for it, or once it got a group.")
                .then("Look at all teams", Place::Teams),
            Self::NotConnected => Words::new("Nothing is connected yet", "This page is for organizations that are connected on both sides.").then("See what is left to do", Place::Home),
            Self::Unavailable(_) => Words::new("That could not be done right now", "A service that is needed for it did not answer as it should.")
                .hint("Nothing is half done: wait a minute and try again.")
                .hint("If it stays like this, tell whoever runs this service the number below.")
                .then("Go to the overview", Place::Home),
        }
    }
}

/// What a failure says.
pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) happened: String,
    pub(crate) hints: Vec<String>,
    pub(crate) then: &'static str,
    pub(crate) place: Place,
}

impl Words {
    fn new(title: impl Into<String>, happened: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            happened: happened.into(),
            hints: vec![],
            then: "Go to the overview",
            place: Place::Home,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn then(self, then: &'static str, place: Place) -> Self {
        Self { then, place, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusing_table_is_an_address_that_leads_nowhere_only_where_the_address_says_where_to_go_on() {
        let refused = || StoreError::Refused("AccessDeniedException".into());
        assert!(matches!(Failure::of_list(refused(), Some("x")), Failure::NoSuchPage));
        assert!(matches!(Failure::of_list(refused(), None), Failure::Unavailable(_)));
        assert!(matches!(Failure::of_list(StoreError::Busy("later".into()), Some("x")), Failure::Unavailable(_)));
    }
}
