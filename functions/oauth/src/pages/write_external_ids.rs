//! Writing externalIds with a grant that is used once.
//!
//! # Guarantees
//! An externalId is written only to an account that has none at that moment. It has to be the
//! object id of the one user, not a guest, whose name is the account's userName, and no other
//! account may have it. Each account is read right before. The token is never stored.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use clients::graph::{User, UserKind};
use clients::http::{self, Access, CallError, Deadline, ErrorClass, Urgency};
use clients::webex::{ScimState, ScimUser};
use domain::ids::ObjectId;
use domain::membership::Person;
use engine::people::{Accounts, PersonIndex, object_of};
use futures::{StreamExt, stream};
use secrecy::SecretString;
use store::table::StoreError;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::view::phrases::people::{NotTried, WriteOutcome};

/// Accounts that are written at the same time.
const AT_ONCE: usize = 5;

/// One use of a grant.
struct Writer<'a> {
    app: &'a App,
    admin: &'a Admin,
    index: PersonIndex<'a>,
    token: SecretString,
    deadline: Deadline,
    /// The directory's answer for each id that was asked for.
    users: BTreeMap<ObjectId, Option<User>>,
    /// The reason why nothing further is tried.
    stopped: OnceLock<WriteOutcome>,
}

/// Writes what was confirmed and still holds; returns the outcome for each account.
pub(crate) async fn write(
    app: &App,
    admin: &Admin,
    pairs: &[Person],
    token: SecretString,
    deadline: Deadline,
) -> Result<Vec<(Person, WriteOutcome)>, Failure> {
    let graph = app.tokens.graph(admin.directory()?.id, deadline).await?.urgent(Urgency::High);
    let objects: Vec<_> = pairs.iter().map(|pair| pair.object).collect();
    let found = app.graph.users(&graph, &objects).await?;
    let mut users: BTreeMap<ObjectId, Option<User>> =
        objects.into_iter().map(|object| (object, None)).collect();
    users.extend(found.into_iter().map(|user| (user.id, Some(user))));
    let index = PersonIndex::new(app.store.as_ref(), admin.tenant());
    let stopped = OnceLock::new();
    let writer = Writer { app, admin, index, token, deadline, users, stopped };
    let each = stream::iter(pairs.to_vec()).map(|pair| writer.write(pair)).buffered(AT_ONCE);
    Ok(each.collect().await)
}

impl Writer<'_> {
    async fn write(&self, pair: Person) -> (Person, WriteOutcome) {
        // The reason holds for every other account, too.
        if let Some(stopped) = self.stopped.get() {
            return (pair, stopped.clone());
        }
        let Person { person, object } = pair;
        let outcome = match self.try_write(pair).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                tracing::error!(
                    event = "external_id_failed", %person, %failure,
                    "An externalId was not written."
                );
                WriteOutcome::NotTried { reason: NotTried::Unavailable }
            }
        };
        let (tenant, administrator) = (self.admin.tenant(), self.admin.session.person);
        tracing::info!(
            event = "external_id", %tenant, %person, %object, %administrator, ?outcome,
            "An externalId was handled."
        );
        (pair, outcome)
    }

    async fn try_write(&self, pair: Person) -> Result<WriteOutcome, Failure> {
        let Person { object, person } = pair;
        let (webex, org) = (&self.app.webex, self.admin.organization.org);
        // One for each account, because it collects the request ids of its writes.
        let access = Access::with_token(self.token.clone(), self.deadline);
        let access = access.urgent(Urgency::High);
        let account = match webex.scim_user(&access, org, person).await {
            Ok(Some(account)) => account,
            Ok(None) => {
                let (accounts, now) =
                    (Accounts { webex, access: &access, org }, self.app.clock.now());
                return match self.index.purge_if_gone(accounts, person, now).await {
                    Ok(_) => Ok(WriteOutcome::Gone),
                    Err(HoldersUnread::Call(error)) => Ok(self.failed(&error)),
                    Err(HoldersUnread::Other(failure)) => Err(failure),
                };
            }
            Err(error) => return Ok(self.failed(&error)),
        };
        // Also if nothing is written, because this reading is newer than the index.
        self.update_index(&account).await?;
        if let Some(outcome) = self.exclusion(&account, object) {
            return Ok(outcome);
        }
        match self.has_another_holder(&access, pair).await {
            Ok(false) => {}
            Ok(true) => return Ok(WriteOutcome::Taken),
            Err(HoldersUnread::Call(error)) => return Ok(self.failed(&error)),
            Err(HoldersUnread::Other(failure)) => return Err(failure),
        }
        match webex.set_external_id(&access, org, person, object).await {
            Ok(account) if object_of(&account) == Some(object) => {
                let request_ids = access.written_request_ids();
                tracing::info!(
                    event = "external_id_written", %person, %object, ?request_ids,
                    "An externalId was written."
                );
                // It is written in any case; the next cycle reads it, too.
                if let Err(failure) = self.update_index(&account).await {
                    tracing::warn!(
                        event = "index_behind", %person, %failure,
                        "The index does not have a written externalId yet."
                    );
                }
                Ok(WriteOutcome::Written)
            }
            // Webex answered with another id, which another client wrote at the same time.
            Ok(_) => Ok(WriteOutcome::Another),
            Err(error) => Ok(self.failed(&error)),
        }
    }

    /// Returns what speaks against writing, as account and user are now.
    fn exclusion(&self, account: &ScimUser, object: ObjectId) -> Option<WriteOutcome> {
        let is_user = |user: &User| {
            user.kind == UserKind::Member
                && user.user_principal_name.eq_ignore_ascii_case(&account.user_name)
        };
        match (&account.external_id, account.state()) {
            (Some(_), _) if object_of(account) == Some(object) => Some(WriteOutcome::AlreadyThere),
            // An existing id is never replaced: it may be right in a way unknown here.
            (Some(_), _) => Some(WriteOutcome::Another),
            (None, ScimState::SignedIn) => {
                let user = self.users.get(&object).and_then(Option::as_ref);
                (!user.is_some_and(is_user)).then_some(WriteOutcome::OtherUser)
            }
            // Without a sign-in, the id would not make the person eligible.
            (None, _) => Some(WriteOutcome::Inactive),
        }
    }

    /// Asks Webex for every account that the index knows with this id.
    async fn has_another_holder(
        &self,
        access: &Access,
        pair: Person,
    ) -> Result<bool, HoldersUnread> {
        let Person { object, person } = pair;
        let (webex, org) = (&self.app.webex, self.admin.organization.org);
        // The index can be behind, so Webex is asked about each account that it names.
        let holders = self.index.accounts_with_id(object).await.map_err(Failure::from)?;
        for other in holders.into_iter().filter(|other| *other != person) {
            match webex.scim_user(access, org, other).await? {
                Some(account) if object_of(&account) == Some(object) => return Ok(true),
                // The index was behind: the other account no longer has this id.
                Some(account) => self.update_index(&account).await?,
                None => {
                    let accounts = Accounts { webex, access, org };
                    let is_gone = self.index.purge_if_gone::<HoldersUnread>(
                        accounts,
                        other,
                        self.app.clock.now(),
                    );
                    if !is_gone.await? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Updates the index, which requests syncs for people who became eligible. An account whose
    /// user was not asked for is left to the next cycle.
    async fn update_index(&self, account: &ScimUser) -> Result<(), Failure> {
        if object_of(account).is_some_and(|object| !self.users.contains_key(&object)) {
            return Ok(());
        }
        let (queue, now) = (self.app.queue.as_ref(), self.app.clock.now());
        self.index.index_accounts(queue, std::slice::from_ref(account), &self.users, now).await
    }

    /// Returns the outcome of a failed call. If the other calls would fail for the same reason,
    /// they are not tried.
    fn failed(&self, error: &CallError) -> WriteOutcome {
        tracing::warn!(event = "external_id_refused", %error, "Webex did not take an externalId.");
        let tracking = error.request_id.clone();
        let reason = match (&error.failure, error.class()) {
            (http::CallFailure::NoTime, _) => NotTried::NoTime,
            (_, ErrorClass::ThrottledUntil(until)) => NotTried::Throttled(until),
            (_, ErrorClass::NeedsAdministrator) => NotTried::GrantRefused,
            _ if error.had_no_effect() => {
                let said = match error.refusal() {
                    Some((_, _, message)) => message.into(),
                    None => error.failure.to_string(),
                };
                return WriteOutcome::Refused { said, tracking };
            }
            // The answer was lost: the id may be there, which the next cycle reads.
            _ => return WriteOutcome::InDoubt { tracking },
        };
        self.stopped.get_or_init(|| WriteOutcome::NotTried { reason }).clone()
    }
}

/// The reason why the holders of an id are not known.
#[derive(Debug, thiserror::Error)]
enum HoldersUnread {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Other(#[from] Failure),
}

impl From<StoreError> for HoldersUnread {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}
