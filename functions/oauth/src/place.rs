//! The pages somebody can be sent to: an enumeration, so that no address from outside ever is one.

use serde::{Deserialize, Serialize};

/// A page of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    /// Where things stand.
    #[default]
    Home,
    /// The account in Webex.
    Webex,
    /// The permissions that Microsoft's side asks for.
    Microsoft,
    /// What has to be in place.
    Prerequisites,
    /// All teams that are linked, were, or are about to be.
    Teams,
    /// Teams that were there before, found through their people.
    Existing,
    /// Those of them that were chosen, and what becomes of each.
    Selection,
    /// All removals that wait.
    Held,
    /// What would be done, while nothing is.
    Preview,
    /// Who is left out.
    People,
    /// Those of them whose externalId can be written.
    Fix,
    /// What was done.
    Activity,
    /// Folders of spaces: what they need, and the permission that is asked for.
    Folders,
    /// The settings.
    Settings,
    /// Disconnecting.
    Disconnect,
    /// What was taken back.
    Receipt,
}

impl Place {
    /// All of them.
    pub(crate) const ALL: [Self; 16] = [
        Self::Home,
        Self::Webex,
        Self::Microsoft,
        Self::Prerequisites,
        Self::Teams,
        Self::Existing,
        Self::Selection,
        Self::Held,
        Self::Preview,
        Self::People,
        Self::Fix,
        Self::Activity,
        Self::Folders,
        Self::Settings,
        Self::Disconnect,
        Self::Receipt,
    ];

    /// Its path.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Webex => "/webex",
            Self::Microsoft => "/oauth/microsoft",
            Self::Prerequisites => "/prerequisites",
            Self::Teams => "/teams",
            Self::Existing => "/existing",
            Self::Selection => "/selection",
            Self::Held => "/held",
            Self::Preview => "/preview",
            Self::People => "/people",
            Self::Fix => "/people/fix",
            Self::Activity => "/activity",
            Self::Folders => "/folders",
            Self::Settings => "/settings",
            Self::Disconnect => "/disconnect",
            Self::Receipt => "/receipt",
        }
    }

    /// What it is called in a query.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Webex => "webex",
            Self::Microsoft => "microsoft",
            Self::Prerequisites => "prerequisites",
            Self::Teams => "teams",
            Self::Existing => "existing",
            Self::Selection => "selection",
            Self::Held => "held",
            Self::Preview => "preview",
            Self::People => "people",
            Self::Fix => "fix",
            Self::Activity => "activity",
            Self::Folders => "folders",
            Self::Settings => "settings",
            Self::Disconnect => "disconnect",
            Self::Receipt => "receipt",
        }
    }

    /// The place of this name; anything else is home.
    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|place| place.name() == name).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_have_names() {
        for place in Place::ALL {
            assert_eq!(Place::named(place.name()), place);
        }
        for name in ["https://evil.example", "//evil.example", "/settings", "\\evil", "settings/../..", ""] {
            assert_eq!(Place::named(name), Place::Home, "{name}");
        }
    }
}
