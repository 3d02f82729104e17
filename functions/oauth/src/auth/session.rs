//! Sessions of administrators.
//!
//! # Guarantees
//! The browser has a random token, the table only its hash. A session ends 30 minutes after its
//! last page, 8 hours after it began, on sign-out, when the person is no longer an administrator,
//! and when an administrator ends it or all sessions of the organization. They can be listed. A
//! person has at most five: a further one ends the oldest. The cookie ends with the browser.

use domain::ids::{OrgId, PersonId};
use engine::activity::Decision;
use engine::decision::Decider;
use engine::tenant::organization::{self, Organization};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use store::pages;
use store::table::{
    Change, Condition, EXPIRES_AT, Key, Query, Store, StoreError, Write, from_item, milliseconds,
    moment, to_item, to_value,
};

use crate::auth::random;
use crate::auth::types::{PendingConsent, StepUp};
use crate::http::admin_role::AdminRole;
use crate::http::error::Failure;

/// A session ends this long after its last page.
const IDLE: SignedDuration = SignedDuration::from_mins(30);

/// A session ends this long after it began.
const LONGEST: SignedDuration = SignedDuration::from_hours(8);

/// Sessions that a person can have at the same time.
const MOST: usize = 5;

/// The time of the last page is stored this exactly, which saves writes.
const EXACT_TO: SignedDuration = SignedDuration::from_mins(1);

/// Sessions of one query.
const PAGE: usize = 100;

/// A session of an administrator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Hash of the browser's token.
    pub(crate) hash: String,
    pub(crate) org: OrgId,
    /// The organization's name, if Webex said it.
    #[serde(default)]
    pub(crate) org_name: String,
    pub(crate) person: PersonId,
    pub(crate) name: String,
    /// The token that every form of this session carries.
    pub(crate) csrf: String,
    generation: u64,
    #[serde(with = "milliseconds")]
    began: Timestamp,
    #[serde(with = "milliseconds")]
    seen: Timestamp,
    /// The role that Webex showed last.
    pub(crate) role: AdminRole,
    /// The time at which Webex showed it.
    pub(crate) role_at: Timestamp,
    /// The last fresh sign-in with Webex; [`Admin::has_proof`](super::admin::Admin::has_proof)
    /// says if it is still valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proven_at: Option<Timestamp>,
    /// The consent that is under way, until it is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<PendingConsent>,
    /// The last fresh sign-in with Microsoft; [`Admin::step_up`](super::admin::Admin::step_up) says
    /// if it is still valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step_up: Option<StepUp>,
}

/// An administrator as Webex names them.
pub(crate) struct SignedInPerson {
    pub(crate) person: PersonId,
    pub(crate) name: String,
    pub(crate) role: AdminRole,
    /// The organization's name.
    pub(crate) org_name: String,
}

/// A session in the list of its organization.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ListedSession {
    pub(crate) hash: String,
    person: PersonId,
    pub(crate) name: String,
    generation: u64,
    #[serde(with = "milliseconds")]
    pub(crate) began: Timestamp,
    #[serde(with = "milliseconds")]
    pub(crate) seen: Timestamp,
}

fn key(hash: &str) -> Key {
    Key::new(format!("SESSION#{hash}"), "-")
}

fn partition(org: OrgId) -> String {
    // The table's policies can tell sessions by the beginning of their keys.
    format!("SESSION#{org}")
}

fn end(began: Timestamp, seen: Timestamp) -> AttributeValue {
    AttributeValue::N((seen + IDLE).min(began + LONGEST).as_second().to_string())
}

fn has_ended(began: Timestamp, seen: Timestamp, now: Timestamp) -> bool {
    seen + IDLE <= now || began + LONGEST <= now
}

/// Returns the current sessions of an organization, the last used first.
pub(crate) async fn list(
    store: &dyn Store,
    organization: &Organization,
    now: Timestamp,
) -> Result<Vec<ListedSession>, StoreError> {
    let query = Query::Partition { pk: partition(organization.org), prefix: String::new() };
    let items = pages::all(store, &query, PAGE).await?;
    let mut listed: Vec<ListedSession> =
        items.into_iter().map(from_item).collect::<Result<_, _>>()?;
    listed.retain(|one| {
        // Sessions that were ended all at once stay stored until they expire.
        one.generation == organization.generation && !has_ended(one.began, one.seen, now)
    });
    listed.sort_by_key(|one| std::cmp::Reverse(one.seen));
    Ok(listed)
}

/// Ends one of an organization's sessions.
///
/// # Errors
/// `ConditionFailed` if the organization has no such session.
pub(crate) async fn end_listed(
    store: &dyn Store,
    organization: &Organization,
    hash: &str,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    // A form can send anything; what is no hash is not worth a key.
    if !random::is_token(hash) {
        return Err(StoreError::ConditionFailed);
    }
    // Only in this organization's list: the hash of another one's session must end nothing.
    let listed = Key::new(partition(organization.org), hash);
    let item = store.get(&listed).await?.ok_or(StoreError::ConditionFailed)?;
    let name = from_item::<ListedSession>(item)?.name;
    let is_listed = Condition::Holds(vec![]);
    let mut writes =
        vec![Write::Delete(listed, is_listed), Write::Delete(key(hash), Condition::Any)];
    writes.extend(by.of_tenant(organization.tenant, Decision::SessionEnded { name })?);
    store.write(writes).await
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
        let SignedInPerson { person, name, role, org_name } = who;
        let session = Self {
            hash: random::hash(&token),
            org: organization.org,
            org_name,
            person,
            name,
            // Another token than the session's, which no page may contain.
            csrf: random::token()?,
            generation: organization.generation,
            began: now,
            seen: now,
            role,
            // The sign-in has just shown it.
            role_at: now,
            proven_at: None,
            pending: None,
            step_up: None,
        };
        let mut listed = to_item(&session.listed_key(), &session.listed())?;
        let mut item = to_item(&key(&session.hash), &session)?;
        for item in [&mut item, &mut listed] {
            item.insert(EXPIRES_AT.into(), end(now, now));
        }
        let items = [item, listed].map(|item| Write::Put(item, Condition::Absent));
        // In one write: a session that no list shows could not be ended by another admin.
        store.write(items.into()).await?;
        session.end_oldest(store, organization).await?;
        Ok(token)
    }

    /// Ends the oldest sessions of the person, so that this one is the last of those allowed.
    async fn end_oldest(
        &self,
        store: &dyn Store,
        organization: &Organization,
    ) -> Result<(), StoreError> {
        // After this one is stored: of sessions that begin together, the last sees all.
        let mut others = list(store, organization, self.began).await?;
        others.retain(|one| one.person == self.person && one.hash != self.hash);
        others.sort_by_key(|one| std::cmp::Reverse(one.began));
        for oldest in others.iter().skip(MOST - 1) {
            match end_listed(store, organization, &oldest.hash, Decider::system(self.began)).await {
                // It has ended meanwhile.
                Ok(()) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn listed(&self) -> ListedSession {
        let Self { hash, person, name, generation, began, seen, .. } = self.clone();
        ListedSession { hash, person, name, generation, began, seen }
    }

    fn listed_key(&self) -> Key {
        Key::new(partition(self.org), self.hash.clone())
    }

    /// Returns the last moment at which the person signed in with Webex in this session.
    pub(crate) fn signed_in_at(&self) -> Timestamp {
        self.proven_at.unwrap_or(self.began)
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
        if has_ended(session.began, session.seen, now) {
            return Ok(None);
        }
        // A raised generation ends all sessions of the organization.
        let organization = organization::load(store, session.org).await?;
        let organization = organization.filter(|one| one.generation == session.generation);
        let Some(organization) = organization else {
            return Ok(None);
        };
        if session.seen + EXACT_TO <= now {
            let touch = |key: Key| {
                let end = Change::Set(EXPIRES_AT, end(session.began, now));
                let changes = vec![Change::Set("seen", moment(now)), end];
                Write::Update(key, changes, Condition::Holds(vec![]))
            };
            match store.write(vec![touch(key), touch(session.listed_key())]).await {
                // It was ended in this moment.
                Err(StoreError::ConditionFailed) => return Ok(None),
                // Another page of the same session stores the same at the same time.
                Err(StoreError::Busy(_)) => {}
                touched => touched?,
            }
        }
        Ok(Some((session, organization)))
    }

    /// Stores the role that Webex shows at this moment.
    pub(crate) async fn set_role(
        &self,
        store: &dyn Store,
        role: AdminRole,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if role == self.role && self.role_at + EXACT_TO > now {
            return Ok(());
        }
        let changes =
            vec![Change::Set("role", to_value(&role)?), Change::Set("role_at", to_value(&now)?)];
        self.update(store, changes).await
    }

    /// Stores a fresh sign-in with Webex, which shows the role, too.
    pub(crate) async fn set_proven(
        &self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.update(store, vec![Change::Set("proven_at", to_value(&now)?)]).await
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
        self.update(store, vec![change]).await
    }

    /// Stores a fresh sign-in with Microsoft.
    pub(crate) async fn set_step_up(
        &self,
        store: &dyn Store,
        step_up: &StepUp,
    ) -> Result<(), StoreError> {
        self.update(store, vec![Change::Set("step_up", to_value(step_up)?)]).await
    }

    async fn update(&self, store: &dyn Store, changes: Vec<Change>) -> Result<(), StoreError> {
        // Without the condition, an update would bring back a session that has ended.
        let exists = Condition::Holds(vec![]);
        store.update(&key(&self.hash), changes, exists).await.map(drop)
    }

    /// Ends the session, with the record of why.
    pub(crate) async fn end(
        &self,
        store: &dyn Store,
        record: Vec<Write>,
    ) -> Result<(), StoreError> {
        let keys = [key(&self.hash), self.listed_key()];
        // Without conditions: what is gone already has ended, too.
        let mut writes = keys.map(|key| Write::Delete(key, Condition::Any)).to_vec();
        writes.extend(record);
        store.write(writes).await
    }

    /// Ends the session of a token, if there is one.
    pub(crate) async fn end_of_token(store: &dyn Store, token: &str) -> Result<(), StoreError> {
        match store.get(&key(&random::hash(token))).await?.map(from_item::<Self>).transpose()? {
            // Without a record: the sign-in that replaces it has one.
            Some(session) => session.end(store, vec![]).await,
            None => Ok(()),
        }
    }
}
