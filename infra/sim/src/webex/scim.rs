//! SCIM 2 (`/identity/scim/{orgId}/v2/Users`), the only API with `externalId`, which cannot be
//! filtered by.

use std::cmp::Ordering;

use domain::ids::{OrgId, PersonId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Caller, access, error, not_found, people};
use crate::state::State;
use crate::state::webex::{Account, AccountStatus, AdminRole, UserType};
use crate::state::webex_settings::StatusShape;
use crate::wire::{Outcome, Request, Response};

const EXTENSION: &str = "urn:scim:schemas:extension:cisco:webexidentity:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Limit of other implementations of SCIM; that of Webex is not documented.
const LARGEST_COUNT: usize = 500;

fn organization(
    state: &mut State,
    caller: &Caller,
    org: &str,
    scopes: &[&str],
    path: &str,
) -> Result<OrgId, Response> {
    let org = OrgId(Uuid::parse_str(org).map_err(|_| error(400, "orgId must be a uuid."))?);
    if org != caller.org {
        access::record_foreign_org(state, org, path);
        return Err(error(403, "The organization is another one."));
    }
    caller.require(scopes)?;
    Ok(org)
}

pub(super) fn list(state: &mut State, caller: &Caller, org: &str, call: &Request) -> Outcome {
    let org = organization(
        state,
        caller,
        org,
        &["identity:people_read", "identity:people_rw"],
        &call.target,
    )?;
    people::require_role(state, caller, &[AdminRole::ReadOnlyAdmin, AdminRole::FullAdmin])?;
    let filter = call
        .query("filter")
        .filter(|filter| !filter.trim().is_empty())
        .map(Filter::parse)
        .transpose()?;
    let mut found: Vec<(PersonId, &Account)> = state
        .webex
        .accounts
        .iter()
        .filter(|(_, account)| account.org == org && account.user_type != UserType::Bot)
        .filter(|(person, account)| {
            filter.as_ref().is_none_or(|filter| filter.admits(**person, account))
        })
        .map(|(person, account)| (*person, account))
        .collect();
    let order: fn(&(PersonId, &Account), &(PersonId, &Account)) -> Ordering =
        match call.query("sortBy") {
            None | Some("id") => |a, b| a.0.cmp(&b.0),
            Some("userName") => |a, b| a.1.email.cmp(&b.1.email),
            Some("meta.lastModified") => |a, b| (a.1.modified, a.0).cmp(&(b.1.modified, b.0)),
            Some(_) => {
                return Err(error(400, "sortBy knows userName, id and meta.lastModified."));
            }
        };
    found.sort_by(order);
    if call.query("sortOrder") == Some("descending") {
        found.reverse();
    }
    let number = |name: &str, default: usize| {
        call.query(name).and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let start = number("startIndex", 1).max(1);
    let count = number("count", 100).min(LARGEST_COUNT).min(state.webex.settings.page_limit);
    let total = found.len();
    let page: Vec<Value> = found
        .into_iter()
        .skip(start - 1)
        .take(count)
        .map(|(person, account)| selected(json(state, org, person, account, &call.base), call))
        .collect();
    Ok(Response::ok(json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "itemsPerPage": page.len(),
        "startIndex": start,
        "Resources": page,
    })))
}

pub(super) fn get(
    state: &mut State,
    caller: &Caller,
    org: &str,
    id: &str,
    call: &Request,
) -> Outcome {
    let org = organization(
        state,
        caller,
        org,
        &["identity:people_read", "identity:people_rw"],
        &call.target,
    )?;
    people::require_role(state, caller, &[AdminRole::ReadOnlyAdmin, AdminRole::FullAdmin])?;
    let (person, account) = user(state, org, id)?;
    Ok(Response::ok(selected(json(state, org, person, account, &call.base), call)))
}

fn user<'s>(state: &'s State, org: OrgId, id: &str) -> Result<(PersonId, &'s Account), Response> {
    let person = PersonId(Uuid::parse_str(id).map_err(|_| not_found())?);
    let account = state.webex.accounts.get(&person);
    let account =
        account.filter(|account| account.org == org && account.user_type != UserType::Bot);
    Ok((person, account.ok_or_else(not_found)?))
}

/// Changes `externalId` and `active`; other attributes are not simulated.
pub(super) fn patch(
    state: &mut State,
    caller: &Caller,
    org: &str,
    id: &str,
    body: &Value,
    call: &Request,
) -> Outcome {
    let org = organization(state, caller, org, &["identity:people_rw"], &call.target)?;
    people::require_role(state, caller, &[AdminRole::FullAdmin])?;
    let (person, _) = user(state, org, id)?;
    if !body["schemas"]
        .as_array()
        .is_some_and(|schemas| schemas.iter().any(|schema| schema == PATCH))
    {
        return Err(error(400, "schemas must name the message of a patch."));
    }
    let operations =
        body["Operations"].as_array().ok_or_else(|| error(400, "Operations is required."))?;
    for operation in operations {
        let op = operation["op"].as_str().unwrap_or_default();
        if !["add", "replace", "remove"].contains(&op) {
            return Err(error(400, "The op is none of add, replace and remove."));
        }
        let removes = op == "remove";
        let value = |name: &str| match operation["path"].as_str() {
            Some(path) if path == name => {
                Some(if removes { Value::Null } else { operation["value"].clone() })
            }
            Some(_) => None,
            None => operation["value"].get(name).cloned(),
        };
        let (external, active) = (value("externalId"), value("active"));
        if external.is_none() && active.is_none() {
            return Err(error(400, "The attribute cannot be changed."));
        }
        if external.as_ref().is_some_and(|external| !external.is_string() && !removes) {
            return Err(error(400, "An externalId is a text."));
        }
        people::change_account(state, person, |account| {
            if let Some(external) = external {
                account.external_id = external.as_str().map(str::to_owned);
            }
            if let Some(active) = active.and_then(|active| active.as_bool()) {
                account.active = active;
            }
        });
    }
    let (person, account) = user(state, org, id)?;
    Ok(Response::ok(json(state, org, person, account, &call.base)))
}

fn json(state: &State, org: OrgId, person: PersonId, account: &Account, base: &str) -> Value {
    let status = match (account.active, account.status) {
        (false, _) | (_, AccountStatus::Disabled) => "disabled",
        (_, AccountStatus::Active) => "active",
        (_, AccountStatus::Pending) => "pending",
    };
    let status = match state.webex.settings.status_shape {
        StatusShape::Text => json!(status),
        StatusShape::List => json!([status]),
    };
    let mut shown = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", EXTENSION],
        "id": person,
        "userName": account.email,
        "active": account.active,
        "displayName": account.name,
        "emails": [{"value": account.email, "type": "work", "primary": true}],
        "userType": if account.user_type == UserType::Room { "room" } else { "user" },
        EXTENSION: {"accountStatus": status},
        "meta": {
            "resourceType": "User",
            "organizationID": org,
            "created": format!("{:.3}", account.created),
            "lastModified": format!("{:.3}", account.modified),
            "version": format!("W/\"{}\"", account.modified.as_millisecond()),
            "location": format!("{base}/identity/scim/{org}/v2/Users/{person}"),
        },
    });
    if let Some(external) = &account.external_id {
        shown["externalId"] = external.as_str().into();
    }
    shown
}

/// Selects the requested `attributes`; `schemas`, `id` and `meta` are always present.
fn selected(mut user: Value, call: &Request) -> Value {
    if let (Some(requested), Some(user)) =
        (call.query("attributes").filter(|a| !a.is_empty()), user.as_object_mut())
    {
        let requested: Vec<&str> = requested.split(',').map(str::trim).collect();
        user.retain(|key, _| {
            ["schemas", "id", "meta"].contains(&key.as_str())
                || requested.iter().any(|name| {
                    *name == key || name.strip_prefix(key).is_some_and(|r| r.starts_with(':'))
                })
        });
    }
    user
}

enum Filter {
    Id(Uuid),
    UserName(Operator, String),
    DisplayName(Operator, String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    StartsWith,
    EndsWith,
}

impl Filter {
    fn parse(text: &str) -> Result<Self, Response> {
        let bad = || error(400, "The filter is not supported.");
        let mut words = text.trim().splitn(3, ' ');
        let (Some(name), Some(operator), Some(value)) = (words.next(), words.next(), words.next())
        else {
            return Err(bad());
        };
        let value = value
            .trim()
            .strip_prefix('"')
            .and_then(|v| v.strip_suffix('"'))
            .ok_or_else(bad)?
            .to_lowercase();
        let operator = match operator.to_ascii_lowercase().as_str() {
            "eq" => Operator::Equals,
            "sw" => Operator::StartsWith,
            "ew" => Operator::EndsWith,
            _ => return Err(bad()),
        };
        match name.to_ascii_lowercase().as_str() {
            "id" if operator == Operator::Equals => value.parse().map(Self::Id).map_err(|_| bad()),
            "username" | "emails.value" => Ok(Self::UserName(operator, value)),
            "displayname" => Ok(Self::DisplayName(operator, value)),
            _ => Err(bad()),
        }
    }

    fn admits(&self, person: PersonId, account: &Account) -> bool {
        let compare = |operator: Operator, text: &str, value: &str| match operator {
            Operator::Equals => text.to_lowercase() == value,
            Operator::StartsWith => text.to_lowercase().starts_with(value),
            Operator::EndsWith => text.to_lowercase().ends_with(value),
        };
        match self {
            Self::Id(id) => person.0 == *id,
            Self::UserName(operator, value) => compare(*operator, &account.email, value),
            Self::DisplayName(operator, value) => compare(*operator, &account.name, value),
        }
    }
}
