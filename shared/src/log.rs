//! One line of JSON for each event, to standard output, where Lambda collects it.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::config::ConfigError;

/// Logs by `RUST_LOG` (default `info`) from here on. The runtime stamps each line with its time.
///
/// # Errors
/// `RUST_LOG` is no filter.
pub fn to_stdout() -> Result<(), ConfigError> {
    const NAME: &str = "RUST_LOG";
    let wanted = std::env::var(NAME).unwrap_or_else(|_| "info".into());
    let filter =
        EnvFilter::try_new(wanted).map_err(|error| ConfigError::Unusable { name: NAME, why: error.to_string() })?;
    tracing_subscriber::fmt().json().with_env_filter(filter).without_time().init();
    Ok(())
}

/// How a function ends whose loop ended: why it could not start goes to standard error in words.
pub fn exit_code(ran: Result<(), impl std::fmt::Display>) -> ExitCode {
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the function cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
