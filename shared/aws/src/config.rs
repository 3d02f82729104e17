//! Configuration from the environment. A missing or invalid value is an error at start that names
//! the variable.

use std::env;

use url::Url;

/// Error of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable has an invalid value.
    #[error("the environment variable {name} cannot be used: {why}")]
    Unusable {
        /// Name of the variable.
        name: &'static str,
        /// Reason.
        why: String,
    },
}

/// Returns the variable's value.
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    // A parameter of the template that is left empty arrives as an empty variable.
    env::var(name).ok().filter(|value| !value.trim().is_empty()).ok_or(ConfigError::Missing(name))
}

/// Returns the variable's value, a name that others follow behind a slash.
///
/// # Errors
/// It is not set, or has a slash.
pub fn prefix(name: &'static str) -> Result<String, ConfigError> {
    let value = required(name)?;
    // Otherwise the secrets of `a/tenant/b` would be among those of the deployment `a`.
    if value.contains('/') {
        return Err(ConfigError::Unusable { name, why: format!("{value:?} has a slash") });
    }
    Ok(value)
}

/// Returns what `parse` reads from the variable's value, which may be empty.
pub fn parsed<T>(
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, ConfigError> {
    parse(&env::var(name).unwrap_or_default()).map_err(|why| ConfigError::Unusable { name, why })
}

/// Returns the variable's value as a URL without a trailing slash.
pub fn required_url(name: &'static str) -> Result<String, ConfigError> {
    Ok(url(name, &required(name)?)?.trim_end_matches('/').to_owned())
}

/// Returns the variable's value as a URL, or the default if it is not set.
pub fn url(name: &'static str, default: &str) -> Result<String, ConfigError> {
    let value = required(name).unwrap_or_else(|_| default.into());
    Url::parse(&value).map_err(|error| ConfigError::Unusable { name, why: error.to_string() })?;
    Ok(value)
}
