//! The whole system on a laptop: the functions and simulated services in one process.
//!
//! - [`local_stack`]: the functions, wired as in production, over an in-memory backend.
//! - [`page`]: a page that shows both sides and the functions between them, with an API.
//!
//! The services are those of the crate [`sim`].

pub mod local_stack;
pub mod page;

pub use sim::{
    AccountStatus, AdminRole, AppRegistration, BeforeConsent, Call, Card, Collisions, Credentials,
    Delivery, DeltaEnd, DeltaEntries, DirectoryRole, DriveFolder, EmptyPages, Failure, Fault,
    FederatedCredential, GraphSettings, Group, GroupMembershipClaims, GroupRule, IdMatching, Item,
    Kind, LinkedFolder, MembershipRole, OrgWebhooks, OwnerRemoval, Person, Ports, RefreshRule,
    Refused, Room, SERVICE_ACCOUNT_SCOPES, Servers, Service, StatusShape, Team, TeamIdKind,
    TenantHandle, ThrottledBatch, TokenPair, UpsertBinds, User, UserKind, UserType, Violation,
    WebexSettings, World, issue_token, issuer_header, issuer_keys, readable_path, serve, serve_on,
};
