//! One line of JSON for each event, to standard output, where Lambda collects it, and one for the metrics of each invocation.

use std::process::ExitCode;

use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::ConfigError;

/// Logs by `RUST_LOG` (default `info`) from here on. The runtime stamps each line with its time.
///
/// # Errors
/// `RUST_LOG` is no list of levels, or of targets with theirs.
pub fn to_stdout() -> Result<(), ConfigError> {
    const NAME: &str = "RUST_LOG";
    let wanted = std::env::var(NAME).unwrap_or_else(|_| "info".into());
    let targets: Targets =
        wanted.parse().map_err(|error: ParseError| ConfigError::Unusable { name: NAME, why: error.to_string() })?;
    // Every span is in the list of spans already.
    let lines = tracing_subscriber::fmt::layer().json().with_current_span(false).without_time();
    tracing_subscriber::registry().with(lines).with(targets).init();
    Ok(())
}

/// Counts what [`metrics`] counts, for CloudWatch's embedded metric format. A tenant is never a dimension: the log says which it was.
///
/// # Errors
/// Somebody else counts already.
pub fn metrics(function: &'static str) -> Result<&'static Collector, metrics_cloudwatch_embedded::Error> {
    Builder::new().cloudwatch_namespace("WebexTeamsGroups").with_dimension("function", function).init()
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
