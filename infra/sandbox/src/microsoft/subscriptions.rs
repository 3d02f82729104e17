//! Change notifications for `/groups`: hints without a signature, some seconds late, which say little and may be lost.

use std::time::Duration;

use bytes::Bytes;
use clients::http::Transport;
use domain::ids::{DirectoryId, GroupId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{App, READ_GROUPS, bad_request, error, missing};
use crate::outbox::Mail;
use crate::wire::{Answer, Outcome, Request};
use crate::world::{State, World};

const LONGEST: SignedDuration = SignedDuration::from_mins(41_760);
/// For one app in one directory.
const MOST: usize = 100;
const HANDSHAKE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Subscription {
    directory: DirectoryId,
    resource: String,
    change_type: String,
    url: String,
    lifecycle_url: Option<String>,
    client_state: Option<String>,
    expires: Timestamp,
    /// When it was asked to be reauthorized.
    asked: Option<Timestamp>,
}

/// Asks the receiver, as Graph does while a subscription is made: 200, plain text, the token as decoded. `None` if it agrees.
pub(crate) async fn handshake(call: &Request, receiver: &dyn Transport) -> Option<Answer> {
    let body = call.json();
    for key in ["notificationUrl", "lifecycleNotificationUrl"] {
        let Some(url) = body[key].as_str() else { continue };
        let agrees = validated(url, receiver).await;
        if !agrees {
            return Some(error(400, "ValidationError", "Subscription validation request failed."));
        }
    }
    None
}

async fn validated(url: &str, receiver: &dyn Transport) -> bool {
    let token = "Validation: Testing client application reachability <for> subscription & more";
    let Ok(mut url) = url::Url::parse(url) else { return false };
    url.query_pairs_mut().append_pair("validationToken", token);
    let request = http::Request::post(url.as_str()).header(http::header::CONTENT_TYPE, "text/plain; charset=utf-8");
    let Ok(request) = request.body(Bytes::new()) else { return false };
    let Ok(answer) = receiver.send(request, HANDSHAKE).await else { return false };
    let plain = answer
        .headers()
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.to_ascii_lowercase().starts_with("text/plain")));
    answer.status() == http::StatusCode::OK && plain && answer.body() == token.as_bytes()
}

impl State {
    fn expiry(&self, body: &Value) -> Result<Timestamp, Answer> {
        let given = body["expirationDateTime"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let given = given.filter(|end| *end > self.now && *end <= self.now + LONGEST);
        given.ok_or_else(|| bad_request("Subscription expiration can only be 41760 minutes in the future."))
    }

    pub(super) fn post_subscription(&mut self, app: &App, body: &Value) -> Outcome {
        app.needs(READ_GROUPS)?;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let required = |name: &str| text(name).ok_or_else(|| bad_request(&format!("{name} is required.")));
        let (url, resource) = (required("notificationUrl")?, required("resource")?);
        let change_type = required("changeType")?;
        let expires = self.expiry(body)?;
        if resource.trim_matches('/') != "groups" || text("clientState").is_some_and(|state| state.len() > 128) {
            return Err(bad_request("The subscription is not valid here: resource groups, clientState up to 128."));
        }
        let now = self.now;
        self.microsoft.subscriptions.retain(|_, subscription| subscription.expires > now);
        let of_directory = self.microsoft.subscriptions.values().filter(|s| s.directory == app.directory);
        if of_directory.count() >= MOST {
            return Err(error(
                403,
                "ExtensionError",
                "Operation: Create; Exception: [Status Code: Forbidden; Reason: quota]",
            ));
        }
        let id = self.uuid();
        let subscription = Subscription {
            directory: app.directory,
            resource,
            change_type,
            url,
            lifecycle_url: text("lifecycleNotificationUrl"),
            client_state: text("clientState"),
            expires,
            asked: None,
        };
        let shown = shown(id, &subscription);
        self.microsoft.subscriptions.insert(id, subscription);
        Ok(Answer::new(201, shown))
    }

    pub(super) fn list_subscriptions(&self, app: &App) -> Outcome {
        let own = self.microsoft.subscriptions.iter();
        let own =
            own.filter(|(_, subscription)| subscription.directory == app.directory && subscription.expires > self.now);
        Ok(Answer::ok(json!({"value": own.map(|(id, subscription)| shown(*id, subscription)).collect::<Vec<_>>()})))
    }

    fn own_subscription(&mut self, app: &App, id: &str) -> Result<(Uuid, &mut Subscription), Answer> {
        let uuid: Uuid = id.parse().map_err(|_| missing(id))?;
        let now = self.now;
        let found = self.microsoft.subscriptions.get_mut(&uuid);
        let found = found.filter(|found| found.directory == app.directory && found.expires > now);
        Ok((uuid, found.ok_or_else(|| missing(id))?))
    }

    pub(super) fn get_subscription(&mut self, app: &App, id: &str) -> Outcome {
        let (id, subscription) = self.own_subscription(app, id)?;
        Ok(Answer::ok(shown(id, subscription)))
    }

    /// Goes on with the token of now; the end stays.
    pub(super) fn reauthorize(&mut self, app: &App, id: &str) -> Outcome {
        app.needs(READ_GROUPS)?;
        self.own_subscription(app, id)?.1.asked = None;
        Ok(Answer::empty(204))
    }

    /// Only the end can be changed; not even the clientState. It reauthorizes, too.
    pub(super) fn patch_subscription(&mut self, app: &App, id: &str, body: &Value) -> Outcome {
        let expires = self.expiry(body)?;
        let (id, subscription) = self.own_subscription(app, id)?;
        (subscription.expires, subscription.asked) = (expires, None);
        Ok(Answer::ok(shown(id, subscription)))
    }

    pub(super) fn delete_subscription(&mut self, app: &App, id: &str) -> Outcome {
        let (id, _) = self.own_subscription(app, id)?;
        self.microsoft.subscriptions.remove(&id);
        Ok(Answer::empty(204))
    }

    /// A group changed. Creation and soft deletion come as `updated`, too.
    pub(super) fn notify(&mut self, directory: DirectoryId, group: GroupId, gone: bool) {
        let change = if gone { "deleted" } else { "updated" };
        let (now, patience) = (self.now, self.microsoft.settings.reauthorize_within);
        let hearing = self.microsoft.subscriptions.iter().filter(|(_, subscription)| {
            subscription.directory == directory
                && subscription.expires > now
                && subscription.asked.is_none_or(|asked| asked + patience > now)
                && subscription.change_type.split(',').any(|wanted| wanted.trim() == change)
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
        let settings = &self.microsoft.settings;
        let mail = Mail {
            delay: settings.notification_delay,
            jitter: settings.notification_jitter,
            lost: settings.notifications_lost,
            doubled: 0,
        };
        for (id, url, body) in notes {
            self.send_out(id, &url, &body, &mail);
        }
    }

    fn send_out(&mut self, id: Uuid, url: &str, body: &Value, mail: &Mail) {
        let mut headers = http::HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json; charset=utf-8"));
        self.post_out(id, url, headers, Bytes::from(body.to_string()), mail);
    }
}

impl World {
    /// Graph asks for every subscription of the directory to be reauthorized, where it has a `lifecycleNotificationUrl`. Whoever does not answer with
    /// `reauthorize` or a renewal within [`GraphSettings::reauthorize_within`](crate::GraphSettings) hears no more.
    pub fn require_reauthorization(&self, directory: DirectoryId) {
        let mut state = self.lock();
        let now = state.now;
        let delay = state.microsoft.settings.notification_delay;
        let mail = Mail { delay, jitter: Duration::ZERO, lost: 0, doubled: 0 };
        let mut notes = Vec::new();
        for (id, subscription) in &mut state.microsoft.subscriptions {
            if subscription.directory != directory || subscription.expires <= now {
                continue;
            }
            subscription.asked = Some(now);
            let note = json!({
                "lifecycleEvent": "reauthorizationRequired",
                "subscriptionId": id,
                "subscriptionExpirationDateTime": subscription.expires.to_string(),
                "clientState": subscription.client_state,
                "tenantId": directory,
            });
            notes.extend(subscription.lifecycle_url.clone().map(|url| (*id, url, json!({ "value": [note] }))));
        }
        for (id, url, body) in notes {
            state.send_out(id, &url, &body, &mail);
        }
    }

    /// The directory's subscriptions are gone, and nobody is told.
    pub fn lose_subscriptions(&self, directory: DirectoryId) {
        self.lock().microsoft.subscriptions.retain(|_, subscription| subscription.directory != directory);
    }
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
