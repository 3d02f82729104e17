//! SharePoint as far as folders go: each group's site and its document library, which come some time after the group, folders in them, and a limit of their own.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{DirectoryId, GroupId};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::replicas::Facts;
use super::{App, error, selected};
use crate::record::{Service, Violation};
use crate::wire::{Answer, Outcome, Request};
use crate::world::{Refused, State, World};

const READ: &[&str] = &["Files.Read.All", "Files.ReadWrite.All", "Sites.Read.All", "Sites.ReadWrite.All"];
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
/// Characters of a whole path, without the site.
const LONGEST_PATH: usize = 400;
const MINUTE: SignedDuration = SignedDuration::from_secs(60);
/// Bits by which a site's id differs from its group's.
const SITE: u128 = 0x5f37_59df_5f37_59df_5f37_59df_5f37_59df;

/// A document library.
#[derive(Clone)]
pub(super) struct Drive {
    id: String,
    site: Uuid,
    /// Address of the site.
    address: String,
    /// From when on it is there; without an owner at the group's creation nobody says when.
    ready: Option<Timestamp>,
    folders: BTreeMap<String, Folder>,
    made: usize,
}

/// A folder of a library; the root has no parent.
#[derive(Clone)]
struct Folder {
    name: String,
    parent: Option<String>,
    version: u32,
    created: Timestamp,
    modified: Timestamp,
}

/// A folder as it is, whatever was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriveFolder {
    /// Its `itemId`, which stays when it is renamed.
    pub id: String,
    /// Names from the library's root down, between slashes.
    pub path: String,
}

impl Drive {
    pub(super) fn of(group: GroupId, facts: &Facts, tenant: &str, ready: Option<Timestamp>) -> Self {
        let id = format!("b!{}", URL_SAFE_NO_PAD.encode(group.0.as_bytes()));
        let site = Uuid::from_u128(group.0.as_u128() ^ SITE);
        let address = format!("https://{tenant}.sharepoint.com/sites/{}", facts.mail_nickname);
        let mut drive = Self { id, site, address, ready, folders: BTreeMap::new(), made: 0 };
        drive.add("root".into(), None, facts.created);
        drive
    }

    fn add(&mut self, name: String, parent: Option<String>, now: Timestamp) -> String {
        let id = format!("01{}{:04X}", &self.id[2..12].to_ascii_uppercase(), self.made);
        self.made += 1;
        self.folders.insert(id.clone(), Folder { name, parent, version: 1, created: now, modified: now });
        id
    }

    fn root(&self) -> String {
        let root = self.folders.iter().find(|(_, folder)| folder.parent.is_none());
        root.map(|(id, _)| id.clone()).unwrap_or_default()
    }

    fn children<'d>(&'d self, of: &'d str) -> impl Iterator<Item = (&'d String, &'d Folder)> {
        self.folders.iter().filter(move |(_, folder)| folder.parent.as_deref() == Some(of))
    }

    /// The child of this name, which is one whatever its case.
    fn child(&self, of: &str, name: &str) -> Option<String> {
        let lower = name.to_lowercase();
        self.children(of).find(|(_, folder)| folder.name.to_lowercase() == lower).map(|(id, _)| id.clone())
    }

    /// Names from the root down, without it.
    fn path(&self, id: &str) -> String {
        match self.folders.get(id) {
            Some(Folder { name, parent: Some(parent), .. }) => format!("{}/{name}", self.path(parent)),
            _ => String::new(),
        }
    }

    fn remove(&mut self, id: &str) {
        let below: Vec<String> = self.children(id).map(|(id, _)| id.clone()).collect();
        below.iter().for_each(|child| self.remove(child));
        self.folders.remove(id);
    }

    /// Where people open a folder.
    fn url(&self, id: &str) -> Option<url::Url> {
        let mut url = url::Url::parse(&format!("{}/Shared Documents", self.address)).ok()?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(self.path(id).split('/').filter(|name| !name.is_empty()));
        }
        Some(url)
    }

    fn item_json(&self, id: &str, call: &Request) -> Outcome {
        let folder = self.folders.get(id).ok_or_else(not_found)?;
        let url = self.url(id).ok_or_else(not_found)?;
        let reference = folder.parent.as_ref().map(|parent| {
            json!({
                "driveId": self.id, "driveType": "documentLibrary", "id": parent, "siteId": self.site,
                "path": format!("/drives/{}/root:{}", self.id, self.path(parent)),
            })
        });
        let mut shown = json!({
            "id": id,
            "name": folder.name,
            "webUrl": url.as_str(),
            "eTag": etag(id, folder),
            "cTag": format!("\"c:{{{id}}},0\""),
            "createdDateTime": format!("{:.0}", folder.created),
            "lastModifiedDateTime": format!("{:.0}", folder.modified),
            "parentReference": reference.unwrap_or_else(|| json!({"driveId": self.id, "driveType": "documentLibrary"})),
            "folder": {"childCount": self.children(id).count()},
        });
        if folder.parent.is_none() {
            shown["root"] = json!({});
        }
        Ok(Answer::ok(selected(shown, call, &SHOWN)))
    }
}

fn etag(id: &str, folder: &Folder) -> String {
    format!("\"{{{id}}},{}\"", folder.version)
}

fn not_found() -> Answer {
    error(404, "itemNotFound", "The resource could not be found.")
}

fn invalid(message: &str) -> Answer {
    error(400, "invalidRequest", message)
}

fn taken() -> Answer {
    error(409, "nameAlreadyExists", "An item with the same name already exists under the parent.")
}

/// Refuses what SharePoint takes for no name.
fn checked(name: &str, path_before: usize, at_root: bool) -> Result<(), Answer> {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered =
        |prefix: &str| stem.strip_prefix(prefix).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']));
    let lower = name.to_lowercase();
    let reserved = ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str())
        || numbered("COM")
        || numbered("LPT")
        || [".lock", "desktop.ini"].contains(&lower.as_str())
        || lower.contains("_vti_")
        || name.starts_with("~$")
        || (at_root && lower == "forms");
    let spelt =
        name.is_empty() || name != name.trim() || name.ends_with('.') || name.contains(|c| "\"*:<>?/\\|".contains(c));
    if reserved || spelt {
        return Err(invalid("The provided name is not valid: it has forbidden characters, or is reserved."));
    }
    if path_before + name.chars().count() >= LONGEST_PATH {
        return Err(invalid("The path is too long."));
    }
    Ok(())
}

impl State {
    /// Name and address of a folder, whoever asks.
    pub(crate) fn shown_in_drive(&self, drive: &str, item: &str) -> Option<(String, String)> {
        let mut drives = self.microsoft.directories.values().flat_map(|entry| entry.drives.values());
        let drive = drives.find(|known| known.id == drive)?;
        Some((drive.folders.get(item)?.name.clone(), drive.url(item)?.into()))
    }

    /// Every group gets a library, when its time comes.
    pub(super) fn add_drive(&mut self, directory: DirectoryId, group: GroupId, facts: &Facts) {
        let ready = (!facts.owners.is_empty()).then(|| self.now + self.microsoft.settings.site_delay);
        if let Some(entry) = self.microsoft.directories.get_mut(&directory) {
            let tenant = entry.domain.trim_end_matches(".example").to_owned();
            entry.drives.insert(group, Drive::of(group, facts, &tenant, ready));
        }
    }

    /// The library of a group that is there and has its site.
    fn group_drive(&mut self, app: &App, group: &str) -> Result<GroupId, Answer> {
        let (id, _) = self.seen_group(app, group)?;
        let ready = self.directory(app.directory)?.drives.get(&id).and_then(|drive| drive.ready);
        if ready.is_none_or(|ready| ready > self.now) {
            let message = "Resource provisioning is in progress. Please try again.";
            return Err(error(404, "ResourceNotFound", message));
        }
        Ok(id)
    }

    /// `/groups/{id}/drive`.
    pub(super) fn get_group_drive(&mut self, app: &App, group: &str) -> Outcome {
        self.limited(app, 1, |state| {
            needs(app, READ)?;
            let group = state.group_drive(app, group)?;
            state.drive_json(app, group)
        })
    }

    /// `/groups/{id}/sites/root`.
    pub(super) fn get_group_site(&mut self, app: &App, group: &str) -> Outcome {
        self.limited(app, 1, |state| {
            needs(app, READ_SITES)?;
            let group = state.group_drive(app, group)?;
            let drive = state.drive(app, group)?;
            let host = url::Url::parse(&drive.address).ok().and_then(|url| url.host_str().map(str::to_owned));
            let id = format!("{},{},{}", host.unwrap_or_default(), drive.site, group);
            Ok(Answer::ok(json!({"id": id, "webUrl": drive.address, "name": drive.address.rsplit('/').next()})))
        })
    }

    /// `/drives/{id}` and what is below.
    pub(super) fn drive_call(&mut self, app: &App, drive: &str, rest: &[&str], call: &Request) -> Outcome {
        let cost = if call.method == http::Method::GET && rest.last() != Some(&"children") { 1 } else { 2 };
        self.limited(app, cost, |state| state.drive_route(app, drive, rest, call))
    }

    fn drive_route(&mut self, app: &App, named: &str, rest: &[&str], call: &Request) -> Outcome {
        needs(app, if call.method == http::Method::GET { READ } else { WRITE })?;
        let group = self.drive_named(app, named)?;
        let (item, children) = self.item_named(app, group, rest)?;
        match (call.method.as_str(), item, children) {
            ("GET", None, _) => self.drive_json(app, group),
            ("GET", Some(item), false) => self.drive(app, group)?.item_json(&item, call),
            ("GET", Some(item), true) => self.list_children(app, group, &item, call),
            ("POST", Some(parent), true) => self.post_folder_below(app, group, &parent, call),
            ("PATCH", Some(item), false) => self.patch_item(app, group, &item, call),
            ("DELETE", Some(item), false) if self.drive(app, group)?.root() != item => {
                self.drive_mut(app, group)?.remove(&item);
                Ok(Answer::empty(204))
            }
            _ => Err(error(405, "notAllowed", "The action is not allowed by the system.")),
        }
    }

    /// Which item is meant, and whether its children are.
    fn item_named(&self, app: &App, group: GroupId, rest: &[&str]) -> Result<(Option<String>, bool), Answer> {
        let drive = self.drive(app, group)?;
        let known = |id: &str| drive.folders.contains_key(id).then(|| id.to_owned()).ok_or_else(not_found);
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

    fn list_children(&mut self, app: &App, group: GroupId, parent: &str, call: &Request) -> Outcome {
        let drive = self.drive(app, group)?;
        let mut children = Vec::new();
        for (n, (id, _)) in drive.children(parent).enumerate() {
            let place = Uuid::from_u128(u128::try_from(n).unwrap_or(u128::MAX));
            children.push((place, drive.item_json(id, call)?.body.unwrap_or_default()));
        }
        self.listing(call, children, 0, "driveItems")
    }

    fn post_folder_below(&mut self, app: &App, group: GroupId, parent: &str, call: &Request) -> Outcome {
        let (now, body) = (self.now, call.json());
        let drive = self.drive_mut(app, group)?;
        let name = body["name"].as_str().ok_or_else(|| invalid("name is required."))?;
        if !body["folder"].is_object() {
            return Err(invalid("Only folders are made here: folder is required."));
        }
        checked(name, drive.path(parent).chars().count() + 1, drive.root() == parent)?;
        let there = drive.child(parent, name);
        let id = match (there, body["@microsoft.graph.conflictBehavior"].as_str().unwrap_or("fail")) {
            (None, _) => drive.add(name.into(), Some(parent.into()), now),
            (Some(there), "replace") => {
                drive.remove(&there);
                drive.add(name.into(), Some(parent.into()), now)
            }
            (Some(_), "rename") => {
                let free = (1..).map(|n| format!("{name} {n}")).find(|name| drive.child(parent, name).is_none());
                drive.add(free.unwrap_or_default(), Some(parent.into()), now)
            }
            (Some(_), "fail") => return Err(taken()),
            _ => return Err(invalid("conflictBehavior is fail, rename or replace.")),
        };
        Ok(Answer { status: 201, ..drive.item_json(&id, call)? })
    }

    fn patch_item(&mut self, app: &App, group: GroupId, id: &str, call: &Request) -> Outcome {
        let (now, body) = (self.now, call.json());
        let drive = self.drive_mut(app, group)?;
        let folder = drive.folders.get(id).ok_or_else(not_found)?;
        if call.header("if-match").is_some_and(|wanted| wanted != "*" && wanted != etag(id, folder)) {
            return Err(error(412, "resourceModified", "ETag does not match current item's value."));
        }
        let parent = folder.parent.clone().ok_or_else(|| invalid("The root has no name."))?;
        let name = body["name"].as_str().ok_or_else(|| invalid("Only a folder's name is changed here."))?;
        checked(name, drive.path(&parent).chars().count() + 1, drive.root() == parent)?;
        if drive.child(&parent, name).is_some_and(|other| other != id) {
            return Err(taken());
        }
        rename(drive, id, name, now);
        drive.item_json(id, call)
    }

    fn drive_json(&self, app: &App, group: GroupId) -> Outcome {
        let (drive, facts) = (self.drive(app, group)?, self.facts(app.directory, group)?);
        Ok(Answer::ok(json!({
            "id": drive.id,
            "name": "Documents",
            "driveType": "documentLibrary",
            "webUrl": format!("{}/Shared%20Documents", drive.address),
            "createdDateTime": format!("{:.0}", facts.created),
            "owner": {"group": {"id": group, "displayName": facts.display_name}},
        })))
    }

    /// The group whose library has this id; it goes and comes back with its group.
    fn drive_named(&mut self, app: &App, id: &str) -> Result<GroupId, Answer> {
        let drives = &self.directory(app.directory)?.drives;
        let found = drives.iter().find(|(_, drive)| drive.id == id).map(|(group, _)| *group);
        if let Some(group) =
            found.filter(|group| self.facts(app.directory, *group).is_ok_and(|facts| facts.deleted.is_none()))
        {
            return Ok(group);
        }
        let mut others = self.microsoft.directories.iter().filter(|(directory, _)| **directory != app.directory);
        if others.any(|(_, entry)| entry.drives.values().any(|drive| drive.id == id)) {
            self.violations.push(Violation::OtherTenant { service: Service::Graph, path: id.into() });
        }
        Err(not_found())
    }

    fn drive(&self, app: &App, group: GroupId) -> Result<&Drive, Answer> {
        self.directory(app.directory)?.drives.get(&group).ok_or_else(not_found)
    }

    fn drive_mut(&mut self, app: &App, group: GroupId) -> Result<&mut Drive, Answer> {
        self.directory_mut(app.directory)?.drives.get_mut(&group).ok_or_else(not_found)
    }

    /// Within SharePoint's own limit, which counts differently from Entra's, and says from four fifths on how much is left.
    fn limited(&mut self, app: &App, cost: usize, call: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        let (now, limit) = (self.now, self.microsoft.settings.file_units);
        let spent: &mut VecDeque<(Timestamp, usize)> = &mut self.directory_mut(app.directory)?.filed;
        while spent.front().is_some_and(|(at, _)| *at + MINUTE <= now) {
            spent.pop_front();
        }
        let used = spent.iter().map(|(_, units)| units).sum::<usize>() + cost;
        let reset = spent.front().map_or(60, |(at, _)| (*at + MINUTE).duration_since(now).as_secs() + 1);
        if used > limit {
            let refusal = error(429, "activityLimitReached", "The request has been throttled.");
            return Err(refusal.with("Retry-After", reset.to_string()));
        }
        spent.push_back((now, cost));
        let marked = |answer: Answer| {
            if used * 5 < limit * 4 {
                return answer;
            }
            let left = (limit - used).to_string();
            answer
                .with("RateLimit-Limit", limit.to_string())
                .with("RateLimit-Remaining", left)
                .with("RateLimit-Reset", reset.to_string())
        };
        call(self).map(marked).map_err(marked)
    }
}

fn needs(app: &App, roles: &[&str]) -> Result<(), Answer> {
    app.needs(roles)
        .map_err(|_| error(403, "accessDenied", "The caller does not have permission to perform the action."))
}

fn rename(drive: &mut Drive, id: &str, name: &str, now: Timestamp) {
    if let Some(folder) = drive.folders.get_mut(id) {
        folder.name = name.into();
        folder.version += 1;
        folder.modified = now;
    }
}

impl World {
    fn in_drive<T>(&self, group: GroupId, act: impl FnOnce(&mut Drive, Timestamp) -> T) -> Option<T> {
        let mut state = self.lock();
        let now = state.now;
        let drive = state.microsoft.directories.values_mut().find_map(|entry| entry.drives.get_mut(&group))?;
        Some(act(drive, now))
    }

    /// Somebody opens a group's site by hand, which brings it about.
    pub fn open_site(&self, group: GroupId) {
        self.in_drive(group, |drive, now| drive.ready = Some(now));
    }

    /// The folders of a group's library, without the root.
    pub fn drive_folders(&self, group: GroupId) -> Vec<DriveFolder> {
        let folders = self.in_drive(group, |drive, _| {
            let below_root = drive.folders.iter().filter(|(_, folder)| folder.parent.is_some());
            below_root.map(|(id, _)| DriveFolder { id: id.clone(), path: drive.path(id)[1..].to_owned() }).collect()
        });
        folders.unwrap_or_default()
    }

    /// The id of a group's library.
    pub fn drive_of(&self, group: GroupId) -> Option<String> {
        self.in_drive(group, |drive, _| drive.id.clone())
    }

    /// Somebody makes a folder in the library's root.
    ///
    /// # Errors
    /// Where there is no such library, or a folder of this name.
    pub fn make_drive_folder(&self, group: GroupId, name: &str) -> Result<String, Refused> {
        let made = self.in_drive(group, |drive, now| {
            let root = drive.root();
            drive.child(&root, name).is_none().then(|| drive.add(name.into(), Some(root), now))
        });
        made.flatten().ok_or_else(|| Refused("there is such a folder, or no library".into()))
    }

    /// Somebody renames a folder.
    pub fn rename_drive_folder(&self, group: GroupId, id: &str, name: &str) {
        self.in_drive(group, |drive, now| rename(drive, id, name, now));
    }

    /// Somebody deletes a folder with all that is in it.
    pub fn delete_drive_folder(&self, group: GroupId, id: &str) {
        self.in_drive(group, |drive, _| drive.remove(id));
    }
}
