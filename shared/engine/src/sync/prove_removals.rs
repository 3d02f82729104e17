//! Proof before a removal: a person who left one side must still exist. People who leave the
//! organization are left to the directory.

use super::resolve::find_person;
use super::types::SyncRun;
use super::{Deps, SyncError};
use crate::link::Link;
use crate::people::{PersonIndex, object_of};
use clients::http::ErrorClass;
use clients::webex::ScimState;
use domain::membership::{Person, Side};
use domain::merge::Plan;

/// Result of asking the directory about a person to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RemovalProof {
    Proven,
    Missing,
}

/// A plan whose removals are proven.
pub(super) struct Proven {
    pub(super) plan: Plan,
    /// The refusal that left a removal without proof.
    pub(super) unproven: Option<String>,
}

/// Excludes people from the plan whose removal cannot be proven.
pub(super) async fn prove_removals(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    mut plan: Plan,
) -> Result<Proven, SyncError> {
    let mut unproven = None;
    let removals: Vec<_> = plan.removals().collect();
    for removal in removals {
        let person = removal.person;
        // Asked of the side that they left.
        let proof = match removal.side {
            Side::Group => is_still_in_webex(deps, run, person).await,
            Side::Team => is_still_in_entra(deps, run, person).await,
        };
        match proof {
            Ok(RemovalProof::Proven) => {}
            Ok(RemovalProof::Missing) => plan.exclude(person),
            // A service account that lost a role proves nothing: no one is removed, and
            // everything else goes on.
            Err(SyncError::Call(error)) if is_refusal(error.class()) => {
                tracing::warn!(
                    event = "removal_not_proven", tenant = %run.tenant(), team = %link.team,
                    person = %person.object, %error, "A removal could not be proven."
                );
                plan.exclude(person);
                unproven.get_or_insert(error.to_string());
            }
            // Everything else may pass, so the run is repeated as a whole.
            Err(error) => return Err(error),
        }
    }
    Ok(Proven { plan, unproven })
}

fn is_refusal(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Permanent | ErrorClass::NeedsAdministrator)
}

async fn is_still_in_webex(
    deps: &Deps,
    run: &SyncRun<'_>,
    person: Person,
) -> Result<RemovalProof, SyncError> {
    let org = run.context.tenant.org;
    let account = deps.webex.scim_user(&run.access.webex, org, person.person).await?;
    let is_proven = account.is_some_and(|account| {
        account.state() == ScimState::SignedIn && object_of(&account) == Some(person.object)
    });
    if is_proven {
        return Ok(RemovalProof::Proven);
    }
    // The index learns at once why the person is no longer eligible.
    find_person(deps, run.context, run.access, person.person).await?;
    Ok(RemovalProof::Missing)
}

async fn is_still_in_entra(
    deps: &Deps,
    run: &SyncRun<'_>,
    person: Person,
) -> Result<RemovalProof, SyncError> {
    let user = deps.graph.user(&run.access.graph, person.object).await?;
    if user.is_some() {
        return Ok(RemovalProof::Proven);
    }
    let index = PersonIndex::new(deps.store.as_ref(), run.tenant());
    index.observe_user(person.object, None, deps.clock.now()).await?;
    Ok(RemovalProof::Missing)
}
