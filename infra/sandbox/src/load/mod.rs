//! What the functions bear: webhooks by the second over real HTTP and in real time, and in simulated time a burst of joins, a large team, and a tenant that is throttled
//! beside others.

mod memory;
mod scenes;
mod webhooks;

use std::fmt::{Display, Formatter};
use std::time::Duration;

use jiff::Timestamp;

pub use memory::Memory;
pub use scenes::{Burst, LargeTeam, Throttled, burst, every_team, large_team, throttled};
pub(crate) use scenes::{MINUTE, ground, not_as_meant};
pub use webhooks::{Rate, Webhooks, webhooks};

use crate::costs::NotCounted;

/// Everything, in the sizes that the README tells of.
#[derive(Debug, Clone)]
pub struct Load {
    /// A thousand webhooks a second for a minute.
    pub webhooks: Webhooks,
    /// Five thousand joins of one team.
    pub burst: Burst,
    /// A team of five thousand.
    pub large: LargeTeam,
    /// A hundred tenants, of which one is throttled for an hour.
    pub throttled: Throttled,
}

/// On which day, and on what machine: whoever says how long something took says this.
pub fn where_and_when() -> String {
    let (processor, cores) = memory::machine();
    format!("on {:.10} with {cores} cores ({processor})", Timestamp::now().to_string())
}

/// Measures everything; takes some minutes.
///
/// # Errors
/// Where something does not come about that a measurement begins with.
pub async fn load() -> Result<Load, NotCounted> {
    let rate = Rate { per_second: 1_000, seconds: 60, tenants: 20, teams: 50 };
    Ok(Load {
        webhooks: webhooks(rate).await?,
        burst: burst(5_000).await?,
        large: large_team(5_000).await?,
        throttled: throttled(100).await?,
    })
}

impl Display for Load {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { webhooks, burst, large, throttled } = self;
        writeln!(out, "Measured {}.\n", where_and_when())?;
        writeln!(out, "| what | figures |\n| --- | --- |")?;
        let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let Rate { per_second, seconds, tenants, teams } = webhooks.rate;
        writeln!(
            out,
            "| {per_second} webhooks a second for {seconds} seconds, over HTTP, for {tenants} tenants with {teams} teams each | {} of {} answered 2xx; {} messages queued, {} looks; teams without a look after their last webhook: {}; dead letters: {} |",
            webhooks.taken, webhooks.sent, webhooks.queued, webhooks.looks, webhooks.lost, webhooks.dead
        )?;
        writeln!(
            out,
            "| from the moment a webhook is due to its answer, the queue taken for {} | median {}, 99 % within {}, slowest {} |",
            milliseconds(webhooks::QUEUE_TAKES),
            milliseconds(webhooks.median),
            milliseconds(webhooks.most),
            milliseconds(webhooks.slowest)
        )?;
        writeln!(
            out,
            "| concurrency that it took | {:.1} on average, {} at most |",
            webhooks.concurrency, webhooks.most_at_once
        )?;
        let [start, middle, end] = webhooks.memory;
        writeln!(
            out,
            "| memory of functions, simulated services, table and queue together, at the start, in the middle and at the end | {start}, {middle}, {end} |"
        )?;
        writeln!(
            out,
            "| {} people join one team at once | webhooks: {}; looks: {}; writes to Graph: {}; all of them in the group after {} s of simulated time |",
            burst.people, burst.webhooks, burst.looks, burst.graph_writes, burst.seconds
        )?;
        writeln!(
            out,
            "| a new team of {} people | all of them in its group after {} s of simulated time; calls of Webex: {}, of Graph: {}; a look at it in step: {} calls, {} by the wall |",
            large.people,
            large.seconds,
            large.webex,
            large.graph,
            large.calls_of_a_look,
            milliseconds(large.time_of_a_look)
        )?;
        writeln!(
            out,
            "| {} tenants, one of them throttled for an hour | whoever joins a team of another is in its group after {} s of simulated time at most, without the throttling after {} s; calls of Graph for the throttled one in that hour: {}; it is in step {} s after it |",
            throttled.tenants,
            throttled.slowest,
            throttled.slowest_without,
            throttled.calls_meanwhile,
            throttled.in_step_after
        )
    }
}
