//! The state of a team's folders besides its spaces.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codes::FolderBlocker;
use clients::graph::DriveId;
use domain::ids::GroupId;

/// Interval between full folder runs without a request: every seventh daily one.
pub const FULL_SYNC_INTERVAL: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Pauses in seconds after one failure, two, and so on. A site comes within minutes to days.
const PAUSES: [i64; 11] = [30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/// The state of a team's folders besides its spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Folders {
    /// The group's document library, once it exists.
    pub library: Option<Library>,
    /// The obstacle to all folders.
    pub blocker: Option<Blocked>,
    /// The beginning of a full folder run that is not finished.
    pub full_sync_since: Option<Timestamp>,
    /// The beginning of the last finished full folder run.
    pub full_sync_at: Timestamp,
    /// The first of the folder runs in a row that a service throttled.
    pub throttled_since: Option<Timestamp>,
    /// The alert that folders fail.
    pub alert: AlertState,
}

/// The state of an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertState {
    /// There is no alert.
    #[default]
    None,
    /// The alert is raised.
    Raised,
}

/// A group's document library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// The group. A link can get another one.
    pub group: GroupId,
    /// The library's id.
    pub drive: DriveId,
    /// The address at which people open it.
    pub url: String,
}

/// An obstacle to all folders of a team, and how long it has lasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// The obstacle.
    pub by: FolderBlocker,
    /// The service's answer, with its request id.
    pub said: Option<String>,
    /// The first folder run that ended so.
    pub since: Timestamp,
    /// The number of folder runs that ended so.
    pub tries: usize,
}

impl Folders {
    /// Records an obstacle. The same one keeps its beginning and counts on.
    pub fn record_blocker(&mut self, by: FolderBlocker, said: Option<String>, now: Timestamp) {
        // Only the same blocker grows the pause.
        let before = self.blocker.as_ref().filter(|before| before.by == by);
        let (since, tries) = before.map_or((now, 0), |before| (before.since, before.tries));
        self.blocker = Some(Blocked { by, said, since, tries: tries + 1 });
    }

    /// Returns `true` if every space is to be compared.
    pub(crate) fn is_full_sync_due(&self, full_requested_at: Timestamp, now: Timestamp) -> bool {
        // A full sync that was cut off goes on.
        self.full_sync_since.is_some()
            || full_requested_at > self.full_sync_at
            || self.full_sync_at == Timestamp::UNIX_EPOCH
            || now >= self.full_sync_at + FULL_SYNC_INTERVAL
    }
}

/// Returns the pause before the next try, after so many failures.
pub(crate) fn pause(tries: usize) -> SignedDuration {
    SignedDuration::from_secs(PAUSES[tries.saturating_sub(1).min(PAUSES.len() - 1)])
}
