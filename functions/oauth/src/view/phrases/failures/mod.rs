//! Failures in words: what happened, and what to do.

mod connecting;
mod sign_in;

use crate::http::error::{Failure, Service};
use crate::http::page_id::Page;

/// The text of a failure's page.
pub(crate) struct FailureText {
    pub(crate) title: String,
    pub(crate) happened: String,
    pub(crate) hints: Vec<String>,
    /// The text of the button.
    pub(crate) next: &'static str,
    /// The page that the button opens.
    pub(crate) page: Page,
}

impl FailureText {
    fn new(title: impl Into<String>, happened: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            happened: happened.into(),
            hints: vec![],
            next: "Go to the overview",
            page: Page::Home,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn next(self, next: &'static str, page: Page) -> Self {
        Self { next, page, ..self }
    }
}

/// Words a failure.
pub(crate) fn failure_text(failure: &Failure) -> FailureText {
    match failure {
        Failure::ReturningTo { failure, page } => {
            failure_text(failure).next("Go back and try again", *page)
        }
        Failure::NoSuchPage
        | Failure::WrongMethod
        | Failure::TooLarge
        | Failure::NotAForm
        | Failure::NoSession(_)
        | Failure::NotFromOurPage => request(failure),
        Failure::State
        | Failure::Declined(_)
        | Failure::Returned(..)
        | Failure::CodeRefused(_)
        | Failure::NotAWebexAdministrator
        | Failure::OrganizationNotAllowed => sign_in::sign_in(failure),
        Failure::RoleEnded
        | Failure::NeedsRole(_)
        | Failure::RoleUnknown(_)
        | Failure::AnotherPerson => sign_in::role(failure),
        Failure::AccountOfAnotherOrganization
        | Failure::GrantOfAnotherOrganization
        | Failure::MayNotChangePeople
        | Failure::AnotherAccount { .. }
        | Failure::ScopesMissing { .. }
        | Failure::NotAComplianceOfficer
        | Failure::NotAReadOnlyAdministrator
        | Failure::WebexFirst => connecting::webex(failure),
        Failure::IdToken(_)
        | Failure::NotAMicrosoftAdministrator
        | Failure::AnotherDirectory { .. }
        | Failure::NotFresh
        | Failure::ConsentForAnotherDirectory
        | Failure::RolesMissing { .. }
        | Failure::JoinedElsewhere { .. } => connecting::microsoft(failure),
        Failure::Changed(_)
        | Failure::NoSuchEntry
        | Failure::NoSuchPerson
        | Failure::NoSuchTeam
        | Failure::NotConnected(_)
        | Failure::NoReceipt
        | Failure::Unavailable(_) => page(failure),
    }
}

fn request(failure: &Failure) -> FailureText {
    match failure {
        Failure::WrongMethod => FailureText::new(
            "This cannot be done here",
            "The address exists, but not for what your browser tried to do with it.",
        ),
        Failure::TooLarge => FailureText::new(
            "The request was too large",
            "Your browser sent more than these pages accept.",
        )
        .next("Go back and send less", Page::Home),
        Failure::NotAForm => FailureText::new("The form couldn't be read", "Nothing was changed.")
            .next("Try again", Page::Home),
        Failure::NoSession(page) => {
            FailureText::new("Your session has ended", "You are not signed in.")
                .next("Sign in to continue", *page)
        }
        Failure::NotFromOurPage => FailureText::new(
            "The form has expired",
            "It did not come from a page that was made for this session, so nothing was changed.",
        )
        .hint("This happens when you signed in again meanwhile in another tab.")
        .next("Open the page again, and send the form once more", Page::Home),
        _ => FailureText::new("Page not found", "There is no page at this address."),
    }
}

fn page(failure: &Failure) -> FailureText {
    match failure {
        Failure::Changed(page) => FailureText::new(
            "This page was out of date",
            "Something changed after the page was shown. Nothing was changed by you.",
        )
        .next("See the current state", *page),
        Failure::NoSuchEntry => {
            FailureText::new("This entry no longer exists", "Activity is stored for 90 days.")
                .next("Go to the activity", Page::Activity)
        }
        Failure::NoSuchPerson => FailureText::new(
            "There is no such person here",
            "Webex does not show this person in your organization, or not yet.",
        )
        .hint("New people appear within a few minutes.")
        .next("See everyone who is excluded", Page::People),
        Failure::NoSuchTeam => FailureText::new(
            "There is no such team here",
            "It is not among the teams of your organization that have a group, had one, or are \
             about to get one.",
        )
        .hint("A team appears once its creator was asked, or once it got a group.")
        .next("Look at all teams", Page::Teams),
        Failure::NotConnected(Service::Webex) => FailureText::new(
            "Webex is not connected yet",
            "This page shows something once Webex and Microsoft 365 are connected.",
        )
        .next("Connect Webex", Page::Webex),
        Failure::NotConnected(Service::Microsoft) => FailureText::new(
            "Microsoft 365 is not connected yet",
            "Webex is. This page shows something once both are connected.",
        )
        .next("Connect Microsoft 365", Page::Microsoft),
        Failure::NoReceipt => FailureText::new(
            "There is no receipt",
            "Your organization has never disconnected. A receipt says what is left to do then.",
        ),
        _ => FailureText::new(
            "That could not be done right now",
            "A service that is needed for it did not answer as it should.",
        )
        .hint("Nothing is half done: wait a minute and try again.")
        .hint("If this happens again, give the error ID below to the operator of this service."),
    }
}
