//! What differs between one day of Graph and Entra and another.

use std::time::Duration;

/// Whether writes to one group in parallel items of a batch collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collisions {
    /// They are served one after the other.
    Never,
    /// All but the first get 409 `Directory_ConcurrencyViolation`.
    ParallelItems,
}

/// What removing an owner does to the membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerRemoval {
    /// Nothing.
    KeepsMembership,
    /// It goes, too (a known issue for groups with a Team).
    TakesMembership,
}

/// What binds do in an upsert that finds the group: not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpsertBinds {
    /// The same as in a `PATCH` by id: all or nothing, and who is there already refuses all.
    LikePatch,
    /// Nothing.
    Ignored,
    /// Who is not there is added.
    Merged,
}

/// What a round of a delta says of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaWords {
    /// Each group once, with the last word on each person.
    Once,
    /// Each group twice, of which the first says of each person the contrary; in a first round, too.
    Contradicting,
}

/// The status of a `$batch` of which some items were throttled: both are documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottledBatch {
    /// 200, as ever.
    Ok,
    /// 424 around the same answers.
    FailedDependency,
}

/// How a delta link that is too old is refused: both are documented or were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaEnd {
    /// 400 `Request_UnsupportedQuery`.
    UnsupportedQuery,
    /// 410 with a `Location` to start over.
    Gone,
}

/// What a replica that has not heard of a first consent yet says to an app that asks for a token: both were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeConsent {
    /// AADSTS700016.
    AppUnknown,
    /// A token without `roles`.
    NoRoles,
}

/// What differs between one day of Graph and another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphSettings {
    /// A replica shows a write at most this much later; each has its own lag for each write. Up to 600 s is realistic.
    pub replica_lag: Duration,
    /// For at most this long a replica does not know a new group.
    pub young: Duration,
    /// Whether parallel items of a batch collide.
    pub collisions: Collisions,
    /// What removing an owner does to the membership.
    pub owner_removal: OwnerRemoval,
    /// What binds do in an upsert that finds the group.
    pub upsert_binds: UpsertBinds,
    /// The most items on a page, whatever `$top` asks for.
    pub page_limit: usize,
    /// Life of a link to a next page; after it 400 `Directory_ExpiredPageToken`.
    pub page_life: Duration,
    /// How much later than the replica that is asked the index shows a write: casts and whatever else wants `ConsistencyLevel: eventual`.
    pub index_lag: Duration,
    /// What a round of a delta says of one group.
    pub delta_words: DeltaWords,
    /// The status of a `$batch` of which some items were throttled.
    pub throttled_batch: ThrottledBatch,
    /// How many groups a page of a delta has.
    pub delta_page: usize,
    /// Life of a delta link.
    pub delta_life: Duration,
    /// How a delta link that is too old is refused.
    pub delta_end: DeltaEnd,
    /// Write units for each directory in 150 seconds.
    pub write_quota: usize,
    /// Write units over all directories in 300 seconds.
    pub all_write_quota: usize,
    /// Life of an app's token.
    pub token_life: Duration,
    /// How long after the act a notification is due, at least.
    pub notification_delay: Duration,
    /// How much later it can be, at random.
    pub notification_jitter: Duration,
    /// Of a hundred notifications, how many never come.
    pub notifications_lost: u8,
    /// Until this long after a subscription was asked to be reauthorized its notifications go on; then they stop.
    pub reauthorize_within: Duration,
    /// How long after a group its site and library are there.
    pub site_delay: Duration,
    /// What calls of files may cost an app in one directory in a minute.
    pub file_units: usize,
    /// How long after a consent tokens are given as before it.
    pub consent_lag: Duration,
    /// What tokens are given as before a first consent.
    pub before_consent: BeforeConsent,
}

impl Default for GraphSettings {
    fn default() -> Self {
        Self {
            replica_lag: Duration::ZERO,
            young: Duration::ZERO,
            collisions: Collisions::Never,
            owner_removal: OwnerRemoval::KeepsMembership,
            upsert_binds: UpsertBinds::LikePatch,
            page_limit: 999,
            page_life: Duration::from_secs(600),
            index_lag: Duration::from_secs(60),
            delta_words: DeltaWords::Once,
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
