//! Ids and secrets from the seed, and address parts from names.

use uuid::Uuid;

pub(crate) fn uuid(rng: &mut fastrand::Rng) -> Uuid {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid()
}

/// Returns a token, code or client secret: 48 letters and digits.
pub(crate) fn secret(rng: &mut fastrand::Rng) -> String {
    (0..48).map(|_| rng.alphanumeric()).collect()
}

/// Returns the ASCII letters and digits of a name in lower case, with dots in place of the rest.
pub(crate) fn slug(name: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '.' }
    };
    let plain: String = name.chars().map(letter).collect();
    plain.split('.').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}
