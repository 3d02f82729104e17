//! Lies of the simulated services. All end with the calm, but one that loses writes for ever.

use domain::membership::{Aspect, Role, Side};

use super::Config;
use super::world::{HOUR, LAG, MINUTE, Ms, Rng, SECOND};

/// Kind of lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// A write is acknowledged, or answered as if it had been made before, and has no effect. For
    /// one person of some histories, for ever.
    Lost,
    /// A listing lacks rows, once or for minutes. Single questions answer rightly, or not at all.
    Short,
    /// A listing lacks rows, and for two minutes single questions agree with it.
    Single,
    /// Writes have no answer for hours. Some take effect.
    Silent,
}

impl Lie {
    pub(super) const ALL: [Self; 4] = [Self::Lost, Self::Short, Self::Single, Self::Silent];
}

/// Listing that lacks rows.
struct Shortage {
    /// Aspects of a side: Webex has one listing, Graph two.
    side: Side,
    aspects: &'static [Aspect],
    from: Ms,
    until: Ms,
    rows: Vec<bool>,
    /// Time until which single questions lie, too.
    questions_until: Ms,
}

/// Answer of a service to a write, other than the truth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Done, it says.
    Lost,
    /// No answer, with the effect.
    SilentDone,
    /// No answer and no effect.
    SilentLost,
}

/// Lies of one history.
pub(super) struct Lies {
    rng: Rng,
    shortages: Vec<Shortage>,
    silences: Vec<(Side, Ms, Ms)>,
    lost_percent: u64,
    /// Person whose writes on one side are lost for ever.
    pub(super) never: Option<(Side, usize)>,
    /// Time after which the services tell the truth.
    pub(super) calm: Ms,
}

impl Lies {
    /// Plans the lies of a history whose last act is at `last`. Returns them with the times of
    /// hints that come in the middle of them.
    pub(super) fn new(config: &Config, seed: u64, last: Ms) -> (Self, Vec<Ms>) {
        let mut rng = Rng::new(seed.wrapping_mul(7919).wrapping_add(1));
        let tells = |lie| config.lies.contains(&lie);
        let (mut shortages, mut hints, mut silences) = (vec![], vec![], vec![]);
        let lost_percent = if tells(Lie::Lost) { rng.pick(&[20, 50, 90]) } else { 0 };
        let is_never = tells(Lie::Lost) && rng.percent(25);
        let never = is_never.then(|| (rng.pick(&Side::BOTH), rng.below(config.people)));
        let mut calm = last + 2 * HOUR;
        if tells(Lie::Short) || tells(Lie::Single) {
            for _ in 0..1 + rng.below(5) {
                let from = rng.between(0, last + HOUR);
                let length = rng.pick(&[5 * SECOND, 5 * SECOND, MINUTE, 5 * MINUTE, 25 * MINUTE]);
                let all = rng.percent(30);
                let rows = (0..config.people).map(|_| all || rng.percent(50)).collect();
                let (side, aspects) = rng.pick(&[
                    (Side::Team, &Aspect::BOTH[..]),
                    (Side::Team, &Aspect::BOTH[..]),
                    (Side::Group, &[Aspect::Presence][..]),
                    (Side::Group, &[Aspect::Ownership][..]),
                    (Side::Group, &Aspect::BOTH[..]),
                ]);
                let is_first = tells(Lie::Single) && shortages.is_empty();
                let questions_until = if is_first { from + 110 * SECOND } else { 0 };
                let until = from + length;
                shortages.push(Shortage { side, aspects, from, until, rows, questions_until });
                hints.push(rng.between(from, until));
            }
        }
        if tells(Lie::Silent) {
            for _ in 0..1 + rng.below(2) {
                let from = rng.between(0, last + LAG);
                let hours = rng.pick(&[5 * MINUTE, HOUR, 4 * HOUR, 9 * HOUR]);
                silences.push((rng.pick(&Side::BOTH), from, from + hours));
                calm = calm.max(from + hours);
            }
        }
        (Self { rng, shortages, silences, lost_percent, never, calm }, hints)
    }

    /// Returns the answer to a write, if it is not the truth.
    pub(super) fn answer(&mut self, side: Side, p: usize, now: Ms) -> Option<Answer> {
        if self
            .silences
            .iter()
            .any(|(of, from, until)| *of == side && (*from..*until).contains(&now))
        {
            let is_done = self.rng.percent(20);
            return Some(if is_done { Answer::SilentDone } else { Answer::SilentLost });
        }
        let is_lost =
            self.never == Some((side, p)) || now < self.calm && self.rng.percent(self.lost_percent);
        is_lost.then_some(Answer::Lost)
    }

    /// Returns the role as a listing shows it.
    pub(super) fn listed(&self, side: Side, p: usize, role: Role, now: Ms) -> Role {
        self.without(side, p, role, |shortage| (shortage.from..=shortage.until).contains(&now))
    }

    /// Returns the role as a single question shows it.
    pub(super) fn asked(&self, side: Side, p: usize, role: Role, now: Ms) -> Role {
        self.without(side, p, role, |shortage| {
            (shortage.from..shortage.questions_until).contains(&now)
        })
    }

    fn without(
        &self,
        side: Side,
        p: usize,
        role: Role,
        is_short: impl Fn(&Shortage) -> bool,
    ) -> Role {
        let lacks = |aspect: Aspect| {
            self.shortages.iter().any(|one| {
                one.side == side && one.aspects.contains(&aspect) && one.rows[p] && is_short(one)
            })
        };
        match role {
            // Who is listed as an owner is present, also where the members lack them.
            Role::Owner if !lacks(Aspect::Ownership) => Role::Owner,
            Role::Owner | Role::Member if !lacks(Aspect::Presence) => Role::Member,
            _ => Role::None,
        }
    }

    /// Returns `true` if a question has no answer.
    pub(super) fn is_mute(&mut self) -> bool {
        !self.shortages.is_empty() && self.rng.percent(10)
    }
}
