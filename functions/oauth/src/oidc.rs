//! Signing in with Microsoft: OpenID Connect with a code, PKCE and a nonce, and what is made sure of an id_token.
//! <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>

use std::sync::Arc;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::clock::Clock;
use shared::graph::Credential;
use shared::http::{Access, Api, Call, CallError, Caller, Deadline, InvalidBaseUrl, Repeat, Transport};
use shared::ids::{DirectoryId, ObjectId};
use url::form_urlencoded::Serializer;

use crate::random;

/// What may differ between our clock and Microsoft's.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Ids of the roles whose holders can consent for a directory: Global Administrator, Privileged Role Administrator. The same in every directory.
const CONSENTING: [&str; 2] = ["62e90394-69f5-4237-9190-012177145e10", "e8611ab8-c189-46e8-94e1-60213ab1f814"];

/// After so long a sign-in is not fresh, in seconds.
const FRESH_FOR: i64 = 600;

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

/// Why an id_token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdTokenFault {
    #[error("no JWT")]
    Malformed,
    #[error("not signed with RS256")]
    Algorithm,
    #[error("signed with a key that is none of the issuer's")]
    Key,
    #[error("signature, audience or form are wrong")]
    Invalid,
    #[error("another issuer than its directory")]
    Issuer,
    #[error("not valid at this time")]
    Time,
    #[error("another nonce")]
    Nonce,
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) directory: DirectoryId,
    pub(crate) person: ObjectId,
    /// The name that he signs in with.
    pub(crate) name: String,
    /// When he authenticated, where the token says it (`auth_time`): that can have been long before.
    authenticated: Option<Timestamp>,
    roles: Vec<String>,
}

impl SignedIn {
    /// Whether he administers the directory, and may consent for it. Without the claim nobody does.
    pub(crate) fn is_administrator(&self) -> bool {
        self.roles.iter().any(|role| CONSENTING.iter().any(|consenting| consenting.eq_ignore_ascii_case(role)))
    }

    /// Whether it is certain that he authenticated just now. Without the claim nobody did.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.authenticated.is_some_and(|at| at + SignedDuration::from_secs(FRESH_FOR) + SKEW > now)
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

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: Option<String>,
    kty: String,
    n: Option<String>,
    e: Option<String>,
    /// For whose tokens the key is; not every one says so.
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    exp: i64,
    nbf: Option<i64>,
    tid: DirectoryId,
    oid: ObjectId,
    nonce: Option<String>,
    auth_time: Option<i64>,
    preferred_username: Option<String>,
    #[serde(default)]
    wids: Vec<String>,
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
        let now = self.caller.clock().now();
        Ok(check(id_token.expose_secret(), &keys, &discovery.issuer, (client_id, nonce), now))
    }
}

fn check(
    token: &str,
    keys: &Keys,
    issuer: &str,
    (client_id, nonce): (&str, &str),
    now: Timestamp,
) -> Result<SignedIn, IdTokenFault> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| IdTokenFault::Malformed)?;
    if header.alg != Algorithm::RS256 {
        return Err(IdTokenFault::Algorithm);
    }
    let key = keys.keys.iter().find(|key| key.kty == "RSA" && key.kid.is_some() && key.kid == header.kid);
    let key = key.ok_or(IdTokenFault::Key)?;
    let (Some(n), Some(e)) = (&key.n, &key.e) else { return Err(IdTokenFault::Key) };
    let decoding = DecodingKey::from_rsa_components(n, e).map_err(|_| IdTokenFault::Key)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[client_id]);
    validation.set_required_spec_claims(&["aud", "exp", "iss"]);
    // Against our own clock, below.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let claims: Claims = jsonwebtoken::decode(token, &decoding, &validation).map_err(|_| IdTokenFault::Invalid)?.claims;
    // The issuer of all directories is a template: the token's own directory has to stand in it, in the key's as well.
    let of = |template: &str| template.replace("{tenantid}", &claims.tid.to_string());
    if claims.iss != of(issuer) || key.issuer.as_ref().is_some_and(|template| claims.iss != of(template)) {
        return Err(IdTokenFault::Issuer);
    }
    let moment = |seconds| Timestamp::from_second(seconds).map_err(|_| IdTokenFault::Time);
    if moment(claims.exp)? + SKEW <= now || claims.nbf.map(moment).transpose()?.is_some_and(|nbf| nbf - SKEW > now) {
        return Err(IdTokenFault::Time);
    }
    if !claims.nonce.is_some_and(|carried| random::are_equal(&carried, nonce)) {
        return Err(IdTokenFault::Nonce);
    }
    Ok(SignedIn {
        directory: claims.tid,
        person: claims.oid,
        name: claims.preferred_username.unwrap_or_default(),
        authenticated: claims.auth_time.map(moment).transpose()?,
        roles: claims.wids,
    })
}
