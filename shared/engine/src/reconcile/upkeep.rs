//! What has to be kept alive, and a tenant that stands still.

use jiff::SignedDuration;

use super::turn::Extent;
use super::{Round, SyncError};
use crate::credentials::registration::Registration;
use crate::notify::{self, Matter};
use crate::tenant::suspension::{self, Standstill};
use clients::webex::ScimOrder;
use store::table::Write;

/// How long before its end a secret is worth a notice.
const NOTICED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The window of events that is read to see whether they may be read.
const PROBED: SignedDuration = SignedDuration::from_mins(1);

impl Round<'_> {
    /// Whether the tenant does not stand still, or no longer. While it does, nothing but that is asked, every five minutes: cursors stay where they are, so that everything
    /// that happens meanwhile is read afterwards.
    pub(super) async fn goes_on(&mut self, extent: Extent) -> Result<bool, SyncError> {
        let tenant = self.tenant();
        let Some(standstill) = self.at_hand.standstill.take() else { return Ok(true) };
        self.report.standstill = Some(standstill.why);
        if extent == Extent::Minute {
            return Ok(false);
        }
        self.rounds.sync.tokens.forget(tenant, self.directory());
        if let Err(error) = self.probe().await {
            let now = self.now();
            self.report.troubles.push(format!("Probe: {error}"));
            if let Some(why) = error.suspension_reason() {
                self.report.standstill = Some(why);
                suspension::begin(self.store(), tenant, why, error.to_string(), now).await?;
            } else {
                // Nobody knows: it stays as it is.
                suspension::begin(self.store(), tenant, standstill.why, standstill.said, now).await?;
            }
            self.tell_of_standstill().await?;
            return Ok(false);
        }
        tracing::info!(%tenant, since = %standstill.since, why = ?standstill.why, "the tenant goes on");
        suspension::end(self.store(), tenant).await?;
        (self.report.standstill, self.at_hand.shut_until) = (None, None);
        self.tell_that_it_goes_on(&standstill).await?;
        Ok(true)
    }

    /// One call with each of the rights that the integration lives on.
    async fn probe(&self) -> Result<(), SyncError> {
        let (sync, now) = (&self.rounds.sync, self.now());
        let (webex, graph) = (self.webex().await?, self.graph().await?);
        sync.webex.membership_events(&webex, None, now - PROBED, now).await?;
        sync.webex.scim_page(&webex, self.at_hand.tenant.org, 1, 1, ScimOrder::ById).await?;
        sync.graph.subscriptions(&graph).await?;
        Ok(())
    }

    /// Keeps the officer signed in, and says in time where that or our own secret comes to an end.
    pub(super) async fn officer_tokens(&mut self) -> Result<(), SyncError> {
        let tokens = &self.rounds.sync.tokens;
        let kept = tokens.keep_alive(self.tenant(), self.deadline).await;
        let ends = [
            (
                Matter::OfficerTokensEnd,
                kept.as_ref().ok().copied(),
                "The sign-in of the Webex account that the integration works with ends soon, and could not be renewed",
            ),
            (
                Matter::SecretEnds(Registration::Groups),
                tokens.secret_ends_at(Registration::Groups),
                "The secret with which the integration signs in to Microsoft 365 ends soon",
            ),
            (
                Matter::SecretEnds(Registration::Files),
                tokens.secret_ends_at(Registration::Files),
                "The secret with which the integration signs in to Microsoft 365 for folders ends soon",
            ),
        ];
        for (matter, end, what) in ends {
            let Some(end) = end else { continue };
            let is_near = end.duration_since(self.now()) < NOTICED_BEFORE;
            let is_known = notify::load(self.store(), self.tenant(), matter).await?.is_some();
            let change = match (is_near, is_known) {
                (true, false) => self.raised(matter, format!("{what}: {end:.0}."))?,
                (false, true) => notify::withdraw(self.tenant(), matter),
                _ => continue,
            };
            self.store().write(vec![change]).await?;
        }
        kept.map(drop).map_err(Into::into)
    }

    async fn tell_that_it_goes_on(&mut self, standstill: &Standstill) -> Result<(), SyncError> {
        let tenant = self.tenant();
        let was_told =
            notify::load(self.store(), tenant, Matter::Standstill).await?.is_some_and(|n| n.told_at.is_some());
        let mut changes = vec![notify::withdraw(tenant, Matter::Standstill)];
        if was_told {
            let text = format!("The integration works again. It had stood still since {:.0}.", standstill.since);
            changes.push(self.raised(Matter::GoesOn, text)?);
        }
        Ok(self.store().write(changes).await?)
    }

    /// Raises the notice of the standstill where it is new, and tells it if there is still a way.
    pub(super) async fn tell_of_standstill(&mut self) -> Result<(), SyncError> {
        let tenant = self.tenant();
        let Some(Standstill { why, since, .. }) = suspension::load(self.store(), tenant).await? else { return Ok(()) };
        let text = format!("{} Nothing is changed until then. (Since {since:.0})", why.line());
        let known = notify::load(self.store(), tenant, Matter::Standstill).await?;
        if known.is_none_or(|known| known.text != text) {
            let raised = self.raised(Matter::Standstill, text)?;
            self.store().write(vec![notify::withdraw(tenant, Matter::GoesOn), raised]).await?;
        }
        if let Err(error) = self.tell().await {
            self.report.troubles.push(format!("Tell: {error}"));
        }
        Ok(())
    }

    fn raised(&self, matter: Matter, text: String) -> Result<Write, SyncError> {
        Ok(notify::raise(self.tenant(), matter, text, "/".into(), self.now())?)
    }
}
