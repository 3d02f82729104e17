//! Backfill: groups for the teams that existed before the integration. The search finds them
//! through their people, an admin chooses, and the reconciliation cycles create the groups.
//!
//! Webex has no list of an organization's teams. A compliance officer can list the spaces of a
//! person, so a search through all people reaches each General space, and with it each team.
//! [`search`] has the progress, [`candidate`] the teams found, [`run`] the choice and its outcome.
//!
//! # Guarantees
//! * Every step is stored on condition that the record is unchanged: the next cycle continues an
//!   interrupted one, and of two admins who press the same button one takes effect.
//! * A request reads one page of a list. Work on all teams is left to the cycles.

pub mod candidate;
pub mod run;
pub mod search;

use domain::ids::TenantId;
use store::keys;
use store::table::{Key, StoreError};

pub(crate) use candidate::partition as candidate_partition;
pub(crate) use run::partition as chosen_partition;

fn own_key(tenant: TenantId, name: &str) -> Key {
    Key::new(keys::partition(tenant), name)
}

/// Outcome of an update that an admin requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// The update is stored.
    Done,
    /// The record has changed, so nothing was stored.
    Stale,
}

impl UpdateOutcome {
    fn of(written: Result<(), StoreError>) -> Result<Self, StoreError> {
        match written {
            Ok(()) => Ok(Self::Done),
            Err(StoreError::ConditionFailed) => Ok(Self::Stale),
            Err(error) => Err(error),
        }
    }
}
