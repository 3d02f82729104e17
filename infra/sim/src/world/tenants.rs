//! Customers, and the people in them.

use domain::ids::{DirectoryId, ObjectId, OrgId, PersonId};

use super::World;
use crate::microsoft::{directories, registration, users};
use crate::state::State;
use crate::state::apps::{AppRegistration, Credentials, DirectoryRole};
use crate::state::microsoft::UserKind;
use crate::state::webex::{AccountStatus, AdminRole, SERVICE_ACCOUNT_SCOPES, TokenPair, UserType};
use crate::webex::{oauth, people};

/// One person on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// The Entra user.
    pub object: ObjectId,
    /// The Webex account.
    pub person: PersonId,
}

/// A Webex organization and an Entra directory of one customer, right after the administrators have
/// connected them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantHandle {
    /// Name; mail addresses end in `@<slug>.example`.
    pub name: String,
    /// The Webex organization.
    pub org: OrgId,
    /// The Entra directory, in which the app is consented with `Group.ReadWrite.All`,
    /// `User.Read.All` and `GroupSettings.Read.All`.
    pub directory: DirectoryId,
    /// The service account: compliance officer and read-only administrator, without an Entra user.
    pub service_account: PersonId,
    /// First pair of tokens of the service account; a refresh gives another pair.
    pub tokens: TokenPair,
    /// The integration on Webex's side, the same for all tenants.
    pub webex_app: Credentials,
    /// The app registration for people and groups, the same for all tenants.
    pub microsoft_app: Credentials,
    /// The app registration for files, the same for all tenants. No directory has consented to it.
    pub files_app: Credentials,
    /// Full administrator of the Webex organization, and Global Administrator of the directory.
    pub administrator: Person,
}

impl World {
    /// Adds a customer: organization, directory, service account with tokens, administrator, and
    /// consent. Rooms and teams are in region `us` for every other tenant, starting with the first,
    /// else in `urn:TEAM:eu-central-1_k`.
    pub fn add_tenant(&self, name: &str) -> TenantHandle {
        let mut guard = self.lock();
        let state = &mut *guard;
        let org = people::add_org(state, name);
        let roles = ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"];
        let directory = directories::add(state, name, &roles);
        let service_account = add_account(state, org, "Compliance Officer", None);
        people::make_service_account(state, service_account);
        let tokens = oauth::issue_tokens(state, service_account, SERVICE_ACCOUNT_SCOPES);
        let object = users::add(state, directory, "Full Administrator", UserKind::Member);
        registration::give_directory_role(state, object, DirectoryRole::GlobalAdministrator);
        let person = add_account(state, org, "Full Administrator", Some(object));
        people::change_account(state, person, |account| {
            account.roles.insert(AdminRole::FullAdmin);
        });
        TenantHandle {
            name: name.into(),
            org,
            directory,
            service_account,
            tokens,
            webex_app: state.webex.app.clone(),
            microsoft_app: state.microsoft.credentials(AppRegistration::Groups),
            files_app: state.microsoft.credentials(AppRegistration::Files),
            administrator: Person { object, person },
        }
    }

    /// Adds a person whom the directory synchronizes to Webex: `externalId` is the object id, and
    /// both accounts are active.
    pub fn add_person(&self, tenant: &TenantHandle, name: &str) -> Person {
        let mut state = self.lock();
        let object = users::add(&mut state, tenant.directory, name, UserKind::Member);
        let person = add_account(&mut state, tenant.org, name, Some(object));
        Person { object, person }
    }

    /// Adds a synchronized person who has never signed in to Webex (`active: true`,
    /// `accountStatus: pending`).
    pub fn add_pending(&self, tenant: &TenantHandle, name: &str) -> Person {
        let person = self.add_person(tenant, name);
        people::change_account(&mut self.lock(), person.person, |account| {
            account.status = AccountStatus::Pending;
        });
        person
    }

    /// Adds a person on Webex whom the directory does not know (no `externalId`).
    pub fn add_webex_only(&self, tenant: &TenantHandle, name: &str) -> PersonId {
        add_account(&mut self.lock(), tenant.org, name, None)
    }

    /// Adds a person in the directory who has no Webex account.
    pub fn add_entra_only(&self, tenant: &TenantHandle, name: &str) -> ObjectId {
        users::add(&mut self.lock(), tenant.directory, name, UserKind::Member)
    }

    /// Adds a guest of the directory who has no Webex account.
    pub fn add_guest(&self, tenant: &TenantHandle, name: &str) -> ObjectId {
        users::add(&mut self.lock(), tenant.directory, name, UserKind::Guest)
    }

    /// Adds a room device of the organization (`userType: room`).
    pub fn add_device(&self, tenant: &TenantHandle, name: &str) -> PersonId {
        let (kind, status) = (UserType::Room, AccountStatus::Active);
        people::add_account(&mut self.lock(), tenant.org, name, kind, status, None)
    }

    /// Adds a bot: it can be in spaces, and SCIM does not list it.
    pub fn add_bot(&self, tenant: &TenantHandle, name: &str) -> PersonId {
        let (kind, status) = (UserType::Bot, AccountStatus::Active);
        people::add_account(&mut self.lock(), tenant.org, name, kind, status, None)
    }

    /// Adds a Webex organization that is no customer.
    pub fn add_foreign_organization(&self, name: &str) -> OrgId {
        people::add_org(&mut self.lock(), name)
    }

    /// Adds a person to any organization, for instance a foreign one.
    pub fn add_account_of(&self, org: OrgId, name: &str) -> PersonId {
        add_account(&mut self.lock(), org, name, None)
    }
}

fn add_account(
    state: &mut State,
    org: OrgId,
    name: &str,
    external_id: Option<ObjectId>,
) -> PersonId {
    let external_id = external_id.map(|id| id.to_string());
    people::add_account(state, org, name, UserType::User, AccountStatus::Active, external_id)
}
