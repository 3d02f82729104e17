//! Webex's REST API, reduced to the calls that we need.
//! <https://developer.webex.com/docs/api/getting-started>
//!
//! # Guarantees
//! A list from which an absence can follow is [`Complete`](crate::complete::Complete) or an error:
//! every page was read, and every item. Other lists skip what they cannot read, and count it.
//!
//! # Assumptions
//! 404 also means "not visible to this account". A [`None`] says only that this account cannot see
//! the thing.

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
mod space_clue;
mod teams;
mod webhooks;
mod wire;

pub use client::Webex;
pub use events::{EventKind, EventsFrom, EventsPage, MembershipEvent};
pub use folders::{FolderToLink, LinkedFolder, Storage};
pub use id::{InvalidWebexId, Region, WebexId, WebexKind};
pub use memberships::{
    Added, JoinOutcome, Membership, MembershipListing, MembershipRole, Removal, SpacesFrom,
    SpacesPage,
};
pub use messages::{AttachmentAction, LONGEST_MESSAGE, plain};
pub use notification::{InvalidNotification, Notification};
pub use oauth::{CodeExchange, Prompt, SignIn, TokenPair};
pub use opaque::{InvalidOpaqueId, LinkedFolderId, MembershipId, WebhookId};
pub use people::{Account, AccountKind};
pub use rooms::{Room, RoomKind};
pub use scim::{ScimOrder, ScimPage, ScimState, ScimUser};
pub use signature::SignatureMismatch;
pub use space_clue::SpaceClue;
pub use teams::Team;
pub use webhooks::{
    NewWebhook, Webhook, WebhookEvent, WebhookOwner, WebhookResource, WebhookStatus, WebhookUpdate,
};
