//! A run over the messages that wait for a tenant.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::context::load_link;
use super::dispatch::{handle_job, team_of, unless_unusable};
use super::types::TenantContext;
use super::waiting::{AT_ONCE, Handled, Order, PAUSE, Waiting, report_dropped};
use super::{Deps, SyncError};
use clients::http::{CALL_TIMEOUT, Deadline};
use store::message::Message;
use store::table::{Condition, Key, Write};

/// Messages that are handled at the same time, as many as a batch of the queue has.
const AT_A_TIME: usize = 10;

/// Longest pause of a message that is refused again and again.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// Works off the messages that wait for a tenant while it has room, and plans the next run.
pub(super) async fn work_off(
    deps: &Deps,
    message: &Message,
    deadline: Deadline,
) -> Result<(), SyncError> {
    let tenant = message.tenant;
    let loaded = deps.load_context(tenant, None, deadline).await?;
    let Some((context, _)) = loaded else { return Ok(()) };
    // Off means no work: the messages wait on, and expire after a day at most.
    if context.settings.switched_on_at.is_none() {
        return Ok(());
    }
    if let Some(until) = context.throttled_until {
        return deps.plan_run(tenant, until).await;
    }
    // Before the messages: a plan that is still the same says that none began to wait meanwhile.
    let plan = deps.load_plan(tenant).await?;
    let portion = deps.load_portion(tenant).await?;
    let mut next = portion.next;
    for some in portion.due.chunks(AT_A_TIME) {
        // The first reading of a message can wait for one call, and the next of it for another.
        if !context.deadline.leaves_time(deps.clock.now(), CALL_TIMEOUT * 2) {
            next = Some(deps.clock.now() + AT_ONCE);
            break;
        }
        let handled = join_all(some.iter().map(|(_, one)| handle(deps, &context, one))).await;
        let mut ends = None;
        for ((key, waiting), handled) in some.iter().zip(handled) {
            match settle(deps, key, waiting, handled?).await? {
                After::GoOn => {}
                After::Later(at) => next = Some(next.map_or(at, |next| next.min(at))),
                After::End(until) => ends = ends.max(Some(until)),
            }
        }
        // Without room for one message, the tenant has none for the others.
        if ends.is_some() {
            next = ends;
            break;
        }
    }
    match next {
        Some(at) => deps.plan_run(tenant, at).await,
        None => Ok(deps.end_runs(tenant, plan).await?),
    }
}

async fn handle(
    deps: &Deps,
    context: &TenantContext,
    waiting: &Waiting,
) -> Result<Handled, SyncError> {
    let message = &waiting.message;
    let row = match team_of(&message.job) {
        Some(team) => load_link(deps, message.tenant, team).await,
        None => Ok(None),
    };
    let handled = match row {
        Ok(row) => handle_job(deps, context, message, row).await,
        Err(error) => Err(error.into()),
    };
    unless_unusable(message, Handled::Done, handled)
}

/// Consequence of handling one message, for the run.
enum After {
    GoOn,
    /// Another run at this moment.
    Later(Timestamp),
    /// The end of this run, and another one at this moment.
    End(Timestamp),
}

/// Deletes a message that was handled, or stores when it is handled again.
async fn settle(
    deps: &Deps,
    key: &Key,
    waiting: &Waiting,
    handled: Handled,
) -> Result<After, SyncError> {
    let now = deps.clock.now();
    let deletion = Write::Delete(key.clone(), Condition::Any);
    let (at, after) = match handled {
        Handled::Done => {
            deps.store.write(vec![deletion]).await?;
            return Ok(After::GoOn);
        }
        Handled::NoRoom(until) => return Ok(After::End(until.max(now + PAUSE))),
        Handled::Throttled { until, again } => (again, After::End(until)),
        // The pauses double with the time it has waited.
        Handled::Again(at) => {
            let at = at.max(now + now.duration_since(waiting.since).min(LONGEST_PAUSE));
            (at, After::Later(at))
        }
    };
    let again = waiting.put(waiting.message.tenant, Order::At(at))?;
    if again.is_none() {
        report_dropped(&waiting.message);
    }
    // In one transaction, so that a crash neither loses nor doubles the message.
    deps.store.write(again.into_iter().chain([deletion]).collect()).await?;
    Ok(after)
}
