//! Folders in SharePoint: each group's site and library, which appear some time after the group,
//! and a limit separate from Graph's.

use std::collections::VecDeque;

use domain::ids::{DirectoryId, GroupId};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::{App, directories, error, groups, replicas, selected};
use crate::record::Service;
use crate::state::State;
use crate::state::drives::{Drive, Folder};
use crate::state::groups::Facts;
use crate::wire::{Outcome, Request, Response};

const READ: &[&str] =
    &["Files.Read.All", "Files.ReadWrite.All", "Sites.Read.All", "Sites.ReadWrite.All"];
const WRITE: &[&str] = &["Files.ReadWrite.All", "Sites.ReadWrite.All"];
const READ_SITES: &[&str] = &["Sites.Read.All", "Sites.ReadWrite.All"];

const SHOWN: [&str; 10] = [
    "id",
    "name",
    "webUrl",
    "eTag",
    "cTag",
    "createdDateTime",
    "lastModifiedDateTime",
    "parentReference",
    "folder",
    "root",
];
/// Most characters of a path, without the site.
const LONGEST_PATH: usize = 400;
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

fn item_json(drive: &Drive, id: &str, call: &Request) -> Outcome {
    let folder = drive.folders.get(id).ok_or_else(not_found)?;
    let url = drive.url(id).ok_or_else(not_found)?;
    let mut reference = json!({"driveId": drive.id, "driveType": "documentLibrary"});
    if let Some(parent) = &folder.parent {
        reference["id"] = parent.as_str().into();
        reference["siteId"] = json!(drive.site);
        reference["path"] = format!("/drives/{}/root:{}", drive.id, drive.path(parent)).into();
    }
    let mut shown = json!({
        "id": id,
        "name": folder.name,
        "webUrl": url.as_str(),
        "eTag": etag(id, folder),
        "cTag": format!("\"c:{{{id}}},0\""),
        "createdDateTime": format!("{:.0}", folder.created),
        "lastModifiedDateTime": format!("{:.0}", folder.modified),
        "parentReference": reference,
        "folder": {"childCount": drive.children(id).count()},
    });
    if folder.parent.is_none() {
        shown["root"] = json!({});
    }
    Ok(Response::ok(selected(shown, call, &SHOWN)))
}

fn etag(id: &str, folder: &Folder) -> String {
    format!("\"{{{id}}},{}\"", folder.version)
}

fn not_found() -> Response {
    error(404, "itemNotFound", "The resource could not be found.")
}

fn invalid(message: &str) -> Response {
    error(400, "invalidRequest", message)
}

fn taken() -> Response {
    error(409, "nameAlreadyExists", "An item with the same name already exists under the parent.")
}

/// Refuses names that SharePoint refuses.
fn check_name(drive: &Drive, parent: &str, name: &str) -> Result<(), Response> {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let is_numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    let lower = name.to_lowercase();
    let is_reserved = ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str())
        || is_numbered("COM")
        || is_numbered("LPT")
        || [".lock", "desktop.ini"].contains(&lower.as_str())
        || lower.contains("_vti_")
        || name.starts_with("~$")
        || (drive.root() == parent && lower == "forms");
    let has_forbidden = name.is_empty()
        || name != name.trim()
        || name.ends_with('.')
        || name.contains(|c| "\"*:<>?/\\|".contains(c));
    if is_reserved || has_forbidden {
        return Err(invalid(
            "The provided name is not valid: it has forbidden characters, or is reserved.",
        ));
    }
    if drive.path(parent).chars().count() + 1 + name.chars().count() >= LONGEST_PATH {
        return Err(invalid("The path is too long."));
    }
    Ok(())
}

/// Returns name and address of a folder, for any caller.
pub(crate) fn name_and_url(state: &State, drive: &str, item: &str) -> Option<(String, String)> {
    let mut drives = state.microsoft.directories.values().flat_map(|entry| entry.drives.values());
    let drive = drives.find(|known| known.id == drive)?;
    Some((drive.folders.get(item)?.name.clone(), drive.url(item)?.into()))
}

/// Adds a group's library, which exists after a delay.
pub(super) fn add(state: &mut State, directory: DirectoryId, group: GroupId, facts: &Facts) {
    let ready = (!facts.owners.is_empty()).then(|| state.now + state.microsoft.settings.site_delay);
    if let Some(entry) = state.microsoft.directories.get_mut(&directory) {
        let tenant = entry.domain.trim_end_matches(".example").to_owned();
        entry.drives.insert(group, Drive::new(group, facts, &tenant, ready));
    }
}

/// Finds a group whose library exists.
fn of_group(state: &mut State, app: &App, group: &str) -> Result<GroupId, Response> {
    let (id, _) = replicas::seen_group(state, app, group)?;
    let ready =
        directories::find(state, app.directory)?.drives.get(&id).and_then(|drive| drive.ready);
    if ready.is_none_or(|ready| ready > state.now) {
        let message = "Resource provisioning is in progress. Please try again.";
        return Err(error(404, "ResourceNotFound", message));
    }
    Ok(id)
}

/// `/groups/{id}/drive`.
pub(super) fn get(state: &mut State, app: &App, group: &str) -> Outcome {
    limited(state, app, 1, |state| {
        require(app, READ)?;
        let group = of_group(state, app, group)?;
        json(state, app, group)
    })
}

/// `/groups/{id}/sites/root`.
pub(super) fn get_site(state: &mut State, app: &App, group: &str) -> Outcome {
    limited(state, app, 1, |state| {
        require(app, READ_SITES)?;
        let group = of_group(state, app, group)?;
        let drive = find(state, app, group)?;
        let host =
            url::Url::parse(&drive.address).ok().and_then(|url| url.host_str().map(str::to_owned));
        let id = format!("{},{},{}", host.unwrap_or_default(), drive.site, group);
        Ok(Response::ok(
            json!({"id": id, "webUrl": drive.address, "name": drive.address.rsplit('/').next()}),
        ))
    })
}

/// `/drives/{id}` and the paths below.
pub(super) fn handle(
    state: &mut State,
    app: &App,
    drive: &str,
    rest: &[&str],
    call: &Request,
) -> Outcome {
    let cost =
        if call.method == http::Method::GET && rest.last() != Some(&"children") { 1 } else { 2 };
    limited(state, app, cost, |state| route(state, app, drive, rest, call))
}

fn route(state: &mut State, app: &App, drive: &str, rest: &[&str], call: &Request) -> Outcome {
    require(app, if call.method == http::Method::GET { READ } else { WRITE })?;
    let group = named(state, app, drive)?;
    let (item, children) = item_named(state, app, group, rest)?;
    match (call.method.as_str(), item, children) {
        ("GET", None, _) => json(state, app, group),
        ("GET", Some(item), false) => item_json(find(state, app, group)?, &item, call),
        ("GET", Some(item), true) => list_children(state, app, group, &item, call),
        ("POST", Some(parent), true) => create_folder(state, app, group, &parent, call),
        ("PATCH", Some(item), false) => rename_item(state, app, group, &item, call),
        ("DELETE", Some(item), false) if find(state, app, group)?.root() != item => {
            find_mut(state, app, group)?.remove(&item);
            Ok(Response::empty(204))
        }
        _ => Err(error(405, "notAllowed", "The action is not allowed by the system.")),
    }
}

/// Resolves a path below a drive.
fn item_named(
    state: &State,
    app: &App,
    group: GroupId,
    rest: &[&str],
) -> Result<(Option<String>, bool), Response> {
    let drive = find(state, app, group)?;
    let known =
        |id: &str| drive.folders.contains_key(id).then(|| id.to_owned()).ok_or_else(not_found);
    match rest {
        [] => Ok((None, false)),
        ["root"] => Ok((Some(drive.root()), false)),
        ["root", "children"] => Ok((Some(drive.root()), true)),
        ["items", id] => Ok((Some(known(id)?), false)),
        ["items", id, "children"] => Ok((Some(known(id)?), true)),
        ["root:", path @ .., last] => {
            let (path, children) = match (path, *last) {
                ([path @ .., name], "children") if name.ends_with(':') => {
                    ([path, &[name.trim_end_matches(':')]].concat(), true)
                }
                (path, last) => ([path, &[last]].concat(), false),
            };
            let found = path.iter().try_fold(drive.root(), |at, name| drive.child(&at, name));
            Ok((Some(found.ok_or_else(not_found)?), children))
        }
        _ => Err(invalid("The resource path is not understood.")),
    }
}

fn list_children(
    state: &mut State,
    app: &App,
    group: GroupId,
    parent: &str,
    call: &Request,
) -> Outcome {
    let drive = find(state, app, group)?;
    let mut children = Vec::new();
    for (n, (id, _)) in drive.children(parent).enumerate() {
        let place = Uuid::from_u128(u128::try_from(n).unwrap_or(u128::MAX));
        children.push((place, item_json(drive, id, call)?.body.unwrap_or_default()));
    }
    groups::listing(state, call, children, 0, "driveItems")
}

fn create_folder(
    state: &mut State,
    app: &App,
    group: GroupId,
    parent: &str,
    call: &Request,
) -> Outcome {
    let (now, body) = (state.now, call.json());
    let drive = find_mut(state, app, group)?;
    let name = body["name"].as_str().ok_or_else(|| invalid("name is required."))?;
    if !body["folder"].is_object() {
        return Err(invalid("Only folders are made here: folder is required."));
    }
    check_name(drive, parent, name)?;
    let there = drive.child(parent, name);
    let id = match (there, body["@microsoft.graph.conflictBehavior"].as_str().unwrap_or("fail")) {
        (None, _) => drive.add(name.into(), Some(parent.into()), now),
        (Some(there), "replace") => {
            drive.remove(&there);
            drive.add(name.into(), Some(parent.into()), now)
        }
        (Some(_), "rename") => {
            let free = (1..)
                .map(|n| format!("{name} {n}"))
                .find(|name| drive.child(parent, name).is_none());
            drive.add(free.unwrap_or_default(), Some(parent.into()), now)
        }
        (Some(_), "fail") => return Err(taken()),
        _ => return Err(invalid("conflictBehavior is fail, rename or replace.")),
    };
    Ok(Response { status: 201, ..item_json(drive, &id, call)? })
}

fn rename_item(state: &mut State, app: &App, group: GroupId, id: &str, call: &Request) -> Outcome {
    let (now, body) = (state.now, call.json());
    let drive = find_mut(state, app, group)?;
    let folder = drive.folders.get(id).ok_or_else(not_found)?;
    if call
        .header("if-match")
        .is_some_and(|requested| requested != "*" && requested != etag(id, folder))
    {
        return Err(error(412, "resourceModified", "ETag does not match current item's value."));
    }
    let parent = folder.parent.clone().ok_or_else(|| invalid("The root has no name."))?;
    let name =
        body["name"].as_str().ok_or_else(|| invalid("Only a folder's name is changed here."))?;
    check_name(drive, &parent, name)?;
    if drive.child(&parent, name).is_some_and(|other| other != id) {
        return Err(taken());
    }
    drive.rename(id, name, now);
    item_json(drive, id, call)
}

fn json(state: &State, app: &App, group: GroupId) -> Outcome {
    let (drive, facts) = (find(state, app, group)?, replicas::facts(state, app.directory, group)?);
    Ok(Response::ok(json!({
        "id": drive.id,
        "name": "Documents",
        "driveType": "documentLibrary",
        "webUrl": format!("{}/Shared%20Documents", drive.address),
        "createdDateTime": format!("{:.0}", facts.created),
        "owner": {"group": {"id": group, "displayName": facts.display_name}},
    })))
}

/// Finds the group of a library by the library's id. A deleted group has none.
fn named(state: &mut State, app: &App, id: &str) -> Result<GroupId, Response> {
    let drives = &directories::find(state, app.directory)?.drives;
    let found = drives.iter().find(|(_, drive)| drive.id == id).map(|(group, _)| *group);
    if let Some(group) = found.filter(|group| {
        replicas::facts(state, app.directory, *group).is_ok_and(|facts| facts.deleted.is_none())
    }) {
        return Ok(group);
    }
    let mut others =
        state.microsoft.directories.iter().filter(|(directory, _)| **directory != app.directory);
    if others.any(|(_, entry)| entry.drives.values().any(|drive| drive.id == id)) {
        state.record_other_tenant(Service::Graph, id.into());
    }
    Err(not_found())
}

fn find<'s>(state: &'s State, app: &App, group: GroupId) -> Result<&'s Drive, Response> {
    directories::find(state, app.directory)?.drives.get(&group).ok_or_else(not_found)
}

fn find_mut<'s>(
    state: &'s mut State,
    app: &App,
    group: GroupId,
) -> Result<&'s mut Drive, Response> {
    directories::find_mut(state, app.directory)?.drives.get_mut(&group).ok_or_else(not_found)
}

/// Runs a call within SharePoint's limit. From four fifths on, the response says how much is left.
fn limited(
    state: &mut State,
    app: &App,
    cost: usize,
    call: impl FnOnce(&mut State) -> Outcome,
) -> Outcome {
    let (now, limit) = (state.now, state.microsoft.settings.file_units);
    let spent: &mut VecDeque<(Timestamp, usize)> =
        &mut directories::find_mut(state, app.directory)?.file_units;
    while spent.front().is_some_and(|(at, _)| *at + MINUTE <= now) {
        spent.pop_front();
    }
    let used = spent.iter().map(|(_, units)| units).sum::<usize>() + cost;
    let reset =
        spent.front().map_or(60, |(at, _)| (*at + MINUTE).duration_since(now).as_secs() + 1);
    if used > limit {
        let refusal = error(429, "activityLimitReached", "The request has been throttled.");
        return Err(refusal.with("Retry-After", reset.to_string()));
    }
    spent.push_back((now, cost));
    let marked = |response: Response| {
        if used * 5 < limit * 4 {
            return response;
        }
        let left = (limit - used).to_string();
        response
            .with("RateLimit-Limit", limit.to_string())
            .with("RateLimit-Remaining", left)
            .with("RateLimit-Reset", reset.to_string())
    };
    call(state).map(marked).map_err(marked)
}

fn require(app: &App, roles: &[&str]) -> Result<(), Response> {
    app.require(roles).map_err(|_| {
        error(403, "accessDenied", "The caller does not have permission to perform the action.")
    })
}
