//! The routing table: each route with its handlers. Nothing imports it but the entry point.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;

use crate::app::App;
use crate::auth::guard::{self, RouteGuard};
use crate::auth::login;
use crate::backfill::{adopt, search, selection};
use crate::connect::{consent, disconnect, folders, microsoft, prerequisites, webex};
use crate::http::error::Failure;
use crate::http::page_id::{Page, Route};
use crate::http::response;
use crate::pages::{
    activity, activity_entry, approvals, callbacks, external_ids, help, home, names, people,
    person, preview, sessions, settings, team, teams,
};
use crate::proofs;
use crate::view::assets;

/// Builds the router. Every path is matched as it is written; none has a second spelling.
pub(crate) fn router(app: &Arc<App>) -> Router {
    // Without a guard: the page that signs in needs it, too.
    let mut router = Router::new().route(assets::path(), get(stylesheet));
    // From the list of routes, so that none can be served without its guard.
    for route in Route::all() {
        router = router.route(route.pattern(), handlers(app, route));
    }
    router
        .fallback(async || Failure::NoSuchPage)
        .method_not_allowed_fallback(async || Failure::WrongMethod)
        .with_state(app.clone())
}

fn handlers(app: &Arc<App>, route: Route) -> MethodRouter<Arc<App>> {
    let handlers = match route {
        Route::Health => get(health),
        Route::SignIn => get(login::sign_in),
        Route::WebexCallback => get(callbacks::webex),
        Route::MicrosoftCallback => get(callbacks::microsoft),
        Route::Consent => get(consent::show).post(consent::decide),
        Route::SignOut => post(login::sign_out),
        Route::SignOutEverywhere => post(login::sign_out_everywhere),
        Route::Team => get(team::show).post(team::decide),
        Route::Adopt => get(adopt::show).post(adopt::decide),
        Route::ActivityEntry => get(activity_entry::show).post(activity_entry::undo),
        Route::Person => get(person::show).post(person::decide),
        Route::ActivityFile => get(activity::file),
        Route::Page(page) => match page {
            Page::Home => get(home::show),
            Page::Help => get(help::show),
            Page::Webex => get(webex::show).post(webex::connect),
            Page::Microsoft => get(microsoft::show).post(microsoft::connect),
            Page::Folders => get(folders::show).post(folders::connect),
            Page::Prerequisites => get(prerequisites::show),
            Page::People => get(people::show),
            Page::ExternalIds => get(external_ids::show).post(external_ids::start),
            Page::Names => get(names::show).post(names::confirm),
            Page::Approvals => get(approvals::show),
            Page::Activity => get(activity::show),
            Page::Preview => get(preview::show).post(preview::go_live),
            Page::Backfill => get(search::show).post(search::decide),
            Page::Selection => get(selection::show).post(selection::decide),
            Page::Teams => get(teams::show),
            Page::Settings => get(settings::show).post(settings::save),
            Page::Disconnect => get(disconnect::show).post(disconnect::disconnect),
            Page::Sessions => get(sessions::show).post(sessions::end),
            Page::Receipt => get(disconnect::receipt).post(disconnect::decide_groups),
        },
    };
    let (proof, form) = (proofs::view(route), proofs::form(route));
    let guard = RouteGuard { app: app.clone(), route, proof, form };
    // Only for the route's own methods: a wrong one needs no session to be refused.
    handlers.route_layer(from_fn_with_state(guard, guard::require))
}

async fn health() -> Response {
    response::empty(StatusCode::OK)
}

async fn stylesheet() -> Response {
    response::asset("text/css; charset=utf-8", assets::STYLE)
}
