//! Logs and metrics: one line of JSON for each event, on standard output, and one for the metrics
//! of each invocation.

use std::error::Error;
use std::process::ExitCode;

use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{self, ConfigError};

/// Starts logging by `RUST_LOG` (default `info`). The runtime adds the time to each line.
///
/// # Errors
/// `RUST_LOG` is not a list of levels, or of targets with levels.
pub fn to_stdout() -> Result<(), ConfigError> {
    const NAME: &str = "RUST_LOG";
    let levels = std::env::var(NAME).unwrap_or_else(|_| "info".into());
    let targets: Targets = levels.parse().map_err(|error: ParseError| ConfigError::Unusable {
        name: NAME,
        why: error.to_string(),
    })?;
    // The list of spans includes the current one already.
    let lines = tracing_subscriber::fmt::layer().json().with_current_span(false).without_time();
    tracing_subscriber::registry().with(lines).with(targets).init();
    Ok(())
}

/// Starts counting metrics for CloudWatch's embedded metric format. A tenant is never a
/// dimension; the log names it. Each deployment has its own namespace, by `SECRETS_PREFIX`.
///
/// # Errors
/// The variable is missing, or a recorder is installed already.
pub fn metrics(function: &'static str) -> Result<&'static Collector, Box<dyn Error + Send + Sync>> {
    let deployment = config::prefix("SECRETS_PREFIX")?;
    let collector = Builder::new()
        .cloudwatch_namespace(format!("WebexTeamsGroups/{deployment}"))
        .with_dimension("function", function)
        .init()?;
    Ok(collector)
}

/// Returns the exit code of a function, and prints the error of a failed start.
pub fn exit_code(ran: Result<(), impl std::fmt::Display>) -> ExitCode {
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Starting the log may be what failed.
            eprintln!("the function cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
