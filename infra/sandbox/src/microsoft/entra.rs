//! Entra's token endpoint, for an app that proves itself with its secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::ids::DirectoryId;

use super::Token;
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

impl State {
    pub(crate) fn entra_call(&mut self, call: &Request) -> Answer {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("POST", [directory, "oauth2", "v2.0", "token"]) => {
                self.app_token(directory, call).unwrap_or_else(|refusal| refusal)
            }
            _ => Answer::new(404, json!({"error": "invalid_request", "error_description": "Not found."})),
        }
    }

    fn app_token(&mut self, directory: &str, call: &Request) -> Outcome {
        let id = self.directory_named(directory).ok_or_else(|| {
            let text = format!(
                "AADSTS90002: Tenant '{directory}' not found. Check to make sure you have the correct tenant ID."
            );
            self.refusal(400, "invalid_request", 90002, &text)
        })?;
        let form = |name: &str| call.form(name).unwrap_or_default();
        if form("grant_type") != "client_credentials" {
            return Err(self.refusal(
                400,
                "unsupported_grant_type",
                70003,
                "AADSTS70003: The app requested an unsupported grant type.",
            ));
        }
        if form("scope") != "https://graph.microsoft.com/.default" {
            return Err(self.refusal(
                400,
                "invalid_scope",
                1002012,
                "AADSTS1002012: The provided value for scope is not valid.",
            ));
        }
        let app = self.microsoft.app.clone();
        let roles = self.microsoft.directories.get(&id).and_then(|directory| directory.roles.clone());
        let (true, Some(roles)) = (form("client_id") == app.client_id, roles) else {
            let text = format!(
                "AADSTS700016: Application with identifier '{}' was not found in the directory '{directory}'.",
                form("client_id")
            );
            return Err(self.refusal(400, "unauthorized_client", 700016, &text));
        };
        if form("client_secret") != app.client_secret {
            return Err(self.refusal(401, "invalid_client", 7000215, "AADSTS7000215: Invalid client secret provided."));
        }
        let life = self.microsoft.settings.token_life;
        let until = self.now + life;
        let mut claims = json!({
            "aud": "https://graph.microsoft.com",
            "iss": format!("https://sts.windows.net/{id}/"),
            "iat": self.now.as_second(),
            "nbf": self.now.as_second(),
            "exp": until.as_second(),
            "appid": app.client_id,
            "tid": id,
            "uti": self.uuid().simple().to_string(),
        });
        if !roles.is_empty() {
            claims["roles"] = roles.iter().map(String::as_str).collect();
        }
        let token = self.jwt(&claims);
        self.microsoft.tokens.insert(token.clone(), Token { directory: id, roles, until });
        Ok(Answer::ok(json!({
            "token_type": "Bearer",
            "expires_in": life.as_secs(),
            "ext_expires_in": life.as_secs(),
            "access_token": token,
        })))
    }

    fn directory_named(&self, name: &str) -> Option<DirectoryId> {
        let named =
            self.microsoft.directories.iter().find(|(id, entry)| id.to_string() == name || entry.domain == name);
        named.map(|(id, _)| *id)
    }

    /// Looks like a signed token; the signature proves nothing.
    fn jwt(&mut self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signature = URL_SAFE_NO_PAD.encode(self.uuid().as_bytes());
        format!("{}.{}.{signature}", part(&json!({"typ": "JWT", "alg": "RS256", "kid": "sandbox"})), part(claims))
    }

    fn refusal(&self, status: u16, error: &str, code: u32, text: &str) -> Answer {
        Answer::new(
            status,
            json!({
                "error": error,
                "error_description": text,
                "error_codes": [code],
                "timestamp": self.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
                "trace_id": uuid::Uuid::nil(),
                "correlation_id": uuid::Uuid::nil(),
            }),
        )
    }
}
