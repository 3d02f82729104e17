//! Failures in words: what happened, and what to do.

use crate::http::admin_role::AdminRole;
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
        | Failure::OrganizationNotAllowed => sign_in(failure),
        Failure::RoleEnded
        | Failure::NeedsRole(_)
        | Failure::RoleUnknown(_)
        | Failure::AnotherPerson => role(failure),
        Failure::AccountOfAnotherOrganization
        | Failure::GrantOfAnotherOrganization
        | Failure::MayNotChangePeople
        | Failure::AnotherAccount { .. }
        | Failure::ScopesMissing { .. }
        | Failure::NotAComplianceOfficer
        | Failure::NotAReadOnlyAdministrator
        | Failure::WebexFirst => webex(failure),
        Failure::IdToken(_)
        | Failure::NotAMicrosoftAdministrator
        | Failure::AnotherDirectory { .. }
        | Failure::NotFresh
        | Failure::ConsentForAnotherDirectory
        | Failure::RolesMissing { .. }
        | Failure::JoinedElsewhere { .. } => microsoft(failure),
        Failure::Changed(_)
        | Failure::NoSuchEntry
        | Failure::NoSuchPerson
        | Failure::NoSuchTeam
        | Failure::NotConnected
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

const GIVES_ROLES: &str = "A full administrator gives roles in Control Hub: Users, your account, \
                           Administrator roles.";

fn sign_in(failure: &Failure) -> FailureText {
    match failure {
        Failure::Declined(service) => FailureText::new(
            format!("You declined at {}", service.name()),
            "Nothing was connected and nothing was changed.",
        )
        .hint(
            "If another administrator has to decide, send them the address of these pages: they \
             can start where you are.",
        )
        .next("Read what is asked for, and why", service.page()),
        Failure::Returned(service, error) => FailureText::new(
            format!("{} did not let you through", service.name()),
            format!("It says: {error}. Nothing was changed."),
        )
        .next("Try again", service.page()),
        Failure::CodeRefused(service) => code_refused(*service),
        Failure::NotAWebexAdministrator => FailureText::new(
            "You're not an administrator of your organization",
            "You signed in to Webex, but your account has no role for these pages. A full \
             administrator changes everything, a read-only administrator sees everything, and a \
             user administrator sees people and activity.",
        )
        .hint("The first sign-in of an organization needs a full administrator.")
        .hint(GIVES_ROLES)
        .hint("If you have another account with a role, sign out of Webex first.")
        .next("Sign in with another account", Page::Home),
        Failure::OrganizationNotAllowed => FailureText::new(
            "Your organization cannot sign up here",
            "The operator of this service decides which Webex organizations may use it, and yours \
             is not one of them.",
        )
        .hint("Ask them to add your organization's id. Control Hub shows it under Account.")
        .next("Sign in with another account", Page::Home),
        _ => FailureText::new(
            "This sign-in can no longer be used",
            "It started more than ten minutes ago, in another browser or another session, or it \
             has been used already. Nothing was changed.",
        )
        .hint("Going back in the browser leads here, too: a sign-in works once.")
        .next("Go to the overview and begin again", Page::Home),
    }
}

fn role(failure: &Failure) -> FailureText {
    match failure {
        Failure::RoleEnded => FailureText::new(
            "You're no longer an administrator",
            "Webex no longer shows your account as an administrator of the organization, so your \
             session has ended. Nothing was changed.",
        )
        .hint("It can take some minutes until Webex knows a new role.")
        .next("Sign in again", Page::Home),
        Failure::NeedsRole(AdminRole::Full) => FailureText::new(
            "Only full administrators can change this",
            "Your role in Webex lets you see these pages and change nothing. Nothing was changed.",
        )
        .hint(GIVES_ROLES)
        .next("Go to the activity", Page::Activity),
        Failure::NeedsRole(_) => FailureText::new(
            "Your role doesn't include this page",
            "User administrators see people and activity. Read-only administrators see all pages.",
        )
        .hint(GIVES_ROLES)
        .next("Go to the people", Page::People),
        Failure::RoleUnknown(_) => FailureText::new(
            "Your role couldn't be checked",
            "Each change needs your role at that moment, and Webex did not say it. Nothing was \
             changed.",
        )
        .hint("Wait a minute and try again.")
        .hint(
            "If the account in Webex has lost its tokens or roles, sign out and sign in again: \
             for ten minutes, the sign-in itself shows your role.",
        ),
        _ => FailureText::new(
            "That is another account",
            "You signed in to Webex again, but not with the account of this session. Nothing was \
             changed.",
        )
        .hint("Sign out of Webex first if it signs you in with another account.")
        .next("Go back and try again", Page::Home),
    }
}

fn code_refused(service: Service) -> FailureText {
    FailureText::new(
        format!("{} did not confirm the sign-in", service.name()),
        "The proof that your browser brought back was not accepted. Nothing was changed.",
    )
    .next("Begin again", Page::Home)
}

fn webex(failure: &Failure) -> FailureText {
    match failure {
        Failure::AccountOfAnotherOrganization => FailureText::new(
            "That account is of another organization",
            "The account that you signed in with at Webex does not belong to your organization. \
             Nothing was stored.",
        )
        .hint(
            "Sign out of Webex, or use a private window, and sign in as the account of your own \
             organization.",
        )
        .next("Connect Webex with another account", Page::Webex),
        Failure::GrantOfAnotherOrganization => FailureText::new(
            "That account is of another organization",
            "The account that you signed in with at Webex does not belong to your organization. \
             Nothing was written.",
        )
        .hint(
            "Sign out of Webex, or use a private window, and sign in as an administrator of your \
             own organization.",
        ),
        Failure::MayNotChangePeople => FailureText::new(
            "That account may not change people",
            "Webex lets only full administrators and user administrators write an externalId. \
             Nothing was written.",
        )
        .hint("Sign in at Webex with the account of such an administrator.")
        .hint(
            "The registration of the integration in Webex has to have the scope \
             identity:people_rw.",
        ),
        Failure::AnotherAccount { connected } => FailureText::new(
            "That is another account",
            format!(
                "Your organization is connected through {connected}, and you signed in with \
                 another account. Nothing was changed."
            ),
        )
        .hint("To renew the connection, sign in as the account that is connected.")
        .hint("To use another account from now on, choose “Replace the account”.")
        .next("Go to the account in Webex", Page::Webex),
        Failure::ScopesMissing { missing } => FailureText::new(
            "Not everything was granted",
            "Webex gave less than what was asked for. Nothing was stored.",
        )
        .hint(format!("Missing: {}.", missing.join(", ")))
        .hint("Only an account with the compliance officer role gets the scopes for compliance.")
        .next("Try again", Page::Webex),
        Failure::WebexFirst => {
            FailureText::new("Connect Webex first", "Microsoft is connected in the second step.")
                .next("Connect Webex", Page::Webex)
        }
        _ => webex_role(failure),
    }
}

/// Words the two roles that the service account can lack.
fn webex_role(failure: &Failure) -> FailureText {
    let text = match failure {
        Failure::NotAReadOnlyAdministrator => FailureText::new(
            "That account cannot read people",
            "Webex does not let it list the organization's people, which it needs to match \
             people. Nothing was stored.",
        )
        .hint(
            "In Control Hub, give the account the role of read-only administrator: Users, the \
             account, Administrator roles.",
        ),
        _ => FailureText::new(
            "That account doesn't have the compliance officer role",
            "Webex does not let it read the organization's events, without which changes in teams \
             would go unseen. Nothing was stored.",
        )
        .hint(
            "In Control Hub another full administrator gives the role: Users, the account, \
             Administrator roles, Compliance officer. You can't assign it to yourself.",
        ),
    };
    text.hint("It can take some minutes until Webex knows the new role.")
        .next("Try again", Page::Webex)
}

fn microsoft(failure: &Failure) -> FailureText {
    match failure {
        Failure::NotAMicrosoftAdministrator => FailureText::new(
            "That account may not connect the directory",
            "You signed in to Microsoft, but not as a Global Administrator or Privileged Role \
             Administrator of the directory. Nothing was changed.",
        )
        .hint("Sign in as such an administrator, or ask one to sign in with this browser.")
        .hint(
            "A role that has to be activated first (Privileged Identity Management) must be \
             active while you sign in.",
        )
        .hint("Sign out of Microsoft first if it signs you in with another account.")
        .next("Sign in to Microsoft again", Page::Microsoft),
        Failure::AnotherDirectory { connected } => FailureText::new(
            "That is another directory",
            format!(
                "Your organization is connected with {connected}, and you signed in to another \
                 directory. Nothing was changed."
            ),
        )
        .hint("Sign in with an account of that directory, or disconnect first.")
        .next("Sign in to Microsoft again", Page::Microsoft),
        Failure::NotFresh => FailureText::new(
            "That was not a fresh sign-in",
            "Sign in to Microsoft again; a remembered sign-in isn't enough here. Nothing was \
             changed.",
        )
        .hint(
            "If this happens again, the operator of this service has to add the claim auth_time \
             to the id tokens of the app registration.",
        )
        .next("Sign in to Microsoft again", Page::Home),
        Failure::RolesMissing { directory, missing } => FailureText::new(
            "Permissions are missing",
            format!("{directory} does not grant everything that is needed. Nothing was connected."),
        )
        .hint(format!("Missing: {}.", missing.join(", ")))
        .hint(
            "In the Entra admin center, under Enterprise applications, the permissions of this \
             application can be seen and granted.",
        )
        .next("Grant them again", Page::Microsoft),
        Failure::JoinedElsewhere { directory } => FailureText::new(
            "The directory belongs to another organization",
            format!(
                "{directory} is connected with another Webex organization. A directory can be \
                 connected with one at a time; nothing was changed."
            ),
        )
        .hint("An administrator of the other organization can disconnect it in these pages.")
        .hint("You can release it from there: begin again, and confirm it on the last page.")
        .next("Sign in to another directory", Page::Microsoft),
        _ => microsoft_answer(failure),
    }
}

/// Words the failures of what came back from Microsoft.
fn microsoft_answer(failure: &Failure) -> FailureText {
    let text = match failure {
        Failure::ConsentForAnotherDirectory => FailureText::new(
            "The consent is for another directory",
            "What came back from Microsoft names another directory than the one that you signed \
             in to. Nothing was changed.",
        ),
        _ => FailureText::new(
            "Microsoft's sign-in could not be verified",
            "What came back is not a proof of a sign-in for this application. Nothing was changed.",
        ),
    };
    text.next("Begin again", Page::Microsoft)
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
        Failure::NotConnected => FailureText::new(
            "Nothing is connected yet",
            "This page is for organizations that are connected on both sides.",
        )
        .next("See what is left to do", Page::Home),
        _ => FailureText::new(
            "That could not be done right now",
            "A service that is needed for it did not answer as it should.",
        )
        .hint("Nothing is half done: wait a minute and try again.")
        .hint("If this happens again, give the error ID below to the operator of this service."),
    }
}
