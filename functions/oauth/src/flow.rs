//! Going to another service and coming back, once.
//!
//! # Guarantees
//! A way back works once, within ten minutes, in the browser that went, and in the session that it went from. What proves the way back (PKCE's verifier, the nonce) is made
//! of the browser's own cookie: the table holds nothing with which somebody else could end the way.

use domain::ids::DirectoryId;
use domain::membership::Person;
use engine::credentials::registration::Registration;
use engine::tenant::settings::OfficerStanding;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use store::table::{Condition, EXPIRES_AT, Key, StoreError, Test, Write, from_item, to_item, to_value};

use crate::Oauth;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::place::Place;
use crate::proof::Asker;
use crate::random;
use crate::session::Session;

/// How long a way may take.
const LASTS: SignedDuration = SignedDuration::from_mins(10);

/// What somebody goes for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "lowercase")]
pub(crate) enum Purpose {
    /// To sign in with Webex, and then to a page.
    SignIn { to: Place },
    /// To connect the account in Webex.
    Officer { standing: OfficerStanding, intent: Intent },
    /// To sign in as an administrator of a directory, and go on to consent to an app.
    Microsoft { registration: Registration },
    /// To consent to an app, as an administrator of this directory.
    Consent { registration: Registration, directory: DirectoryId },
    /// To grant once that the externalIds of these accounts are written.
    Fix { pairs: Vec<Person> },
    /// To prove who sits at the browser, as somebody of this directory, for a page that wants to know.
    Proof { directory: DirectoryId, asker: Asker },
}

/// Whether another account may take the place of the one that is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Intent {
    /// No: the first account, or the same again.
    Connect,
    /// Yes.
    Replace,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    purpose: Purpose,
    /// Hash of the browser's cookie.
    browser: String,
    /// Hash of the session's token.
    session: Option<String>,
}

/// One way there and back.
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

    /// What the id_token must carry.
    pub(crate) fn nonce(&self) -> String {
        random::derived(&self.browser, "nonce", &self.state)
    }
}

fn key(state: &str) -> Key {
    Key::new(format!("STATE#{}", random::hash(state)), "-")
}

impl Oauth {
    /// Begins a way, and says the cookie that has to go with it.
    pub(crate) async fn begin(
        &self,
        incoming: &Incoming,
        purpose: Purpose,
        session: Option<&Session>,
    ) -> Result<(Flow, String), Failure> {
        // Two tabs share the cookie, so that neither breaks the other's way.
        let known = incoming.cookie(self.cookies.flow()).filter(|token| random::is_token(token));
        let browser = known.map_or_else(random::token, |known| Ok(known.to_owned()))?;
        let flow = Flow { state: random::token()?, browser };
        let stored =
            Stored { purpose, browser: random::hash(&flow.browser), session: session.map(|one| one.hash.clone()) };
        let mut item = to_item(&key(&flow.state), &stored)?;
        let end = (self.clock.now() + LASTS).as_second();
        item.insert(EXPIRES_AT.into(), AttributeValue::N(end.to_string()));
        self.store.write(vec![Write::Put(item, Condition::Absent)]).await?;
        let cookie = self.cookies.set(self.cookies.flow(), &flow.browser, LASTS);
        Ok((flow, cookie))
    }

    /// Ends a way: from here on it does not work again, whatever comes of it.
    pub(crate) async fn end(
        &self,
        incoming: &Incoming,
        session: Option<&Session>,
        fits: impl Fn(&Purpose) -> bool,
    ) -> Result<(Flow, Purpose), Failure> {
        let state = incoming.query("state").filter(|state| random::is_token(state)).ok_or(Failure::State)?;
        let browser = incoming.cookie(self.cookies.flow()).filter(|token| random::is_token(token));
        let flow = Flow { state: state.into(), browser: browser.ok_or(Failure::State)?.into() };
        let stored: Option<Stored> = self.store.get(&key(state)).await?.map(from_item).transpose()?;
        let stored = stored.ok_or(Failure::State)?;
        let its_browser = random::are_equal(&stored.browser, &random::hash(&flow.browser));
        let its_session = match &stored.session {
            None => true,
            Some(hash) => session.is_some_and(|session| random::are_equal(hash, &session.hash)),
        };
        if !its_browser || !its_session || !fits(&stored.purpose) {
            return Err(Failure::State);
        }
        let there = Condition::Holds(vec![Test::Equals("browser", to_value(&stored.browser)?)]);
        match self.store.write(vec![Write::Delete(key(state), there)]).await {
            Ok(()) => Ok((flow, stored.purpose)),
            Err(StoreError::ConditionFailed) => Err(Failure::State),
            Err(error) => Err(error.into()),
        }
    }
}
