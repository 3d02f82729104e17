//! The directory's rules for groups, stored for a day.

use super::types::SyncRun;
use super::{Deps, SyncError};
use crate::tenant::DirectoryRules;
use domain::merge::Decoration;
use store::keys;
use store::table::{Condition, Write, to_item};

/// Reads the rules from the directory and stores them.
pub(super) async fn read_rules(
    deps: &Deps,
    run: &SyncRun<'_>,
) -> Result<DirectoryRules, SyncError> {
    let settings = deps.graph.group_settings(&run.access.graph).await?;
    let naming = settings.naming_requirement.as_deref().map(Decoration::required_by);
    let rules = DirectoryRules {
        read_at: deps.clock.now(),
        creation: settings.creation,
        naming: naming.unwrap_or_default(),
    };
    let item = to_item(&keys::directory_rules(run.tenant()), &rules)?;
    // Two runs that read at the same time store the same rules.
    deps.store.write(vec![Write::Put(item, Condition::Any)]).await?;
    Ok(rules)
}
