//! Teams that were there before the integration: found through their people, chosen by an administrator, and given their groups.
//!
//! Webex has no list of an organization's teams. A compliance officer can list the spaces of a person, though: whoever goes through everybody meets each General space, and so
//! each team. [`search`] says how far that is, [`found`] what it met, and [`run`] which teams an administrator chose and what became of each.
//!
//! # Guarantees
//! * Everything is stored step by step, on condition that nobody changed it meanwhile: a round that is cut off is gone on with by the next, and of two administrators who press
//!   the same button one does it.
//! * Nothing here scans in a request: lists are read page by page, and what concerns all teams is done by the tenant's rounds.

pub mod candidate;
pub mod run;
pub mod search;

use serde::Serialize;

use domain::ids::TenantId;
use store::keys;
use store::table::{Condition, Key, StoreError, Test, Write, to_item, to_value};

pub(crate) use candidate::partition as found_partition;
pub(crate) use run::partition as chosen_partition;

fn own_key(tenant: TenantId, name: &str) -> Key {
    Key::new(keys::partition(tenant), name)
}

/// Puts the next version of a record in the place of the one that was read.
fn next_version<T: Serialize>(key: &Key, record: &T, read: u64) -> Result<Write, StoreError> {
    let mut item = to_item(key, record)?;
    item.insert("version".into(), to_value(&(read + 1))?);
    let unchanged = match read {
        0 => Condition::Absent,
        read => Condition::Holds(vec![Test::Equals("version", to_value(&read)?)]),
    };
    Ok(Write::Put(item, unchanged))
}

/// What became of something that an administrator wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is done.
    Granted,
    /// Things were no longer so that it could be done: nothing was changed.
    Moved,
}

impl Wish {
    fn of(written: Result<(), StoreError>) -> Result<Self, StoreError> {
        match written {
            Ok(()) => Ok(Self::Granted),
            Err(StoreError::ConditionFailed) => Ok(Self::Moved),
            Err(error) => Err(error),
        }
    }
}
