//! Leaving: what is taken back when a tenant disconnects, step by step, and the receipt of it.
//!
//! [`begin`] ends the tenant in one transaction: from then on nothing is written for it, and its organization can connect again. What takes longer is done by [`go_on`],
//! which the request calls once and the tenant's rounds call until it is [`Stage::Done`]: every step can be cut off and done again.
//!
//! # Guarantees
//! The officer's tokens are deleted after the last call that needs them. Groups are deleted only if the administrator chose so, and more than
//! [`GROUPS_GONE_LIMIT`](crate::safety::removal_counter::GROUPS_GONE_LIMIT) only if he confirmed their number.

mod forget;
mod teams;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use crate::credentials::registration::Registration;
use crate::credentials::tokens::{Tokens, TokensError};
use crate::notify::{self, Matter};
use crate::safety::removal_counter::GROUPS_GONE_LIMIT;
use crate::tenant::organization;
use crate::tenant::{self, Tenant};
use clients::graph::{Graph, TokenErrorKind};
use clients::http::{Api, CALL_TIMEOUT, CallError, Class, Deadline};
use clients::webex::{Webex, WebhookOwner};
use domain::clock::Clock;
use domain::ids::{PersonId, TeamId, TenantId};
use store::keys;
use store::table::{
    Change, Condition, Cursor, EXPIRES_AT, Store, StoreError, Test, Write, from_item, to_item, to_value,
};

/// For how long links are kept, unless the administrator wants them gone.
pub const LINKS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// For how long the receipt can be read.
const RECEIPT_KEPT_FOR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How many things that could not be done the receipt names.
const MOST_TROUBLES: usize = 50;

/// What becomes of the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Groups {
    /// They stay as they are.
    Keep,
    /// They are deleted; for 30 days they can be restored.
    Delete,
}

/// What becomes of the links, and of what is known of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Links {
    /// They are kept for 30 days: connecting again within that time goes on with them.
    Keep,
    /// They are forgotten.
    Forget,
}

/// How far the leaving has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
pub enum Stage {
    /// Webhooks and the subscription are being deleted.
    Hooks,
    /// The officer is leaving the teams.
    Teams,
    /// The officer's tokens are being deleted.
    Secret,
    /// The groups that would be deleted are being counted.
    Counting,
    /// So many groups wait for an administrator's word.
    Held {
        /// How many.
        groups: usize,
    },
    /// The groups are being deleted.
    Groups,
    /// The links are kept until then.
    Keeping {
        /// The end.
        until: Timestamp,
    },
    /// Links, people and all else are being forgotten.
    Forgetting,
    /// Nothing is left to do.
    Done,
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Receipt {
    /// Webhooks that were deleted.
    pub webhooks: usize,
    /// Subscriptions that were deleted.
    pub subscriptions: usize,
    /// Teams that the officer left.
    pub teams_left: usize,
    /// Whether the officer's tokens are deleted.
    pub tokens_deleted_at: Option<Timestamp>,
    /// Groups that were deleted.
    pub groups_deleted: usize,
    /// Our apps that the directory has consented to, as far as is known: only an administrator of it can remove them.
    pub consents: Vec<Registration>,
    /// When links, people and all else were forgotten.
    pub forgotten_at: Option<Timestamp>,
    /// What could not be done, and why, in words.
    pub troubles: Vec<String>,
}

impl Receipt {
    fn trouble(&mut self, words: impl Into<String>) {
        let words = words.into();
        if self.troubles.len() < MOST_TROUBLES && !self.troubles.contains(&words) {
            self.troubles.push(words);
        }
    }
}

/// A tenant that leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// The tenant as it was.
    pub tenant: Tenant,
    /// When an administrator disconnected it.
    pub at: Timestamp,
    /// Who.
    pub by: PersonId,
    /// What becomes of the groups.
    pub groups: Groups,
    /// What becomes of the links.
    pub links: Links,
    /// How far it has come.
    pub stage: Stage,
    /// What was done.
    pub receipt: Receipt,
    #[serde(default)]
    cursor: Option<Cursor>,
    #[serde(default)]
    counted: usize,
    version: u64,
}

/// With what the leaving is done.
#[derive(Clone, Copy)]
pub struct Hands<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// Tokens.
    pub tokens: &'a Tokens,
    /// Webex.
    pub webex: &'a Webex,
    /// Graph.
    pub graph: &'a Graph,
    /// Now.
    pub clock: &'a dyn Clock,
    /// By when this turn ends.
    pub deadline: Deadline,
}

impl Hands<'_> {
    fn has_time(&self) -> bool {
        // Two calls: a team takes one to read and one to write.
        self.deadline.leaves_time(self.clock.now(), CALL_TIMEOUT)
    }
}

/// Why a turn ended early. The next turn tries again.
#[derive(Debug, thiserror::Error)]
pub enum LeavingError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No token.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A look began before the end, or was cut off: its lease ends within a minute.
    #[error("a look at the team {0} is under way")]
    LookUnderWay(TeamId),
}

impl LeavingError {
    /// Whether no later turn could do it either: whoever would have to act has withdrawn what it takes.
    fn is_final(&self) -> bool {
        match self {
            Self::Store(_) | Self::LookUnderWay(_) | Self::Tokens(TokensError::Store(_) | TokensError::Secrets(_)) => {
                false
            }
            Self::Tokens(TokensError::BeingRefreshed | TokensError::Federation(_)) => false,
            Self::Tokens(TokensError::Secret { .. } | TokensError::NoApp(_) | TokensError::NotConnected) => true,
            Self::Tokens(TokensError::Refresh(error)) | Self::Call(error) => {
                matches!(error.class(), Class::Permanent | Class::NeedsAdministrator)
            }
            // A wrong credential of our own is our own to mend: the tenant's groups have to wait for it.
            Self::Tokens(TokensError::Entra(error)) => {
                matches!(error.kind, TokenErrorKind::ConsentGone | TokenErrorKind::NoSuchDirectory)
            }
        }
    }

    fn throttled(&self) -> Option<(Api, Timestamp)> {
        let (Self::Call(error) | Self::Tokens(TokensError::Refresh(error))) = self else { return None };
        match error.class() {
            Class::ThrottledUntil(until) => Some((error.api, until)),
            _ => None,
        }
    }
}

/// Ends a tenant. From here on nothing is written for it: what is queued finds no tenant. Its organization can connect again.
///
/// # Errors
/// `ConditionFailed` where it is not connected any more.
pub async fn begin(
    store: &dyn Store,
    tenant: &Tenant,
    by: PersonId,
    (groups, links): (Groups, Links),
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut consents = vec![Registration::Groups];
    consents.extend(tenant.files.as_ref().map(|_| Registration::Files));
    let leaving = Leaving {
        tenant: Tenant { files: None, ..tenant.clone() },
        at: now,
        by,
        groups,
        links,
        stage: Stage::Hooks,
        receipt: Receipt { consents, ..Receipt::default() },
        cursor: None,
        counted: 0,
        version: 1,
    };
    let id = tenant.tenant;
    let next = match links {
        Links::Keep => id,
        Links::Forget => organization::new_tenant(),
    };
    let mut writes = organization::partings(tenant, next)?;
    writes.push(Write::Delete(keys::tenant(id), Condition::Holds(vec![])));
    writes.push(notify::withdraw(id, Matter::FilesConsentLost));
    writes.push(Write::Put(to_item(&keys::leaving(id), &leaving)?, Condition::Any));
    if store.get(&keys::settings(id)).await?.is_some() {
        let off = Change::Set("switched_on_at", AttributeValue::Null(true));
        writes.push(Write::Update(keys::settings(id), vec![off, Change::Add("version", 1)], Condition::Any));
    }
    store.write(writes).await
}

/// The leaving of a tenant, if it ever left.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<Option<Leaving>, StoreError> {
    store.get(&keys::leaving(tenant)).await?.map(from_item).transpose()
}

/// The organization connects again under the same tenant: what was left to take back stays, and what is kept is kept until the day that was said, should it not come to
/// an end. `Busy` for the moment in which the old tokens are deleted.
pub async fn stop(store: &dyn Store, tenant: TenantId) -> Result<(), StoreError> {
    let Some(mut leaving) = load(store, tenant).await? else { return Ok(()) };
    match leaving.stage {
        Stage::Keeping { .. } | Stage::Done => Ok(()),
        Stage::Secret | Stage::Forgetting => Err(StoreError::Busy("the leaving is just being ended".into())),
        Stage::Hooks | Stage::Teams | Stage::Counting | Stage::Held { .. } | Stage::Groups => {
            leaving.stage = Stage::Keeping { until: leaving.at + LINKS_KEPT_FOR };
            leaving.receipt.trouble("The organization connected again: what was left to do was not done.");
            save(store, &mut leaving).await
        }
    }
}

/// What an administrator says about the groups that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Delete them: so many.
    Delete {
        /// How many he was shown.
        groups: usize,
    },
    /// Keep them.
    Keep,
}

/// Takes an administrator's word about the groups that wait.
///
/// # Errors
/// `ConditionFailed` where they do not wait, or are not so many.
pub async fn decide(store: &dyn Store, tenant: TenantId, word: Word, now: Timestamp) -> Result<(), StoreError> {
    let Some(mut leaving) = load(store, tenant).await? else { return Err(StoreError::ConditionFailed) };
    match (leaving.stage, word) {
        (Stage::Held { groups }, Word::Delete { groups: seen }) if groups == seen => leaving.stage = Stage::Groups,
        (Stage::Held { .. }, Word::Keep) => {
            leaving.groups = Groups::Keep;
            leaving.stage = leaving.after_groups(now);
        }
        _ => return Err(StoreError::ConditionFailed),
    }
    save(store, &mut leaving).await
}

/// Does what can be done within this turn. `None` for a tenant that does not leave. A round calls it for whoever is listed and is no [`Tenant`] any more, and does
/// nothing else for it.
///
/// # Errors
/// The turn ended early; what was done is kept, and the next turn goes on.
pub async fn go_on(hands: &Hands<'_>, tenant: TenantId) -> Result<Option<Leaving>, LeavingError> {
    let Some(mut leaving) = load(hands.store, tenant).await? else { return Ok(None) };
    if tenant::gates_shut_until(hands.store, tenant, hands.clock.now()).await?.is_some() {
        return Ok(Some(leaving));
    }
    while hands.has_time() {
        let stage = leaving.stage;
        let step = leaving.step(hands).await;
        let error = match step {
            Ok(Step::Waits) => break,
            Ok(Step::Went) => None,
            Err(error) if error.is_final() => {
                leaving.give_up(&error, hands.clock.now());
                None
            }
            Err(error) => Some(error),
        };
        match save(hands.store, &mut leaving).await {
            // Somebody else goes on with it, or the organization is connecting again.
            Err(StoreError::ConditionFailed) => break,
            saved => saved?,
        }
        if let Some(error) = error {
            if let Some((api, until)) = error.throttled() {
                tenant::shut_gate(hands.store, tenant, api, until).await?;
            }
            return Err(error);
        }
        tracing::info!(%tenant, ?stage, now = ?leaving.stage, "a tenant leaves");
    }
    Ok(Some(leaving))
}

/// What one step came to.
enum Step {
    /// It is to be stored.
    Went,
    /// Nothing can be done now.
    Waits,
}

impl Leaving {
    async fn step(&mut self, hands: &Hands<'_>) -> Result<Step, LeavingError> {
        let now = hands.clock.now();
        match self.stage {
            Stage::Hooks => {
                self.unhook(hands).await?;
                self.stage = Stage::Teams;
            }
            Stage::Teams => self.leave_teams(hands).await?,
            Stage::Secret => {
                // Only whoever has stored this stage gets here: nobody can be connecting meanwhile.
                hands.tokens.discard(self.tenant.tenant).await?;
                self.receipt.tokens_deleted_at = Some(now);
                self.stage = match self.groups {
                    Groups::Delete => Stage::Counting,
                    Groups::Keep => self.after_groups(now),
                };
            }
            Stage::Counting => self.count_groups(hands).await?,
            Stage::Groups => self.delete_groups(hands).await?,
            Stage::Keeping { until } if until <= now => {
                match organization::move_on(hands.store, self.tenant.org, self.tenant.tenant).await {
                    Ok(()) => self.stage = Stage::Forgetting,
                    Err(StoreError::ConditionFailed) => return Ok(Step::Waits),
                    Err(error) => return Err(error.into()),
                }
            }
            Stage::Forgetting => self.forget(hands).await?,
            Stage::Held { .. } | Stage::Keeping { .. } | Stage::Done => return Ok(Step::Waits),
        }
        Ok(Step::Went)
    }

    /// What comes when the groups are dealt with.
    fn after_groups(&self, now: Timestamp) -> Stage {
        match self.links {
            Links::Keep => Stage::Keeping { until: (self.at + LINKS_KEPT_FOR).max(now) },
            Links::Forget => Stage::Forgetting,
        }
    }

    /// Where this stage can never be brought to its end, the next one is begun, and the receipt says so.
    fn give_up(&mut self, error: &LeavingError, now: Timestamp) {
        let (what, next) = match self.stage {
            Stage::Hooks => {
                ("Not all webhooks and subscriptions could be deleted; they end by themselves", Stage::Teams)
            }
            Stage::Teams => ("The account could not be taken out of all teams", Stage::Secret),
            Stage::Counting | Stage::Groups => ("Not all groups could be deleted", self.after_groups(now)),
            other => ("Something could not be taken back", other),
        };
        self.receipt.trouble(format!("{what}: {error}"));
        self.cursor = None;
        self.stage = next;
    }

    /// Ends what would call us: Webex's webhooks, and Graph's subscription.
    async fn unhook(&mut self, hands: &Hands<'_>) -> Result<(), LeavingError> {
        let id = self.tenant.tenant;
        let webhooks = async {
            let access = hands.tokens.webex(id, self.tenant.officer, hands.deadline).await?;
            let own = format!("/webhooks/webex/{id}");
            let mut deleted = 0;
            let mut all = hands.webex.webhooks(&access, WebhookOwner::Creator).await?.into_inner();
            // Not every account may see those of the organization.
            all.extend(
                hands.webex.webhooks(&access, WebhookOwner::Org).await.map(|all| all.into_inner()).unwrap_or_default(),
            );
            all.sort_by(|one, other| one.id.cmp(&other.id));
            all.dedup_by(|one, other| one.id == other.id);
            for webhook in all.iter().filter(|webhook| webhook.target_url.ends_with(&own)) {
                hands.webex.delete_webhook(&access, &webhook.id).await?;
                deleted += 1;
            }
            Ok::<_, LeavingError>(deleted)
        };
        let webhooks = self.or_trouble(webhooks.await, "Webex's webhooks could not be deleted")?;
        self.receipt.webhooks += webhooks;
        let subscriptions = async {
            let access = hands.tokens.graph(self.tenant.directory, hands.deadline).await?;
            let own = format!("/webhooks/graph/{id}");
            let mut deleted = 0;
            for subscription in hands.graph.subscriptions(&access).await? {
                if subscription.notification_url.ends_with(&own) {
                    hands.graph.delete_subscription(&access, &subscription.id).await?;
                    deleted += 1;
                }
            }
            Ok::<_, LeavingError>(deleted)
        };
        let subscriptions = subscriptions.await;
        let subscriptions = self.or_trouble(subscriptions, "Microsoft's subscription could not be deleted")?;
        self.receipt.subscriptions += subscriptions;
        Ok(())
    }

    /// One of two halves that are independent: the other is done although this one never can be.
    fn or_trouble(&mut self, done: Result<usize, LeavingError>, what: &str) -> Result<usize, LeavingError> {
        match done {
            Err(error) if error.is_final() => {
                self.receipt.trouble(format!("{what}: {error}"));
                Ok(0)
            }
            other => other,
        }
    }

    /// Whether so many groups are deleted without asking again.
    fn held(&self, groups: usize) -> Stage {
        if groups > GROUPS_GONE_LIMIT { Stage::Held { groups } } else { Stage::Groups }
    }
}

/// Stores a leaving in the place of the one that was read.
async fn save(store: &dyn Store, leaving: &mut Leaving) -> Result<(), StoreError> {
    let seen = leaving.version;
    let id = leaving.tenant.tenant;
    let mut item = to_item(&keys::leaving(id), &Leaving { version: seen + 1, ..leaving.clone() })?;
    let unchanged = Condition::Holds(vec![Test::Equals("version", to_value(&seen)?)]);
    if leaving.stage == Stage::Done {
        let end = (leaving.at + LINKS_KEPT_FOR + RECEIPT_KEPT_FOR).as_second();
        item.insert(EXPIRES_AT.into(), AttributeValue::N(end.to_string()));
    }
    store.write(vec![Write::Put(item, unchanged)]).await?;
    leaving.version = seen + 1;
    Ok(())
}
