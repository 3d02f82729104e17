//! People: those whose Webex account changed lately, and all of them once a day. A person who is
//! on no page is not deleted: a page proves nothing about absence.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::SyncError;
use super::context::Cycle;
use super::cursor::{self, Stored};
use crate::people::{
    ExclusionChange, IndexChanges, IndexedPerson, PeopleCounts, PersonIndex, StoredPeopleCounts,
    object_of,
};
use clients::graph::User;
use clients::webex::{ScimOrder, ScimPage, ScimUser};
use domain::ids::ObjectId;
use store::keys;
use store::table::{Condition, Write, milliseconds, to_item};

/// Name of the cursor of the scan over all people.
const SCAN_CURSOR: &str = "people";

/// Name of the cursor of changed people.
const CHANGED_CURSOR: &str = "changed-people";

/// People requested per call; the service can return fewer.
const PAGE: usize = 500;

/// People requested per call for changed people: mostly there are none.
const CHANGED_PAGE: usize = 100;

/// Full cycles per day.
const CYCLES_PER_DAY: usize = 288;

/// Pages per cycle of a scan that is not the daily one.
const FAST_PAGES: usize = 10;

/// Pages of changed people per cycle; beyond that a scan of everyone is faster.
const CHANGED_PAGES: usize = 20;

/// Maximum delay with which a change appears.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// Position of the scan over all people.
#[derive(Clone, Serialize, Deserialize)]
struct ScanCursor {
    start_index: usize,
    /// People of the organization, as of the last page.
    total: usize,
    pace: ScanPace,
    /// Counts of the people scanned so far.
    #[serde(default)]
    people_counts: PeopleCounts,
}

/// Speed of the scan.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ScanPace {
    /// The first scan: it fills the index, and no one has become eligible.
    First,
    /// A scan after very many changes.
    Hurried,
    /// One scan per day.
    Daily,
}

impl ScanPace {
    /// Returns the people to read in one cycle of a daily scan.
    fn daily_share(total: usize) -> usize {
        total.div_ceil(CYCLES_PER_DAY)
    }

    fn page_size(self, total: usize) -> usize {
        match self {
            // A page of no one would never move the cursor.
            Self::Daily => Self::daily_share(total).clamp(1, PAGE),
            Self::First | Self::Hurried => PAGE,
        }
    }

    fn is_enough(self, read: usize, pages: usize, total: usize) -> bool {
        match self {
            Self::Daily => read >= Self::daily_share(total),
            Self::First | Self::Hurried => pages == FAST_PAGES,
        }
    }
}

impl Default for ScanCursor {
    fn default() -> Self {
        Self {
            // SCIM counts from 1.
            start_index: 1,
            total: 0,
            pace: ScanPace::First,
            people_counts: PeopleCounts::default(),
        }
    }
}

/// Accounts that were taken into the index.
#[derive(Default)]
struct IndexedPage {
    /// The directory's answer for each object id of the page.
    directory: BTreeMap<ObjectId, Option<User>>,
    /// The people of the page as the index has them now.
    seen: Vec<IndexedPerson>,
    /// Other people whose eligibility changed with them.
    others: Vec<ExclusionChange>,
}

#[derive(Serialize, Deserialize)]
struct ChangedCursor {
    #[serde(with = "milliseconds")]
    read_to: Timestamp,
}

/// Indexes all people at once.
pub(super) async fn scan_everyone(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    restart(cycle).await?;
    // The end of a fast scan sets the daily pace.
    while load(cycle).await?.pace != ScanPace::Daily && cycle.has_time() {
        continue_scan(cycle).await?;
    }
    Ok(())
}

/// Indexes the people whose account changed since the cursor, the last changed first.
pub(super) async fn index_changed_people(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    // The first scan covers everything before the first cursor.
    let read_to = match cursor::load::<ChangedCursor>(cycle, CHANGED_CURSOR).await? {
        Stored::Cursor(cursor) => cursor.read_to,
        Stored::Absent => cycle.now(),
        Stored::Unreadable => {
            restart(cycle).await?;
            cycle.now()
        }
    };
    let access = cycle.webex().await?;
    let (scim, org) = (&cycle.reconciler.sync.webex, cycle.snapshot.tenant.org);
    let (mut start, mut newest, mut pages) = (1, read_to, 0);
    loop {
        let order = ScimOrder::NewestFirst;
        let page = scim.scim_page(&access, org, start, CHANGED_PAGE, order).await?;
        let count = page.items_per_page;
        let known_from = read_to - OVERLAP;
        // An account without a readable time hides no other. Only the daily scan reads it.
        let times: Vec<Timestamp> =
            page.users.iter().filter_map(|user| user.last_modified).collect();
        let is_new = |user: &ScimUser| user.last_modified.is_some_and(|at| at >= known_from);
        let users: Vec<ScimUser> = page.users.into_iter().filter(is_new).collect();
        newest = times.iter().copied().fold(newest, Timestamp::max);
        let is_last = count == 0 || start + count > page.total;
        let is_through = is_last || times.iter().all(|at| *at < known_from);
        let pace = load(cycle).await?.pace;
        index_accounts(cycle, pace, &users).await?;
        (start, pages) = (start + count, pages + 1);
        if is_through {
            break;
        }
        if pages == CHANGED_PAGES || !cycle.has_time() {
            restart(cycle).await?;
            break;
        }
    }
    // Without the second bound, every cycle would read a mass import again until the next change.
    let read_to = newest.max(cycle.now() - OVERLAP);
    let cursor = cursor::put(cycle.tenant(), CHANGED_CURSOR, &ChangedCursor { read_to })?;
    Ok(cycle.store().write(vec![cursor]).await?)
}

/// Continues the scan over all people: by a 288th of them, or by ten pages of a faster scan.
pub(super) async fn continue_scan(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let mut cursor = load(cycle).await?;
    let access = cycle.webex().await?;
    let (scim, org) = (&cycle.reconciler.sync.webex, cycle.snapshot.tenant.org);
    let (mut read, mut pages) = (0, 0);
    loop {
        let (start, size) = (cursor.start_index, cursor.pace.page_size(cursor.total));
        let page = scim.scim_page(&access, org, start, size, ScimOrder::ById).await?;
        let indexed = index_accounts(cycle, cursor.pace, &page.users).await?;
        count_page(&mut cursor.people_counts, &page, indexed);
        // The service can return fewer than requested, so its own count moves the cursor.
        let next = start + page.items_per_page;
        let is_through = page.items_per_page == 0 || next > page.total;
        cursor = if is_through {
            store_counts(cycle, cursor.people_counts).await?;
            ScanCursor { total: page.total, pace: ScanPace::Daily, ..ScanCursor::default() }
        } else {
            ScanCursor { start_index: next, total: page.total, ..cursor }
        };
        // Page by page: a cycle that is cut off repeats one page at most.
        save(cycle, &cursor).await?;
        (read, pages) = (read + page.items_per_page, pages + 1);
        let is_enough = cursor.pace.is_enough(read, pages, cursor.total);
        if is_through || is_enough || !cycle.has_time() {
            return Ok(());
        }
    }
}

fn count_page(counts: &mut PeopleCounts, page: &ScimPage, indexed: IndexedPage) {
    page.users.iter().for_each(|account| counts.count(account, &indexed.directory));
    indexed.seen.iter().for_each(|known| counts.add_person(known.excluded()));
    // The scan goes by id: people before the page's first are counted already.
    let first = page.users.first().map(|user| user.person);
    for change in indexed.others.into_iter().filter(|change| Some(change.person) < first) {
        counts.replace_person(change.before, change.after);
    }
}

async fn store_counts(cycle: &Cycle<'_>, people_counts: PeopleCounts) -> Result<(), SyncError> {
    let counted = StoredPeopleCounts { at: cycle.now(), people_counts };
    let item = to_item(&keys::people_counts(cycle.tenant()), &counted)?;
    Ok(cycle.store().write(vec![Write::Put(item, Condition::Any)]).await?)
}

/// Restarts the scan, at a fast pace.
async fn restart(cycle: &Cycle<'_>) -> Result<(), SyncError> {
    let pace = match load(cycle).await?.pace {
        // In a faster scan, everyone whom the index lacks would count as newly eligible.
        ScanPace::First => ScanPace::First,
        ScanPace::Hurried | ScanPace::Daily => ScanPace::Hurried,
    };
    save(cycle, &ScanCursor { pace, ..ScanCursor::default() }).await
}

async fn load(cycle: &Cycle<'_>) -> Result<ScanCursor, SyncError> {
    Ok(match cursor::load(cycle, SCAN_CURSOR).await? {
        Stored::Cursor(cursor) => cursor,
        Stored::Absent => ScanCursor::default(),
        // How much was read is unknown, so everyone is read again, and soon.
        Stored::Unreadable => ScanCursor { pace: ScanPace::Hurried, ..ScanCursor::default() },
    })
}

async fn save(cycle: &Cycle<'_>, cursor: &ScanCursor) -> Result<(), SyncError> {
    Ok(cycle.store().write(vec![cursor::put(cycle.tenant(), SCAN_CURSOR, cursor)?]).await?)
}

/// Takes accounts into the index and requests syncs for people who became eligible. The requests
/// come first, since a stored change is not seen again.
async fn index_accounts(
    cycle: &mut Cycle<'_>,
    pace: ScanPace,
    users: &[ScimUser],
) -> Result<IndexedPage, SyncError> {
    cycle.report.people += users.len();
    if users.is_empty() {
        return Ok(IndexedPage::default());
    }
    let objects: BTreeSet<ObjectId> = users.iter().filter_map(object_of).collect();
    let mut directory: BTreeMap<ObjectId, Option<User>> =
        // An id that the directory does not return is known to be no user's.
        objects.iter().map(|object| (*object, None)).collect();
    if !objects.is_empty() {
        let (access, objects) = (cycle.graph().await?, objects.into_iter().collect::<Vec<_>>());
        let found = cycle.reconciler.sync.graph.users(&access, &objects).await?;
        directory.extend(found.into_iter().map(|user| (user.id, Some(user))));
    }
    let now = cycle.now();
    let index = PersonIndex::new(cycle.reconciler.sync.store.as_ref(), cycle.tenant());
    let IndexChanges { seen, changed, others, writes } =
        index.compare(users, &directory, now).await?;
    if pace != ScanPace::First {
        let queue = cycle.reconciler.sync.queue.as_ref();
        cycle.report.became_eligible += index.request_syncs(queue, &changed, now).await?;
    }
    index.save(writes).await?;
    Ok(IndexedPage { directory, seen, others })
}
