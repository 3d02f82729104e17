//! The starting point of all measurements in simulated time.

use engine::tenant::{NewTeams, Settings};
use jiff::{SignedDuration, Timestamp};
use sandbox::local_stack::Backend;

use crate::BenchError;
use crate::error::unexpected;

/// One simulated minute.
pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The maximum simulated time that a measurement waits for a result.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_hours(12);

/// The moment at which simulated time starts.
const START: &str = "2026-11-23T08:00:00Z";

const SEED: u64 = 7;

/// Settings under which every new team gets a group.
pub fn every_team() -> Settings {
    Settings {
        switched_on_at: START.parse().ok(),
        new_teams: NewTeams::Every,
        ..Settings::default()
    }
}

/// An empty backend.
pub(crate) fn backend() -> Result<Backend, BenchError> {
    let start: Timestamp = START.parse().map_err(|error: jiff::Error| unexpected(error))?;
    Ok(Backend::new(start, SEED))
}

/// Checks that no call broke a rule, and that no message was given up.
pub(crate) fn assert_clean(backend: &Backend) -> Result<(), BenchError> {
    let (violations, dead) = (backend.world.violations(), backend.queue.dead_letters());
    if violations.is_empty() && dead.is_empty() {
        return Ok(());
    }
    Err(unexpected(format!("violations: {violations:?}, dead letters: {dead:?}")))
}
