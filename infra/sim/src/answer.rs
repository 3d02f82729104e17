//! Answers that disagree with the state, as a lie says.

use jiff::SignedDuration;
use uuid::Uuid;

use crate::faults::{Lie, break_body, hide_rows, spoil_rows, without_people};
use crate::state::{Effect, LateEffect, State};
use crate::wire::{Request, Response};

/// Something that answers requests: a service, or an app for the items of a batch.
pub(crate) trait Handler {
    /// Carries out a request.
    fn answer(&self, state: &mut State, request: &Request) -> Response;
    /// Returns the effect of a request for later, if its caller may make it now.
    fn effect(&self, state: &mut State, request: &Request) -> Option<Effect>;
    /// Returns the refusal of a change that is made already.
    fn already_there(&self, request: &Request) -> Response;
    /// Returns the answer about an object that is not there.
    fn not_there(&self, request: &Request) -> Response;
}

/// Answers a request as the lie says. If the lie is limited to a person, `person` has their ids.
pub(crate) fn answer_lie(
    state: &mut State,
    handler: &dyn Handler,
    request: &Request,
    lie: &Lie,
    person: &[Uuid],
) -> Response {
    match lie {
        Lie::NoEffect => match without_people(request, person) {
            Some(request) => handler.answer(state, &request),
            None => without_effect(state, |state| handler.answer(state, request)),
        },
        Lie::Late(wait) => {
            let effect = handler.effect(state, request);
            let response = without_effect(state, |state| handler.answer(state, request));
            let at = state.now + SignedDuration::try_from(*wait).unwrap_or_default();
            if let Some(effect) = effect.filter(|_| response.status < 300) {
                state.late.push(LateEffect { at, effect });
            }
            response
        }
        Lie::AlreadyThere => handler.already_there(request),
        Lie::NotThere => handler.not_there(request),
        Lie::RowsMissing(_) | Lie::OddRows(..) | Lie::Body(_) | Lie::Headers(_) => {
            let mut response = handler.answer(state, request);
            distort(&mut response, lie);
            response
        }
    }
}

fn distort(response: &mut Response, lie: &Lie) {
    match lie {
        Lie::RowsMissing(rows) => hide_rows(response, rows),
        Lie::OddRows(rows, fields) => spoil_rows(response, rows, fields),
        Lie::Body(how) => break_body(response, *how),
        Lie::Headers(headers) => {
            headers.iter().for_each(|(name, value)| response.set_header(name, value));
        }
        Lie::NoEffect | Lie::Late(_) | Lie::AlreadyThere | Lie::NotThere => {}
    }
}

/// Returns the answer to a request, and forgets its effect.
fn without_effect(state: &mut State, answer: impl FnOnce(&mut State) -> Response) -> Response {
    let before = state.clone();
    let response = answer(state);
    let after = std::mem::replace(state, before);
    // Ids are never issued twice, and what was seen of the request remains.
    (state.rng, state.items, state.violations) = (after.rng, after.items, after.violations);
    response
}
