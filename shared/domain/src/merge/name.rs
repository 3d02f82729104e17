//! Names: the team's title against the group's display name, which the service decorates, filters
//! and truncates.
//!
//! Both are compared in their *raw* form with their baseline. Only a name for the team is made
//! *bare*. So a change of the naming policy is never taken for a rename by a person.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decoration::{Decoration, NameReading, display_name, is_made_of};
use super::rename::{Former, GroupName, IntentCall, NameIntent, NameWrite, OurRename};
use super::{Direction, LAG_WINDOW, Retry, TRIES};
use crate::membership::Side;

/// Stored state of a link's names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameState {
    /// Last known title of the team.
    pub team: String,
    /// Last known display name of the group.
    pub group: GroupName,
    /// Recent names of the group, which replicas may still show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
    /// Text that the service last added around our name.
    #[serde(default)]
    pub decoration: Decoration,
    /// Rename that was about to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<NameIntent>,
    /// Rename that was refused or lost, or that the service account cannot make as an observer. It
    /// stays until either side is renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<NameWrite>,
    /// Number of our renames that were acknowledged and lost, since a reading or a person last gave
    /// a new name.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Rules for syncing names.
#[derive(Clone, Debug)]
pub struct NameTerms {
    /// Side whose renames are synced.
    pub direction: Direction,
    /// Side that wins if both were renamed.
    pub last_word: Side,
    /// Ability of the service account to rename the team.
    pub team: TeamName,
    /// Naming policy in force.
    pub policy: Decoration,
    /// Time of the sync run.
    pub now: Timestamp,
    /// Selection of deferred renames to plan again.
    pub retry: Retry,
}

/// Ability of the service account to rename the team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamName {
    /// It is a member of the team.
    CanBeChanged,
    /// It is an observer.
    CannotBeChanged,
}

impl NameTerms {
    fn allow(&self, write: &NameWrite) -> bool {
        match write {
            NameWrite::Team { .. } => self.team == TeamName::CanBeChanged,
            NameWrite::Group(_) => self.direction == Direction::Both,
        }
    }
}

impl NameState {
    /// Returns the names of a group that was just created as `given` for the team `team`, and is
    /// called `raw`.
    pub fn at_creation(team: String, given: &str, raw: String) -> Self {
        let decoration = Decoration::around(given, &raw)
            .or_else(|| Decoration::around(&team, &raw))
            .unwrap_or_default();
        let group = GroupName::Baseline(raw);
        Self { team, group, decoration, ..Self::without_baseline() }
    }

    /// Returns the names of a group that existed before its link. Without a baseline both count as
    /// changed, so the side that wins gives the name.
    pub fn without_baseline() -> Self {
        let group = GroupName::Baseline(String::new());
        Self {
            team: String::new(),
            group,
            former: None,
            decoration: Decoration::default(),
            intent: None,
            deferred: None,
            lost: 0,
        }
    }

    /// Returns the bare form of a raw display name: without the policy in force and without the
    /// group's last decoration.
    pub fn bare<'a>(&self, raw: &'a str, policy: &Decoration) -> &'a str {
        let own = &self.decoration;
        // A new policy decorates what an earlier one left, and the group's decoration can be both
        // together.
        let within = || {
            policy
                .stripped(raw)
                .map(|bare| own.stripped(bare).filter(|_| own != policy).unwrap_or(bare))
        };
        own.stripped(raw).or_else(within).unwrap_or(raw).trim()
    }

    /// Compares both names with their baseline, and returns the state if nothing is written, and
    /// the write that is due. See [`intend`](Self::intend) and [`after`](Self::after).
    pub fn compare(&self, read: &NameReading, terms: &NameTerms) -> (Self, Option<NameWrite>) {
        if read.is_incomplete() {
            return (self.clone(), None);
        }
        let mut names = self.settled(read, &terms.policy, terms.now);
        let team_changed = read.team != names.team;
        let bare = names.bare(&read.group, &terms.policy).to_owned();
        let mut group_changed = names.shows_new_name(read);
        // The service filters and truncates, so the group's name can differ from the team's for
        // good. A new decoration does not make it another name.
        if group_changed
            && let GroupName::Baseline(raw) = &names.group
            && names.bare(raw, &terms.policy) == bare
        {
            names.group_was_renamed(&read.group, &bare, terms.now);
            group_changed = false;
        }
        if team_changed || group_changed {
            (names.deferred, names.lost) = (None, 0);
        }
        let group_wins = !team_changed
            || terms.last_word == Side::Group
            || terms.direction == Direction::Microsoft;
        if group_changed && group_wins && bare != read.team {
            let write = NameWrite::Team { title: bare.clone(), from: read.group.clone() };
            names.team.clone_from(&read.team);
            match terms.team {
                TeamName::CanBeChanged => return (names, Some(write)),
                TeamName::CannotBeChanged => names.deferred = Some(write),
            }
        }
        if group_changed {
            names.group_was_renamed(&read.group, &bare, terms.now);
        }
        let is_settled = group_changed && (group_wins || bare == read.team);
        if team_changed && !is_settled && terms.direction == Direction::Both {
            // No reading shows our own open rename: make it again, it is the same write.
            return (names, Some(NameWrite::Group(read.team.clone())));
        }
        names.team.clone_from(&read.team);
        let deferred = names
            .deferred
            .clone()
            .filter(|deferred| names.is_due(terms.retry) && terms.allow(deferred));
        (names, deferred)
    }

    /// Returns the state while names are not synced: both as read, so that no rename of this time
    /// is synced later.
    pub fn follow(&self, read: &NameReading, policy: &Decoration, now: Timestamp) -> Self {
        if read.is_incomplete() {
            return self.clone();
        }
        let mut names = Self { deferred: None, lost: 0, ..self.settled(read, policy, now) };
        names.team.clone_from(&read.team);
        if names.shows_new_name(read) {
            let bare = names.bare(&read.group, policy).to_owned();
            names.group_was_renamed(&read.group, &bare, now);
        }
        names
    }

    /// Returns the state to store before `write` is made.
    pub fn intend(mut self, write: &NameWrite, now: Timestamp) -> Self {
        self.intent = Some(NameIntent { write: write.clone(), at: now, call: IntentCall::Open });
        self
    }

    /// Returns the state after `write` was acknowledged. `now` is after its call has answered.
    pub fn after(mut self, write: &NameWrite, now: Timestamp) -> Self {
        let NameWrite::Group(to) = write else {
            // Only a reading tells if the team has a title: that intent stays until then.
            let call = IntentCall::Acknowledged;
            self.intent = Some(NameIntent { write: write.clone(), at: now, call });
            return self;
        };
        (self.intent, self.deferred) = (None, None);
        self.team.clone_from(to);
        self.renamed_by_us(to.clone(), now);
        self
    }

    /// Returns the state after a write based on `read` was refused. Both names stay, and the rename
    /// is deferred until a person renames either side.
    pub fn refused(mut self, write: NameWrite, read: &NameReading, now: Timestamp) -> Self {
        (self.intent, self.deferred) = (None, Some(write));
        self.team.clone_from(&read.team);
        if self.shows_new_name(read) {
            self.group_was_renamed(&read.group, &read.group, now);
        }
        self
    }

    /// Returns the time when our unconfirmed rename counts as lost, if that is still to come.
    pub fn check_at(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.group {
            GroupName::Ours(ours) => Some(super::after_lag_window(ours.at)).filter(|at| *at > now),
            GroupName::Baseline(_) => None,
        }
    }

    /// Returns the side that lost so many of our renames that only the daily full sync renames
    /// again.
    pub fn lost_for_good(&self) -> Option<Side> {
        let deferred = self.deferred.as_ref().filter(|_| self.lost >= TRIES)?;
        Some(match deferred {
            NameWrite::Team { .. } => Side::Team,
            NameWrite::Group(_) => Side::Group,
        })
    }

    /// Returns `true` if a run makes the deferred rename again.
    fn is_due(&self, retry: Retry) -> bool {
        retry != Retry::OwnRules || self.lost > 0 && self.lost < TRIES
    }

    /// Returns the time of the next sync that this state needs, because of an unconfirmed rename or
    /// of former names.
    pub fn due(&self) -> Option<Timestamp> {
        let intent = self.intent.as_ref().map(|intent| intent.at);
        self.former.as_ref().map(|former| former.at).max(intent).map(super::after_lag_window)
    }

    /// Returns `true` if the group has a name that is neither its baseline nor a recent one.
    fn shows_new_name(&self, read: &NameReading) -> bool {
        matches!(&self.group, GroupName::Baseline(raw) if *raw != read.group)
            && !self.is_former(&read.group)
    }

    fn is_former(&self, raw: &str) -> bool {
        self.former.as_ref().is_some_and(|former| former.names.contains(raw))
    }

    /// Returns the state after a reading has settled what was open.
    fn settled(&self, read: &NameReading, policy: &Decoration, now: Timestamp) -> Self {
        let mut names = self.clone();
        names.former = names.former.filter(|former| now.duration_since(former.at) < LAG_WINDOW);
        names.settle(read, policy);
        names
    }

    /// Settles an open rename. A title the team has was our own rename if we intended it. A name
    /// the group never had is what the service made of our rename.
    fn settle(&mut self, read: &NameReading, policy: &Decoration) {
        match self.intent.take() {
            // A call that may not have been made is made again as both names are then.
            Some(NameIntent { write: NameWrite::Team { title, .. }, call, .. })
                if call == IntentCall::Open && read.team != title => {}
            Some(NameIntent { write: NameWrite::Team { title, from }, at, .. }) => {
                self.settle_title(title, from, read, at);
            }
            Some(NameIntent { write: write @ NameWrite::Group(_), at, .. })
                if self.shows_new_name(read) =>
            {
                *self = self.clone().after(&write, at);
            }
            _ => {}
        }
        if let GroupName::Ours(ours) = &self.group
            && !self.is_former(&read.group)
        {
            let raw = &read.group;
            let before = |name: &str| ours.before.contains(name);
            let bare = self.bare(raw, policy);
            let corresponds = [raw.as_str(), bare].contains(&display_name(&read.team));
            // What the service made of an earlier unconfirmed rename is known by its letters only.
            let is_made_before = !is_made_of(bare, &ours.to)
                && ours.before.iter().any(|title| is_made_of(bare, title));
            let is_old = !corresponds && (before(raw) || before(bare) || is_made_before);
            if is_old {
                // The rename was lost, and is due again as the title is now.
                self.lost = self.lost.saturating_add(1);
                self.deferred = Some(NameWrite::Group(read.team.clone()));
                self.group = GroupName::Baseline(raw.clone());
                return;
            }
            self.lost = 0;
            let around = Decoration::around(display_name(&ours.to), raw);
            let in_force = || policy.stripped(&read.group).map(|_| policy.clone());
            self.decoration =
                around.or_else(in_force).unwrap_or_else(|| std::mem::take(&mut self.decoration));
            self.group = GroupName::Baseline(read.group.clone());
        }
    }

    /// Settles our rename of the team. The old title means that it was lost. Any other one is a
    /// person's later act.
    fn settle_title(&mut self, title: String, from: String, read: &NameReading, at: Timestamp) {
        self.group_was_renamed(&from, &title, at);
        if read.team == title {
            (self.team, self.deferred, self.lost) = (title, None, 0);
        } else if read.team == self.team {
            self.lost = self.lost.saturating_add(1);
            self.deferred = Some(NameWrite::Team { title, from });
        }
    }

    fn renamed_by_us(&mut self, to: String, now: Timestamp) {
        let before = match &self.group {
            GroupName::Baseline(raw) => BTreeSet::from([raw.clone()]),
            GroupName::Ours(OurRename { to, before, .. }) => {
                before.iter().chain([to]).cloned().collect()
            }
        };
        let ours = GroupName::Ours(OurRename { to, before, at: now });
        if let GroupName::Baseline(raw) = std::mem::replace(&mut self.group, ours) {
            self.give_up(raw, now);
        } else if let Some(former) = &mut self.former {
            former.at = now;
        }
    }

    /// Records a rename by a person, to the name `bare` with a decoration around it.
    fn group_was_renamed(&mut self, raw: &str, bare: &str, now: Timestamp) {
        if let Some(decoration) =
            Decoration::around(bare, raw).filter(|decoration| !decoration.is_empty())
        {
            self.decoration = decoration;
        }
        if let GroupName::Baseline(old) =
            std::mem::replace(&mut self.group, GroupName::Baseline(raw.into()))
            && old != raw
        {
            self.give_up(old, now);
        }
    }

    fn give_up(&mut self, raw: String, now: Timestamp) {
        let former = self.former.get_or_insert_with(|| Former { names: BTreeSet::new(), at: now });
        former.names.insert(raw);
        former.at = now;
    }
}
