//! App registrations, which are the same for all directories, and what they are in each directory: service principals with granted roles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::ids::{DirectoryId, ObjectId};
pub use engine::credentials::registration::Registration;
use jiff::Timestamp;
use serde_json::Value;

use super::{BeforeConsent, Microsoft};
use crate::world::{Credentials, State, World, secret, uuid};

/// The manifest's `groupMembershipClaims`, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupMembershipClaims {
    /// No `wids` in tokens.
    None,
    /// `wids` names the user's directory roles.
    DirectoryRole,
}

/// A directory role that a user can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirectoryRole {
    /// May do everything, and consent to application permissions.
    GlobalAdministrator,
    /// May manage roles, and consent to application permissions.
    PrivilegedRoleAdministrator,
    /// May manage users and groups, but not consent.
    UserAdministrator,
}

impl DirectoryRole {
    /// The role's template, which is the same in all directories.
    pub(super) fn template(self) -> &'static str {
        match self {
            Self::GlobalAdministrator => "62e90394-69f5-4237-9190-012177145e10",
            Self::PrivilegedRoleAdministrator => "e8611ab8-c189-46e8-94e1-60213ab1f814",
            Self::UserAdministrator => "fe930be7-5e62-47db-91af-98c3a49a38b1",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GlobalAdministrator => "Global Administrator",
            Self::PrivilegedRoleAdministrator => "Privileged Role Administrator",
            Self::UserAdministrator => "User Administrator",
        }
    }

    pub(super) fn consents(self) -> bool {
        matches!(self, Self::GlobalAdministrator | Self::PrivilegedRoleAdministrator)
    }
}

/// An outside issuer whose tokens prove the app instead of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedCredential {
    /// Compared with `iss`.
    pub issuer: String,
    /// Compared with `sub`.
    pub subject: String,
    /// Compared with `aud`, as a rule `api://AzureADTokenExchange`.
    pub audience: String,
    /// The issuer's JSON Web Key Set, as Entra would fetch it.
    pub keys: Value,
}

/// A registration.
#[derive(Clone)]
pub(super) struct Registered {
    pub(super) credentials: Credentials,
    pub(super) name: &'static str,
    /// Application permissions that the manifest requires.
    pub(super) permissions: BTreeSet<String>,
    pub(super) redirects: BTreeSet<String>,
    pub(super) claims: GroupMembershipClaims,
    /// The manifest's `optionalClaims` of an id_token.
    pub(super) optional_claims: BTreeSet<String>,
    pub(super) federated: Vec<FederatedCredential>,
}

pub(super) fn registered(rng: &mut fastrand::Rng) -> BTreeMap<Registration, Registered> {
    let mut make = |name, permissions: &[&str], claims| Registered {
        credentials: Credentials { client_id: uuid(rng).to_string(), client_secret: secret(rng) },
        name,
        permissions: permissions.iter().map(|role| (*role).to_owned()).collect(),
        redirects: BTreeSet::new(),
        claims,
        optional_claims: BTreeSet::from(["auth_time".to_owned()]),
        federated: Vec::new(),
    };
    let groups = ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"];
    BTreeMap::from([
        (Registration::Groups, make("Teams and groups", &groups, GroupMembershipClaims::DirectoryRole)),
        (Registration::Files, make("Team folders", &["Files.ReadWrite.All"], GroupMembershipClaims::None)),
    ])
}

/// A change of claims before they are signed.
pub(super) type Forgery = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// What an app is in a directory.
#[derive(Clone)]
pub(super) struct Principal {
    roles: BTreeSet<String>,
    /// What tokens are given by until `settled`.
    before: Option<BTreeSet<String>>,
    settled: Timestamp,
}

impl Microsoft {
    pub(crate) fn credentials(&self, app: Registration) -> Credentials {
        let empty = || Credentials { client_id: String::new(), client_secret: String::new() };
        self.apps.get(&app).map_or_else(empty, |app| app.credentials.clone())
    }

    pub(super) fn app_named(&self, client_id: &str) -> Option<Registration> {
        let mut apps = self.apps.iter();
        apps.find(|(_, app)| app.credentials.client_id.eq_ignore_ascii_case(client_id)).map(|(id, _)| *id)
    }
}

impl State {
    /// The roles that a token is given with now; nothing where the app is not in the directory, or not yet.
    pub(super) fn roles_in(&self, directory: DirectoryId, app: Registration) -> Option<BTreeSet<String>> {
        let principal = self.microsoft.directories.get(&directory)?.apps.get(&app)?;
        if self.now < principal.settled { principal.before.clone() } else { Some(principal.roles.clone()) }
    }

    pub(crate) fn give_directory_role(&mut self, user: ObjectId, role: DirectoryRole) {
        self.user_entry(user, |entry| {
            entry.roles.insert(role);
        });
    }

    /// Brings the app into the directory, without roles; where it is there already it keeps what it has.
    pub(super) fn bring_in(&mut self, app: Registration, directory: DirectoryId) {
        let there = self.microsoft.directories.get(&directory).is_some_and(|entry| entry.apps.contains_key(&app));
        if !there {
            self.consent(app, directory, BTreeSet::new());
        }
    }

    /// Makes the app's roles in the directory exactly these.
    pub(super) fn consent(&mut self, app: Registration, directory: DirectoryId, roles: BTreeSet<String>) {
        let unheard = || match self.microsoft.settings.before_consent {
            BeforeConsent::AppUnknown => None,
            BeforeConsent::NoRoles => Some(BTreeSet::new()),
        };
        let before = self.roles_in(directory, app).or_else(unheard);
        let settled = self.now + self.microsoft.settings.consent_lag;
        if let Ok(directory) = self.directory_mut(directory) {
            directory.apps.insert(app, Principal { roles, before, settled });
        }
    }
}

impl World {
    fn registration(&self, app: Registration, change: impl FnOnce(&mut Registered)) {
        if let Some(app) = self.lock().microsoft.apps.get_mut(&app) {
            change(app);
        }
    }

    /// The registration lets codes and consents come back to this address, spelt exactly so.
    pub fn register_microsoft_redirect(&self, app: Registration, uri: &str) {
        self.registration(app, |app| {
            app.redirects.insert(uri.into());
        });
    }

    /// Sets the application permissions that the registration requires: what the next consent grants.
    pub fn set_permissions(&self, app: Registration, permissions: &[&str]) {
        self.registration(app, |app| app.permissions = permissions.iter().map(|role| (*role).to_owned()).collect());
    }

    /// Sets the manifest's `groupMembershipClaims`; at first only [`Registration::Groups`] has them.
    pub fn set_group_membership_claims(&self, app: Registration, claims: GroupMembershipClaims) {
        self.registration(app, |app| app.claims = claims);
    }

    /// Sets the manifest's `optionalClaims` of an id_token; at first `auth_time`, the only one that is simulated.
    pub fn set_optional_claims(&self, app: Registration, claims: &[&str]) {
        self.registration(app, |app| app.optional_claims = claims.iter().map(|claim| (*claim).to_owned()).collect());
    }

    /// Registers a federated credential: from now on the issuer's tokens prove the app, beside its secret.
    pub fn add_federated_credential(&self, app: Registration, credential: FederatedCredential) {
        self.registration(app, |app| app.federated.push(credential));
    }

    /// Takes all federated credentials of the app away.
    pub fn clear_federated_credentials(&self, app: Registration) {
        self.registration(app, |app| app.federated.clear());
    }

    /// An administrator consents anew to [`Registration::Groups`], with these roles; tokens in use keep theirs.
    pub fn consent(&self, directory: DirectoryId, roles: &[&str]) {
        self.consent_to(Registration::Groups, directory, roles);
    }

    /// An administrator consents anew, with these roles; none leaves an app that is there and may do nothing. Tokens in use keep theirs.
    pub fn consent_to(&self, app: Registration, directory: DirectoryId, roles: &[&str]) {
        self.lock().consent(app, directory, roles.iter().map(|role| (*role).to_owned()).collect());
    }

    /// The roles that were consented to, whether or not tokens show them yet; nothing where the app is not in the directory.
    pub fn consented(&self, app: Registration, directory: DirectoryId) -> Option<BTreeSet<String>> {
        let state = self.lock();
        Some(state.microsoft.directories.get(&directory)?.apps.get(&app)?.roles.clone())
    }

    /// An administrator removes [`Registration::Groups`] from the directory: no token is given, and those in use are refused.
    pub fn withdraw_consent(&self, directory: DirectoryId) {
        self.remove_app(Registration::Groups, directory);
    }

    /// An administrator removes the app from the directory: no token is given, and those in use are refused.
    pub fn remove_app(&self, app: Registration, directory: DirectoryId) {
        if let Ok(directory) = self.lock().directory_mut(directory) {
            directory.apps.remove(&app);
        }
    }

    /// An administrator gives a directory role.
    pub fn give_directory_role(&self, user: ObjectId, role: DirectoryRole) {
        self.lock().give_directory_role(user, role);
    }

    /// An administrator takes a directory role away.
    pub fn take_directory_role(&self, user: ObjectId, role: DirectoryRole) {
        self.lock().user_entry(user, |entry| {
            entry.roles.remove(&role);
        });
    }

    /// An administrator blocks a user's sign-in.
    pub fn block_sign_in(&self, user: ObjectId) {
        self.lock().user_entry(user, |entry| entry.enabled = false);
    }

    /// From now on this is done to the claims of each id_token before it is signed: what a client has to refuse.
    pub fn forge_id_tokens(&self, forgery: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.lock().microsoft.forgery = Some(Arc::new(forgery));
    }
}
