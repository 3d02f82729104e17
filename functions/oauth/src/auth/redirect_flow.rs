//! Redirect flows: to another service and back, once.
//!
//! # Guarantees
//! A return works once, within ten minutes, in the browser and the session that left. PKCE's
//! verifier and the nonce derive from the browser's own cookie, so the table alone cannot end a
//! flow. A sign-in begins before there is a session, and is stored nowhere.

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
use crate::auth::sign_in_state;
use crate::auth::types::Purpose;
use crate::http::cookies::{Lifetime, RequestCookies};
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
    session: String,
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
            // Each service, and each consent page, has another word for a person's no.
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

/// Returns the token in the browser's cookie.
fn browser_of<'a>(app: &App, cookies: &'a RequestCookies) -> Option<&'a str> {
    cookies.get(app.cookies.flow()).filter(|token| random::is_token(token))
}

/// Returns the token for the browser's cookie. Two tabs share it, so that neither breaks the
/// other's flow.
fn browser_or_new(app: &App, cookies: &RequestCookies) -> Result<String, getrandom::Error> {
    browser_of(app, cookies).map_or_else(random::token, |known| Ok(known.to_owned()))
}

impl Begun {
    fn new(app: &App, flow: Flow) -> Self {
        let cookie = app.cookies.set(app.cookies.flow(), &flow.browser, Lifetime::For(LASTS));
        Self { flow, cookie }
    }
}

/// Begins a sign-in with Webex, without storing anything.
pub(crate) fn begin_sign_in(
    app: &App,
    cookies: &RequestCookies,
    to: Page,
) -> Result<Begun, Failure> {
    let browser = browser_or_new(app, cookies)?;
    let state = sign_in_state::issue(&browser, to, app.clock.now() + LASTS)?;
    Ok(Begun::new(app, Flow { state, browser }))
}

/// Returns the flow of a sign-in that began in this browser, and the page to open. `None` if the
/// callback is of another flow.
pub(crate) fn end_sign_in(
    app: &App,
    cookies: &RequestCookies,
    callback: &Callback,
) -> Option<(Flow, Page)> {
    let (state, browser) = (callback.state.as_deref()?, browser_of(app, cookies)?);
    let to = sign_in_state::verify(state, browser, app.clock.now())?;
    Some((Flow { state: state.into(), browser: browser.into() }, to))
}

/// Begins a flow of a session.
pub(crate) async fn begin(
    app: &App,
    cookies: &RequestCookies,
    purpose: Purpose,
    session: &Session,
) -> Result<Begun, Failure> {
    let flow = Flow { state: random::token()?, browser: browser_or_new(app, cookies)? };
    let stored =
        Stored { purpose, browser: random::hash(&flow.browser), session: session.hash.clone() };
    let mut item = to_item(&key(&flow.state), &stored)?;
    let end = (app.clock.now() + LASTS).as_second();
    // The table returns no item after its end, so the return need not compare times.
    item.insert(EXPIRES_AT.into(), AttributeValue::N(end.to_string()));
    app.store.write(vec![Write::Put(item, Condition::Absent)]).await?;
    Ok(Begun::new(app, flow))
}

/// Ends a flow whose purpose fits. From then on it does not work again, whatever comes of it.
pub(crate) async fn end(
    app: &App,
    cookies: &RequestCookies,
    callback: &Callback,
    session: Option<&Session>,
    fits: impl Fn(&Purpose) -> bool,
) -> Result<(Flow, Purpose), Failure> {
    // A query can be anything; what is no token is not worth a read.
    let state = callback.state.as_deref().filter(|state| random::is_token(state));
    let state = state.ok_or(Failure::State)?;
    let browser = browser_of(app, cookies).ok_or(Failure::State)?;
    let flow = Flow { state: state.into(), browser: browser.into() };
    let stored: Option<Stored> = app.store.get(&key(state)).await?.map(from_item).transpose()?;
    let stored = stored.ok_or(Failure::State)?;
    let is_same_browser = random::are_equal(&stored.browser, &random::hash(&flow.browser));
    let is_same_session =
        session.is_some_and(|session| random::are_equal(&stored.session, &session.hash));
    // Nothing is deleted here: another browser must not be able to use up the flow.
    if !is_same_browser || !is_same_session || !fits(&stored.purpose) {
        return Err(Failure::State);
    }
    // Of two returns at once, one finds the state deleted.
    let unused = Condition::Holds(vec![Test::Equals("browser", to_value(&stored.browser)?)]);
    match app.store.write(vec![Write::Delete(key(state), unused)]).await {
        Ok(()) => Ok((flow, stored.purpose)),
        // The other return was faster, and has the flow.
        Err(StoreError::ConditionFailed) => Err(Failure::State),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "redirect.html")]
struct RedirectPage<'a> {
    shell: Shell<'a>,
    service: &'a str,
    is_proof: bool,
    url: &'a str,
}

/// The reason to send a browser to another service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The page's own purpose: something is granted or connected there.
    Grant,
    /// A proof that the same person is at the browser.
    Proof,
}

/// Renders a page that opens another service. A form's answer cannot redirect there, because the
/// content policy lets forms lead to our own pages only.
pub(crate) fn redirect_page(
    admin: &Admin,
    service: Service,
    reason: Reason,
    url: &str,
    cookie: &str,
) -> Result<Response, Failure> {
    let (shell, service) = (admin.shell(Page::Home), service.name());
    let page = RedirectPage { shell, service, is_proof: reason == Reason::Proof, url };
    Ok(response::page(StatusCode::OK, &page)?.open(url).cookie(cookie))
}
