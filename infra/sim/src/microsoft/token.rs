//! The token endpoint of Entra: for the app, and for a code from a user's browser.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::DirectoryId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{client_auth, directories, entra, registration};
use crate::state::State;
use crate::state::apps::{AppRegistration, Authority, Code, GroupMembershipClaims, Token};
use crate::state::microsoft::UserKind;
use crate::wire::{Outcome, Request, Response};
use crate::{jwt, pkce};

/// Template in the `wids` of every member of a directory.
const EVERY_MEMBER: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";

pub(super) fn handle(state: &mut State, authority: &str, call: &Request) -> Outcome {
    let known = entra::authority(state, authority)?;
    match call.form("grant_type").as_deref() {
        Some("client_credentials") => app_token(state, known, authority, call),
        Some("authorization_code") => user_token(state, known, call),
        _ => {
            let text = "The app requested an unsupported grant type.";
            Err(entra::refusal(state, 400, "unsupported_grant_type", 70003, text))
        }
    }
}

fn app_token(state: &mut State, authority: Authority, name: &str, call: &Request) -> Outcome {
    let Authority::Directory(directory) = authority else {
        let text = "The grant type is not supported over the /common, /organizations or \
                    /consumers endpoints.";
        return Err(entra::refusal(state, 400, "invalid_request", 9001023, text));
    };
    let scope = call.form("scope").unwrap_or_default();
    if !scope
        .strip_suffix("/.default")
        .is_some_and(|resource| state.microsoft.graph.contains(resource))
    {
        return Err(entra::refusal(
            state,
            400,
            "invalid_scope",
            1002012,
            "The provided value for scope is not valid.",
        ));
    }
    let app = client_app(state, call, name)?;
    let roles = registration::roles_in(state, directory, app)
        .ok_or_else(|| unknown_app(state, call, name))?;
    client_auth::authenticate(state, app, call)?;
    let mut claims = graph_claims(state, app, directory);
    claims["idtyp"] = "app".into();
    if !roles.is_empty() {
        claims["roles"] = roles.iter().map(String::as_str).collect();
    }
    let token = graph_token(state, app, directory, roles, &claims)?;
    Ok(Response::ok(token_body(state, token)))
}

/// Redeems a code. Only a successful redemption uses it up.
fn user_token(state: &mut State, authority: Authority, call: &Request) -> Outcome {
    let app = client_app(state, call, "organizations")?;
    client_auth::authenticate(state, app, call)?;
    let name = call.form("code").unwrap_or_default();
    let invalid = |code, text: &str| entra::refusal(state, 400, "invalid_grant", code, text);
    let code = state.microsoft.codes.get(&name).filter(|code| code.app == app);
    let code = code.ok_or_else(|| invalid(70000, "The provided grant is invalid or malformed."))?;
    if code.used {
        return Err(invalid(54005, "OAuth2 Authorization code was already redeemed."));
    }
    if code.until <= state.now {
        return Err(invalid(
            70008,
            "The provided authorization code or refresh token has expired.",
        ));
    }
    if code.authority != authority {
        let text =
            "Provided Authorization Code is intended to use against other tenant, thus rejected.";
        return Err(invalid(700005, text));
    }
    if call.form("redirect_uri").as_deref() != Some(&code.redirect) {
        let text = "The reply address does not match the reply address provided when requesting \
                    Authorization code.";
        return Err(entra::refusal(state, 400, "invalid_client", 500112, text));
    }
    if !pkce::proves(call.form("code_verifier").as_deref(), code.challenge.as_ref()) {
        return Err(invalid(
            50148,
            "The code_verifier does not match the code_challenge supplied in the authorization \
             request.",
        ));
    }
    if !directories::find(state, code.directory)?.apps.contains_key(&app) {
        return Err(unknown_app(state, call, &code.directory.to_string()));
    }
    let mut id_claims =
        id_claims(state, code, call).ok_or_else(|| invalid(50034, "The user account is gone."))?;
    let (directory, user, scopes) = (code.directory, code.user, code.scopes.clone());
    if let Some(forgery) = &state.microsoft.forgery {
        forgery(&mut id_claims);
    }
    let mut claims = graph_claims(state, app, directory);
    let read = scopes.iter().any(|scope| scope.ends_with("User.Read"));
    let granted: BTreeSet<String> = read.then(|| "User.Read".to_owned()).into_iter().collect();
    let scope = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    claims["idtyp"] = "user".into();
    claims["oid"] = json!(user);
    claims["scp"] = scope.clone().into();
    let token = graph_token(state, app, directory, granted, &claims)?;
    let mut body = token_body(state, token);
    body["scope"] = scope.into();
    if scopes.contains("openid") {
        body["id_token"] = jwt::signed(&id_claims).ok_or_else(|| no_key(state))?.into();
    }
    if let Some(code) = state.microsoft.codes.get_mut(&name) {
        code.used = true;
    }
    Ok(Response::ok(body))
}

fn client_app(state: &State, call: &Request, directory: &str) -> Result<AppRegistration, Response> {
    let app = state.microsoft.app_named(&client_auth::credentials_of(call).0);
    app.ok_or_else(|| unknown_app(state, call, directory))
}

fn unknown_app(state: &State, call: &Request, directory: &str) -> Response {
    let id = client_auth::credentials_of(call).0;
    let text =
        format!("Application with identifier '{id}' was not found in the directory '{directory}'.");
    entra::refusal(state, 400, "unauthorized_client", 700016, &text)
}

/// Returns the claims of the id_token; nothing if the user was deleted or disabled.
fn id_claims(state: &State, code: &Code, call: &Request) -> Option<Value> {
    let user = state.microsoft.directories.get(&code.directory)?.users.get(&code.user)?;
    let app = state.microsoft.apps.get(&code.app)?;
    if user.deleted.is_some() || !user.enabled {
        return None;
    }
    let client = &app.credentials.client_id;
    let now = state.now.as_second();
    let mut claims = json!({
        "iss": format!("{}/{}/v2.0", call.base, code.directory),
        "aud": client,
        "iat": now,
        "nbf": now,
        "exp": now + 3_600,
        "tid": code.directory,
        "oid": code.user,
        // Pairwise: the same user has another `sub` in another app.
        "sub": URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{client}/{}", code.user))),
        "ver": "2.0",
    });
    if let Some(nonce) = &code.nonce {
        claims["nonce"] = nonce.as_str().into();
    }
    if code.max_age.is_some() || app.optional_claims.contains("auth_time") {
        claims["auth_time"] = code.authenticated.as_second().into();
    }
    if code.scopes.contains("profile") {
        claims["preferred_username"] = user.principal.as_str().into();
        claims["name"] = user.name.as_str().into();
    }
    if code.scopes.contains("email") {
        claims["email"] = user.principal.as_str().into();
    }
    if app.claims == GroupMembershipClaims::DirectoryRole {
        let roles = user.roles.iter().map(|role| role.template());
        claims["wids"] =
            roles.chain((user.kind == UserKind::Member).then_some(EVERY_MEMBER)).collect();
    }
    Some(claims)
}

fn graph_claims(state: &mut State, app: AppRegistration, directory: DirectoryId) -> Value {
    let until = state.now + state.microsoft.settings.token_life;
    json!({
        "aud": "https://graph.microsoft.com",
        "iss": format!("https://sts.windows.net/{directory}/"),
        "iat": state.now.as_second(),
        "nbf": state.now.as_second(),
        "exp": until.as_second(),
        "appid": state.microsoft.credentials(app).client_id,
        "tid": directory,
        "uti": state.uuid().simple().to_string(),
        "ver": "1.0",
    })
}

fn graph_token(
    state: &mut State,
    app: AppRegistration,
    directory: DirectoryId,
    roles: BTreeSet<String>,
    claims: &Value,
) -> Result<String, Response> {
    let token = jwt::signed(claims).ok_or_else(|| no_key(state))?;
    let until = state.now + state.microsoft.settings.token_life;
    state.microsoft.tokens.insert(token.clone(), Token { app, directory, roles, until });
    Ok(token)
}

fn token_body(state: &State, token: String) -> Value {
    let life = state.microsoft.settings.token_life.as_secs();
    json!({
        "token_type": "Bearer",
        "expires_in": life,
        "ext_expires_in": life,
        "access_token": token,
    })
}

fn no_key(state: &State) -> Response {
    entra::refusal(
        state,
        500,
        "server_error",
        90033,
        "A transient error has occurred. Please try again.",
    )
}
