//! The routing table: each route with its handlers. Nothing imports it but the entry point.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;

use crate::app::App;
use crate::auth::admin::{self, RouteGuard};
use crate::auth::login;
use crate::backfill::{adopt, search, selection};
use crate::connect::{consent, disconnect, folders, microsoft, prerequisites, webex};
use crate::http::error::Failure;
use crate::http::page_id::{Page, Route};
use crate::http::response;
use crate::pages::{
    activity, activity_entry, approvals, callbacks, external_ids, home, people, person, preview,
    settings, team, teams,
};
use crate::view::assets;

/// Builds the router. Every path is matched as it is written; none has a second spelling.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new().route(assets::path(), get(stylesheet));
    for route in Route::all() {
        router = router.route(route.pattern(), handlers(app, route));
    }
    router
        .fallback(async || Failure::NoSuchPage)
        .method_not_allowed_fallback(async || Failure::WrongMethod)
        .with_state(app.clone())
}

fn handlers(app: &Arc<App>, route: Route) -> MethodRouter<Arc<App>> {
    // Needs a session, and for POST the session's CSRF token.
    let admin = |handlers: MethodRouter<Arc<App>>| {
        let guard = RouteGuard { app: app.clone(), page: route.page() };
        // Only for the route's own methods: a wrong one needs no session to be refused.
        handlers.route_layer(from_fn_with_state(guard, admin::require))
    };
    match route {
        Route::Health => get(health),
        Route::SignIn => get(login::sign_in),
        // A sign-in returns here before there is a session; a grant's flow checks its own.
        Route::WebexCallback => get(callbacks::webex),
        Route::MicrosoftCallback => admin(get(callbacks::microsoft)),
        Route::Consent => admin(get(consent::show)),
        Route::SignOut => admin(post(login::sign_out)),
        Route::SignOutEverywhere => admin(post(login::sign_out_everywhere)),
        Route::Team => admin(get(team::show).post(team::decide)),
        Route::Adopt => admin(get(adopt::show).post(adopt::decide)),
        Route::ActivityEntry => admin(get(activity_entry::show).post(activity_entry::undo)),
        Route::Person => admin(get(person::show).post(person::decide)),
        Route::ActivityFile => admin(get(activity::file)),
        Route::Page(page) => match page {
            // Without a session it is the welcome page.
            Page::Home => get(home::show),
            Page::Webex => admin(get(webex::show).post(webex::connect)),
            Page::Microsoft => admin(get(microsoft::show).post(microsoft::connect)),
            Page::Folders => admin(get(folders::show).post(folders::connect)),
            Page::Prerequisites => admin(get(prerequisites::show)),
            Page::People => admin(get(people::show)),
            Page::ExternalIds => admin(get(external_ids::show).post(external_ids::start)),
            Page::Approvals => admin(get(approvals::show)),
            Page::Activity => admin(get(activity::show)),
            Page::Preview => admin(get(preview::show).post(preview::go_live)),
            Page::Backfill => admin(get(search::show).post(search::decide)),
            Page::Selection => admin(get(selection::show).post(selection::decide)),
            Page::Teams => admin(get(teams::show)),
            Page::Settings => admin(get(settings::show).post(settings::save)),
            Page::Disconnect => admin(get(disconnect::show).post(disconnect::disconnect)),
            Page::Receipt => admin(get(disconnect::receipt).post(disconnect::decide_groups)),
        },
    }
}

async fn health() -> Response {
    response::empty(StatusCode::OK)
}

async fn stylesheet() -> Response {
    response::asset("text/css; charset=utf-8", assets::STYLE)
}
