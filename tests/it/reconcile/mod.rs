//! Reconciliation cycles: the periodic pass over one tenant.

mod alerts;
mod backoff;
mod changes;
mod cycle;
mod healing;
mod isolation;
mod isolation_operations;
mod person_failures;
mod suspension;
mod webhooks;

use clients::http::{Access, Deadline};
use clients::webex::{Webhook, WebhookOwner};
use jiff::SignedDuration;
use sim::Call;
use store::message::ReconcileRequest;

use crate::support::{MINUTE, TwoTenants};

const SIX_MINUTES: SignedDuration = SignedDuration::from_mins(6);

/// Drops all webhooks and notifications.
fn lose_all_events(env: &TwoTenants) {
    env.world().webex_settings(|settings| settings.deliveries_lost = 100);
    env.world().graph_settings(|settings| settings.notifications_lost = 100);
}

fn calls_to<'a>(calls: &'a [Call], path: &'a str) -> impl Iterator<Item = &'a Call> {
    calls.iter().filter(move |call| call.path.starts_with(path))
}

async fn account_access(env: &TwoTenants) -> Access {
    env.stack
        .sync()
        .tokens
        .webex(env.tenant(), env.handle.service_account, Deadline(env.now() + MINUTE))
        .await
        .unwrap()
}

/// Returns all webhooks of the tenant.
async fn webhooks(env: &TwoTenants) -> Vec<Webhook> {
    let access = account_access(env).await;
    let webex = &env.stack.sync().webex;
    let mut all = webex.webhooks(&access, WebhookOwner::Creator).await.unwrap();
    all.extend(webex.webhooks(&access, WebhookOwner::Org).await.unwrap());
    all
}

/// Runs a cycle of the first tenant outside of the schedule.
async fn run_cycle(env: &mut TwoTenants) -> engine::reconcile::CycleReport {
    env.advance_clock(5 * MINUTE);
    let request = ReconcileRequest { v: Default::default(), tenant: env.tenant(), at: env.now() };
    let deadline = Deadline(env.now() + MINUTE);
    env.stack.reconcile().run_cycle(&request, deadline).await.unwrap().expect("a cycle")
}
