//! One type for each kind of id, so that a team's id cannot be passed where a space's is expected.
//!
//! All ids are uuids in storage. `clients::webex::WebexId` knows how Webex spells them on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.hyphenated().fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self { Self(uuid) }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self { id.0 }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Uuid::try_parse(text).map(Self) }
        }
    )+};
}

ids! {
    /// One customer: a Webex organization joined to one Entra directory.
    TenantId;
    /// A Webex organization.
    OrgId;
    /// An Entra directory (Microsoft calls it a tenant).
    DirectoryId;
    /// A Webex team. Its General space has the same uuid.
    TeamId;
    /// A Webex space.
    RoomId;
    /// A Webex user.
    PersonId;
    /// An Entra user's object id.
    ObjectId;
    /// A Microsoft 365 group.
    GroupId;
}

impl TeamId {
    /// Returns the team's General space. Its members are the team's members.
    pub fn general_space(self) -> RoomId {
        RoomId(self.0)
    }
}

impl RoomId {
    /// Returns the team that would have this space as its General space.
    pub fn as_team(self) -> TeamId {
        TeamId(self.0)
    }
}
