//! A burst of joins and a large team, in simulated time.

use std::time::{Duration, Instant};

use clients::http::Deadline;
use sim::{Kind, MembershipRole, Service};
use store::message::{Job, Message, Trigger};

use super::loaded::{Loaded, sync_runs};
use crate::BenchError;
use crate::setup::MINUTE;

/// Many people join one team at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// People who join.
    pub people: usize,
    /// Webhooks they cause.
    pub webhooks: u64,
    /// Team syncs until all are in the group.
    pub sync_runs: usize,
    /// Calls to Graph that write.
    pub graph_writes: usize,
    /// Seconds until all are in the group.
    pub seconds: i64,
}

/// Lets this many people join a team of ten at once.
///
/// # Errors
/// If they are not in the group within half a day.
pub async fn burst(people: usize) -> Result<Burst, BenchError> {
    let mut loaded = Loaded::with(people + 10).await?;
    let team = loaded.create_team(&loaded.people[..10])?;
    loaded.stack.let_pass(MINUTE * 60).await;
    let webhooks = loaded.stack.invocations().webhook;
    loaded.take_calls();
    let world = loaded.stack.backend().world.clone();
    for person in &loaded.people[10..] {
        world.add_to_team(team, person.person, MembershipRole::Member)?;
    }
    let seconds = loaded.until_in_group(people + 10).await?;
    let calls = loaded.take_calls();
    let writes =
        calls.iter().filter(|call| call.service == Service::Graph && call.kind == Kind::Write);
    loaded.assert_clean()?;
    Ok(Burst {
        people,
        webhooks: loaded.stack.invocations().webhook - webhooks,
        sync_runs: sync_runs(&calls),
        graph_writes: writes.count(),
        seconds,
    })
}

/// A team with many people gets its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargeTeam {
    /// People of the team.
    pub people: usize,
    /// Seconds until all are in the group.
    pub seconds: i64,
    /// Calls to Webex until then.
    pub webex: usize,
    /// Calls to Graph until then.
    pub graph: usize,
    /// Calls of a sync without changes.
    pub calls_per_sync: usize,
    /// Real time of such a sync, with the simulated services' part.
    pub time_per_sync: Duration,
}

/// Creates a team of this many people.
///
/// # Errors
/// If they are not in the group within half a day.
pub async fn large_team(people: usize) -> Result<LargeTeam, BenchError> {
    let mut loaded = Loaded::with(people).await?;
    loaded.stack.let_pass(MINUTE * 30).await;
    loaded.take_calls();
    let team = loaded.create_team(&loaded.people)?;
    let seconds = loaded.until_in_group(people).await?;
    let calls = loaded.take_calls();
    let to = |service| calls.iter().filter(|call| call.service == service).count();
    loaded.stack.let_pass(MINUTE * 60).await;
    loaded.take_calls();
    let (tenant, at) = (loaded.tenant, loaded.now());
    let job = Job::Team { team, region: None };
    let message =
        Message { v: Default::default(), tenant, at, trigger: Trigger::Administrator, job };
    let began = Instant::now();
    loaded.stack.sync().handle(&message, Deadline(at + MINUTE)).await?;
    let time_per_sync = began.elapsed();
    let of_sync = loaded.take_calls();
    loaded.assert_clean()?;
    Ok(LargeTeam {
        people,
        seconds,
        webex: to(Service::Webex),
        graph: to(Service::Graph),
        calls_per_sync: of_sync.iter().filter(|call| call.service != Service::Entra).count(),
        time_per_sync,
    })
}
