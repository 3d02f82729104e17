//! Signing in with Microsoft: OpenID Connect with a code, PKCE and a nonce.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>

use std::sync::Arc;

use clients::graph::Credential;
use clients::http::{Access, Api, Call, CallError, Caller, Deadline, InvalidBaseUrl, Repeat, Transport};
use domain::clock::Clock;
use domain::ids::DirectoryId;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::id_token::{Expected, FRESH_FOR, IdTokenFault, Keys, SignedIn, check};

/// What somebody signs in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// To connect the directory that he belongs to.
    Connect,
    /// To prove who sits at the browser at this moment, in this directory.
    Proof(DirectoryId),
}

impl Occasion {
    /// Whose sign-in page it is.
    fn authority(self) -> String {
        match self {
            Self::Connect => "organizations".into(),
            // Also of guests who administer it.
            Self::Proof(directory) => directory.to_string(),
        }
    }

    /// What is asked for: who it is, and where nobody knows it yet, the name of the directory.
    fn scopes(self) -> &'static str {
        match self {
            Self::Connect => "openid profile https://graph.microsoft.com/User.Read",
            Self::Proof(_) => "openid profile",
        }
    }
}

/// What a code was exchanged for.
#[derive(Deserialize)]
pub(crate) struct Exchanged {
    pub(crate) id_token: SecretString,
    /// For Graph, in the name of whoever signed in.
    pub(crate) access_token: Option<SecretString>,
}

/// What a browser is sent to Microsoft with.
pub(crate) struct Ask<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) state: &'a str,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Microsoft's sign-in.
pub(crate) struct Oidc {
    caller: Caller,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

fn read_refusal(body: &[u8]) -> (String, String) {
    serde_json::from_slice::<Refusal>(body).map_or_else(|_| Default::default(), |no| (no.error, no.error_description))
}

impl Oidc {
    /// At `login`, such as `https://login.microsoftonline.com`.
    pub(crate) fn new(
        login: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidBaseUrl> {
        Ok(Self { caller: Caller::new(Api::Entra, login, transport, clock, read_refusal)? })
    }

    /// Where to send a browser so that somebody signs in.
    pub(crate) fn authorize_url(&self, ask: &Ask<'_>, occasion: Occasion, (nonce, challenge): (&str, &str)) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs([
            ("client_id", ask.client_id),
            ("response_type", "code"),
            ("response_mode", "query"),
            ("redirect_uri", ask.redirect_uri),
            ("scope", occasion.scopes()),
            ("state", ask.state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]);
        match occasion {
            Occasion::Connect => query.append_pair("prompt", "select_account"),
            // A browser can leave both out of the address: what the token says decides. Microsoft's pages do not list `max_age`; its own libraries send it.
            Occasion::Proof(_) => query.append_pair("prompt", "login").append_pair("max_age", &FRESH_FOR.to_string()),
        };
        self.url(&format!("{}/oauth2/v2.0/authorize", occasion.authority()), query)
    }

    /// Where to send a browser so that an administrator of this directory consents.
    pub(crate) fn consent_url(&self, ask: &Ask<'_>, directory: DirectoryId) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs([
            ("client_id", ask.client_id),
            ("redirect_uri", ask.redirect_uri),
            // Application permissions are consented to all together, as the registration lists them.
            ("scope", "https://graph.microsoft.com/.default"),
            ("state", ask.state),
        ]);
        self.url(&format!("{directory}/v2.0/adminconsent"), query)
    }

    fn url(&self, path: &str, mut query: Serializer<'_, String>) -> String {
        // A plus is read as a space only in forms.
        format!("{}/{path}?{}", self.caller.base(), query.finish().replace('+', "%20"))
    }

    /// Exchanges the code that a browser brought back; it is good once.
    pub(crate) async fn exchange(
        &self,
        ask: &Ask<'_>,
        occasion: Occasion,
        credential: &Credential,
        (code, verifier): (&str, &SecretString),
        deadline: Deadline,
    ) -> Result<Exchanged, CallError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", ask.client_id),
            ("code", code),
            ("redirect_uri", ask.redirect_uri),
            ("code_verifier", verifier.expose_secret()),
            ("scope", occasion.scopes()),
        ];
        form.extend(credential.fields());
        let path = format!("/{}/oauth2/v2.0/token", occasion.authority());
        let call = Call::new(Method::POST, path).repeat(Repeat::Unsafe).form(&form);
        self.caller.call(&Access::anonymous(deadline), call).await?.json()
    }

    /// Says who signed in, if the token proves it: signed by a key of the issuer's, for this client, by the issuer of its directory, at this time, for this way.
    pub(crate) async fn validate(
        &self,
        id_token: &SecretString,
        client_id: &str,
        nonce: &str,
        deadline: Deadline,
    ) -> Result<Result<SignedIn, IdTokenFault>, CallError> {
        let access = Access::anonymous(deadline);
        let discovery = Call::get("/organizations/v2.0/.well-known/openid-configuration");
        let discovery: Discovery = self.caller.call(&access, discovery).await?.json()?;
        // The caller follows links to its own host only.
        let keys: Keys = self.caller.call(&access, Call::follow(discovery.jwks_uri)).await?.json()?;
        let expected = Expected { issuer: &discovery.issuer, client_id, nonce, now: self.caller.clock().now() };
        Ok(check(id_token.expose_secret(), &keys, &expected))
    }
}
