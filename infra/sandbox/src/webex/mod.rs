//! Webex: who is in which space, who may ask, and how it answers.

mod acts;
mod authorize;
mod events;
mod folders;
mod ids;
mod memberships;
mod messages;
mod oauth;
mod options;
mod people;
mod rooms;
mod scim;
mod seats;
mod teams;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use domain::ids::{OrgId, PersonId, RoomId, TeamId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

pub use acts::{LinkedFolder, Room, Team};
pub use messages::Card;
pub use oauth::TokenPair;
pub use options::{EmptyPages, OrgWebhooks, RefreshRule, Spelling, StatusShape, TeamIdKind, WebexSettings};
pub(crate) use webhooks::sign;

use crate::wire::{Answer, Outcome, Request};
use crate::world::{Credentials, State, secret, uuid};

/// What the officer's pair may do: all that the integration asks for, outside and inside.
pub const OFFICER_SCOPES: &[&str] = &[
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

/// What an administrator's own sign-in asks for, beyond those.
const ADMINISTRATOR_SCOPES: &[&str] = &["identity:organizations_read", "identity:people_rw"];

/// What somebody is in a team or space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// In it.
    Member,
    /// In it, and manages it.
    Moderator,
}

/// What a Webex account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserType {
    /// A person.
    User,
    /// A room device.
    Room,
    /// A bot; SCIM does not list it.
    Bot,
}

/// Whether an account can be used, as SCIM's `accountStatus` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStatus {
    /// Has signed in.
    Active,
    /// Has never signed in.
    Pending,
    /// Was shut.
    Disabled,
}

/// What an account may do beyond its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminRole {
    /// Sees events and manages memberships of the organization's spaces.
    ComplianceOfficer,
    /// Reads people through SCIM.
    ReadOnlyAdmin,
    /// Reads and writes people through SCIM.
    FullAdmin,
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
    /// The region to which it was moved.
    pub(crate) migrated: Option<String>,
    pub(crate) direct: bool,
    pub(crate) seats: BTreeMap<PersonId, Seat>,
}

#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) role: Role,
    pub(crate) created: Timestamp,
}

impl RoomEntry {
    fn moderated(&self) -> bool {
        self.seats.values().any(|seat| seat.role == Role::Moderator)
    }

    fn moderators(&self) -> impl Iterator<Item = PersonId> {
        self.seats.iter().filter(|(_, seat)| seat.role == Role::Moderator).map(|(person, _)| *person)
    }
}

#[derive(Clone)]
pub(crate) struct Webex {
    pub(crate) app: Credentials,
    /// Where the integration's registration lets codes go.
    redirects: BTreeSet<String>,
    /// The scopes ticked in the integration's registration.
    offered: BTreeSet<String>,
    pub(crate) settings: WebexSettings,
    orgs: BTreeMap<OrgId, Org>,
    accounts: BTreeMap<PersonId, Account>,
    /// Addresses that are taken.
    addresses: HashSet<String>,
    teams: BTreeMap<TeamId, TeamEntry>,
    rooms: BTreeMap<RoomId, RoomEntry>,
    events: Vec<events::Event>,
    webhooks: BTreeMap<Uuid, webhooks::Webhook>,
    messages: BTreeMap<Uuid, messages::Message>,
    actions: BTreeMap<Uuid, messages::Action>,
    folders: BTreeMap<Uuid, folders::Folder>,
    codes: HashMap<String, authorize::Code>,
    access: HashMap<String, oauth::Grant>,
    refresh: HashMap<String, oauth::Grant>,
    used: HashMap<PersonId, VecDeque<Timestamp>>,
}

impl Webex {
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &String> {
        self.access.keys().chain(self.refresh.keys()).chain(self.codes.keys())
    }

    pub(crate) fn new(rng: &mut fastrand::Rng) -> Self {
        Self {
            app: Credentials { client_id: format!("C{}", uuid(rng).simple()), client_secret: secret(rng) },
            redirects: BTreeSet::new(),
            offered: OFFICER_SCOPES.iter().chain(ADMINISTRATOR_SCOPES).map(|scope| (*scope).to_owned()).collect(),
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

    pub(crate) fn org_of_token(&self, token: &str) -> Option<OrgId> {
        self.accounts.get(&self.access.get(token)?.person).map(|account| account.org)
    }

    fn is(&self, person: PersonId, role: AdminRole) -> bool {
        self.accounts.get(&person).is_some_and(|account| account.roles.contains(&role))
    }
}

/// Who calls, and with which permissions.
pub(crate) struct Caller {
    person: PersonId,
    org: OrgId,
    scopes: BTreeSet<String>,
}

impl Caller {
    fn has(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// Refuses a token without any of these scopes.
    fn needs(&self, scopes: &[&str]) -> Result<(), Answer> {
        if scopes.iter().any(|scope| self.has(scope)) {
            Ok(())
        } else {
            Err(refused(403, &format!("The access token has none of the scopes {}.", scopes.join(", "))))
        }
    }
}

/// An error as Webex words it; the tracking id is added on the way out.
pub(crate) fn refused(status: u16, message: &str) -> Answer {
    Answer::new(status, json!({"message": message, "errors": [{"description": message}]}))
}

fn not_found() -> Answer {
    refused(404, "The requested resource could not be found.")
}

/// Adds `trackingid` to the headers, and to the body of an error.
pub(crate) fn sealed(state: &mut State, mut answer: Answer) -> Answer {
    let tracking = format!("SANDBOX_{}", state.uuid().hyphenated());
    if let (true, Some(Value::Object(body))) = (answer.status >= 400, &mut answer.body) {
        body.insert("trackingId".into(), tracking.as_str().into());
    }
    answer.with("trackingid", tracking)
}

/// One page of `items`, with the link to the next.
fn page(call: &Request, settings: &WebexSettings, default: usize, items: Vec<Value>) -> Answer {
    let max = call.query("max").and_then(|max| max.parse().ok()).unwrap_or(default);
    let size = max.clamp(1, settings.page_limit.max(1));
    let cursor = call.query("cursor").unwrap_or("0");
    let (empty, start) = match cursor.strip_prefix('e') {
        Some(start) => (true, start),
        None => (false, cursor),
    };
    let start: usize = start.parse().unwrap_or(0);
    let end = items.len().min(start.saturating_add(size));
    let next = if empty {
        Some(start.to_string())
    } else if end < items.len() {
        Some(if settings.empty_pages == EmptyPages::Between { format!("e{end}") } else { end.to_string() })
    } else {
        None
    };
    let shown = if empty { Vec::new() } else { items.into_iter().take(end).skip(start).collect() };
    let answer = Answer::ok(json!({ "items": Value::Array(shown) }));
    let Some(next) = next else { return answer };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(call.query.iter().filter(|(name, _)| name != "cursor")).append_pair("cursor", &next);
    let path = call.segments.join("/");
    answer.with("Link", format!("<{}/{path}?{}>; rel=\"next\"", call.base, query.finish()))
}

impl State {
    pub(crate) fn webex_call(&mut self, call: &Request) -> Answer {
        self.webex_route(call).unwrap_or_else(|refusal| refusal)
    }

    fn webex_route(&mut self, call: &Request) -> Outcome {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        let segments = segments.strip_prefix(&["v1"]).unwrap_or(&segments);
        if call.method == http::Method::POST && segments == ["access_token"] {
            return self.access_token(call);
        }
        if ["GET", "POST"].contains(&call.method.as_str()) && segments == ["authorize"] {
            return self.authorize(call);
        }
        let caller = self.webex_caller(call)?;
        match (call.method.as_str(), segments) {
            ("GET", ["people", "me"]) => self.get_person(&caller, caller.person),
            ("GET", ["people", id]) => self.get_person(&caller, ids::person(id)?),
            ("GET", ["organizations", id]) => self.get_organization(&caller, id),
            ("GET", ["teams"]) => self.list_teams(&caller, call),
            ("POST", ["teams"]) => self.post_team(&caller, &call.json()),
            ("GET", ["teams", id]) => self.get_team(&caller, id),
            ("PUT", ["teams", id]) => self.put_team(&caller, id, &call.json()),
            ("GET", ["team", "memberships"]) => self.list_team_memberships(&caller, call),
            ("POST", ["team", "memberships"]) => self.post_team_membership(&caller, &call.json()),
            ("PUT", ["team", "memberships", id]) => self.put_team_membership(&caller, id, &call.json()),
            ("DELETE", ["team", "memberships", id]) => self.delete_team_membership(&caller, id),
            ("GET", ["rooms"]) => self.list_rooms(&caller, call),
            ("GET", ["rooms", id]) => self.get_room(&caller, id),
            ("PUT", ["rooms", id]) => self.put_room(&caller, id, &call.json()),
            ("DELETE", ["rooms", id]) => self.delete_room(&caller, id),
            ("GET", ["memberships"]) => self.list_memberships(&caller, call),
            ("POST", ["memberships"]) => self.post_membership(&caller, &call.json()),
            ("GET", ["memberships", id]) => self.get_membership(&caller, id),
            ("PUT", ["memberships", id]) => self.put_membership(&caller, id, &call.json()),
            ("DELETE", ["memberships", id]) => self.delete_membership(&caller, id),
            ("GET", ["room", "linkedFolders"]) => self.list_folders(&caller, call),
            ("POST", ["room", "linkedFolders"]) => self.post_folder(&caller, &call.json()),
            ("GET", ["room", "linkedFolders", id]) => self.get_folder(&caller, id),
            ("PUT", ["room", "linkedFolders", id]) => self.put_folder(&caller, id, &call.json()),
            ("DELETE", ["room", "linkedFolders", id]) => self.delete_folder(&caller, id),
            ("GET", ["events"]) => self.list_events(&caller, call),
            ("GET", ["webhooks"]) => self.list_webhooks(&caller, call),
            ("POST", ["webhooks"]) => self.post_webhook(&caller, &call.json()),
            ("GET", ["webhooks", id]) => self.get_webhook(&caller, id),
            ("PUT", ["webhooks", id]) => self.put_webhook(&caller, id, &call.json()),
            ("DELETE", ["webhooks", id]) => self.delete_webhook(&caller, id),
            ("POST", ["messages"]) => self.post_message(&caller, &call.json()),
            ("GET", ["messages", "direct"]) => self.list_direct_messages(&caller, call),
            ("GET", ["messages", id]) => self.get_message(&caller, id),
            ("DELETE", ["messages", id]) => self.delete_message(&caller, id),
            ("POST", ["attachment", "actions"]) => self.post_action(&caller, &call.json()),
            ("GET", ["attachment", "actions", id]) => self.get_action(&caller, id),
            ("GET", ["identity", "scim", org, "v2", "Users"]) => self.list_scim_users(&caller, org, call),
            ("GET", ["identity", "scim", org, "v2", "Users", id]) => self.get_scim_user(&caller, org, id, call),
            ("PATCH", ["identity", "scim", org, "v2", "Users", id]) => {
                self.patch_scim_user(&caller, org, id, &call.json(), call)
            }
            _ => Err(not_found()),
        }
    }

    /// Who calls: 401 without a token that works, 429 beyond the account's limit.
    fn webex_caller(&mut self, call: &Request) -> Result<Caller, Answer> {
        let unauthorized =
            || refused(401, "The request requires a valid access token set in the Authorization request header.");
        let grant = call.bearer().and_then(|token| self.webex.access.get(token)).ok_or_else(unauthorized)?.clone();
        let account = self.webex.accounts.get(&grant.person).filter(|account| account.active);
        let org = account.ok_or_else(unauthorized)?.org;
        if grant.until <= self.now {
            return Err(unauthorized());
        }
        let used = self.webex.used.entry(grant.person).or_default();
        let minute = jiff::SignedDuration::from_secs(60);
        while used.front().is_some_and(|at| *at + minute <= self.now) {
            used.pop_front();
        }
        if let (Some(first), true) = (used.front(), used.len() >= self.webex.settings.requests_per_minute) {
            let wait = (*first + minute).duration_since(self.now).as_secs() + 1;
            return Err(refused(429, "Too many requests.").with("Retry-After", wait.to_string()));
        }
        used.push_back(self.now);
        Ok(Caller { person: grant.person, org, scopes: grant.scopes })
    }
}
