//! With what an app proves itself at the token endpoint: its secret, in the form or by HTTP Basic, or somebody else's token (a federated credential).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Registration;
use super::jwt::Presented;
use crate::wire::{Answer, Request};
use crate::world::State;

const BY_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client id of a call, and its secret if it has one.
pub(super) fn client(call: &Request) -> (String, Option<String>) {
    let basic = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let basic = basic.and_then(|value| STANDARD.decode(value).ok()).and_then(|value| String::from_utf8(value).ok());
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match basic.as_deref().and_then(|value| value.split_once(':')) {
        Some((id, secret)) => (decoded(id), Some(decoded(secret))),
        None => (call.form("client_id").unwrap_or_default(), call.form("client_secret")),
    }
}

impl State {
    /// Refuses whoever is not the app.
    pub(super) fn prove(&self, app: Registration, call: &Request) -> Result<(), Answer> {
        match (client(call).1, call.form("client_assertion")) {
            (_, Some(assertion)) => self.prove_by_assertion(app, call, &assertion),
            (Some(secret), None) if secret == self.microsoft.credentials(app).client_secret => Ok(()),
            (Some(_), None) => Err(self.refusal(401, "invalid_client", 7000215, "Invalid client secret provided.")),
            (None, None) => {
                let text =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                Err(self.refusal(401, "invalid_client", 7000218, text))
            }
        }
    }

    fn prove_by_assertion(&self, app: Registration, call: &Request, assertion: &str) -> Result<(), Answer> {
        if call.form("client_assertion_type").as_deref() != Some(BY_ASSERTION) {
            let text = "The request body must contain the following parameter: 'client_assertion_type'.";
            return Err(self.refusal(400, "invalid_request", 900144, text));
        }
        let token = Presented::read(assertion);
        let token =
            token.ok_or_else(|| self.refusal(401, "invalid_client", 50027, "JWT token is invalid or malformed."))?;
        let claim = |name: &str| token.claims[name].as_str().unwrap_or_default();
        // Audiences come as one text or as a list.
        let audience = match &token.claims["aud"] {
            Value::Array(list) if list.len() == 1 => list[0].as_str(),
            one => one.as_str(),
        };
        let audience = audience.unwrap_or_default();
        let registered = self.microsoft.apps.get(&app).and_then(|app| {
            app.federated.iter().find(|credential| {
                credential.issuer == claim("iss")
                    && credential.subject == claim("sub")
                    && credential.audience == audience
                    && token.is_signed_by(&credential.keys)
            })
        });
        if registered.is_none() {
            let text = format!(
                "No matching federated identity record found for presented assertion. Assertion Issuer: '{}'. \
                 Assertion Subject: '{}'. Assertion Audience: '{audience}'.",
                claim("iss"),
                claim("sub")
            );
            return Err(self.refusal(400, "invalid_request", 70021, &text));
        }
        let (now, second) = (self.now.as_second(), |name: &str| token.claims[name].as_i64());
        if second("exp").is_none_or(|end| end <= now) || second("nbf").is_some_and(|start| start > now) {
            let text = "Client assertion is not within its valid time range.";
            return Err(self.refusal(401, "invalid_client", 700024, text));
        }
        Ok(())
    }
}
