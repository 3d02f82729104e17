//! Entra's login host: what is asked there, by whom, and how it refuses.

use domain::ids::DirectoryId;
use serde_json::json;
use url::Url;

use super::{Registration, jwt};
use crate::browser::{self, Brand};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

/// What stands where an address names a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authority {
    /// By id, or by a domain.
    Directory(DirectoryId),
    /// Any directory.
    Organizations,
    /// Any directory, or a personal account; here there are none of these.
    Common,
}

impl State {
    pub(crate) fn entra_call(&mut self, call: &Request) -> Answer {
        self.entra_route(call).unwrap_or_else(|refusal| refusal)
    }

    fn entra_route(&mut self, call: &Request) -> Outcome {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("POST", [authority, "oauth2", "v2.0", "token"]) => self.token(authority, call),
            ("GET" | "POST", [authority, "oauth2", "v2.0", "authorize"]) => self.sign_in(authority, call),
            ("GET" | "POST", [authority, "v2.0", "adminconsent"]) => self.admin_consent(authority, call),
            ("GET", [authority, "v2.0", ".well-known", "openid-configuration"]) => self.discovery(authority, call),
            ("GET", [authority, "discovery", "v2.0", "keys"]) => {
                self.authority(authority)?;
                Ok(Answer::ok(jwt::key_set(&format!("{}/{{tenantid}}/v2.0", call.base))))
            }
            _ => Err(Answer::new(404, json!({"error": "invalid_request", "error_description": "Not found."}))),
        }
    }

    /// What the first segment of an address means.
    pub(super) fn authority(&self, name: &str) -> Result<Authority, Answer> {
        match name {
            "organizations" => return Ok(Authority::Organizations),
            "common" => return Ok(Authority::Common),
            _ => {}
        }
        let named =
            self.microsoft.directories.iter().find(|(id, entry)| id.to_string() == name || entry.domain == name);
        named.map(|(id, _)| Authority::Directory(*id)).ok_or_else(|| {
            let text = format!("Tenant '{name}' not found. Check to make sure you have the correct tenant ID.");
            self.refusal(400, "invalid_request", 90002, &text)
        })
    }

    /// The issuer names the directory, or has a gap for it where any directory may sign in.
    fn discovery(&self, name: &str, call: &Request) -> Outcome {
        let (issuer, segment) = match self.authority(name)? {
            Authority::Directory(id) => (id.to_string(), id.to_string()),
            Authority::Organizations | Authority::Common => ("{tenantid}".to_owned(), name.to_owned()),
        };
        let base = &call.base;
        Ok(Answer::ok(json!({
            "issuer": format!("{base}/{issuer}/v2.0"),
            "authorization_endpoint": format!("{base}/{segment}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{base}/{segment}/oauth2/v2.0/token"),
            "jwks_uri": format!("{base}/{segment}/discovery/v2.0/keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "response_modes_supported": ["query"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email"],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver"],
        })))
    }

    /// An error of the token endpoint.
    pub(super) fn refusal(&self, status: u16, error: &str, code: u32, text: &str) -> Answer {
        let body = json!({
            "error": error,
            "error_description": self.described(code, text),
            "error_codes": [code],
            "timestamp": self.timestamp(),
            "trace_id": uuid::Uuid::nil(),
            "correlation_id": uuid::Uuid::nil(),
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        Answer::new(status, body)
    }

    /// A refusal's text with what support asks for.
    pub(super) fn described(&self, code: u32, text: &str) -> String {
        let (id, at) = (uuid::Uuid::nil(), self.timestamp());
        format!("AADSTS{code}: {text} Trace ID: {id} Correlation ID: {id} Timestamp: {at}")
    }

    fn timestamp(&self) -> String {
        self.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
    }

    /// A refusal that is shown, since the application may be somebody else.
    pub(super) fn shown_refusal(&self, code: u32, text: &str) -> Answer {
        browser::refusal(Brand::Microsoft, &self.described(code, text))
    }

    /// The refusal of an authority, on a page.
    pub(super) fn authority_of_page(&self, name: &str) -> Result<Authority, Answer> {
        self.authority(name).map_err(|_| self.shown_refusal(90002, &format!("Tenant '{name}' not found.")))
    }

    /// Who asks in a browser, and where the answer may go.
    pub(super) fn asking(&self, call: &Request) -> Result<(Registration, Url), Answer> {
        let id = call.query("client_id").unwrap_or_default();
        let app = self.microsoft.app_named(id).ok_or_else(|| {
            self.shown_refusal(700016, &format!("Application with identifier '{id}' was not found in the directory."))
        })?;
        let uri = call.query("redirect_uri").unwrap_or_default();
        let registered = self.microsoft.apps.get(&app).is_some_and(|app| app.redirects.contains(uri));
        let target = Url::parse(uri).ok().filter(|_| registered).ok_or_else(|| {
            let text = format!(
                "The redirect URI '{uri}' specified in the request does not match the redirect URIs configured for the application '{id}'."
            );
            self.shown_refusal(50011, &text)
        })?;
        Ok((app, target))
    }
}
