//! `$batch`: up to twenty requests in one call, in parallel or in chains, with responses in any
//! order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::{App, bad_request, error, seal_error};
use crate::answer::{Handler, answer_lie};
use crate::faults::{self, Failure, Part, Strike, Struck};
use crate::record::{Item, Kind, Service, kind};
use crate::state::graph_settings::{Collisions, ThrottledBatch};
use crate::state::{Effect, State};
use crate::wire::{Outcome, Request, Response};

const MOST_ITEMS: usize = 20;

struct Entry {
    id: String,
    call: Request,
    after: Vec<String>,
    /// Has a body without the content type that it needs.
    untyped: bool,
}

pub(super) fn handle(state: &mut State, app: &App, call: &Request) -> Outcome {
    let body = call.json();
    let requests =
        body["requests"].as_array().ok_or_else(|| bad_request("Invalid batch payload format."))?;
    if requests.is_empty() || requests.len() > MOST_ITEMS {
        return Err(bad_request("Number of batch request steps must be between 1 and 20."));
    }
    let mut waiting =
        requests.iter().map(|request| entry(request, call)).collect::<Result<Vec<_>, _>>()?;
    let ids: BTreeSet<String> = waiting.iter().map(|entry| entry.id.to_ascii_lowercase()).collect();
    if ids.len() < waiting.len() {
        return Err(bad_request("Request Id values have to be unique."));
    }
    state.rng.shuffle(&mut waiting);
    let mut statuses: BTreeMap<String, u16> = BTreeMap::new();
    let mut written = BTreeSet::new();
    let mut responses = Vec::new();
    while !waiting.is_empty() {
        let ready =
            waiting.iter().position(|entry| entry.after.iter().all(|id| statuses.contains_key(id)));
        let next =
            waiting.swap_remove(ready.ok_or_else(|| bad_request("dependsOn leads nowhere."))?);
        let failed =
            next.after.iter().any(|id| statuses.get(id).is_some_and(|status| *status >= 400));
        let response = if failed {
            error(424, "FailedDependency", "A request that this one depends on has failed.")
        } else {
            item(state, app, &next, &mut written)
        };
        statuses.insert(next.id.clone(), response.status);
        state.items.push(Item {
            method: next.call.method.to_string(),
            path: next.call.target.clone(),
            status: response.status,
            kind: kind(Service::Graph, &next.call),
        });
        responses.push(item_json(state, next.id, response));
    }
    state.rng.shuffle(&mut responses);
    let throttled = statuses.values().any(|status| *status == 429);
    let status = match state.microsoft.settings.throttled_batch {
        ThrottledBatch::FailedDependency if throttled => 424,
        _ => 200,
    };
    Ok(Response::new(status, json!({ "responses": responses })))
}

fn item(state: &mut State, app: &App, entry: &Entry, written: &mut BTreeSet<String>) -> Response {
    let owner = Some(app.directory.0);
    let struck = Struck { service: Service::Graph, owner, call: &entry.call, part: Part::Item };
    let strike = faults::take(&mut state.faults, state.now, &struck);
    if let Some(Strike { what: Failure::BatchItem(status, headers, body), .. }) = strike {
        return faults::response(status, headers, body);
    }
    if entry.untyped {
        return bad_request("Write request with a body must have a Content-Type header.");
    }
    let segments = &entry.call.segments;
    let group = segments.get(1).filter(|_| segments.first().is_some_and(|of| of == "groups"));
    let parallel =
        state.microsoft.settings.collisions == Collisions::ParallelItems && entry.after.is_empty();
    if let (true, Kind::Write, Some(group)) = (parallel, kind(Service::Graph, &entry.call), group)
        && !written.insert(group.clone())
    {
        let message = "Error due to concurrent requests being made to the tenant. Please wait \
                       briefly and retry.";
        return error(409, "Directory_ConcurrencyViolation", message).with("Retry-After", "3");
    }
    match strike {
        Some(Strike { what: Failure::Lie(lie), person }) => {
            answer_lie(state, app, &entry.call, &lie, &person)
        }
        _ => app.answer(state, &entry.call),
    }
}

impl Handler for App {
    fn answer(&self, state: &mut State, request: &Request) -> Response {
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        super::handle_request(state, self, request, &segments)
    }

    fn effect(&self, _: &mut State, request: &Request) -> Option<Effect> {
        let (app, request) = (self.clone(), request.clone());
        Some(Arc::new(move |state| _ = app.answer(state, &request)))
    }

    fn already_there(&self, request: &Request) -> Response {
        super::already_there(request)
    }

    fn not_there(&self, request: &Request) -> Response {
        super::not_there(request)
    }
}

fn item_json(state: &mut State, id: String, mut response: Response) -> Value {
    let request = state.uuid().to_string();
    seal_error(&mut response, state.now, &request, &id);
    let mut headers = Map::new();
    headers.insert("request-id".into(), request.into());
    if response.body.is_some() {
        headers.insert("Content-Type".into(), "application/json".into());
    }
    headers.extend(response.headers.into_iter().map(|(name, value)| (name, value.into())));
    let mut shown = json!({"id": id, "status": response.status, "headers": headers});
    if let Some(body) = response.body.or(response.page.map(Value::String)) {
        shown["body"] = body;
    }
    shown
}

fn entry(request: &Value, outer: &Request) -> Result<Entry, Response> {
    let malformed = || bad_request("Invalid batch payload format.");
    let text =
        |key: &str| request[key].as_str().filter(|text| !text.is_empty()).ok_or_else(malformed);
    let method: Method = text("method")?.to_ascii_uppercase().parse().map_err(|_| malformed())?;
    let url = text("url")?;
    if url.contains("://") {
        return Err(bad_request("The url of a batch request is relative to the version."));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        let name: HeaderName = name.parse().map_err(|_| malformed())?;
        headers.insert(
            name,
            HeaderValue::from_str(value.as_str().unwrap_or_default()).map_err(|_| malformed())?,
        );
    }
    let body = request.get("body").filter(|body| !body.is_null());
    let untyped = body.is_some() && !headers.contains_key(http::header::CONTENT_TYPE);
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let after = request["dependsOn"].as_array().map(Vec::as_slice).unwrap_or_default();
    let after = after.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
    let mut call = Request::relative(method, url, headers, body);
    call.base = outer.base.clone();
    Ok(Entry { id: text("id")?.to_owned(), call, after, untyped })
}
