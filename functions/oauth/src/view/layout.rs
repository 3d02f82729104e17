//! The frame that all pages share, and the page of a failure.

use askama::Template;
use domain::ids::OrgId;

use crate::http::admin_role::AdminRole;
use crate::http::error::Failure;
use crate::http::page_id::{Page, PageLink};
use crate::view::assets;
use crate::view::guide::section;
use crate::view::phrases;
use crate::view::phrases::failures::{FailureText, failure_text};

/// The frame of a page.
pub(crate) struct Shell<'a> {
    /// The signed-in administrator.
    pub(crate) user: Option<User<'a>>,
    /// The page that is shown.
    pub(crate) here: Page,
}

/// The signed-in administrator.
pub(crate) struct User<'a> {
    pub(crate) name: &'a str,
    pub(crate) role: AdminRole,
    pub(crate) csrf: &'a str,
    pub(crate) org: OrgId,
    /// The organization's name, if Webex said it.
    pub(crate) org_name: &'a str,
}

/// A link of the navigation.
pub(crate) struct NavigationLink {
    pub(crate) page: Page,
    pub(crate) text: &'static str,
    pub(crate) is_here: bool,
}

impl Shell<'_> {
    /// The frame for a browser without a session.
    pub(crate) const PUBLIC: Self = Self { user: None, here: Page::Home };

    pub(crate) fn style(&self) -> &'static str {
        assets::path()
    }

    /// Returns the address of the guide's section about this page.
    pub(crate) fn help(&self) -> String {
        format!("{}#{}", Page::Help, section(self.here))
    }

    pub(crate) fn sign_out(&self) -> PageLink {
        PageLink::SignOut
    }

    pub(crate) fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Returns the sentence about a role that changes nothing.
    pub(crate) fn role_note(&self) -> Option<&'static str> {
        phrases::role_note(self.user.as_ref()?.role)
    }

    /// Returns `true` if the page is open to the role.
    pub(crate) fn opens(&self, page: Page) -> bool {
        self.user.as_ref().is_some_and(|user| user.role.sees(page))
    }

    pub(crate) fn navigation(&self) -> impl Iterator<Item = NavigationLink> {
        let here = self.here;
        // Pages of a single step are not here: others lead to them when they are due.
        let pages = [
            (Page::Home, "Overview"),
            (Page::Teams, "Teams"),
            (Page::People, "People"),
            (Page::Activity, "Activity"),
            (Page::Prerequisites, "Prerequisites"),
            (Page::Settings, "Settings"),
        ];
        let link = move |(page, text)| NavigationLink { page, text, is_here: page == here };
        pages.into_iter().filter(|(page, _)| self.opens(*page)).map(link)
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    shell: Shell<'a>,
    is_empty_page: bool,
    words: FailureText,
    error_id: &'a str,
}

/// Renders the page of a failure.
pub(crate) fn failure_page(failure: &Failure, error_id: &str) -> Result<String, askama::Error> {
    // A failure can come before the session is known, so its page names no one.
    FailurePage {
        shell: Shell::PUBLIC,
        is_empty_page: failure.is_empty_page(),
        words: failure_text(failure),
        error_id,
    }
    .render()
}
