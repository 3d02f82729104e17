//! Tokens: pairs that end, had for a code, and their refreshing. A refresh gives two new tokens; the access token in use works until its end.

use std::collections::BTreeSet;

use domain::ids::PersonId;
use jiff::Timestamp;
use serde_json::json;

use super::{RefreshRule, refused};
use crate::pkce;
use crate::wire::{Answer, Outcome, Request};
use crate::world::{State, secret};

/// A pair of tokens with both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// Sent as bearer.
    pub access_token: String,
    /// When it ends.
    pub access_ends: Timestamp,
    /// Exchanged for the next pair.
    pub refresh_token: String,
    /// When it ends.
    pub refresh_ends: Timestamp,
}

#[derive(Clone)]
pub(crate) struct Grant {
    pub(super) person: PersonId,
    pub(super) scopes: BTreeSet<String>,
    pub(super) until: Timestamp,
}

impl State {
    pub(crate) fn issue_tokens(&mut self, person: PersonId, scopes: &[&str]) -> TokenPair {
        self.grant_tokens(person, scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    fn grant_tokens(&mut self, person: PersonId, scopes: BTreeSet<String>) -> TokenPair {
        let pair = TokenPair {
            access_token: secret(&mut self.rng),
            access_ends: self.now + self.webex.settings.access_life,
            refresh_token: secret(&mut self.rng),
            refresh_ends: self.now + self.webex.settings.refresh_life,
        };
        let grant = Grant { person, scopes, until: pair.access_ends };
        self.webex.access.insert(pair.access_token.clone(), grant.clone());
        self.webex.refresh.insert(pair.refresh_token.clone(), Grant { until: pair.refresh_ends, ..grant });
        pair
    }

    pub(super) fn access_token(&mut self, call: &Request) -> Outcome {
        let form = |name: &str| call.form(name).unwrap_or_default();
        if form("client_id") != self.webex.app.client_id || form("client_secret") != self.webex.app.client_secret {
            return Err(refused(401, "The client could not be authenticated."));
        }
        let (person, scopes) = match form("grant_type").as_str() {
            "authorization_code" => self.redeem_code(call)?,
            "refresh_token" => self.redeem_refresh_token(&form("refresh_token"))?,
            _ => return Err(refused(400, "The grant type is not supported.")),
        };
        let scope = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        let pair = self.grant_tokens(person, scopes);
        Ok(Answer::ok(json!({
            "access_token": pair.access_token,
            "expires_in": self.webex.settings.access_life.as_secs(),
            "refresh_token": pair.refresh_token,
            "refresh_token_expires_in": self.webex.settings.refresh_life.as_secs(),
            "token_type": "Bearer",
            "scope": scope,
        })))
    }

    /// A code works once, whatever comes of it.
    fn redeem_code(&mut self, call: &Request) -> Result<(PersonId, BTreeSet<String>), Answer> {
        let invalid = |what: &str| refused(400, &format!("The authorization code provided is invalid: {what}."));
        let code = call.form("code").and_then(|code| self.webex.codes.remove(&code));
        let code = code.ok_or_else(|| invalid("it is unknown or was used"))?;
        if code.until <= self.now {
            return Err(invalid("it has ended"));
        }
        if call.form("redirect_uri").as_deref() != Some(&code.redirect) {
            return Err(invalid("the redirect_uri differs"));
        }
        if !pkce::proves(call.form("code_verifier").as_deref(), code.challenge.as_ref()) {
            return Err(invalid("the code_verifier does not fit"));
        }
        if !self.can_sign_in(code.person) {
            return Err(invalid("the account was shut"));
        }
        Ok((code.person, code.scopes))
    }

    fn redeem_refresh_token(&mut self, token: &str) -> Result<(PersonId, BTreeSet<String>), Answer> {
        let grant = self.webex.refresh.get(token).filter(|grant| grant.until > self.now).cloned();
        let active = |person| self.webex.accounts.get(&person).is_some_and(|account| account.active);
        let grant = grant.filter(|grant| active(grant.person));
        let grant = grant.ok_or_else(|| refused(400, "The refresh token provided is invalid."))?;
        if self.webex.settings.refresh_rule == RefreshRule::Rotates {
            self.webex.refresh.remove(token);
        }
        Ok((grant.person, grant.scopes))
    }
}
