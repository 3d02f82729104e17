//! The token endpoint: pairs for a code or for a refresh token. After a refresh, the former access
//! token works until its end.

use std::collections::BTreeSet;

use domain::ids::PersonId;
use serde_json::json;

use super::{authorize, error};
use crate::generate::secret;
use crate::pkce;
use crate::state::State;
use crate::state::webex::{Grant, TokenPair};
use crate::state::webex_settings::RefreshRule;
use crate::wire::{Outcome, Request, Response};

pub(crate) fn issue_tokens(state: &mut State, person: PersonId, scopes: &[&str]) -> TokenPair {
    grant_tokens(state, person, scopes.iter().map(|scope| (*scope).to_owned()).collect())
}

fn grant_tokens(state: &mut State, person: PersonId, scopes: BTreeSet<String>) -> TokenPair {
    let pair = TokenPair {
        access_token: secret(&mut state.rng),
        access_ends: state.now + state.webex.settings.access_life,
        refresh_token: secret(&mut state.rng),
        refresh_ends: state.now + state.webex.settings.refresh_life,
    };
    let grant = Grant { person, scopes, until: pair.access_ends };
    state.webex.access.insert(pair.access_token.clone(), grant.clone());
    state
        .webex
        .refresh
        .insert(pair.refresh_token.clone(), Grant { until: pair.refresh_ends, ..grant });
    pair
}

pub(super) fn access_token(state: &mut State, call: &Request) -> Outcome {
    let form = |name: &str| call.form(name).unwrap_or_default();
    if form("client_id") != state.webex.app.client_id
        || form("client_secret") != state.webex.app.client_secret
    {
        return Err(error(401, "The client could not be authenticated."));
    }
    let (person, scopes) = match form("grant_type").as_str() {
        "authorization_code" => redeem_code(state, call)?,
        "refresh_token" => redeem_refresh_token(state, &form("refresh_token"))?,
        _ => return Err(error(400, "The grant type is not supported.")),
    };
    let scope = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let pair = grant_tokens(state, person, scopes);
    Ok(Response::ok(json!({
        "access_token": pair.access_token,
        "expires_in": state.webex.settings.access_life.as_secs(),
        "refresh_token": pair.refresh_token,
        "refresh_token_expires_in": state.webex.settings.refresh_life.as_secs(),
        "token_type": "Bearer",
        "scope": scope,
    })))
}

/// Redeems a code. It works once, even if the redemption fails.
fn redeem_code(
    state: &mut State,
    call: &Request,
) -> Result<(PersonId, BTreeSet<String>), Response> {
    let invalid =
        |what: &str| error(400, &format!("The authorization code provided is invalid: {what}."));
    let code = call.form("code").and_then(|code| state.webex.codes.remove(&code));
    let code = code.ok_or_else(|| invalid("it is unknown or was used"))?;
    if code.until <= state.now {
        return Err(invalid("it has ended"));
    }
    if call.form("redirect_uri").as_deref() != Some(&code.redirect) {
        return Err(invalid("the redirect_uri differs"));
    }
    if !pkce::proves(call.form("code_verifier").as_deref(), code.challenge.as_ref()) {
        return Err(invalid("the code_verifier does not fit"));
    }
    if !authorize::can_sign_in(state, code.person) {
        return Err(invalid("the account is disabled"));
    }
    Ok((code.person, code.scopes))
}

fn redeem_refresh_token(
    state: &mut State,
    token: &str,
) -> Result<(PersonId, BTreeSet<String>), Response> {
    let grant = state.webex.refresh.get(token).filter(|grant| grant.until > state.now).cloned();
    let active = |person| state.webex.accounts.get(&person).is_some_and(|account| account.active);
    let grant = grant.filter(|grant| active(grant.person));
    let grant = grant.ok_or_else(|| error(400, "The refresh token provided is invalid."))?;
    if state.webex.settings.refresh_rule == RefreshRule::Rotates {
        state.webex.refresh.remove(token);
    }
    Ok((grant.person, grant.scopes))
}
