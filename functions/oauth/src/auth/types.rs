//! Data that flows and sessions store.

use domain::ids::{DirectoryId, GroupId, ObjectId, PersonId, TeamId};
use domain::membership::Person;
use engine::credentials::registration::Registration;
use engine::tenant::settings::ServiceAccountMode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::table::milliseconds;

use crate::auth::proof::Proof;
use crate::http::page_id::{Page, PageLink};

/// The reason why a browser is sent to another service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "kebab-case")]
pub(crate) enum Purpose {
    /// Connect the service account.
    ServiceAccount { service_account_mode: ServiceAccountMode, mode: ConnectMode },
    /// Sign in as an administrator of a directory, then consent to an app.
    Microsoft { registration: Registration },
    /// Consent to an app, as an administrator of this directory.
    Consent { registration: Registration, directory: DirectoryId },
    /// Grant one write of the externalIds of these accounts.
    ExternalIds { pairs: Vec<Person> },
    /// Sign in again as a user of this directory, for a page that needs to know who it is.
    StepUp { directory: DirectoryId, return_to: ReturnTo },
    /// Sign in again with Webex as the same person, for a form.
    WebexStepUp { form: SavedForm },
}

/// Says if another account may replace the connected one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConnectMode {
    /// Connects the first account, or the same account again.
    #[default]
    Connect,
    /// Replaces the connected account by another.
    Replace,
}

/// A form that waits for a proof. It is never sent without a person: a page offers it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedForm {
    /// The page to open if something goes wrong on the way.
    pub(crate) page: Page,
    pub(crate) proof: Proof,
    /// The path of one of our routes, with its query.
    pub(crate) path: String,
    /// All fields but the CSRF token.
    // The page that offers the form again has its own token.
    pub(crate) fields: Vec<(String, String)>,
}

/// The page or form that asked for step-up authentication. No address from outside ever is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReturnTo {
    Person(PersonId),
    /// A team, and the group that it would adopt.
    Adopt(TeamId, GroupId),
    Form(SavedForm),
}

impl ReturnTo {
    /// Returns the page that asked; a form has another page, which offers it.
    pub(crate) fn link(&self) -> Result<PageLink, &SavedForm> {
        match self {
            Self::Person(person) => Ok(PageLink::Person(*person)),
            Self::Adopt(team, group) => Ok(PageLink::AdoptGroup(*team, *group)),
            Self::Form(form) => Err(form),
        }
    }

    /// Returns the list to open if something goes wrong on the way.
    pub(crate) fn page(&self) -> Page {
        match self {
            Self::Person(_) => Page::People,
            Self::Adopt(..) => Page::Teams,
            Self::Form(form) => form.page,
        }
    }
}

/// A user's role in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DirectoryRole {
    /// Global Administrator or Privileged Role Administrator, by the token's `wids`.
    Administrator,
    /// Any other.
    User,
}

/// The result of step-up authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepUp {
    pub(crate) directory: DirectoryId,
    pub(crate) person: ObjectId,
    /// The user principal name.
    pub(crate) name: String,
    pub(crate) role: DirectoryRole,
    #[serde(with = "milliseconds")]
    pub(crate) at: Timestamp,
}

/// A directory whose administrator signed in and is about to consent to an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingConsent {
    pub(crate) registration: Registration,
    pub(crate) directory: DirectoryId,
    pub(crate) name: String,
    /// The directory's default domain.
    #[serde(default)]
    pub(crate) domain: String,
    /// The administrator.
    pub(crate) by: ObjectId,
    /// The administrator's user principal name.
    pub(crate) by_name: String,
    pub(crate) signed_in_at: Timestamp,
    /// The return from the consent page.
    pub(crate) consented_at: Option<Timestamp>,
}
