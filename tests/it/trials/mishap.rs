//! What can go wrong with one call: every shape of answer that the services' pages tell of, and those that no page tells of.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use clients::http::{CALL_TIMEOUT, TransportError};
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LINK};
use sandbox::house::Ground;
use sandbox::{Failure, Fault, World};
use serde_json::{Value, json};

use super::reach::{Call, Whom};

/// What goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Mishap {
    Sent(Sent),
    Kept(Kept),
    /// A message is delivered twice.
    Twice,
    /// A message is overtaken by later ones.
    OutOfOrder,
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(sent) => write!(f, "{sent:?}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// What the table, the secrets and the queue do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kept {
    /// Throttled, or another transaction was at the same items.
    Busy,
    /// It took effect, and the answer was lost.
    BusyAfterwards,
    /// It took effect, its answer was lost, and the SDK's own second try found it done: the condition no longer holds.
    DoneAndRefused,
}

/// What a service sends.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    /// As the simulated services fail on demand.
    Fails(Failure),
    /// Nothing comes until the caller gives up.
    Nothing,
    /// It takes nearly as long as the caller waits.
    Slowly,
    /// An answer that is not what the service sends, though the call took effect.
    Garbled(Garbled),
    /// A listing begins with a page on which nobody is.
    EmptyPage,
    /// A listing ends in the middle, with this.
    BreaksOff(u16),
    /// What was so when the story began.
    Stale,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Garbled {
    /// JSON that stops in the middle.
    Truncated,
    /// A page of some proxy.
    Html,
    /// Nothing at all.
    Empty,
    /// What a later version may say more.
    UnknownField,
    /// What a later version may say instead.
    UnknownWord,
}

/// A status with what comes beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    status: u16,
    retry_after: Option<&'static str>,
    code: &'static str,
}

const fn answer(status: u16, code: &'static str) -> Answer {
    Answer { status, retry_after: None, code }
}

const fn later(status: u16, retry_after: &'static str, code: &'static str) -> Answer {
    Answer { status, retry_after: Some(retry_after), code }
}

const WEBEX: [Answer; 15] = [
    answer(400, ""),
    answer(401, ""),
    answer(403, ""),
    answer(404, ""),
    answer(409, ""),
    answer(410, ""),
    later(423, "20", ""),
    answer(428, ""),
    later(429, "30", ""),
    later(429, "700", ""),
    answer(429, ""),
    answer(500, ""),
    answer(502, ""),
    later(503, "5", ""),
    answer(504, ""),
];

const GRAPH: [Answer; 18] = [
    answer(400, "Request_BadRequest"),
    answer(401, "InvalidAuthenticationToken"),
    answer(403, "Authorization_RequestDenied"),
    answer(404, "Request_ResourceNotFound"),
    answer(409, "Directory_ConcurrencyViolation"),
    answer(410, "Gone"),
    answer(412, "PreconditionFailed"),
    answer(422, "Request_UnprocessableEntity"),
    answer(423, "ResourceLocked"),
    answer(424, "FailedDependency"),
    later(429, "2.128", "TooManyRequests"),
    later(429, "150", "TooManyRequests"),
    later(429, "Mon, 23 Nov 2026 09:05:00 GMT", "TooManyRequests"),
    answer(429, "TooManyRequests"),
    answer(500, "Service_InternalServerError"),
    answer(502, "BadGateway"),
    later(503, "10", "Directory_ReplicaUnavailable"),
    answer(504, "UnknownError"),
];

const ENTRA: [Answer; 5] = [
    answer(400, "invalid_client"),
    answer(400, "unauthorized_client"),
    later(429, "10", "temporarily_unavailable"),
    answer(500, "server_error"),
    answer(503, "temporarily_unavailable"),
];

const BATCH: [Answer; 7] = [
    answer(400, "Request_BadRequest"),
    answer(403, "Authorization_RequestDenied"),
    answer(404, "Request_ResourceNotFound"),
    answer(409, "Directory_ConcurrencyViolation"),
    answer(424, "FailedDependency"),
    answer(429, "TooManyRequests"),
    answer(500, "Service_InternalServerError"),
];

impl Mishap {
    /// All that can happen to such a call.
    pub(super) fn of(call: &Call) -> Vec<Self> {
        let answers: &[Answer] = match call.whom {
            Whom::Webex => &WEBEX,
            Whom::Graph => &GRAPH,
            Whom::Entra => &ENTRA,
            Whom::Table | Whom::Secrets | Whom::Queue => return Self::of_own(call),
        };
        let mut sent: Vec<Sent> = vec![
            Sent::Fails(Failure::Refused),
            Sent::Fails(Failure::CutBefore),
            Sent::Fails(Failure::CutAfter),
            Sent::Nothing,
            Sent::Slowly,
            Sent::Garbled(Garbled::Truncated),
            Sent::Garbled(Garbled::Html),
            Sent::Garbled(Garbled::Empty),
            Sent::Garbled(Garbled::UnknownField),
            Sent::Garbled(Garbled::UnknownWord),
        ];
        for answer in answers {
            let (headers, body) = (answer.headers(), answer.body(call.whom));
            if call.method != "GET" && answer.status >= 500 {
                sent.push(Sent::Fails(Failure::StatusAfter(answer.status, headers.clone(), body.clone())));
            }
            sent.push(Sent::Fails(Failure::Status(answer.status, headers, body)));
        }
        if call.is_listing() {
            sent.extend([Sent::EmptyPage, Sent::BreaksOff(503), Sent::BreaksOff(400), Sent::BreaksOff(404)]);
        }
        if call.path.ends_with("$batch") {
            let fails = |item: Answer| Failure::BatchItem(item.status, item.headers(), item.body(call.whom));
            sent.extend(BATCH.map(|item| Sent::Fails(fails(item))));
        }
        if call.whom == Whom::Webex && call.method == "GET" {
            sent.push(Sent::Stale);
        }
        sent.into_iter().map(Self::Sent).collect()
    }

    fn of_own(call: &Call) -> Vec<Self> {
        let mut all = vec![Self::Kept(Kept::Busy)];
        if !call.only_reads() {
            all.push(Self::Kept(Kept::BusyAfterwards));
        }
        match (call.whom, call.method.as_str()) {
            (Whom::Queue, _) => all.extend([Self::Twice, Self::OutOfOrder]),
            (Whom::Table, "update on a condition" | "write on a condition") => {
                all.push(Self::Kept(Kept::DoneAndRefused));
            }
            _ => {}
        }
        all
    }
}

/// What leads to the second part of a listing that breaks off there, and back to a listing that began empty.
const BROKEN: &str = "brokenOff";
const WHOLE: &str = "afterNobody";

impl Sent {
    /// What answers a call whose link we gave out.
    pub(super) fn goes_on(request: &http::Request<Bytes>) -> Option<Result<http::Response<Bytes>, TransportError>> {
        let query = request.uri().query()?;
        let (_, status) = query.split_once(&format!("{BROKEN}="))?;
        let status = status.get(..3)?.parse().ok()?;
        let code = if status == 400 { "Directory_ExpiredPageToken" } else { "UnknownError" };
        Some(Ok(answered(status, &json!({"error": {"code": code, "message": code}, "message": code}))))
    }

    pub(super) async fn strike(
        &self,
        ground: &Ground,
        at_first: &World,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let services = ground.world.transport();
        match self {
            Self::Fails(failure) => {
                ground.world.fault(Fault::new(failure.clone()));
                let answer = services.send(request, timeout).await;
                ground.world.clear_faults();
                answer
            }
            Self::Nothing => {
                services.send(request, timeout).await?;
                ground.clock.advance(timeout);
                Err(TransportError::NoAnswer("struck".into()))
            }
            Self::Slowly => {
                ground.clock.advance(CALL_TIMEOUT.mul_f32(0.9));
                services.send(request, timeout).await
            }
            Self::Garbled(garbled) => Ok(garbled.made(services.send(request, timeout).await?)),
            Self::EmptyPage => {
                let next = onwards(&request, WHOLE, 200);
                Ok(listed(services.send(request, timeout).await?, &next, |_| 0))
            }
            Self::BreaksOff(status) => {
                let next = onwards(&request, BROKEN, *status);
                Ok(listed(services.send(request, timeout).await?, &next, |items| items / 2))
            }
            Self::Stale => at_first.transport().send(request, timeout).await,
        }
    }
}

/// A link to the same listing, with a mark.
fn onwards(request: &http::Request<Bytes>, mark: &str, status: u16) -> String {
    let separator = if request.uri().query().is_some() { '&' } else { '?' };
    format!("{}{separator}{mark}={status}", request.uri())
}

/// So many of a page's items, and a link to the rest.
fn listed(answer: http::Response<Bytes>, next: &str, left: fn(usize) -> usize) -> http::Response<Bytes> {
    let (mut parts, body) = answer.into_parts();
    let Ok(mut json) = serde_json::from_slice::<Value>(&body) else { return http::Response::from_parts(parts, body) };
    for name in ["items", "value", "Resources"] {
        if let Some(items) = json.get_mut(name).and_then(Value::as_array_mut) {
            items.truncate(left(items.len()));
        }
    }
    if json.get("value").is_some() {
        if let Some(object) = json.as_object_mut() {
            object.remove("@odata.deltaLink");
            object.insert("@odata.nextLink".into(), next.into());
        }
    } else {
        parts.headers.insert(LINK, HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).unwrap());
    }
    parts.headers.remove(CONTENT_LENGTH);
    http::Response::from_parts(parts, json.to_string().into())
}

fn answered(status: u16, body: &Value) -> http::Response<Bytes> {
    let answer = http::Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    answer.body(body.to_string().into()).unwrap()
}

impl Answer {
    fn headers(self) -> Vec<(String, String)> {
        self.retry_after.map(|later| ("Retry-After".into(), later.into())).into_iter().collect()
    }

    /// In the words of whoever answers.
    fn body(self, whom: Whom) -> Value {
        let (code, words) = (self.code, "This is what a test wants.");
        match whom {
            Whom::Webex => json!({"message": words, "errors": [{"description": words}], "trackingId": "ROUTER_TEST"}),
            Whom::Entra => {
                json!({"error": code, "error_description": format!("AADSTS90000: {words}"), "error_codes": [90000]})
            }
            _ => json!({"error": {"code": code, "message": words, "innerError": {"request-id": "test"}}}),
        }
    }
}

impl Garbled {
    fn made(self, answer: http::Response<Bytes>) -> http::Response<Bytes> {
        let (mut parts, body) = answer.into_parts();
        parts.headers.remove(CONTENT_LENGTH);
        let body = match self {
            Self::Truncated => body.slice(..body.len() / 2),
            Self::Empty => Bytes::new(),
            Self::Html => {
                parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
                Bytes::from_static(b"<!doctype html><title>Please sign in to this network</title>")
            }
            Self::UnknownField => changed(&body, &|object| {
                object.insert("introducedLater".into(), json!({"kind": ["unknown"]}));
            }),
            Self::UnknownWord => changed(&body, &|object| {
                const WORDS: [&str; 7] =
                    ["type", "status", "accountStatus", "userType", "visibility", "event", "changeType"];
                for (name, value) in object.iter_mut() {
                    if WORDS.contains(&name.as_str()) && value.is_string() {
                        *value = "introducedLater".into();
                    }
                }
            }),
        };
        http::Response::from_parts(parts, body)
    }
}

/// A body with something done to each object in it.
fn changed(body: &Bytes, how: &dyn Fn(&mut serde_json::Map<String, Value>)) -> Bytes {
    fn walk(value: &mut Value, how: &dyn Fn(&mut serde_json::Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                object.values_mut().for_each(|value| walk(value, how));
                how(object);
            }
            Value::Array(items) => items.iter_mut().for_each(|value| walk(value, how)),
            _ => {}
        }
    }
    let Ok(mut json) = serde_json::from_slice(body) else { return body.clone() };
    walk(&mut json, how);
    json.to_string().into()
}
