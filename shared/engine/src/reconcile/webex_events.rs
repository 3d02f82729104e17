//! Webex's membership events since the cursor: the only source for teams without the service
//! account, and so for new teams.
//!
//! The cursor moves page by page, after the syncs of a page are queued. So a window that has more
//! pages than one cycle can read is read by several.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::call_allowance::{CallAllowance, CallPermit};
use super::context::Cycle;
use super::cursor::{self, Stored};
use super::{SyncError, sweep};
use clients::http::{CallError, CallFailure, ErrorClass};
use clients::webex::{EventsFrom, MembershipEvent, Region, SpaceClue};
use domain::ids::RoomId;
use store::message::{Job, Message, Trigger};
use store::table::milliseconds;

/// Name of the cursor.
const CURSOR: &str = "events";

/// Overlap of two windows, since events appear with a delay. An event that is read twice costs
/// nothing: its message is older than the last sync.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// Maximum lag of Webex's clock behind ours, and of its listings behind its events. An event that
/// is this much older than a reading may not be in it.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Length of the first window.
const FIRST_WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Length of the first window after a cursor that cannot be read. It mostly was a minute old.
const RECOVERED_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Longest window. After a suspension the cursor moves in such steps.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(6);

/// Age up to which events can be read without Webex's Pro Pack, less an hour for clock skew.
const READABLE: SignedDuration = SignedDuration::from_hours(90 * 24 - 1);

#[derive(Serialize, Deserialize)]
struct EventsCursor {
    /// The end of the last window that was read.
    #[serde(with = "milliseconds")]
    read_to: Timestamp,
    /// The window after it, if it is read in part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<OpenWindow>,
}

/// A window that several cycles read.
#[derive(Clone, Serialize, Deserialize)]
struct OpenWindow {
    #[serde(with = "milliseconds")]
    from: Timestamp,
    #[serde(with = "milliseconds")]
    to: Timestamp,
    /// The link to its next page; none before the first.
    next: Option<String>,
}

impl EventsCursor {
    /// Returns the window to read now.
    fn window(&self, now: Timestamp) -> OpenWindow {
        let from = (self.read_to - OVERLAP).max(now - READABLE);
        let whole = OpenWindow { from, to: now.min(from + LONGEST_WINDOW), next: None };
        self.open.clone().unwrap_or(whole)
    }

    /// Returns the cursor behind a page of `window`.
    fn behind(self, window: OpenWindow, next: Option<String>) -> Self {
        match next {
            Some(_) => Self { open: Some(OpenWindow { next, ..window }), ..self },
            None => Self { read_to: window.to, open: None },
        }
    }

    /// Returns the cursor before a window of half the length: the links of the whole one ended
    /// before its pages did.
    fn halved(self, window: OpenWindow) -> Self {
        let to = window.from + window.to.duration_since(window.from) / 2;
        Self { open: Some(OpenWindow { to, next: None, ..window }), ..self }
    }
}

/// The newest event of a space.
struct ChangedSpace {
    at: Timestamp,
    region: Region,
    /// The clearest clue of its events.
    clue: SpaceClue,
}

/// Queues a sync of every space with memberships that changed since the last window.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let now = cycle.now();
    let mut stored = load(cycle, now).await?;
    let access = cycle.webex().await?;
    let mut allowance = CallAllowance::of_events();
    let mut is_first = true;
    while stored.open.is_some() || stored.read_to < now {
        // A cycle reads at least one page. Further ones leave calls to the syncs.
        if !is_first && allowance.try_acquire(cycle, 1).await? == CallPermit::Later {
            return Ok(());
        }
        is_first = false;
        let window = stored.window(now);
        let from = match window.next.clone() {
            Some(link) => EventsFrom::Link(link),
            None => EventsFrom::Window { from: window.from, to: window.to },
        };
        let page = cycle.reconciler.sync.webex.membership_events_page(&access, from).await;
        stored = match page {
            Ok(page) => {
                let messages = requests_for(cycle, page.events);
                cycle.reconciler.sync.queue.send_all(&messages).await?;
                cycle.report.spaces += messages.len();
                stored.behind(window, page.next)
            }
            // The link of a page can end for good. A window without one asks the service again.
            Err(error) if window.next.is_some() && is_of_the_link(&error) => {
                cursor::report_reset(cycle.tenant(), CURSOR, &error.to_string());
                stored.halved(window)
            }
            Err(error) => return Err(error.into()),
        };
        cycle.store().write(vec![cursor::put(cycle.tenant(), CURSOR, &stored)?]).await?;
    }
    Ok(())
}

/// Returns `true` for an error that the link of a page can cause, and a window without one not.
fn is_of_the_link(error: &CallError) -> bool {
    // Without time, the service was not asked.
    let is_answer = !matches!(error.failure, CallFailure::NoTime);
    is_answer && matches!(error.class(), ErrorClass::Permanent | ErrorClass::Transient)
}

/// Loads the cursor. In place of one that cannot be read, the last day is read, and every link is
/// synced.
async fn load(cycle: &Cycle<'_>, now: Timestamp) -> Result<EventsCursor, SyncError> {
    let length = match cursor::load(cycle, CURSOR).await? {
        Stored::Cursor(cursor) => return Ok(cursor),
        Stored::Absent => FIRST_WINDOW,
        Stored::Unreadable => {
            let sweep = sweep::start(cycle.tenant(), now)?;
            cycle.store().write(vec![sweep]).await?;
            RECOVERED_WINDOW
        }
    };
    // The window takes the overlap off again.
    Ok(EventsCursor { read_to: now - length + OVERLAP, open: None })
}

/// Returns one message per space, with the time of its newest event.
fn requests_for(cycle: &Cycle<'_>, events: Vec<MembershipEvent>) -> Vec<Message> {
    let mut spaces: BTreeMap<RoomId, ChangedSpace> = BTreeMap::new();
    // A space of two people belongs to no team, so a reading of it would waste a call.
    for event in events.into_iter().filter(|event| event.clue.can_have_team()) {
        // A request from the future would be answered by no reading until then.
        let at = event.created.map_or(cycle.report.began, |created| created + SKEW);
        let at = at.min(cycle.now());
        let changed = ChangedSpace { at, region: event.room.region, clue: event.clue };
        let newest = spaces.entry(event.room.id).or_insert(changed);
        newest.at = newest.at.max(at);
        // One clear event is enough: the clue only decides which space is read first.
        if event.clue == SpaceClue::LikelyTeam {
            newest.clue = event.clue;
        }
    }
    let message = |(room, ChangedSpace { at, region, clue }): (RoomId, ChangedSpace)| Message {
        v: Default::default(),
        tenant: cycle.tenant(),
        at,
        trigger: Trigger::WebexEvent,
        job: Job::Room { room, region, clue },
    };
    spaces.into_iter().map(message).collect()
}
