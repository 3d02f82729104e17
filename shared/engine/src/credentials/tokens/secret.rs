//! Secrets as they are stored.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use super::TokensError;
use clients::graph::{AppToken, Credential};
use clients::webex::TokenPair;
use domain::ids::PersonId;

/// The service account's tokens, in the secret `<prefix>/tenant/<id>`.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServiceAccountTokens {
    /// Account of the tokens.
    pub(super) account: PersonId,
    /// Time of the grant.
    pub(super) obtained_at: Timestamp,
    #[serde(serialize_with = "expose")]
    pub(super) access: SecretString,
    pub(super) access_ends_at: Timestamp,
    #[serde(serialize_with = "expose")]
    pub(super) refresh: SecretString,
    pub(super) refresh_ends_at: Timestamp,
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    // A `SecretString` cannot be serialized, so that no other store gets it by mistake.
    serializer.serialize_str(secret.expose_secret())
}

impl ServiceAccountTokens {
    pub(super) fn new(account: PersonId, pair: TokenPair, now: Timestamp) -> Self {
        let TokenPair { access, refresh, access_ends_at, refresh_ends_at, .. } = pair;
        Self { account, obtained_at: now, access, access_ends_at, refresh, refresh_ends_at }
    }

    /// Returns `true` if these tokens replaced `other` ones.
    pub(super) fn differ_from(&self, other: &SecretString) -> bool {
        self.access.expose_secret() != other.expose_secret()
    }
}

/// Our integration in Webex.
#[derive(Clone, Debug, Deserialize)]
pub struct WebexApp {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

/// The secret of an app registration.
#[derive(Deserialize)]
pub(super) struct StoredMicrosoftApp {
    pub(super) client_id: String,
    /// Absent with a federated credential.
    pub(super) client_secret: Option<SecretString>,
    /// The end of the client secret, if it was stored with it.
    pub(super) ends_at: Option<Timestamp>,
}

/// One of our app registrations in Entra, with its credential.
#[derive(Debug, Clone)]
pub struct MicrosoftApp {
    /// The client id.
    pub client_id: String,
    /// Secret or assertion.
    pub credential: Credential,
}

/// Token of an app, as Entra granted it.
#[derive(Debug, Clone)]
pub struct GrantedToken {
    /// Client id of the app.
    pub client_id: String,
    /// The token.
    pub token: AppToken,
}

/// Parses the text of a secret, without quoting it in errors.
pub(super) fn parse<T: DeserializeOwned>(
    name: &str,
    text: &SecretString,
) -> Result<T, TokensError> {
    serde_json::from_str(text.expose_secret()).map_err(|error| {
        // The error's own message can quote the text, its place cannot.
        let why = format!("is wrong in line {}, column {}", error.line(), error.column());
        TokensError::Secret { name: name.into(), why }
    })
}
