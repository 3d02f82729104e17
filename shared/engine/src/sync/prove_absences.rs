//! Proof of absences: asks about each person whom a reading lacks against the baseline, by another
//! call than the listing. Nothing is planned for them until two answers agree.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::approvals::count_against_link;
use super::types::{AbsencesLeft, Candidate, Reading, SyncDepth, SyncRun, role_of};
use super::{Deps, SyncError};
use crate::activity::PersonChange;
use crate::codes::Refusal;
use crate::link::Link;
use crate::tenant::Running;
use clients::graph::{Bind, Relation};
use clients::http::{CallError, CallFailure, ErrorClass};
use clients::webex::{Membership, WebexId};
use domain::ids::PersonId;
use domain::membership::{Aspect, Person, Role, Side, Sides};
use domain::merge::{
    Certainty, DeferredBy, Missing, OverlaidReading, PORTION, PerAspect, PersonRemoval, Proof,
    RemovalGuard, Subject, apply_overlay,
};

/// Most people that one run asks about: a portion, like its writes.
const QUESTIONS: usize = PORTION.webex_calls;

/// Questions to Webex at the same time.
const AT_ONCE: usize = 4;

/// People of a run whose absences are judged.
pub(super) struct Judged {
    pub(super) subjects: Vec<Subject>,
    /// Memberships that the listing lacked.
    pub(super) found: BTreeMap<PersonId, Membership>,
    pub(super) left: AbsencesLeft,
}

/// A question about one person on one side.
#[derive(Clone, Copy)]
struct Question {
    index: usize,
    person: Person,
    side: Side,
    /// Aspects that are in doubt.
    about: PerAspect<bool>,
    baseline: Role,
    read: Role,
}

/// Answers of a run.
struct Answers {
    proofs: Vec<Sides<Proof>>,
    found: BTreeMap<PersonId, Membership>,
}

/// Asks about absences, and judges every reading. People in sync cost no call.
pub(super) async fn prove_absences(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    mut people: Vec<Candidate>,
    guard: &RemovalGuard,
) -> Result<Judged, SyncError> {
    let is_preview =
        run.context.settings.running == Running::Preview || run.depth == SyncDepth::DryRun;
    if is_preview {
        // A preview stores no evidence, and changes nothing: one answer has to do.
        for one in &mut people {
            one.stored.absences = domain::merge::Absence::everywhere_before(run.started);
        }
    }
    let mut answers =
        Answers { proofs: vec![Sides::default(); people.len()], found: BTreeMap::new() };
    let mut questions = questions(run, reading, &people, guard, &mut answers.proofs);
    // Those whose absence was denied before come last, so that they hold up no one.
    questions.sort_by_key(|question| people[question.index].stored.was_denied(question.side));
    let is_new = |one: &&Question| !people[one.index].stored.was_denied(one.side);
    // Those denied before come back at their own time, so they do not count as left over.
    let unasked = questions.iter().skip(QUESTIONS).filter(is_new).count();
    questions.truncate(QUESTIONS);
    let (team, group): (Vec<_>, Vec<_>) =
        questions.into_iter().partition(|question| question.side == Side::Team);
    ask_webex(deps, run, link, &team, &mut answers).await?;
    ask_graph(deps, run, link, &group, &mut answers).await?;
    let mut judged = judge(run, people, guard, answers);
    judged.left.unasked = unasked;
    Ok(judged)
}

/// Says whom to ask about. Many missing people are not asked about: another reading comes first.
fn questions(
    run: &SyncRun<'_>,
    reading: &Reading,
    people: &[Candidate],
    guard: &RemovalGuard,
    proofs: &mut [Sides<Proof>],
) -> Vec<Question> {
    let (terms, now) = (run.terms(), run.started);
    let mut missing = Missing::default();
    for one in people.iter().filter(|one| Subject::is_compared(one.eligibility, now)) {
        missing.count(one.person, &one.stored, one.read, &terms);
    }
    let counted = count_against_link(run, reading, missing.removals(), guard.clone());
    let are_too_many = missing.are_too_many(&counted);
    let mut questions = vec![];
    for (index, one) in people.iter().enumerate() {
        for side in Side::BOTH {
            let about = one.stored.questions(side, one.read, now);
            let is_asked = about.presence || about.ownership;
            if !is_asked || !Subject::is_compared(one.eligibility, now) {
                continue;
            }
            let removal = PersonRemoval { person: one.person, side: side.other() };
            let is_missing = one.stored.is_missing(side, one.read, now);
            // What an admin decided needs no further reading: one answer per person is enough.
            if are_too_many && is_missing && !is_decided(guard, &removal) {
                proofs[index][side] = Proof::TooMany;
                continue;
            }
            let baseline = one.stored.baseline[side];
            let (person, read) = (one.person, one.read[side]);
            questions.push(Question { index, person, side, about, baseline, read });
        }
    }
    questions
}

fn is_decided(guard: &RemovalGuard, removal: &PersonRemoval) -> bool {
    guard.approved.contains(removal) || guard.discarded.contains(removal)
}

async fn ask_webex(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    questions: &[Question],
    answers: &mut Answers,
) -> Result<(), SyncError> {
    for chunk in questions.chunks(AT_ONCE) {
        let mut asked = Vec::with_capacity(chunk.len());
        for question in chunk {
            asked.push(membership_of(deps, run, link, question.person.person));
        }
        for (question, answer) in chunk.iter().zip(join_all(asked).await) {
            let answer = answer.map(|membership| {
                let role = membership.as_ref().map_or(Role::None, role_of);
                answers.found.extend(membership.map(|one| (one.person, one)));
                role
            });
            answers.proofs[question.index][Side::Team] = proof(run, link, *question, answer)?;
        }
    }
    Ok(())
}

async fn membership_of(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    person: PersonId,
) -> Result<Option<Membership>, CallError> {
    let space = WebexId::new(link.region.clone(), link.team.general_space());
    let person = WebexId::new(run.context.tenant.region.clone(), person);
    deps.webex.membership_in(&run.access.webex, &space, &person).await
}

async fn ask_graph(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    questions: &[Question],
    answers: &mut Answers,
) -> Result<(), SyncError> {
    let (Some(group), false) = (link.group(), questions.is_empty()) else { return Ok(()) };
    let binds: Vec<Bind> = questions.iter().flat_map(binds_of).collect();
    let asked = match deps.graph.are_related(&run.access.graph, group, &binds).await {
        Ok(asked) => asked,
        // The whole call failed: so did each question.
        Err(error) => binds.iter().map(|_| Err(error.clone())).collect(),
    };
    let asked: BTreeMap<Bind, Result<bool, CallError>> = binds.into_iter().zip(asked).collect();
    for question in questions {
        let says = |relation| -> Result<Option<bool>, CallError> {
            let bind = Bind { person: question.person.object, relation };
            asked.get(&bind).cloned().transpose()
        };
        let answer = says(Relation::Member).and_then(|member| {
            let owner = says(Relation::Owner)?.unwrap_or_default();
            // Where the membership was not in doubt, the listing counts.
            let is_present = member.unwrap_or(question.read.is_present()) || owner;
            Ok(match (is_present, owner) {
                (_, true) => Role::Owner,
                (true, false) => Role::Member,
                (false, false) => Role::None,
            })
        });
        answers.proofs[question.index][Side::Group] = proof(run, link, *question, answer)?;
    }
    Ok(())
}

/// The relations to ask about. An owner who is not a member is present, too.
fn binds_of(question: &Question) -> Vec<Bind> {
    let PerAspect { presence, ownership } = question.about;
    let bind = |relation| Bind { person: question.person.object, relation };
    let asks_owner = ownership || question.baseline == Role::Owner;
    let member = presence.then(|| bind(Relation::Member));
    member.into_iter().chain(asks_owner.then(|| bind(Relation::Owner))).collect()
}

/// Turns an answer into a proof. A question without an answer is that person's matter, unless the
/// service throttles or no time is left.
fn proof(
    run: &SyncRun<'_>,
    link: &Link,
    question: Question,
    answer: Result<Role, CallError>,
) -> Result<Proof, SyncError> {
    match answer {
        Ok(role) => Ok(Proof::Answered(role)),
        Err(error)
            if matches!(error.failure, CallFailure::NoTime)
                || matches!(error.class(), ErrorClass::ThrottledUntil(_)) =>
        {
            Err(error.into())
        }
        Err(error) => {
            tracing::warn!(
                event = "absence_not_proven", tenant = %run.tenant(), team = %link.team,
                person = %question.person.object, side = %question.side, %error,
                "A question about a missing person had no answer. Nothing is changed."
            );
            Ok(Proof::NoAnswer)
        }
    }
}

/// Judges each person's reading by the answers.
fn judge(
    run: &SyncRun<'_>,
    people: Vec<Candidate>,
    guard: &RemovalGuard,
    Answers { proofs, found }: Answers,
) -> Judged {
    let mut judged = Judged { subjects: vec![], found, left: AbsencesLeft::default() };
    for (Candidate { person, stored, read, eligibility }, proofs) in people.into_iter().zip(proofs)
    {
        let removals = Side::BOTH.map(|side| PersonRemoval { person, side });
        let was_asked = Side::BOTH.iter().any(|&side| matches!(proofs[side], Proof::Answered(_)));
        let is_decided = removals.iter().any(|removal| is_decided(guard, removal));
        // A sync never touches an excluded person, so their absence needs no judgment.
        let seen = if Subject::is_compared(eligibility, run.started) {
            let proofs = Sides::each(|side| match proofs[side] {
                Proof::Answered(role) if is_decided => Proof::AnsweredForDecided(role),
                proof => proof,
            });
            apply_overlay(&stored, read, proofs, run.started)
        } else {
            OverlaidReading::of_excluded(&stored, read, run.started)
        };
        judged.left.answered += usize::from(was_asked && seen.state != stored);
        if seen.certainty == Certainty::Unclear {
            judged.left.unclear += 1;
            judged.left.undecided += usize::from(is_decided);
        }
        let lost = Aspect::BOTH.into_iter().find_map(|aspect| {
            let deferred = seen.state.deferred[aspect].as_ref()?;
            let is_new = stored.deferred[aspect].as_ref() != Some(deferred);
            let DeferredBy::Lost { tries } = deferred.by else { return None };
            let (side, from) = (deferred.side, seen.state.baseline[deferred.side]);
            let refused = Some(Refusal::Lost { tries });
            let to = stored.baseline[side];
            // Reported once: the mark itself stays until the write is confirmed or a person acts.
            is_new.then_some(PersonChange { person, side, from, to, refused })
        });
        judged.left.lost.extend(lost);
        judged.subjects.push(Subject { person, stored, seen, eligibility });
    }
    judged
}
