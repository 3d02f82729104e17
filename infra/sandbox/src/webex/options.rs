//! What differs between one day of Webex and another.

use std::time::Duration;

/// How `accountStatus` is spelt: both have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusShape {
    /// `"active"`.
    Text,
    /// `["active"]`.
    List,
}

/// Whether pages can be empty although more follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyPages {
    /// Every page has items.
    Never,
    /// An empty page stands between any two.
    Between,
}

/// Whether webhooks with `ownedBy: "org"` are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgWebhooks {
    /// 403.
    Refused,
    /// They fire for every space of the organization.
    Granted,
}

/// What becomes of a refresh token that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshRule {
    /// Only the new one works.
    Rotates,
    /// It works until its own end, beside the new one.
    Reusable,
}

/// The kind in a room's `teamId`: the specification's own example says ROOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamIdKind {
    /// `TEAM`.
    Team,
    /// `ROOM`.
    Room,
}

/// How a team or room id is spelt in calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// With another region than its own it is not found.
    Exact,
    /// The uuid alone counts.
    AnyRegion,
}

/// What differs between one day of Webex and another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebexSettings {
    /// Requests a minute for each account; more get 429.
    pub requests_per_minute: usize,
    /// The most items on a page, whatever `max` or `count` asks for.
    pub page_limit: usize,
    /// Whether pages can be empty although more follow.
    pub empty_pages: EmptyPages,
    /// How `accountStatus` is spelt.
    pub status_shape: StatusShape,
    /// How long after the act an event can be read.
    pub event_delay: Duration,
    /// Whether organization-wide `memberships` webhooks are given.
    pub org_webhooks: OrgWebhooks,
    /// Whether organization-wide `rooms` webhooks are given.
    pub org_room_webhooks: OrgWebhooks,
    /// What becomes of a used refresh token.
    pub refresh_rule: RefreshRule,
    /// Life of an access token.
    pub access_life: Duration,
    /// Life of a refresh token.
    pub refresh_life: Duration,
    /// The kind in a room's `teamId`.
    pub team_id_kind: TeamIdKind,
    /// Whether the region of an id matters.
    pub spelling: Spelling,
    /// How long after the act a webhook is due, at least.
    pub delivery_delay: Duration,
    /// How much later it can be, at random: what overtakes what.
    pub delivery_jitter: Duration,
    /// Of a hundred webhooks, how many never come.
    pub deliveries_lost: u8,
    /// Of a hundred webhooks, how many come twice.
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
            spelling: Spelling::Exact,
            delivery_delay: Duration::from_millis(500),
            delivery_jitter: Duration::ZERO,
            deliveries_lost: 0,
            deliveries_doubled: 0,
        }
    }
}
