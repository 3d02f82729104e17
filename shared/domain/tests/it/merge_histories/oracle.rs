//! What must hold when a history is over. Keys in parentheses are allowed; everything else is a bug.

use domain::membership::{Participation, Side, Standing};

use super::Trouble;
use super::history::{Act, By, History, RECENT};
use super::world::{HOUR, LAG, MINUTE, Ms, number, person};

impl History<'_> {
    fn takes_part(&self, p: usize) -> bool {
        matches!(self.participation[p], Participation::TakesPart { .. })
    }

    /// Why the two sides may differ: people changed one while it was not carried, an administrator is asked, or a rule of owners stands in the
    /// way, which has to be on record as owed.
    fn reason_to_differ(&self, p: usize) -> Option<Reason> {
        let (team, group) = (self.world.team[p], self.world.group(p));
        let who = person(p, self.accounts[p]);
        let rule = (team == Standing::Owner && group == Standing::Member && self.world.is_full())
            || self.world.is_only_owner(p, Side::Group)
            || self.world.is_only_owner(p, Side::Team);
        if self.excused.contains(&p) {
            Some(Reason::NotCarried)
        } else if self.link.held.iter().any(|held| number(held.person) == p) {
            Some(Reason::Held)
        } else if rule {
            let owed = self.link.stored.get(&who).map(|memory| &memory.owed);
            let is_owed = owed.is_some_and(|owed| owed.presence.is_some() || owed.role.is_some());
            Some(if is_owed { Reason::Owed } else { Reason::NotReported })
        } else {
            None
        }
    }

    pub(super) fn check(&mut self) {
        for p in 0..self.config.people {
            if self.takes_part(p) && !self.world.is_equal(p) && self.reason_to_differ(p).is_none() && self.is_reliable()
            {
                self.is_bad("not carried 2 h after the last act");
            }
        }
    }

    /// Whether every hint arrives and every write is taken.
    fn is_reliable(&self) -> bool {
        self.config.lost == 0 && self.config.refusals == 0
    }

    pub(super) fn judge(&mut self) {
        for p in (0..self.config.people).filter(|&p| self.takes_part(p)).collect::<Vec<_>>() {
            if !self.world.is_equal(p) {
                self.is_bad(match self.reason_to_differ(p) {
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
        if stored.iter().any(|memory| !memory.intents.is_empty()) {
            self.is_bad("intents left");
        }
        if stored.iter().any(|memory| memory.due().is_some()) {
            self.is_bad("something stays recent");
        }
    }

    fn judge_last_act(&mut self, p: usize) {
        let acts: Vec<Act> = self.acts.iter().filter(|act| act.p == p).copied().collect();
        let Some((last, before)) = acts.split_last() else { return };
        let is = self.world.team[p];
        let other_near = before.iter().any(|act| last.at - act.at <= RECENT + LAG);
        let while_away = self.away.is_some_and(|(who, from, until)| {
            let span = from - RECENT - LAG..=until.saturating_add(RECENT + LAG);
            let both = before.iter().any(|act| act.side != last.side && span.contains(&act.at));
            let is_not_known_yet = self.config.trouble == Trouble::Restored && last.at <= from + RECENT;
            let is_gone_for_good = self.config.trouble == Trouble::Rehired && last.at >= from - RECENT - LAG;
            let is_sole = self.world.is_only_owner(p, Side::Group)
                || self.config.trouble == Trouble::Rehired && self.refused.contains(&p);
            who == p && (span.contains(&last.at) && (both || is_not_known_yet || is_gone_for_good) || is_sole)
        });
        let mut ours = self.written.iter().filter(|written| written.p == p);
        let while_written = if self.refused.contains(&p) {
            // What is owed is written as soon as its reason goes: an act on the role can be that, and one that no replica shows yet crosses it.
            last.to.is_present() && last.was.is_present()
                || ours.any(|written| (last.at..last.at + LAG).contains(&written.at))
        } else {
            ours.any(|written| (written.read..=written.at).contains(&last.at))
        };
        let near_crash =
            self.unrecorded.iter().any(|(who, at)| *who == p && (-15 * MINUTE..=15 * MINUTE).contains(&(last.at - at)));
        if last.to != Standing::Owner && self.world.is_only_owner(p, Side::Team)
            || last.to == Standing::Owner && self.world.is_full()
        {
            return;
        }
        let presence = is.is_present() != last.to.is_present();
        let role = !presence && is != last.to && last.by == By::Person;
        if !presence && !role {
            return;
        }
        self.is_bad(match (other_near || while_away || while_written || !self.is_reliable(), near_crash, presence) {
            (true, _, _) => "(last act lost, another act within the lag)",
            (_, true, _) => "(last act lost near a crash)",
            (_, _, true) => "last act lost (presence)",
            (_, _, false) => "last act lost (role)",
        });
    }

    fn judge_writes(&mut self) {
        for p in 0..self.config.people {
            let ours = self.written.iter().filter(|written| written.p == p).count();
            let acts: Vec<&Act> = self.acts.iter().filter(|act| act.p == p).collect();
            // Where two people are at odds within the lag, either one can win for a moment.
            let is_contested = |pair: &&[&Act]| pair[0].side != pair[1].side && pair[1].at - pair[0].at <= RECENT + LAG;
            let contested = acts.windows(2).filter(is_contested).count();
            let explained = acts.iter().map(|act| act.writes()).sum::<usize>() + contested;
            let joined = usize::from(self.config.trouble != Trouble::None) * 2
                + usize::from(self.config.start == super::Start::Unlinked) * 2;
            if ours > explained + joined {
                self.is_bad("flapping: more writes than acts explain");
            }
        }
        let is_late = |at: Ms| at > self.end + 2 * HOUR;
        if self.written.iter().any(|written| is_late(written.at)) {
            self.is_bad("still writing hours after the end");
        }
    }
}

enum Reason {
    NotCarried,
    Held,
    Owed,
    NotReported,
}

impl Act {
    /// Most writes of ours that it explains.
    fn writes(&self) -> usize {
        if self.to == Standing::Owner || self.was == Standing::Owner { 2 } else { 1 }
    }
}
