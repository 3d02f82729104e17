//! Names as read, and what the service makes of a group's name: it decorates, filters and cuts it.

use serde::{Deserialize, Serialize};

/// Text that a naming policy adds around a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoration {
    /// Text in front.
    pub prefix: String,
    /// Text behind.
    pub suffix: String,
}

/// Maximum length of a group's display name, in UTF-16 units.
/// <https://learn.microsoft.com/graph/api/resources/group>
const LONGEST_NAME: usize = 256;

/// Returns the part of a title that a group's display name can hold.
pub fn display_name(title: &str) -> &str {
    let mut units = 0;
    let is_over = |&(_, one): &(usize, char)| {
        units += one.len_utf16();
        units > LONGEST_NAME
    };
    let end = title.char_indices().find(is_over).map_or(title.len(), |(at, _)| at);
    title[..end].trim_end()
}

impl Decoration {
    /// Returns what `PrefixSuffixNamingRequirement` asks of an app. Attributes such as
    /// `[Department]` are empty, since an app has none.
    /// <https://learn.microsoft.com/entra/identity/users/groups-naming-policy>
    pub fn required_by(requirement: &str) -> Self {
        let (prefix, suffix) = requirement.split_once("[GroupName]").unwrap_or((requirement, ""));
        Self { prefix: without_attributes(prefix), suffix: without_attributes(suffix) }
    }

    /// Returns what is around `bare` in `raw`, if it contains it. Looks for a prefix first, since
    /// most policies have only that.
    pub(super) fn around(bare: &str, raw: &str) -> Option<Self> {
        let only_prefix = raw.strip_suffix(bare).map(|prefix| (prefix, ""));
        let only_suffix = || raw.strip_prefix(bare).map(|suffix| ("", suffix));
        let (prefix, suffix) = only_prefix
            .or_else(only_suffix)
            // A policy can add a prefix and a suffix at once.
            .or_else(|| raw.split_once(bare))
            .filter(|_| !bare.is_empty())?;
        Some(Self { prefix: prefix.into(), suffix: suffix.into() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.prefix.is_empty() && self.suffix.is_empty()
    }

    /// Returns `raw` without this decoration, if it has it and something is left.
    pub(super) fn stripped<'a>(&self, raw: &'a str) -> Option<&'a str> {
        let bare = raw.strip_prefix(self.prefix.as_str())?.strip_suffix(self.suffix.as_str())?;
        (!self.is_empty() && !bare.trim().is_empty()).then_some(bare)
    }
}

fn without_attributes(text: &str) -> String {
    let mut fixed = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        fixed.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    fixed + rest
}

/// Returns `true` if the service can have made `bare` of a title: it filters and cuts.
pub(super) fn is_made_of(bare: &str, title: &str) -> bool {
    let mut letters = title.chars();
    !bare.trim().is_empty() && bare.chars().all(|one| letters.any(|letter| letter == one))
}

/// Both names as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameReading {
    /// Title of the team.
    pub team: String,
    /// Display name of the group.
    pub group: String,
}

impl NameReading {
    /// Returns `true` if a name is empty. That is no rename.
    pub(super) fn is_incomplete(&self) -> bool {
        self.team.trim().is_empty() || self.group.trim().is_empty()
    }
}
