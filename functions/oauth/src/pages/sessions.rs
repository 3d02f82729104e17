//! The sessions of all administrators of the organization, each to be ended.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::decision::Decider;
use http::StatusCode;
use serde::Deserialize;
use store::table::StoreError;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::session;
use crate::http::error::Failure;
use crate::http::extract::Form;
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, see_other};
use crate::view::layout::Shell;
use crate::view::phrases::date;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    sessions: Vec<Row>,
}

/// A session.
struct Row {
    hash: String,
    name: String,
    began: String,
    seen: String,
    is_this: bool,
}

/// Shows the sessions.
pub(crate) async fn show(State(app): State<Arc<App>>, admin: Admin) -> Result<Response, Failure> {
    let now = app.clock.now();
    let sessions = session::list(app.store.as_ref(), &admin.organization, now).await?;
    let row = |one: session::ListedSession| Row {
        is_this: one.hash == admin.session.hash,
        hash: one.hash,
        name: one.name,
        began: date(one.began),
        seen: date(one.seen),
    };
    let sessions = sessions.into_iter().map(row).collect();
    let (shell, csrf) = (admin.shell(Page::Sessions), admin.csrf());
    response::page(StatusCode::OK, &SessionsPage { shell, csrf, sessions })
}

/// The session to end.
#[derive(Deserialize)]
pub(crate) struct EndForm {
    session: Option<String>,
}

/// Ends one session.
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(form): Form<EndForm>,
) -> Result<Response, Failure> {
    let hash = form.session.ok_or(Failure::NotAForm)?;
    let (org, person) = (admin.session.org, admin.session.person);
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    match session::end_listed(app.store.as_ref(), &admin.organization, &hash, by).await {
        // It has ended already, or belongs to another organization.
        Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Page::Sessions)),
        ended => ended?,
    }
    tracing::info!(event = "session_ended", %org, %person, "An administrator ended a session.");
    Ok(see_other(Page::Sessions))
}
