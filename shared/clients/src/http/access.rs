//! Access: the token, deadline and urgency of calls.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::CALL_TIMEOUT;

/// Time by which every call must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Timestamp);

impl Deadline {
    /// Returns `true` if a call that starts after `pause` ends in time, even if it times out.
    pub fn leaves_time(&self, now: Timestamp, pause: Duration) -> bool {
        now + pause + CALL_TIMEOUT <= self.0
    }
}

/// Priority of calls. Graph throttles the least urgent first.
/// <https://learn.microsoft.com/graph/throttling#prioritize-requests>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Background repair.
    Low,
    /// The default. No header is sent.
    Usual,
    /// A person waits for the result.
    High,
}

/// Token and deadline of calls. Counts the calls, and collects the request ids of its writes.
#[derive(Clone)]
pub struct Access {
    pub(super) token: Option<SecretString>,
    pub(super) deadline: Deadline,
    pub(super) urgency: Urgency,
    calls: Arc<AtomicUsize>,
    request_ids: Arc<Mutex<Vec<String>>>,
    nearly_spent_until: Arc<Mutex<Option<Timestamp>>>,
}

impl Access {
    /// Returns access with a bearer token.
    pub fn with_token(token: SecretString, deadline: Deadline) -> Self {
        Self { token: Some(token), ..Self::anonymous(deadline) }
    }

    /// Returns access without a token, for the token endpoints.
    pub fn anonymous(deadline: Deadline) -> Self {
        let (calls, request_ids, nearly_spent_until) = Default::default();
        let urgency = Urgency::Usual;
        Self { token: None, deadline, urgency, calls, request_ids, nearly_spent_until }
    }

    /// Sets the urgency of the calls.
    pub fn urgent(self, urgency: Urgency) -> Self {
        Self { urgency, ..self }
    }

    /// Returns the deadline of the calls.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Returns the number of calls made with this access, repetitions included.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Returns the request ids of all writes made with this access.
    pub fn written_request_ids(&self) -> Vec<String> {
        self.request_ids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the end of the service's limit window (`RateLimit-*`) if less than 5 % of the limit
    /// is left. Later calls are not refused.
    pub fn nearly_spent_until(&self) -> Option<Timestamp> {
        *self.nearly_spent_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn record_write(&self, request_id: String) {
        self.request_ids.lock().unwrap_or_else(PoisonError::into_inner).push(request_id);
    }

    pub(super) fn record_nearly_spent(&self, until: Timestamp) {
        *self.nearly_spent_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
