//! Writing the externalId of accounts that have none, by a grant that is used once.
//!
//! # Guarantees
//! An externalId is written only to an account that has none at that moment, only if it is the object id of the one user, no guest, who signs in with the account's very userName,
//! and never if another account bears it. Each account is read right before: what was shown is only a wish. The token is never stored.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use clients::graph::{User, UserKind};
use clients::http::{self, Access, CallError, Class, Deadline, Urgency};
use clients::webex::{ScimState, ScimUser};
use domain::ids::{ObjectId, PersonId};
use domain::membership::Person;
use engine::people::{PersonIndex, object_of};
use futures::{StreamExt, stream};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::home::date;
use crate::{Administrator, Oauth};

/// Accounts that are written at the same time.
const AT_ONCE: usize = 5;

/// What became of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It is written.
    Written,
    /// It was there already.
    There,
    /// There is no such account any more.
    Gone,
    /// The account has another externalId by now.
    Another,
    /// The account is not active any more.
    Inactive,
    /// There is no user, or a guest, or one who signs in otherwise.
    OtherUser,
    /// Another account bears the id.
    Borne,
    /// Webex refused.
    Refused { said: String, tracking: Option<String> },
    /// Nobody knows: the answer was lost.
    InDoubt { tracking: Option<String> },
    /// It was not tried.
    NotDone { why: String },
}

impl Outcome {
    /// Whether another try can help.
    pub(crate) fn is_left(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::InDoubt { .. } | Self::NotDone { .. })
    }

    /// What it says.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Written => "Written. The person takes part from now on.".into(),
            Self::There => "It was there already.".into(),
            Self::Gone => "Nothing was written: there is no such Webex account any more.".into(),
            Self::Another => "Nothing was written: the account has another externalId by now.".into(),
            Self::Inactive => "Nothing was written: the account is not active any more.".into(),
            Self::OtherUser => {
                "Nothing was written: no member of the directory signs in with the account’s userName any more.".into()
            }
            Self::Borne => "Nothing was written: another Webex account bears this id.".into(),
            Self::Refused { said, .. } => format!("Webex refused: {said}"),
            Self::InDoubt { .. } => "Webex did not answer, so it is not certain whether it was written. The list shows it within some minutes.".into(),
            Self::NotDone { why } => format!("Not done: {why}"),
        }
    }

    /// What Webex calls the request, for its support.
    pub(crate) fn tracking(&self) -> Option<&str> {
        match self {
            Self::Refused { tracking, .. } | Self::InDoubt { tracking } => tracking.as_deref(),
            _ => None,
        }
    }

    fn not_done(why: impl Into<String>) -> Self {
        Self::NotDone { why: why.into() }
    }
}

/// Some accounts that are written with one grant.
struct Writing<'a> {
    oauth: &'a Oauth,
    administrator: &'a Administrator,
    index: PersonIndex<'a>,
    token: SecretString,
    deadline: Deadline,
    /// Those that were asked for, and what the directory says of each.
    users: BTreeMap<ObjectId, Option<User>>,
    /// Why nothing further is tried.
    stopped: OnceLock<Outcome>,
}

impl Oauth {
    /// Writes what was confirmed, as far as it still holds, and says of each account what became of it.
    pub(crate) async fn write_external_ids(
        &self,
        administrator: &Administrator,
        pairs: &[Person],
        token: SecretString,
        deadline: Deadline,
    ) -> Result<Vec<(Person, Outcome)>, Failure> {
        let organization = &administrator.organization;
        let directory = organization.directory.as_ref().ok_or(Failure::NotConnected)?.id;
        let graph = self.tokens.graph(directory, deadline).await?.urgent(Urgency::High);
        let objects: Vec<_> = pairs.iter().map(|pair| pair.object).collect();
        let found = self.graph.users(&graph, &objects).await?;
        let mut users: BTreeMap<ObjectId, Option<User>> = objects.into_iter().map(|object| (object, None)).collect();
        users.extend(found.into_iter().map(|user| (user.id, Some(user))));
        let writing = Writing {
            oauth: self,
            administrator,
            index: PersonIndex::new(self.store.as_ref(), organization.tenant),
            token,
            deadline,
            users,
            stopped: OnceLock::new(),
        };
        let each = stream::iter(pairs.to_vec()).map(|pair| writing.fix(pair)).buffered(AT_ONCE);
        Ok(each.collect().await)
    }
}

impl Writing<'_> {
    async fn fix(&self, pair: Person) -> (Person, Outcome) {
        if let Some(stopped) = self.stopped.get() {
            return (pair, stopped.clone());
        }
        let outcome = match self.try_to_fix(pair).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                tracing::error!(person = %pair.person, %failure, "an externalId was not written");
                Outcome::not_done("something that is needed for it did not answer. Try again in a minute.")
            }
        };
        let administrator = self.administrator.session.person;
        let tenant = self.administrator.organization.tenant;
        tracing::info!(%tenant, person = %pair.person, object = %pair.object, %administrator, ?outcome, "an externalId was to be written");
        (pair, outcome)
    }

    async fn try_to_fix(&self, pair: Person) -> Result<Outcome, Failure> {
        let Person { object, person } = pair;
        let (webex, org) = (&self.oauth.webex, self.administrator.organization.org);
        let access = Access::with_token(self.token.clone(), self.deadline).urgent(Urgency::High);
        let account = match webex.scim_user(&access, org, person).await {
            Ok(Some(account)) => account,
            Ok(None) => {
                self.index.forget(person, self.oauth.clock.now()).await?;
                return Ok(Outcome::Gone);
            }
            Err(error) => return Ok(self.failed(&error)),
        };
        self.learn(&account).await?;
        if let Some(outcome) = self.obstacle(&account, object) {
            return Ok(outcome);
        }
        match self.is_borne_by_another(&access, pair).await {
            Ok(false) => {}
            Ok(true) => return Ok(Outcome::Borne),
            Err(BearersUnread::Call(error)) => return Ok(self.failed(&error)),
            Err(BearersUnread::Other(failure)) => return Err(failure),
        }
        match webex.set_external_id(&access, org, person, object).await {
            Ok(account) if object_of(&account) == Some(object) => {
                tracing::info!(%person, %object, request_ids = ?access.written_request_ids(), "an externalId was written");
                // It is written, whatever becomes of this; the next round reads it anyway.
                if let Err(failure) = self.learn(&account).await {
                    tracing::warn!(%person, %failure, "what was written is not in the index yet");
                }
                Ok(Outcome::Written)
            }
            Ok(_) => Ok(Outcome::Another),
            Err(error) => Ok(self.failed(&error)),
        }
    }

    /// What speaks against writing, as the account and its user are now.
    fn obstacle(&self, account: &ScimUser, object: ObjectId) -> Option<Outcome> {
        let is_user = |user: &User| {
            user.kind == UserKind::Member && user.user_principal_name.eq_ignore_ascii_case(&account.user_name)
        };
        match (&account.external_id, account.state()) {
            (Some(_), _) if object_of(account) == Some(object) => Some(Outcome::There),
            (Some(_), _) => Some(Outcome::Another),
            (None, ScimState::SignedIn) => {
                let user = self.users.get(&object).and_then(Option::as_ref);
                (!user.is_some_and(is_user)).then_some(Outcome::OtherUser)
            }
            (None, _) => Some(Outcome::Inactive),
        }
    }

    /// Whether another account bears the id, as Webex shows each that the index knows of.
    async fn is_borne_by_another(&self, access: &Access, pair: Person) -> Result<bool, BearersUnread> {
        let Person { object, person } = pair;
        let (webex, org) = (&self.oauth.webex, self.administrator.organization.org);
        let bearers = self.index.sharers(object).await.map_err(Failure::from)?;
        for other in bearers.into_iter().filter(|other| *other != person) {
            match webex.scim_user(access, org, other).await? {
                Some(account) if object_of(&account) == Some(object) => return Ok(true),
                Some(account) => self.learn(&account).await?,
                None => self.index.forget(other, self.oauth.clock.now()).await.map_err(Failure::from)?,
            }
        }
        Ok(false)
    }

    /// The index learns it, and has the teams of whoever can take part now looked at. Where nobody has asked for the account's user, the next round does both.
    async fn learn(&self, account: &ScimUser) -> Result<(), Failure> {
        if object_of(account).is_some_and(|object| !self.users.contains_key(&object)) {
            return Ok(());
        }
        let (queue, now) = (self.oauth.queue.as_ref(), self.oauth.clock.now());
        self.index.take_in(queue, std::slice::from_ref(account), &self.users, now).await
    }

    /// What a call that failed comes to. Where the others would fail for the same reason, they are not tried.
    fn failed(&self, error: &CallError) -> Outcome {
        tracing::warn!(%error, "webex did not take an externalId");
        let tracking = error.request_id.clone();
        let stopped = match (&error.failure, error.class()) {
            (http::Failure::NoTime, _) => Outcome::not_done("there was no time left. Go on with those that are left."),
            (_, Class::ThrottledUntil(until)) => {
                Outcome::not_done(format!("Webex wants fewer calls. Go on after {}.", date(until)))
            }
            (_, Class::NeedsAdministrator) => Outcome::not_done("Webex did not accept the grant any more."),
            _ if error.had_no_effect() => {
                let said = error.refusal().map_or_else(|| error.failure.to_string(), |(_, _, message)| message.into());
                return Outcome::Refused { said, tracking };
            }
            _ => return Outcome::InDoubt { tracking },
        };
        self.stopped.get_or_init(|| stopped).clone()
    }
}

/// Why nobody knows who bears an id.
#[derive(Debug, thiserror::Error)]
enum BearersUnread {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Other(#[from] Failure),
}

/// What a person is called, for a list of outcomes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fixed {
    pub(crate) person: PersonId,
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
}
