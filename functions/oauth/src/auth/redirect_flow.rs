//! Redirect flows: to another service and back, once.
//!
//! # Guarantees
//! A return works once, within ten minutes, in the browser and the session that left. PKCE's
//! verifier and the nonce derive from the browser's own cookie, so the table alone cannot end a
//! flow.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use store::table::{
    Condition, EXPIRES_AT, Key, StoreError, Test, Write, from_item, to_item, to_value,
};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::random;
use crate::auth::session::Session;
use crate::auth::types::Purpose;
use crate::http::cookies::RequestCookies;
use crate::http::error::{Failure, Service};
use crate::http::page_id::Page;
use crate::http::response::{self, ResponseExt};
use crate::view::layout::Shell;

/// The longest that a flow may take.
const LASTS: SignedDuration = SignedDuration::from_mins(10);

#[derive(Serialize, Deserialize)]
struct Stored {
    purpose: Purpose,
    /// Hash of the browser's cookie.
    browser: String,
    /// Hash of the session's token.
    session: Option<String>,
}

/// A redirect flow as the browser knows it.
pub(crate) struct Flow {
    pub(crate) state: String,
    browser: String,
}

impl Flow {
    /// PKCE's verifier.
    pub(crate) fn verifier(&self) -> SecretString {
        random::derived(&self.browser, "verifier", &self.state).into()
    }

    /// PKCE's challenge, S256.
    pub(crate) fn challenge(&self) -> String {
        random::hash(&random::derived(&self.browser, "verifier", &self.state))
    }

    /// The nonce that the id_token must carry.
    pub(crate) fn nonce(&self) -> String {
        random::derived(&self.browser, "nonce", &self.state)
    }
}

/// A flow that has begun, with the cookie to set.
pub(crate) struct Begun {
    pub(crate) flow: Flow,
    pub(crate) cookie: String,
}

/// The query that a browser brings back from another service.
#[derive(Debug, Deserialize)]
pub(crate) struct Callback {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    /// The directory that consented.
    pub(crate) tenant: Option<String>,
}

impl Callback {
    pub(crate) fn code(&self) -> Result<&str, Failure> {
        self.code.as_deref().ok_or(Failure::State)
    }

    /// Fails if the service returned an error instead of a code.
    pub(crate) fn check_granted(&self, service: Service) -> Result<(), Failure> {
        match self.error.as_deref() {
            None => Ok(()),
            Some("access_denied" | "consent_required" | "permission_denied") => {
                Err(Failure::Declined(service))
            }
            Some(error) => {
                // The page shows the service's own word, so it keeps only what can be a word.
                let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                let word: String = error.chars().filter(is_word).take(60).collect();
                Err(Failure::Returned(service, word))
            }
        }
    }
}

fn key(state: &str) -> Key {
    // Hashed, so that a reader of the table cannot end a flow.
    Key::new(format!("STATE#{}", random::hash(state)), "-")
}

/// Begins a flow.
pub(crate) async fn begin(
    app: &App,
    cookies: &RequestCookies,
    purpose: Purpose,
    session: Option<&Session>,
) -> Result<Begun, Failure> {
    // Two tabs share the cookie, so that neither breaks the other's flow.
    let known = cookies.get(app.cookies.flow()).filter(|token| random::is_token(token));
    let browser = known.map_or_else(random::token, |known| Ok(known.to_owned()))?;
    let flow = Flow { state: random::token()?, browser };
    let stored = Stored {
        purpose,
        browser: random::hash(&flow.browser),
        session: session.map(|one| one.hash.clone()),
    };
    let mut item = to_item(&key(&flow.state), &stored)?;
    let end = (app.clock.now() + LASTS).as_second();
    item.insert(EXPIRES_AT.into(), AttributeValue::N(end.to_string()));
    app.store.write(vec![Write::Put(item, Condition::Absent)]).await?;
    let cookie = app.cookies.set(app.cookies.flow(), &flow.browser, LASTS);
    Ok(Begun { flow, cookie })
}

/// Ends a flow whose purpose fits. From then on it does not work again, whatever comes of it.
pub(crate) async fn end(
    app: &App,
    cookies: &RequestCookies,
    callback: &Callback,
    session: Option<&Session>,
    fits: impl Fn(&Purpose) -> bool,
) -> Result<(Flow, Purpose), Failure> {
    let state = callback.state.as_deref().filter(|state| random::is_token(state));
    let state = state.ok_or(Failure::State)?;
    let browser = cookies.get(app.cookies.flow()).filter(|token| random::is_token(token));
    let flow = Flow { state: state.into(), browser: browser.ok_or(Failure::State)?.into() };
    let stored: Option<Stored> = app.store.get(&key(state)).await?.map(from_item).transpose()?;
    let stored = stored.ok_or(Failure::State)?;
    let is_same_browser = random::are_equal(&stored.browser, &random::hash(&flow.browser));
    let is_same_session = match &stored.session {
        // A sign-in begins before there is a session.
        None => true,
        Some(hash) => session.is_some_and(|session| random::are_equal(hash, &session.hash)),
    };
    // Nothing is deleted here: another browser must not be able to use up the flow.
    if !is_same_browser || !is_same_session || !fits(&stored.purpose) {
        return Err(Failure::State);
    }
    // Of two returns at once, one finds the state deleted.
    let unused = Condition::Holds(vec![Test::Equals("browser", to_value(&stored.browser)?)]);
    match app.store.write(vec![Write::Delete(key(state), unused)]).await {
        Ok(()) => Ok((flow, stored.purpose)),
        Err(StoreError::ConditionFailed) => Err(Failure::State),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "redirect.html")]
struct RedirectPage<'a> {
    shell: Shell<'a>,
    service: &'a str,
    url: &'a str,
}

/// Renders a page that opens another service. A form's answer cannot redirect there, because the
/// content policy lets forms lead to our own pages only.
pub(crate) fn redirect_page(
    admin: &Admin,
    service: Service,
    url: &str,
    cookie: &str,
) -> Result<Response, Failure> {
    let page = RedirectPage { shell: admin.shell(Page::Home), service: service.name(), url };
    Ok(response::page(StatusCode::OK, &page)?.open(url).cookie(cookie))
}
