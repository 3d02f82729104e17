//! Previews: the acts of a sync that only reads and merges, as preview mode stores them.
//!
//! Each link has its own preview: the tenant's removal counter counts past removals, not those of
//! other previews.

mod stored;

pub use stored::{Changes, PreviewKind, changes, load};
pub(crate) use stored::{count_change, stored_hash};

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::codes::FailureReason;
use crate::link::Who;
use domain::ids::ObjectId;
use domain::membership::{ExclusionReason, Person, Role, Side};
use domain::merge::{ApprovalReason, PersonRemoval};

/// The acts that a sync would do to one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The moment of the reading.
    pub at: Timestamp,
    /// The outlook for the group itself.
    pub group: GroupOutlook,
    /// The outlook for the service account.
    pub service_account: ServiceAccountOutlook,
    /// The rename, if a side would be renamed.
    pub rename: Option<Rename>,
    /// Changes of people's roles in order; those that would wait for an administrator come last.
    pub moves: Vec<Move>,
    /// People who would stay on one side only.
    pub excluded: Vec<(Who, ExclusionReason)>,
    /// People who are not resolved yet; a later preview knows more.
    pub unresolved: usize,
}

/// The outlook for a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outlook", rename_all = "kebab-case")]
pub enum GroupOutlook {
    /// It exists.
    Exists,
    /// It would be created.
    Created {
        /// The requested name, which a naming policy can decorate.
        name: String,
        /// The requested address before the `@`.
        mail_nickname: String,
        /// The tenant's fallback owner, if no moderator is eligible.
        fallback_owner: Option<ObjectId>,
        /// The consent that has to come first.
        consent: Consent,
    },
    /// Nothing would be done: a side is missing, or there can be no group.
    Blocked {
        /// The reason.
        reason: FailureReason,
    },
}

/// The consent that a new group needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// None, or it is given.
    NotNeeded,
    /// The team creator's, who is asked by card.
    Creator,
}

/// The outlook for the service account in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceAccountOutlook {
    /// It would stay where it is.
    Stays,
    /// It would join the team as a moderator.
    Joins,
}

/// A rename that would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// The side.
    pub side: Side,
    /// The name as it was read.
    pub from: String,
    /// The new name.
    pub to: String,
}

/// A change of one person's role on one side that would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The person.
    pub person: Person,
    /// The side.
    pub side: Side,
    /// The present role.
    pub from: Role,
    /// The new role.
    pub to: Role,
    /// The reason why it would wait for an administrator, if so.
    pub held: Option<ApprovalReason>,
}

/// Numbers of a preview.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Groups created.
    pub created: usize,
    /// People added, on either side.
    pub added: usize,
    /// Members made owners.
    pub promoted: usize,
    /// Owners made members.
    pub demoted: usize,
    /// People removed without approval.
    pub removed: usize,
    /// Removals that would wait for an administrator.
    pub held: usize,
    /// Names changed.
    pub renamed: usize,
    /// People who would stay on one side only.
    pub excluded: usize,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        // All fields are named, so that a new one cannot be missing from a sum.
        let Self { created, added, promoted, demoted, removed, held, renamed, excluded } = other;
        self.created += created;
        self.added += added;
        self.promoted += promoted;
        self.demoted += demoted;
        self.removed += removed;
        self.held += held;
        self.renamed += renamed;
        self.excluded += excluded;
    }
}

impl Preview {
    /// Returns the numbers.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            created: usize::from(matches!(self.group, GroupOutlook::Created { .. })),
            renamed: usize::from(self.rename.is_some()),
            excluded: self.excluded.len(),
            ..Totals::default()
        };
        for one in &self.moves {
            *match (one.from, one.to, one.held) {
                // A removal that waits counts once, and not among the removals.
                (_, _, Some(_)) => &mut totals.held,
                (_, Role::None, None) => &mut totals.removed,
                (Role::None, _, None) => &mut totals.added,
                (_, Role::Owner, None) => &mut totals.promoted,
                (_, Role::Member, None) => &mut totals.demoted,
            } += 1;
        }
        totals
    }

    /// Returns all removals, also those that would wait for an administrator.
    pub fn removals(&self) -> impl Iterator<Item = PersonRemoval> {
        let removals = self.moves.iter().filter(|one| !one.to.is_present());
        removals.map(|one| PersonRemoval { person: one.person, side: one.side })
    }

    /// Returns the hash of all acts. The moment and exclusions are no acts.
    pub fn hash(&self) -> String {
        // All fields are named, so that a new one cannot stay out of the hash by mistake.
        let Self { at: _, group, service_account, rename, moves, excluded: _, unresolved: _ } =
            self;
        let group = match group {
            // The kind of obstacle counts, not the service's words for it.
            GroupOutlook::Blocked { reason } => json!({ "blocked": reason.kind() }),
            group => json!(group),
        };
        let acts = json!({
            "group": group, "service_account": service_account, "rename": rename, "moves": moves,
        });
        let hash = Sha256::digest(acts.to_string());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::stored::tests::preview;
    use super::*;

    const A_MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

    #[test]
    fn hash_covers_the_acts() {
        let at = "2026-11-23T08:00:00Z".parse().unwrap();
        let shown = preview(at, 3, 3);
        let later = Preview { at: at + A_MONTH, unresolved: 7, ..preview(at, 3, 0) };
        assert_eq!(shown.hash(), later.hash(), "the moment and exclusions are no acts");
        let rename = |to: &str| Some(Rename { side: Side::Team, from: "A".into(), to: to.into() });
        let created = |name: &str, consent| GroupOutlook::Created {
            name: name.into(),
            mail_nickname: "n".into(),
            fallback_owner: None,
            consent,
        };
        let mut held = shown.clone();
        held.moves[1].held = Some(ApprovalReason::LinkLimit);
        let mut promoted = shown.clone();
        promoted.moves[1].to = Role::Owner;
        let mut others = vec![shown.hash(), held.hash(), promoted.hash(), preview(at, 2, 3).hash()];
        for other in [
            Preview { rename: rename("B"), ..shown.clone() },
            Preview { rename: rename("C"), ..shown.clone() },
            Preview { service_account: ServiceAccountOutlook::Joins, ..shown.clone() },
            Preview { group: created("A", Consent::NotNeeded), ..shown.clone() },
            Preview { group: created("B", Consent::NotNeeded), ..shown.clone() },
            Preview { group: created("B", Consent::Creator), ..shown },
        ] {
            others.push(other.hash());
        }
        let count = others.len();
        others.sort();
        others.dedup();
        assert_eq!(others.len(), count);
    }
}
