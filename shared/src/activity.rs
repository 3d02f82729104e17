//! What a look did, for the pages: cause, difference and request ids, kept for 90 days.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use ulid::Ulid;

use crate::ids::{TeamId, TenantId};
use crate::message::Cause;
use crate::roster::{Person, Side, Standing};
use crate::store::{Condition, EXPIRES_AT, Key, StoreError, Write, to_item};
use crate::tenant::keys::team_partition;

const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Changes in one item.
const PER_ITEM: usize = 500;

/// What one look did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When.
    pub at: Timestamp,
    /// What gave rise to the look.
    pub cause: Cause,
    /// What became of people.
    pub changes: Vec<PersonChange>,
    /// Everything else, in words: created, renamed, restored.
    pub notes: Vec<String>,
    /// What the services called the writes.
    pub request_ids: Vec<String>,
}

/// What became of one person on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonChange {
    /// Who.
    pub person: Person,
    /// Where.
    pub side: Side,
    /// What the person was there.
    pub from: Standing,
    /// What the person is there.
    pub to: Standing,
    /// Why it did not work out, if so.
    pub refused: Option<String>,
}

impl Activity {
    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.notes.is_empty()
    }

    /// The items of this entry: one, or more where it is large.
    pub fn puts(&self, tenant: TenantId, team: TeamId) -> Result<Vec<Write>, StoreError> {
        let id = Ulid::generate();
        let parts = self.changes.len().div_ceil(PER_ITEM).max(1);
        let part = |n: usize| {
            let changes = self.changes.iter().skip(n * PER_ITEM).take(PER_ITEM).cloned().collect();
            let rest = if n == 0 { self.clone() } else { Self { notes: vec![], request_ids: vec![], ..self.clone() } };
            let mut item = to_item(
                &Key::new(team_partition(tenant, team), format!("ACTIVITY#{id}#{n}")),
                &Self { changes, ..rest },
            )?;
            let expires_at = (self.at + KEPT_FOR).as_second();
            item.insert(EXPIRES_AT.into(), AttributeValue::N(expires_at.to_string()));
            Ok(Write::Put(item, Condition::Any))
        };
        (0..parts).map(part).collect()
    }
}
