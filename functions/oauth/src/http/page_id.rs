//! Addresses of this function as types, so that a link to a page that does not exist does not
//! compile.

use std::fmt;

use domain::ids::{GroupId, PersonId, TeamId};
use engine::activity::EntryId;
use engine::credentials::registration::Registration;
use serde::{Deserialize, Serialize};

/// A page without parameters. A sign-in can return to it; no address from outside ever is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Page {
    #[default]
    Home,
    /// Connecting the service account.
    Webex,
    /// The permissions for groups, and connecting a directory.
    Microsoft,
    Prerequisites,
    Teams,
    /// Existing teams that were found.
    Backfill,
    /// Existing teams that were selected.
    Selection,
    /// Removals that wait for approval.
    Approvals,
    Preview,
    /// People who are excluded.
    People,
    /// Writing missing externalIds.
    ExternalIds,
    /// Confirming accounts whose names differ from their users.
    Names,
    Activity,
    /// The permission for files.
    Folders,
    Settings,
    Disconnect,
    Receipt,
    /// The sessions of all administrators.
    Sessions,
    /// The administrator's guide.
    Help,
}

impl Page {
    pub(crate) const ALL: [Self; 19] = [
        Self::Home,
        Self::Webex,
        Self::Microsoft,
        Self::Prerequisites,
        Self::Teams,
        Self::Backfill,
        Self::Selection,
        Self::Approvals,
        Self::Preview,
        Self::People,
        Self::ExternalIds,
        Self::Names,
        Self::Activity,
        Self::Folders,
        Self::Settings,
        Self::Disconnect,
        Self::Receipt,
        Self::Sessions,
        Self::Help,
    ];

    pub(crate) fn path(self) -> &'static str {
        // Alerts that were sent link to some of these, so they stay as they are.
        match self {
            Self::Home => "/",
            Self::Webex => "/webex",
            Self::Microsoft => "/oauth/microsoft",
            Self::Prerequisites => "/prerequisites",
            Self::Teams => "/teams",
            Self::Backfill => "/existing",
            Self::Selection => "/selection",
            Self::Approvals => "/held",
            Self::Preview => "/preview",
            Self::People => "/people",
            Self::ExternalIds => "/people/fix",
            Self::Names => "/people/names",
            Self::Activity => "/activity",
            Self::Folders => "/folders",
            Self::Settings => "/settings",
            Self::Disconnect => "/disconnect",
            Self::Receipt => "/receipt",
            Self::Sessions => "/sessions",
            Self::Help => "/help",
        }
    }

    /// The page's name in a query.
    pub(crate) fn name(self) -> &'static str {
        match self {
            // A name has no slash, so that a query never holds an address.
            Self::Home => "home",
            Self::Microsoft => "microsoft",
            Self::ExternalIds => "fix",
            Self::Names => "names",
            other => other.path().trim_start_matches('/'),
        }
    }

    /// Returns the page with this name; any other name is the overview.
    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|page| page.name() == name).unwrap_or_default()
    }

    /// Returns the page that explains a registration's permissions and starts its consent.
    pub(crate) fn of(registration: Registration) -> Self {
        match registration {
            Registration::Groups => Self::Microsoft,
            Registration::Files => Self::Folders,
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// An entry of the routing table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Page(Page),
    Team,
    /// Adopting an existing group for a team.
    Adopt,
    ActivityEntry,
    Person,
    /// The activity as CSV.
    ActivityFile,
    /// Starts a sign-in.
    SignIn,
    /// Return from Webex, both after a sign-in and after a grant.
    WebexCallback,
    /// Return from a sign-in with Microsoft.
    MicrosoftCallback,
    /// Return from the consent, and its proof.
    Consent,
    SignOut,
    SignOutEverywhere,
    Health,
}

impl Route {
    /// Returns `true` if an organization that the operator closed may still send the route's forms:
    /// to switch off, to disconnect and to sign out.
    pub(crate) fn is_open_to_closed(self) -> bool {
        match self {
            Self::Page(page) => {
                matches!(page, Page::Settings | Page::Disconnect | Page::Receipt | Page::Sessions)
            }
            Self::SignOut | Self::SignOutEverywhere => true,
            _ => false,
        }
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let others = [
            Self::Team,
            Self::Adopt,
            Self::ActivityEntry,
            Self::Person,
            Self::ActivityFile,
            Self::SignIn,
            Self::WebexCallback,
            Self::MicrosoftCallback,
            Self::Consent,
            Self::SignOut,
            Self::SignOutEverywhere,
            Self::Health,
        ];
        Page::ALL.into_iter().map(Self::Page).chain(others)
    }

    /// The path, with its parameters in braces.
    pub(crate) fn pattern(self) -> &'static str {
        match self {
            Self::Page(page) => page.path(),
            Self::Team => "/teams/{team}",
            Self::Adopt => "/teams/{team}/adopt",
            Self::ActivityEntry => "/teams/{team}/done/{entry}",
            Self::Person => "/people/{person}",
            Self::ActivityFile => "/activity.csv",
            Self::SignIn => "/oauth/webex",
            Self::WebexCallback => "/oauth/webex/callback",
            Self::MicrosoftCallback => "/oauth/microsoft/callback",
            Self::Consent => "/oauth/microsoft/consent",
            Self::SignOut => "/sign-out",
            Self::SignOutEverywhere => "/sign-out/everywhere",
            Self::Health => "/healthz",
        }
    }

    /// Returns the page to open after a new sign-in.
    pub(crate) fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            // A sign-in returns to a page by its name alone, so a thing's page becomes its list.
            Self::Team | Self::Adopt | Self::ActivityEntry => Page::Teams,
            Self::Person => Page::People,
            Self::ActivityFile => Page::Activity,
            // A return works once, so this is the page where the flow starts.
            Self::MicrosoftCallback | Self::Consent => Page::Microsoft,
            Self::SignIn
            | Self::WebexCallback
            | Self::SignOut
            | Self::SignOutEverywhere
            | Self::Health => Page::Home,
        }
    }
}

/// A link to anything but a plain page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageLink {
    Team(TeamId),
    Adopt(TeamId),
    /// Both sides as they would be after the adoption.
    AdoptGroup(TeamId, GroupId),
    ActivityEntry(TeamId, EntryId),
    Person(PersonId),
    ActivityFile,
    /// Signs in and returns to a page.
    SignIn(Page),
    Consent,
    SignOut,
    SignOutEverywhere,
}

impl fmt::Display for PageLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Team(team) => write!(f, "/teams/{team}"),
            Self::Adopt(team) => write!(f, "/teams/{team}/adopt"),
            Self::AdoptGroup(team, group) => write!(f, "/teams/{team}/adopt?group={group}"),
            Self::ActivityEntry(team, entry) => write!(f, "/teams/{team}/done/{entry}"),
            Self::Person(person) => write!(f, "/people/{person}"),
            Self::ActivityFile => f.write_str(Route::ActivityFile.pattern()),
            Self::SignIn(page) => write!(f, "{}?to={}", Route::SignIn.pattern(), page.name()),
            Self::Consent => f.write_str(Route::Consent.pattern()),
            Self::SignOut => f.write_str(Route::SignOut.pattern()),
            Self::SignOutEverywhere => f.write_str(Route::SignOutEverywhere.pattern()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_own_pages_have_names() {
        for page in Page::ALL {
            assert_eq!(Page::named(page.name()), page);
        }
        let foreign =
            ["https://evil.example", "//evil.example", "/settings", "\\evil", "settings/../..", ""];
        for name in foreign {
            assert_eq!(Page::named(name), Page::Home, "{name}");
        }
    }

    #[test]
    fn every_link_has_a_route() {
        let (team, person) = (TeamId(Uuid::nil()), PersonId(Uuid::nil()));
        let entry = EntryId::new(Timestamp::UNIX_EPOCH);
        let links = [
            (PageLink::Team(team), Route::Team),
            (PageLink::Adopt(team), Route::Adopt),
            (PageLink::AdoptGroup(team, GroupId(Uuid::nil())), Route::Adopt),
            (PageLink::ActivityEntry(team, entry), Route::ActivityEntry),
            (PageLink::Person(person), Route::Person),
            (PageLink::SignIn(Page::Teams), Route::SignIn),
        ];
        for (link, route) in links {
            let path = link.to_string();
            let path = path.split('?').next().unwrap_or_default();
            let filled = route
                .pattern()
                .replace("{team}", &team.to_string())
                .replace("{person}", &person.to_string())
                .replace("{entry}", &entry.to_string());
            assert_eq!(path, filled);
        }
    }
}
