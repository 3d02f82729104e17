//! The administrator's role of a session's person, as Webex shows it to the service account.
//!
//! # Guarantees
//! A change needs the role at that moment. Pages may be read for some minutes after the role is
//! gone, and for as long as Webex does not answer. Without a service account there is nothing to
//! ask with, and no tenant to protect.

use clients::http::Urgency;
use clients::webex::{Account, WebexId};
use engine::activity::{Decision, SignInRefusal};
use engine::decision::Decider;
use engine::tenant::organization::ServiceAccount;
use jiff::SignedDuration;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::admin_role::AdminRole;
use crate::http::error::Failure;

/// Pages ask for the role again after this time.
const READ_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A sign-in says the role itself. For this long it counts where Webex does not answer, so that a
/// service account without tokens can be replaced.
const SIGN_IN_COUNTS: SignedDuration = SignedDuration::from_mins(10);

/// The Webex role that changes everything.
pub(crate) const FULL_ADMINISTRATOR: &str = "id_full_admin";

/// The Webex role that sees everything.
const READ_ONLY_ADMINISTRATOR: &str = "id_readonly_admin";

/// The Webex role that manages people.
pub(crate) const USER_ADMINISTRATOR: &str = "id_user_admin";

/// Returns the greatest role of an account that is an administrator.
pub(crate) fn of(account: &Account) -> Option<AdminRole> {
    // The greatest first: a person can have several.
    let roles = [
        (FULL_ADMINISTRATOR, AdminRole::Full),
        (READ_ONLY_ADMINISTRATOR, AdminRole::ReadOnly),
        (USER_ADMINISTRATOR, AdminRole::Users),
    ];
    let role = roles.into_iter().find(|(name, _)| account.has_role(name));
    role.map(|(_, role)| role)
}

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only shows something.
    Read,
    /// Changes something.
    Change,
}

/// Checks that the person still has the needed role. The session of a person without any role ends.
///
/// # Errors
/// `NeedsRole` and `RoleEnded`; for a change also `RoleUnknown`, if Webex does not answer.
pub(crate) async fn check(
    app: &App,
    admin: &Admin,
    access: Access,
    needed: AdminRole,
) -> Result<(), Failure> {
    let (session, now) = (&admin.session, app.clock.now());
    let Some(service_account) = &admin.organization.service_account else {
        return session.role.check(needed);
    };
    if access == Access::Read && session.role_at + READ_AGAIN_AFTER > now {
        return session.role.check(needed);
    }
    let (org, person) = (session.org, session.person);
    match present_role(app, admin, service_account).await {
        Ok(Some(role)) => {
            // Also a lesser role: pages show what it lets see.
            session.set_role(app.store.as_ref(), role, now).await?;
            role.check(needed)
        }
        Ok(None) => {
            end(app, admin).await?;
            tracing::warn!(event = "role_ended", %org, %person, "A person lost their role.");
            Err(Failure::RoleEnded)
        }
        Err(_) if access == Access::Read || session.signed_in_at() + SIGN_IN_COUNTS > now => {
            session.role.check(needed)
        }
        Err(error) => Err(Failure::RoleUnknown(Box::new(error))),
    }
}

/// Ends the session of a person who has lost the role.
pub(crate) async fn end(app: &App, admin: &Admin) -> Result<(), Failure> {
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    let refused = Decision::SignInRefused { why: SignInRefusal::RoleEnded };
    let record = by.of_tenant(admin.tenant(), refused)?;
    Ok(admin.session.end(app.store.as_ref(), record).await?)
}

async fn present_role(
    app: &App,
    admin: &Admin,
    service_account: &ServiceAccount,
) -> Result<Option<AdminRole>, Failure> {
    let tokens = app.tokens.webex(admin.tenant(), service_account.person, app.deadline());
    // An admin waits for the page, so its calls come before those of cycles.
    let access = tokens.await?.urgent(Urgency::High);
    let person = WebexId::new(service_account.region.clone(), admin.session.person);
    let Some(account) = app.webex.person(&access, &person).await? else {
        // One odd answer ends no session: both lists of Webex have to agree.
        let listed = app.webex.scim_user(&access, admin.session.org, person.id).await?;
        return listed.map_or(Ok(None), |_| Err(Failure::NoSuchPerson));
    };
    // Webex shows both to administrators only: the service account may have lost its own role.
    if account.login_enabled.is_none() && account.roles.is_empty() {
        return Err(Failure::NotAReadOnlyAdministrator);
    }
    Ok(of(&account).filter(|_| is_active(&account)))
}

fn is_active(account: &Account) -> bool {
    // Only a stated end counts: Webex does not always send the field.
    account.login_enabled != Some(false)
}
