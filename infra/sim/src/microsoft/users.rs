//! `/users`: by id or userPrincipalName, and up to fifteen ids at once.

use std::collections::BTreeSet;

use domain::ids::{DirectoryId, ObjectId};
use serde_json::{Value, json};

use super::groups::{listing, page_token};
use super::{
    App, READ_GROUPS, READ_MEMBERS, READ_USERS, bad_request, deleted, directories, error, groups,
    missing, record_foreign_access, replicas, selected,
};
use crate::generate::slug;
use crate::record::Violation;
use crate::state::State;
use crate::state::microsoft::{UserEntry, UserKind, UserOrigin};
use crate::wire::{Outcome, Request, Response};

pub(super) const DEFAULT: [&str; 7] =
    ["id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "jobTitle"];
/// Properties that `User.ReadBasic.All` shows.
const BASIC: [&str; 6] = ["id", "displayName", "givenName", "surname", "mail", "userPrincipalName"];
const FILTER_VALUES: usize = 15;
const GROUPS_TO_CHECK: usize = 20;

pub(crate) fn add(
    state: &mut State,
    directory: DirectoryId,
    name: &str,
    kind: UserKind,
) -> ObjectId {
    let id = ObjectId(state.uuid());
    let Some(entry) = state.microsoft.directories.get_mut(&directory) else {
        return id;
    };
    let stem = match kind {
        UserKind::Member => slug(name),
        UserKind::Guest => format!("{}_elsewhere.example#EXT#", slug(name)),
    };
    let taken = |principal: &str| entry.principals.contains(principal);
    let plain = format!("{stem}@{}", entry.domain);
    let mut numbered = (2..).map(|n| format!("{stem}{n}@{}", entry.domain));
    let principal =
        std::iter::once(plain).chain(&mut numbered).find(|name| !taken(name)).unwrap_or_default();
    entry.principals.insert(principal.clone());
    let user = UserEntry {
        name: name.into(),
        principal,
        mail: None,
        aliases: Vec::new(),
        kind,
        origin: match kind {
            UserKind::Member => UserOrigin::Internal,
            UserKind::Guest => UserOrigin::External,
        },
        department: String::new(),
        enabled: true,
        roles: BTreeSet::new(),
        deleted: None,
        former_groups: Vec::new(),
    };
    entry.users.insert(id, user);
    id
}

/// Returns the user, unless deleted.
pub(super) fn find<'s>(
    state: &'s State,
    app: &App,
    id: ObjectId,
) -> Result<&'s UserEntry, Response> {
    let user = directories::find(state, app.directory)?
        .users
        .get(&id)
        .filter(|user| user.deleted.is_none());
    user.ok_or_else(|| missing(id))
}

/// Returns a user as JSON. Without a permission for it, only the id is set.
pub(super) fn json(state: &State, app: &App, id: ObjectId) -> Value {
    let Some(user) =
        directories::find(state, app.directory).ok().and_then(|directory| directory.users.get(&id))
    else {
        return json!({ "id": id });
    };
    let (given, surname) = user.name.split_once(' ').unwrap_or((&user.name, ""));
    let mail = user.mail.as_ref().unwrap_or(&user.principal);
    let aliases = user.aliases.iter().map(|alias| format!("smtp:{alias}"));
    let proxies: Vec<String> = [format!("SMTP:{mail}")].into_iter().chain(aliases).collect();
    let mut shown = json!({
        "id": id,
        "displayName": user.name,
        "givenName": given,
        "surname": surname,
        "mail": mail,
        "proxyAddresses": proxies,
        "userPrincipalName": user.principal,
        "jobTitle": null,
        "userType": match user.kind { UserKind::Member => "Member", UserKind::Guest => "Guest" },
        "creationType": (user.origin == UserOrigin::External).then_some("Invitation"),
        "externalUserState": (user.origin == UserOrigin::External).then_some("Accepted"),
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

/// Finds a user by id or userPrincipalName.
fn named(state: &mut State, app: &App, id: &str) -> Result<ObjectId, Response> {
    app.require(READ_USERS)?;
    let directory = directories::find(state, app.directory)?;
    let user = match id.parse() {
        Ok(id) => ObjectId(id),
        Err(_) => {
            let named =
                directory.users.iter().find(|(_, user)| user.principal.eq_ignore_ascii_case(id));
            *named.ok_or_else(|| missing(id))?.0
        }
    };
    if !directory.users.contains_key(&user) {
        record_foreign_access(state, app, user.0);
    }
    find(state, app, user)?;
    Ok(user)
}

/// Lists the groups that a user is a member of. Ownership does not count.
pub(super) fn list_groups(state: &mut State, app: &App, id: &str, call: &Request) -> Outcome {
    app.require(READ_MEMBERS)?;
    let user = named(state, app, id)?;
    let (replica, now) = (
        page_token(call).map_or_else(|| replicas::any_replica(state), |token| token.replica),
        state.now,
    );
    let groups = directories::find(state, app.directory)?.groups.iter();
    let seen = groups.filter_map(|(id, entry)| Some((*id, entry.seen(replica, now)?)));
    let of_user =
        seen.filter(|(_, facts)| facts.deleted.is_none() && facts.members.contains(&user));
    let items = of_user.map(|(id, facts)| {
        (id.0, selected(groups::json(state, app, id, facts), call, &groups::DEFAULT))
    });
    listing(state, call, items.collect(), replica, "groups")
}

pub(super) fn get(state: &mut State, app: &App, id: &str, call: &Request) -> Outcome {
    let user = named(state, app, id)?;
    let mut shown = selected(json(state, app, user), call, &DEFAULT);
    shown["@odata.context"] = format!("{}/v1.0/$metadata#users/$entity", call.base).into();
    Ok(Response::ok(shown))
}

pub(super) fn list(state: &mut State, app: &App, call: &Request) -> Outcome {
    app.require(READ_USERS)?;
    let users = &directories::find(state, app.directory)?.users;
    let living = users.iter().filter(|(_, user)| user.deleted.is_none());
    let found: Vec<ObjectId> = match call.query("$filter").map(filter).transpose()? {
        None => living.map(|(id, _)| *id).collect(),
        Some(Filter::Ids(ids)) => {
            let ids: BTreeSet<ObjectId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
            ids.into_iter()
                .filter(|id| users.get(id).is_some_and(|user| user.deleted.is_none()))
                .collect()
        }
        Some(Filter::Principals(names)) => {
            let is_named =
                |principal: &str| names.iter().any(|name| principal.eq_ignore_ascii_case(name));
            living.filter(|(_, user)| is_named(&user.principal)).map(|(id, _)| *id).collect()
        }
    };
    let shown = |id: ObjectId| selected(json(state, app, id), call, &DEFAULT);
    listing(state, call, found.into_iter().map(|id| (id.0, shown(id))).collect(), 0, "users")
}

/// Returns those of the given groups that the user is a member of, on a random replica. Ownership
/// does not count.
pub(super) fn check_member_groups(
    state: &mut State,
    app: &App,
    id: &str,
    call: &Request,
) -> Outcome {
    app.require(READ_USERS)?;
    app.require(READ_GROUPS)?;
    let user = ObjectId(id.parse().map_err(|_| missing(id))?);
    if !directories::find(state, app.directory)?.users.contains_key(&user) {
        record_foreign_access(state, app, user.0);
    }
    find(state, app, user)?;
    let groups = call.json()["groupIds"].as_array().cloned().unwrap_or_default();
    if groups.is_empty() || groups.len() > GROUPS_TO_CHECK {
        return Err(bad_request(
            "Invalid value specified for property 'groupIds' of resource 'User'.",
        ));
    }
    let replica = replicas::any_replica(state);
    let mut found = Vec::new();
    for group in groups.iter().filter_map(Value::as_str) {
        if replicas::seen_on(state, app, group, replica)
            .is_ok_and(|(_, facts)| facts.members.contains(&user))
        {
            found.push(group);
        }
    }
    let context = format!("{}/v1.0/$metadata#Collection(Edm.String)", call.base);
    Ok(Response::ok(json!({"@odata.context": context, "value": found})))
}

/// `DELETE .../members/{id}` without `/$ref`, which deletes the user.
pub(super) fn delete_by_mistake(
    state: &mut State,
    app: &App,
    person: &str,
    call: &Request,
) -> Outcome {
    state.violations.push(Violation::UserDeleted { path: call.target.clone() });
    app.require(&["User.ReadWrite.All", "Directory.ReadWrite.All"])?;
    let id = ObjectId(person.parse().map_err(|_| missing(person))?);
    find(state, app, id)?;
    deleted::remove_user(state, app.directory, id);
    Ok(Response::empty(204))
}

enum Filter {
    Ids(Vec<String>),
    Principals(Vec<String>),
}

fn filter(text: &str) -> Result<Filter, Response> {
    let unsupported =
        || error(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause.");
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
        Some(("userPrincipalName" | "mail", value)) => {
            Ok(Filter::Principals(vec![unquote(value)?]))
        }
        Some(("id", value)) => Ok(Filter::Ids(vec![unquote(value)?])),
        _ => Err(unsupported()),
    }
}
