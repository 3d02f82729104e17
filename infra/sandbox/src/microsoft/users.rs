//! `/users`: by id or userPrincipalName, and up to fifteen ids at once.

use std::collections::BTreeSet;

use domain::ids::{GroupId, ObjectId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::groups::page_token;
use super::replicas::Relation;
use super::{
    App, DirectoryRole, READ_GROUPS, READ_MEMBERS, READ_USERS, UserKind, bad_request, error, groups, missing, selected,
};
use crate::record::Violation;
use crate::wire::{Answer, Outcome, Request};
use crate::world::{State, slug};

pub(super) const DEFAULT: [&str; 7] =
    ["id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "jobTitle"];
/// What `User.ReadBasic.All` shows.
const BASIC: [&str; 6] = ["id", "displayName", "givenName", "surname", "mail", "userPrincipalName"];
const FILTER_VALUES: usize = 15;
const GROUPS_TO_CHECK: usize = 20;

#[derive(Clone)]
pub(super) struct UserEntry {
    pub(super) name: String,
    pub(super) principal: String,
    pub(super) kind: UserKind,
    pub(super) department: String,
    pub(super) enabled: bool,
    pub(super) roles: BTreeSet<DirectoryRole>,
    pub(super) deleted: Option<Timestamp>,
    /// Where a deleted user was, to come back there when restored.
    pub(super) left: Vec<(GroupId, Relation)>,
}

impl State {
    pub(crate) fn add_user(&mut self, directory: domain::ids::DirectoryId, name: &str, kind: UserKind) -> ObjectId {
        let id = ObjectId(self.uuid());
        let Some(entry) = self.microsoft.directories.get_mut(&directory) else { return id };
        let stem = match kind {
            UserKind::Member => slug(name),
            UserKind::Guest => format!("{}_elsewhere.example#EXT#", slug(name)),
        };
        let taken = |principal: &str| entry.principals.contains(principal);
        let plain = format!("{stem}@{}", entry.domain);
        let mut numbered = (2..).map(|n| format!("{stem}{n}@{}", entry.domain));
        let principal = std::iter::once(plain).chain(&mut numbered).find(|name| !taken(name)).unwrap_or_default();
        entry.principals.insert(principal.clone());
        let user = UserEntry {
            name: name.into(),
            principal,
            kind,
            department: String::new(),
            enabled: true,
            roles: BTreeSet::new(),
            deleted: None,
            left: Vec::new(),
        };
        entry.users.insert(id, user);
        id
    }

    /// The user, unless deleted.
    pub(super) fn user(&self, app: &App, id: ObjectId) -> Result<&UserEntry, Answer> {
        let user = self.directory(app.directory)?.users.get(&id).filter(|user| user.deleted.is_none());
        user.ok_or_else(|| missing(id))
    }

    /// A user as an object; without permission for it nothing but the id shows.
    pub(super) fn user_json(&self, app: &App, id: ObjectId) -> Value {
        let Some(user) = self.directory(app.directory).ok().and_then(|directory| directory.users.get(&id)) else {
            return json!({ "id": id });
        };
        let (given, surname) = user.name.split_once(' ').unwrap_or((&user.name, ""));
        let mut shown = json!({
            "id": id,
            "displayName": user.name,
            "givenName": given,
            "surname": surname,
            "mail": user.principal,
            "userPrincipalName": user.principal,
            "jobTitle": null,
            "userType": match user.kind { UserKind::Member => "Member", UserKind::Guest => "Guest" },
            "accountEnabled": user.enabled,
            "department": user.department,
        });
        let full = ["User.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];
        if !full.iter().any(|role| app.roles.contains(*role)) {
            let basic = app.roles.contains("User.ReadBasic.All");
            for (key, value) in shown.as_object_mut().into_iter().flatten() {
                if !(key == "id" || basic && BASIC.contains(&key.as_str())) {
                    *value = Value::Null;
                }
            }
        }
        shown
    }

    /// The user of this id or userPrincipalName.
    fn user_named(&mut self, app: &App, id: &str) -> Result<ObjectId, Answer> {
        app.needs(READ_USERS)?;
        let directory = self.directory(app.directory)?;
        let user = match id.parse() {
            Ok(id) => ObjectId(id),
            Err(_) => {
                let named = directory.users.iter().find(|(_, user)| user.principal.eq_ignore_ascii_case(id));
                *named.ok_or_else(|| missing(id))?.0
            }
        };
        if !directory.users.contains_key(&user) {
            self.trespass_on(app, user.0);
        }
        self.user(app, user)?;
        Ok(user)
    }

    /// The groups that a user is a member of. Owners are not, unless they are members, too.
    pub(super) fn list_groups_of(&mut self, app: &App, id: &str, call: &Request) -> Outcome {
        app.needs(READ_MEMBERS)?;
        let user = self.user_named(app, id)?;
        let (replica, now) = (page_token(call).map_or_else(|| self.any_replica(), |token| token.replica), self.now);
        let groups = self.directory(app.directory)?.groups.iter();
        let seen = groups.filter_map(|(id, entry)| Some((*id, entry.seen(replica, now)?)));
        let of_user = seen.filter(|(_, facts)| facts.deleted.is_none() && facts.members.contains(&user));
        let items =
            of_user.map(|(id, facts)| (id.0, selected(self.group_json(app, id, facts), call, &groups::DEFAULT)));
        self.listing(call, items.collect(), replica, "groups")
    }

    pub(super) fn get_user(&mut self, app: &App, id: &str, call: &Request) -> Outcome {
        let user = self.user_named(app, id)?;
        let mut shown = selected(self.user_json(app, user), call, &DEFAULT);
        shown["@odata.context"] = format!("{}/v1.0/$metadata#users/$entity", call.base).into();
        Ok(Answer::ok(shown))
    }

    pub(super) fn list_users(&mut self, app: &App, call: &Request) -> Outcome {
        app.needs(READ_USERS)?;
        let users = &self.directory(app.directory)?.users;
        let living = users.iter().filter(|(_, user)| user.deleted.is_none());
        let found: Vec<ObjectId> = match call.query("$filter").map(filter).transpose()? {
            None => living.map(|(id, _)| *id).collect(),
            Some(Filter::Ids(ids)) => {
                let ids: BTreeSet<ObjectId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
                ids.into_iter().filter(|id| users.get(id).is_some_and(|user| user.deleted.is_none())).collect()
            }
            Some(Filter::Principals(names)) => {
                let is_named = |principal: &str| names.iter().any(|name| principal.eq_ignore_ascii_case(name));
                living.filter(|(_, user)| is_named(&user.principal)).map(|(id, _)| *id).collect()
            }
        };
        let shown = |id: ObjectId| selected(self.user_json(app, id), call, &DEFAULT);
        self.listing(call, found.into_iter().map(|id| (id.0, shown(id))).collect(), 0, "users")
    }

    /// Those of the named groups that the user is a member of, as some replica shows it. Owners who are no members are none.
    pub(super) fn check_member_groups(&mut self, app: &App, id: &str, call: &Request) -> Outcome {
        app.needs(READ_USERS)?;
        app.needs(READ_GROUPS)?;
        let user = ObjectId(id.parse().map_err(|_| missing(id))?);
        if !self.directory(app.directory)?.users.contains_key(&user) {
            self.trespass_on(app, user.0);
        }
        self.user(app, user)?;
        let groups = call.json()["groupIds"].as_array().cloned().unwrap_or_default();
        if groups.is_empty() || groups.len() > GROUPS_TO_CHECK {
            return Err(bad_request("Invalid value specified for property 'groupIds' of resource 'User'."));
        }
        let replica = self.any_replica();
        let mut found = Vec::new();
        for group in groups.iter().filter_map(Value::as_str) {
            if self.seen_on(app, group, replica).is_ok_and(|(_, facts)| facts.members.contains(&user)) {
                found.push(group);
            }
        }
        let context = format!("{}/v1.0/$metadata#Collection(Edm.String)", call.base);
        Ok(Answer::ok(json!({"@odata.context": context, "value": found})))
    }

    /// `DELETE .../members/{id}` without `/$ref`: Graph takes it for the user.
    pub(super) fn delete_user_by_mistake(&mut self, app: &App, person: &str, call: &Request) -> Outcome {
        self.violations.push(Violation::UserDeleted { path: call.target.clone() });
        app.needs(&["User.ReadWrite.All", "Directory.ReadWrite.All"])?;
        let id = ObjectId(person.parse().map_err(|_| missing(person))?);
        self.user(app, id)?;
        self.remove_user(app.directory, id);
        Ok(Answer::empty(204))
    }
}

enum Filter {
    Ids(Vec<String>),
    Principals(Vec<String>),
}

fn filter(text: &str) -> Result<Filter, Answer> {
    let unsupported = || error(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause.");
    let unquote = |text: &str| {
        let text = text.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        text.map(|text| text.replace("''", "'")).ok_or_else(unsupported)
    };
    if let Some((property @ ("id" | "userPrincipalName"), list)) = text.trim().split_once(" in (")
        && let Some(list) = list.strip_suffix(')')
    {
        let values = list.split(',').map(unquote).collect::<Result<Vec<_>, _>>()?;
        if values.len() > FILTER_VALUES {
            return Err(bad_request(
                "Too many child clauses specified in search filter expression: the maximum is 15.",
            ));
        }
        return Ok(if property == "id" { Filter::Ids(values) } else { Filter::Principals(values) });
    }
    match text.trim().split_once(" eq ") {
        Some(("userPrincipalName" | "mail", value)) => Ok(Filter::Principals(vec![unquote(value)?])),
        Some(("id", value)) => Ok(Filter::Ids(vec![unquote(value)?])),
        _ => Err(unsupported()),
    }
}
