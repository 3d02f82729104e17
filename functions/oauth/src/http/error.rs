//! The reasons why a request fails. The view says what each failure means and what to do about it.

use std::error::Error;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use clients::http::{CallError, ErrorClass};
use engine::credentials::registration::Registration;
use engine::credentials::tokens::TokensError;
use http::StatusCode;
use store::table::StoreError;

use crate::http::admin_role::AdminRole;
use crate::http::page_id::Page;
use crate::http::response;

/// The service that a browser was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Webex,
    Microsoft,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Webex => "Webex",
            Self::Microsoft => "Microsoft",
        }
    }

    /// Returns the page that connects the service.
    pub(crate) fn page(self) -> Page {
        match self {
            Self::Webex => Page::Webex,
            Self::Microsoft => Page::Microsoft,
        }
    }
}

/// The reason why a request is refused. Nothing was changed, unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no such page")]
    NoSuchPage,
    #[error("wrong method")]
    WrongMethod,
    #[error("body too large")]
    TooLarge,
    #[error("not a form")]
    NotAForm,
    #[error("no session")]
    NoSession(Page),
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
    #[error("no longer an administrator of the organization")]
    RoleEnded,
    #[error("needs the role {0:?}")]
    NeedsRole(AdminRole),
    #[error("the role could not be read: {0}")]
    RoleUnknown(Box<Self>),
    #[error("signed in again as another person")]
    AnotherPerson,
    #[error("not an administrator of the organization")]
    NotAWebexAdministrator,
    #[error("the organization may not sign up")]
    OrganizationNotAllowed,
    #[error("an account of another organization")]
    AccountOfAnotherOrganization,
    #[error("a grant of another organization")]
    GrantOfAnotherOrganization,
    #[error("the account may not change people")]
    MayNotChangePeople,
    #[error("another account than the connected one")]
    AnotherAccount { connected: String },
    #[error("scopes missing: {missing:?}")]
    ScopesMissing { missing: Vec<String> },
    #[error("the account is not a compliance officer")]
    NotAComplianceOfficer,
    #[error("the account is not a read-only administrator")]
    NotAReadOnlyAdministrator,
    #[error("Webex is not connected yet")]
    WebexFirst,
    #[error("id_token: {0}")]
    IdToken(String),
    #[error("not an administrator of the directory")]
    NotAMicrosoftAdministrator,
    #[error("another directory than the connected one")]
    AnotherDirectory { connected: String },
    #[error("signed in, but not just now, or at an unknown time")]
    NotFresh,
    /// A failure on the way back to a page other than the one that its own text names.
    #[error("{failure}")]
    ReturningTo { failure: Box<Self>, page: Page },
    #[error("consent came back for another directory")]
    ConsentForAnotherDirectory,
    #[error("roles missing: {missing:?}")]
    RolesMissing { directory: String, missing: Vec<&'static str> },
    #[error("the directory belongs to another organization")]
    JoinedElsewhere { directory: String },
    /// The page was out of date.
    #[error("changed meanwhile")]
    Changed(Page),
    /// The service that has to be connected first.
    #[error("{0:?} is not connected")]
    NotConnected(Service),
    #[error("never disconnected")]
    NoReceipt,
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
    engine::offboard::OffboardingError,
    engine::sync::SyncError
);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            // A handler that knows a better page to return to has handled this before.
            StoreError::ConditionFailed => Self::Changed(Page::Home),
            error => Self::Unavailable(error.into()),
        }
    }
}

impl Failure {
    /// Classifies the failure of a list that may resume at a cursor from the address. A cursor
    /// that the table rejects was edited by hand, so the page does not exist.
    pub(crate) fn of_list(error: StoreError, from: Option<&str>) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::Malformed(_) if from.is_some() => Self::NoSuchPage,
            error => error.into(),
        }
    }

    /// Returns `true` if nothing went wrong: the page only has nothing to show yet.
    pub(crate) fn is_empty_page(&self) -> bool {
        matches!(self, Self::NotConnected(_) | Self::NoReceipt)
    }

    /// Makes the failure's page lead back to where the redirect flow started.
    pub(crate) fn returning_to(self, page: Page) -> Self {
        Self::ReturningTo { failure: Box::new(self), page }
    }

    /// Returns `true` if the session has ended, so that its cookie is of no use.
    pub(crate) fn ends_session(&self) -> bool {
        match self {
            // The way back changes the text only, not the reason.
            Self::ReturningTo { failure, .. } => failure.ends_session(),
            failure => matches!(failure, Self::NoSession(_) | Self::RoleEnded),
        }
    }

    /// Makes the failure of a consent lead back to the page where it starts.
    pub(crate) fn of_consent_to(self, registration: Registration) -> Self {
        match registration {
            // Each failure's own text leads there already.
            Registration::Groups => self,
            Registration::Files => self.returning_to(Page::of(registration)),
        }
    }

    /// Classifies the failure of a code exchange. A rejected code is about the browser; anything
    /// else is about the service.
    pub(crate) fn of_exchange(error: CallError, service: Service) -> Self {
        match error.class() {
            ErrorClass::Permanent | ErrorClass::NeedsAdministrator => {
                tracing::warn!(event = "code_rejected", %error, "A code was not accepted.");
                Self::CodeRefused(service)
            }
            _ => error.into(),
        }
    }

    /// Returns the status of the failure's page.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::ReturningTo { failure, .. } => failure.status(),
            // The same for things of another organization: nothing shows that they exist.
            Self::NoSuchPage
            | Self::NoSuchTeam
            | Self::NoSuchEntry
            | Self::NoSuchPerson
            | Self::NoReceipt => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotAForm
            | Self::State
            | Self::IdToken(_)
            | Self::ConsentForAnotherDirectory
            | Self::CodeRefused(_)
            | Self::Returned(..) => StatusCode::BAD_REQUEST,
            // Not a failure's page: the browser is sent to sign in.
            Self::NoSession(_) => StatusCode::SEE_OTHER,
            Self::NotFromOurPage
            | Self::Declined(_)
            | Self::RoleEnded
            | Self::NeedsRole(_)
            | Self::AnotherPerson
            | Self::NotAWebexAdministrator
            | Self::OrganizationNotAllowed
            | Self::AccountOfAnotherOrganization
            | Self::GrantOfAnotherOrganization
            | Self::MayNotChangePeople
            | Self::AnotherAccount { .. }
            | Self::ScopesMissing { .. }
            | Self::NotAComplianceOfficer
            | Self::NotAReadOnlyAdministrator
            | Self::NotAMicrosoftAdministrator
            | Self::AnotherDirectory { .. }
            | Self::NotFresh
            | Self::RolesMissing { .. } => StatusCode::FORBIDDEN,
            Self::WebexFirst
            | Self::JoinedElsewhere { .. }
            | Self::Changed(_)
            | Self::NotConnected(_) => StatusCode::CONFLICT,
            Self::Unavailable(_) | Self::RoleUnknown(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Carries the failure to the place that words and logs it.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = response::empty(self.status());
        // Extensions must be `Clone`, and not all errors in it are.
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_cursor_is_an_unknown_page() {
        let refused = || StoreError::Refused("AccessDeniedException".into());
        assert!(matches!(Failure::of_list(refused(), Some("x")), Failure::NoSuchPage));
        assert!(matches!(Failure::of_list(refused(), None), Failure::Unavailable(_)));
        let busy = StoreError::Busy("later".into());
        assert!(matches!(Failure::of_list(busy, Some("x")), Failure::Unavailable(_)));
    }
}
