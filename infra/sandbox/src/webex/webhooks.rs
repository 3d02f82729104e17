//! Webhooks: the registry, who hears of what, and how it is signed.

use bytes::Bytes;
use domain::ids::{OrgId, PersonId, RoomId};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha1::Sha1;
use uuid::Uuid;

use super::events::Change;
use super::{Caller, OrgWebhooks, ids, not_found, page, refused};
use crate::outbox::Mail;
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

/// So many failures within [`FAILURE_WINDOW`] disable a webhook.
const FAILURES: usize = 100;
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_mins(5);

#[derive(Clone)]
pub(super) struct Webhook {
    name: String,
    target: String,
    resource: String,
    event: String,
    filter: Option<String>,
    secret: Option<String>,
    org_wide: bool,
    active: bool,
    owner: PersonId,
    org: OrgId,
    created: Timestamp,
    failures: Vec<Timestamp>,
    /// Until then one failure disables it again.
    on_probation: Option<Timestamp>,
}

impl State {
    /// Queues a notification for every webhook that hears of this room.
    pub(super) fn announce(&mut self, resource: &str, change: Change, room: RoomId, actor: PersonId, data: Value) {
        let Some(entry) = self.webex.rooms.get(&room) else { return };
        let (owner, seated) = (entry.owner, |person: &PersonId| entry.seats.contains_key(person));
        let room_id = self.webex.of_room(room);
        let hearing = self.webex.webhooks.iter().filter(|(_, webhook)| {
            webhook.active
                && webhook.resource == resource
                && (webhook.event == "all" || webhook.event == change.name())
                && if webhook.org_wide { webhook.org == owner } else { seated(&webhook.owner) }
                && webhook.filter.as_ref().is_none_or(|filter| *filter == format!("roomId={room_id}"))
                // "Created" rooms are one's own only.
                && (resource != "rooms" || change != Change::Created || webhook.owner == actor)
        });
        let hearing: Vec<Uuid> = hearing.map(|(id, _)| *id).collect();
        for webhook in hearing {
            self.post_webhook_out(webhook, change, actor, &data);
        }
    }

    /// Queues one notification for those webhooks of an account.
    pub(super) fn announce_to(&mut self, person: PersonId, resource: &str, actor: PersonId, data: &Value) {
        let hearing = self.webex.webhooks.iter().filter(|(_, webhook)| {
            webhook.active && webhook.owner == person && webhook.resource == resource && webhook.event != "deleted"
        });
        let hearing: Vec<Uuid> = hearing.map(|(id, _)| *id).collect();
        for webhook in hearing {
            self.post_webhook_out(webhook, Change::Created, actor, data);
        }
    }

    fn post_webhook_out(&mut self, id: Uuid, change: Change, actor: PersonId, data: &Value) {
        let Some(webhook) = self.webex.webhooks.get(&id) else { return };
        let mut body = webhook_json(id, webhook);
        if let Some(body) = body.as_object_mut() {
            body.remove("secret");
            body.insert("event".into(), change.name().into());
            body.insert("orgId".into(), ids::of_org(webhook.org).into());
            body.insert("createdBy".into(), ids::of_person(webhook.owner).into());
            body.insert("appId".into(), ids::encode("us", "APPLICATION", &self.webex.app.client_id).into());
            body.insert("actorId".into(), ids::of_person(actor).into());
            body.insert("data".into(), data.clone());
        }
        let body = Bytes::from(body.to_string());
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        if let Some(signature) = webhook.secret.as_deref().and_then(|secret| sign(secret, &body)) {
            headers.insert("x-spark-signature", signature);
        }
        let url = webhook.target.clone();
        let settings = &self.webex.settings;
        let mail = Mail {
            delay: settings.delivery_delay,
            jitter: settings.delivery_jitter,
            lost: settings.deliveries_lost,
            doubled: settings.deliveries_doubled,
        };
        self.post_out(id, &url, headers, body, &mail);
    }

    pub(crate) fn delivery_failed(&mut self, id: Uuid) {
        let now = self.now;
        let Some(webhook) = self.webex.webhooks.get_mut(&id) else { return };
        webhook.failures.retain(|at| *at + FAILURE_WINDOW > now);
        webhook.failures.push(now);
        if webhook.failures.len() >= FAILURES || webhook.on_probation.is_some_and(|until| now < until) {
            webhook.active = false;
        }
    }

    pub(super) fn list_webhooks(&self, caller: &Caller, call: &Request) -> Outcome {
        let org_wide = call.query("ownedBy") == Some("org");
        let own = self.webex.webhooks.iter().filter(|(_, webhook)| {
            if org_wide {
                webhook.org_wide && webhook.org == caller.org
            } else {
                webhook.owner == caller.person && !webhook.org_wide
            }
        });
        let items = own.map(|(id, webhook)| webhook_json(*id, webhook)).collect();
        Ok(page(call, &self.webex.settings, 100, items))
    }

    pub(super) fn post_webhook(&mut self, caller: &Caller, body: &Value) -> Outcome {
        let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
        let required = |name: &str| text(name).ok_or_else(|| refused(400, &format!("{name} is required.")));
        let (name, target) = (required("name")?, required("targetUrl")?);
        let (resource, event) = (required("resource")?, required("event")?);
        let scopes: &[&str] = match resource {
            "rooms" => &["spark:rooms_read"],
            "memberships" => &["spark:memberships_read"],
            "messages" | "attachmentActions" => &["spark:messages_read"],
            _ => return Err(refused(400, &format!("There is no resource {resource}."))),
        };
        let events: &[&str] = match resource {
            "rooms" => &["created", "updated", "migrated", "all"],
            "attachmentActions" => &["created", "all"],
            _ => &["created", "updated", "deleted", "all"],
        };
        if !events.contains(&event) {
            return Err(refused(400, &format!("{resource} has no event {event}.")));
        }
        if url::Url::parse(target).is_err() {
            return Err(refused(400, "targetUrl is not a URL."));
        }
        caller.needs(scopes)?;
        let org_wide = text("ownedBy") == Some("org");
        let settings = &self.webex.settings;
        let granted = match resource {
            "memberships" => settings.org_webhooks,
            "rooms" => settings.org_room_webhooks,
            _ => OrgWebhooks::Granted,
        };
        if org_wide && granted == OrgWebhooks::Refused {
            return Err(refused(403, &format!("An organization-wide webhook is not available for {resource}.")));
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
            created: self.now,
            failures: Vec::new(),
            on_probation: None,
        };
        let id = self.uuid();
        let shown = webhook_json(id, &webhook);
        self.webex.webhooks.insert(id, webhook);
        Ok(Answer::ok(shown))
    }

    fn own_webhook(&mut self, caller: &Caller, id: &str) -> Result<(Uuid, &mut Webhook), Answer> {
        let id = ids::uuid_of(id, "WEBHOOK")?;
        let webhook = self.webex.webhooks.get_mut(&id).filter(|webhook| webhook.owner == caller.person);
        Ok((id, webhook.ok_or_else(not_found)?))
    }

    pub(super) fn get_webhook(&mut self, caller: &Caller, id: &str) -> Outcome {
        let (id, webhook) = self.own_webhook(caller, id)?;
        Ok(Answer::ok(webhook_json(id, webhook)))
    }

    pub(super) fn put_webhook(&mut self, caller: &Caller, id: &str, body: &Value) -> Outcome {
        let now = self.now;
        let (id, webhook) = self.own_webhook(caller, id)?;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        webhook.name = text("name").unwrap_or_else(|| webhook.name.clone());
        webhook.target = text("targetUrl").unwrap_or_else(|| webhook.target.clone());
        webhook.secret = text("secret").or_else(|| webhook.secret.clone());
        if body["status"] == "active" && !webhook.active {
            webhook.active = true;
            webhook.failures.clear();
            webhook.on_probation = Some(now + FAILURE_WINDOW);
        }
        Ok(Answer::ok(webhook_json(id, webhook)))
    }

    pub(super) fn delete_webhook(&mut self, caller: &Caller, id: &str) -> Outcome {
        let (id, _) = self.own_webhook(caller, id)?;
        self.webex.webhooks.remove(&id);
        Ok(Answer::empty(204))
    }
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

/// Lower-case hexadecimal HMAC-SHA1 of the body.
pub(crate) fn sign(secret: &str, body: &[u8]) -> Option<http::HeaderValue> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    hex.parse().ok()
}
