//! The parts of a cycle, their order, and the effects of a failed one.

use std::fmt;

use super::context::Cycle;
use super::lease::Extent;
use super::outage::Recovery;
use super::{
    SyncError, backfill, due, files_consent, graph_delta, maintain, notify, people_scan,
    subscription, sweep, team_search, webex_events, webhooks,
};
use crate::tenant;
use crate::tenant::suspension::{self, Begun, Refusal, Suspension};
use clients::http::{Api, ErrorClass};

/// A part of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    WebexEvents,
    Due,
    Sweep,
    GraphDelta,
    ChangedPeople,
    PeopleScan,
    ServiceAccountTokens,
    FilesConsent,
    Webhooks,
    Subscription,
    Notify,
    Backfill,
    TeamSearch,
}

/// First part of every full cycle: nothing that fails later ends the sign-in.
const FIRST: &[Part] = &[Part::ServiceAccountTokens];

/// Parts of every cycle while the integration is switched on.
const EVERY_MINUTE: &[Part] = &[Part::WebexEvents, Part::Due, Part::Sweep];

/// Further parts of a full cycle, every five minutes.
const EVERY_FIVE_MINUTES: &[Part] = &[
    Part::GraphDelta,
    Part::ChangedPeople,
    Part::PeopleScan,
    Part::FilesConsent,
    Part::Webhooks,
    Part::Subscription,
    Part::Notify,
];

/// Further parts of a full cycle while the integration is switched off. People are counted, and
/// webhooks report from the moment at which it is switched on.
const WHILE_SWITCHED_OFF: &[Part] =
    &[Part::Webhooks, Part::Subscription, Part::PeopleScan, Part::Notify];

/// Last parts of every cycle while switched on: they use the calls that the others leave.
const IN_THE_BACKGROUND: &[Part] = &[Part::Backfill, Part::TeamSearch];

/// Runs the parts of a cycle in their order.
pub(super) async fn run_parts(cycle: &mut Cycle<'_>, extent: Extent) -> Result<(), SyncError> {
    if !maintain::try_resume(cycle, extent).await? {
        return Ok(());
    }
    let is_on = cycle.snapshot.settings.switched_on_at.is_some();
    let (every_minute, background) =
        if is_on { (EVERY_MINUTE, IN_THE_BACKGROUND) } else { (&[][..], &[][..]) };
    let (first, full) = match (extent, is_on) {
        (Extent::Minute, _) => (&[][..], &[][..]),
        (Extent::Full, true) => (FIRST, EVERY_FIVE_MINUTES),
        (Extent::Full, false) => (FIRST, WHILE_SWITCHED_OFF),
    };
    let parts = [first, every_minute, full, background].concat();
    // A minute's cycle runs few parts, which ends no outage of the others.
    if extent == Extent::Full {
        cycle.outages.end_other_parts(&parts, cycle.now());
    }
    for part in parts {
        // A backoff that began in an earlier part concerns all later ones.
        // Tokens are refreshed all the same: the account must not be signed out by that.
        if cycle.snapshot.throttled_until.is_some() && part != Part::ServiceAccountTokens {
            continue;
        }
        let mut outcome = run_part(cycle, part).await;
        if outcome.as_ref().is_err_and(|error| error.suspension_reason().is_some()) {
            // A token can end early: a new one is tried before the tenant is suspended.
            cycle.reconciler.sync.tokens.purge(cycle.tenant(), cycle.directory());
            outcome = run_part(cycle, part).await;
        }
        match outcome {
            Ok(()) => record_success(cycle, part).await?,
            Err(error) => record_failure(cycle, part, error).await?,
        }
        // Its cursors stay where they are, so later cycles read what happens meanwhile.
        if cycle.report.suspension.is_some() {
            return maintain::notify_suspension(cycle).await;
        }
    }
    Ok(())
}

async fn run_part(cycle: &mut Cycle<'_>, part: Part) -> Result<(), SyncError> {
    match part {
        Part::WebexEvents => webex_events::run(cycle).await,
        Part::Due => due::run(cycle).await,
        Part::Sweep => sweep::run(cycle).await,
        Part::GraphDelta => graph_delta::run(cycle).await,
        Part::ChangedPeople => people_scan::index_changed_people(cycle).await,
        Part::PeopleScan => people_scan::continue_scan(cycle).await,
        Part::ServiceAccountTokens => maintain::keep_tokens_alive(cycle).await,
        Part::FilesConsent => files_consent::run(cycle).await,
        Part::Webhooks => webhooks::run(cycle).await,
        Part::Subscription => subscription::run(cycle).await,
        Part::Notify => notify::run(cycle).await,
        Part::Backfill => backfill::run(cycle).await,
        Part::TeamSearch => team_search::run(cycle).await,
    }
}

/// Clears earlier refusals and failures of this part, which works now.
async fn record_success(cycle: &mut Cycle<'_>, part: Part) -> Result<(), SyncError> {
    if cycle.outages.record_success(part, cycle.now()) == Recovery::AfterLong {
        // Links that failed meanwhile wait for up to an hour.
        let sweep = sweep::start(cycle.tenant(), cycle.now())?;
        cycle.store().write(vec![sweep]).await?;
    }
    // The service answers the tenant: who is throttled from now on is so alone.
    if let Some(api) = part.answers_for().filter(|api| cycle.snapshot.throttled_by.contains(api)) {
        tenant::drop_refusals(cycle.store(), cycle.tenant(), api).await?;
    }
    let is_this = |refused: &mut Suspension| refused.unconfirmed == Some(part.to_string());
    if cycle.snapshot.unconfirmed.take_if(is_this).is_some() {
        suspension::end(cycle.store(), cycle.tenant()).await?;
    }
    Ok(())
}

/// Records the error of a part, with its effect on the tenant: a backoff or a suspension.
///
/// # Errors
/// The part's own error, if the table or the queue is out of reach: no part can run without them.
async fn record_failure(
    cycle: &mut Cycle<'_>,
    part: Part,
    error: SyncError,
) -> Result<(), SyncError> {
    let (tenant, now) = (cycle.tenant(), cycle.now());
    let Some(class) = error.class() else { return Err(error) };
    if part.reads_a_service() {
        cycle.outages.record_failure(part, &error, now);
    }
    let reason = error.to_string();
    if let ErrorClass::ThrottledUntil(until) = class {
        let until = tenant::back_off(cycle.store(), tenant, error.api(), until, now).await?;
        cycle.snapshot.throttled_until = Some(until);
    }
    if let Some(why) = error.suspension_reason().filter(|_| part.proves_access()) {
        let refusal = Refusal { why, of: part.to_string(), said: reason.clone() };
        let begun = suspension::begin(cycle.store(), tenant, refusal, now).await?;
        cycle.report.suspension = (begun != Begun::NotYet).then_some(why);
        if begun == Begun::Now {
            tracing::error!(
                event = "tenant_suspended",
                %tenant,
                ?why,
                reason,
                "suspended a tenant"
            );
        }
    }
    tracing::warn!(
        event = "cycle_part_failed",
        %tenant,
        %part,
        reason,
        "failed to run a part of a reconciliation cycle"
    );
    cycle.report.failures.push(format!("{part}: {reason}"));
    Ok(())
}

impl Part {
    /// Returns `true` if the part fails only if its service fails for the whole tenant.
    fn reads_a_service(self) -> bool {
        matches!(
            self,
            Self::WebexEvents | Self::GraphDelta | Self::ChangedPeople | Self::PeopleScan
        )
    }

    /// Returns the API that throttles no one but single links if the part works.
    fn answers_for(self) -> Option<Api> {
        match self {
            Self::WebexEvents => Some(Api::Webex),
            Self::GraphDelta => Some(Api::Graph),
            _ => None,
        }
    }

    /// Returns `true` if a refused call of this part means that the tenant lost a permission.
    fn proves_access(self) -> bool {
        matches!(
            self,
            Self::WebexEvents
                | Self::GraphDelta
                | Self::ChangedPeople
                | Self::PeopleScan
                | Self::ServiceAccountTokens
        )
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebexEvents => "webex-events",
            Self::Due => "due",
            Self::Sweep => "sweep",
            Self::GraphDelta => "graph-delta",
            Self::ChangedPeople => "changed-people",
            Self::PeopleScan => "people-scan",
            Self::ServiceAccountTokens => "service-account-tokens",
            Self::FilesConsent => "files-consent",
            Self::Webhooks => "webhooks",
            Self::Subscription => "subscription",
            Self::Notify => "notify",
            Self::Backfill => "backfill",
            Self::TeamSearch => "team-search",
        })
    }
}
