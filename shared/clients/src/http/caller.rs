//! Caller of one API: retries, deadlines, and meaning of statuses.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::call::Target;
use super::error::{MAX_MESSAGE, one_line};
use super::{
    Access, Answer, Api, CALL_TIMEOUT, Call, CallError, CallFailure, Repeat, Transport,
    TransportError, Urgency, retry_after,
};
use crate::wire::can_be_json;
use domain::clock::Clock;

// SharePoint asks each app to name itself in this form.
const USER_AGENT: &str =
    concat!("ISV|WebexTeamsGroups|webex-m365-groups/", env!("CARGO_PKG_VERSION"));

/// Longest `Retry-After` that a call sleeps.
const MAX_SLEEP: Duration = Duration::from_secs(3);

/// Pauses before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Base URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an https URL (http is for this machine only)")]
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
    /// Returns a caller of `api` at `base`. `read_refusal` extracts code and message from the body
    /// of an error.
    pub fn new(
        api: Api,
        base: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        read_refusal: fn(&[u8]) -> (String, String),
    ) -> Result<Self, InvalidBaseUrl> {
        let invalid = || InvalidBaseUrl(base.into());
        let base = Url::parse(base.trim_end_matches('/')).map_err(|_| invalid())?;
        // A token in plain text may travel only inside this machine.
        let is_local = matches!(base.host_str(), Some("127.0.0.1" | "localhost"));
        if base.host_str().is_none()
            || !(base.scheme() == "https" || base.scheme() == "http" && is_local)
        {
            return Err(invalid());
        }
        Ok(Self { api, base, transport, clock, read_refusal })
    }

    /// Returns the base URL, without a trailing slash.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Returns the clock that times the calls.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Makes a call, at most three times, and never past the deadline. Renews a refused token once.
    ///
    /// # Errors
    /// Fails for every status from 300 on that the call does not accept. See [`CallError::class`].
    pub async fn call(&self, access: &Access, call: Call) -> Result<Answer, CallError> {
        let url = self.url(&call)?;
        let mut pauses = PAUSES.into_iter();
        let mut in_doubt = false;
        loop {
            let token = access.token();
            let FailedTry { mut error, retry_after } =
                match self.try_once(access, &call, &url, token.as_ref()).await {
                    Ok(answer) => return Ok(answer),
                    Err(failed) => failed,
                };
            // The answer to a repeated write says nothing about the first try, which may have
            // worked.
            error.in_doubt = in_doubt;
            if let Some(token) = token.filter(|_| error.status() == Some(401)) {
                match access.renew(&token).await {
                    // A renewed token is no repetition: the service has refused to do anything.
                    Ok(true) => continue,
                    Ok(false) => return Err(error),
                    Err(failure) => return Err(CallError { failure, ..error }),
                }
            }
            in_doubt = !error.had_no_effect();
            let Some(pause) = pauses.next().map(|pause| retry_after.unwrap_or(pause)) else {
                return Err(error);
            };
            if !can_repeat(&error.failure, call.repeat)
                // A message can wait in the queue for longer than a function should.
                || pause > MAX_SLEEP
                || !access.deadline.leaves_time(self.clock.now(), pause)
            {
                return Err(error);
            }
            self.clock.sleep(pause).await;
        }
    }

    async fn try_once(
        &self,
        access: &Access,
        call: &Call,
        url: &Url,
        token: Option<&SecretString>,
    ) -> Result<Answer, FailedTry> {
        let started = self.clock.now();
        // The lease ends a call timeout after the deadline. A later write could meet the next run.
        if !access.deadline.leaves_time(started, Duration::ZERO) {
            return Err(self.error(call, CallFailure::NoTime).into());
        }
        let request = self.request(access.urgency, call, url, token)?;
        // Before the answer: a call that gets none has used the quota, too.
        metrics::counter!(self.api.metrics().0).increment(1);
        access.record_call();
        let (api, method) = (self.api, &call.method);
        let response = self.transport.send(request, CALL_TIMEOUT).await.map_err(|error| {
            let path = call.path();
            tracing::debug!(
                event = "call_not_answered", %api, %method, path, %error,
                "the call was not answered"
            );
            self.error(call, error.into())
        })?;
        let now = self.clock.now();
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        // A placeholder: each use of this error says its own failure.
        let mut error = self.error(call, CallFailure::NoTime);
        let id = head.headers.get(api.request_id_header()).and_then(|id| id.to_str().ok());
        // The id comes from outside and is stored with the activity.
        error.request_id = id.map(|id| one_line(id, 100));
        let milliseconds = now.duration_since(started).as_millis();
        let (path, request_id) = (&error.path, &error.request_id);
        tracing::debug!(
            event = "call_answered", %api, %method, path, status, request_id, milliseconds,
            "the call was answered"
        );
        // From a refusal as well: it says just as much about the limit.
        if let Some(pause) = nearly_spent(&head.headers) {
            access.record_nearly_spent(now + pause);
        }
        let is_success = head.status.is_success();
        if (is_success || call.accepted.contains(&status)) && can_be_json(&body) {
            // Only a write's id helps later: support finds the act by it.
            if let Some(id) = request_id.clone().filter(|_| is_success && method != Method::GET) {
                access.record_write(id);
            }
            return Ok(Answer { status, headers: head.headers, body, error });
        }
        // A page of a proxy can have a successful status. Its body decides.
        let retry_after = retry_after(&head.headers, now);
        error.failure = self.failure(&head, &body, now);
        let is_throttled = matches!(error.failure, CallFailure::Throttled { .. });
        metrics::counter!(self.api.metrics().1).increment(u64::from(is_throttled));
        Err(FailedTry { error, retry_after })
    }

    /// Returns the failure of an answer that is no success.
    fn failure(&self, head: &http::response::Parts, body: &[u8], now: Timestamp) -> CallFailure {
        let status = head.status.as_u16();
        match (status, retry_after(&head.headers, now)) {
            (429, pause) => {
                let until = now + pause.unwrap_or(self.api.default_pause());
                CallFailure::Throttled { status, until }
            }
            // A short pause is slept by the caller, so only a long one is throttling.
            (423 | 503, Some(pause)) if pause > MAX_SLEEP => {
                CallFailure::Throttled { status, until: now + pause }
            }
            // A refused token needs no body, which RFC 6750 leaves out.
            (401, _) if body.is_empty() && head.headers.contains_key(header::WWW_AUTHENTICATE) => {
                self.refused(status, body)
            }
            _ => self.refusal(status, body),
        }
    }

    /// Returns the failure that the body of an error describes. A refusal of the service itself has
    /// a JSON object. Everything else can be the answer of a proxy, and says nothing about the
    /// thing or about us.
    pub fn refusal(&self, status: u16, body: &[u8]) -> CallFailure {
        // A proxy in between answers in HTML. Its 404 says nothing about a person or a group.
        let is_own = serde_json::from_slice::<Map<String, Value>>(body).is_ok();
        match status {
            400..=499 if is_own => self.refused(status, body),
            // They pass, no matter which server says it.
            408 | 423 | 424 | 500..=599 => self.refused(status, body),
            _ => {
                let start = String::from_utf8_lossy(&body[..body.len().min(MAX_MESSAGE)]);
                let why = format_args!("not an answer of the service: {start}");
                CallFailure::unreadable(status, why)
            }
        }
    }

    fn refused(&self, status: u16, body: &[u8]) -> CallFailure {
        let (code, message) = (self.read_refusal)(body);
        CallFailure::Refused {
            status,
            code: one_line(&code, 100),
            message: one_line(&message, MAX_MESSAGE),
        }
    }

    fn error(&self, call: &Call, failure: CallFailure) -> CallError {
        let method = call.method.clone();
        CallError {
            api: self.api,
            method,
            path: call.path(),
            request_id: None,
            failure,
            in_doubt: false,
        }
    }

    fn url(&self, call: &Call) -> Result<Url, CallError> {
        let invalid = |error: url::ParseError| {
            self.error(call, CallFailure::unreadable(0, format_args!("invalid URL: {error}")))
        };
        let of_path = |path: &str| Url::parse(&format!("{}{path}", self.base())).map_err(invalid);
        let mut url = match &call.target {
            Target::Path(path) => of_path(path)?,
            Target::Link { link, .. } => self.base.join(link).map_err(invalid)?,
        };
        // A link comes from outside, and the token goes wherever it leads.
        if url.origin() != self.base.origin() {
            let host = one_line(url.host_str().unwrap_or("nowhere"), 100);
            return Err(self.error(call, CallFailure::ForeignHost(host)));
        }
        // Another list of the same host would be taken for the rest of this one.
        if let Target::Link { list: Some(list), .. } = &call.target
            && !is_same_list(&of_path(list)?, &url)
        {
            let path = one_line(url.path(), 100);
            return Err(self.error(call, CallFailure::ForeignList(path)));
        }
        if !call.query.is_empty() {
            url.query_pairs_mut()
                .extend_pairs(call.query.iter().map(|(name, value)| (*name, value)));
        }
        Ok(url)
    }

    fn request(
        &self,
        urgency: Urgency,
        call: &Call,
        url: &Url,
        token: Option<&SecretString>,
    ) -> Result<http::Request<Bytes>, CallError> {
        let unsendable = |why: String| self.error(call, TransportError::NotSent(why).into());
        let mut request = http::Request::builder().method(call.method.clone()).uri(url.as_str());
        if let Some(headers) = request.headers_mut() {
            headers.extend(call.headers.clone());
            headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            let urgency = match urgency {
                Urgency::Low => Some("low"),
                Urgency::Usual => None,
                Urgency::High => Some("high"),
            };
            // Webex has no such header.
            if let Some(urgency) = urgency.filter(|_| self.api == Api::Graph) {
                headers.insert("x-ms-throttle-priority", HeaderValue::from_static(urgency));
            }
            if let Some(token) = token {
                let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
                    .map_err(|_| unsendable("the token is not a header value".into()))?;
                // Keeps the token out of debug output.
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
            }
        }
        request.body(call.body.clone()).map_err(|error| unsendable(error.to_string()))
    }
}

/// Failed try, with the pause that its answer asks for.
struct FailedTry {
    error: CallError,
    retry_after: Option<Duration>,
}

impl From<CallError> for FailedTry {
    fn from(error: CallError) -> Self {
        Self { error, retry_after: None }
    }
}

/// Returns `true` if a link stays in its list. Graph can leave out the type at the end of a path.
fn is_same_list(list: &Url, link: &Url) -> bool {
    let segments = |url: &Url| -> Vec<String> {
        // A service may spell its own path with other escapes, or in another case.
        let decoded = percent_decode_str(url.path()).decode_utf8_lossy().to_lowercase();
        let segments = decoded.split('/').filter(|segment| !segment.is_empty());
        segments
            .filter(|segment| !segment.starts_with("microsoft.graph."))
            .map(Into::into)
            .collect()
    };
    segments(list) == segments(link)
}

fn can_repeat(failure: &CallFailure, repeat: Repeat) -> bool {
    match failure {
        // Nothing has left this machine, so nothing can happen twice.
        CallFailure::Transport(TransportError::NotSent(_)) => true,
        CallFailure::Transport(TransportError::NoAnswer(_)) => repeat == Repeat::Safe,
        // A gateway can give up on a request that its server goes on with.
        CallFailure::Refused { status: 408 | 423 | 500 | 502 | 503 | 504, .. } => {
            repeat == Repeat::Safe
        }
        // Two writes at the same time: Graph dropped this one.
        CallFailure::Refused { status: 409, code, .. } => code == "Directory_ConcurrencyViolation",
        // A throttled call would count against the same limit, so it waits in the queue.
        _ => false,
    }
}

/// Returns the time to the reset of the limit if less than 5 % of it is left, at most 10 minutes.
/// Reads `RateLimit-Limit`, `-Remaining` and `-Reset` (draft 3). SharePoint sends them from 80 % of
/// its limit on.
fn nearly_spent(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let (limit, left, reset) =
        (number("ratelimit-limit")?, number("ratelimit-remaining")?, number("ratelimit-reset")?);
    // Below a twentieth, a burst of one team would meet 429.
    (left.saturating_mul(20) < limit).then_some(Duration::from_secs(reset.min(600)))
}
