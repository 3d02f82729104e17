//! Lies of the services in random histories.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use sim::{BrokenBody, Fault, Lie, Operation, Person, Rows, Service, TenantHandle, World};
use uuid::Uuid;

use super::customers::PEOPLE;

/// Kind of a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LieKind {
    /// Writes are acknowledged and lost.
    LostWrites,
    /// Writes about one person are acknowledged and lost, for ever.
    LostForOne,
    /// Writes are acknowledged and take effect up to two hours later.
    LateWrites,
    /// Additions are refused, as if the person was there.
    AlreadyThere,
    /// Removals are refused, as if the person was not there.
    NotThere,
    /// Listings of people lack about half of their rows.
    ShortListings,
    /// Listings of people are empty.
    EmptyListings,
    /// A listing lacks a person, and so does the single question about them.
    AgreeingAbsence,
    /// The team or group answers 404, and its listings answer.
    HiddenObject,
    /// The listings answer 404, and the team or group answers.
    HiddenListings,
    /// Every call is throttled for a second.
    HastyRetry,
    /// Bodies are HTML, empty or cut, though calls take effect.
    UselessBodies,
    /// A person's row in the directory cannot be read.
    OddPeople,
}

impl LieKind {
    /// Every kind.
    const ALL: [Self; 13] = [
        Self::LostWrites,
        Self::LostForOne,
        Self::LateWrites,
        Self::AlreadyThere,
        Self::NotThere,
        Self::ShortListings,
        Self::EmptyListings,
        Self::AgreeingAbsence,
        Self::HiddenObject,
        Self::HiddenListings,
        Self::HastyRetry,
        Self::UselessBodies,
        Self::OddPeople,
    ];

    /// The kinds in histories, unless `LIES` names others.
    const ON: [Self; 7] = [
        Self::LostWrites,
        Self::LostForOne,
        Self::LateWrites,
        Self::AlreadyThere,
        Self::NotThere,
        Self::ShortListings,
        Self::EmptyListings,
    ];

    /// The kinds of this run: `LIES=all`, or names such as `LIES=LostWrites,HastyRetry`.
    pub(super) fn of_this_run() -> Vec<Self> {
        let Ok(names) = std::env::var("LIES") else {
            return Self::ON.to_vec();
        };
        let is_named = |kind: &Self| names.split(',').any(|name| name == format!("{kind:?}"));
        Self::ALL.into_iter().filter(|kind| names == "all" || is_named(kind)).collect()
    }

    /// Returns `true` if a change of people can stay open, or come again, after the lie.
    pub(super) fn delays_changes(self) -> bool {
        !matches!(self, Self::OddPeople)
    }

    /// Returns `true` if an earlier write can take effect after a later act.
    pub(super) fn reorders_writes(self) -> bool {
        self == Self::LateWrites
    }
}

/// A lie of one service about one customer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Untruth {
    pub(super) kind: LieKind,
    service: Service,
    pub(super) person: usize,
    span: Span,
}

/// Extent of a lie.
#[derive(Clone, Copy, Debug)]
enum Span {
    /// The next call of each kind.
    Once,
    /// Every call for so many minutes.
    Minutes(u64),
}

/// Returns any lie of these kinds, below three hours: after that agreeing answers end a link.
pub(super) fn untruth(kinds: Vec<LieKind>) -> impl Strategy<Value = Untruth> {
    let span = prop_oneof![
        Just(Span::Once),
        (1..5_u64).prop_map(Span::Minutes),
        (5..170_u64).prop_map(Span::Minutes),
    ];
    let service = prop_oneof![Just(Service::Webex), Just(Service::Graph)];
    (select(kinds), service, 1..PEOPLE, span).prop_map(|(kind, service, person, span)| Untruth {
        kind,
        service,
        person,
        span,
    })
}

impl Untruth {
    /// The time in which the lie can strike, and a change that it delayed can arrive.
    pub(super) fn lasts(self) -> SignedDuration {
        let late = if self.kind == LieKind::LateWrites { 120 } else { 0 };
        let minutes = match self.span {
            // A lie that strikes once waits for its call.
            Span::Once => 24 * 60,
            Span::Minutes(minutes) => i64::try_from(minutes).unwrap(),
        };
        SignedDuration::from_mins(minutes + late)
    }

    /// Injects the faults of the lie.
    pub(super) fn begin(self, world: &World, handle: &TenantHandle, person: Person) {
        let owner = match self.service {
            Service::Webex => handle.org.0,
            Service::Graph | Service::Entra => handle.directory.0,
        };
        for fault in self.faults(person) {
            let fault = fault.on(self.service).tenant(owner);
            world.inject(match (self.kind, self.span) {
                (LieKind::LostForOne, _) => fault.forever(),
                (LieKind::AgreeingAbsence, _) => fault.forever().lasting(Duration::from_secs(110)),
                (_, Span::Once) => fault,
                (_, Span::Minutes(minutes)) => {
                    fault.forever().lasting(Duration::from_secs(60 * minutes))
                }
            });
        }
    }

    fn faults(self, person: Person) -> Vec<Fault> {
        use Operation::{AddPeople, AskPerson, ChangeRole, ListPeople, ReadObject};
        use Operation::{RemovePerson, Rename};
        let ids: [Uuid; 2] = [person.object.0, person.person.0];
        let about = |operation: Operation, lie: Lie| Fault::lie(lie).operation(operation);
        let number = u64::try_from(self.person).unwrap();
        match self.kind {
            LieKind::LostWrites => [AddPeople, RemovePerson, ChangeRole, Rename]
                .map(|operation| about(operation, Lie::NoEffect))
                .into(),
            LieKind::LostForOne => [AddPeople, RemovePerson, ChangeRole]
                .map(|operation| about(operation, Lie::NoEffect).person(&ids))
                .into(),
            LieKind::LateWrites => {
                let late = Lie::Late(Duration::from_secs(1_200 * number));
                [AddPeople, RemovePerson, ChangeRole]
                    .map(|operation| about(operation, late.clone()))
                    .into()
            }
            LieKind::AlreadyThere => vec![about(AddPeople, Lie::AlreadyThere)],
            LieKind::NotThere => vec![about(RemovePerson, Lie::NotThere)],
            LieKind::ShortListings => {
                vec![about(ListPeople, Lie::RowsMissing(Rows::Half(number)))]
            }
            LieKind::EmptyListings => vec![about(ListPeople, Lie::RowsMissing(Rows::All))],
            LieKind::AgreeingAbsence => vec![
                about(ListPeople, Lie::RowsMissing(Rows::Of(ids.into()))),
                about(AskPerson, Lie::RowsMissing(Rows::All)).person(&ids),
            ],
            LieKind::HiddenObject => vec![about(ReadObject, Lie::NotThere)],
            LieKind::HiddenListings => vec![about(ListPeople, Lie::NotThere)],
            LieKind::HastyRetry => vec![Fault::throttled("1")],
            LieKind::UselessBodies => {
                let how = [BrokenBody::Html, BrokenBody::Empty, BrokenBody::Cut];
                vec![Fault::lie(Lie::Body(how[self.person % how.len()]))]
            }
            LieKind::OddPeople => {
                let odd = json!({"active": "true", "userName": null, "meta": {}});
                let odd = Lie::OddRows(Rows::Of(ids.into()), odd.as_object().unwrap().clone());
                vec![Fault::lie(odd).path("/v2/Users")]
            }
        }
    }
}
