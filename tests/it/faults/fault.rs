//! The faults of one call: every response that the services document, and some that they do not.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use clients::http::{CALL_TIMEOUT, TransportError};
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LINK};
use sandbox::local_stack::Backend;
use serde_json::{Value, json};
use sim::{Failure, Fault, Lie, Rows, World};

use super::outside::{Call, Callee};

/// A fault of one call.
#[derive(Clone, Debug)]
pub(super) enum CallFault {
    Service(ServiceFault),
    Storage(StorageFault),
    /// A message is delivered twice.
    DeliveredTwice,
    /// A message arrives after later ones.
    Stale,
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(sent) => write!(f, "{sent:?}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// A fault of the table, the secrets or the queue.
#[derive(Clone, Copy, Debug)]
pub(super) enum StorageFault {
    /// Throttled, or in conflict with another transaction.
    Busy,
    /// The call took effect, and the answer was lost.
    BusyAfterwards,
    /// The call took effect, its answer was lost, and the SDK's retry found the condition no longer
    /// true.
    DoneAndRefused,
}

/// A fault of a service.
#[derive(Clone, Debug)]
pub(super) enum ServiceFault {
    /// A failure that the simulated services support.
    Fails(Failure),
    /// No response until the caller times out.
    Nothing,
    /// A response after nearly the caller's timeout.
    Slowly,
    /// A malformed response, though the call took effect.
    Garbled(Garbled),
    /// A listing starts with an empty page.
    EmptyPage,
    /// A listing breaks off with this status.
    BreaksOff(u16),
    /// A response from the initial state of the story.
    Stale,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Garbled {
    /// JSON that stops in the middle.
    Truncated,
    /// A page of a proxy.
    Html,
    /// An empty body.
    Empty,
    /// A field that a later version may add.
    UnknownField,
    /// A word that a later version may use.
    UnknownWord,
}

/// A status with its header and error code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    status: u16,
    retry_after: Option<&'static str>,
    code: &'static str,
}

const fn answer(status: u16, code: &'static str) -> Answer {
    Answer { status, retry_after: None, code }
}

const fn answer_later(status: u16, retry_after: &'static str, code: &'static str) -> Answer {
    Answer { status, retry_after: Some(retry_after), code }
}

const WEBEX: [Answer; 16] = [
    answer(400, ""),
    answer(401, ""),
    answer(403, ""),
    answer(404, ""),
    answer(409, ""),
    answer(410, ""),
    answer_later(423, "20", ""),
    answer(428, ""),
    answer_later(429, "30", ""),
    answer_later(429, "700", ""),
    answer_later(429, "1", ""),
    answer(429, ""),
    answer(500, ""),
    answer(502, ""),
    answer_later(503, "5", ""),
    answer(504, ""),
];

const GRAPH: [Answer; 19] = [
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
    answer_later(429, "2.128", "TooManyRequests"),
    answer_later(429, "150", "TooManyRequests"),
    answer_later(429, "1", "TooManyRequests"),
    answer_later(429, "Mon, 23 Nov 2026 09:05:00 GMT", "TooManyRequests"),
    answer(429, "TooManyRequests"),
    answer(500, "Service_InternalServerError"),
    answer(502, "BadGateway"),
    answer_later(503, "10", "Directory_ReplicaUnavailable"),
    answer(504, "UnknownError"),
];

const ENTRA: [Answer; 6] = [
    answer(400, "invalid_client"),
    answer(400, "unauthorized_client"),
    answer_later(429, "10", "temporarily_unavailable"),
    answer_later(429, "1", "temporarily_unavailable"),
    answer(500, "server_error"),
    answer(503, "temporarily_unavailable"),
];

const BATCH: [Answer; 8] = [
    answer(400, "Request_BadRequest"),
    answer(403, "Authorization_RequestDenied"),
    answer(404, "Request_ResourceNotFound"),
    answer(409, "Directory_ConcurrencyViolation"),
    answer(424, "FailedDependency"),
    answer(429, "TooManyRequests"),
    answer_later(429, "1", "TooManyRequests"),
    answer(500, "Service_InternalServerError"),
];

impl CallFault {
    /// Returns `true` if the service answers as if all was well.
    pub(super) fn is_lie(&self) -> bool {
        matches!(self, Self::Service(ServiceFault::Fails(Failure::Lie(_))))
    }

    /// Returns all faults of such a call.
    pub(super) fn of(call: &Call) -> Vec<Self> {
        let answers: &[Answer] = match call.callee {
            Callee::Webex => &WEBEX,
            Callee::Graph => &GRAPH,
            Callee::Entra => &ENTRA,
            Callee::Table | Callee::Secrets | Callee::Queue => return Self::of_storage(call),
        };
        let mut sent: Vec<ServiceFault> = vec![
            ServiceFault::Fails(Failure::Refused),
            ServiceFault::Fails(Failure::CutBefore),
            ServiceFault::Fails(Failure::CutAfter),
            ServiceFault::Nothing,
            ServiceFault::Slowly,
            ServiceFault::Garbled(Garbled::Truncated),
            ServiceFault::Garbled(Garbled::Html),
            ServiceFault::Garbled(Garbled::Empty),
            ServiceFault::Garbled(Garbled::UnknownField),
            ServiceFault::Garbled(Garbled::UnknownWord),
        ];
        for answer in answers {
            let (headers, body) = (answer.headers(), answer.body(call.callee));
            if call.method != "GET" && answer.status >= 500 {
                sent.push(ServiceFault::Fails(Failure::StatusAfter(
                    answer.status,
                    headers.clone(),
                    body.clone(),
                )));
            }
            sent.push(ServiceFault::Fails(Failure::Status(answer.status, headers, body)));
        }
        if call.is_listing() {
            sent.extend([
                ServiceFault::EmptyPage,
                ServiceFault::BreaksOff(503),
                ServiceFault::BreaksOff(400),
                ServiceFault::BreaksOff(404),
            ]);
        }
        if call.path.ends_with("$batch") {
            let fails = |item: Answer| {
                Failure::BatchItem(item.status, item.headers(), item.body(call.callee))
            };
            sent.extend(BATCH.map(|item| ServiceFault::Fails(fails(item))));
        }
        if call.callee == Callee::Webex && call.method == "GET" {
            sent.push(ServiceFault::Stale);
        }
        sent.extend(lies_about(call).into_iter().map(|lie| ServiceFault::Fails(Failure::Lie(lie))));
        sent.into_iter().map(Self::Service).collect()
    }

    fn of_storage(call: &Call) -> Vec<Self> {
        let mut all = vec![Self::Storage(StorageFault::Busy)];
        if !call.is_read() {
            all.push(Self::Storage(StorageFault::BusyAfterwards));
        }
        match (call.callee, call.method.as_str()) {
            (Callee::Queue, _) => all.extend([Self::DeliveredTwice, Self::Stale]),
            (Callee::Table, "update on a condition" | "write on a condition") => {
                all.push(Self::Storage(StorageFault::DoneAndRefused));
            }
            _ => {}
        }
        all
    }
}

/// Returns the lies about a call: a write without effect, and a listing without all or half of its
/// rows.
fn lies_about(call: &Call) -> Vec<Lie> {
    let is_batch = call.path.ends_with("$batch");
    let is_write = is_batch || call.method != "GET" && call.callee != Callee::Entra;
    let mut lies = vec![];
    if is_write {
        lies.push(Lie::NoEffect);
    }
    if is_batch || call.is_listing() {
        lies.extend([Lie::RowsMissing(Rows::All), Lie::RowsMissing(Rows::Half(1))]);
    }
    lies
}

/// Query parameters that mark the second part of a broken listing, and the rest of a listing that
/// started empty.
const BROKEN_OFF: &str = "brokenOff";

const AFTER_EMPTY_PAGE: &str = "afterEmptyPage";

impl ServiceFault {
    /// Returns the response to a link that this module handed out.
    pub(super) fn broken_page_answer(
        request: &http::Request<Bytes>,
    ) -> Option<Result<http::Response<Bytes>, TransportError>> {
        let query = request.uri().query()?;
        let (_, status) = query.split_once(&format!("{BROKEN_OFF}="))?;
        let status = status.get(..3)?.parse().ok()?;
        let code = if status == 400 { "Directory_ExpiredPageToken" } else { "UnknownError" };
        Some(Ok(json_answer(
            status,
            &json!({"error": {"code": code, "message": code}, "message": code}),
        )))
    }

    pub(super) async fn inject(
        &self,
        backend: &Backend,
        initial_world: &World,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let services = backend.world.transport();
        match self {
            Self::Fails(failure) => {
                backend.world.inject(Fault::new(failure.clone()));
                let answer = services.send(request, timeout).await;
                backend.world.clear_faults();
                answer
            }
            Self::Nothing => {
                services.send(request, timeout).await?;
                backend.clock.advance(timeout);
                Err(TransportError::NoAnswer("injected".into()))
            }
            Self::Slowly => {
                backend.clock.advance(CALL_TIMEOUT.mul_f32(0.9));
                services.send(request, timeout).await
            }
            Self::Garbled(garbled) => Ok(garbled.apply_to(services.send(request, timeout).await?)),
            Self::EmptyPage => {
                let next = marked_link(&request, AFTER_EMPTY_PAGE, 200);
                Ok(truncated_page(services.send(request, timeout).await?, &next, |_| 0))
            }
            Self::BreaksOff(status) => {
                let next = marked_link(&request, BROKEN_OFF, *status);
                Ok(truncated_page(services.send(request, timeout).await?, &next, |items| items / 2))
            }
            Self::Stale => initial_world.transport().send(request, timeout).await,
        }
    }
}

/// Returns a link to the same listing, with a mark.
fn marked_link(request: &http::Request<Bytes>, mark: &str, status: u16) -> String {
    let separator = if request.uri().query().is_some() { '&' } else { '?' };
    format!("{}{separator}{mark}={status}", request.uri())
}

/// Keeps some of a page's items, and adds a link to the rest.
fn truncated_page(
    answer: http::Response<Bytes>,
    next: &str,
    left: fn(usize) -> usize,
) -> http::Response<Bytes> {
    let (mut parts, body) = answer.into_parts();
    let Ok(mut json) = serde_json::from_slice::<Value>(&body) else {
        return http::Response::from_parts(parts, body);
    };
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
        parts
            .headers
            .insert(LINK, HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).unwrap());
    }
    parts.headers.remove(CONTENT_LENGTH);
    http::Response::from_parts(parts, json.to_string().into())
}

fn json_answer(status: u16, body: &Value) -> http::Response<Bytes> {
    let answer = http::Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    answer.body(body.to_string().into()).unwrap()
}

impl Answer {
    fn headers(self) -> Vec<(String, String)> {
        self.retry_after.map(|seconds| ("Retry-After".into(), seconds.into())).into_iter().collect()
    }

    /// Returns the error in the service's own format.
    fn body(self, callee: Callee) -> Value {
        let (code, words) = (self.code, "A test requested this.");
        match callee {
            Callee::Webex => {
                let errors = [json!({"description": words})];
                json!({"message": words, "errors": errors, "trackingId": "ROUTER_TEST"})
            }
            Callee::Entra => {
                let words = format!("AADSTS90000: {words}");
                json!({"error": code, "error_description": words, "error_codes": [90000]})
            }
            _ => {
                let inner = json!({"request-id": "test"});
                json!({"error": {"code": code, "message": words, "innerError": inner}})
            }
        }
    }
}

impl Garbled {
    fn apply_to(self, answer: http::Response<Bytes>) -> http::Response<Bytes> {
        let (mut parts, body) = answer.into_parts();
        parts.headers.remove(CONTENT_LENGTH);
        let body = match self {
            Self::Truncated => body.slice(..body.len() / 2),
            Self::Empty => Bytes::new(),
            Self::Html => {
                parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
                Bytes::from_static(b"<!doctype html><title>Please sign in to this network</title>")
            }
            Self::UnknownField => with_each_object(&body, &|object| {
                object.insert("introducedLater".into(), json!({"kind": ["unknown"]}));
            }),
            Self::UnknownWord => with_each_object(&body, &|object| {
                const WORDS: [&str; 7] = [
                    "type",
                    "status",
                    "accountStatus",
                    "userType",
                    "visibility",
                    "event",
                    "changeType",
                ];
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

/// Returns a body with a change applied to each object in it.
fn with_each_object(body: &Bytes, how: &dyn Fn(&mut serde_json::Map<String, Value>)) -> Bytes {
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
    let Ok(mut json) = serde_json::from_slice(body) else {
        return body.clone();
    };
    walk(&mut json, how);
    json.to_string().into()
}
