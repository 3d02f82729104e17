//! Simulated Webex, Entra ID and Microsoft Graph: state, rules, limits, eventual consistency, and
//! faults on demand.
//!
//! Everything is written from what the services document or were seen to do, never from this
//! project's own clients, so that a client that misreads a service fails here. Where the two
//! differ, the simulator is stricter than the service. One [`World`] holds all three services and
//! any number of tenants.
//!
//! # Guarantees
//! - The same seed, clock and calls give the same responses, ids and replicas: nothing here asks
//!   the machine for time or randomness.
//! - Nothing sleeps. What takes time (replication, new groups, events, deliveries, ends of tokens)
//!   is compared with the clock when asked.
//! - A call is one step under one lock; no lock is held over an await.
//!
//! # Entry points
//! - [`World`]: acts of people and administrators, the truth to assert on, [faults](Fault),
//!   [records](Call) and [violations](Violation).
//! - [`World::transport`]: a [`Transport`](clients::http::Transport) that finds the services by
//!   their real host names, in the same process.
//! - [`World::router`] and [`serve`]: the same over HTTP on 127.0.0.1.
//! - Pages for signing in and consenting, at the addresses of the real ones. Without a browser:
//!   post `account` (an id or an address) and `decision` (`accept` or `decline`) to the address
//!   that the application sends people to, and read where the response sends the browser.
//!
//! # Layout
//! `state` is plain data. `webex` and `microsoft` are the handlers of the services. `world` sends a
//! call to its service, and acts as people do. `answer` gives the answers of `faults` that lie.
//! `serve` puts the world behind a transport and HTTP.

mod answer;
mod browser;
mod external_issuer;
mod faults;
mod generate;
mod jwt;
mod microsoft;
mod pkce;
mod readable_path;
mod record;
mod serve;
mod state;
mod webex;
mod wire;
mod world;

pub use external_issuer::{issue_token, issuer_header, issuer_keys};
pub use faults::{BrokenBody, Failure, Fault, Lie, Operation, Rows};
pub use readable_path::readable_path;
pub use record::{Call, Item, Kind, Service, Violation};
pub use serve::{Ports, Servers, serve, serve_on};
pub use state::apps::{
    AppRegistration, Credentials, DirectoryRole, FederatedCredential, GroupMembershipClaims,
};
pub use state::graph_settings::{
    BeforeConsent, Collisions, DeltaEnd, DeltaEntries, GraphSettings, OwnerRemoval, ThrottledBatch,
    UpsertBinds,
};
pub use state::groups::GroupRule;
pub use state::microsoft::{UserKind, UserOrigin};
pub use state::outbox::Delivery;
pub use state::webex::{
    AccountStatus, AdminRole, MembershipRole, SERVICE_ACCOUNT_SCOPES, TokenPair, UserType,
};
pub use state::webex_settings::{
    EmptyPages, IdMatching, OrgWebhooks, RefreshRule, StatusShape, TeamIdKind, WebexSettings,
};
pub use webex::messages::Card;
pub use webex::webhooks::sign;
pub use world::{
    DriveFolder, Group, LinkedFolder, Person, Refused, Room, Team, TenantHandle, User, World,
};
