//! Looks a second through one instance of the sync function, with both services as far away as they are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use jiff::SignedDuration;
use sandbox::house::{Ground, House, Reach};
use sandbox::load::every_team;
use sandbox::{Person, Role, World};
use store::message::{Ask, Cause, Message, Version};
use store::queue::Queue;

use crate::lambda::own_processor;
use crate::{NotMeasured, milliseconds, within};

/// From a call to its answer.
const AWAY: Duration = Duration::from_millis(50);

/// Messages of one batch: all looks of it start side by side.
const BATCH: usize = 10;

const BATCHES: usize = 60;

/// People of each team.
const PEOPLE: usize = 50;

/// Time between batches, in which the tenant's quota has room again; nobody waits for it here.
const APART: SignedDuration = SignedDuration::from_mins(1);

/// The services, at a distance.
struct Distant(Arc<dyn Transport>);

#[async_trait]
impl Transport for Distant {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        tokio::time::sleep(AWAY).await;
        self.0.send(request, timeout).await
    }
}

/// An instance of the sync function, and teams in step that it looks at.
struct Scene {
    house: House,
    tenant: TenantId,
    teams: Vec<TeamId>,
    newcomers: Vec<Person>,
}

#[derive(Clone, Copy)]
enum What {
    InStep,
    OneJoined,
}

pub(crate) async fn table() -> Result<String, NotMeasured> {
    let mut scene = Scene::set().await?;
    let mut rows = vec![];
    for (what, words) in [(What::InStep, "a team in step"), (What::OneJoined, "one person joined each team")] {
        let (mut took, processor) = (vec![], own_processor());
        for batch in 0..BATCHES {
            took.push(scene.batch(what, batch).await?);
        }
        let whole: Duration = took.iter().sum();
        took.sort_unstable();
        let looks = u32::try_from(BATCH * BATCHES).unwrap_or(u32::MAX);
        rows.push(format!(
            "| {words} | {:.0} | {}, {} | {} |",
            f64::from(looks) / whole.as_secs_f64(),
            milliseconds(within(&took, 50)),
            milliseconds(within(&took, 99)),
            milliseconds(own_processor().saturating_sub(processor) / looks)
        ));
    }
    Ok(format!(
        "{BATCHES} batches of {BATCH} messages, each about another team of {PEOPLE} people, one batch after the other; each call of Webex and Graph is answered after {}, the table at once.\n\n\
         | what is found | looks a second | a batch: half within, 99 % within | processor for each look, the simulated services' part included |\n\
         | --- | --- | --- | --- |\n{}",
        milliseconds(AWAY),
        rows.join("\n")
    ))
}

impl Scene {
    async fn set() -> Result<Self, NotMeasured> {
        let start =
            "2026-11-23T08:00:00Z".parse().map_err(|error: jiff::Error| NotMeasured::NotAsMeant(error.to_string()))?;
        let ground = Ground::new(start, 7);
        let world: World = ground.world.clone();
        let handle = world.add_tenant("Contoso");
        let people: Vec<_> = (0..PEOPLE).map(|n| world.add_person(&handle, &format!("Person {n}"))).collect();
        let newcomers: Vec<_> = (0..BATCHES).map(|n| world.add_person(&handle, &format!("Newcomer {n}"))).collect();
        let mut near = House::new(&ground)?;
        let tenant = near.sign_up(&handle, every_team()).await?;
        let mut teams = vec![];
        for n in 0..BATCH {
            let team = world.create_team(people[0].person, &format!("Team {n}"));
            for person in &people[1..] {
                world
                    .add_to_team(team, person.person, Role::Member)
                    .map_err(|error| NotMeasured::NotAsMeant(error.to_string()))?;
            }
            teams.push(team);
        }
        near.let_pass(APART * 90).await;
        let reach = Reach { transport: Arc::new(Distant(world.transport())), ..Reach::to(&ground) };
        let mut house = House::reaching_out(&ground, reach)?;
        house.take_over(near.tenants());
        Ok(Self { house, tenant, teams, newcomers })
    }

    /// Has all teams looked at once, and says how long that took.
    async fn batch(&mut self, what: What, batch: usize) -> Result<Duration, NotMeasured> {
        let Ground { clock, world, queue, .. } = self.house.ground();
        clock.advance(APART.unsigned_abs());
        if let What::OneJoined = what {
            for team in &self.teams {
                let joined = world.add_to_team(*team, self.newcomers[batch].person, Role::Member);
                joined.map_err(|error| NotMeasured::NotAsMeant(error.to_string()))?;
            }
        }
        // Only the messages of this batch are there; nobody delivers the webhooks.
        world.take_deliveries(clock.now());
        for leftover in queue.receive(usize::MAX) {
            queue.delete(leftover.receipt);
        }
        let message = |team: &TeamId| {
            let ask = Ask::Team { team: *team, region: None };
            Message { v: Version, tenant: self.tenant, at: clock.now(), cause: Cause::WebexWebhook, ask }
        };
        let messages: Vec<_> = self.teams.iter().map(message).collect();
        queue.send_all(&messages).await.map_err(|error| NotMeasured::NotAsMeant(error.to_string()))?;
        world.take_calls();
        let received = queue.receive(BATCH);
        let began = Instant::now();
        self.house.invoke_sync(received).await;
        let took = began.elapsed();
        let calls = self.house.ground().world.take_calls().len();
        let expected = BATCH
            * match what {
                What::InStep => 3,
                What::OneJoined => 4,
            };
        if calls < expected {
            return Err(NotMeasured::NotAsMeant(format!("{calls} calls for {BATCH} looks, not {expected}")));
        }
        Ok(took)
    }
}
