//! Current time and waiting. Every wait goes through a [`Clock`], so that tests simulate days in
//! seconds.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Source of the current time, and of waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
    /// Returns when `pause` has passed.
    async fn sleep(&self, pause: Duration);
}

/// Clock that moves only when code sleeps or calls [`advance`](Self::advance). A sleep moves it for
/// all users.
#[derive(Debug)]
pub struct SimulatedClock(AtomicI64);

impl SimulatedClock {
    /// Returns a clock that shows `start`, to the millisecond.
    pub fn starting_at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_millisecond()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Moves the clock forward to `moment`. A moment in the past changes nothing.
    pub fn advance_to(&self, moment: Timestamp) {
        // Time never runs back, also when several tasks wait for different moments.
        self.0.fetch_max(moment.as_millisecond(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, pause: Duration) {
        self.advance(pause);
    }
}
