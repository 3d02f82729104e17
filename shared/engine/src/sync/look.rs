//! One look: the lease around it, and what becomes of it.

use jiff::{SignedDuration, Timestamp};

use super::read::Sight;
use super::record::Report;
use super::{Calls, Desk, Sync, SyncError};
use crate::folders::{self, Wish};
use crate::link::{self, Closing, Handed, Kept, Lease, Link, Phase, TroubleKind};
use crate::notify::{self, LinkNotice, Matter};
use crate::quota::Taken;
use crate::tenant::{self, Running};
use clients::http::{CALL_TIMEOUT, Class, Urgency};
use domain::ids::TenantId;
use domain::merge::{self, OWNER_LIMIT, RECENT, Retry};
use store::message::{Cause, Message};
use store::queue::LONGEST_DELAY;
use store::table::never;
use store::table::{Change, StoreError, Write, moment};

/// From how many owners on an administrator is told: who comes after the hundredth is a member only.
const NEARLY_ALL_OWNERS: usize = OWNER_LIMIT - 5;

/// How near the end of a group is told.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long a link is in trouble before an administrator is told.
const TOLD_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// How a look that could begin ended.
pub(super) enum End {
    /// In step, as far as it goes; the next look when this is due, at the latest daily.
    Looked { due: Option<Timestamp> },
    /// Something needs a moment: a young group, calls that no time was left for.
    Wait { until: Timestamp },
    /// The services' quotas leave no room for what it would write.
    PutOff { until: Timestamp },
    /// It cannot go on as it is.
    Trouble { kind: TroubleKind, reason: String },
}

/// How thorough a look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// A hint, or something of the link's own that was due.
    Ordinary,
    /// Once a day, when an administrator asks, and when somebody's state changed.
    Thorough,
    /// Nothing is done: an administrator waits for the page that says what would be.
    Shown,
}

/// A look under way.
pub(super) struct Look<'a> {
    pub(super) desk: &'a Desk,
    pub(super) lease: &'a Lease,
    pub(super) calls: &'a Calls,
    /// Whether this is the look of the day, which asks again about everybody who is left out and tries refused writes again.
    pub(super) occasion: Occasion,
    /// The moment of the reading.
    pub(super) started: Timestamp,
    pub(super) link: Link,
    pub(super) report: Report,
}

impl Look<'_> {
    /// Whether what a service refused is tried again.
    pub(super) fn retry(&self) -> Retry {
        if self.occasion == Occasion::Thorough { Retry::Everything } else { Retry::OwnRules }
    }
}

impl Sync {
    /// Deals with the wish for a look at a team that has a link.
    pub(super) async fn look_at(&self, desk: &Desk, message: &Message, kept: Kept) -> Result<(), SyncError> {
        let tenant = desk.tenant.tenant;
        let team = kept.link.team;
        let mut kept = kept;
        // Another lease can come in between each reading and writing, but not for ever: each of them ends.
        for _ in 0..8 {
            let now = self.clock.now();
            let hint = is_from_microsoft(message.cause).then_some(message.at);
            if matches!(kept.link.phase, Phase::Ended { .. }) {
                return self.rest(desk, &kept).await;
            }
            if kept.has_answered(message.at) {
                return self.confirm_later(desk, &kept, hint).await;
            }
            if kept.is_leased(now) {
                if link::want(self.store.as_ref(), tenant, &kept, message.at, hint).await? == Handed::Over {
                    return Ok(());
                }
            } else if let Some(until) = desk.shut_until {
                if self.put_off(desk, &kept, (message.at, Cause::Again), until).await? {
                    return Ok(());
                }
            } else if let Some(until) = self.waits_to_write(desk, message.cause, &kept) {
                if self.put_off(desk, &kept, (message.at, Cause::Due), until).await? {
                    return Ok(());
                }
            } else if let Taken::NotBefore(until) = self.afford_reading(desk, message.cause, team).await? {
                // A round asks again as soon as there is room, as many at a time as there is room for.
                let changes = vec![Change::Set("gsi1sk", moment(until))];
                if link::postpone(self.store.as_ref(), tenant, &kept, changes).await? {
                    return Ok(());
                }
            } else {
                let lease_until = desk.deadline.0 + SignedDuration::try_from(CALL_TIMEOUT).unwrap_or_default();
                if let Some((lease, taken)) =
                    link::take_lease(self.store.as_ref(), tenant, team, now, lease_until).await?
                {
                    return self.look(desk, message, &lease, taken).await;
                }
            }
            kept = match self.kept(tenant, team).await? {
                Some(kept) => kept,
                None => return Ok(()),
            };
        }
        Err(StoreError::Busy(format!("the link of team {team} changes too fast")).into())
    }

    /// A link that is over is not due any more, whatever was planned before.
    async fn rest(&self, desk: &Desk, kept: &Kept) -> Result<(), SyncError> {
        if kept.next_look < never() {
            let changes = vec![Change::Set("gsi1sk", moment(never()))];
            link::postpone(self.store.as_ref(), desk.tenant.tenant, kept, changes).await?;
        }
        Ok(())
    }

    /// A hint that came late, or twice: the reading is newer, but may have come from a replica that lags. One look when the lag is over.
    async fn confirm_later(&self, desk: &Desk, kept: &Kept, hint: Option<Timestamp>) -> Result<(), SyncError> {
        let Some(hint) = hint.filter(|hint| *hint > kept.hinted) else { return Ok(()) };
        let next_look = kept.next_look.min(hint + RECENT);
        let changes = vec![Change::Set("hinted", moment(hint)), Change::Set("gsi1sk", moment(next_look))];
        link::postpone(self.store.as_ref(), desk.tenant.tenant, kept, changes).await?;
        Ok(())
    }

    /// One delayed message per link stands for all wishes, and the link's next look behind it for the case that the message is lost.
    async fn put_off(
        &self,
        desk: &Desk,
        kept: &Kept,
        (at, cause): (Timestamp, Cause),
        until: Timestamp,
    ) -> Result<bool, SyncError> {
        let now = self.clock.now();
        if kept.delayed > now {
            return Ok(true);
        }
        let by_message = within_a_delay(until, now);
        let next_look = if by_message { until + SignedDuration::from_mins(2) } else { until };
        let mut changes = vec![Change::Set("gsi1sk", moment(next_look))];
        if by_message {
            changes.push(Change::Set("delayed", moment(until)));
        }
        let moved = link::postpone(self.store.as_ref(), desk.tenant.tenant, kept, changes).await?;
        if moved && by_message {
            self.ask_again(desk.tenant.tenant, &kept.link, (at, cause), until).await?;
        }
        Ok(moved)
    }

    async fn look(&self, desk: &Desk, message: &Message, lease: &Lease, kept: Kept) -> Result<(), SyncError> {
        let started = self.clock.now();
        let calls = match self.calls(desk).await {
            Ok(Calls { webex, graph }) => Calls { webex, graph: graph.urgent(urgency(message.cause)) },
            Err(error) => {
                let end = self.failed(desk, &kept.link, error).await?;
                return self
                    .close(
                        desk,
                        message,
                        lease,
                        &kept,
                        kept.link.clone(),
                        Report::of(started, message.cause),
                        (started, end),
                    )
                    .await;
            }
        };
        let is_daily = last_daily(desk, &kept.link).is_none_or(|at| started >= daily_after(kept.link.team, at));
        let is_asked_for = matches!(message.cause, Cause::Administrator | Cause::Person);
        let occasion = if is_daily || is_asked_for { Occasion::Thorough } else { Occasion::Ordinary };
        let mut look = Look {
            occasion,
            desk,
            lease,
            calls: &calls,
            started,
            link: kept.link.clone(),
            report: Report::of(started, message.cause),
        };
        let end = match self.look_through(&mut look).await {
            Ok(end) => end,
            Err(error) => self.failed(desk, &look.link, error).await?,
        };
        look.report.activity.request_ids =
            [calls.webex.written_request_ids(), calls.graph.written_request_ids()].concat();
        let Look { link, report, .. } = look;
        self.close(desk, message, lease, &kept, link, report, (started, end)).await
    }

    async fn look_through(&self, look: &mut Look<'_>) -> Result<End, SyncError> {
        let is_over = matches!(look.link.phase, Phase::Ended { .. });
        if look.desk.settings.running == Running::Preview && !is_over {
            return self.preview(look).await;
        }
        match look.link.phase {
            Phase::Asked { .. } => self.ask_creator(look).await,
            Phase::Creating { .. } | Phase::Linked { .. } => match self.read(look).await? {
                Sight::Clear(reading) => self.carry_over(look, *reading).await,
                Sight::NoTeam => self.team_is_missing(look).await,
                Sight::NoGroup(group) => self.group_is_missing(look, group).await,
            },
            Phase::Ended { .. } => Ok(End::Looked { due: None }),
        }
    }

    /// What an error means for the link. Those that the queue has to answer go on upwards.
    pub(super) async fn failed(&self, desk: &Desk, link: &Link, error: SyncError) -> Result<End, SyncError> {
        let reason = error.to_string();
        match error {
            SyncError::SomebodyElsesGroup(_) => {
                return Ok(End::Trouble { kind: TroubleKind::SomebodyElsesGroup, reason });
            }
            SyncError::Archived(_) => return Ok(End::Trouble { kind: TroubleKind::Archived, reason }),
            _ => {}
        }
        match error.class() {
            None => Err(error),
            Some(Class::ThrottledUntil(until)) => {
                tenant::shut_gate(self.store.as_ref(), desk.tenant.tenant, error.api(), until).await?;
                Ok(End::Wait { until })
            }
            Some(Class::Transient | Class::Permanent) => Ok(End::Trouble { kind: TroubleKind::CallFailed, reason }),
            Some(Class::NeedsAdministrator) => {
                self.tokens.forget(desk.tenant.tenant, desk.tenant.directory);
                // A token can end early: a new one is tried before somebody is called.
                let kind =
                    if link.trouble.is_none() { TroubleKind::CallFailed } else { TroubleKind::NeedsAdministrator };
                Ok(End::Trouble { kind, reason })
            }
        }
    }

    /// Stores how the look ended and gives the lease back.
    #[expect(clippy::too_many_arguments, reason = "the one place where a look ends")]
    async fn close(
        &self,
        desk: &Desk,
        message: &Message,
        lease: &Lease,
        kept: &Kept,
        mut link: Link,
        mut report: Report,
        (started, end): (Timestamp, End),
    ) -> Result<(), SyncError> {
        let now = self.clock.now();
        report.measure(desk.tenant.tenant, message.at, now, &link, started);
        let (mut looked, mut settles, mut delayed, mut again) = (kept.looked, None, None, Cause::Again);
        let mut latest = daily_after(link.team, last_daily(desk, &link).unwrap_or(started));
        match end {
            End::Looked { due } => {
                link.trouble = None;
                (looked, settles) = (started, due);
                if desk.settings.running == Running::Live {
                    link.shown_at = None;
                }
            }
            End::Wait { until } => delayed = Some(until),
            End::PutOff { until } => (delayed, again) = (Some(until), Cause::Due),
            End::Trouble { kind, reason } => {
                link.is_troubled(kind, reason.clone(), now);
                let (group, next) = (link.group().map(|group| group.to_string()), now + pause(&link));
                tracing::warn!(tenant = %desk.tenant.tenant, team = %link.team, group, ?kind, reason, again = %next, "a link fails");
                metrics::counter!("FailingLooks").increment(1);
                delayed = Some(next);
            }
        }
        if let Some(until) = delayed {
            latest = if within_a_delay(until, now) { until + SignedDuration::from_mins(2) } else { until };
        }
        if let Phase::Ended { .. } = link.phase {
            (looked, latest, settles, delayed) = (started, never(), None, None);
        }
        let can_go_on = delayed.is_none() && !matches!(link.phase, Phase::Ended { .. });
        let delayed = delayed.filter(|until| within_a_delay(*until, now));
        report.further.extend(notices(desk.tenant.tenant, &mut link, now)?);
        let folders = folders_wanted(desk, &kept.link, &mut link, (message.cause, now));
        if let Some(wish) = &folders {
            report.further.extend(folders::want(desk.tenant.tenant, link.team, wish, now)?);
        }
        let mut known = kept.clone();
        let mut put_people = Some(report.writes(desk.tenant.tenant, link.team)?);
        loop {
            // A hint that came while we read asks for one look when the lag is over.
            let confirm = (known.hinted + RECENT > looked && known.hinted > Timestamp::UNIX_EPOCH)
                .then_some(known.hinted + RECENT);
            let hinted = if is_from_microsoft(message.cause) { known.hinted.max(message.at) } else { known.hinted };
            let confirm = if is_from_microsoft(message.cause) { confirm.max(Some(hinted + RECENT)) } else { confirm };
            let unanswered = known.wanted > looked && can_go_on;
            let next_look = match unanswered {
                true => now,
                // What settles by itself can wait for the confirming look: one look does for both.
                false if can_go_on => settles.max(confirm).map_or(latest, |at| at.min(latest)),
                // Whoever pauses confirms when it goes on.
                false => latest,
            };
            let closing = Closing { looked, wanted: known.wanted, hinted, next_look, delayed };
            let close = lease.close(desk.tenant.tenant, &link, &closing)?;
            match self.write_all(lease, put_people.take().unwrap_or_default(), Some(close)).await {
                Ok(()) => {
                    if folders.is_some() {
                        self.ask_for_folders(desk.tenant.tenant, link.team, message.cause).await?;
                    }
                    if let Some(until) = delayed.filter(|_| kept.delayed <= now) {
                        self.ask_again(desk.tenant.tenant, &link, (message.at, again), until).await?;
                    } else if unanswered {
                        self.ask_again(desk.tenant.tenant, &link, (known.wanted, Cause::Again), now).await?;
                    }
                    return Ok(());
                }
                Err(StoreError::ConditionFailed) => {
                    let team = link.team;
                    let as_it_stands = lease.read(self.store.as_ref()).await?.filter(|kept| kept.is_leased(now));
                    let as_it_stands = as_it_stands.filter(|kept| kept.wanted != known.wanted);
                    known = as_it_stands.ok_or(SyncError::LeaseLost(team))?;
                    put_people = Some(report.writes(desk.tenant.tenant, team)?);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes in as few transactions as go, the last of them with `last`. Each requires the lease to stand.
    pub(super) async fn write_all(
        &self,
        lease: &Lease,
        writes: Vec<Write>,
        last: Option<Write>,
    ) -> Result<(), StoreError> {
        let room = store::table::TRANSACTION_LIMIT - 1;
        let mut chunks = writes.chunks(room).map(<[Write]>::to_vec).collect::<Vec<_>>();
        let mut final_chunk = chunks.pop().unwrap_or_default();
        for mut chunk in chunks {
            chunk.push(lease.check()?);
            self.store.write(chunk).await?;
        }
        match last {
            Some(last) => final_chunk.push(last),
            None if final_chunk.is_empty() => return Ok(()),
            None => final_chunk.push(lease.check()?),
        }
        self.store.write(final_chunk).await
    }
}

/// What of the team's folders is to be looked at after this look, and what the link has to know of it. They cost nothing while nothing about them changes.
fn folders_wanted(desk: &Desk, before: &Link, link: &mut Link, (cause, now): (Cause, Timestamp)) -> Option<Wish> {
    let consent = desk.tenant.files.as_ref().filter(|_| desk.has_folders());
    let (Some(consent), Some(_)) = (consent, link.group()) else {
        let had_some = link.folders_since.take().is_some();
        // What is known of them is forgotten with the link.
        return (had_some && matches!(link.phase, Phase::Ended { .. })).then_some(Wish::Everything);
    };
    let is_new = link.folders_since.is_none_or(|since| since < consent.since);
    if is_new {
        link.folders_since = Some(now);
    }
    let officer = desk.tenant.officer;
    let has_stepped_inside = link.officer.is_inside(officer) && !before.officer.is_inside(officer);
    let is_back = link.trouble.is_none()
        && before.trouble.as_ref().is_some_and(|trouble| {
            matches!(trouble.kind, TroubleKind::Archived | TroubleKind::GroupMissing | TroubleKind::TeamMissing)
        });
    if is_new || has_stepped_inside || is_back || cause == Cause::Administrator {
        return Some(Wish::Everything);
    }
    (link.title != before.title).then(|| Wish::Space(link.team.general_space(), link.region.clone()))
}

/// When the last daily look of the tenant's present mode was.
fn last_daily(desk: &Desk, link: &Link) -> Option<Timestamp> {
    match desk.settings.running {
        Running::Live => link.daily_at,
        Running::Preview => link.previewed_at,
    }
}

fn is_from_microsoft(cause: Cause) -> bool {
    matches!(cause, Cause::GraphNotification | Cause::GraphDelta)
}

/// An administrator waits for the page; what a round found due waits for nobody.
fn urgency(cause: Cause) -> Urgency {
    match cause {
        Cause::Administrator => Urgency::High,
        Cause::Due | Cause::Person => Urgency::Low,
        _ => Urgency::Usual,
    }
}

fn within_a_delay(until: Timestamp, now: Timestamp) -> bool {
    until.duration_since(now) <= SignedDuration::try_from(LONGEST_DELAY).unwrap_or_default()
}

/// What an administrator should know of the link from now on, and what no more: written where it begins and ends, so that it costs nothing in between.
fn notices(tenant: TenantId, link: &mut Link, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let is_over = matches!(link.phase, Phase::Ended { .. });
    let failing = link.trouble.as_ref().filter(|trouble| now.duration_since(trouble.since) >= TOLD_AFTER);
    let standing = [
        (LinkNotice::Held, link.held.is_some(), "removals wait for a decision.".to_owned()),
        (
            LinkNotice::Failing,
            failing.is_some(),
            failing
                .map(|trouble| format!("not in step since {:.0}: {}", trouble.since, trouble.reason))
                .unwrap_or_default(),
        ),
        (
            LinkNotice::NearOwnerLimit,
            link.counts.owners >= NEARLY_ALL_OWNERS,
            format!("{} owners; a group can have {OWNER_LIMIT}.", link.counts.owners),
        ),
        (
            LinkNotice::NearExpiry,
            link.group_ends_at.is_some_and(|end| end.duration_since(now) < ENDS_SOON),
            "the directory's expiration policy is going to delete the group, although it was renewed.".to_owned(),
        ),
    ];
    let mut changes = vec![];
    for (notice, holds, text) in standing {
        let matter = Matter::Link(link.team, notice);
        if holds && !is_over {
            if link.notices.insert(notice) {
                let page = format!("/teams/{}", link.team);
                changes.push(notify::raise(tenant, matter, format!("“{}”: {text}", link.title), page, now)?);
            }
        } else if link.notices.remove(&notice) {
            changes.push(notify::withdraw(tenant, matter));
        }
    }
    Ok(changes)
}

/// The next moment of the day that is the team's own: so the daily looks of a tenant are spread evenly, whenever its links were made.
fn daily_after(team: domain::ids::TeamId, at: Timestamp) -> Timestamp {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let own = i64::try_from(team.0.as_u128() % DAY.unsigned_abs() as u128).unwrap_or(0);
    at + SignedDuration::from_millis(DAY - (at.as_millisecond() - own).rem_euclid(DAY))
}

/// A moment of the team's own within `span`: three quarters of it, and up to a quarter more.
fn spread(team: domain::ids::TeamId, span: SignedDuration) -> SignedDuration {
    let quarter = span.as_secs() / 4;
    let own = i64::try_from(team.0.as_u128() % u128::try_from(quarter.max(1)).unwrap_or(1)).unwrap_or(0);
    SignedDuration::from_secs(3 * quarter + own)
}

/// How long a troubled link waits: longer each time, up to the longest that its kind of trouble bears.
fn pause(link: &Link) -> SignedDuration {
    let Some(trouble) = &link.trouble else { return SignedDuration::ZERO };
    let (first, longest) = match trouble.kind {
        TroubleKind::CallFailed => (30, 3600),
        TroubleKind::GroupMissing | TroubleKind::TeamMissing => (60, 3600),
        TroubleKind::NoOwner | TroubleKind::NeedsAdministrator => (300, 3600),
        TroubleKind::SomebodyElsesGroup | TroubleKind::CreationRestricted | TroubleKind::Archived => (3600, 86_400),
    };
    let seconds = (first << trouble.tries.saturating_sub(1).min(12)).min(longest);
    spread(link.team, SignedDuration::from_secs(seconds))
}

/// When the last of what is open in a link's people and names ends.
pub(super) fn due<'a>(memories: impl IntoIterator<Item = &'a merge::Memory>, link: &Link) -> Option<Timestamp> {
    let people = memories.into_iter().filter_map(merge::Memory::due).max();
    let names = link.names.as_ref().and_then(merge::Names::due);
    let owners = link.owners_alone.values().copied().filter_map(|since| since.checked_add(RECENT).ok()).max();
    people.max(names).max(owners).map(|at| at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at))
}
