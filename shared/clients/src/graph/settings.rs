//! Group settings of the organization.
//! <https://learn.microsoft.com/entra/identity/users/groups-settings-cmdlets>

use serde::{Deserialize, Serialize};

use super::Graph;
use super::client::Listing;
use crate::http::{Access, Call, CallError};
use crate::wire::{lenient, lenient_text};

/// Template `Group.Unified`, the same in every directory.
const TEMPLATE: &str = "62375ab9-6b52-47ed-826b-58e47e0e304b";

/// Permission of users to create groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupCreation {
    /// All users can.
    #[default]
    Allowed,
    /// Only admins can, and the members of one group if it is set.
    Restricted,
}

/// Group settings that we use. By default users create groups with any name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSettings {
    /// `EnableGroupCreation`.
    pub creation: GroupCreation,
    /// `PrefixSuffixNamingRequirement`, such as `GRP_[GroupName]_[Department]`.
    pub naming_requirement: Option<String>,
    /// `CustomBlockedWordsList`: words that no group can have as its name.
    pub blocked_words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SettingsObject {
    #[serde(default, deserialize_with = "lenient")]
    template_id: Option<String>,
    #[serde(default)]
    values: Vec<Setting>,
}

#[derive(Deserialize)]
struct Setting {
    #[serde(default, deserialize_with = "lenient_text")]
    name: String,
    #[serde(default, deserialize_with = "lenient")]
    value: Option<String>,
}

impl Graph {
    /// Returns the settings. A directory that never changed them has the defaults.
    pub async fn group_settings(&self, access: &Access) -> Result<GroupSettings, CallError> {
        // An unreadable object could be ours, and would look like the defaults.
        let listing = Listing::of_all(Call::get("/groupSettings"));
        let objects = self.read_all_pages(access, listing).await?;
        let is_ours = |object: &SettingsObject| {
            object
                .template_id
                .as_deref()
                .is_some_and(|template| template.eq_ignore_ascii_case(TEMPLATE))
        };
        // Single groups have settings by another template.
        let ours = objects.into_inner().into_iter().find(is_ours);
        Ok(ours.map(|object| read(&object.values)).unwrap_or_default())
    }
}

fn read(values: &[Setting]) -> GroupSettings {
    let text = |name: &str| {
        let found = values.iter().find(|setting| setting.name == name);
        found.and_then(|setting| setting.value.as_deref()).map(str::trim).unwrap_or_default()
    };
    let words =
        text("CustomBlockedWordsList").split(',').map(str::trim).filter(|word| !word.is_empty());
    GroupSettings {
        // Graph stores booleans as texts, in any case.
        creation: if text("EnableGroupCreation").eq_ignore_ascii_case("false") {
            GroupCreation::Restricted
        } else {
            GroupCreation::Allowed
        },
        naming_requirement: Some(text("PrefixSuffixNamingRequirement"))
            .filter(|text| !text.is_empty())
            .map(Into::into),
        blocked_words: words.map(Into::into).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_from_texts() {
        let setting =
            |name: &str, value: &str| Setting { name: name.into(), value: Some(value.into()) };
        let values = [
            setting("EnableGroupCreation", "False"),
            setting("PrefixSuffixNamingRequirement", ""),
            setting("CustomBlockedWordsList", "CEO, Payroll,,"),
        ];
        let settings = read(&values);
        assert_eq!(settings.creation, GroupCreation::Restricted);
        assert_eq!(settings.naming_requirement, None);
        assert_eq!(settings.blocked_words, ["CEO", "Payroll"]);
        assert_eq!(read(&[]), GroupSettings::default());
    }
}
