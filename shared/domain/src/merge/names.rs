//! The name: the team's title against the group's display name, which the service decorates, filters and cuts.
//!
//! Both are compared in their *raw* form, each with what it was last known to be; only what goes to the team is made *bare*. So a policy that changes is never
//! mistaken for a person's rename.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Direction, RECENT, Retry};
use crate::membership::Side;

/// What is known of a link's names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The team's title as last known.
    pub team: String,
    /// The group's display name as last known.
    pub group: GroupName,
    /// Names that the group had not long ago: replicas may still show them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
    /// What the service last put around a name of ours.
    #[serde(default)]
    pub decoration: Decoration,
    /// A rename that was about to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<NameIntent>,
    /// A rename that is owed: the service refused it, or it cannot be made from outside. It stands until either side is renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<NameWrite>,
}

/// The group's name as last known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupName {
    /// This, raw.
    Agreed(String),
    /// What the service makes of our own rename to this; the first new raw name shows it.
    Ours(String),
}

/// Names that the group had until `at`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The raw names.
    pub names: BTreeSet<String>,
    /// When the last of them was given up.
    pub at: Timestamp,
}

/// A rename that was about to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameIntent {
    /// Which.
    pub write: NameWrite,
    /// When it was stored.
    pub at: Timestamp,
}

/// What a naming policy puts around a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoration {
    /// In front.
    pub prefix: String,
    /// Behind.
    pub suffix: String,
}

/// Both names as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameReading {
    /// The team's title.
    pub team: String,
    /// The group's display name.
    pub group: String,
}

/// By which rules names are carried.
#[derive(Clone, Debug)]
pub struct NameTerms {
    /// Whose renames are carried.
    pub direction: Direction,
    /// Who has the last word where both were renamed.
    pub last_word: Side,
    /// Whether the team can be renamed: not from outside.
    pub team: TeamName,
    /// The naming policy in force.
    pub policy: Decoration,
    /// The moment of the look.
    pub now: Timestamp,
    /// Whether a rename that is owed is made again.
    pub retry: Retry,
}

/// Whether the officer's standing lets it rename the team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamName {
    /// Inside.
    CanBeChanged,
    /// Outside.
    CannotBeChanged,
}

/// A rename that is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameWrite {
    /// Give the team a title.
    Team {
        /// Which: a bare name.
        title: String,
        /// The group's raw name that it follows from.
        from: String,
    },
    /// Give the group this display name, which the service will decorate.
    Group(String),
}

impl Decoration {
    /// What `PrefixSuffixNamingRequirement` asks for, for an app: attributes such as `[Department]` are empty, since an app has none.
    /// <https://learn.microsoft.com/entra/identity/users/groups-naming-policy>
    pub fn required_by(requirement: &str) -> Self {
        let (prefix, suffix) = requirement.split_once("[GroupName]").unwrap_or((requirement, ""));
        Self { prefix: without_attributes(prefix), suffix: without_attributes(suffix) }
    }

    /// What stands around `bare` in `raw`, if it is in there: a prefix before all, since most policies have only that.
    fn around(bare: &str, raw: &str) -> Option<Self> {
        let only_prefix = raw.strip_suffix(bare).map(|prefix| (prefix, ""));
        let only_suffix = || raw.strip_prefix(bare).map(|suffix| ("", suffix));
        let (prefix, suffix) =
            only_prefix.or_else(only_suffix).or_else(|| raw.split_once(bare)).filter(|_| !bare.is_empty())?;
        Some(Self { prefix: prefix.into(), suffix: suffix.into() })
    }

    fn is_empty(&self) -> bool {
        self.prefix.is_empty() && self.suffix.is_empty()
    }

    /// `raw` without this around it, if it is around it and leaves something.
    fn stripped<'a>(&self, raw: &'a str) -> Option<&'a str> {
        let bare = raw.strip_prefix(self.prefix.as_str())?.strip_suffix(self.suffix.as_str())?;
        (!self.is_empty() && !bare.trim().is_empty()).then_some(bare)
    }
}

impl NameTerms {
    fn allow(&self, write: &NameWrite) -> bool {
        match write {
            NameWrite::Team { .. } => self.team == TeamName::CanBeChanged,
            NameWrite::Group(_) => self.direction == Direction::Both,
        }
    }
}

fn without_attributes(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        kept.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    kept + rest
}

impl Names {
    /// The names of a group that was just created as `given` for a team called `team`, and is called `raw`.
    pub fn at_creation(team: String, given: &str, raw: String) -> Self {
        let decoration =
            Decoration::around(given, &raw).or_else(|| Decoration::around(&team, &raw)).unwrap_or_default();
        Self { team, group: GroupName::Agreed(raw), former: None, decoration, intent: None, owed: None }
    }

    /// The names of a group that was there before it was connected: neither is agreed, so that both count as changed, and the side with the last word gives the name.
    pub fn nothing_agreed() -> Self {
        let group = GroupName::Agreed(String::new());
        Self { team: String::new(), group, former: None, decoration: Decoration::default(), intent: None, owed: None }
    }

    /// The bare form of a raw display name: without the policy in force and without the decoration that this group last had.
    pub fn bare<'a>(&self, raw: &'a str, policy: &Decoration) -> &'a str {
        let own = &self.decoration;
        // A policy in force stands around what an earlier one left, and the group's own decoration can be both of them.
        let within = || policy.stripped(raw).map(|bare| own.stripped(bare).filter(|_| own != policy).unwrap_or(bare));
        own.stripped(raw).or_else(within).unwrap_or(raw).trim()
    }

    /// Compares both names with what they were, and says what has to be written. What is returned is known if nothing is written; see
    /// [`intend`](Self::intend) and [`after`](Self::after).
    pub fn compare(&self, read: &NameReading, terms: &NameTerms) -> (Self, Option<NameWrite>) {
        let mut names = self.settled(read, &terms.policy, terms.now);
        let team_changed = read.team != names.team;
        let bare = names.bare(&read.group, &terms.policy).to_owned();
        let mut group_changed = names.shows_new_name(read);
        // Filtered and cut, the group's name can differ from the team's for good: decorated anew it is still the same.
        if group_changed && matches!(&names.group, GroupName::Agreed(raw) if names.bare(raw, &terms.policy) == bare) {
            names.group_was_renamed(&read.group, &bare, terms.now);
            group_changed = false;
        }
        if team_changed || group_changed {
            names.owed = None;
        }
        let group_wins = !team_changed || terms.last_word == Side::Group || terms.direction == Direction::Microsoft;
        if group_changed && group_wins && bare != read.team {
            let write = NameWrite::Team { title: bare.clone(), from: read.group.clone() };
            match terms.team {
                TeamName::CanBeChanged => return (names, Some(write)),
                TeamName::CannotBeChanged => names.owed = Some(write),
            }
        }
        if group_changed {
            names.group_was_renamed(&read.group, &bare, terms.now);
        }
        let is_settled = group_changed && (group_wins || bare == read.team);
        if team_changed && !is_settled && terms.direction == Direction::Both {
            // An open rename of our own that no reading shows is simply made again: it is the same write.
            return (names, Some(NameWrite::Group(read.team.clone())));
        }
        names.team.clone_from(&read.team);
        let owed = names.owed.clone().filter(|owed| terms.retry == Retry::Everything && terms.allow(owed));
        (names, owed)
    }

    /// What is known where names are not carried: both as they are read, so that no rename of this time is carried later.
    pub fn follow(&self, read: &NameReading, policy: &Decoration, now: Timestamp) -> Self {
        let mut names = Self { owed: None, ..self.settled(read, policy, now) };
        names.team.clone_from(&read.team);
        if names.shows_new_name(read) {
            let bare = names.bare(&read.group, policy).to_owned();
            names.group_was_renamed(&read.group, &bare, now);
        }
        names
    }

    /// What has to be stored before `write` is made.
    pub fn intend(mut self, write: &NameWrite, now: Timestamp) -> Self {
        self.intent = Some(NameIntent { write: write.clone(), at: now });
        self
    }

    /// What is known once `write` has been made. `now` is after its call has answered.
    pub fn after(mut self, write: &NameWrite, now: Timestamp) -> Self {
        (self.intent, self.owed) = (None, None);
        match write {
            NameWrite::Team { title, from } => {
                self.team.clone_from(title);
                self.group_was_renamed(from, title, now);
            }
            NameWrite::Group(to) => {
                self.team.clone_from(to);
                self.renamed_by_us(to.clone(), now);
            }
        }
        self
    }

    /// What is known once a write that followed from `read` was refused: both names stay as they are and the rename is owed, until a person's next one is carried.
    pub fn refused(mut self, write: NameWrite, read: &NameReading, now: Timestamp) -> Self {
        (self.intent, self.owed) = (None, Some(write));
        self.team.clone_from(&read.team);
        if self.shows_new_name(read) {
            self.group_was_renamed(&read.group, &read.group, now);
        }
        self
    }

    /// When a look is due because of a rename of our own that no reading has shown yet, or of former names.
    pub fn due(&self) -> Option<Timestamp> {
        let intent = self.intent.as_ref().map(|intent| intent.at);
        self.former.as_ref().map(|former| former.at).max(intent).map(super::after_recent)
    }

    /// Whether the group has a name that it neither has as agreed nor had not long ago.
    fn shows_new_name(&self, read: &NameReading) -> bool {
        matches!(&self.group, GroupName::Agreed(raw) if *raw != read.group) && !self.is_former(&read.group)
    }

    fn is_former(&self, raw: &str) -> bool {
        self.former.as_ref().is_some_and(|former| former.names.contains(raw))
    }

    /// What is known once a reading has settled what was open.
    fn settled(&self, read: &NameReading, policy: &Decoration, now: Timestamp) -> Self {
        let mut names = self.clone();
        names.former = names.former.filter(|former| now.duration_since(former.at) < RECENT);
        names.settle(read, policy);
        names
    }

    /// A title that the team has was our own rename if we intended it; a name that the group never had is what the service made of ours, whether
    /// that was recorded or only intended.
    fn settle(&mut self, read: &NameReading, policy: &Decoration) {
        match self.intent.take() {
            Some(NameIntent { write: write @ NameWrite::Team { .. }, at }) => {
                if matches!(&write, NameWrite::Team { title, .. } if *title == read.team) {
                    *self = self.clone().after(&write, at);
                }
            }
            Some(NameIntent { write: write @ NameWrite::Group(_), at }) if self.shows_new_name(read) => {
                *self = self.clone().after(&write, at);
            }
            _ => {}
        }
        if let GroupName::Ours(to) = &self.group
            && !self.is_former(&read.group)
        {
            let around = Decoration::around(to, &read.group);
            let in_force = || policy.stripped(&read.group).map(|_| policy.clone());
            self.decoration = around.or_else(in_force).unwrap_or_else(|| std::mem::take(&mut self.decoration));
            self.group = GroupName::Agreed(read.group.clone());
        }
    }

    fn renamed_by_us(&mut self, to: String, now: Timestamp) {
        if let GroupName::Agreed(raw) = std::mem::replace(&mut self.group, GroupName::Ours(to)) {
            self.give_up(raw, now);
        } else if let Some(former) = &mut self.former {
            former.at = now;
        }
    }

    /// By somebody else, to what is called `bare` without what stands around it.
    fn group_was_renamed(&mut self, raw: &str, bare: &str, now: Timestamp) {
        if let Some(decoration) = Decoration::around(bare, raw).filter(|decoration| !decoration.is_empty()) {
            self.decoration = decoration;
        }
        if let GroupName::Agreed(old) = std::mem::replace(&mut self.group, GroupName::Agreed(raw.into())) {
            self.give_up(old, now);
        }
    }

    fn give_up(&mut self, raw: String, now: Timestamp) {
        let former = self.former.get_or_insert_with(|| Former { names: BTreeSet::new(), at: now });
        former.names.insert(raw);
        former.at = now;
    }
}
