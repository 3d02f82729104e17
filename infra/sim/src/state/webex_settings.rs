//! Settings of Webex: what its documentation leaves open, and what differs from day to day.

use std::time::Duration;

/// Shape of `accountStatus`; both have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusShape {
    /// `"active"`.
    Text,
    /// `["active"]`.
    List,
}

/// Empty pages that are followed by further ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyPages {
    /// Every page has items.
    Never,
    /// An empty page comes between any two.
    Between,
}

/// Availability of webhooks with `ownedBy: "org"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgWebhooks {
    /// 403.
    Refused,
    /// They fire for every space of the organization.
    Granted,
}

/// Fate of a refresh token after its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshRule {
    /// Only the new one works.
    Rotates,
    /// It works until its own end, beside the new one.
    Reusable,
}

/// Kind in a room's `teamId`: the specification's own example says ROOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamIdKind {
    /// `TEAM`.
    Team,
    /// `ROOM`.
    Room,
}

/// Rule by which the id of a team or room in a call is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdMatching {
    /// An id with another region than its own is not found.
    Exact,
    /// Only the uuid counts.
    AnyRegion,
}

/// Settings of Webex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebexSettings {
    /// Requests a minute for each account; more get 429.
    pub requests_per_minute: usize,
    /// Most items on a page, at most what `max` or `count` asks for.
    pub page_limit: usize,
    /// Empty pages that are followed by further ones.
    pub empty_pages: EmptyPages,
    /// Shape of `accountStatus`.
    pub status_shape: StatusShape,
    /// Time from a change until its event can be read.
    pub event_delay: Duration,
    /// Availability of organization-wide `memberships` webhooks.
    pub org_webhooks: OrgWebhooks,
    /// Availability of organization-wide `rooms` webhooks.
    pub org_room_webhooks: OrgWebhooks,
    /// Fate of a refresh token after its use.
    pub refresh_rule: RefreshRule,
    /// Life of an access token.
    pub access_life: Duration,
    /// Life of a refresh token.
    pub refresh_life: Duration,
    /// Kind in a room's `teamId`.
    pub team_id_kind: TeamIdKind,
    /// Rule by which ids in calls are found.
    pub id_matching: IdMatching,
    /// Least time from a change until its webhook is due.
    pub delivery_delay: Duration,
    /// Most random delay on top, so that webhooks overtake each other.
    pub delivery_jitter: Duration,
    /// Percentage of webhooks that never arrive.
    pub deliveries_lost: u8,
    /// Percentage of webhooks that arrive twice.
    pub deliveries_doubled: u8,
}

impl Default for WebexSettings {
    fn default() -> Self {
        Self {
            requests_per_minute: 300,
            page_limit: 1000,
            empty_pages: EmptyPages::Never,
            status_shape: StatusShape::Text,
            event_delay: Duration::from_millis(800),
            org_webhooks: OrgWebhooks::Refused,
            org_room_webhooks: OrgWebhooks::Granted,
            refresh_rule: RefreshRule::Rotates,
            access_life: Duration::from_secs(14 * 86_400),
            refresh_life: Duration::from_secs(90 * 86_400),
            team_id_kind: TeamIdKind::Room,
            id_matching: IdMatching::Exact,
            delivery_delay: Duration::from_millis(500),
            delivery_jitter: Duration::ZERO,
            deliveries_lost: 0,
            deliveries_doubled: 0,
        }
    }
}
