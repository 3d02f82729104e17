//! Data of Entra and Microsoft 365: apps, directories, users and subscriptions.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::apps::{
    self, AppRegistration, Code, Credentials, DirectoryRole, Forgery, Manifest, Principal, Token,
};
use super::drives::Drive;
use super::graph_settings::GraphSettings;
use super::groups::{GroupChange, GroupEntry, Relation};

/// Member or guest of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    /// `userType: Member`.
    Member,
    /// `userType: Guest`.
    Guest,
}

/// Home of a user's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserOrigin {
    /// The directory itself.
    Internal,
    /// Another directory or provider, which was invited (`creationType: Invitation`). The userType
    /// can be either one.
    External,
}

#[derive(Clone)]
pub(crate) struct UserEntry {
    pub(crate) name: String,
    pub(crate) principal: String,
    /// The mail address, if it is not the principal.
    pub(crate) mail: Option<String>,
    /// Further addresses.
    pub(crate) aliases: Vec<String>,
    pub(crate) kind: UserKind,
    pub(crate) origin: UserOrigin,
    pub(crate) department: String,
    pub(crate) enabled: bool,
    pub(crate) roles: BTreeSet<DirectoryRole>,
    pub(crate) deleted: Option<Timestamp>,
    /// Groups of a deleted user, who returns to them when restored.
    pub(crate) former_groups: Vec<(GroupId, Relation)>,
}

/// Write units within the window of a quota.
#[derive(Clone, Default)]
pub(crate) struct WriteUnits {
    pub(crate) window: VecDeque<(Timestamp, usize)>,
    /// Sum of the window.
    pub(crate) units: usize,
    /// Sum since the start.
    pub(crate) total: usize,
}

#[derive(Clone)]
pub(crate) struct Directory {
    pub(crate) name: String,
    pub(crate) domain: String,
    /// Apps with a service principal: those without an entry have no consent.
    pub(crate) apps: BTreeMap<AppRegistration, Principal>,
    pub(crate) users: BTreeMap<ObjectId, UserEntry>,
    /// userPrincipalNames in use.
    pub(crate) principals: BTreeSet<String>,
    pub(crate) groups: BTreeMap<GroupId, GroupEntry>,
    pub(crate) changes: Vec<GroupChange>,
    /// Values of `Group.Unified` that were set.
    pub(crate) settings: BTreeMap<String, String>,
    /// Lifetime of groups by the expiration policy.
    pub(crate) lifetime: Option<SignedDuration>,
    pub(crate) written: WriteUnits,
    pub(crate) drives: BTreeMap<GroupId, Drive>,
    /// Number of mails to people who were added to a group.
    pub(crate) welcome_mails: usize,
    /// Units of calls about files in the last minute.
    pub(crate) file_units: VecDeque<(Timestamp, usize)>,
}

impl Directory {
    pub(crate) fn new(name: &str, domain: String) -> Self {
        Self {
            name: name.into(),
            domain,
            apps: BTreeMap::new(),
            users: BTreeMap::new(),
            principals: BTreeSet::new(),
            groups: BTreeMap::new(),
            changes: Vec::new(),
            settings: BTreeMap::new(),
            lifetime: None,
            written: WriteUnits::default(),
            drives: BTreeMap::new(),
            welcome_mails: 0,
            file_units: VecDeque::new(),
        }
    }
}

/// A subscription to change notifications.
#[derive(Clone)]
pub(crate) struct Subscription {
    pub(crate) directory: DirectoryId,
    pub(crate) resource: String,
    pub(crate) change_type: String,
    pub(crate) url: String,
    pub(crate) lifecycle_url: Option<String>,
    pub(crate) client_state: Option<String>,
    pub(crate) expires: Timestamp,
    /// Moment of an open request for reauthorization.
    pub(crate) reauthorization_asked: Option<Timestamp>,
}

#[derive(Clone)]
pub(crate) struct Microsoft {
    pub(crate) apps: BTreeMap<AppRegistration, Manifest>,
    pub(crate) codes: HashMap<String, Code>,
    /// Last password entry of each user, which later sign-ins rely on.
    pub(crate) passwords: HashMap<ObjectId, Timestamp>,
    /// Change of the claims of each id_token before it is signed.
    pub(crate) forgery: Option<Forgery>,
    pub(crate) settings: GraphSettings,
    /// Names of Graph in scopes.
    pub(crate) graph: BTreeSet<String>,
    pub(crate) directories: BTreeMap<DirectoryId, Directory>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) subscriptions: BTreeMap<Uuid, Subscription>,
    /// Write units over all directories.
    pub(crate) written: WriteUnits,
    /// Last search for groups that expired.
    pub(crate) swept: Option<Timestamp>,
}

impl Microsoft {
    pub(crate) fn new(rng: &mut fastrand::Rng) -> Self {
        Self {
            apps: apps::registrations(rng),
            codes: HashMap::new(),
            passwords: HashMap::new(),
            forgery: None,
            settings: GraphSettings::default(),
            graph: BTreeSet::from(["https://graph.microsoft.com".to_owned()]),
            directories: BTreeMap::new(),
            tokens: HashMap::new(),
            subscriptions: BTreeMap::new(),
            written: WriteUnits::default(),
            swept: None,
        }
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &String> {
        self.tokens.keys()
    }

    pub(crate) fn directory_of_token(&self, token: &str) -> Option<DirectoryId> {
        self.tokens.get(token).map(|token| token.directory)
    }

    pub(crate) fn credentials(&self, app: AppRegistration) -> Credentials {
        let empty = || Credentials { client_id: String::new(), client_secret: String::new() };
        self.apps.get(&app).map_or_else(empty, |app| app.credentials.clone())
    }

    pub(crate) fn app_named(&self, client_id: &str) -> Option<AppRegistration> {
        let is_named = |app: &Manifest| app.credentials.client_id.eq_ignore_ascii_case(client_id);
        self.apps.iter().find(|(_, app)| is_named(app)).map(|(id, _)| *id)
    }
}
