//! Handlers of Entra ID and Microsoft Graph, and the route of a Graph call to its handler.

mod authorize;
mod batch;
mod client_auth;
mod consent;
pub(crate) mod deleted;
mod delta;
pub(crate) mod directories;
pub(crate) mod drives;
pub(crate) mod entra;
mod groups;
mod kinds;
mod naming;
pub(crate) mod quota;
pub(crate) mod registration;
mod relations;
pub(crate) mod replicas;
mod search;
mod settings;
pub(crate) mod subscriptions;
mod token;
pub(crate) mod users;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::record::{Kind, Service, kind};
use crate::state::groups::Relation;
use crate::state::{Effect, State};
use crate::wire::{Outcome, Request, Response};

/// Visibility of a group that shows its members to no one.
pub(crate) const HIDDEN_MEMBERSHIP: &str = "HiddenMembership";

/// Property that adds owners.
const OWNERS_BIND: &str = "owners@odata.bind";

/// The calling app, in one directory.
#[derive(Clone)]
pub(crate) struct App {
    client_id: String,
    directory: DirectoryId,
    roles: BTreeSet<String>,
}

const WRITE_GROUPS: &[&str] = &["Group.ReadWrite.All", "Directory.ReadWrite.All"];
const WRITE_MEMBERS: &[&str] =
    &["GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"];
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
const READ_USERS: &[&str] =
    &["User.Read.All", "User.ReadBasic.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const READ_SETTINGS: &[&str] =
    &["GroupSettings.Read.All", "Group.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];

impl App {
    fn require(&self, roles: &[&str]) -> Result<(), Response> {
        if roles.iter().any(|role| self.roles.contains(*role)) {
            Ok(())
        } else if self.roles.is_empty() {
            Err(error(
                403,
                "Authorization_RequestDenied",
                "Required roles claim values are not provided.",
            ))
        } else {
            Err(error(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ))
        }
    }
}

/// Returns an error as Graph words it, still without `innerError`.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    Response::new(status, json!({"error": {"code": code, "message": message}}))
}

pub(super) fn bad_request(message: &str) -> Response {
    error(400, "Request_BadRequest", message)
}

/// Returns the error for an unknown group or person.
pub(super) fn missing(id: impl std::fmt::Display) -> Response {
    let message = format!(
        "Resource '{id}' does not exist or one of its queried reference-property objects are not \
         present."
    );
    error(404, "Request_ResourceNotFound", &message)
}

/// Adds the request ids to the headers, and `innerError` to an error.
pub(crate) fn with_ids(state: &mut State, call: &Request, mut response: Response) -> Response {
    let id = state.uuid().to_string();
    let client = call.header("client-request-id").map_or_else(|| id.clone(), str::to_owned);
    seal_error(&mut response, state.now, &id, &client);
    response.with("request-id", id).with("client-request-id", client)
}

fn seal_error(response: &mut Response, now: Timestamp, id: &str, client: &str) {
    let error = response
        .body
        .as_mut()
        .and_then(|body| body.get_mut("error"))
        .and_then(Value::as_object_mut);
    if let Some(error) = error {
        let date = now.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let inner = error.entry("innerError").or_insert_with(|| json!({}));
        inner["date"] = date.into();
        inner["request-id"] = id.into();
        inner["client-request-id"] = client.into();
    }
}

/// Returns the properties that `$select` names, or the default ones.
fn selected(mut object: Value, call: &Request, default: &[&str]) -> Value {
    let requested: Vec<&str> = match call.query("$select").filter(|select| !select.is_empty()) {
        Some(select) => select.split(',').map(str::trim).collect(),
        None => default.to_vec(),
    };
    if let Some(object) = object.as_object_mut() {
        object.retain(|key, _| key.starts_with('@') || requested.contains(&key.as_str()));
    }
    object
}

pub(crate) fn handle(state: &mut State, call: &Request) -> Response {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let Some(segments) = segments.strip_prefix(&["v1.0"]) else {
        return bad_request("Invalid version.");
    };
    let app = match caller(state, call) {
        Ok(app) => app,
        Err(refusal) => return refusal,
    };
    if call.method == http::Method::POST && segments == ["$batch"] {
        return batch::handle(state, &app, call).unwrap_or_else(|refusal| refusal);
    }
    handle_request(state, &app, call, segments)
}

/// Returns the effect of a call that its caller may make now, for later.
pub(crate) fn effect(state: &State, call: &Request) -> Option<Effect> {
    let (app, call) = (caller(state, call).ok()?, call.clone());
    Some(Arc::new(move |state| {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        let segments = segments.strip_prefix(&["v1.0"]).unwrap_or(&segments);
        handle_request(state, &app, &call, segments);
    }))
}

/// Returns the refusal of a change that is made already.
pub(crate) fn already_there(call: &Request) -> Response {
    let names_owners = call.target.contains("/owners") || call.json().get(OWNERS_BIND).is_some();
    relations::exist_already(if names_owners { Relation::Owners } else { Relation::Members })
}

/// Returns the answer about an object that is not there: the one that the path names last.
pub(crate) fn not_there(call: &Request) -> Response {
    let ids = call.segments.iter().rev();
    let mut ids = ids.filter(|segment| segment.parse::<uuid::Uuid>().is_ok());
    missing(ids.next().map_or("", String::as_str))
}

/// Handles a single request or an item of a batch.
pub(super) fn handle_request(
    state: &mut State,
    app: &App,
    call: &Request,
    segments: &[&str],
) -> Response {
    route(state, app, call, segments).unwrap_or_else(|refusal| refusal)
}

fn route(state: &mut State, app: &App, call: &Request, segments: &[&str]) -> Outcome {
    if kind(Service::Graph, call) == Kind::Write
        && !matches!(segments, ["subscriptions" | "drives", ..])
    {
        quota::charge(state, app, call)?;
    }
    let body = call.json();
    match (call.method.as_str(), segments) {
        ("GET", ["organization"]) => settings::list_organization(state, app, call),
        ("GET", ["groupSettings"]) => settings::list(state, app),
        ("POST", ["directoryObjects", "validateProperties"]) => {
            settings::validate(state, app, &body)
        }
        ("GET", ["users"]) => users::list(state, app, call),
        ("GET", ["users", id]) => users::get(state, app, id, call),
        ("GET", ["users", id, "memberOf", "microsoft.graph.group"]) => {
            users::list_groups(state, app, id, call)
        }
        ("POST", ["users", id, "checkMemberGroups"]) => {
            users::check_member_groups(state, app, id, call)
        }
        ("GET", ["directory", "deletedItems", "microsoft.graph.group"]) => {
            deleted::list(state, app, call)
        }
        (
            "GET",
            ["directory", "deletedItems", id]
            | ["directory", "deletedItems", id, "microsoft.graph.group"],
        ) => deleted::get(state, app, id, call),
        ("POST", ["directory", "deletedItems", id, "restore"]) => {
            deleted::restore(state, app, id, call)
        }
        ("DELETE", ["directory", "deletedItems", id]) => deleted::purge(state, app, id),
        ("POST", ["subscriptions"]) => subscriptions::create(state, app, &body),
        ("GET", ["subscriptions"]) => subscriptions::list(state, app),
        ("GET", ["subscriptions", id]) => subscriptions::get(state, app, id),
        ("PATCH", ["subscriptions", id]) => subscriptions::update(state, app, id, &body),
        ("POST", ["subscriptions", id, "reauthorize"]) => {
            subscriptions::reauthorize(state, app, id)
        }
        ("DELETE", ["subscriptions", id]) => subscriptions::delete(state, app, id),
        (_, [named]) if named.starts_with("groups(") => {
            groups::by_unique_name(state, app, named, call)
        }
        (_, ["groups", rest @ ..]) => group_route(state, app, call, rest),
        (_, ["drives", drive, rest @ ..]) => drives::handle(state, app, drive, rest, call),
        _ => Err(unknown(segments)),
    }
}

fn group_route(state: &mut State, app: &App, call: &Request, segments: &[&str]) -> Outcome {
    let body = call.json();
    match (call.method.as_str(), segments) {
        ("GET", []) => search::list(state, app, call),
        ("POST", []) => groups::post(state, app, &body),
        ("GET", ["delta" | "delta()"]) => delta::read(state, app, call),
        ("GET", [id]) => groups::get(state, app, id, call),
        ("PATCH", [id]) => groups::update(state, app, id, &body),
        ("DELETE", [id]) => groups::delete(state, app, id),
        ("POST", [id, "renew"]) => groups::renew(state, app, id),
        ("GET", [id, "drive"]) => drives::get(state, app, id),
        ("GET", [id, "sites", "root"]) => drives::get_site(state, app, id),
        ("GET", [id, relation @ ("members" | "owners")]) => {
            relations::list(state, app, id, relation, call)
        }
        ("GET", [id, relation @ ("members" | "owners"), "microsoft.graph.user"]) => {
            relations::list_users(state, app, id, relation, call)
        }
        ("POST", [id, relation @ ("members" | "owners"), "$ref"]) => {
            relations::add(state, app, id, relation, &body)
        }
        ("DELETE", [id, relation @ ("members" | "owners"), person, "$ref"]) => {
            relations::remove(state, app, id, relation, person)
        }
        ("DELETE", [_, "members" | "owners", person]) => {
            users::delete_by_mistake(state, app, person, call)
        }
        _ => Err(unknown(&[&["groups"], segments].concat())),
    }
}

fn unknown(segments: &[&str]) -> Response {
    bad_request(&format!("Resource not found for the segment '{}'.", segments.join("/")))
}

/// Returns the calling app. Without a valid token this is 401.
fn caller(state: &State, call: &Request) -> Result<App, Response> {
    let invalid = |message: &str| error(401, "InvalidAuthenticationToken", message);
    let token = call.token().ok_or_else(|| invalid("Access token is empty."))?;
    let token = state
        .microsoft
        .tokens
        .get(token)
        .ok_or_else(|| invalid("IDX14100: JWT is not well formed."))?;
    if token.until <= state.now {
        return Err(invalid("Lifetime validation failed, the token is expired."));
    }
    if !directories::find(state, token.directory)?.apps.contains_key(&token.app) {
        let message = "The identity of the calling application could not be established.";
        return Err(error(401, "Authorization_IdentityNotFound", message));
    }
    let client_id = state.microsoft.credentials(token.app).client_id;
    Ok(App { client_id, directory: token.directory, roles: token.roles.clone() })
}

/// Records a violation if the id belongs to another directory.
fn record_foreign_access(state: &mut State, app: &App, id: uuid::Uuid) {
    let elsewhere = state.microsoft.directories.iter().any(|(directory, entry)| {
        *directory != app.directory
            && (entry.groups.contains_key(&GroupId(id)) || entry.users.contains_key(&ObjectId(id)))
    });
    if elsewhere {
        state.record_other_tenant(Service::Graph, id.to_string());
    }
}
