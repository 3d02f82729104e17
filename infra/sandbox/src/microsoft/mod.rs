//! Entra ID and Microsoft Graph: directories, and the groups in them as three replicas show them.

mod acts;
mod authorize;
mod batch;
mod consent;
mod deleted;
mod delta;
mod drives;
mod entra;
mod groups;
mod jwt;
mod naming;
mod options;
mod proof;
mod quota;
mod registration;
mod relations;
mod replicas;
mod search;
mod settings;
mod subscriptions;
mod token;
mod users;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use acts::{Group, User};
pub use drives::DriveFolder;
pub use options::{
    BeforeConsent, Collisions, DeltaEnd, DeltaWords, GraphSettings, OwnerRemoval, ThrottledBatch, UpsertBinds,
};
pub use registration::{DirectoryRole, FederatedCredential, GroupMembershipClaims, Registration};
pub use replicas::GroupRule;
pub(crate) use subscriptions::handshake;

use crate::record::{Service, Violation};
use crate::wire::{Answer, Outcome, Request};
use crate::world::{State, kind, slug};

/// Member or guest of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    /// `userType: Member`.
    Member,
    /// `userType: Guest`.
    Guest,
}

#[derive(Clone)]
pub(crate) struct Directory {
    name: String,
    domain: String,
    /// What the apps are here; without an entry an app was never consented, or was removed.
    apps: BTreeMap<Registration, registration::Principal>,
    users: BTreeMap<ObjectId, users::UserEntry>,
    /// Names for signing in that are taken.
    principals: BTreeSet<String>,
    groups: BTreeMap<GroupId, replicas::GroupEntry>,
    changes: Vec<delta::Changed>,
    /// Values of `Group.Unified` that were set.
    settings: BTreeMap<String, String>,
    /// Lifetime by the expiration policy.
    lifetime: Option<SignedDuration>,
    written: quota::Written,
    drives: BTreeMap<GroupId, drives::Drive>,
    /// Mails to people who were added to a group.
    welcomed: usize,
    /// What calls of files cost lately.
    filed: VecDeque<(Timestamp, usize)>,
}

#[derive(Clone)]
struct Token {
    app: Registration,
    directory: DirectoryId,
    /// An app's own; or the scopes of a token that stands for a user, none of which is named like a role that is checked here.
    roles: BTreeSet<String>,
    until: Timestamp,
}

#[derive(Clone)]
pub(crate) struct Microsoft {
    apps: BTreeMap<Registration, registration::Registered>,
    codes: HashMap<String, authorize::Code>,
    /// When somebody last gave a password: until the browser is asked for it again, that is who sits there.
    passwords: HashMap<ObjectId, Timestamp>,
    /// What is done to the claims of each id_token before it is signed.
    forgery: Option<registration::Forgery>,
    pub(crate) settings: GraphSettings,
    /// By which names tokens for Graph are asked for.
    pub(crate) graph: BTreeSet<String>,
    directories: BTreeMap<DirectoryId, Directory>,
    tokens: HashMap<String, Token>,
    subscriptions: BTreeMap<uuid::Uuid, subscriptions::Subscription>,
    /// In all directories.
    written: quota::Written,
    /// When ends of groups were last looked for.
    swept: Option<Timestamp>,
}

impl Microsoft {
    pub(crate) fn new(rng: &mut fastrand::Rng) -> Self {
        Self {
            apps: registration::registered(rng),
            codes: HashMap::new(),
            passwords: HashMap::new(),
            forgery: None,
            settings: GraphSettings::default(),
            graph: BTreeSet::from(["https://graph.microsoft.com".to_owned()]),
            directories: BTreeMap::new(),
            tokens: HashMap::new(),
            subscriptions: BTreeMap::new(),
            written: quota::Written::default(),
            swept: None,
        }
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &String> {
        self.tokens.keys()
    }

    pub(crate) fn directory_of_token(&self, token: &str) -> Option<DirectoryId> {
        self.tokens.get(token).map(|token| token.directory)
    }
}

/// The app that calls, in one directory.
pub(super) struct App {
    client_id: String,
    directory: DirectoryId,
    roles: BTreeSet<String>,
}

const WRITE_GROUPS: &[&str] = &["Group.ReadWrite.All", "Directory.ReadWrite.All"];
const WRITE_MEMBERS: &[&str] = &["GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"];
const READ_GROUPS: &[&str] = &[
    "Group.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadBasic.All",
    "GroupMember.ReadWrite.All",
    "GroupMember.Read.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const READ_MEMBERS: &[&str] = &[
    "Group.ReadWrite.All",
    "Group.Read.All",
    "GroupMember.ReadWrite.All",
    "GroupMember.Read.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const READ_USERS: &[&str] = &["User.Read.All", "User.ReadBasic.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const READ_SETTINGS: &[&str] =
    &["GroupSettings.Read.All", "Group.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];

impl App {
    fn needs(&self, roles: &[&str]) -> Result<(), Answer> {
        if roles.iter().any(|role| self.roles.contains(*role)) {
            Ok(())
        } else if self.roles.is_empty() {
            Err(error(403, "Authorization_RequestDenied", "Required roles claim values are not provided."))
        } else {
            Err(error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."))
        }
    }
}

/// An error as Graph words it; `innerError` is added on the way out.
pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::new(status, json!({"error": {"code": code, "message": message}}))
}

pub(super) fn bad_request(message: &str) -> Answer {
    error(400, "Request_BadRequest", message)
}

/// "Not found", naming the id: of the group or of the person.
pub(super) fn missing(id: impl std::fmt::Display) -> Answer {
    let message =
        format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
    error(404, "Request_ResourceNotFound", &message)
}

/// Adds the request ids to the headers, and `innerError` to an error.
pub(crate) fn sealed(state: &mut State, call: &Request, mut answer: Answer) -> Answer {
    let id = state.uuid().to_string();
    let client = call.header("client-request-id").map_or_else(|| id.clone(), str::to_owned);
    seal_error(&mut answer, state.now, &id, &client);
    answer.with("request-id", id).with("client-request-id", client)
}

fn seal_error(answer: &mut Answer, now: Timestamp, id: &str, client: &str) {
    let error = answer.body.as_mut().and_then(|body| body.get_mut("error")).and_then(Value::as_object_mut);
    if let Some(error) = error {
        let date = now.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let inner = error.entry("innerError").or_insert_with(|| json!({}));
        inner["date"] = date.into();
        inner["request-id"] = id.into();
        inner["client-request-id"] = client.into();
    }
}

/// Of an object's properties those that `$select` names, or all that come by default.
fn selected(mut object: Value, call: &Request, default: &[&str]) -> Value {
    let wanted: Vec<&str> = match call.query("$select").filter(|select| !select.is_empty()) {
        Some(select) => select.split(',').map(str::trim).collect(),
        None => default.to_vec(),
    };
    if let Some(object) = object.as_object_mut() {
        object.retain(|key, _| key.starts_with('@') || wanted.contains(&key.as_str()));
    }
    object
}

impl State {
    pub(crate) fn add_directory(&mut self, name: &str, roles: &[&str]) -> DirectoryId {
        let id = DirectoryId(self.uuid());
        let directory = Directory {
            name: name.into(),
            domain: format!("{}.example", slug(name).replace('.', "-")),
            apps: BTreeMap::new(),
            users: BTreeMap::new(),
            principals: BTreeSet::new(),
            groups: BTreeMap::new(),
            changes: Vec::new(),
            settings: BTreeMap::new(),
            lifetime: None,
            written: quota::Written::default(),
            drives: BTreeMap::new(),
            welcomed: 0,
            filed: VecDeque::new(),
        };
        self.microsoft.directories.insert(id, directory);
        self.consent(Registration::Groups, id, roles.iter().map(|role| (*role).to_owned()).collect());
        id
    }

    fn directory(&self, id: DirectoryId) -> Result<&Directory, Answer> {
        self.microsoft.directories.get(&id).ok_or_else(|| missing(id))
    }

    fn directory_mut(&mut self, id: DirectoryId) -> Result<&mut Directory, Answer> {
        self.microsoft.directories.get_mut(&id).ok_or_else(|| missing(id))
    }

    pub(crate) fn graph_call(&mut self, call: &Request) -> Answer {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        let Some(segments) = segments.strip_prefix(&["v1.0"]) else {
            return bad_request("Invalid version.");
        };
        let app = match self.app(call) {
            Ok(app) => app,
            Err(refusal) => return refusal,
        };
        if call.method == http::Method::POST && segments == ["$batch"] {
            return self.batch(&app, call).unwrap_or_else(|refusal| refusal);
        }
        self.graph_request(&app, call, segments)
    }

    /// A request by itself or an item of a batch.
    pub(super) fn graph_request(&mut self, app: &App, call: &Request, segments: &[&str]) -> Answer {
        self.graph_route(app, call, segments).unwrap_or_else(|refusal| refusal)
    }

    fn graph_route(&mut self, app: &App, call: &Request, segments: &[&str]) -> Outcome {
        if kind(Service::Graph, call) == crate::Kind::Write && !matches!(segments, ["subscriptions" | "drives", ..]) {
            self.charge(app, call)?;
        }
        let body = call.json();
        match (call.method.as_str(), segments) {
            ("GET", ["organization"]) => self.list_organization(app, call),
            ("GET", ["groupSettings"]) => self.list_settings(app),
            ("POST", ["directoryObjects", "validateProperties"]) => self.validate(app, &body),
            ("GET", ["users"]) => self.list_users(app, call),
            ("GET", ["users", id]) => self.get_user(app, id, call),
            ("GET", ["users", id, "memberOf", "microsoft.graph.group"]) => self.list_groups_of(app, id, call),
            ("POST", ["users", id, "checkMemberGroups"]) => self.check_member_groups(app, id, call),
            ("GET", ["directory", "deletedItems", "microsoft.graph.group"]) => self.list_deleted(app, call),
            ("GET", ["directory", "deletedItems", id] | ["directory", "deletedItems", id, "microsoft.graph.group"]) => {
                self.get_deleted(app, id, call)
            }
            ("POST", ["directory", "deletedItems", id, "restore"]) => self.restore(app, id, call),
            ("DELETE", ["directory", "deletedItems", id]) => self.purge(app, id),
            ("POST", ["subscriptions"]) => self.post_subscription(app, &body),
            ("GET", ["subscriptions"]) => self.list_subscriptions(app),
            ("GET", ["subscriptions", id]) => self.get_subscription(app, id),
            ("PATCH", ["subscriptions", id]) => self.patch_subscription(app, id, &body),
            ("POST", ["subscriptions", id, "reauthorize"]) => self.reauthorize(app, id),
            ("DELETE", ["subscriptions", id]) => self.delete_subscription(app, id),
            ("GET", ["groups"]) => self.list_groups(app, call),
            ("POST", ["groups"]) => self.post_group(app, &body),
            ("GET", ["groups", "delta" | "delta()"]) => self.delta(app, call),
            (_, [named]) if named.starts_with("groups(") => self.named_group(app, named, call),
            ("GET", ["groups", id]) => self.get_group(app, id, call),
            ("PATCH", ["groups", id]) => self.patch_group(app, id, &body),
            ("DELETE", ["groups", id]) => self.delete_group(app, id),
            ("POST", ["groups", id, "renew"]) => self.renew(app, id),
            ("GET", ["groups", id, "drive"]) => self.get_group_drive(app, id),
            ("GET", ["groups", id, "sites", "root"]) => self.get_group_site(app, id),
            (_, ["drives", drive, rest @ ..]) => self.drive_call(app, drive, rest, call),
            ("GET", ["groups", id, relation @ ("members" | "owners")]) => self.list_people(app, id, relation, call),
            ("GET", ["groups", id, relation @ ("members" | "owners"), "microsoft.graph.user"]) => {
                self.list_cast(app, id, relation, call)
            }
            ("POST", ["groups", id, relation @ ("members" | "owners"), "$ref"]) => {
                self.post_reference(app, id, relation, &body)
            }
            ("DELETE", ["groups", id, relation @ ("members" | "owners"), person, "$ref"]) => {
                self.delete_reference(app, id, relation, person)
            }
            ("DELETE", ["groups", _, "members" | "owners", person]) => self.delete_user_by_mistake(app, person, call),
            _ => Err(bad_request(&format!("Resource not found for the segment '{}'.", segments.join("/")))),
        }
    }

    /// Who calls: 401 without a token that works.
    fn app(&self, call: &Request) -> Result<App, Answer> {
        let invalid = |message: &str| error(401, "InvalidAuthenticationToken", message);
        let token = call.bearer().ok_or_else(|| invalid("Access token is empty."))?;
        let token = self.microsoft.tokens.get(token).ok_or_else(|| invalid("IDX14100: JWT is not well formed."))?;
        if token.until <= self.now {
            return Err(invalid("Lifetime validation failed, the token is expired."));
        }
        if !self.directory(token.directory)?.apps.contains_key(&token.app) {
            let message = "The identity of the calling application could not be established.";
            return Err(error(401, "Authorization_IdentityNotFound", message));
        }
        let client_id = self.microsoft.credentials(token.app).client_id;
        Ok(App { client_id, directory: token.directory, roles: token.roles.clone() })
    }

    /// Notes that an id was named that belongs to another directory.
    fn trespass_on(&mut self, app: &App, id: uuid::Uuid) {
        let elsewhere = self.microsoft.directories.iter().any(|(directory, entry)| {
            *directory != app.directory
                && (entry.groups.contains_key(&GroupId(id)) || entry.users.contains_key(&ObjectId(id)))
        });
        if elsewhere {
            self.violations.push(Violation::OtherTenant { service: Service::Graph, path: id.to_string() });
        }
    }
}
