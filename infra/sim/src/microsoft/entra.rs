//! Handlers of Entra's login host, and its errors.

use serde_json::json;
use url::Url;

use super::{authorize, consent, token};
use crate::browser::{self, Brand};
use crate::jwt;
use crate::state::State;
use crate::state::apps::{AppRegistration, Authority};
use crate::wire::{Outcome, Request, Response};

pub(crate) fn handle(state: &mut State, call: &Request) -> Response {
    route(state, call).unwrap_or_else(|refusal| refusal)
}

fn route(state: &mut State, call: &Request) -> Outcome {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("POST", [authority, "oauth2", "v2.0", "token"]) => token::handle(state, authority, call),
        ("GET" | "POST", [authority, "oauth2", "v2.0", "authorize"]) => {
            authorize::sign_in(state, authority, call)
        }
        ("GET" | "POST", [authority, "v2.0", "adminconsent"]) => {
            consent::admin_consent(state, authority, call)
        }
        ("GET", [authority, "v2.0", ".well-known", "openid-configuration"]) => {
            discovery(state, authority, call)
        }
        ("GET", [name, "discovery", "v2.0", "keys"]) => {
            authority(state, name)?;
            Ok(Response::ok(jwt::key_set(&format!("{}/{{tenantid}}/v2.0", call.base))))
        }
        _ => Err(Response::new(
            404,
            json!({"error": "invalid_request", "error_description": "Not found."}),
        )),
    }
}

/// Resolves the first segment of an address.
pub(super) fn authority(state: &State, name: &str) -> Result<Authority, Response> {
    match name {
        "organizations" => return Ok(Authority::Organizations),
        "common" => return Ok(Authority::Common),
        _ => {}
    }
    let named = state
        .microsoft
        .directories
        .iter()
        .find(|(id, entry)| id.to_string() == name || entry.domain == name);
    named.map(|(id, _)| Authority::Directory(*id)).ok_or_else(|| {
        let text = format!(
            "Tenant '{name}' not found. Check to make sure you have the correct tenant ID."
        );
        refusal(state, 400, "invalid_request", 90002, &text)
    })
}

/// Returns the OpenID configuration. Its issuer has a placeholder if any directory may sign in.
fn discovery(state: &State, name: &str, call: &Request) -> Outcome {
    let (issuer, segment) = match authority(state, name)? {
        Authority::Directory(id) => (id.to_string(), id.to_string()),
        Authority::Organizations | Authority::Common => ("{tenantid}".to_owned(), name.to_owned()),
    };
    let authentication = ["client_secret_post", "private_key_jwt", "client_secret_basic"];
    let claims =
        ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver"];
    let base = &call.base;
    Ok(Response::ok(json!({
        "issuer": format!("{base}/{issuer}/v2.0"),
        "authorization_endpoint": format!("{base}/{segment}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/{segment}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/{segment}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": authentication,
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email"],
        "claims_supported": claims,
    })))
}

/// Returns an error of the token endpoint.
pub(super) fn refusal(state: &State, status: u16, error: &str, code: u32, text: &str) -> Response {
    let body = json!({
        "error": error,
        "error_description": described(state, code, text),
        "error_codes": [code],
        "timestamp": timestamp(state),
        "trace_id": uuid::Uuid::nil(),
        "correlation_id": uuid::Uuid::nil(),
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    Response::new(status, body)
}

/// Adds the ids and the time that support asks for.
pub(super) fn described(state: &State, code: u32, text: &str) -> String {
    let (id, at) = (uuid::Uuid::nil(), timestamp(state));
    format!("AADSTS{code}: {text} Trace ID: {id} Correlation ID: {id} Timestamp: {at}")
}

fn timestamp(state: &State) -> String {
    state.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Returns a page with an error, for requests that may not come from the application.
pub(super) fn refusal_page(state: &State, code: u32, text: &str) -> Response {
    browser::refusal(Brand::Microsoft, &described(state, code, text))
}

/// Resolves an authority; an error is a page.
pub(super) fn authority_or_page(state: &State, name: &str) -> Result<Authority, Response> {
    authority(state, name)
        .map_err(|_| refusal_page(state, 90002, &format!("Tenant '{name}' not found.")))
}

/// Returns the app of a request in a browser, and its redirect URI.
pub(super) fn client_of_page(
    state: &State,
    call: &Request,
) -> Result<(AppRegistration, Url), Response> {
    let id = call.query("client_id").unwrap_or_default();
    let app = state.microsoft.app_named(id).ok_or_else(|| {
        refusal_page(
            state,
            700016,
            &format!("Application with identifier '{id}' was not found in the directory."),
        )
    })?;
    let uri = call.query("redirect_uri").unwrap_or_default();
    let registered = state.microsoft.apps.get(&app).is_some_and(|app| app.redirects.contains(uri));
    let target = Url::parse(uri).ok().filter(|_| registered).ok_or_else(|| {
        let text = format!(
            "The redirect URI '{uri}' specified in the request does not match the redirect URIs \
             configured for the application '{id}'."
        );
        refusal_page(state, 50011, &text)
    })?;
    Ok((app, target))
}
