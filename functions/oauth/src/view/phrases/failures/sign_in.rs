//! Words of failed sign-ins, and of roles that are not enough.

use super::FailureText;
use crate::http::admin_role::AdminRole;
use crate::http::error::{Failure, Service};
use crate::http::page_id::Page;

const GIVES_ROLES: &str = "A full administrator gives roles in Control Hub: Users, your account, \
                           Administrator roles.";

pub(super) fn sign_in(failure: &Failure) -> FailureText {
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

pub(super) fn role(failure: &Failure) -> FailureText {
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
