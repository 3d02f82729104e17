//! Tokens: pairs that end, and their refreshing. A refresh gives two new tokens; the access token in use works until its end.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;
use shared::ids::PersonId;

use super::{RefreshRule, refused};
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
        if form("grant_type") != "refresh_token" {
            return Err(refused(400, "The grant type is not supported."));
        }
        let token = form("refresh_token");
        let grant = self.webex.refresh.get(&token).filter(|grant| grant.until > self.now).cloned();
        let active = |person| self.webex.accounts.get(&person).is_some_and(|account| account.active);
        let grant = grant.filter(|grant| active(grant.person));
        let grant = grant.ok_or_else(|| refused(400, "The refresh token provided is invalid."))?;
        if self.webex.settings.refresh_rule == RefreshRule::Rotates {
            self.webex.refresh.remove(&token);
        }
        let scope = grant.scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        let pair = self.grant_tokens(grant.person, grant.scopes);
        Ok(Answer::ok(json!({
            "access_token": pair.access_token,
            "expires_in": self.webex.settings.access_life.as_secs(),
            "refresh_token": pair.refresh_token,
            "refresh_token_expires_in": self.webex.settings.refresh_life.as_secs(),
            "token_type": "Bearer",
            "scope": scope,
        })))
    }
}
