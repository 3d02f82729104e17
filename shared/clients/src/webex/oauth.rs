//! Sign-in and tokens.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Webex;
use crate::http::{Access, Call, CallError, Deadline, Repeat};
use crate::wire::lenient;

/// Parameters of the sign-in page.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// Client id of the integration.
    pub client_id: &'a str,
    /// URL that the browser returns to.
    pub redirect_uri: &'a str,
    /// Requested scopes.
    pub scopes: &'a [&'a str],
    /// State that ties the response to this browser.
    pub state: &'a str,
    /// PKCE challenge (S256).
    pub code_challenge: Option<&'a str>,
    /// Sessions at Webex that are accepted.
    pub prompt: Prompt,
}

/// The sessions at Webex that a sign-in accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// Any, also one that the browser has already.
    Any,
    /// None: the person authenticates again.
    Login,
}

/// Parameters of a code exchange.
#[derive(Debug, Clone, Copy)]
pub struct CodeExchange<'a> {
    /// Client id of the integration.
    pub client_id: &'a str,
    /// Client secret of the integration.
    pub client_secret: &'a SecretString,
    /// Code from the redirect. It is valid for one exchange.
    pub code: &'a SecretString,
    /// The same as in [`SignIn`].
    pub redirect_uri: &'a str,
    /// PKCE verifier, the source of the challenge.
    pub code_verifier: Option<&'a SecretString>,
}

/// Tokens of an account. Store both tokens of every answer.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// Access token, for calls.
    pub access: SecretString,
    /// Refresh token, for the next pair.
    pub refresh: SecretString,
    /// Expiry of `access`.
    pub access_ends_at: Timestamp,
    /// Expiry of `refresh`. Each use extends it.
    pub refresh_ends_at: Timestamp,
    /// Granted scopes, separated by spaces. Empty if the answer does not contain them.
    pub scope: String,
}

#[derive(Deserialize)]
struct PairAsSent {
    access_token: SecretString,
    refresh_token: SecretString,
    expires_in: i64,
    refresh_token_expires_in: i64,
    #[serde(default, deserialize_with = "lenient")]
    scope: Option<String>,
}

impl Webex {
    /// Returns the URL of the sign-in page.
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
        if sign_in.prompt == Prompt::Login {
            query.push(("prompt", "login"));
        }
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        // Webex's own links have %20 between scopes. Only forms read a plus as a space.
        format!(
            "{}/authorize?{}",
            self.0.base(),
            encoded.extend_pairs(query).finish().replace('+', "%20")
        )
    }

    /// Exchanges the code from a redirect. Not repeated when the answer is lost, because a code is
    /// valid once.
    ///
    /// # Errors
    /// Webex documents none. 400 and 401 mean that code, secret or redirect is wrong.
    pub async fn exchange_code(
        &self,
        exchange: &CodeExchange<'_>,
        deadline: Deadline,
    ) -> Result<TokenPair, CallError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", exchange.client_id),
            ("client_secret", exchange.client_secret.expose_secret()),
            ("code", exchange.code.expose_secret()),
            ("redirect_uri", exchange.redirect_uri),
        ];
        // A sign-in without PKCE must not send an empty verifier.
        form.extend(
            exchange.code_verifier.map(|verifier| ("code_verifier", verifier.expose_secret())),
        );
        self.tokens(&form, Repeat::Unsafe, deadline).await
    }

    /// Returns the next pair. A repeat is safe: if the first try used up the token, nothing is
    /// worse.
    ///
    /// # Errors
    /// 400 and 401 mean that the refresh token or the secret is no longer valid. The account must
    /// sign in again.
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

    async fn tokens(
        &self,
        form: &[(&str, &str)],
        repeat: Repeat,
        deadline: Deadline,
    ) -> Result<TokenPair, CallError> {
        // Count from before the call, so that no token expires earlier than we think.
        let requested_at = self.0.clock().now();
        let call = Call::new(Method::POST, "/access_token").form(form).repeat(repeat);
        let answer = self.0.call(&Access::anonymous(deadline), call).await?;
        let sent: PairAsSent = answer.json()?;
        // The answer can name a time beyond the end of the calendar.
        let end = |seconds| {
            requested_at
                .checked_add(SignedDuration::from_secs(seconds))
                .map_err(|error| answer.unreadable(error))
        };
        Ok(TokenPair {
            access_ends_at: end(sent.expires_in)?,
            refresh_ends_at: end(sent.refresh_token_expires_in)?,
            access: sent.access_token,
            refresh: sent.refresh_token,
            scope: sent.scope.unwrap_or_default(),
        })
    }
}
