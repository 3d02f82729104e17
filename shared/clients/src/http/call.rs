//! One call: with what it is made, and how often it is tried.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::{LONGEST_WHY, one_line};
use super::{Api, CALL_TIMEOUT, CallError, Failure, Transport, TransportError, retry_after};
use domain::clock::Clock;

const USER_AGENT: &str = concat!("ISV|WebexTeamsGroups|webex-m365-groups/", env!("CARGO_PKG_VERSION"));

/// Longest `Retry-After` that is slept out.
const LONGEST_SLEEP: Duration = Duration::from_secs(3);

/// Pauses before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// The moment by which every call must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Timestamp);

impl Deadline {
    /// Whether a call that starts after `pause` can end in time, whatever happens to it.
    pub fn leaves_time(&self, now: Timestamp, pause: Duration) -> bool {
        now + pause + CALL_TIMEOUT <= self.0
    }
}

/// Who waits for calls. Graph throttles the least urgent first. <https://learn.microsoft.com/graph/throttling#prioritize-requests>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Nobody: repair.
    Low,
    /// Nobody in particular.
    Usual,
    /// A person, at this moment.
    High,
}

/// What calls are made with: somebody's token, and until when. Remembers what the services called its requests.
#[derive(Clone)]
pub struct Access {
    token: Option<SecretString>,
    deadline: Deadline,
    urgency: Urgency,
    request_ids: Arc<Mutex<Vec<String>>>,
    nearly_spent_until: Arc<Mutex<Option<Timestamp>>>,
}

impl Access {
    /// Calls with a bearer token.
    pub fn with_token(token: SecretString, deadline: Deadline) -> Self {
        Self { token: Some(token), ..Self::anonymous(deadline) }
    }

    /// Calls without a token: to the token endpoints.
    pub fn anonymous(deadline: Deadline) -> Self {
        let (request_ids, nearly_spent_until) = Default::default();
        Self { token: None, deadline, urgency: Urgency::Usual, request_ids, nearly_spent_until }
    }

    /// Says who waits for the calls.
    pub fn urgent(self, urgency: Urgency) -> Self {
        Self { urgency, ..self }
    }

    /// By when the calls end.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// What the services called the writes made with this so far.
    pub fn written_request_ids(&self) -> Vec<String> {
        self.request_ids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Until when next to nothing is left of a limit that the service announces (`RateLimit-*`): whoever waits until then is not refused.
    pub fn nearly_spent_until(&self) -> Option<Timestamp> {
        *self.nearly_spent_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Whether a call may be made again when nobody knows what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The second has no effect beyond the first.
    Safe,
    /// The second could do something twice.
    Unsafe,
}

/// A request as the clients write it.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    target: Target,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    body: Bytes,
    repeat: Repeat,
    accepted: &'static [u16],
}

#[derive(Debug, Clone)]
enum Target {
    /// Segments below the base URL; each is percent-encoded.
    Path(String),
    /// A whole URL that the service gave us.
    Link(String),
}

impl Call {
    /// A call to a path below the base URL, such as `/teams/x`. Segments that come from outside must be percent-encoded by the caller.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let repeat = if method == Method::POST { Repeat::Unsafe } else { Repeat::Safe };
        Self {
            method,
            target: Target::Path(path.into()),
            query: vec![],
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat,
            accepted: &[],
        }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A GET of a link that the service gave: a next page.
    pub fn follow(link: impl Into<String>) -> Self {
        Self { target: Target::Link(link.into()), ..Self::new(Method::GET, "") }
    }

    /// With a query parameter.
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// With a header whose value comes from the service, such as an eTag; one that cannot be sent is left out.
    pub fn header_value(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With a JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        // Our own types: maps with text keys, which always can be written.
        self.body = serde_json::to_vec(body).unwrap_or_default().into();
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// With a form for a body.
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = encoded.into();
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self
    }

    /// Says whether it may be made again; by default everything but a POST may.
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Takes these statuses for answers, too: their bodies say something that the caller can go by.
    pub fn accept(mut self, statuses: &'static [u16]) -> Self {
        self.accepted = statuses;
        self
    }

    fn path(&self) -> String {
        match &self.target {
            // What follows `root:` are names that people gave, which no log and no error is to hold.
            Target::Path(path) => match path.split_once("/root:/") {
                Some((drive, _)) => format!("{drive}/root:"),
                None => path.split('?').next().unwrap_or_default().into(),
            },
            Target::Link(link) => {
                Url::parse(link).map_or_else(|_| "a link".into(), |url| one_line(url.path(), LONGEST_WHY))
            }
        }
    }
}

/// A good answer: its status is below 300, or one that the call accepts.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    of: CallError,
}

impl Answer {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(error))
    }

    /// The error that says why this answer cannot be used.
    pub fn unreadable(&self, why: impl fmt::Display) -> CallError {
        CallError { failure: Failure::unreadable(self.status, why), ..self.of.clone() }
    }

    /// An error of this call with another failure, for answers that carry answers.
    pub fn failed(&self, failure: Failure) -> CallError {
        CallError { failure, ..self.of.clone() }
    }
}

/// A base URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no https URL (http is for this machine only)")]
pub struct InvalidBaseUrl(pub String);

/// Makes the calls of one API.
#[derive(Clone)]
pub struct Caller {
    api: Api,
    base: Url,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    read_refusal: fn(&[u8]) -> (String, String),
}

impl Caller {
    /// Calls `api` at `base`. `read_refusal` takes code and message out of the body of an error.
    pub fn new(
        api: Api,
        base: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        read_refusal: fn(&[u8]) -> (String, String),
    ) -> Result<Self, InvalidBaseUrl> {
        let invalid = || InvalidBaseUrl(base.into());
        let base = Url::parse(base.trim_end_matches('/')).map_err(|_| invalid())?;
        let is_local = matches!(base.host_str(), Some("127.0.0.1" | "localhost"));
        if base.host_str().is_none() || !(base.scheme() == "https" || base.scheme() == "http" && is_local) {
            return Err(invalid());
        }
        Ok(Self { api, base, transport, clock, read_refusal })
    }

    /// The base URL, without a slash at its end.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The clock that the calls go by.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Makes a call, at most three times, and never past the deadline.
    ///
    /// # Errors
    /// Everything but a status below 300; see [`CallError::class`].
    pub async fn call(&self, access: &Access, call: Call) -> Result<Answer, CallError> {
        let url = self.url(&call)?;
        let mut pauses = PAUSES.into_iter();
        let mut in_doubt = false;
        loop {
            let (mut error, asked) = match self.once(access, &call, &url).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            error.in_doubt = in_doubt;
            in_doubt = !error.had_no_effect();
            let again = match &error.failure {
                Failure::Transport(TransportError::NotSent(_)) => true,
                Failure::Transport(TransportError::NoAnswer(_)) => call.repeat == Repeat::Safe,
                Failure::Refused { status: 408 | 423 | 500 | 502 | 503 | 504, .. } => call.repeat == Repeat::Safe,
                Failure::Refused { status: 409, code, .. } => code == "Directory_ConcurrencyViolation",
                _ => false,
            };
            let Some(pause) = pauses.next().map(|pause| asked.unwrap_or(pause)) else { return Err(error) };
            if !again || pause > LONGEST_SLEEP || !access.deadline.leaves_time(self.clock.now(), pause) {
                return Err(error);
            }
            self.clock.sleep(pause).await;
        }
    }

    async fn once(&self, access: &Access, call: &Call, url: &Url) -> Result<Answer, (CallError, Option<Duration>)> {
        let started = self.clock.now();
        if !access.deadline.leaves_time(started, Duration::ZERO) {
            return Err((self.error(call, Failure::NoTime), None));
        }
        let request = self.request(access, call, url).map_err(|error| (error, None))?;
        let (calls, throttled) = self.api.metrics();
        metrics::counter!(calls).increment(1);
        let response = self.transport.send(request, CALL_TIMEOUT).await;
        let response = response.map_err(|error| {
            tracing::debug!(api = %self.api, method = %call.method, path = call.path(), %error, "call without answer");
            (self.error(call, error.into()), None)
        })?;
        let now = self.clock.now();
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let mut of = self.error(call, Failure::NoTime);
        let id = head.headers.get(self.api.request_id_header()).and_then(|id| id.to_str().ok());
        of.request_id = id.map(|id| one_line(id, 100));
        let milliseconds = now.duration_since(started).as_millis();
        tracing::debug!(api = %self.api, method = %call.method, path = of.path, status, request_id = of.request_id, milliseconds, "call");
        if let Some(pause) = nearly_spent(&head.headers) {
            *access.nearly_spent_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + pause);
        }
        if head.status.is_success() || call.accepted.contains(&status) {
            if let Some(id) = of.request_id.as_ref().filter(|_| call.method != Method::GET && head.status.is_success())
            {
                access.request_ids.lock().unwrap_or_else(PoisonError::into_inner).push(id.clone());
            }
            return Ok(Answer { status, headers: head.headers, body, of });
        }
        let asked = retry_after(&head.headers, now);
        of.failure = match (status, asked) {
            (429, _) => Failure::Throttled { status, until: now + asked.unwrap_or(self.api.default_pause()) },
            (423 | 503, Some(pause)) if pause > LONGEST_SLEEP => Failure::Throttled { status, until: now + pause },
            _ => self.refusal(status, &body),
        };
        metrics::counter!(throttled).increment(u64::from(matches!(of.failure, Failure::Throttled { .. })));
        Err((of, asked))
    }

    /// What an error's body says, as a failure.
    pub fn refusal(&self, status: u16, body: &[u8]) -> Failure {
        let (code, message) = (self.read_refusal)(body);
        Failure::Refused { status, code: one_line(&code, 100), message: one_line(&message, LONGEST_WHY) }
    }

    fn error(&self, call: &Call, failure: Failure) -> CallError {
        let method = call.method.clone();
        CallError { api: self.api, method, path: call.path(), request_id: None, failure, in_doubt: false }
    }

    fn url(&self, call: &Call) -> Result<Url, CallError> {
        let mut url = match &call.target {
            Target::Path(path) => Url::parse(&format!("{}{path}", self.base())),
            Target::Link(link) => self.base.join(link),
        }
        .map_err(|error| self.error(call, Failure::unreadable(0, format_args!("no URL: {error}"))))?;
        if url.origin() != self.base.origin() {
            let host = one_line(url.host_str().unwrap_or("nowhere"), 100);
            return Err(self.error(call, Failure::ForeignHost(host)));
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query.iter().map(|(name, value)| (*name, value)));
        }
        Ok(url)
    }

    fn request(&self, access: &Access, call: &Call, url: &Url) -> Result<http::Request<Bytes>, CallError> {
        let unsendable = |why: String| self.error(call, TransportError::NotSent(why).into());
        let mut request = http::Request::builder().method(call.method.clone()).uri(url.as_str());
        if let Some(headers) = request.headers_mut() {
            headers.extend(call.headers.clone());
            headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            let urgency = match access.urgency {
                Urgency::Low => Some("low"),
                Urgency::Usual => None,
                Urgency::High => Some("high"),
            };
            if let Some(urgency) = urgency.filter(|_| self.api == Api::Graph) {
                headers.insert("x-ms-throttle-priority", HeaderValue::from_static(urgency));
            }
            if let Some(token) = &access.token {
                let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
                    .map_err(|_| unsendable("the token is no header value".into()))?;
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
            }
        }
        request.body(call.body.clone()).map_err(|error| unsendable(error.to_string()))
    }
}

/// For how long less than a twentieth of a limit is left, as `RateLimit-Limit`, `-Remaining` and `-Reset` say it (draft 3). SharePoint sends them from four fifths of its limit on.
fn nearly_spent(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let (limit, left, reset) = (number("ratelimit-limit")?, number("ratelimit-remaining")?, number("ratelimit-reset")?);
    (left.saturating_mul(20) < limit).then_some(Duration::from_secs(reset.min(600)))
}
