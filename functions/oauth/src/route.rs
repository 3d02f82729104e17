//! The addresses.

use domain::ids::{PersonId, TeamId};
use engine::activity::EntryId;
use http::Method;

use crate::Oauth;
use crate::place::Place;

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Page(Place),
    /// One team.
    Team(TeamId),
    /// Connecting a group that was there before to a team.
    Connect(TeamId),
    /// Something that was done to a team.
    Done(TeamId, EntryId),
    /// Somebody in the person index.
    Person(PersonId),
    /// What was done, as a file.
    ActivityFile,
    /// Begins a sign-in.
    SignIn,
    /// The way back from Webex: of a sign-in, and of connecting.
    WebexCallback,
    /// The way back from Microsoft's sign-in.
    MicrosoftCallback,
    /// The way back from the consent, and its proof.
    Consent,
    SignOut,
    SignOutEverywhere,
    Style,
    Health,
}

impl Route {
    /// The methods that it takes, as the header says it.
    pub(crate) fn allowed(self) -> &'static str {
        match self {
            Self::SignOut | Self::SignOutEverywhere => "POST",
            Self::Page(
                Place::Home | Place::Prerequisites | Place::People | Place::Activity | Place::Teams | Place::Held,
            )
            | Self::ActivityFile
            | Self::SignIn
            | Self::WebexCallback
            | Self::MicrosoftCallback
            | Self::Consent
            | Self::Style
            | Self::Health => "GET",
            Self::Page(_) | Self::Team(_) | Self::Connect(_) | Self::Done(..) | Self::Person(_) => "GET, POST",
        }
    }

    /// Whether it takes this method.
    pub(crate) fn takes(self, method: &Method) -> bool {
        self.allowed().split(", ").any(|allowed| allowed == method.as_str())
    }

    /// Where to go on after a new sign-in.
    pub(crate) fn place(self) -> Place {
        match self {
            Self::Page(place) => place,
            Self::Team(_) | Self::Connect(_) | Self::Done(..) => Place::Teams,
            Self::Person(_) => Place::People,
            Self::ActivityFile => Place::Activity,
            Self::MicrosoftCallback | Self::Consent => Place::Microsoft,
            _ => Place::Home,
        }
    }
}

impl Oauth {
    /// What this path leads to. Paths are compared as they are: none has a second spelling.
    pub(crate) fn route(&self, path: &str) -> Option<Route> {
        if let Some(place) = Place::ALL.into_iter().find(|place| place.path() == path) {
            return Some(Route::Page(place));
        }
        if let Some(team) = path.strip_prefix("/teams/") {
            // Only one spelling of an id is an address.
            let of = |team: &str| team.parse().ok().filter(|id: &TeamId| id.to_string() == team);
            if let Some(team) = team.strip_suffix("/connect") {
                return of(team).map(Route::Connect);
            }
            return match team.split_once("/done/") {
                Some((team, entry)) => Some(Route::Done(of(team)?, entry.parse().ok()?)),
                None => of(team).map(Route::Team),
            };
        }
        if let Some(person) = path.strip_prefix("/people/") {
            return person.parse().ok().filter(|id: &PersonId| id.to_string() == person).map(Route::Person);
        }
        match path {
            "/activity.csv" => Some(Route::ActivityFile),
            "/oauth/webex" => Some(Route::SignIn),
            "/oauth/webex/callback" => Some(Route::WebexCallback),
            "/oauth/microsoft/callback" => Some(Route::MicrosoftCallback),
            "/oauth/microsoft/consent" => Some(Route::Consent),
            "/sign-out" => Some(Route::SignOut),
            "/sign-out/everywhere" => Some(Route::SignOutEverywhere),
            "/healthz" => Some(Route::Health),
            path if path == self.style.path() => Some(Route::Style),
            _ => None,
        }
    }
}
