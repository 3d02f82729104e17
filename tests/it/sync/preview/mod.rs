//! Preview mode: changes are read, merged and shown, and nothing is written.

mod going_live;
mod shown;

use domain::ids::{GroupId, TeamId};
use engine::link::Link;
use engine::preview::{self, Preview, PreviewKind};
use engine::tenant::{Running, Settings};
use jiff::SignedDuration;
use sim::{Call, Kind};
use store::message::Trigger;

use crate::support::{MINUTE, TwoTenants, every_team};

fn preview_settings() -> Settings {
    Settings { running: Running::Preview, ..every_team() }
}

async fn load_preview(env: &TwoTenants, team: TeamId) -> Preview {
    preview::load(env.store(), env.tenant(), team, PreviewKind::SyncRun).await.unwrap().unwrap()
}

async fn load_link(env: &TwoTenants, team: TeamId) -> Link {
    env.link_row(team).await.unwrap().link
}

/// Clears the fields of a link that a preview may change.
fn without_preview_times(mut link: Link) -> Link {
    (link.previewed_at, link.preview_stored_at) = (None, None);
    link
}

fn assert_no_writes(env: &TwoTenants) {
    let writes: Vec<Call> =
        env.world().calls().into_iter().filter(|call| call.kind == Kind::Write).collect();
    let writes: Vec<String> =
        writes.iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    assert_eq!(writes, [""; 0]);
    env.assert_clean();
}

/// Syncs on an admin's request, and waits for what follows at once.
async fn sync_now(env: &mut TwoTenants, team: TeamId) {
    env.let_pass(SignedDuration::from_secs(1)).await;
    env.request_sync(team, Trigger::Administrator).await;
    env.let_pass(MINUTE).await;
}

/// Returns a linked team of six with these settings.
async fn linked_team(settings: Settings) -> (TwoTenants, TeamId, GroupId) {
    let mut env =
        TwoTenants::with_settings(9, Settings { running: Running::Live, ..settings.clone() }).await;
    let team = env.create_team("Linked", &env.people[..6]);
    env.let_pass(30 * MINUTE).await;
    let (group, _) = env.group();
    env.save_settings(settings).await;
    env.world().take_calls();
    (env, team, group)
}
