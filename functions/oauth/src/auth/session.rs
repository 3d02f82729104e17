//! Sessions of administrators.
//!
//! # Guarantees
//! The browser has a random token, the table only its hash. A session ends 30 minutes after its
//! last page, 8 hours after it began, on sign-out, and when an administrator ends all sessions of
//! the organization.

use domain::ids::{OrgId, PersonId};
use engine::tenant::organization::{self, Organization};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use store::table::{
    Change, Condition, EXPIRES_AT, Key, Store, StoreError, Write, from_item, milliseconds, moment,
    to_item, to_value,
};

use crate::auth::random;
use crate::auth::types::{PendingConsent, StepUp};
use crate::http::error::Failure;

/// A session ends this long after its last page.
pub(crate) const IDLE: SignedDuration = SignedDuration::from_mins(30);

/// A session ends this long after it began.
pub(crate) const LONGEST: SignedDuration = SignedDuration::from_hours(8);

/// The time of the last page is stored this exactly, which saves writes.
const EXACT_TO: SignedDuration = SignedDuration::from_mins(1);

/// A session of an administrator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Hash of the browser's token.
    pub(crate) hash: String,
    pub(crate) org: OrgId,
    pub(crate) person: PersonId,
    pub(crate) name: String,
    /// The token that every form of this session carries.
    pub(crate) csrf: String,
    generation: u64,
    #[serde(with = "milliseconds")]
    began: Timestamp,
    #[serde(with = "milliseconds")]
    seen: Timestamp,
    /// The consent that is under way, until it is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<PendingConsent>,
    /// The last step-up authentication; [`Admin::step_up`](super::admin::Admin::step_up) says if
    /// it is still valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step_up: Option<StepUp>,
}

/// An administrator as Webex names them.
pub(crate) struct SignedInPerson {
    pub(crate) person: PersonId,
    pub(crate) name: String,
}

fn key(hash: &str) -> Key {
    Key::new(format!("SESSION#{hash}"), "-")
}

fn end(began: Timestamp, seen: Timestamp) -> AttributeValue {
    AttributeValue::N((seen + IDLE).min(began + LONGEST).as_second().to_string())
}

impl Session {
    /// Begins a session; returns the token for the browser.
    pub(crate) async fn begin(
        store: &dyn Store,
        organization: &Organization,
        who: SignedInPerson,
        now: Timestamp,
    ) -> Result<String, Failure> {
        let token = random::token()?;
        let session = Self {
            hash: random::hash(&token),
            org: organization.org,
            person: who.person,
            name: who.name,
            // Another token than the session's, which no page may contain.
            csrf: random::token()?,
            generation: organization.generation,
            began: now,
            seen: now,
            pending: None,
            step_up: None,
        };
        let mut item = to_item(&key(&session.hash), &session)?;
        item.insert(EXPIRES_AT.into(), end(now, now));
        store.write(vec![Write::Put(item, Condition::Absent)]).await?;
        Ok(token)
    }

    /// Loads the session of a token with its organization, unless it has ended.
    pub(crate) async fn load(
        store: &dyn Store,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<(Self, Organization)>, StoreError> {
        // A cookie can be anything; what is no token is not worth a read.
        if !random::is_token(token) {
            return Ok(None);
        }
        let key = key(&random::hash(token));
        let Some(session) = store.get(&key).await?.map(from_item::<Self>).transpose()? else {
            return Ok(None);
        };
        if session.seen + IDLE <= now || session.began + LONGEST <= now {
            return Ok(None);
        }
        // A raised generation ends all sessions of the organization.
        let organization = organization::load(store, session.org).await?;
        let organization = organization.filter(|one| one.generation == session.generation);
        let Some(organization) = organization else {
            return Ok(None);
        };
        if session.seen + EXACT_TO <= now {
            let seen = Change::Set("seen", moment(now));
            let changes = vec![seen, Change::Set(EXPIRES_AT, end(session.began, now))];
            match store.update(&key, changes, Condition::Holds(vec![])).await {
                // It was signed out in this moment.
                Err(StoreError::ConditionFailed) => return Ok(None),
                touched => _ = touched?,
            }
        }
        Ok(Some((session, organization)))
    }

    /// Stores, or removes, the consent that is under way.
    pub(crate) async fn set_pending(
        &self,
        store: &dyn Store,
        pending: Option<&PendingConsent>,
    ) -> Result<(), StoreError> {
        let change = match pending {
            Some(pending) => Change::Set("pending", to_value(pending)?),
            None => Change::Remove("pending"),
        };
        self.update(store, change).await
    }

    /// Stores a step-up authentication.
    pub(crate) async fn set_step_up(
        &self,
        store: &dyn Store,
        step_up: &StepUp,
    ) -> Result<(), StoreError> {
        self.update(store, Change::Set("step_up", to_value(step_up)?)).await
    }

    async fn update(&self, store: &dyn Store, change: Change) -> Result<(), StoreError> {
        // Without the condition, an update would bring back a session that has ended.
        let exists = Condition::Holds(vec![]);
        store.update(&key(&self.hash), vec![change], exists).await.map(drop)
    }

    /// Ends the session of a token.
    pub(crate) async fn end(store: &dyn Store, token: &str) -> Result<(), StoreError> {
        store.write(vec![Write::Delete(key(&random::hash(token)), Condition::Any)]).await
    }
}
