//! Change notifications for `/groups`: hints without a signature, some seconds late, that may be
//! lost.

use std::time::Duration;

use bytes::Bytes;
use clients::http::Transport;
use domain::ids::{DirectoryId, GroupId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{App, READ_GROUPS, bad_request, error, missing};
use crate::state::State;
use crate::state::groups::Lifecycle;
use crate::state::microsoft::Subscription;
use crate::state::outbox::{Delivery, DeliveryRules};
use crate::wire::{Outcome, Request, Response};

const LONGEST: SignedDuration = SignedDuration::from_mins(41_760);
/// Most subscriptions of an app in one directory.
const MOST: usize = 100;
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Asks the receiver for its agreement before a subscription is created. It agrees with 200, plain
/// text, and the decoded token; then there is no error.
pub(crate) async fn handshake(call: &Request, receiver: &dyn Transport) -> Option<Response> {
    let body = call.json();
    for key in ["notificationUrl", "lifecycleNotificationUrl"] {
        let Some(url) = body[key].as_str() else {
            continue;
        };
        let agrees = validated(url, receiver).await;
        if !agrees {
            return Some(error(400, "ValidationError", "Subscription validation request failed."));
        }
    }
    None
}

async fn validated(url: &str, receiver: &dyn Transport) -> bool {
    let token = "Validation: Testing client application reachability <for> subscription & more";
    let Ok(mut url) = url::Url::parse(url) else {
        return false;
    };
    url.query_pairs_mut().append_pair("validationToken", token);
    let request = http::Request::post(url.as_str())
        .header(http::header::CONTENT_TYPE, "text/plain; charset=utf-8");
    let Ok(request) = request.body(Bytes::new()) else {
        return false;
    };
    let Ok(response) = receiver.send(request, HANDSHAKE).await else {
        return false;
    };
    let plain = response.headers().get(http::header::CONTENT_TYPE).is_some_and(|kind| {
        kind.to_str().is_ok_and(|kind| kind.to_ascii_lowercase().starts_with("text/plain"))
    });
    response.status() == http::StatusCode::OK && plain && response.body() == token.as_bytes()
}

fn expiry(state: &State, body: &Value) -> Result<Timestamp, Response> {
    let given = body["expirationDateTime"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let given = given.filter(|end| *end > state.now && *end <= state.now + LONGEST);
    given.ok_or_else(|| {
        bad_request("Subscription expiration can only be 41760 minutes in the future.")
    })
}

pub(super) fn create(state: &mut State, app: &App, body: &Value) -> Outcome {
    app.require(READ_GROUPS)?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let required =
        |name: &str| text(name).ok_or_else(|| bad_request(&format!("{name} is required.")));
    let (url, resource) = (required("notificationUrl")?, required("resource")?);
    let change_type = required("changeType")?;
    let expires = expiry(state, body)?;
    if resource.trim_matches('/') != "groups"
        || text("clientState").is_some_and(|state| state.len() > 128)
    {
        return Err(bad_request(
            "The subscription is not valid here: resource groups, clientState up to 128.",
        ));
    }
    let now = state.now;
    state.microsoft.subscriptions.retain(|_, subscription| subscription.expires > now);
    let of_directory =
        state.microsoft.subscriptions.values().filter(|s| s.directory == app.directory);
    if of_directory.count() >= MOST {
        return Err(error(
            403,
            "ExtensionError",
            "Operation: Create; Exception: [Status Code: Forbidden; Reason: quota]",
        ));
    }
    let id = state.uuid();
    let subscription = Subscription {
        directory: app.directory,
        resource,
        change_type,
        url,
        lifecycle_url: text("lifecycleNotificationUrl"),
        client_state: text("clientState"),
        expires,
        reauthorization_asked: None,
    };
    let shown = shown(id, &subscription);
    state.microsoft.subscriptions.insert(id, subscription);
    Ok(Response::new(201, shown))
}

pub(super) fn list(state: &State, app: &App) -> Outcome {
    let own = state.microsoft.subscriptions.iter();
    let own = own.filter(|(_, subscription)| {
        subscription.directory == app.directory && subscription.expires > state.now
    });
    let own: Vec<Value> = own.map(|(id, subscription)| shown(*id, subscription)).collect();
    Ok(Response::ok(json!({ "value": own })))
}

fn find_own<'s>(
    state: &'s mut State,
    app: &App,
    id: &str,
) -> Result<(Uuid, &'s mut Subscription), Response> {
    let uuid: Uuid = id.parse().map_err(|_| missing(id))?;
    let now = state.now;
    let found = state.microsoft.subscriptions.get_mut(&uuid);
    let found = found.filter(|found| found.directory == app.directory && found.expires > now);
    Ok((uuid, found.ok_or_else(|| missing(id))?))
}

pub(super) fn get(state: &mut State, app: &App, id: &str) -> Outcome {
    let (id, subscription) = find_own(state, app, id)?;
    Ok(Response::ok(shown(id, subscription)))
}

/// Reauthorizes a subscription; its expiration stays.
pub(super) fn reauthorize(state: &mut State, app: &App, id: &str) -> Outcome {
    app.require(READ_GROUPS)?;
    find_own(state, app, id)?.1.reauthorization_asked = None;
    Ok(Response::empty(204))
}

/// Changes the expiration, the only property that can change, and reauthorizes.
pub(super) fn update(state: &mut State, app: &App, id: &str, body: &Value) -> Outcome {
    let expires = expiry(state, body)?;
    let (id, subscription) = find_own(state, app, id)?;
    (subscription.expires, subscription.reauthorization_asked) = (expires, None);
    Ok(Response::ok(shown(id, subscription)))
}

pub(super) fn delete(state: &mut State, app: &App, id: &str) -> Outcome {
    let (id, _) = find_own(state, app, id)?;
    state.microsoft.subscriptions.remove(&id);
    Ok(Response::empty(204))
}

/// Notifies subscribers of a changed group. Creation and soft deletion are `updated`, too.
pub(super) fn notify(
    state: &mut State,
    directory: DirectoryId,
    group: GroupId,
    lifecycle: Lifecycle,
) {
    let change = if lifecycle == Lifecycle::Purged { "deleted" } else { "updated" };
    let (now, patience) = (state.now, state.microsoft.settings.reauthorize_within);
    let hearing = state.microsoft.subscriptions.iter().filter(|(_, subscription)| {
        subscription.directory == directory
            && subscription.expires > now
            && subscription
                .reauthorization_asked
                .is_none_or(|reauthorization_asked| reauthorization_asked + patience > now)
            && subscription.change_type.split(',').any(|listed| listed.trim() == change)
    });
    let notes: Vec<(Uuid, String, Value)> = hearing
        .map(|(id, subscription)| {
            let note = json!({
                "changeType": change,
                "clientState": subscription.client_state,
                "resource": format!("Groups/{group}"),
                "resourceData": {
                    "@odata.type": "#Microsoft.Graph.Group",
                    "@odata.id": format!("Groups/{group}"),
                    "id": group,
                    "organizationId": directory,
                },
                "subscriptionExpirationDateTime": subscription.expires.to_string(),
                "subscriptionId": id,
                "tenantId": directory,
            });
            (*id, subscription.url.clone(), json!({ "value": [note] }))
        })
        .collect();
    let settings = &state.microsoft.settings;
    let rules = DeliveryRules {
        delay: settings.notification_delay,
        jitter: settings.notification_jitter,
        lost: settings.notifications_lost,
        doubled: 0,
    };
    for (id, url, body) in notes {
        send(state, id, url, &body, &rules);
    }
}

fn send(state: &mut State, id: Uuid, url: String, body: &Value, rules: &DeliveryRules) {
    let mut headers = http::HeaderMap::new();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json; charset=utf-8"),
    );
    let (body, due) = (Bytes::from(body.to_string()), state.now);
    state.queue_delivery(Delivery { sender: id, url, headers, body, due }, rules);
}

fn shown(id: Uuid, subscription: &Subscription) -> Value {
    json!({
        "id": id,
        "resource": subscription.resource,
        "changeType": subscription.change_type,
        "notificationUrl": subscription.url,
        "lifecycleNotificationUrl": subscription.lifecycle_url,
        "clientState": subscription.client_state,
        "expirationDateTime": subscription.expires.to_string(),
    })
}

/// Asks for reauthorization of every subscription that has an address for it.
pub(crate) fn require_reauthorization(state: &mut State, directory: DirectoryId) {
    let now = state.now;
    let delay = state.microsoft.settings.notification_delay;
    let rules = DeliveryRules { delay, jitter: Duration::ZERO, lost: 0, doubled: 0 };
    let mut notes = Vec::new();
    for (id, subscription) in &mut state.microsoft.subscriptions {
        if subscription.directory != directory || subscription.expires <= now {
            continue;
        }
        subscription.reauthorization_asked = Some(now);
        let note = json!({
            "lifecycleEvent": "reauthorizationRequired",
            "subscriptionId": id,
            "subscriptionExpirationDateTime": subscription.expires.to_string(),
            "clientState": subscription.client_state,
            "tenantId": directory,
        });
        notes.extend(
            subscription.lifecycle_url.clone().map(|url| (*id, url, json!({ "value": [note] }))),
        );
    }
    for (id, url, body) in notes {
        send(state, id, url, &body, &rules);
    }
}
