//! `operator` lists the tenants of a deployment, and exports, moves or erases one.
//!
//! It needs the variables `TABLE_NAME` and `SECRETS_PREFIX` of the deployment, and credentials of
//! AWS in the environment.

mod commands;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use domain::ids::{OrgId, TenantId};

/// Lists the tenants of a deployment, and exports, moves or erases one.
///
/// Needs TABLE_NAME, SECRETS_PREFIX, AWS_REGION and credentials of AWS in the environment.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists all tenants with their state.
    Tenants,
    /// Writes all items of a tenant to a file, one JSON line each.
    Export {
        tenant: TenantId,
        /// The new file. It holds names and addresses of people.
        file: PathBuf,
    },
    /// Stops a tenant here, so that it can be moved or erased. Nothing outside changes.
    Retire {
        tenant: TenantId,
        /// The tenant's Webex organization, as a check.
        organization: OrgId,
    },
    /// Starts a retired tenant again.
    Resume { tenant: TenantId },
    /// Stores the items of an export. The tenant starts at once.
    Import { file: PathBuf },
    /// Deletes all items and tokens of a retired tenant. Nothing outside changes.
    Erase {
        tenant: TenantId,
        /// The tenant's Webex organization, as a check.
        organization: OrgId,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    match commands::run(command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
