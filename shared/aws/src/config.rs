//! Configuration from the environment. A value that is missing or unusable is an error at start that names the variable.

use std::env;

use url::Url;

/// A variable that stops the start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// It is set to something that cannot be used.
    #[error("the environment variable {name} cannot be used: {why}")]
    Unusable {
        /// Which.
        name: &'static str,
        /// Why.
        why: String,
    },
}

/// The variable's value.
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    env::var(name).ok().filter(|value| !value.trim().is_empty()).ok_or(ConfigError::Missing(name))
}

/// The variable's value as a URL, without a slash at its end.
pub fn required_url(name: &'static str) -> Result<String, ConfigError> {
    Ok(url(name, &required(name)?)?.trim_end_matches('/').to_owned())
}

/// The variable's value as a URL, or the default where it is not set.
pub fn url(name: &'static str, default: &str) -> Result<String, ConfigError> {
    let value = required(name).unwrap_or_else(|_| default.into());
    Url::parse(&value).map_err(|error| ConfigError::Unusable { name, why: error.to_string() })?;
    Ok(value)
}
