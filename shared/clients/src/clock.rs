//! Clock of the machine.

use std::time::Duration;

use async_trait::async_trait;
use domain::clock::Clock;
use jiff::Timestamp;

/// Clock that shows the machine's time and sleeps in real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
