//! Readings of a history: listings, single questions, and what the rule makes of both.

use std::collections::BTreeSet;

use domain::membership::{Eligibility, ExclusionReason, Person, Role, Side, Sides};
use domain::merge::{
    Missing, OverlaidReading, PersonRemoval, PersonState, Proof, Subject, Terms, apply_overlay,
};

use super::super::misreading::Misreading;
use super::super::world::{number, person};
use super::History;

/// Person of a run, before absences are judged.
struct Candidate {
    person: Person,
    stored: PersonState,
    read: Sides<Role>,
    eligibility: Eligibility,
}

impl History<'_> {
    /// Returns the people of a run whose group listings show `group`.
    pub(super) fn subjects(&mut self, group: &[Role], terms: &Terms) -> Vec<Subject> {
        let candidates = self.candidates(group);
        let is_too_many = self.config.guard && {
            let mut missing = Missing::default();
            for one in &candidates {
                if Subject::is_compared(one.eligibility, terms.now) {
                    missing.count(one.person, &one.stored, one.read, terms);
                }
            }
            missing.are_too_many(&self.guard())
        };
        candidates
            .into_iter()
            .map(|one| {
                let seen = if Subject::is_compared(one.eligibility, terms.now) {
                    let proofs = Sides::each(|side| self.proof(&one, side, is_too_many, terms));
                    match self.config.misreading {
                        Some(how) => how.apply_overlay(&one.stored, one.read, proofs, terms.now),
                        None => apply_overlay(&one.stored, one.read, proofs, terms.now),
                    }
                } else {
                    OverlaidReading::of_excluded(&one.stored, one.read, terms.now)
                };
                let Candidate { person, stored, eligibility, .. } = one;
                Subject { person, stored, seen, eligibility }
            })
            .collect()
    }

    /// Asks about a person of whom a listing lacks something.
    fn proof(&mut self, one: &Candidate, side: Side, is_too_many: bool, terms: &Terms) -> Proof {
        let questions = one.stored.questions(side, one.read, terms.now);
        if !questions.presence && !questions.ownership {
            return Proof::NotAsked;
        }
        let removal = PersonRemoval { person: one.person, side: side.other() };
        let is_decided =
            self.link.approved.contains(&removal) || self.link.discarded.contains(&removal);
        if is_too_many && !is_decided && one.stored.is_missing(side, one.read, terms.now) {
            return Proof::TooMany;
        }
        if self.lies.is_mute() {
            return Proof::NoAnswer;
        }
        let p = number(one.person);
        let is = match side {
            Side::Team => self.world.team[p],
            Side::Group => self.world.read_group(&mut self.rng, self.now, None)[p],
        };
        let is = self.lies.asked(side, p, is, self.now);
        if is_decided { Proof::AnsweredForDecided(is) } else { Proof::Answered(is) }
    }

    fn candidates(&self, group: &[Role]) -> Vec<Candidate> {
        let persons: BTreeSet<Person> = (0..self.config.people)
            .map(|p| person(p, self.accounts[p]))
            .chain(self.link.stored.keys().copied())
            .collect();
        persons
            .into_iter()
            .map(|who| {
                let p = number(who);
                let is_current = who == person(p, self.accounts[p]);
                let team = if is_current { self.world.team[p] } else { Role::None };
                let team = self.lies.listed(Side::Team, p, team, self.now);
                let group = self.lies.listed(Side::Group, p, group[p], self.now);
                let eligibility = match self.eligibility[p] {
                    _ if !is_current => {
                        Eligibility::Excluded { reason: ExclusionReason::NoWebexAccount }
                    }
                    _ if self.misreads(Misreading::AllEligible) => {
                        Eligibility::Eligible { returned: None }
                    }
                    Eligibility::Eligible { .. }
                        if self.misreads(Misreading::ReturnedMergedAtOnce)
                            || self.misreads(Misreading::ReturnedOnlyNotRemoved) =>
                    {
                        Eligibility::Eligible { returned: None }
                    }
                    known => known,
                };
                let stored = self.link.stored.get(&who).cloned().unwrap_or_default();
                Candidate { person: who, stored, read: Sides { team, group }, eligibility }
            })
            .collect()
    }
}
