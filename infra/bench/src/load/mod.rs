//! Load: webhooks per second in real time over HTTP; bursts, a large team and a throttled tenant in
//! simulated time.

mod loaded;
mod throttled;
mod volume;
mod webhooks;

use std::fmt::{Display, Formatter};
use std::time::Duration;

pub use throttled::{Throttled, throttled};
pub use volume::{Burst, LargeTeam, burst, large_team};
pub use webhooks::{Rate, Webhooks, webhooks};

use crate::BenchError;
use crate::machine::where_and_when;

/// All load measurements, in the published sizes.
#[derive(Debug, Clone)]
pub struct Load {
    /// 1,000 webhooks per second for a minute.
    pub webhooks: Webhooks,
    /// 5,000 people join one team.
    pub burst: Burst,
    /// A team of 5,000.
    pub large: LargeTeam,
    /// 100 tenants, one of them throttled for an hour.
    pub throttled: Throttled,
}

/// Measures everything; takes some minutes.
///
/// # Errors
/// If something does not happen that a measurement waits for.
pub async fn load() -> Result<Load, BenchError> {
    let rate = Rate { per_second: 1_000, seconds: 60, tenants: 20, teams: 50 };
    Ok(Load {
        webhooks: webhooks(rate).await?,
        burst: burst(5_000).await?,
        large: large_team(5_000).await?,
        throttled: throttled(100).await?,
    })
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// The measurements as a Markdown table.
impl Display for Load {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "Measured {}.\n", where_and_when())?;
        writeln!(out, "| what | figures |\n| --- | --- |")?;
        self.webhooks.fmt(out)?;
        let Self { burst, large, throttled, .. } = self;
        writeln!(
            out,
            "| {} people join one team at once | webhooks: {}; team syncs: {}; writes to Graph: \
             {}; all in the group after {} s of simulated time |",
            burst.people, burst.webhooks, burst.sync_runs, burst.graph_writes, burst.seconds
        )?;
        writeln!(
            out,
            "| a new team of {} people | all in its group after {} s of simulated time; \
             calls to Webex: {}, to Graph: {}; a sync without changes: {} calls, {} of real time |",
            large.people,
            large.seconds,
            large.webex,
            large.graph,
            large.calls_per_sync,
            milliseconds(large.time_per_sync)
        )?;
        writeln!(
            out,
            "| {} tenants, one of them throttled for an hour | people who join a team of another \
             tenant are in its group after {} s of simulated time at most, without throttling \
             after {} s; calls to Graph for the throttled tenant in that hour: {}; \
             it is in sync {} s after the hour |",
            throttled.tenants,
            throttled.slowest,
            throttled.slowest_without,
            throttled.calls_meanwhile,
            throttled.in_sync_after
        )
    }
}

impl Display for Webhooks {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Rate { per_second, seconds, tenants, teams } = self.rate;
        writeln!(
            out,
            "| {per_second} webhooks per second for {seconds} seconds, over HTTP, for {tenants} \
             tenants with {teams} teams each | {} of {} answered 2xx; {} messages queued, \
             {} team syncs; teams without a sync after their last webhook: {}; \
             dead letters: {} |",
            self.taken, self.sent, self.queued, self.sync_runs, self.lost, self.dead
        )?;
        writeln!(
            out,
            "| from the moment a webhook is due to its answer, with {} for the queue \
             | p50 {}, p99 {}, slowest {} |",
            milliseconds(webhooks::QUEUE_LATENCY),
            milliseconds(self.p50),
            milliseconds(self.p99),
            milliseconds(self.slowest)
        )?;
        writeln!(
            out,
            "| concurrent invocations | {:.1} on average, {} at most |",
            self.concurrency, self.peak_concurrency
        )?;
        let [start, middle, end] = self.memory;
        writeln!(
            out,
            "| memory of functions, simulated services, table and queue together, at the start, \
             in the middle and at the end | {start}, {middle}, {end} |"
        )
    }
}
