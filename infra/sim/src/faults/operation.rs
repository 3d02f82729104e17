//! Act of a call, by its method, path and body.

use serde::Deserialize;

use crate::record::Service;
use crate::wire::Request;

/// Act of a call on teams, groups and their people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Reads one team or group by its id.
    ReadObject,
    /// Lists the people of a room or group.
    ListPeople,
    /// Asks about one person of a room or group, or about a user's groups.
    AskPerson,
    /// Adds people to a room or group.
    AddPeople,
    /// Removes a person from a room or group.
    RemovePerson,
    /// Makes a member of a room a moderator, or the reverse.
    ChangeRole,
    /// Changes a group's or a team's name.
    Rename,
    /// Creates a group.
    CreateGroup,
    /// Deletes a group.
    DeleteGroup,
    /// Restores a deleted group.
    RestoreGroup,
}

/// Returns the call's act. The items of a batch act, and the batch does not.
pub(super) fn of_call(service: Service, call: &Request) -> Option<Operation> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match service {
        Service::Webex => of_webex(call, segments.strip_prefix(&["v1"]).unwrap_or(&segments)),
        Service::Graph => of_graph(call, segments.strip_prefix(&["v1.0"]).unwrap_or(&segments)),
        Service::Entra => None,
    }
}

fn of_webex(call: &Request, segments: &[&str]) -> Option<Operation> {
    let segments = segments.strip_prefix(&["team"]).unwrap_or(segments);
    Some(match (call.method.as_str(), segments) {
        ("GET", ["teams" | "rooms", _]) => Operation::ReadObject,
        ("GET", ["memberships"]) if call.query("personId").is_some() => Operation::AskPerson,
        ("GET", ["memberships", _]) => Operation::AskPerson,
        ("GET", ["memberships"]) => Operation::ListPeople,
        ("POST", ["memberships"]) => Operation::AddPeople,
        ("PUT", ["memberships", _]) => Operation::ChangeRole,
        ("DELETE", ["memberships", _]) => Operation::RemovePerson,
        ("PUT", ["teams", _]) => Operation::Rename,
        _ => return None,
    })
}

fn of_graph(call: &Request, segments: &[&str]) -> Option<Operation> {
    let sets = |name: &str| call.json().get(name).is_some();
    let binds = || sets("members@odata.bind") || sets("owners@odata.bind");
    Some(match (call.method.as_str(), segments) {
        ("GET", ["groups", "delta" | "delta()"]) => return None,
        ("GET", ["groups", _]) => Operation::ReadObject,
        ("GET", ["groups", _, "members" | "owners", ..]) if call.query("$filter").is_some() => {
            Operation::AskPerson
        }
        ("GET", ["groups", _, "members" | "owners", ..]) => Operation::ListPeople,
        ("POST", ["users", _, "checkMemberGroups"]) => Operation::AskPerson,
        ("POST", ["groups", _, "members" | "owners", "$ref"]) => Operation::AddPeople,
        ("DELETE", ["groups", _, "members" | "owners", _, "$ref"]) => Operation::RemovePerson,
        ("POST", ["groups"]) => Operation::CreateGroup,
        ("PATCH", [named]) if named.starts_with("groups(") => Operation::CreateGroup,
        ("PATCH", ["groups", _]) if binds() => Operation::AddPeople,
        ("PATCH", ["groups", _]) if sets("displayName") => Operation::Rename,
        ("DELETE", ["groups", _]) => Operation::DeleteGroup,
        ("POST", ["directory", "deletedItems", _, "restore"]) => Operation::RestoreGroup,
        _ => return None,
    })
}
