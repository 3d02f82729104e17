//! Webhooks: the registry, the recipients of a change, and the signature.

use bytes::Bytes;
use domain::ids::{PersonId, RoomId};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha1::Sha1;
use uuid::Uuid;

use super::{Caller, error, ids, not_found, page};
use crate::state::State;
use crate::state::outbox::{Delivery, DeliveryRules};
use crate::state::webex::{Change, Webhook};
use crate::state::webex_settings::OrgWebhooks;
use crate::wire::{Outcome, Request, Response};

/// Number of failures within [`FAILURE_WINDOW`] that disables a webhook.
const FAILURES: usize = 100;
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// Queues a notification for every webhook that covers this room.
pub(super) fn announce(
    state: &mut State,
    resource: &str,
    change: Change,
    room: RoomId,
    actor: PersonId,
    data: Value,
) {
    let Some(entry) = state.webex.rooms.get(&room) else {
        return;
    };
    let (owner, member) = (entry.owner, |person: &PersonId| entry.memberships.contains_key(person));
    let room_id = state.webex.room_id(room);
    let hearing = state.webex.webhooks.iter().filter(|(_, webhook)| {
        webhook.active
            && webhook.resource == resource
            && (webhook.event == "all" || webhook.event == change.name())
            && if webhook.org_wide { webhook.org == owner } else { member(&webhook.owner) }
            && webhook.filter.as_ref().is_none_or(|filter| *filter == format!("roomId={room_id}"))
            // A webhook for created rooms covers only the owner's own.
            && (resource != "rooms" || change != Change::Created || webhook.owner == actor)
    });
    let hearing: Vec<Uuid> = hearing.map(|(id, _)| *id).collect();
    for webhook in hearing {
        send(state, webhook, change, actor, &data);
    }
}

/// Queues a notification for an account's own webhooks.
pub(super) fn announce_to(
    state: &mut State,
    person: PersonId,
    resource: &str,
    actor: PersonId,
    data: &Value,
) {
    let hearing = state.webex.webhooks.iter().filter(|(_, webhook)| {
        webhook.active
            && webhook.owner == person
            && webhook.resource == resource
            && webhook.event != "deleted"
    });
    let hearing: Vec<Uuid> = hearing.map(|(id, _)| *id).collect();
    for webhook in hearing {
        send(state, webhook, Change::Created, actor, data);
    }
}

fn send(state: &mut State, id: Uuid, change: Change, actor: PersonId, data: &Value) {
    let Some(webhook) = state.webex.webhooks.get(&id) else {
        return;
    };
    let mut body = webhook_json(id, webhook);
    if let Some(body) = body.as_object_mut() {
        body.remove("secret");
        body.insert("event".into(), change.name().into());
        body.insert("orgId".into(), ids::org_id(webhook.org).into());
        body.insert("createdBy".into(), ids::person_id(webhook.owner).into());
        body.insert(
            "appId".into(),
            ids::encode("us", "APPLICATION", &state.webex.app.client_id).into(),
        );
        body.insert("actorId".into(), ids::person_id(actor).into());
        body.insert("data".into(), data.clone());
    }
    let body = Bytes::from(body.to_string());
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    if let Some(signature) = webhook.secret.as_deref().and_then(|secret| sign(secret, &body)) {
        headers.insert("x-spark-signature", signature);
    }
    let url = webhook.target.clone();
    let settings = &state.webex.settings;
    let rules = DeliveryRules {
        delay: settings.delivery_delay,
        jitter: settings.delivery_jitter,
        lost: settings.deliveries_lost,
        doubled: settings.deliveries_doubled,
    };
    let due = state.now;
    state.queue_delivery(Delivery { sender: id, url, headers, body, due }, &rules);
}

pub(crate) fn delivery_failed(state: &mut State, id: Uuid) {
    let now = state.now;
    let Some(webhook) = state.webex.webhooks.get_mut(&id) else {
        return;
    };
    webhook.failures.retain(|at| *at + FAILURE_WINDOW > now);
    webhook.failures.push(now);
    if webhook.failures.len() >= FAILURES
        || webhook.probation_until.is_some_and(|until| now < until)
    {
        webhook.active = false;
    }
}

pub(super) fn list(state: &State, caller: &Caller, call: &Request) -> Outcome {
    let org_wide = call.query("ownedBy") == Some("org");
    let own = state.webex.webhooks.iter().filter(|(_, webhook)| {
        if org_wide {
            webhook.org_wide && webhook.org == caller.org
        } else {
            webhook.owner == caller.person && !webhook.org_wide
        }
    });
    let items = own.map(|(id, webhook)| webhook_json(*id, webhook)).collect();
    Ok(page(call, &state.webex.settings, 100, items))
}

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Outcome {
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let required =
        |name: &str| text(name).ok_or_else(|| error(400, &format!("{name} is required.")));
    let (name, target) = (required("name")?, required("targetUrl")?);
    let (resource, event) = (required("resource")?, required("event")?);
    let scopes: &[&str] = match resource {
        "rooms" => &["spark:rooms_read"],
        "memberships" => &["spark:memberships_read"],
        "messages" | "attachmentActions" => &["spark:messages_read"],
        _ => return Err(error(400, &format!("There is no resource {resource}."))),
    };
    let events: &[&str] = match resource {
        "rooms" => &["created", "updated", "migrated", "all"],
        "attachmentActions" => &["created", "all"],
        _ => &["created", "updated", "deleted", "all"],
    };
    if !events.contains(&event) {
        return Err(error(400, &format!("{resource} has no event {event}.")));
    }
    if url::Url::parse(target).is_err() {
        return Err(error(400, "targetUrl is not a URL."));
    }
    caller.require(scopes)?;
    let org_wide = text("ownedBy") == Some("org");
    let settings = &state.webex.settings;
    let granted = match resource {
        "memberships" => settings.org_webhooks,
        "rooms" => settings.org_room_webhooks,
        _ => OrgWebhooks::Granted,
    };
    if org_wide && granted == OrgWebhooks::Refused {
        return Err(error(
            403,
            &format!("An organization-wide webhook is not available for {resource}."),
        ));
    }
    let webhook = Webhook {
        name: name.into(),
        target: target.into(),
        resource: resource.into(),
        event: event.into(),
        filter: text("filter").map(str::to_owned),
        secret: text("secret").map(str::to_owned),
        org_wide,
        active: true,
        owner: caller.person,
        org: caller.org,
        created: state.now,
        failures: Vec::new(),
        probation_until: None,
    };
    let id = state.uuid();
    let shown = webhook_json(id, &webhook);
    state.webex.webhooks.insert(id, webhook);
    Ok(Response::ok(shown))
}

fn find_own<'s>(
    state: &'s mut State,
    caller: &Caller,
    id: &str,
) -> Result<(Uuid, &'s mut Webhook), Response> {
    let id = ids::uuid_of(id, "WEBHOOK")?;
    let webhook =
        state.webex.webhooks.get_mut(&id).filter(|webhook| webhook.owner == caller.person);
    Ok((id, webhook.ok_or_else(not_found)?))
}

pub(super) fn get(state: &mut State, caller: &Caller, id: &str) -> Outcome {
    let (id, webhook) = find_own(state, caller, id)?;
    Ok(Response::ok(webhook_json(id, webhook)))
}

pub(super) fn update(state: &mut State, caller: &Caller, id: &str, body: &Value) -> Outcome {
    let now = state.now;
    let (id, webhook) = find_own(state, caller, id)?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    webhook.name = text("name").unwrap_or_else(|| webhook.name.clone());
    webhook.target = text("targetUrl").unwrap_or_else(|| webhook.target.clone());
    webhook.secret = text("secret").or_else(|| webhook.secret.clone());
    if body["status"] == "active" && !webhook.active {
        webhook.active = true;
        webhook.failures.clear();
        webhook.probation_until = Some(now + FAILURE_WINDOW);
    }
    Ok(Response::ok(webhook_json(id, webhook)))
}

pub(super) fn delete(state: &mut State, caller: &Caller, id: &str) -> Outcome {
    let (id, _) = find_own(state, caller, id)?;
    state.webex.webhooks.remove(&id);
    Ok(Response::empty(204))
}

fn webhook_json(id: Uuid, webhook: &Webhook) -> Value {
    let mut shown = json!({
        "id": ids::encode("us", "WEBHOOK", id),
        "name": webhook.name,
        "targetUrl": webhook.target,
        "resource": webhook.resource,
        "event": webhook.event,
        "status": if webhook.active { "active" } else { "inactive" },
        "created": format!("{:.3}", webhook.created),
        "ownedBy": if webhook.org_wide { "org" } else { "creator" },
    });
    if let Some(filter) = &webhook.filter {
        shown["filter"] = filter.as_str().into();
    }
    if let Some(secret) = &webhook.secret {
        shown["secret"] = secret.as_str().into();
    }
    shown
}

/// Returns the HMAC-SHA1 of a body in lower-case hexadecimal, as `X-Spark-Signature` has it.
pub fn sign(secret: &str, body: &[u8]) -> Option<http::HeaderValue> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body);
    let hex: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    hex.parse().ok()
}
