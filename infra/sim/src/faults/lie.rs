//! Lies: answers that disagree with the state.

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::record::Kind;

/// An answer that disagrees with the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Lie {
    /// A write is answered as if it was done, and has no effect. If the fault is limited to a
    /// person and the write adds several people, only that person is not added.
    NoEffect,
    /// A write is answered as if it was done, and takes effect this much later.
    Late(Duration),
    /// A write is refused without effect, as if the person or object was there already.
    AlreadyThere,
    /// A call is answered 404 without effect, in the service's words for a missing object.
    NotThere,
    /// A listing, or an answer to a question about one person, lacks rows and looks whole.
    RowsMissing(Rows),
    /// These fields of some rows of a listing have these values.
    OddRows(Rows, Map<String, Value>),
    /// The call takes effect, and the body of its answer is of no use.
    Body(BrokenBody),
    /// The call takes effect, and its answer has these headers in place of the usual ones.
    Headers(Vec<(String, String)>),
}

/// Rows of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// Every row.
    All,
    /// About half of the rows: the same ones for the same number.
    Half(u64),
    /// The rows of these people, teams, rooms or groups.
    Of(Vec<Uuid>),
}

/// A body that is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenBody {
    /// A page of a proxy, in HTML.
    Html,
    /// No body.
    Empty,
    /// The first half of the body.
    Cut,
}

impl Lie {
    /// Returns `true` if a request of this kind can get the lie. A whole batch has neither rows nor
    /// effects: its items have.
    pub(super) fn can_apply(&self, kind: Kind, is_batch: bool) -> bool {
        match self {
            Self::NoEffect | Self::Late(_) | Self::AlreadyThere => kind.is_write(),
            Self::NotThere => !is_batch,
            Self::RowsMissing(_) | Self::OddRows(..) => !kind.is_write() && !is_batch,
            Self::Body(_) | Self::Headers(_) => true,
        }
    }
}

impl Rows {
    /// Returns `true` for a row with these ids.
    pub(super) fn include(&self, ids: &[Uuid]) -> bool {
        match self {
            Self::All => true,
            Self::Half(number) => ids.first().is_some_and(|id| is_in_half(*id, *number)),
            Self::Of(requested) => ids.iter().any(|id| requested.contains(id)),
        }
    }
}

fn is_in_half(id: Uuid, number: u64) -> bool {
    let (high, low) = id.as_u64_pair();
    // A multiplicative hash, so that each number selects other rows.
    let mixed = (high ^ low ^ number.wrapping_mul(0x2545_F491_4F6C_DD1D))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed >> 63 == 1
}
