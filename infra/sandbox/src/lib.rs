//! A laptop-sized Webex, Entra ID and Microsoft Graph: state, rules, limits, eventual consistency, and failures on demand.
//!
//! Everything is written from what the services document or were seen to do, never from this project's own clients, so that a client that
//! misreads a service fails here. One [`World`] holds all three services and any number of tenants.
//!
//! # Guarantees
//! - The same seed, clock and calls give the same answers, ids and replicas: nothing here asks the machine for time or randomness.
//! - Nothing sleeps. What takes time (replication, young groups, events, deliveries, ends of tokens) is compared with the clock when asked.
//! - A call is one step under one lock; no lock is held over an await.
//!
//! # Ways in
//! - [`World`]: what people and administrators do, the truth to assert on, [faults](Fault), [records](Call) and [violations](Violation).
//! - [`World::transport`]: a [`clients::http::Transport`] that finds the services by their real host names, in the same process.
//! - [`World::router`] and [`serve`]: the same over HTTP on 127.0.0.1.
//! - Pages for signing in and consenting, at the addresses of the real ones. Without a browser: post `account` (an id or an address) and `decision`
//!   (`accept` or `decline`) to the address that the application sends people to, and read where the answer sends the browser.
//! - [`costs`]: what each situation costs, counted, and what a month does.
//! - [`load`]: what the functions bear, measured.
//! - [`scale`]: what large customers, and many of them, take.
//! - [`page`]: both sides, and the functions between them, to be watched and played with in a browser.

mod browser;
pub mod costs;
mod door;
mod faults;
pub mod house;
mod issuer;
pub mod load;
mod microsoft;
mod outbox;
pub mod page;
mod pkce;
mod record;
pub mod scale;
mod serve;
mod spoken;
mod webex;
mod wire;
mod world;

pub use faults::{Failure, Fault};
pub use issuer::{issued, issuer_header, issuer_keys};
pub use microsoft::{
    BeforeConsent, Collisions, DeltaEnd, DeltaWords, DirectoryRole, DriveFolder, FederatedCredential, GraphSettings,
    Group, GroupMembershipClaims, GroupRule, OwnerRemoval, Registration, ThrottledBatch, UpsertBinds, User, UserKind,
};
pub use outbox::Delivery;
pub use record::{Call, Item, Kind, Service, Violation};
pub use serve::{Ports, Servers, serve, serve_on};
pub use spoken::spoken;
pub use webex::{
    AccountStatus, AdminRole, Card, EmptyPages, LinkedFolder, OFFICER_SCOPES, OrgWebhooks, RefreshRule, Role, Room,
    Spelling, StatusShape, Team, TeamIdKind, TokenPair, UserType, WebexSettings,
};
pub use world::{Credentials, Person, Refused, TenantHandle, World};
