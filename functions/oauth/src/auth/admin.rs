//! The signed-in administrator of a request, and what they have proven.

use domain::ids::TenantId;
use engine::activity::{Actor, MicrosoftIdentity};
use engine::tenant::organization::{Directory, Organization};
use jiff::{SignedDuration, Timestamp};

use crate::auth::proof::Proof;
use crate::auth::session::Session;
use crate::auth::types::{DirectoryRole, PendingConsent, StepUp};
use crate::http::error::{Failure, Service};
use crate::http::page_id::Page;
use crate::http::source::SourceAddress;
use crate::view::layout::{Shell, User};

/// Validity of a proof.
const PROOF_LASTS: SignedDuration = SignedDuration::from_mins(10);

/// Validity of a sign-in that connects a directory. Microsoft may take minutes for the consent.
const CONNECTING_LASTS: SignedDuration = SignedDuration::from_mins(30);

/// A signed-in administrator and their organization.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) session: Session,
    pub(crate) organization: Organization,
    /// The address of the browser.
    pub(crate) address: SourceAddress,
}

impl Admin {
    /// Returns the organization, which has nothing to show until both sides are connected.
    pub(crate) fn connected(&self) -> Result<&Organization, Failure> {
        self.directory().map(|_| &self.organization)
    }

    pub(crate) fn directory(&self) -> Result<&Directory, Failure> {
        let missing = match self.organization.service_account {
            None => Service::Webex,
            Some(_) => Service::Microsoft,
        };
        self.organization.directory.as_ref().ok_or(Failure::NotConnected(missing))
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.organization.tenant
    }

    pub(crate) fn csrf(&self) -> &str {
        &self.session.csrf
    }

    /// Returns the session's fresh sign-in with Microsoft, if it is recent and in the directory
    /// that is connected now.
    pub(crate) fn step_up(&self, now: Timestamp) -> Option<&StepUp> {
        let directory = self.organization.directory.as_ref()?.id;
        let step_up = self.session.step_up.as_ref()?;
        // The organization may have connected another directory since the sign-in.
        let is_valid = step_up.directory == directory && step_up.at + PROOF_LASTS > now;
        is_valid.then_some(step_up)
    }

    /// Returns the consent that is under way, with its moment, if the sign-in before it is recent.
    pub(crate) fn consented(&self, now: Timestamp) -> Option<(&PendingConsent, Timestamp)> {
        let pending = self.session.pending.as_ref()?;
        let is_valid = pending.signed_in_at + CONNECTING_LASTS > now;
        // A sign-in alone is no consent: only the return from the consent page sets the moment.
        pending.consented_at.filter(|_| is_valid).map(|at| (pending, at))
    }

    /// Returns `true` if the session has a proof. The role itself is asked of Webex each time.
    pub(crate) fn has_proof(&self, proof: Proof, now: Timestamp) -> bool {
        let role = || self.step_up(now).map(|step_up| step_up.role);
        match proof {
            Proof::Nothing | Proof::Session | Proof::Reader | Proof::Role => true,
            Proof::ConnectingAdministrator => self.consented(now).is_some(),
            Proof::WebexSignIn => self.session.proven_at.is_some_and(|at| at + PROOF_LASTS > now),
            Proof::MicrosoftSignIn => role().is_some(),
            Proof::DirectoryAdministrator => role() == Some(DirectoryRole::Administrator),
        }
    }

    /// Returns the actor of what the administrator decides now.
    pub(crate) fn actor(&self, now: Timestamp) -> Actor {
        self.actor_with(self.step_up(now).map(|step_up| MicrosoftIdentity {
            directory: step_up.directory,
            user: step_up.person,
            name: step_up.name.clone(),
        }))
    }

    /// Returns the actor of a consent: the administrator of both sides.
    pub(crate) fn consenting(&self, pending: &PendingConsent) -> Actor {
        self.actor_with(Some(identity(pending)))
    }

    fn actor_with(&self, microsoft: Option<MicrosoftIdentity>) -> Actor {
        Actor::Admin(engine::activity::Admin {
            person: self.session.person,
            name: self.session.name.clone(),
            organization: self.session.org,
            address: (&self.address).into(),
            microsoft,
        })
    }

    /// Returns the frame of a page.
    pub(crate) fn shell(&self, here: Page) -> Shell<'_> {
        let Session { name, role, csrf, org, org_name, .. } = &self.session;
        Shell { user: Some(User { name, role: *role, csrf, org: *org, org_name }), here }
    }
}

/// Returns the Microsoft identity that consented.
pub(crate) fn identity(pending: &PendingConsent) -> MicrosoftIdentity {
    let (directory, user) = (pending.directory, pending.by);
    MicrosoftIdentity { directory, user, name: pending.by_name.clone() }
}
