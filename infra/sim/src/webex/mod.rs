//! Handlers of Webex, and the route of a call to its handler.

mod access;
mod authorize;
pub(crate) mod events;
pub(crate) mod folders;
mod ids;
mod memberships;
pub(crate) mod messages;
pub(crate) mod oauth;
pub(crate) mod people;
pub(crate) mod rooms;
mod scim;
pub(crate) mod spaces;
pub(crate) mod teams;
pub(crate) mod webhooks;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::ids::{OrgId, PersonId};
use serde_json::{Value, json};

use crate::state::webex_settings::{EmptyPages, WebexSettings};
use crate::state::{Effect, State};
use crate::wire::{Outcome, Request, Response};

/// Account and scopes of a call's token.
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
    fn require(&self, scopes: &[&str]) -> Result<(), Response> {
        if scopes.iter().any(|scope| self.has(scope)) {
            Ok(())
        } else {
            Err(error(
                403,
                &format!("The access token has none of the scopes {}.", scopes.join(", ")),
            ))
        }
    }
}

/// Returns an error as Webex words it, still without a tracking id.
pub(crate) fn error(status: u16, message: &str) -> Response {
    Response::new(status, json!({"message": message, "errors": [{"description": message}]}))
}

pub(crate) fn not_found() -> Response {
    error(404, "The requested resource could not be found.")
}

/// Adds `trackingid` to the headers, and to the body of an error.
pub(crate) fn with_ids(state: &mut State, mut response: Response) -> Response {
    let tracking = format!("SANDBOX_{}", state.uuid().hyphenated());
    if let (true, Some(Value::Object(body))) = (response.status >= 400, &mut response.body) {
        body.insert("trackingId".into(), tracking.as_str().into());
    }
    response.with("trackingid", tracking)
}

/// Returns one page of `items`, with the link to the next.
fn page(call: &Request, settings: &WebexSettings, default: usize, items: Vec<Value>) -> Response {
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
        Some(if settings.empty_pages == EmptyPages::Between {
            format!("e{end}")
        } else {
            end.to_string()
        })
    } else {
        None
    };
    let shown = if empty { Vec::new() } else { items.into_iter().take(end).skip(start).collect() };
    let response = Response::ok(json!({ "items": Value::Array(shown) }));
    let Some(next) = next else { return response };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .extend_pairs(call.query.iter().filter(|(name, _)| name != "cursor"))
        .append_pair("cursor", &next);
    let path = call.segments.join("/");
    response.with("Link", format!("<{}/{path}?{}>; rel=\"next\"", call.base, query.finish()))
}

pub(crate) fn handle(state: &mut State, call: &Request) -> Response {
    route(state, call).unwrap_or_else(|refusal| refusal)
}

fn route(state: &mut State, call: &Request) -> Outcome {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let segments = segments.strip_prefix(&["v1"]).unwrap_or(&segments);
    if call.method == http::Method::POST && segments == ["access_token"] {
        return oauth::access_token(state, call);
    }
    if ["GET", "POST"].contains(&call.method.as_str()) && segments == ["authorize"] {
        return authorize::authorize(state, call);
    }
    let caller = caller(state, call)?;
    route_as(state, &caller, call, segments)
}

/// Returns the effect of a call that its caller may make now, for later.
pub(crate) fn effect(state: &mut State, call: &Request) -> Option<Effect> {
    let (caller, call) = (caller(state, call).ok()?, call.clone());
    Some(Arc::new(move |state| {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        let segments = segments.strip_prefix(&["v1"]).unwrap_or(&segments);
        _ = route_as(state, &caller, &call, segments);
    }))
}

/// Returns the refusal of a membership that exists.
pub(crate) fn already_there() -> Response {
    error(409, "User is already a participant of the room.")
}

fn route_as(state: &mut State, caller: &Caller, call: &Request, segments: &[&str]) -> Outcome {
    match (call.method.as_str(), segments) {
        ("GET", ["people", "me"]) => people::get(state, caller, caller.person),
        ("GET", ["people", id]) => people::get(state, caller, ids::parse_person(id)?),
        ("GET", ["organizations", id]) => people::get_organization(state, caller, id),
        ("GET", ["teams"]) => teams::list(state, caller, call),
        ("POST", ["teams"]) => teams::create(state, caller, &call.json()),
        ("GET", ["teams", id]) => teams::get(state, caller, id),
        ("PUT", ["teams", id]) => teams::update(state, caller, id, &call.json()),
        ("GET", ["team", "memberships"]) => teams::list_memberships(state, caller, call),
        ("POST", ["team", "memberships"]) => teams::create_membership(state, caller, &call.json()),
        ("PUT", ["team", "memberships", id]) => {
            teams::update_membership(state, caller, id, &call.json())
        }
        ("DELETE", ["team", "memberships", id]) => teams::delete_membership(state, caller, id),
        ("GET", ["rooms"]) => rooms::list(state, caller, call),
        ("GET", ["rooms", id]) => rooms::get(state, caller, id),
        ("PUT", ["rooms", id]) => rooms::update(state, caller, id, &call.json()),
        ("DELETE", ["rooms", id]) => rooms::delete(state, caller, id),
        ("GET", ["memberships"]) => memberships::list(state, caller, call),
        ("POST", ["memberships"]) => memberships::create(state, caller, &call.json()),
        ("GET", ["memberships", id]) => memberships::get(state, caller, id),
        ("PUT", ["memberships", id]) => memberships::update(state, caller, id, &call.json()),
        ("DELETE", ["memberships", id]) => memberships::delete(state, caller, id),
        ("GET", ["room", "linkedFolders"]) => folders::list(state, caller, call),
        ("POST", ["room", "linkedFolders"]) => folders::create(state, caller, &call.json()),
        ("GET", ["room", "linkedFolders", id]) => folders::get(state, caller, id),
        ("PUT", ["room", "linkedFolders", id]) => folders::update(state, caller, id, &call.json()),
        ("DELETE", ["room", "linkedFolders", id]) => folders::delete(state, caller, id),
        ("GET", ["events"]) => events::list(state, caller, call),
        ("GET", ["webhooks"]) => webhooks::list(state, caller, call),
        ("POST", ["webhooks"]) => webhooks::create(state, caller, &call.json()),
        ("GET", ["webhooks", id]) => webhooks::get(state, caller, id),
        ("PUT", ["webhooks", id]) => webhooks::update(state, caller, id, &call.json()),
        ("DELETE", ["webhooks", id]) => webhooks::delete(state, caller, id),
        ("POST", ["messages"]) => messages::create(state, caller, &call.json()),
        ("GET", ["messages", "direct"]) => messages::list_direct(state, caller, call),
        ("GET", ["messages", id]) => messages::get(state, caller, id),
        ("DELETE", ["messages", id]) => messages::delete(state, caller, id),
        ("POST", ["attachment", "actions"]) => messages::create_action(state, caller, &call.json()),
        ("GET", ["attachment", "actions", id]) => messages::get_action(state, caller, id),
        ("GET", ["identity", "scim", org, "v2", "Users"]) => scim::list(state, caller, org, call),
        ("GET", ["identity", "scim", org, "v2", "Users", id]) => {
            scim::get(state, caller, org, id, call)
        }
        ("PATCH", ["identity", "scim", org, "v2", "Users", id]) => {
            scim::patch(state, caller, org, id, &call.json(), call)
        }
        _ => Err(not_found()),
    }
}

/// Returns the caller. Without a valid token this is 401, beyond the account's limit 429.
fn caller(state: &mut State, call: &Request) -> Result<Caller, Response> {
    let unauthorized = || {
        error(
            401,
            "The request requires a valid access token set in the Authorization request header.",
        )
    };
    let grant = call
        .token()
        .and_then(|token| state.webex.access.get(token))
        .ok_or_else(unauthorized)?
        .clone();
    let account = state.webex.accounts.get(&grant.person).filter(|account| account.active);
    let org = account.ok_or_else(unauthorized)?.org;
    if grant.until <= state.now {
        return Err(unauthorized());
    }
    let used = state.webex.used.entry(grant.person).or_default();
    let minute = jiff::SignedDuration::from_secs(60);
    while used.front().is_some_and(|at| *at + minute <= state.now) {
        used.pop_front();
    }
    if let (Some(first), true) =
        (used.front(), used.len() >= state.webex.settings.requests_per_minute)
    {
        let wait = (*first + minute).duration_since(state.now).as_secs() + 1;
        return Err(error(429, "Too many requests.").with("Retry-After", wait.to_string()));
    }
    used.push_back(state.now);
    Ok(Caller { person: grant.person, org, scopes: grant.scopes })
}
