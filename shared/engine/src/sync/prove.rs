//! Proof before removal: gone as a member, and still there as a person.

use super::look::Look;
use super::{Sync, SyncError};
use crate::people::{PersonIndex, object_of};
use clients::http::Class;
use clients::webex::ScimState;
use domain::membership::Side;
use domain::merge::{Draft, Held};

/// Whether somebody may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Proven,
    Lacking,
}

impl Sync {
    /// Leaves out of the draft whoever cannot be proven to be still a person: leavers are the directory's business.
    pub(super) async fn prove(&self, look: &Look<'_>, draft: &mut Draft) -> Result<(), SyncError> {
        for removal in draft.removals().collect::<Vec<_>>() {
            let proof = match removal.side {
                Side::Group => self.is_still_in_webex(look, removal).await,
                Side::Team => self.is_still_in_entra(look, removal).await,
            };
            match proof {
                Ok(Proof::Proven) => {}
                Ok(Proof::Lacking) => draft.leave_out(removal.person),
                // An officer who lost a role proves nothing: nobody is removed, everything else goes on.
                Err(SyncError::Call(error))
                    if matches!(error.class(), Class::Permanent | Class::NeedsAdministrator) =>
                {
                    tracing::warn!(tenant = %look.desk.tenant.tenant, team = %look.link.team, person = %removal.person.object, %error, "a removal cannot be proven");
                    draft.leave_out(removal.person);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn is_still_in_webex(&self, look: &Look<'_>, Held { person, .. }: Held) -> Result<Proof, SyncError> {
        let account = self.webex.scim_user(&look.calls.webex, look.desk.tenant.org, person.person).await?;
        if account
            .as_ref()
            .is_some_and(|account| account.state() == ScimState::SignedIn && object_of(account) == Some(person.object))
        {
            return Ok(Proof::Proven);
        }
        self.look_up_person(look.desk, look.calls, person.person).await?;
        Ok(Proof::Lacking)
    }

    async fn is_still_in_entra(&self, look: &Look<'_>, Held { person, .. }: Held) -> Result<Proof, SyncError> {
        let user = self.graph.user(&look.calls.graph, person.object).await?;
        if user.is_some() {
            return Ok(Proof::Proven);
        }
        let index = PersonIndex::new(self.store.as_ref(), look.desk.tenant.tenant);
        index.observe_user(person.object, None, self.clock.now()).await?;
        Ok(Proof::Lacking)
    }
}
