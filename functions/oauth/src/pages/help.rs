//! The administrator's guide, which each page links to.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::page_id::Page;
use crate::http::response;
use crate::view::guide::{Guide, guide};
use crate::view::layout::Shell;

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage<'a> {
    shell: Shell<'a>,
    guide: Guide,
}

/// Shows the guide, with or without a session.
pub(crate) async fn show(admin: Option<Admin>) -> Result<Response, Failure> {
    let shell = admin
        .as_ref()
        .map_or(Shell { user: None, here: Page::Help }, |admin| admin.shell(Page::Help));
    response::page(StatusCode::OK, &HelpPage { shell, guide: guide() })
}
