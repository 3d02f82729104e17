//! Team syncs per second through one instance of the sync function.
//!
//! Both services are at a distance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use jiff::SignedDuration;
use sandbox::local_stack::{Backend, Connections, LocalStack};
use sim::{MembershipRole, Person};
use store::message::{Job, Message, MessageVersion, Trigger};
use store::queue::Queue;

use super::format::{milliseconds, p50_p99};
use super::lambda::own_cpu_time;
use crate::BenchError;
use crate::error::unexpected;
use crate::setup::{backend, every_team};

/// The time from a call to its answer.
const LATENCY: Duration = Duration::from_millis(50);

/// Messages of a batch: their syncs run in parallel.
const BATCH: usize = 10;

const BATCHES: usize = 60;

/// People of each team.
const PEOPLE: usize = 50;

/// Simulated time between batches, in which the tenant's rate limit recovers.
const GAP: SignedDuration = SignedDuration::from_mins(1);

/// The services at a distance.
struct Distant(Arc<dyn Transport>);

#[async_trait]
impl Transport for Distant {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        tokio::time::sleep(LATENCY).await;
        self.0.send(request, timeout).await
    }
}

/// An instance of the sync function, and the teams it syncs.
struct Instance {
    stack: LocalStack,
    tenant: TenantId,
    teams: Vec<TeamId>,
    newcomers: Vec<Person>,
}

#[derive(Clone, Copy)]
enum Change {
    Nothing,
    OneJoined,
}

impl Change {
    /// The calls of a sync.
    fn calls(self) -> usize {
        match self {
            Self::Nothing => 3,
            Self::OneJoined => 4,
        }
    }
}

/// Measures the throughput of the sync function, as a Markdown table.
///
/// # Errors
/// If a sync makes fewer calls than it needs.
pub async fn syncs() -> Result<String, BenchError> {
    let mut instance = Instance::set_up().await?;
    let changes =
        [(Change::Nothing, "nothing"), (Change::OneJoined, "one person joined each team")];
    let mut rows = vec![];
    for (change, words) in changes {
        let (mut took, cpu) = (vec![], own_cpu_time());
        for batch in 0..BATCHES {
            took.push(instance.batch(change, batch).await?);
        }
        let total: Duration = took.iter().sum();
        took.sort_unstable();
        let syncs = u32::try_from(BATCH * BATCHES).unwrap_or(u32::MAX);
        rows.push(format!(
            "| {words} | {:.0} | {} | {} |",
            f64::from(syncs) / total.as_secs_f64(),
            p50_p99(&took),
            milliseconds(own_cpu_time().saturating_sub(cpu) / syncs)
        ));
    }
    Ok(format!(
        "{BATCHES} batches of {BATCH} messages, each about a different team of {PEOPLE} people, \
         one batch after the other; each call to Webex and Graph is answered after {}, the table \
         at once.\n\n\
         | changes | team syncs per second | a batch: p50, p99 \
         | CPU time of a sync, with the simulated services' part |\n\
         | --- | --- | --- | --- |\n{}",
        milliseconds(LATENCY),
        rows.join("\n")
    ))
}

impl Instance {
    async fn set_up() -> Result<Self, BenchError> {
        let backend = backend()?;
        let world = &backend.world;
        let handle = world.add_tenant("Contoso");
        let person = |n| world.add_person(&handle, &format!("Person {n}"));
        let people: Vec<_> = (0..PEOPLE).map(person).collect();
        let newcomer = |n| world.add_person(&handle, &format!("Newcomer {n}"));
        let newcomers: Vec<_> = (0..BATCHES).map(newcomer).collect();
        // The teams get their groups by an instance close to the services, which is faster.
        let mut near = LocalStack::new(&backend)?;
        let tenant = near.sign_up(&handle, every_team()).await?;
        let mut teams = vec![];
        for n in 0..BATCH {
            let team = world.create_team(people[0].person, &format!("Team {n}"));
            for person in &people[1..] {
                world.add_to_team(team, person.person, MembershipRole::Member)?;
            }
            teams.push(team);
        }
        near.let_pass(GAP * 90).await;
        let transport = Arc::new(Distant(world.transport()));
        let connections = Connections { transport, ..Connections::to(&backend) };
        let mut stack = LocalStack::with_connections(&backend, connections)?;
        stack.set_tenants(near.tenants());
        Ok(Self { stack, tenant, teams, newcomers })
    }

    /// Syncs all teams at once; returns the time it took.
    async fn batch(&mut self, change: Change, batch: usize) -> Result<Duration, BenchError> {
        let Backend { clock, world, queue, .. } = self.stack.backend();
        clock.advance(GAP.unsigned_abs());
        if let Change::OneJoined = change {
            for team in &self.teams {
                world.add_to_team(*team, self.newcomers[batch].person, MembershipRole::Member)?;
            }
        }
        // Only this batch's messages are to be received: webhooks and leftovers are dropped.
        world.take_deliveries(clock.now());
        for leftover in queue.receive(usize::MAX) {
            queue.delete(leftover.receipt);
        }
        let message = |team: &TeamId| {
            let job = Job::Team { team: *team, region: None };
            let (tenant, at) = (self.tenant, clock.now());
            Message { v: MessageVersion, tenant, at, trigger: Trigger::WebexWebhook, job }
        };
        let messages: Vec<_> = self.teams.iter().map(message).collect();
        queue.send_all(&messages).await.map_err(unexpected)?;
        world.take_calls();
        let received = queue.receive(BATCH);
        let began = Instant::now();
        self.stack.invoke_sync(received).await;
        let took = began.elapsed();
        let (calls, expected) = (world.take_calls().len(), BATCH * change.calls());
        if calls < expected {
            return Err(unexpected(format!("{calls} calls for {BATCH} syncs, not {expected}")));
        }
        Ok(took)
    }
}
