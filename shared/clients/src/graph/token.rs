//! Tokens for our app in a directory.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::http::{
    Access, Api, Call, CallError, Caller, Deadline, ErrorClass, InvalidBaseUrl, Repeat, Transport,
};
use crate::wire::{lenient, lenient_text};
use domain::clock::Clock;
use domain::ids::DirectoryId;

/// Client of Entra's token endpoint.
#[derive(Clone)]
pub struct Entra {
    caller: Caller,
    scope: String,
}

/// Token of our app for Graph in one directory.
#[derive(Debug, Clone)]
pub struct AppToken {
    /// The token.
    pub access: SecretString,
    /// Expiry, 60 to 90 minutes after the request.
    pub ends_at: Timestamp,
    /// Application permissions of the token. A directory without consent returns a token without
    /// any.
    pub roles: Vec<String>,
    /// Directory of the token (`tid`).
    pub directory: Option<DirectoryId>,
    /// App of the token (`appid`).
    pub app: Option<String>,
}

/// Credential of an app at Entra. Its Debug output hides the values.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Shared secret.
    Secret(SecretString),
    /// Token of an issuer for which the registration has a federated credential.
    Assertion(SecretString),
}

impl Credential {
    /// Returns the form fields of the credential.
    pub fn fields(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Secret(secret) => vec![("client_secret", secret.expose_secret())],
            Self::Assertion(token) => vec![
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", token.expose_secret()),
            ],
        }
    }
}

/// Reason for a missing token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenErrorKind {
    /// The directory does not know our app: it never consented, or removed or disabled it, or does
    /// not exist itself.
    ConsentGone,
    /// Our secret is wrong or expired.
    BadCredential,
    /// The registration has no matching federated credential, or not yet on this replica, or our
    /// assertion is not accepted.
    NotFederated,
    /// Any other reason.
    Other,
}

/// Entra's codes. Each is `AADSTS` and a number.
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
const CODES: [(u32, TokenErrorKind); 18] = [
    // The app is not in the directory.
    (700_016, TokenErrorKind::ConsentGone),
    // The app has no service principal in the directory.
    (7_000_229, TokenErrorKind::ConsentGone),
    // The app is disabled.
    (7_000_112, TokenErrorKind::ConsentGone),
    // The directory has no subscription to the resource, or did not consent to it.
    (650_052, TokenErrorKind::ConsentGone),
    // The resource is not in the directory.
    (500_011, TokenErrorKind::ConsentGone),
    // The directory does not exist.
    (90_002, TokenErrorKind::ConsentGone),
    // The secret is wrong.
    (7_000_215, TokenErrorKind::BadCredential),
    // The secret has expired.
    (7_000_222, TokenErrorKind::BadCredential),
    // The request has neither secret nor assertion.
    (7_000_216, TokenErrorKind::BadCredential),
    (7_000_218, TokenErrorKind::BadCredential),
    // No federated credential matches: at all, or by issuer, audience or subject.
    (70_021, TokenErrorKind::NotFederated),
    (700_211, TokenErrorKind::NotFederated),
    (700_212, TokenErrorKind::NotFederated),
    (700_213, TokenErrorKind::NotFederated),
    (700_214, TokenErrorKind::NotFederated),
    // The assertion is too old or too new, has a wrong signature, or is no JWT.
    (700_024, TokenErrorKind::NotFederated),
    (700_027, TokenErrorKind::NotFederated),
    (50_027, TokenErrorKind::NotFederated),
];

/// Failed token request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}{call}", kind.remedy())]
pub struct TokenError {
    /// Reason of the failure.
    pub kind: TokenErrorKind,
    /// Failed call.
    pub call: CallError,
}

impl TokenErrorKind {
    /// Returns `true` if the cause is our own credential, the same for all directories.
    pub fn is_our_own(self) -> bool {
        matches!(self, Self::BadCredential | Self::NotFederated)
    }

    /// Returns the remedy on Microsoft's side, if the answer does not contain it in words.
    fn remedy(self) -> &'static str {
        match self {
            Self::NotFederated => {
                "the app registration has no federated credential with this issuer, subject and \
                 audience (a new one works after some minutes): "
            }
            Self::ConsentGone | Self::BadCredential | Self::Other => "",
        }
    }
}

impl TokenError {
    /// Returns the remedy for this error.
    pub fn class(&self) -> ErrorClass {
        match self.call.refusal() {
            // Entra says so with status 400, which would otherwise count as final.
            Some((_, "temporarily_unavailable", _)) => ErrorClass::Transient,
            // A new federated credential appears and disappears for minutes.
            Some((.., message)) if number(message) == Some(70_021) => ErrorClass::Transient,
            _ => self.call.class(),
        }
    }
}

impl From<CallError> for TokenError {
    fn from(call: CallError) -> Self {
        let code = call.refusal().and_then(|(_, _, message)| number(message));
        let known = CODES.iter().find(|(known, _)| Some(*known) == code);
        let kind = known.map_or(TokenErrorKind::Other, |(_, kind)| *kind);
        Self { kind, call }
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: u32,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    roles: Vec<String>,
    tid: Option<DirectoryId>,
    appid: Option<String>,
}

#[derive(Deserialize)]
struct TokenErrorBody {
    #[serde(default, deserialize_with = "lenient_text")]
    error: String,
    #[serde(default, deserialize_with = "lenient_text")]
    error_description: String,
    #[serde(default, deserialize_with = "lenient")]
    error_codes: Option<Vec<u32>>,
}

impl Entra {
    /// Returns a client of Entra at `login` (`https://login.microsoftonline.com`), for tokens of
    /// `graph` (`https://graph.microsoft.com/v1.0`).
    pub fn new(
        login: &str,
        graph: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidBaseUrl> {
        let origin = Url::parse(graph).map_err(|_| InvalidBaseUrl(graph.into()))?.origin();
        // A scope of an opaque origin would be "null/.default".
        if !origin.is_tuple() {
            return Err(InvalidBaseUrl(graph.into()));
        }
        let scope = format!("{}/.default", origin.ascii_serialization());
        Ok(Self { caller: Caller::new(Api::Entra, login, transport, clock, read_refusal)?, scope })
    }

    /// Returns the audience that a federated credential of this cloud must have.
    /// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity>
    pub fn audience(&self) -> &'static str {
        let base = self.caller.base();
        // National clouds have audiences of their names.
        if base.ends_with(".us") {
            "api://AzureADTokenExchangeUSGov"
        } else if base.ends_with(".cn") {
            "api://AzureADTokenExchangeChina"
        } else {
            "api://AzureADTokenExchange"
        }
    }

    /// Returns a token for the app itself.
    ///
    /// # Errors
    /// See [`TokenErrorKind`]. For minutes after the consent the directory may not know the app
    /// yet.
    pub async fn token(
        &self,
        directory: DirectoryId,
        client_id: &str,
        credential: &Credential,
        deadline: Deadline,
    ) -> Result<AppToken, TokenError> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("scope", &self.scope),
        ];
        form.extend(credential.fields());
        let path = format!("/{directory}/oauth2/v2.0/token");
        // A second token does not end the first one.
        let call = Call::new(Method::POST, path).repeat(Repeat::Safe).form(&form);
        // From before the call, so that no token ends earlier than we think.
        let requested_at = self.caller.clock().now();
        let answer = self.caller.call(&Access::anonymous(deadline), call).await?;
        let token: TokenAnswer = answer.json()?;
        let Claims { roles, tid, appid } = claims(token.access_token.expose_secret())
            .ok_or_else(|| answer.unreadable("the token is not a JWT"))?;
        let ends_at = requested_at + Duration::from_secs(token.expires_in.into());
        Ok(AppToken { access: token.access_token, ends_at, roles, directory: tid, app: appid })
    }
}

/// Returns the claims of a token. The signature is not checked: the token comes from Entra
/// directly, and Graph checks it.
fn claims(token: &str) -> Option<Claims> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn read_refusal(body: &[u8]) -> (String, String) {
    let Ok(refusal) = serde_json::from_slice::<TokenErrorBody>(body) else {
        return (String::new(), String::from_utf8_lossy(body).into_owned());
    };
    let message = match refusal.error_codes.unwrap_or_default().first() {
        // The number decides, and a description can come without it.
        Some(code) if number(&refusal.error_description).is_none() => {
            format!("AADSTS{code}: {}", refusal.error_description)
        }
        _ => refusal.error_description,
    };
    (refusal.error, message)
}

fn number(message: &str) -> Option<u32> {
    let digits = message.strip_prefix("AADSTS")?;
    digits.split(|next: char| !next.is_ascii_digit()).next()?.parse().ok()
}
