//! Signing in, and the tokens that come of it.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Webex;
use crate::http::{Access, Call, CallError, Deadline, Repeat};

/// What a browser is sent to Webex with.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// The integration's client id.
    pub client_id: &'a str,
    /// Where the browser comes back to.
    pub redirect_uri: &'a str,
    /// The scopes that are asked for.
    pub scopes: &'a [&'a str],
    /// What ties the way back to this browser.
    pub state: &'a str,
    /// PKCE's challenge, S256.
    pub code_challenge: Option<&'a str>,
}

/// What a code is exchanged with.
#[derive(Debug, Clone, Copy)]
pub struct CodeExchange<'a> {
    /// The integration's client id.
    pub client_id: &'a str,
    /// Its secret.
    pub client_secret: &'a SecretString,
    /// The code that the browser brought; good for one exchange.
    pub code: &'a SecretString,
    /// The same as in [`SignIn`].
    pub redirect_uri: &'a str,
    /// What the challenge was made of.
    pub code_verifier: Option<&'a SecretString>,
}

/// An account's tokens. Both are kept, of every answer.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// What calls are made with.
    pub access: SecretString,
    /// What the next pair is got with.
    pub refresh: SecretString,
    /// Until when `access` is good.
    pub access_ends_at: Timestamp,
    /// Until when `refresh` is good; using it prolongs this.
    pub refresh_ends_at: Timestamp,
    /// The scopes that were granted, with spaces between; empty where that is not said.
    pub scope: String,
}

#[derive(Deserialize)]
struct PairAsSent {
    access_token: SecretString,
    refresh_token: SecretString,
    expires_in: i64,
    refresh_token_expires_in: i64,
    #[serde(default)]
    scope: Option<String>,
}

impl Webex {
    /// Where to send a browser so that somebody signs in.
    pub fn authorize_url(&self, sign_in: &SignIn<'_>) -> String {
        let scopes = sign_in.scopes.join(" ");
        let mut query = vec![
            ("client_id", sign_in.client_id),
            ("response_type", "code"),
            ("redirect_uri", sign_in.redirect_uri),
            ("scope", &scopes),
            ("state", sign_in.state),
        ];
        if let Some(challenge) = sign_in.code_challenge {
            query.extend([("code_challenge", challenge), ("code_challenge_method", "S256")]);
        }
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        // Webex's own links have %20 between scopes; a plus is read as a space only in forms.
        format!("{}/authorize?{}", self.0.base(), encoded.extend_pairs(query).finish().replace('+', "%20"))
    }

    /// Exchanges the code that a browser brought back. A code is good once, so this is not repeated when the answer is lost.
    ///
    /// # Errors
    /// Webex does not document them: 400 and 401 mean that code, secret or redirect is not accepted.
    pub async fn exchange_code(&self, exchange: &CodeExchange<'_>, deadline: Deadline) -> Result<TokenPair, CallError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", exchange.client_id),
            ("client_secret", exchange.client_secret.expose_secret()),
            ("code", exchange.code.expose_secret()),
            ("redirect_uri", exchange.redirect_uri),
        ];
        form.extend(exchange.code_verifier.map(|verifier| ("code_verifier", verifier.expose_secret())));
        self.tokens(&form, Repeat::Unsafe, deadline).await
    }

    /// Gets the next pair. May be repeated: should the first try have used up the token, nothing is worse than before.
    ///
    /// # Errors
    /// 400 and 401 mean that the refresh token or the secret is not accepted any more: somebody has to sign in again.
    pub async fn refresh(
        &self,
        client_id: &str,
        client_secret: &SecretString,
        refresh_token: &SecretString,
        deadline: Deadline,
    ) -> Result<TokenPair, CallError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client_id),
            ("client_secret", client_secret.expose_secret()),
            ("refresh_token", refresh_token.expose_secret()),
        ];
        self.tokens(&form, Repeat::Safe, deadline).await
    }

    async fn tokens(&self, form: &[(&str, &str)], repeat: Repeat, deadline: Deadline) -> Result<TokenPair, CallError> {
        // The tokens' lives are counted from before the call, so that they never end earlier than we think.
        let asked = self.0.clock().now();
        let call = Call::new(Method::POST, "/access_token").form(form).repeat(repeat);
        let answer = self.0.call(&Access::anonymous(deadline), call).await?;
        let sent: PairAsSent = answer.json()?;
        let end =
            |seconds| asked.checked_add(SignedDuration::from_secs(seconds)).map_err(|error| answer.unreadable(error));
        Ok(TokenPair {
            access_ends_at: end(sent.expires_in)?,
            refresh_ends_at: end(sent.refresh_token_expires_in)?,
            access: sent.access_token,
            refresh: sent.refresh_token,
            scope: sent.scope.unwrap_or_default(),
        })
    }
}
