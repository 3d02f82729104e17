//! Settings of Graph and Entra: what their documentation leaves open, and what differs from day to
//! day.

use std::time::Duration;

/// Result of parallel writes to one group within a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collisions {
    /// They are served one after the other.
    Never,
    /// All but the first get 409 `Directory_ConcurrencyViolation`.
    ParallelItems,
}

/// Effect of removing an owner on the owner's membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerRemoval {
    /// The membership stays.
    KeepsMembership,
    /// The membership goes, too (a known issue for groups with a Team).
    TakesMembership,
}

/// Effect of binds in an upsert that finds the group; not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpsertBinds {
    /// Acts as a `PATCH` by id: all or nothing, and one existing reference refuses all.
    LikePatch,
    /// No effect.
    Ignored,
    /// Missing references are added.
    Merged,
}

/// Entries of one group in a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaEntries {
    /// One entry for each group, with the final state of each person.
    Once,
    /// Two entries for each group; the first says the opposite of the second about each person.
    Contradicting,
}

/// Status of a `$batch` of which some items were throttled; both are documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottledBatch {
    /// 200, as always.
    Ok,
    /// 424 around the same responses.
    FailedDependency,
}

/// Refusal of a delta link that is too old; one is documented, one was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaEnd {
    /// 400 `Request_UnsupportedQuery`.
    UnsupportedQuery,
    /// 410 with a `Location` to start over.
    Gone,
}

/// Response of a replica that a first consent has not reached yet, to an app that asks for a token;
/// both were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeConsent {
    /// AADSTS700016.
    AppUnknown,
    /// A token without `roles`.
    NoRoles,
}

/// Settings of Graph and Entra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphSettings {
    /// Most time until a replica shows a write. Each replica has its own lag for each write; up to
    /// 600 s is realistic.
    pub replica_lag: Duration,
    /// Most time until a replica knows a new group.
    pub new_group_lag: Duration,
    /// Result of parallel writes to one group within a batch.
    pub collisions: Collisions,
    /// Effect of removing an owner on the owner's membership.
    pub owner_removal: OwnerRemoval,
    /// Effect of binds in an upsert that finds the group.
    pub upsert_binds: UpsertBinds,
    /// Most items on a page, at most what `$top` asks for.
    pub page_limit: usize,
    /// Life of a link to a next page; after it 400 `Directory_ExpiredPageToken`.
    pub page_life: Duration,
    /// Time until the index shows a write, after the replica does: for casts, and for all that
    /// needs `ConsistencyLevel: eventual`.
    pub index_lag: Duration,
    /// Entries of one group in a delta.
    pub delta_entries: DeltaEntries,
    /// Status of a `$batch` of which some items were throttled.
    pub throttled_batch: ThrottledBatch,
    /// Groups on a page of a delta.
    pub delta_page: usize,
    /// Life of a delta link.
    pub delta_life: Duration,
    /// Refusal of a delta link that is too old.
    pub delta_end: DeltaEnd,
    /// Write units for each directory in 150 seconds.
    pub write_quota: usize,
    /// Write units over all directories in 300 seconds.
    pub all_write_quota: usize,
    /// Life of an app's token.
    pub token_life: Duration,
    /// Least time from a change until its notification is due.
    pub notification_delay: Duration,
    /// Most random delay on top.
    pub notification_jitter: Duration,
    /// Percentage of notifications that never arrive.
    pub notifications_lost: u8,
    /// Time to answer a request for reauthorization; then a subscription falls silent.
    pub reauthorize_within: Duration,
    /// Time from a group's creation until its site and library exist.
    pub site_delay: Duration,
    /// Units that calls about files may cost an app in one directory in a minute.
    pub file_units: usize,
    /// Time after a consent in which tokens are issued as before it.
    pub consent_lag: Duration,
    /// Response to an app before its first consent arrives.
    pub before_consent: BeforeConsent,
}

impl Default for GraphSettings {
    fn default() -> Self {
        Self {
            replica_lag: Duration::ZERO,
            new_group_lag: Duration::ZERO,
            collisions: Collisions::Never,
            owner_removal: OwnerRemoval::KeepsMembership,
            upsert_binds: UpsertBinds::LikePatch,
            page_limit: 999,
            page_life: Duration::from_secs(600),
            index_lag: Duration::from_secs(60),
            delta_entries: DeltaEntries::Once,
            throttled_batch: ThrottledBatch::Ok,
            delta_page: 100,
            delta_life: Duration::from_secs(7 * 86_400),
            delta_end: DeltaEnd::UnsupportedQuery,
            write_quota: 3_000,
            all_write_quota: 35_000,
            token_life: Duration::from_secs(3_599),
            notification_delay: Duration::from_secs(10),
            notification_jitter: Duration::ZERO,
            notifications_lost: 0,
            reauthorize_within: Duration::from_secs(3_600),
            site_delay: Duration::from_secs(90),
            file_units: 1_200,
            consent_lag: Duration::ZERO,
            before_consent: BeforeConsent::AppUnknown,
        }
    }
}
