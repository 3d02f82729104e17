//! Data of Webex: organizations, accounts, teams, spaces, and what is attached to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use domain::ids::{OrgId, PersonId, RoomId, TeamId};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::apps::Credentials;
use super::webex_settings::WebexSettings;
use crate::generate::{secret, uuid};
use crate::pkce::Challenge;

/// Scopes of the service account's tokens: all that the integration asks for.
pub const SERVICE_ACCOUNT_SCOPES: &[&str] = &[
    "spark-compliance:events_read",
    "spark-compliance:teams_read",
    "spark-compliance:rooms_read",
    "spark-compliance:memberships_read",
    "spark-compliance:memberships_write",
    "spark-compliance:team_memberships_read",
    "identity:people_read",
    "spark:kms",
    "spark:people_read",
    "spark:rooms_read",
    "spark:rooms_write",
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:teams_read",
    "spark:teams_write",
    "spark:team_memberships_write",
    "spark:messages_read",
    "spark:messages_write",
];

/// Further scopes that an administrator's own sign-in asks for.
const ADMINISTRATOR_SCOPES: &[&str] = &["identity:organizations_read", "identity:people_rw"];

/// Role of a person in a team or space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MembershipRole {
    /// Plain member.
    Member,
    /// Member who manages it.
    Moderator,
}

/// Kind of a Webex account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserType {
    /// A person.
    User,
    /// A room device.
    Room,
    /// A bot; SCIM does not list it.
    Bot,
}

/// State of an account, as SCIM's `accountStatus` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStatus {
    /// Has signed in.
    Active,
    /// Has never signed in.
    Pending,
    /// Was disabled by an administrator.
    Disabled,
}

/// Administrative role of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminRole {
    /// Sees events and manages memberships of the organization's spaces.
    ComplianceOfficer,
    /// Reads people through SCIM.
    ReadOnlyAdmin,
    /// Manages people in Control Hub.
    UserAdmin,
    /// Reads and writes people through SCIM.
    FullAdmin,
}

/// A pair of tokens with both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// Token that calls send.
    pub access_token: String,
    /// End of the access token.
    pub access_ends: Timestamp,
    /// Token that is exchanged for the next pair.
    pub refresh_token: String,
    /// End of the refresh token.
    pub refresh_ends: Timestamp,
}

#[derive(Clone)]
pub(crate) struct Org {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) domain: String,
}

#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) org: OrgId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) user_type: UserType,
    pub(crate) external_id: Option<String>,
    pub(crate) active: bool,
    pub(crate) status: AccountStatus,
    pub(crate) roles: BTreeSet<AdminRole>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

#[derive(Clone)]
pub(crate) struct TeamEntry {
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    pub(crate) creator: PersonId,
}

#[derive(Clone)]
pub(crate) struct RoomEntry {
    pub(crate) title: String,
    pub(crate) team: Option<TeamId>,
    pub(crate) owner: OrgId,
    pub(crate) creator: PersonId,
    pub(crate) created: Timestamp,
    pub(crate) archived: bool,
    /// Region that it was moved to.
    pub(crate) migrated: Option<String>,
    pub(crate) direct: bool,
    pub(crate) memberships: BTreeMap<PersonId, Membership>,
}

#[derive(Clone)]
pub(crate) struct Membership {
    pub(crate) role: MembershipRole,
    pub(crate) created: Timestamp,
}

impl RoomEntry {
    pub(crate) fn has(&self, person: PersonId) -> bool {
        self.memberships.contains_key(&person)
    }

    pub(crate) fn is_moderated(&self) -> bool {
        self.moderators().next().is_some()
    }

    pub(crate) fn moderators(&self) -> impl Iterator<Item = PersonId> {
        let is_moderator = |membership: &Membership| membership.role == MembershipRole::Moderator;
        self.memberships
            .iter()
            .filter(move |(_, membership)| is_moderator(membership))
            .map(|(person, _)| *person)
    }
}

/// Kind of a change, as events and webhooks name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Created,
    Updated,
    Deleted,
    /// Moved to another region; of rooms only, and never an event.
    Migrated,
}

impl Change {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Migrated => "migrated",
        }
    }
}

/// Resource through which a membership changed: the webhook's data differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Room,
    Team,
}

/// An event, as the events API shows it.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) change: Change,
    pub(crate) actor: PersonId,
    /// Organizations that see it: the space's owner and the person's own.
    pub(crate) seen_by: [Option<OrgId>; 2],
    pub(crate) at: Timestamp,
    pub(crate) data: Value,
}

#[derive(Clone)]
pub(crate) struct Webhook {
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) resource: String,
    pub(crate) event: String,
    pub(crate) filter: Option<String>,
    pub(crate) secret: Option<String>,
    pub(crate) org_wide: bool,
    pub(crate) active: bool,
    pub(crate) owner: PersonId,
    pub(crate) org: OrgId,
    pub(crate) created: Timestamp,
    pub(crate) failures: Vec<Timestamp>,
    /// Moment until which one failure disables it again.
    pub(crate) probation_until: Option<Timestamp>,
}

#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) author: PersonId,
    pub(crate) room: RoomId,
    pub(crate) markdown: String,
    pub(crate) card: Option<Value>,
    pub(crate) at: Timestamp,
}

/// A pressed button of a card.
#[derive(Clone)]
pub(crate) struct Action {
    pub(crate) message: Uuid,
    pub(crate) room: RoomId,
    pub(crate) author: PersonId,
    pub(crate) person: PersonId,
    pub(crate) inputs: Value,
    pub(crate) at: Timestamp,
}

/// The link of a space to a folder.
#[derive(Clone)]
pub(crate) struct FolderLink {
    pub(crate) room: RoomId,
    /// contentUrl, displayName, driveId, itemId as sent: Webex validates none of them.
    pub(crate) fields: [String; 4],
    pub(crate) default: String,
    pub(crate) creator: PersonId,
    pub(crate) created: Timestamp,
}

/// An authorization code.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) person: PersonId,
    pub(crate) scopes: BTreeSet<String>,
    /// Redirect URI, exactly as sent.
    pub(crate) redirect: String,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) until: Timestamp,
}

/// Meaning of an access or refresh token.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) person: PersonId,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) until: Timestamp,
}

#[derive(Clone)]
pub(crate) struct Webex {
    pub(crate) app: Credentials,
    /// Redirect URIs of the integration.
    pub(crate) redirects: BTreeSet<String>,
    /// Scopes of the integration.
    pub(crate) offered: BTreeSet<String>,
    pub(crate) settings: WebexSettings,
    pub(crate) orgs: BTreeMap<OrgId, Org>,
    pub(crate) accounts: BTreeMap<PersonId, Account>,
    /// Mail addresses in use.
    pub(crate) addresses: HashSet<String>,
    pub(crate) teams: BTreeMap<TeamId, TeamEntry>,
    pub(crate) rooms: BTreeMap<RoomId, RoomEntry>,
    pub(crate) events: Vec<Event>,
    pub(crate) webhooks: BTreeMap<Uuid, Webhook>,
    pub(crate) messages: BTreeMap<Uuid, Message>,
    pub(crate) actions: BTreeMap<Uuid, Action>,
    pub(crate) folders: BTreeMap<Uuid, FolderLink>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) access: HashMap<String, Grant>,
    pub(crate) refresh: HashMap<String, Grant>,
    /// Calls of each account in the last minute.
    pub(crate) used: HashMap<PersonId, VecDeque<Timestamp>>,
}

impl Webex {
    pub(crate) fn new(rng: &mut fastrand::Rng) -> Self {
        let scopes = SERVICE_ACCOUNT_SCOPES.iter().chain(ADMINISTRATOR_SCOPES);
        Self {
            app: Credentials {
                client_id: format!("C{}", uuid(rng).simple()),
                client_secret: secret(rng),
            },
            redirects: BTreeSet::new(),
            offered: scopes.map(|scope| (*scope).to_owned()).collect(),
            settings: WebexSettings::default(),
            orgs: BTreeMap::new(),
            accounts: BTreeMap::new(),
            addresses: HashSet::new(),
            teams: BTreeMap::new(),
            rooms: BTreeMap::new(),
            events: Vec::new(),
            webhooks: BTreeMap::new(),
            messages: BTreeMap::new(),
            actions: BTreeMap::new(),
            folders: BTreeMap::new(),
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            used: HashMap::new(),
        }
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &String> {
        self.access.keys().chain(self.refresh.keys()).chain(self.codes.keys())
    }

    pub(crate) fn org_of_token(&self, token: &str) -> Option<OrgId> {
        self.accounts.get(&self.access.get(token)?.person).map(|account| account.org)
    }

    pub(crate) fn has_role(&self, person: PersonId, role: AdminRole) -> bool {
        self.accounts.get(&person).is_some_and(|account| account.roles.contains(&role))
    }
}
