//! Webex's REST API: what we call, and nothing more. <https://developer.webex.com/docs/api/getting-started>
//!
//! # Guarantees
//! A list comes as [`Complete`](crate::complete::Complete) or not at all: every page was read, and an item that cannot be read is an error.
//! The one exception are events that name no space: they are only hints.
//!
//! # Assumptions
//! 404 also means "not visible to this account": a [`None`] says that this account cannot see the thing, and nothing more.

mod client;
mod events;
mod folders;
mod id;
mod memberships;
mod messages;
mod notification;
mod oauth;
mod opaque;
mod paging;
mod people;
mod rooms;
mod scim;
pub mod signature;
mod teams;
mod webhooks;
mod wire;

pub use client::Webex;
pub use events::{EventKind, MembershipEvent};
pub use folders::{FolderToLink, LinkedFolder, Storage};
pub use id::{InvalidWebexId, Region, WebexId, WebexKind};
pub use memberships::{Added, Joined, Membership, Removal, Role, SpacesFrom, SpacesPage};
pub use messages::{AttachmentAction, plain};
pub use notification::{InvalidNotification, Notification};
pub use oauth::{CodeExchange, SignIn, TokenPair};
pub use opaque::{InvalidOpaqueId, LinkedFolderId, MembershipId, WebhookId};
pub use people::{Account, AccountKind};
pub use rooms::{Room, RoomKind};
pub use scim::{ScimOrder, ScimPage, ScimState, ScimUser};
pub use signature::SignatureMismatch;
pub use teams::Team;
pub use webhooks::{NewWebhook, Webhook, WebhookEvent, WebhookOwner, WebhookResource, WebhookStatus, WebhookUpdate};
