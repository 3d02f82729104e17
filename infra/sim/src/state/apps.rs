//! App registrations in Entra, which are the same for all directories, and what directories granted
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::ids::{DirectoryId, ObjectId};
use jiff::Timestamp;
use serde_json::Value;

use crate::generate::{secret, uuid};
use crate::pkce::Challenge;

/// Client id and secret of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
}

/// An app registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppRegistration {
    /// The app for people, roles and groups. People sign in to it.
    Groups,
    /// The app for files.
    Files,
}

/// The manifest's `groupMembershipClaims`.
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
    /// Id of the role's template, which is the same in all directories.
    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::GlobalAdministrator => "62e90394-69f5-4237-9190-012177145e10",
            Self::PrivilegedRoleAdministrator => "e8611ab8-c189-46e8-94e1-60213ab1f814",
            Self::UserAdministrator => "fe930be7-5e62-47db-91af-98c3a49a38b1",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GlobalAdministrator => "Global Administrator",
            Self::PrivilegedRoleAdministrator => "Privileged Role Administrator",
            Self::UserAdministrator => "User Administrator",
        }
    }

    pub(crate) fn may_consent(self) -> bool {
        matches!(self, Self::GlobalAdministrator | Self::PrivilegedRoleAdministrator)
    }
}

/// An outside issuer whose tokens authenticate the app instead of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedCredential {
    /// Compared with `iss`.
    pub issuer: String,
    /// Compared with `sub`.
    pub subject: String,
    /// Compared with `aud`; usually `api://AzureADTokenExchange`.
    pub audience: String,
    /// JSON Web Key Set of the issuer, as Entra would fetch it.
    pub keys: Value,
}

/// The manifest of an app registration.
#[derive(Clone)]
pub(crate) struct Manifest {
    pub(crate) credentials: Credentials,
    pub(crate) name: &'static str,
    /// Application permissions that the manifest requires.
    pub(crate) permissions: BTreeSet<String>,
    pub(crate) redirects: BTreeSet<String>,
    pub(crate) claims: GroupMembershipClaims,
    /// The manifest's `optionalClaims` of an id_token.
    pub(crate) optional_claims: BTreeSet<String>,
    pub(crate) federated: Vec<FederatedCredential>,
}

/// Returns the two registrations, with credentials from the seed.
pub(super) fn registrations(rng: &mut fastrand::Rng) -> BTreeMap<AppRegistration, Manifest> {
    let mut manifest = |name, permissions: &[&str], claims| Manifest {
        credentials: Credentials { client_id: uuid(rng).to_string(), client_secret: secret(rng) },
        name,
        permissions: permissions.iter().map(|role| (*role).to_owned()).collect(),
        redirects: BTreeSet::new(),
        claims,
        optional_claims: BTreeSet::from(["auth_time".to_owned()]),
        federated: Vec::new(),
    };
    let permissions = ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"];
    let groups = manifest("Teams and groups", &permissions, GroupMembershipClaims::DirectoryRole);
    let files = manifest("Team folders", &["Files.ReadWrite.All"], GroupMembershipClaims::None);
    BTreeMap::from([(AppRegistration::Groups, groups), (AppRegistration::Files, files)])
}

/// A change of claims before they are signed.
pub(crate) type Forgery = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// Service principal of an app in a directory.
#[derive(Clone)]
pub(crate) struct Principal {
    pub(crate) roles: BTreeSet<String>,
    /// Roles of tokens until `settled`.
    pub(crate) before: Option<BTreeSet<String>>,
    pub(crate) settled: Timestamp,
}

/// The part of an address that names a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authority {
    /// One directory, by id or by domain.
    Directory(DirectoryId),
    /// Any directory.
    Organizations,
    /// Any directory or personal account; there are no personal accounts here.
    Common,
}

/// An authorization code.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) app: AppRegistration,
    pub(crate) directory: DirectoryId,
    pub(crate) user: ObjectId,
    pub(crate) authority: Authority,
    /// Redirect URI, exactly as sent.
    pub(crate) redirect: String,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) nonce: Option<String>,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) authenticated: Timestamp,
    /// `max_age` of the request, in seconds; with it a token says when the user authenticated.
    pub(crate) max_age: Option<i64>,
    pub(crate) until: Timestamp,
    pub(crate) used: bool,
}

/// Meaning of an access token.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) app: AppRegistration,
    pub(crate) directory: DirectoryId,
    /// The app's own roles, or the scopes of a token for a user. No scope is named like a role
    /// that is checked here.
    pub(crate) roles: BTreeSet<String>,
    pub(crate) until: Timestamp,
}
