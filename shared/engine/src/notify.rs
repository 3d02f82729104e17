//! What an administrator should know without looking: raised by looks and rounds, kept while it holds, and told once to whoever the tenant names.
//!
//! # Guarantees
//! A notice is told once. Only where a round was cut off between sending and noting it, it is told a second time: better that than not at all.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::credentials::registration::Registration;
use clients::webex::plain;
use domain::ids::{TeamId, TenantId};
use store::table::{Change, Condition, Item, Key, Query, Store, StoreError, Write, from_item, moment, to_item};

/// Notices of a page of the query.
const PAGE: usize = 100;

/// Notices that one message names; of further ones it says how many.
const NAMED: usize = 10;

/// What of a link an administrator should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkNotice {
    /// A plan waits for a decision.
    Held,
    /// It has been out of step for an hour.
    Failing,
    /// The group has nearly as many owners as it can have.
    NearOwnerLimit,
    /// The group ends soon, although it was renewed.
    NearExpiry,
    /// Folders of its spaces do not go on.
    Folders,
}

/// What a notice is about. There is one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// The tenant stands still.
    Standstill,
    /// It went on after a standstill that was told.
    GoesOn,
    /// The officer's tokens end soon, and could not be refreshed.
    OfficerTokensEnd,
    /// The secret of one of our app registrations ends soon.
    SecretEnds(Registration),
    /// Microsoft no longer lets us work with files.
    FilesConsentLost,
    /// Something of a link.
    Link(TeamId, LinkNotice),
}

impl fmt::Display for Matter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standstill => f.write_str("standstill"),
            Self::GoesOn => f.write_str("goes-on"),
            Self::OfficerTokensEnd => f.write_str("officer-tokens-end"),
            Self::SecretEnds(Registration::Groups) => f.write_str("microsoft-secret-ends"),
            Self::SecretEnds(Registration::Files) => f.write_str("files-secret-ends"),
            Self::FilesConsentLost => f.write_str("files-consent-lost"),
            Self::Link(team, LinkNotice::Held) => write!(f, "link#{team}#held"),
            Self::Link(team, LinkNotice::Failing) => write!(f, "link#{team}#failing"),
            Self::Link(team, LinkNotice::NearOwnerLimit) => write!(f, "link#{team}#near-owner-limit"),
            Self::Link(team, LinkNotice::NearExpiry) => write!(f, "link#{team}#near-expiry"),
            Self::Link(team, LinkNotice::Folders) => write!(f, "link#{team}#folders"),
        }
    }
}

/// Something that an administrator should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What, in a sentence or two.
    pub text: String,
    /// The page where it can be seen and mended, as a path.
    pub page: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was told; `None` where it has not been.
    #[serde(default, with = "told", skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
}

/// In milliseconds, as all times that conditions and updates go by.
mod told {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_i64(at.as_millisecond()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let milliseconds: Option<i64> = Option::deserialize(deserializer)?;
        milliseconds.map(|at| Timestamp::from_millisecond(at).map_err(D::Error::custom)).transpose()
    }
}

/// The partition of what is to be told.
pub(crate) fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#NOTICE")
}

fn key(tenant: TenantId, matter: Matter) -> Key {
    Key::new(partition(tenant), matter.to_string())
}

/// Part of a transaction: this is to be known from now on. To be written when it begins, since it is told anew.
pub fn raise(
    tenant: TenantId,
    matter: Matter,
    text: String,
    page: String,
    since: Timestamp,
) -> Result<Write, StoreError> {
    let notice = Notice { text, page, since, told_at: None };
    Ok(Write::Put(to_item(&key(tenant, matter), &notice)?, Condition::Any))
}

/// Part of a transaction: this holds no more.
pub fn withdraw(tenant: TenantId, matter: Matter) -> Write {
    Write::Delete(key(tenant, matter), Condition::Any)
}

/// The notice about a matter, if there is one.
pub async fn load(store: &dyn Store, tenant: TenantId, matter: Matter) -> Result<Option<Notice>, StoreError> {
    store.get(&key(tenant, matter)).await?.map(from_item).transpose()
}

/// All notices of a tenant, told or not, for the pages.
pub async fn all(store: &dyn Store, tenant: TenantId) -> Result<Vec<Notice>, StoreError> {
    items(store, tenant).await?.into_iter().map(from_item).collect()
}

/// The same without the standstill, which the pages show in full.
pub async fn besides_standstill(store: &dyn Store, tenant: TenantId) -> Result<Vec<Notice>, StoreError> {
    let standstill = key(tenant, Matter::Standstill);
    let items = items(store, tenant).await?.into_iter().filter(|item| Key::of(item).as_ref() != Some(&standstill));
    items.map(from_item).collect()
}

async fn items(store: &dyn Store, tenant: TenantId) -> Result<Vec<Item>, StoreError> {
    let query = Query::Partition { pk: partition(tenant), prefix: String::new() };
    let (mut items, mut start) = (vec![], None);
    loop {
        let page = store.query(&query, PAGE, start.as_ref()).await?;
        items.extend(page.items);
        start = page.next;
        if start.is_none() {
            return Ok(items);
        }
    }
}

/// What has not been told yet, as one message.
pub(crate) struct Untold {
    keys: Vec<Key>,
    /// The message, in Webex's markdown.
    pub(crate) markdown: String,
}

/// What has not been told yet; `None` where everything was.
pub(crate) async fn untold(
    store: &dyn Store,
    tenant: TenantId,
    public_url: &str,
) -> Result<Option<Untold>, StoreError> {
    let (mut keys, mut notices) = (vec![], vec![]);
    for item in items(store, tenant).await? {
        let Some(key) = Key::of(&item) else { continue };
        let notice: Notice = from_item(item)?;
        if notice.told_at.is_none() {
            keys.push(key);
            notices.push(notice);
        }
    }
    if notices.is_empty() {
        return Ok(None);
    }
    let line = |notice: &Notice| format!("- {} ([see]({public_url}{}))", plain(&notice.text), notice.page);
    let mut lines: Vec<String> = notices.iter().take(NAMED).map(line).collect();
    if notices.len() > NAMED {
        lines.push(format!("- and {} more: [see all of them]({public_url}/teams)", notices.len() - NAMED));
    }
    Ok(Some(Untold { keys, markdown: format!("**Webex teams and Microsoft 365 groups**\n{}", lines.join("\n")) }))
}

impl Untold {
    /// Notes that these were told, and says how many. What was withdrawn meanwhile stays withdrawn.
    pub(crate) async fn was_told(&self, store: &dyn Store, now: Timestamp) -> Result<usize, StoreError> {
        for key in &self.keys {
            let told = vec![Change::Set("told_at", moment(now))];
            match store.update(key, told, Condition::Holds(vec![])).await {
                Ok(_) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.keys.len())
    }
}
