//! Entra's token endpoint: for the app itself, and for a code that somebody's browser brought.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::DirectoryId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::authorize::Code;
use super::entra::Authority;
use super::{GroupMembershipClaims, Registration, Token, UserKind, jwt, proof};
use crate::pkce;
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

/// Stands in the `wids` of every member of a directory, whatever roles that member has.
const EVERY_MEMBER: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";

impl State {
    pub(super) fn token(&mut self, authority: &str, call: &Request) -> Outcome {
        let known = self.authority(authority)?;
        match call.form("grant_type").as_deref() {
            Some("client_credentials") => self.app_token(known, authority, call),
            Some("authorization_code") => self.user_token(known, call),
            _ => {
                let text = "The app requested an unsupported grant type.";
                Err(self.refusal(400, "unsupported_grant_type", 70003, text))
            }
        }
    }

    fn app_token(&mut self, authority: Authority, name: &str, call: &Request) -> Outcome {
        let Authority::Directory(directory) = authority else {
            let text = "The grant type is not supported over the /common, /organizations or /consumers endpoints.";
            return Err(self.refusal(400, "invalid_request", 9001023, text));
        };
        let scope = call.form("scope").unwrap_or_default();
        if !scope.strip_suffix("/.default").is_some_and(|resource| self.microsoft.graph.contains(resource)) {
            return Err(self.refusal(400, "invalid_scope", 1002012, "The provided value for scope is not valid."));
        }
        let app = self.client_app(call, name)?;
        let roles = self.roles_in(directory, app).ok_or_else(|| self.unknown_app(call, name))?;
        self.prove(app, call)?;
        let mut claims = self.graph_claims(app, directory);
        claims["idtyp"] = "app".into();
        if !roles.is_empty() {
            claims["roles"] = roles.iter().map(String::as_str).collect();
        }
        let token = self.graph_token(app, directory, roles, &claims)?;
        Ok(Answer::ok(self.bearer(token)))
    }

    /// A code is used up only by what succeeds.
    fn user_token(&mut self, authority: Authority, call: &Request) -> Outcome {
        let app = self.client_app(call, "organizations")?;
        self.prove(app, call)?;
        let name = call.form("code").unwrap_or_default();
        let invalid = |code, text: &str| self.refusal(400, "invalid_grant", code, text);
        let code = self.microsoft.codes.get(&name).filter(|code| code.app == app);
        let code = code.ok_or_else(|| invalid(70000, "The provided grant is invalid or malformed."))?;
        if code.used {
            return Err(invalid(54005, "OAuth2 Authorization code was already redeemed."));
        }
        if code.until <= self.now {
            return Err(invalid(70008, "The provided authorization code or refresh token has expired."));
        }
        if code.authority != authority {
            let text = "Provided Authorization Code is intended to use against other tenant, thus rejected.";
            return Err(invalid(700005, text));
        }
        if call.form("redirect_uri").as_deref() != Some(&code.redirect) {
            let text =
                "The reply address does not match the reply address provided when requesting Authorization code.";
            return Err(self.refusal(400, "invalid_client", 500112, text));
        }
        if !pkce::proves(call.form("code_verifier").as_deref(), code.challenge.as_ref()) {
            return Err(invalid(
                50148,
                "The code_verifier does not match the code_challenge supplied in the authorization request.",
            ));
        }
        if !self.directory(code.directory)?.apps.contains_key(&app) {
            return Err(self.unknown_app(call, &code.directory.to_string()));
        }
        let mut id_claims = self.id_claims(code, call).ok_or_else(|| invalid(50034, "The user account is gone."))?;
        let (directory, user, scopes) = (code.directory, code.user, code.scopes.clone());
        if let Some(forgery) = &self.microsoft.forgery {
            forgery(&mut id_claims);
        }
        let mut claims = self.graph_claims(app, directory);
        let read = scopes.iter().any(|scope| scope.ends_with("User.Read"));
        let granted: BTreeSet<String> = read.then(|| "User.Read".to_owned()).into_iter().collect();
        let scope = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        claims["idtyp"] = "user".into();
        claims["oid"] = json!(user);
        claims["scp"] = scope.clone().into();
        let token = self.graph_token(app, directory, granted, &claims)?;
        let mut body = self.bearer(token);
        body["scope"] = scope.into();
        if scopes.contains("openid") {
            body["id_token"] = jwt::signed(&id_claims).ok_or_else(|| self.no_key())?.into();
        }
        if let Some(code) = self.microsoft.codes.get_mut(&name) {
            code.used = true;
        }
        Ok(Answer::ok(body))
    }

    fn client_app(&self, call: &Request, directory: &str) -> Result<Registration, Answer> {
        let app = self.microsoft.app_named(&proof::client(call).0);
        app.ok_or_else(|| self.unknown_app(call, directory))
    }

    fn unknown_app(&self, call: &Request, directory: &str) -> Answer {
        let id = proof::client(call).0;
        let text = format!("Application with identifier '{id}' was not found in the directory '{directory}'.");
        self.refusal(400, "unauthorized_client", 700016, &text)
    }

    /// Who signed in, for the app. Nothing if the user was deleted meanwhile.
    fn id_claims(&self, code: &Code, call: &Request) -> Option<Value> {
        let user = self.microsoft.directories.get(&code.directory)?.users.get(&code.user)?;
        let app = self.microsoft.apps.get(&code.app)?;
        if user.deleted.is_some() || !user.enabled {
            return None;
        }
        let client = &app.credentials.client_id;
        let now = self.now.as_second();
        let mut claims = json!({
            "iss": format!("{}/{}/v2.0", call.base, code.directory),
            "aud": client,
            "iat": now,
            "nbf": now,
            "exp": now + 3_600,
            "tid": code.directory,
            "oid": code.user,
            // Pairwise: the same user is somebody else to another app.
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
            claims["wids"] = roles.chain((user.kind == UserKind::Member).then_some(EVERY_MEMBER)).collect();
        }
        Some(claims)
    }

    fn graph_claims(&mut self, app: Registration, directory: DirectoryId) -> Value {
        let until = self.now + self.microsoft.settings.token_life;
        json!({
            "aud": "https://graph.microsoft.com",
            "iss": format!("https://sts.windows.net/{directory}/"),
            "iat": self.now.as_second(),
            "nbf": self.now.as_second(),
            "exp": until.as_second(),
            "appid": self.microsoft.credentials(app).client_id,
            "tid": directory,
            "uti": self.uuid().simple().to_string(),
            "ver": "1.0",
        })
    }

    fn graph_token(
        &mut self,
        app: Registration,
        directory: DirectoryId,
        roles: BTreeSet<String>,
        claims: &Value,
    ) -> Result<String, Answer> {
        let token = jwt::signed(claims).ok_or_else(|| self.no_key())?;
        let until = self.now + self.microsoft.settings.token_life;
        self.microsoft.tokens.insert(token.clone(), Token { app, directory, roles, until });
        Ok(token)
    }

    fn bearer(&self, token: String) -> Value {
        let life = self.microsoft.settings.token_life.as_secs();
        json!({"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token})
    }

    fn no_key(&self) -> Answer {
        self.refusal(500, "server_error", 90033, "A transient error has occurred. Please try again.")
    }
}
