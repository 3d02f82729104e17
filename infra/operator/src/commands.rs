//! The commands, against a deployment.

use std::fs::File;
use std::io::{BufReader, BufWriter};

use aws::clients::{AwsClients, ClientsError};
use domain::clock::Clock;
use engine::decision::Decider;
use engine::transfer::{self, ExportOf, TransferError};
use store::table::StoreError;

use crate::{Command, list};

/// Error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The environment is incomplete.
    #[error(transparent)]
    Clients(#[from] ClientsError),
    /// The export, import, retirement or erasure failed.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The table's error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Runs one command, and prints its outcome.
pub(crate) async fn run(command: Command) -> Result<(), CommandError> {
    let clients = AwsClients::from_env().await?;
    let table = clients.table("TABLE_NAME")?;
    let (store, now) = (table.as_ref(), clients.clock.now());
    let by = Decider::operator(now);
    match command {
        Command::Tenants => list::print(store, now).await?,
        Command::Export { tenant, file } => {
            // An earlier export is never replaced: it can be the only copy.
            let mut out = BufWriter::new(File::create_new(&file)?);
            let export = transfer::export(store, tenant, now, &mut out).await?;
            anstream::println!(
                "{} items of tenant {tenant} are in {}.",
                export.items,
                file.display()
            );
            anstream::println!("{}", next_step(export.of));
        }
        Command::Retire { tenant, organization } => {
            let until = transfer::retire(store, tenant, organization, by).await?;
            anstream::println!("Tenant {tenant} has stopped. Export or erase it after {until}.");
        }
        Command::Resume { tenant } => {
            transfer::resume(store, tenant, by).await?;
            anstream::println!("Tenant {tenant} runs here.");
        }
        Command::Import { file } => {
            let lines = BufReader::new(File::open(file)?);
            let import = transfer::import(store, lines, by).await?;
            anstream::println!(
                "Stored {} items, and {} were here already.",
                import.stored,
                import.unchanged
            );
            anstream::println!("The tenant runs here. The next cycle takes over its webhooks.");
        }
        Command::Erase { tenant, organization } => {
            // A retired tenant stays so. This only checks the organization.
            transfer::check(store, tenant, organization).await?;
            let (secrets, prefix) = (clients.secrets.as_ref(), &clients.prefix);
            transfer::erase(store, secrets, prefix, tenant, by).await?;
            anstream::println!("Nothing of tenant {tenant} is left here, except in backups.");
        }
    }
    Ok(())
}

fn next_step(of: ExportOf) -> &'static str {
    match of {
        ExportOf::Running => {
            "The tenant runs, so this is a copy for the customer. Retire it first to move it."
        }
        ExportOf::Retired => "The export is complete. It can be imported elsewhere.",
    }
}
