//! Access: the token, deadline and urgency of calls.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{CALL_TIMEOUT, CallError, CallFailure};

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

/// Source of another token in place of one that a service refused before its end.
#[async_trait]
pub trait Renewal: Send + Sync {
    /// Returns another token than `refused`.
    async fn renew(
        &self,
        refused: &SecretString,
        deadline: Deadline,
    ) -> Result<SecretString, RenewalError>;
}

/// Reason for a missing new token.
#[derive(Debug, Clone, PartialEq)]
pub enum RenewalError {
    /// The refused token is new already, so another one would be refused as well.
    AlreadyNew,
    /// The service grants no other token: it refuses the credential, or does not answer.
    NotGranted(CallError),
    /// No token can be had for now.
    Later(String),
}

/// Token and deadline of calls. Counts the calls, and collects the request ids of its writes.
#[derive(Clone)]
pub struct Access {
    token: Arc<Mutex<Option<SecretString>>>,
    renewal: Option<Arc<dyn Renewal>>,
    /// `true` once the token was renewed. The lock is held during a renewal.
    was_renewed: Arc<tokio::sync::Mutex<bool>>,
    pub(super) deadline: Deadline,
    pub(super) urgency: Urgency,
    // Clones count together, since a run shares its access among its calls.
    calls: Arc<AtomicUsize>,
    request_ids: Arc<Mutex<Vec<String>>>,
    nearly_spent_until: Arc<Mutex<Option<Timestamp>>>,
}

impl Access {
    /// Returns access with a bearer token.
    pub fn with_token(token: SecretString, deadline: Deadline) -> Self {
        Self { token: Arc::new(Mutex::new(Some(token))), ..Self::anonymous(deadline) }
    }

    /// Sets the source of another token if the service refuses the first one. It is asked once.
    pub fn renewed_by(self, renewal: Arc<dyn Renewal>) -> Self {
        Self { renewal: Some(renewal), ..self }
    }

    /// Returns access without a token, for the token endpoints.
    pub fn anonymous(deadline: Deadline) -> Self {
        Self {
            token: Arc::default(),
            renewal: None,
            was_renewed: Arc::default(),
            deadline,
            urgency: Urgency::Usual,
            calls: Arc::default(),
            request_ids: Arc::default(),
            nearly_spent_until: Arc::default(),
        }
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
        // Only a count: nothing else is read in its order.
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

    pub(super) fn token(&self) -> Option<SecretString> {
        // A call that panicked cannot leave half a token, so the value still counts.
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces a refused token, once. Returns `false` if there is no other token to try.
    pub(super) async fn renew(&self, refused: &SecretString) -> Result<bool, CallFailure> {
        let Some(renewal) = &self.renewal else { return Ok(false) };
        // Side by side, calls must not spend the refresh token twice.
        let mut was_renewed = self.was_renewed.lock().await;
        let is_present =
            self.token().is_some_and(|token| token.expose_secret() == refused.expose_secret());
        if !is_present {
            // A call at the same time was faster.
            return Ok(true);
        }
        // A second refusal is about the account, not about the token.
        if *was_renewed {
            return Ok(false);
        }
        // Before the attempt: if it fails, the calls that wait here must not each try again.
        *was_renewed = true;
        match renewal.renew(refused, self.deadline).await {
            Ok(token) => {
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
                Ok(true)
            }
            // Another function renewed it a moment ago, and even that one was refused.
            Err(RenewalError::AlreadyNew) => Ok(false),
            Err(RenewalError::NotGranted(error)) => Err(CallFailure::NotRenewed(Box::new(error))),
            Err(RenewalError::Later(why)) => Err(CallFailure::NoToken(why)),
        }
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
        // Everything else is, or belongs to, a secret.
        f.debug_struct("Access").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
