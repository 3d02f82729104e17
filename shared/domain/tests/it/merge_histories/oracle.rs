//! Conditions at the end of a history. Keys in parentheses are allowed. All others are bugs.

use domain::membership::{Eligibility, Role, Side};
use domain::merge::{PerAspect, PersonState};

use super::AccountFault;
use super::history::{Act, By, History, LAG_WINDOW};
use super::lies::Lie;
use super::world::{HOUR, LAG, MINUTE, Ms, number, person, timestamp};

impl History<'_> {
    fn is_eligible(&self, p: usize) -> bool {
        matches!(self.eligibility[p], Eligibility::Eligible { .. })
    }

    /// Returns the reason for a remaining difference: an act against the direction, a pending
    /// approval, or an owner rule. An owner rule must be recorded as a deferral.
    fn reason_to_differ(&self, p: usize) -> Option<Reason> {
        let (team, group) = (self.world.team[p], self.world.group(p));
        let who = person(p, self.accounts[p]);
        let rule = (team == Role::Owner && group == Role::Member && self.world.is_full())
            || self.world.is_only_owner(p, Side::Group)
            || self.world.is_only_owner(p, Side::Team);
        let is_lost = |state: &PersonState| {
            let now = timestamp(self.now);
            state.failure(now).is_some()
                || state.check_at(now).is_some()
                || state.deferred != PerAspect::default()
        };
        if self.excused.contains(&p) {
            Some(Reason::NotSynced)
        } else if self.lies.never.is_some_and(|(_, stuck)| stuck == p) {
            let is_reported = self.link.stored.get(&who).is_some_and(is_lost);
            Some(if is_reported { Reason::Deferred } else { Reason::NotReported })
        } else if self.link.held.iter().any(|held| number(held.person) == p) {
            Some(Reason::Held)
        } else if rule {
            let deferred = self.link.stored.get(&who).map(|state| &state.deferred);
            let is_deferred = deferred.is_some_and(|deferred| {
                deferred.presence.is_some() || deferred.ownership.is_some()
            });
            Some(if is_deferred { Reason::Deferred } else { Reason::NotReported })
        } else {
            None
        }
    }

    pub(super) fn check(&mut self) {
        for p in 0..self.config.people {
            if self.is_eligible(p)
                && !self.world.is_equal(p)
                && self.reason_to_differ(p).is_none()
                && self.is_reliable()
            {
                self.report("not synced 2 h after the last act");
            }
        }
    }

    /// Returns `true` if every hint arrives and the service refuses no write.
    fn is_reliable(&self) -> bool {
        self.config.lost == 0 && self.config.refusals == 0 && self.config.lies.is_empty()
    }

    pub(super) fn judge(&mut self) {
        for p in (0..self.config.people).filter(|&p| self.is_eligible(p)).collect::<Vec<_>>() {
            if !self.world.is_equal(p) {
                let state = self.link.stored.get(&person(p, self.accounts[p])).cloned();
                self.log(format_args!("{p} is unequal: {state:?}"));
                self.report(match self.reason_to_differ(p) {
                    None => "unequal, no reason holds",
                    Some(Reason::NotReported) => "unequal, reason holds, not reported",
                    Some(_) => "(unequal, reason holds)",
                });
            } else if !self.excused.contains(&p) {
                self.judge_last_act(p);
            }
        }
        self.judge_writes();
        let stored: Vec<_> = self.link.stored.values().cloned().collect();
        if stored.iter().any(|state| !state.intents.is_empty()) {
            self.report("intents left");
        }
        if self.lies.never.is_none() && stored.iter().any(|state| state.lag != PerAspect::default())
        {
            self.report("a lag entry stays");
        }
    }

    /// Returns the act of a person that did not win, and `true` if it was about presence. The last
    /// act about presence decides the presence, the last of all the role.
    fn lost_act(&self, p: usize, acts: &[Act]) -> Option<(usize, bool)> {
        let (last, is) = (acts.last()?, self.world.team[p]);
        let at_last = acts.len() - 1;
        let is_of_presence = |at: &usize| {
            let act = &acts[*at];
            let is_change = act.was.is_present() != act.to.is_present();
            *at == at_last && act.by == By::Administrator || act.by == By::Person && is_change
        };
        let of_presence = (0..acts.len()).rev().find(is_of_presence);
        // What an admin decided later is no loss.
        let is_decided = |at: usize| {
            acts[at + 1..]
                .iter()
                .any(|act| act.by == By::Administrator && act.to.is_present() == is.is_present())
        };
        let is_lost = |at: &usize| is.is_present() != acts[*at].to.is_present();
        if let Some(at) = of_presence.filter(|at| is_lost(at) && !is_decided(*at)) {
            return Some((at, true));
        }
        // Who was added as a member was not meant to be no owner.
        let tells_role = last.was.is_present() || last.to == Role::Owner;
        let is_lost = is.is_present() && is != last.to && last.by == By::Person && tells_role;
        is_lost.then_some((at_last, false))
    }

    fn judge_last_act(&mut self, p: usize) {
        let acts: Vec<Act> = self.acts.iter().filter(|act| act.p == p).copied().collect();
        let Some((at, presence)) = self.lost_act(p, &acts) else {
            return;
        };
        let (before, last, after) = (&acts[..at], &acts[at], &acts[at + 1..]);
        let is_near = |act: &Act| (last.at - act.at).abs() <= LAG_WINDOW + LAG;
        let other_near = before.iter().chain(after).any(is_near);
        let while_away = self.away.is_some_and(|(who, from, until)| {
            let span = from - LAG_WINDOW - LAG..=until.saturating_add(LAG_WINDOW + LAG);
            let both = before.iter().any(|act| act.side != last.side && span.contains(&act.at));
            let is_not_known_yet =
                self.config.account_fault == AccountFault::Restored && last.at <= from + LAG_WINDOW;
            let is_gone = self.config.account_fault == AccountFault::Rehired
                && last.at >= from - LAG_WINDOW - LAG;
            let is_sole = self.world.is_only_owner(p, Side::Group)
                || self.config.account_fault == AccountFault::Rehired && self.refused.contains(&p);
            who == p
                && (span.contains(&last.at) && (both || is_not_known_yet || is_gone) || is_sole)
        });
        let mut ours = self.written.iter().filter(|written| written.p == p);
        let while_written = if self.refused.contains(&p) {
            // A deferred write follows once its reason ends. An act on the role can be that, and
            // can cross a write that no replica shows yet.
            last.to.is_present() && last.was.is_present()
                || ours.any(|written| (last.at..last.at + LAG).contains(&written.at))
        } else {
            ours.any(|written| (written.read..=written.at).contains(&last.at))
        };
        let near_crash = self
            .unrecorded
            .iter()
            .any(|(who, at)| *who == p && (-15 * MINUTE..=15 * MINUTE).contains(&(last.at - at)));
        if last.to != Role::Owner && self.world.is_only_owner(p, Side::Team)
            || last.to == Role::Owner && self.world.is_full()
        {
            return;
        }
        let is_reliable = self.config.lost == 0 && self.config.refusals == 0;
        self.report(
            match (other_near || while_away || while_written || !is_reliable, near_crash, presence)
            {
                _ if last.is_crossed => "(last act lost, our write was open)",
                (true, _, _) => "(last act lost, another act within the lag)",
                (_, true, _) => "(last act lost near a crash)",
                (_, _, true) => "last act lost (presence)",
                (_, _, false) => "last act lost (role)",
            },
        );
    }

    fn judge_writes(&mut self) {
        for p in 0..self.config.people {
            let ours = self.written.iter().filter(|written| written.p == p).count();
            let acts: Vec<&Act> = self.acts.iter().filter(|act| act.p == p).collect();
            // If two people disagree within the lag, either can win for a moment.
            let is_contested = |pair: &&[&Act]| {
                pair[0].side != pair[1].side && pair[1].at - pair[0].at <= LAG_WINDOW + LAG
            };
            let contested = acts.windows(2).filter(is_contested).count();
            let explained = acts.iter().map(|act| act.writes()).sum::<usize>() + contested;
            let from_setup = usize::from(self.config.account_fault != AccountFault::None) * 2
                + usize::from(self.config.start == super::Start::Unlinked) * 2;
            if ours > explained + from_setup {
                self.report("flapping: more writes than acts explain");
            }
        }
        let hours = (self.end / HOUR) as usize;
        for p in 0..self.config.people {
            let tried = self.tried.iter().filter(|(who, _)| *who == p).count();
            let acts = self.acts.iter().filter(|act| act.p == p).count();
            // Three tries for an act, and some while there is no answer: 1, 2, 4 .. 60 minutes.
            if tried > 10 + 6 * acts + if self.is_lying_silently() { 12 + hours } else { 0 } {
                self.report("writes without end");
            }
        }
        let is_late = |at: Ms| at > self.end + 2 * HOUR;
        if self.written.iter().any(|written| is_late(written.at)) {
            self.report("still writing hours after the end");
        }
    }
}

impl History<'_> {
    fn is_lying_silently(&self) -> bool {
        self.config.lies.contains(&Lie::Silent)
    }
}

enum Reason {
    NotSynced,
    Held,
    Deferred,
    NotReported,
}

impl Act {
    /// Returns the maximum number of our writes that this act explains.
    fn writes(&self) -> usize {
        if self.to == Role::Owner || self.was == Role::Owner { 2 } else { 1 }
    }
}
