//! Checks id_tokens: the user who signed in, their directory and their roles in it.
//! <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>

use domain::ids::{DirectoryId, ObjectId};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::auth::random;

/// Tolerated difference between our clock and Microsoft's.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Template ids of Global Administrator and Privileged Role Administrator, who can consent for a
/// directory. They are the same in every directory.
const CONSENTING: [&str; 2] =
    ["62e90394-69f5-4237-9190-012177145e10", "e8611ab8-c189-46e8-94e1-60213ab1f814"];

/// Seconds until a sign-in is no longer fresh.
pub(crate) const FRESH_FOR: i64 = 600;

/// The reason why an id_token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenFault {
    /// Not a JSON Web Token.
    #[error("not a JWT")]
    Malformed,
    /// Another algorithm, or none.
    #[error("not signed with RS256")]
    Algorithm,
    /// None of the issuer's keys.
    #[error("not signed with a key of the issuer")]
    Key,
    /// Wrong signature, audience or form.
    #[error("signature, audience or form are wrong")]
    Invalid,
    /// Not issued for its own directory.
    #[error("another issuer than its directory")]
    Issuer,
    /// Too early or too late.
    #[error("not valid at this time")]
    Time,
    /// Issued for another sign-in.
    #[error("another nonce")]
    Nonce,
}

/// A user who signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The directory that issued the token.
    pub directory: DirectoryId,
    /// The user's object id.
    pub person: ObjectId,
    /// The user principal name.
    pub name: String,
    /// The claim `auth_time`, which can be long ago, if the token has it.
    authenticated: Option<Timestamp>,
    roles: Vec<String>,
}

impl SignedIn {
    /// Returns `true` if the user may consent for the directory; `false` without the claim.
    pub fn is_administrator(&self) -> bool {
        let may_consent =
            |role: &String| CONSENTING.iter().any(|one| one.eq_ignore_ascii_case(role));
        self.roles.iter().any(may_consent)
    }

    /// Returns `true` if the user authenticated just now; `false` without the claim.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let oldest = now - SignedDuration::from_secs(FRESH_FOR) - SKEW;
        self.authenticated.is_some_and(|at| at > oldest)
    }
}

/// The values that a token has to be issued for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer; `{tenantid}` in it is the token's own directory.
    pub issuer: &'a str,
    /// Our app.
    pub client_id: &'a str,
    /// The nonce that this sign-in began with.
    pub nonce: &'a str,
    /// The current time.
    pub now: Timestamp,
}

/// The keys that an issuer publishes.
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
    /// The issuer whose tokens the key signs; not every key names it.
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

/// Checks signature, audience, issuer, time and nonce of a token.
///
/// # Errors
/// The first reason why it proves nothing.
pub fn check(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<SignedIn, IdTokenFault> {
    let &Expected { issuer, client_id, nonce, now } = expected;
    let header = jsonwebtoken::decode_header(token).map_err(|_| IdTokenFault::Malformed)?;
    // The token names its own algorithm: with "none" or an HMAC, anyone could sign it.
    if header.alg != Algorithm::RS256 {
        return Err(IdTokenFault::Algorithm);
    }
    // A token without a key id must not match a key without one.
    let is_named = |key: &&Key| key.kty == "RSA" && key.kid.is_some() && key.kid == header.kid;
    let key = keys.keys.iter().find(is_named).ok_or(IdTokenFault::Key)?;
    let (Some(n), Some(e)) = (&key.n, &key.e) else {
        return Err(IdTokenFault::Key);
    };
    let decoding = DecodingKey::from_rsa_components(n, e).map_err(|_| IdTokenFault::Key)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[client_id]);
    // A token that lacks a claim would pass the claim's check otherwise.
    validation.set_required_spec_claims(&["aud", "exp", "iss"]);
    // Checked below, against our own clock.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &decoding, &validation);
    let claims = claims.map_err(|_| IdTokenFault::Invalid)?.claims;
    // The common issuer is a template, so it has to name the token's own directory. So does the
    // issuer of the key.
    let of = |template: &str| template.replace("{tenantid}", &claims.tid.to_string());
    let is_other_issuer = |template: &String| claims.iss != of(template);
    if claims.iss != of(issuer) || key.issuer.as_ref().is_some_and(is_other_issuer) {
        return Err(IdTokenFault::Issuer);
    }
    let moment = |seconds| Timestamp::from_second(seconds).map_err(|_| IdTokenFault::Time);
    // Nothing is added to the token's times: they can be the last moment there is.
    let is_early = claims.nbf.map(moment).transpose()?.is_some_and(|nbf| nbf > now + SKEW);
    if moment(claims.exp)? <= now - SKEW || is_early {
        return Err(IdTokenFault::Time);
    }
    if !claims.nonce.is_some_and(|carried| random::are_equal(&carried, nonce)) {
        return Err(IdTokenFault::Nonce);
    }
    Ok(SignedIn {
        directory: claims.tid,
        person: claims.oid,
        // For display only: it can change, so no decision may rest on it.
        name: claims.preferred_username.unwrap_or_default(),
        authenticated: claims.auth_time.map(moment).transpose()?,
        // `wids` are roles of the directory; `roles` would be those of our own app.
        roles: claims.wids,
    })
}
