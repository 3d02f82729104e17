//! What all pages have in common, and the page for whatever failed.

use askama::Template;
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::failure::{Failure, Words};
use crate::place::Place;
use crate::{Administrator, Oauth};

/// The one stylesheet.
pub(crate) const STYLE: &str = include_str!("../assets/style.css");

/// Where the stylesheet is: the address has its hash, so that it can be kept for ever.
pub(crate) struct Stylesheet(String);

impl Stylesheet {
    /// The stylesheet of this build.
    pub(crate) fn new() -> Self {
        let hash = Sha256::digest(STYLE);
        let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("/style-{hash}.css"))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }
}

/// The frame of a page.
pub(crate) struct Shell<'a> {
    /// Where the stylesheet is.
    pub(crate) style: &'a str,
    /// Who is signed in.
    pub(crate) who: Option<Who<'a>>,
    /// Which page it is.
    pub(crate) here: Place,
}

impl Shell<'_> {
    /// The pages that the navigation leads to, each with whether it is this one.
    pub(crate) fn navigation(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let here = self.here;
        let pages = [
            (Place::Home, "Overview"),
            (Place::Teams, "Teams"),
            (Place::People, "People"),
            (Place::Activity, "Activity"),
            (Place::Prerequisites, "Prerequisites"),
            (Place::Settings, "Settings"),
        ];
        pages.into_iter().map(move |(place, name)| (place.path(), name, place == here))
    }
}

/// Somebody who is signed in.
pub(crate) struct Who<'a> {
    /// What he is called.
    pub(crate) name: &'a str,
    /// What every form carries.
    pub(crate) csrf: &'a str,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    shell: Shell<'a>,
    words: Words,
    trace: &'a str,
}

#[derive(Template)]
#[template(path = "onwards.html")]
struct OnwardsPage<'a> {
    shell: Shell<'a>,
    service: &'a str,
    url: &'a str,
}

impl Oauth {
    /// The frame for somebody who is signed in.
    pub(crate) fn shell<'a>(&'a self, administrator: &'a Administrator, here: Place) -> Shell<'a> {
        let session = &administrator.session;
        Shell { style: self.style.path(), who: Some(Who { name: &session.name, csrf: &session.csrf }), here }
    }

    /// The frame for anybody.
    pub(crate) fn bare_shell(&self) -> Shell<'_> {
        Shell { style: self.style.path(), who: None, here: Place::Home }
    }

    pub(crate) fn failure_page(&self, failure: &Failure, trace: &str) -> Answer {
        let page = FailurePage { shell: self.bare_shell(), words: failure.words(), trace };
        Answer::page(failure.status(), page.render().unwrap_or_default())
    }

    /// A page that leads to another service. A form cannot be redirected there itself: what it may redirect to is ours alone.
    pub(crate) fn onwards(
        &self,
        administrator: &Administrator,
        service: &str,
        url: &str,
        cookie: String,
    ) -> Result<Answer, Failure> {
        let page = OnwardsPage { shell: self.shell(administrator, Place::Home), service, url };
        Ok(Answer::page(200, page.render()?).refresh(0, Some(url)).cookie(cookie))
    }
}
