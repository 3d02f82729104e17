//! People: those whose Webex account changed lately, and once a day everybody. Who is on no page is not gone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Report, Round, Rounds, SyncError};
use crate::people::{Census, CensusOf, Known, Observation, PersonIndex, object_of};
use crate::tenant::{self};
use clients::graph::User;
use clients::http::Deadline;
use clients::webex::{ScimOrder, ScimUser};
use domain::ids::{ObjectId, PersonId, TenantId};
use domain::membership::LeftOut;
use store::keys;
use store::table::{Condition, Write, from_item, milliseconds, to_item};

/// People that are asked for in one call; how many come is up to the service.
const PAGE: usize = 500;

/// Of those who changed, a page is small: mostly there are none.
const CHANGED_PAGE: usize = 100;

/// Rounds in a day that read people.
const ROUNDS_A_DAY: usize = 288;

/// Pages of a round while nobody knows everybody yet.
const FIRST_PAGES: usize = 10;

/// Pages of changed people in one round; where more changed, a pass over everybody is quicker.
const CHANGED_PAGES: usize = 20;

/// A change can appear this much later than it says.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// Where the pass over everybody stands.
#[derive(Clone, Serialize, Deserialize)]
struct PassCursor {
    start_index: usize,
    /// People of the organization, as the last page said.
    total: usize,
    haste: Haste,
    /// Whom it has counted so far.
    #[serde(default)]
    census: Census,
}

/// How fast the pass goes.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Haste {
    /// Nobody knows everybody yet: it is the first pass, and nobody has become anything.
    First,
    /// Very many changed.
    Hurried,
    /// One pass a day.
    Daily,
}

impl Default for PassCursor {
    fn default() -> Self {
        Self { start_index: 1, total: 0, haste: Haste::First, census: Census::default() }
    }
}

/// What taking some accounts in has shown.
#[derive(Default)]
struct Taken {
    /// Whom of them the directory knows.
    directory: BTreeMap<ObjectId, Option<User>>,
    /// What is known of each.
    seen: Vec<Known>,
    /// Who else takes part otherwise since: why he did not before, and does not now.
    others: Vec<(PersonId, Option<LeftOut>, Option<LeftOut>)>,
}

#[derive(Serialize, Deserialize)]
struct ChangedCursor {
    #[serde(with = "milliseconds")]
    read_to: Timestamp,
}

impl Rounds {
    /// Reads everybody anew, at once: for whoever cannot wait for the pass of the day.
    pub async fn see_everybody(&self, tenant: TenantId, deadline: Deadline) -> Result<(), SyncError> {
        let at_hand = tenant::at_hand(self.sync.store.as_ref(), tenant, &[], self.sync.clock.now()).await?;
        let Some((at_hand, _)) = at_hand else { return Ok(()) };
        let mut round = Round { rounds: self, at_hand, deadline, report: Report::default() };
        round.hurry().await?;
        while round.pass_cursor().await?.haste != Haste::Daily && round.has_time() {
            round.pass().await?;
        }
        Ok(())
    }
}

impl Round<'_> {
    /// Takes everybody in whose account changed since the cursor, the last changed first.
    pub(super) async fn changed_people(&mut self) -> Result<(), SyncError> {
        let key = keys::cursor(self.tenant(), "changed-people");
        let cursor: Option<ChangedCursor> = self.store().get(&key).await?.map(from_item).transpose()?;
        // What is older is the first pass's.
        let read_to = cursor.map_or(self.now(), |cursor| cursor.read_to);
        let access = self.webex().await?;
        let (mut start, mut newest, mut pages) = (1, read_to, 0);
        loop {
            let (scim, org) = (&self.rounds.sync.webex, self.at_hand.tenant.org);
            let page = scim.scim_page(&access, org, start, CHANGED_PAGE, ScimOrder::NewestFirst).await?;
            let count = page.users.len();
            let changed = |user: &ScimUser| user.last_modified.is_some_and(|at| at >= read_to - OVERLAP);
            let users: Vec<ScimUser> = page.users.into_iter().take_while(changed).collect();
            newest = users.iter().filter_map(|user| user.last_modified).fold(newest, Timestamp::max);
            let is_through = users.len() < count || count == 0 || start + count > page.total;
            self.take_in(&users).await?;
            (start, pages) = (start + count, pages + 1);
            if is_through {
                break;
            }
            if pages == CHANGED_PAGES || !self.has_time() {
                self.hurry().await?;
                break;
            }
        }
        // Whoever was brought in together with a thousand others is not read again and again until somebody else changes.
        let read_to = newest.max(self.now() - OVERLAP);
        let read_to = to_item(&key, &ChangedCursor { read_to })?;
        Ok(self.store().write(vec![Write::Put(read_to, Condition::Any)]).await?)
    }

    /// Goes on with the pass over everybody: a 288th of them, more while nobody knows everybody yet.
    pub(super) async fn pass(&mut self) -> Result<(), SyncError> {
        let mut cursor = self.pass_cursor().await?;
        let access = self.webex().await?;
        let (mut read, mut pages) = (0, 0);
        loop {
            let wanted = match cursor.haste {
                Haste::Daily => cursor.total.div_ceil(ROUNDS_A_DAY).clamp(1, PAGE),
                Haste::First | Haste::Hurried => PAGE,
            };
            let (scim, org) = (&self.rounds.sync.webex, self.at_hand.tenant.org);
            let page = scim.scim_page(&access, org, cursor.start_index, wanted, ScimOrder::ById).await?;
            let taken = self.take_in_during(cursor.haste, &page.users).await?;
            page.users.iter().for_each(|account| cursor.census.count(account, &taken.directory));
            taken.seen.iter().for_each(|known| cursor.census.sort(known.left_out()));
            // The pass goes by id: whoever comes first has been counted already.
            let first = page.users.first().map(|user| user.person);
            for (_, before, after) in taken.others.into_iter().filter(|(other, ..)| Some(*other) < first) {
                cursor.census.sort_again(before, after);
            }
            let next = cursor.start_index + page.users.len();
            let is_through = page.users.is_empty() || next > page.total;
            if is_through {
                let counted = CensusOf { at: self.now(), census: cursor.census };
                let counted = to_item(&keys::census(self.tenant()), &counted)?;
                self.store().write(vec![Write::Put(counted, Condition::Any)]).await?;
                cursor = PassCursor { total: page.total, haste: Haste::Daily, ..PassCursor::default() };
            } else {
                cursor = PassCursor { start_index: next, total: page.total, ..cursor };
            }
            self.keep_pass(&cursor).await?;
            (read, pages) = (read + page.users.len(), pages + 1);
            let is_enough = match cursor.haste {
                Haste::Daily => read >= cursor.total.div_ceil(ROUNDS_A_DAY),
                Haste::First | Haste::Hurried => pages == FIRST_PAGES,
            };
            if is_through || is_enough || !self.has_time() {
                return Ok(());
            }
        }
    }

    async fn hurry(&self) -> Result<(), SyncError> {
        let haste = match self.pass_cursor().await?.haste {
            Haste::First => Haste::First,
            Haste::Hurried | Haste::Daily => Haste::Hurried,
        };
        self.keep_pass(&PassCursor { haste, ..PassCursor::default() }).await
    }

    async fn pass_cursor(&self) -> Result<PassCursor, SyncError> {
        let kept = self.store().get(&keys::cursor(self.tenant(), "people")).await?;
        Ok(kept.map(from_item).transpose()?.unwrap_or_default())
    }

    async fn keep_pass(&self, cursor: &PassCursor) -> Result<(), SyncError> {
        let item = to_item(&keys::cursor(self.tenant(), "people"), cursor)?;
        Ok(self.store().write(vec![Write::Put(item, Condition::Any)]).await?)
    }

    async fn take_in(&mut self, users: &[ScimUser]) -> Result<(), SyncError> {
        let haste = self.pass_cursor().await?.haste;
        self.take_in_during(haste, users).await.map(drop)
    }

    /// Takes accounts into the index. Whoever can take part now has his teams looked at; that is asked for first, since a change that is kept is not seen again.
    async fn take_in_during(&mut self, haste: Haste, users: &[ScimUser]) -> Result<Taken, SyncError> {
        self.report.people += users.len();
        if users.is_empty() {
            return Ok(Taken::default());
        }
        let objects: BTreeSet<ObjectId> = users.iter().filter_map(object_of).collect();
        let mut directory: BTreeMap<ObjectId, Option<User>> = objects.iter().map(|object| (*object, None)).collect();
        if !objects.is_empty() {
            let access = self.graph().await?;
            let found = self.rounds.sync.graph.users(&access, &objects.into_iter().collect::<Vec<_>>()).await?;
            directory.extend(found.into_iter().map(|user| (user.id, Some(user))));
        }
        let index = PersonIndex::new(self.rounds.sync.store.as_ref(), self.tenant());
        let Observation { seen, changed, others, writes } = index.compare(users, &directory, self.now()).await?;
        if haste != Haste::First {
            let queue = self.rounds.sync.queue.as_ref();
            self.report.can_take_part += index.ask_for(queue, &changed, self.now()).await?;
        }
        index.keep(writes).await?;
        Ok(Taken { directory, seen, others })
    }
}
