//! Authentication of an app at the token endpoint: by its secret, in the form or by HTTP Basic, or
//! by the token of an outside issuer (a federated credential).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::entra;
use crate::jwt::Presented;
use crate::state::State;
use crate::state::apps::AppRegistration;
use crate::wire::{Request, Response};

const BY_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Returns the client id of a call, and its secret if it has one.
pub(super) fn credentials_of(call: &Request) -> (String, Option<String>) {
    let basic = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let basic = basic
        .and_then(|value| STANDARD.decode(value).ok())
        .and_then(|value| String::from_utf8(value).ok());
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match basic.as_deref().and_then(|value| value.split_once(':')) {
        Some((id, secret)) => (decoded(id), Some(decoded(secret))),
        None => (call.form("client_id").unwrap_or_default(), call.form("client_secret")),
    }
}

/// Refuses a caller that is not the app.
pub(super) fn authenticate(
    state: &State,
    app: AppRegistration,
    call: &Request,
) -> Result<(), Response> {
    match (credentials_of(call).1, call.form("client_assertion")) {
        (_, Some(assertion)) => authenticate_by_assertion(state, app, call, &assertion),
        (Some(secret), None) if secret == state.microsoft.credentials(app).client_secret => Ok(()),
        (Some(_), None) => Err(entra::refusal(
            state,
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided.",
        )),
        (None, None) => {
            let text = "The request body must contain the following parameter: 'client_assertion' \
                        or 'client_secret'.";
            Err(entra::refusal(state, 401, "invalid_client", 7000218, text))
        }
    }
}

fn authenticate_by_assertion(
    state: &State,
    app: AppRegistration,
    call: &Request,
    assertion: &str,
) -> Result<(), Response> {
    if call.form("client_assertion_type").as_deref() != Some(BY_ASSERTION) {
        let text =
            "The request body must contain the following parameter: 'client_assertion_type'.";
        return Err(entra::refusal(state, 400, "invalid_request", 900144, text));
    }
    let token = Presented::read(assertion);
    let token = token.ok_or_else(|| {
        entra::refusal(state, 401, "invalid_client", 50027, "JWT token is invalid or malformed.")
    })?;
    let claim = |name: &str| token.claims[name].as_str().unwrap_or_default();
    // An audience is one text or a list.
    let audience = match &token.claims["aud"] {
        Value::Array(list) if list.len() == 1 => list[0].as_str(),
        one => one.as_str(),
    };
    let audience = audience.unwrap_or_default();
    let registered = state.microsoft.apps.get(&app).and_then(|app| {
        app.federated.iter().find(|credential| {
            credential.issuer == claim("iss")
                && credential.subject == claim("sub")
                && credential.audience == audience
                && token.is_signed_by(&credential.keys)
        })
    });
    if registered.is_none() {
        let text = format!(
            "No matching federated identity record found for presented assertion. Assertion \
             Issuer: '{}'. Assertion Subject: '{}'. Assertion Audience: '{audience}'.",
            claim("iss"),
            claim("sub")
        );
        return Err(entra::refusal(state, 400, "invalid_request", 70021, &text));
    }
    let (now, second) = (state.now.as_second(), |name: &str| token.claims[name].as_i64());
    if second("exp").is_none_or(|end| end <= now) || second("nbf").is_some_and(|start| start > now)
    {
        let text = "Client assertion is not within its valid time range.";
        return Err(entra::refusal(state, 401, "invalid_client", 700024, text));
    }
    Ok(())
}
