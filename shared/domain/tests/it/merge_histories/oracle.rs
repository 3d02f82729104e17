//! Conditions at the end of a history. Keys in parentheses are allowed. All others are bugs.

use domain::membership::{Eligibility, Role, Side};

use super::AccountFault;
use super::history::{Act, By, History, LAG_WINDOW};
use super::world::{HOUR, LAG, MINUTE, Ms, number, person};

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
        if self.excused.contains(&p) {
            Some(Reason::NotSynced)
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
        self.config.lost == 0 && self.config.refusals == 0
    }

    pub(super) fn judge(&mut self) {
        for p in (0..self.config.people).filter(|&p| self.is_eligible(p)).collect::<Vec<_>>() {
            if !self.world.is_equal(p) {
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
        if stored.iter().any(|state| state.due().is_some()) {
            self.report("a lag entry stays");
        }
    }

    fn judge_last_act(&mut self, p: usize) {
        let acts: Vec<Act> = self.acts.iter().filter(|act| act.p == p).copied().collect();
        let Some((last, before)) = acts.split_last() else {
            return;
        };
        let is = self.world.team[p];
        let other_near = before.iter().any(|act| last.at - act.at <= LAG_WINDOW + LAG);
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
        let presence = is.is_present() != last.to.is_present();
        let role = !presence && is != last.to && last.by == By::Person;
        if !presence && !role {
            return;
        }
        self.report(
            match (
                other_near || while_away || while_written || !self.is_reliable(),
                near_crash,
                presence,
            ) {
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
        let is_late = |at: Ms| at > self.end + 2 * HOUR;
        if self.written.iter().any(|written| is_late(written.at)) {
            self.report("still writing hours after the end");
        }
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
