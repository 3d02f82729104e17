//! `/groups`: create, upsert by uniqueName, read, change, renew; and pages of listings.

use std::collections::BTreeSet;

use domain::ids::{GroupId, ObjectId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::relations::Binds;
use super::{
    App, READ_GROUPS, WRITE_GROUPS, WRITE_MEMBERS, bad_request, directories, error, kinds, missing,
    naming, relations, replicas, selected,
};
use crate::state::State;
use crate::state::graph_settings::UpsertBinds;
use crate::state::groups::{Facts, GroupKind, GroupRule};
use crate::wire::{Outcome, Request, Response};

pub(super) const DEFAULT: [&str; 18] = [
    "id",
    "deletedDateTime",
    "classification",
    "createdDateTime",
    "description",
    "displayName",
    "expirationDateTime",
    "groupTypes",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "renewedDateTime",
    "resourceBehaviorOptions",
    "securityEnabled",
    "visibility",
];
/// Properties that are refused at creation and need a separate change.
const EXCHANGE_ONLY: [&str; 6] = [
    "allowExternalSenders",
    "autoSubscribeNewMembers",
    "hideFromAddressLists",
    "hideFromOutlookClients",
    "isSubscribedByMail",
    "unseenCount",
];

pub(super) fn invalid(property: &str) -> Response {
    bad_request(&format!("Invalid value specified for property '{property}' of resource 'Group'."))
}

pub(super) fn json(state: &State, app: &App, id: GroupId, facts: &Facts) -> Value {
    let lifetime =
        directories::find(state, app.directory).ok().and_then(|directory| directory.lifetime);
    let second = |at: jiff::Timestamp| format!("{at:.0}");
    let is_unified = facts.kind == GroupKind::Microsoft365;
    let address = is_unified.then(|| format!("SMTP:{}", facts.mail));
    json!({
        "id": id,
        "deletedDateTime": facts.deleted.map(second),
        "assignedLabels": kinds::labels(facts),
        "classification": null,
        "createdDateTime": second(facts.created),
        "description": facts.description,
        "displayName": facts.display_name,
        "expirationDateTime": lifetime.map(|lifetime| second(facts.renewed + lifetime)),
        "groupTypes": kinds::types(facts),
        "isAssignableToRole": (facts.rule == GroupRule::RoleAssignable).then_some(true),
        "mail": is_unified.then_some(&facts.mail),
        "mailEnabled": is_unified,
        "mailNickname": facts.mail_nickname,
        "onPremisesSyncEnabled": (facts.rule == GroupRule::OnPremises).then_some(true),
        "proxyAddresses": address.as_slice(),
        "renewedDateTime": second(facts.renewed),
        "resourceBehaviorOptions": facts.behavior,
        "securityEnabled": !is_unified,
        "uniqueName": facts.unique_name,
        "visibility": facts.visibility,
    })
}

/// Returns a page of objects in the order of their ids. The next page comes from the same replica.
pub(super) fn listing(
    state: &State,
    call: &Request,
    items: Vec<(Uuid, Value)>,
    replica: usize,
    of: &str,
) -> Outcome {
    let top = match call.query("$top").map(str::parse::<usize>) {
        None => 100,
        Some(Ok(top @ 1..=999)) => top,
        Some(_) => {
            return Err(bad_request(
                "Invalid page size specified. Must be between 1 and 999 inclusive.",
            ));
        }
    };
    let size = top.min(state.microsoft.settings.page_limit.max(1));
    let token = page_token(call);
    if token
        .as_ref()
        .is_some_and(|token| token.given + state.microsoft.settings.page_life <= state.now)
    {
        return Err(error(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your \
             request.",
        ));
    }
    let after = token.map(|token| token.after);
    let mut rest =
        items.into_iter().filter(|(id, _)| after.is_none_or(|after| *id > after)).peekable();
    let mut page = Vec::new();
    let mut last = Uuid::nil();
    while let Some((id, item)) = rest.next_if(|_| page.len() < size) {
        last = id;
        page.push(item);
    }
    let mut body =
        json!({"@odata.context": format!("{}/v1.0/$metadata#{of}", call.base), "value": page});
    if rest.peek().is_some() {
        body["@odata.nextLink"] =
            link(call, "$skiptoken", &format!("r{replica}.{last}.{}", state.now.as_millisecond()))
                .into();
    }
    Ok(Response::ok(body))
}

pub(super) fn get(state: &mut State, app: &App, id: &str, call: &Request) -> Outcome {
    app.require(READ_GROUPS)?;
    let (group, facts) = replicas::seen_group(state, app, id)?;
    let facts = facts.clone();
    let mut shown = selected(json(state, app, group, &facts), call, &DEFAULT);
    shown["@odata.context"] = format!("{}/v1.0/$metadata#groups/$entity", call.base).into();
    Ok(Response::ok(shown))
}

/// `groups(uniqueName='…')`: read, change, and with `Prefer: create-if-missing` create.
pub(super) fn by_unique_name(
    state: &mut State,
    app: &App,
    segment: &str,
    call: &Request,
) -> Outcome {
    let name = segment.strip_prefix("groups(uniqueName='").and_then(|name| name.strip_suffix("')"));
    let name = name.ok_or_else(|| bad_request("The key is malformed."))?.replace("''", "'");
    app.require(READ_GROUPS)?;
    let groups = &directories::find(state, app.directory)?.groups;
    let found =
        groups.iter().find(|(_, entry)| entry.truth().unique_name.as_deref() == Some(&name));
    let found = found.map(|(id, entry)| (*id, entry.truth().deleted));
    let creates = call.header("prefer").is_some_and(|prefer| {
        prefer.split([',', ';']).any(|part| part.trim().eq_ignore_ascii_case("create-if-missing"))
    });
    match (call.method.as_str(), found) {
        ("GET", Some((id, None))) => {
            get(state, app, &id.to_string(), call).map_err(|_| missing(&name))
        }
        ("PATCH", Some((id, None))) if creates => upsert_existing(state, app, id, &call.json()),
        ("PATCH", Some((id, None))) => update(state, app, &id.to_string(), &call.json()),
        ("PATCH", Some((_, Some(_)))) if creates => Err(bad_request(
            "Another object with the same value for property uniqueName already exists.",
        )),
        ("PATCH", None) if creates => {
            let mut shown = create(state, app, &call.json(), Some(name))?;
            shown["@odata.context"] = format!("{}/v1.0/$metadata#groups/$entity", call.base).into();
            Ok(Response::new(201, shown))
        }
        ("GET" | "PATCH", _) => Err(missing(name)),
        _ => Err(error(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )),
    }
}

/// Updates a group that an upsert found.
fn upsert_existing(state: &mut State, app: &App, id: GroupId, body: &Value) -> Outcome {
    app.require(WRITE_GROUPS)?;
    let mut body = body.clone();
    if state.microsoft.settings.upsert_binds != UpsertBinds::LikePatch {
        let mut binds = Binds::take(&mut body)?;
        change_properties(state, app, id, &body)?;
        if state.microsoft.settings.upsert_binds == UpsertBinds::Merged {
            let facts = replicas::facts(state, app.directory, id)?.clone();
            binds.members.retain(|person| !facts.members.contains(person));
            binds.owners.retain(|person| !facts.owners.contains(person));
            relations::bind(state, app, id, &binds)?;
        }
        return Ok(Response::empty(204));
    }
    patch(state, app, id, &body)
}

pub(super) fn post(state: &mut State, app: &App, body: &Value) -> Outcome {
    let unique = body["uniqueName"].as_str().map(str::to_owned);
    let shown = create(state, app, body, unique)?;
    Ok(Response::new(201, shown))
}

fn create(
    state: &mut State,
    app: &App,
    body: &Value,
    unique_name: Option<String>,
) -> Result<Value, Response> {
    app.require(WRITE_GROUPS)?;
    let mut body = body.clone();
    let binds = Binds::take(&mut body)?;
    if let Some(property) = EXCHANGE_ONLY.iter().find(|property| body.get(**property).is_some()) {
        return Err(bad_request(&format!(
            "The property '{property}' cannot be set while creating a group."
        )));
    }
    let unified = body["groupTypes"]
        .as_array()
        .is_some_and(|types| types.iter().any(|kind| kind == "Unified"));
    if !unified || body["mailEnabled"] != true || !body["securityEnabled"].is_boolean() {
        return Err(bad_request(
            "Only Microsoft 365 groups are here: groupTypes Unified, mailEnabled, securityEnabled.",
        ));
    }
    let name = body["displayName"].as_str().ok_or_else(|| invalid("displayName"))?;
    let nickname = body["mailNickname"].as_str().ok_or_else(|| invalid("mailNickname"))?;
    naming::check_name(state, app.directory, name)?;
    naming::check_nickname(state, app.directory, nickname)?;
    let description = description(&body)?.flatten();
    relations::check_binds(state, app, &binds, None)?;
    let behavior =
        body["resourceBehaviorOptions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let facts = Facts {
        display_name: name.into(),
        description,
        mail_nickname: nickname.into(),
        mail: format!("{nickname}@{}", directories::find(state, app.directory)?.domain),
        visibility: body["visibility"].as_str().unwrap_or("Public").into(),
        unique_name,
        behavior: behavior.iter().filter_map(|option| option.as_str().map(str::to_owned)).collect(),
        members: binds.members.iter().copied().collect::<BTreeSet<ObjectId>>(),
        owners: binds.owners.iter().copied().collect(),
        created: state.now,
        renewed: state.now,
        deleted: None,
        rule: kinds::created(app, &body)?,
        kind: GroupKind::Microsoft365,
        label: None,
    };
    let id = GroupId(state.uuid());
    let shown = json(state, app, id, &facts);
    replicas::insert_group(state, app.directory, id, facts);
    Ok(shown)
}

pub(super) fn update(state: &mut State, app: &App, id: &str, body: &Value) -> Outcome {
    let binds = Binds::take(&mut body.clone())?;
    let not_replicated = if binds.is_empty() { missing(id) } else { relations::source_unknown() };
    let group = replicas::group_to_write(state, app, id, not_replicated)?;
    patch(state, app, group, body)
}

fn patch(state: &mut State, app: &App, id: GroupId, body: &Value) -> Outcome {
    let mut body = body.clone();
    let binds = Binds::take(&mut body)?;
    let properties = body.as_object().is_some_and(|body| !body.is_empty());
    if properties || !binds.owners.is_empty() {
        app.require(WRITE_GROUPS)?;
    } else {
        app.require(WRITE_MEMBERS)?;
    }
    // All or nothing: everything that could be refused is checked first.
    relations::check_binds(state, app, &binds, Some(id))?;
    change_properties(state, app, id, &body)?;
    relations::bind(state, app, id, &binds)?;
    Ok(Response::empty(204))
}

fn change_properties(
    state: &mut State,
    app: &App,
    id: GroupId,
    body: &Value,
) -> Result<(), Response> {
    let name = match body.get("displayName") {
        None => None,
        Some(name) => Some(name.as_str().ok_or_else(|| invalid("displayName"))?.to_owned()),
    };
    if let Some(name) = &name {
        naming::check_name(state, app.directory, name)?;
    }
    let nickname = body["mailNickname"].as_str().map(str::to_owned);
    let changed = nickname.filter(|nickname| {
        replicas::facts(state, app.directory, id)
            .is_ok_and(|facts| facts.mail_nickname != *nickname)
    });
    if let Some(nickname) = &changed {
        naming::check_nickname(state, app.directory, nickname)?;
    }
    if body.get("resourceBehaviorOptions").is_some() {
        return Err(bad_request(
            "The property 'resourceBehaviorOptions' can only be set while creating a group.",
        ));
    }
    let rule = kinds::changed(body, replicas::facts(state, app.directory, id)?)?;
    let description = description(body)?;
    let visibility = body["visibility"].as_str().map(str::to_owned);
    replicas::write_group(state, app.directory, id, |facts| {
        facts.display_name = name.unwrap_or_else(|| facts.display_name.clone());
        facts.mail_nickname = changed.unwrap_or_else(|| facts.mail_nickname.clone());
        facts.description = description.unwrap_or_else(|| facts.description.clone());
        facts.visibility = visibility.unwrap_or_else(|| facts.visibility.clone());
        facts.rule = rule;
    });
    Ok(())
}

pub(super) fn delete(state: &mut State, app: &App, id: &str) -> Outcome {
    app.require(WRITE_GROUPS)?;
    let group = replicas::group_to_write(state, app, id, missing(id))?;
    let now = state.now;
    replicas::write_group(state, app.directory, group, |facts| facts.deleted = Some(now));
    Ok(Response::empty(204))
}

pub(super) fn renew(state: &mut State, app: &App, id: &str) -> Outcome {
    app.require(WRITE_GROUPS)?;
    let group = replicas::group_to_write(state, app, id, missing(id))?;
    let now = state.now;
    replicas::write_group(state, app.directory, group, |facts| facts.renewed = now);
    Ok(Response::empty(204))
}

/// Returns the description that a body sets: `null` clears it, an empty one is refused.
fn description(body: &Value) -> Result<Option<Option<String>>, Response> {
    match body.get("description") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(Some(text.clone()))),
        Some(_) => Err(invalid("description")),
    }
}

/// Position of the next page.
pub(super) struct PageToken {
    /// Replica of the page before.
    pub(super) replica: usize,
    /// Last object of the page before.
    after: Uuid,
    given: Timestamp,
}

pub(super) fn page_token(call: &Request) -> Option<PageToken> {
    let mut parts = call.query("$skiptoken")?.strip_prefix('r')?.split('.');
    let (replica, after, given) = (parts.next()?, parts.next()?, parts.next()?);
    let given = Timestamp::from_millisecond(given.parse().ok()?).ok()?;
    Some(PageToken { replica: replica.parse().ok()?, after: after.parse().ok()?, given })
}

/// Returns the call's address with another token.
pub(super) fn link(call: &Request, token: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(
        call.query
            .iter()
            .filter(|(name, _)| !["$skiptoken", "$deltatoken"].contains(&name.as_str())),
    );
    query.append_pair(token, value);
    let path: Vec<&str> =
        call.segments.iter().map(String::as_str).filter(|segment| *segment != "v1.0").collect();
    format!("{}/v1.0/{}?{}", call.base, path.join("/"), query.finish())
}
