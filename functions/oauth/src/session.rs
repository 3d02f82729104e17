//! Sessions of administrators.
//!
//! # Guarantees
//! The browser has a random token, the table only its hash. A session ends 30 minutes after its last page, 8 hours after it began, when its administrator signs out, and when
//! anybody ends all sessions of the organization.

use domain::ids::{DirectoryId, ObjectId, OrgId, PersonId};
use engine::credentials::registration::Registration;
use engine::tenant::organization::{self, Organization};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use store::table::{
    Change, Condition, EXPIRES_AT, Key, Store, StoreError, Write, from_item, milliseconds, moment, to_item, to_value,
};

use crate::proof::Proof;
use crate::random;

/// After so long without a page a session is over.
pub(crate) const IDLE: SignedDuration = SignedDuration::from_mins(30);

/// After so long a session is over, whatever happens.
pub(crate) const LONGEST: SignedDuration = SignedDuration::from_hours(8);

/// How exactly it is known when the last page was.
const EXACT_TO: SignedDuration = SignedDuration::from_mins(1);

/// An administrator who is signed in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// What is stored of its token.
    pub(crate) hash: String,
    pub(crate) org: OrgId,
    pub(crate) person: PersonId,
    pub(crate) name: String,
    /// What every form of this session carries.
    pub(crate) csrf: String,
    generation: u64,
    #[serde(with = "milliseconds")]
    began: Timestamp,
    #[serde(with = "milliseconds")]
    seen: Timestamp,
    /// The directory whose administrator signed in, until its consent is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<Pending>,
    /// Who proved last to sit at this browser. Whether it counts still, [`Administrator::proof`](crate::Administrator::proof) says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<Proof>,
}

/// A directory whose administrator is about to consent to an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) registration: Registration,
    pub(crate) directory: DirectoryId,
    pub(crate) name: String,
    /// The administrator.
    pub(crate) by: ObjectId,
    /// The name that he signed in with.
    pub(crate) by_name: String,
    /// When the administrator signed in.
    pub(crate) at: Timestamp,
    /// When the administrator came back from consenting.
    pub(crate) consented_at: Option<Timestamp>,
}

fn key(hash: &str) -> Key {
    Key::new(format!("SESSION#{hash}"), "-")
}

fn end(began: Timestamp, seen: Timestamp) -> AttributeValue {
    AttributeValue::N((seen + IDLE).min(began + LONGEST).as_second().to_string())
}

impl Session {
    /// Begins a session, and says the token that goes to the browser.
    pub(crate) async fn begin(
        store: &dyn Store,
        organization: &Organization,
        (person, name): (PersonId, String),
        now: Timestamp,
    ) -> Result<String, crate::failure::Failure> {
        let token = random::token()?;
        let session = Self {
            hash: random::hash(&token),
            org: organization.org,
            person,
            name,
            csrf: random::token()?,
            generation: organization.generation,
            began: now,
            seen: now,
            pending: None,
            proof: None,
        };
        let mut item = to_item(&key(&session.hash), &session)?;
        item.insert(EXPIRES_AT.into(), end(now, now));
        store.write(vec![Write::Put(item, Condition::Absent)]).await?;
        Ok(token)
    }

    /// The session of a token with its organization, if it is not over.
    pub(crate) async fn load(
        store: &dyn Store,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<(Self, Organization)>, StoreError> {
        if !random::is_token(token) {
            return Ok(None);
        }
        let key = key(&random::hash(token));
        let Some(session) = store.get(&key).await?.map(from_item::<Self>).transpose()? else { return Ok(None) };
        if session.seen + IDLE <= now || session.began + LONGEST <= now {
            return Ok(None);
        }
        let organization = organization::load(store, session.org).await?;
        let Some(organization) = organization.filter(|one| one.generation == session.generation) else {
            return Ok(None);
        };
        if session.seen + EXACT_TO <= now {
            let changes = vec![Change::Set("seen", moment(now)), Change::Set(EXPIRES_AT, end(session.began, now))];
            match store.update(&key, changes, Condition::Holds(vec![])).await {
                // Somebody has just signed out.
                Err(StoreError::ConditionFailed) => return Ok(None),
                touched => _ = touched?,
            }
        }
        Ok(Some((session, organization)))
    }

    /// Remembers, or forgets, which directory is about to consent.
    pub(crate) async fn set_pending(&self, store: &dyn Store, pending: Option<&Pending>) -> Result<(), StoreError> {
        let change = match pending {
            Some(pending) => Change::Set("pending", to_value(pending)?),
            None => Change::Remove("pending"),
        };
        store.update(&key(&self.hash), vec![change], Condition::Holds(vec![])).await.map(drop)
    }

    /// Remembers who proved to sit at the browser.
    pub(crate) async fn set_proof(&self, store: &dyn Store, proof: &Proof) -> Result<(), StoreError> {
        let change = Change::Set("proof", to_value(proof)?);
        store.update(&key(&self.hash), vec![change], Condition::Holds(vec![])).await.map(drop)
    }

    /// Ends the session of a token.
    pub(crate) async fn end(store: &dyn Store, token: &str) -> Result<(), StoreError> {
        store.write(vec![Write::Delete(key(&random::hash(token)), Condition::Any)]).await
    }
}
