//! The look: reads both sides of a link as they are, compares each with what it was last known to be, and carries the differences over.
//!
//! A message in, a look at one team: [`Sync::handle`]. A look at its folders is one of its own: `folders`. The parts in the order of their turn: `route` finds the team, `look` holds the lease, `read` reads and
//! resolves who is who, [`merge`](domain::merge) decides, `apply` and `create` write outside, `record` stores.
//!
//! # Guarantees
//! * Every step can be cut off, with its effect done or not, and the next look ends as if it had not been.
//! * Of a tenant nothing is called while a gate of its is shut; other tenants go on.
//! * A message is kept by the queue only where nobody can say what became of it: table or queue out of reach. Everything else is the link's state, with a next look.

mod afford;
mod applied;
mod apply;
mod card;
mod connect;
mod create;
mod folders;
mod hold;
mod look;
mod owners;
mod pilot;
mod preview;
mod prove;
mod read;
mod record;
mod rename;
mod resolve;
mod route;
mod upkeep;

pub use create::{nickname, unique_name};
pub(crate) use route::{no_general_space, note_of_space, room_key};

use std::sync::Arc;

use jiff::Timestamp;

use crate::credentials::federation::FederationError;
use crate::credentials::tokens::{Tokens, TokensError};
use crate::credentials::webhook_keys::WebhookKeysError;
use crate::link::{self, Kept, Link};
use crate::quota::Bucket;
use crate::tenant::suspension::Why;
use crate::tenant::{self, AtHand, DirectoryRules, Running, Settings, Tenant};
use clients::graph::{Graph, TokenErrorKind};
use clients::http::{Access, Api, CallError, Class, Deadline};
use clients::webex::{InvalidWebexId, Webex};
use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use domain::membership::Person;
use store::message::{Ask, Cause, Message};
use store::queue::{Queue, QueueError};
use store::table::{Store, StoreError, from_item};

/// Everything that a look needs. Made once, outside the handler.
pub struct Sync {
    /// The table.
    pub store: Arc<dyn Store>,
    /// Where further looks are asked for.
    pub queue: Arc<dyn Queue>,
    /// Tokens of all tenants.
    pub tokens: Arc<Tokens>,
    /// Webex.
    pub webex: Webex,
    /// Microsoft Graph.
    pub graph: Graph,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

/// Why a message could not be dealt with: it goes back to the queue, or, where the link is known, the link says it.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// No token.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The keys of webhooks.
    #[error(transparent)]
    Keys(#[from] WebhookKeysError),
    /// A call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Webex sent an id that is none.
    #[error(transparent)]
    Id(#[from] InvalidWebexId),
    /// A group with the team's unique name exists already, and is older than our request or another team's.
    #[error("a group with the unique name of team {0} exists already, and it is not ours")]
    SomebodyElsesGroup(TeamId),
    /// The team is archived, and so takes no change.
    #[error("the team {0} is archived: its link is paused")]
    Archived(TeamId),
    /// The service refuses every form of the request.
    #[error("the group for team {0} was refused in every form")]
    CreationRefused(TeamId),
    /// The group exists, but no replica that was asked shows it yet.
    #[error("the new group cannot be read yet")]
    GroupNotFoundYet,
    /// The lease ended, or somebody else has it: whatever this look wanted to store is void.
    #[error("the lease of team {0} is lost")]
    LeaseLost(TeamId),
}

impl SyncError {
    /// What to do about it; `None` for what only the queue can answer, by delivering the message again.
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Store(_) | Self::Queue(_) | Self::LeaseLost(_) | Self::Tokens(TokensError::Store(_)) => None,
            Self::Call(error) => Some(error.class()),
            // A refresh token that is refused never works again.
            Self::Tokens(TokensError::Refresh(error)) => Some(match error.class() {
                Class::Permanent => Class::NeedsAdministrator,
                other => other,
            }),
            Self::Tokens(TokensError::Entra(error)) => Some(error.class()),
            Self::Tokens(
                TokensError::Secrets(_)
                | TokensError::BeingRefreshed
                | TokensError::Federation(FederationError::Busy(_)),
            ) => Some(Class::Transient),
            Self::Tokens(
                TokensError::Secret { .. }
                | TokensError::NoApp(_)
                | TokensError::NotConnected
                | TokensError::Federation(FederationError::Refused(_)),
            ) => Some(Class::NeedsAdministrator),
            Self::GroupNotFoundYet | Self::Keys(_) => Some(Class::Transient),
            Self::Id(_) | Self::SomebodyElsesGroup(_) | Self::Archived(_) | Self::CreationRefused(_) => {
                Some(Class::Permanent)
            }
        }
    }

    /// What an error of a round's own calls says about the tenant; `None` where it may pass, or is about something else.
    ///
    /// # Assumptions
    /// The calls of a round (events, people, groups) are refused with 401 or 403 for no other reason than a lost role or consent.
    pub fn suspension_reason(&self) -> Option<Why> {
        match self {
            Self::Tokens(TokensError::Refresh(call)) => {
                matches!(call.class(), Class::Permanent | Class::NeedsAdministrator).then_some(Why::OfficerSignedOut)
            }
            Self::Tokens(TokensError::Entra(error)) => match (error.class(), error.kind) {
                (Class::NeedsAdministrator, TokenErrorKind::BadCredential | TokenErrorKind::NotFederated) => {
                    Some(Why::OwnCredential)
                }
                (Class::NeedsAdministrator, _) => Some(Why::ConsentLost),
                _ => None,
            },
            Self::Tokens(TokensError::NotConnected) => Some(Why::OfficerSignedOut),
            Self::Tokens(
                TokensError::Secret { .. }
                | TokensError::NoApp(_)
                | TokensError::Federation(FederationError::Refused(_)),
            ) => Some(Why::OwnCredential),
            Self::Call(call) => match (call.api, call.status()) {
                (Api::Graph, Some(401 | 403)) => Some(Why::ConsentLost),
                (Api::Webex, Some(401)) => Some(Why::OfficerSignedOut),
                (Api::Webex, Some(403)) if call.path.starts_with("/identity/") => Some(Why::AdministratorRoleLost),
                (Api::Webex, Some(403)) => Some(Why::ComplianceRoleLost),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn api(&self) -> Api {
        match self {
            Self::Call(error) => error.api,
            Self::Tokens(TokensError::Refresh(_)) => Api::Webex,
            _ => Api::Graph,
        }
    }
}

/// A tenant as one message finds it.
pub(crate) struct Desk {
    tenant: Tenant,
    settings: Settings,
    rules: Option<DirectoryRules>,
    shut_until: Option<Timestamp>,
    webex_calls: Option<Bucket>,
    graph_writes: Option<Bucket>,
    all_graph_writes: Option<Bucket>,
    deadline: Deadline,
}

impl Desk {
    /// Whether looks see to folders.
    fn has_folders(&self) -> bool {
        self.settings.running == Running::Live && self.tenant.has_folders(&self.settings)
    }
}

/// With what a look calls.
pub(crate) struct Calls {
    webex: Access,
    graph: Access,
}

impl Sync {
    /// Deals with one message, within the deadline.
    ///
    /// # Errors
    /// The message has to be delivered again.
    pub async fn handle(&self, message: &Message, deadline: Deadline) -> Result<(), SyncError> {
        let team = match message.ask {
            Ask::Team { team, .. } | Ask::Folders { team } => Some(team),
            Ask::Room { room, .. } => Some(room.as_team()),
            _ => None,
        };
        let Some((desk, kept)) = self.desk(message.tenant, team, deadline).await? else {
            tracing::warn!(tenant = %message.tenant, "a message of an unknown tenant is dropped");
            return Ok(());
        };
        if desk.settings.switched_on_at.is_none() {
            return Ok(());
        }
        match &message.ask {
            Ask::Team { team, region } => self.team(&desk, message, *team, region.clone(), kept).await,
            Ask::Room { room, region } => self.room(&desk, message, *room, region, kept).await,
            Ask::Group { group } => self.group(&desk, message, *group).await,
            Ask::Person { person, object } => {
                self.person(&desk, message, Person { object: *object, person: *person }).await
            }
            Ask::CardAnswered { action } => self.card_answered(&desk, message, action).await,
            Ask::Folders { team } => self.folders(&desk, message, *team, kept).await,
            Ask::SubscriptionLifecycle { subscription } => self.renew(&desk, message, subscription).await,
        }
    }

    /// Reads the tenant, its settings, rules and gates, and the link, in one request.
    async fn desk(
        &self,
        tenant: TenantId,
        team: Option<TeamId>,
        deadline: Deadline,
    ) -> Result<Option<(Desk, Option<Kept>)>, StoreError> {
        let link = team.map(|team| link::key(tenant, team));
        let at_hand = tenant::at_hand(self.store.as_ref(), tenant, link.as_slice(), self.clock.now()).await?;
        let Some((at_hand, mut others)) = at_hand else { return Ok(None) };
        let kept = others.pop().map(from_item).transpose()?;
        let AtHand { tenant, settings, rules, shut_until, webex_calls, graph_writes, all_graph_writes, .. } = at_hand;
        let desk = Desk { tenant, settings, rules, shut_until, webex_calls, graph_writes, all_graph_writes, deadline };
        Ok(Some((desk, kept)))
    }

    async fn calls(&self, desk: &Desk) -> Result<Calls, SyncError> {
        let (webex, graph) = futures::future::join(
            self.tokens.webex(desk.tenant.tenant, desk.tenant.officer, desk.deadline),
            self.tokens.graph(desk.tenant.directory, desk.deadline),
        )
        .await;
        Ok(Calls { webex: webex?, graph: graph? })
    }

    /// Asks for a look at a team, now or later.
    async fn ask_again(
        &self,
        tenant: TenantId,
        link: &Link,
        (at, cause): (Timestamp, Cause),
        not_before: Timestamp,
    ) -> Result<(), QueueError> {
        let ask = Ask::Team { team: link.team, region: Some(link.region.clone()) };
        let message = Message { v: Default::default(), tenant, at, cause, ask };
        let delay = not_before.duration_since(self.clock.now());
        self.queue.send(&message, delay.try_into().unwrap_or_default()).await
    }
}
