//! The proof that each route declares. The guard asks for it before a handler runs.

use crate::auth::proof::{Fields, FormProof, Proof};
use crate::http::admin_role::AdminRole;
use crate::http::page_id::{Page, Route};
use crate::pages::settings;

/// Returns the proof that every request of a route needs.
pub(crate) fn view(route: Route) -> Proof {
    match route {
        Route::Health | Route::SignIn => Proof::Nothing,
        // A sign-in returns here before there is a session; a grant's flow checks its own.
        Route::WebexCallback => Proof::Nothing,
        // Without a session the overview is the welcome page, and the guide holds nothing secret.
        Route::Page(Page::Home | Page::Help) => Proof::Nothing,
        Route::Page(page) if AdminRole::Users.sees(page) => Proof::Session,
        Route::Person | Route::ActivityFile | Route::SignOut => Proof::Session,
        Route::Page(_) | Route::Team | Route::Adopt | Route::ActivityEntry => Proof::Reader,
        // Steps of what only a full administrator can begin.
        Route::MicrosoftCallback | Route::Consent | Route::SignOutEverywhere => Proof::Role,
    }
}

/// Returns the proof that a route's forms need; `None` for a route without forms.
pub(crate) fn form(route: Route) -> Option<FormProof> {
    use FormProof::{Always, ByFields, BySettings};
    match route {
        Route::Health
        | Route::SignIn
        | Route::WebexCallback
        | Route::MicrosoftCallback
        | Route::ActivityFile => None,
        Route::SignOut => Some(Always(Proof::Session)),
        Route::SignOutEverywhere => Some(Always(Proof::Role)),
        Route::Consent => Some(Always(Proof::ConnectingAdministrator)),
        Route::Team => Some(ByFields(team)),
        Route::Adopt => Some(ByFields(adopt)),
        Route::ActivityEntry => Some(Always(Proof::Role)),
        Route::Person => Some(ByFields(person)),
        Route::Page(page) => match page {
            Page::Home
            | Page::Prerequisites
            | Page::Teams
            | Page::Approvals
            | Page::People
            | Page::Activity
            | Page::Help => None,
            Page::Webex => Some(ByFields(service_account)),
            // A sign-in with Microsoft, a consent and a confirmation follow.
            Page::Microsoft | Page::Folders => Some(Always(Proof::Role)),
            // A grant by the person who may write them follows.
            Page::ExternalIds => Some(Always(Proof::Role)),
            Page::Names => Some(Always(Proof::DirectoryAdministrator)),
            Page::Backfill | Page::Selection | Page::Sessions => Some(Always(Proof::Role)),
            // From this form on, syncs write for all teams.
            Page::Preview => Some(Always(Proof::WebexSignIn)),
            Page::Settings => Some(BySettings(settings::proof)),
            Page::Disconnect => Some(ByFields(disconnect)),
            Page::Receipt => Some(ByFields(receipt)),
        },
    }
}

fn service_account(form: &Fields) -> Proof {
    match form.get("intent") {
        // Another account would act for the organization from then on.
        "replace" => Proof::WebexSignIn,
        _ => Proof::Role,
    }
}

fn team(form: &Fields) -> Proof {
    match form.get("action") {
        // Pending removals, which no one has approved yet.
        "apply" => Proof::WebexSignIn,
        _ => Proof::Role,
    }
}

fn adopt(form: &Fields) -> Proof {
    match form.get("action") {
        // The role in Webex gives no right to a group of the directory.
        "adopt" => Proof::MicrosoftSignIn,
        _ => Proof::Role,
    }
}

fn person(form: &Fields) -> Proof {
    match form.get("action") {
        // Otherwise a Webex admin alone could give themselves another person's groups.
        "confirm" => Proof::DirectoryAdministrator,
        _ => Proof::Role,
    }
}

fn disconnect(form: &Fields) -> Proof {
    match (form.get("sure"), form.get("groups")) {
        // The groups are the directory's, and the role in Webex says nothing about it.
        ("yes", "delete") => Proof::DirectoryAdministrator,
        ("yes", _) => Proof::WebexSignIn,
        // Not confirmed, so nothing happens.
        _ => Proof::Role,
    }
}

fn receipt(form: &Fields) -> Proof {
    match form.get("groups") {
        // The directory's administrator proved the choice; by now no directory is connected.
        "delete" => Proof::WebexSignIn,
        _ => Proof::Role,
    }
}
