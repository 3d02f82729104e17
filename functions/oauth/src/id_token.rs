//! What an id_token proves: who signed in, to which directory, and with which of its roles.
//! <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>

use domain::ids::{DirectoryId, ObjectId};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::random;

/// What may differ between our clock and Microsoft's.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Ids of the roles whose holders can consent for a directory: Global Administrator, Privileged Role Administrator. The same in every directory.
const CONSENTING: [&str; 2] = ["62e90394-69f5-4237-9190-012177145e10", "e8611ab8-c189-46e8-94e1-60213ab1f814"];

/// After so long a sign-in is not fresh, in seconds.
pub(crate) const FRESH_FOR: i64 = 600;

/// Why an id_token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenFault {
    /// Not a JSON Web Token.
    #[error("no JWT")]
    Malformed,
    /// Another algorithm, or none.
    #[error("not signed with RS256")]
    Algorithm,
    /// No key of the issuer's is meant.
    #[error("signed with a key that is none of the issuer's")]
    Key,
    /// Signature, audience or form.
    #[error("signature, audience or form are wrong")]
    Invalid,
    /// It was not issued for its directory.
    #[error("another issuer than its directory")]
    Issuer,
    /// Too early or too late.
    #[error("not valid at this time")]
    Time,
    /// Issued for another sign-in.
    #[error("another nonce")]
    Nonce,
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The directory that vouches for it.
    pub directory: DirectoryId,
    /// Who.
    pub person: ObjectId,
    /// The name that he signs in with.
    pub name: String,
    /// When he authenticated, where the token says it (`auth_time`): that can have been long before.
    authenticated: Option<Timestamp>,
    roles: Vec<String>,
}

impl SignedIn {
    /// Whether he administers the directory, and may consent for it. Without the claim nobody does.
    pub fn is_administrator(&self) -> bool {
        self.roles.iter().any(|role| CONSENTING.iter().any(|consenting| consenting.eq_ignore_ascii_case(role)))
    }

    /// Whether it is certain that he authenticated just now. Without the claim nobody did.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.authenticated.is_some_and(|at| at > now - SignedDuration::from_secs(FRESH_FOR) - SKEW)
    }
}

/// What a token has to be for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer; `{tenantid}` in it stands for the token's own directory.
    pub issuer: &'a str,
    /// Our app.
    pub client_id: &'a str,
    /// What this sign-in began with.
    pub nonce: &'a str,
    /// The moment.
    pub now: Timestamp,
}

/// The keys that an issuer signs with, as it publishes them.
#[derive(Deserialize)]
pub struct Keys {
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

/// Says who signed in, if the token proves it: signed by a key of the issuer's, for this client, by the issuer of its directory, at this time, for this way.
///
/// # Errors
/// The first reason why it proves nothing.
pub fn check(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<SignedIn, IdTokenFault> {
    let &Expected { issuer, client_id, nonce, now } = expected;
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
    // Nothing is added to what the token says: it can say the last moment that there is.
    if moment(claims.exp)? <= now - SKEW || claims.nbf.map(moment).transpose()?.is_some_and(|nbf| nbf > now + SKEW) {
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
