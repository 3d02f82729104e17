//! Words of failures to connect Webex or Microsoft.

use super::FailureText;
use crate::http::error::Failure;
use crate::http::page_id::Page;

pub(super) fn webex(failure: &Failure) -> FailureText {
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

pub(super) fn microsoft(failure: &Failure) -> FailureText {
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
