//! Signing in with Microsoft: OpenID Connect with a code, PKCE and a nonce.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>

use clients::graph::Credential;
use clients::http::{Access, Call, CallError, Caller, Deadline, Repeat};
use domain::ids::DirectoryId;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::auth::id_token::{Expected, FRESH_FOR, IdTokenFault, Keys, SignedIn, check};
use crate::auth::redirect_flow::Flow;

/// The purpose of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInKind {
    /// The user connects their directory.
    Connect,
    /// The user of this directory proves that they are at the browser now.
    StepUp(DirectoryId),
}

impl SignInKind {
    /// The tenant in the address of the sign-in page.
    fn authority(self) -> String {
        match self {
            // Not "common": a personal account has no directory that could consent.
            Self::Connect => "organizations".into(),
            // Also admits guests who administer the directory.
            Self::StepUp(directory) => directory.to_string(),
        }
    }

    /// Asks for the user, and for the directory's name where it is not known yet.
    fn scopes(self) -> &'static str {
        match self {
            Self::Connect => "openid profile https://graph.microsoft.com/User.Read",
            Self::StepUp(_) => "openid profile",
        }
    }
}

/// The parameters that a browser is sent to Microsoft with.
pub(crate) struct Authorization<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) flow: &'a Flow,
}

/// The parameters of a code exchange.
pub(crate) struct Exchange<'a> {
    pub(crate) kind: SignInKind,
    pub(crate) credential: &'a Credential,
    pub(crate) code: &'a str,
    pub(crate) deadline: Deadline,
}

/// The tokens that a code was exchanged for.
#[derive(Deserialize)]
pub(crate) struct Exchanged {
    pub(crate) id_token: SecretString,
    /// Token for Graph, in the user's name.
    pub(crate) access_token: Option<SecretString>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Returns the address where a user signs in.
pub(crate) fn authorize_url(
    sign_in: &Caller,
    authorization: &Authorization<'_>,
    kind: SignInKind,
) -> String {
    let flow = authorization.flow;
    let mut query = Serializer::new(String::new());
    query.extend_pairs([
        ("client_id", authorization.client_id),
        ("response_type", "code"),
        // A return by POST from another site would come without our `Lax` cookies.
        ("response_mode", "query"),
        ("redirect_uri", authorization.redirect_uri),
        ("scope", kind.scopes()),
        ("state", &flow.state),
        ("nonce", &flow.nonce()),
        ("code_challenge", &flow.challenge()),
        ("code_challenge_method", "S256"),
    ]);
    // A browser can drop both from the address; the token's claims decide. Microsoft's pages do not
    // list `max_age`, but its own libraries send it.
    query.append_pair("prompt", "login").append_pair("max_age", &FRESH_FOR.to_string());
    url(sign_in, &format!("{}/oauth2/v2.0/authorize", kind.authority()), query)
}

/// Returns the address where an administrator of this directory consents.
pub(crate) fn consent_url(
    sign_in: &Caller,
    authorization: &Authorization<'_>,
    directory: DirectoryId,
) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs([
        ("client_id", authorization.client_id),
        ("redirect_uri", authorization.redirect_uri),
        // Application permissions are granted all together, as the registration lists them.
        ("scope", "https://graph.microsoft.com/.default"),
        ("state", &authorization.flow.state),
    ]);
    // In the directory that signed in: on a generic page, another one could consent.
    url(sign_in, &format!("{directory}/v2.0/adminconsent"), query)
}

fn url(sign_in: &Caller, path: &str, mut query: Serializer<'_, String>) -> String {
    // Only forms read a plus as a space.
    format!("{}/{path}?{}", sign_in.base(), query.finish().replace('+', "%20"))
}

/// Exchanges a code, which works once.
pub(crate) async fn exchange(
    sign_in: &Caller,
    authorization: &Authorization<'_>,
    exchange: Exchange<'_>,
) -> Result<Exchanged, CallError> {
    let Exchange { kind, credential, code, deadline } = exchange;
    let verifier = authorization.flow.verifier();
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", authorization.client_id),
        ("code", code),
        ("redirect_uri", authorization.redirect_uri),
        ("code_verifier", verifier.expose_secret()),
        ("scope", kind.scopes()),
    ];
    form.extend(credential.fields());
    let path = format!("/{}/oauth2/v2.0/token", kind.authority());
    // A second try would be refused as used, which hides why the first one failed.
    let call = Call::new(Method::POST, path).repeat(Repeat::Unsafe).form(&form);
    sign_in.call(&Access::anonymous(deadline), call).await?.json()
}

/// Returns the user who signed in, if the token proves it.
pub(crate) async fn validate(
    sign_in: &Caller,
    id_token: &SecretString,
    authorization: &Authorization<'_>,
    deadline: Deadline,
) -> Result<Result<SignedIn, IdTokenFault>, CallError> {
    let access = Access::anonymous(deadline);
    // Sign-ins are rare: reading the keys each time never misses a new one.
    let discovery = Call::get("/organizations/v2.0/.well-known/openid-configuration");
    let discovery: Discovery = sign_in.call(&access, discovery).await?.json()?;
    // The caller follows links to its own host only.
    let keys: Keys = sign_in.call(&access, Call::follow(discovery.jwks_uri)).await?.json()?;
    let expected = Expected {
        issuer: &discovery.issuer,
        client_id: authorization.client_id,
        nonce: &authorization.flow.nonce(),
        now: sign_in.clock().now(),
    };
    Ok(check(id_token.expose_secret(), &keys, &expected))
}
