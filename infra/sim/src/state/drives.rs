//! Data of a group's document library: a tree of folders.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::GroupId;
use jiff::Timestamp;
use uuid::Uuid;

use super::groups::Facts;

/// Bits by which a site's id differs from its group's.
const SITE: u128 = 0x5f37_59df_5f37_59df_5f37_59df_5f37_59df;

/// A document library.
#[derive(Clone)]
pub(crate) struct Drive {
    pub(crate) id: String,
    pub(crate) site: Uuid,
    /// Address of the site.
    pub(crate) address: String,
    /// Moment from which it exists. Without an owner at the group's creation there is none.
    pub(crate) ready: Option<Timestamp>,
    pub(crate) folders: BTreeMap<String, Folder>,
    /// Number of folders ever made, for their ids.
    made: usize,
}

/// A folder of a library; the root has no parent.
#[derive(Clone)]
pub(crate) struct Folder {
    pub(crate) name: String,
    pub(crate) parent: Option<String>,
    pub(crate) version: u32,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

impl Drive {
    pub(crate) fn new(
        group: GroupId,
        facts: &Facts,
        tenant: &str,
        ready: Option<Timestamp>,
    ) -> Self {
        let id = format!("b!{}", URL_SAFE_NO_PAD.encode(group.0.as_bytes()));
        let site = Uuid::from_u128(group.0.as_u128() ^ SITE);
        let address = format!("https://{tenant}.sharepoint.com/sites/{}", facts.mail_nickname);
        let mut drive = Self { id, site, address, ready, folders: BTreeMap::new(), made: 0 };
        drive.add("root".into(), None, facts.created);
        drive
    }

    pub(crate) fn add(&mut self, name: String, parent: Option<String>, now: Timestamp) -> String {
        let id = format!("01{}{:04X}", &self.id[2..12].to_ascii_uppercase(), self.made);
        self.made += 1;
        self.folders
            .insert(id.clone(), Folder { name, parent, version: 1, created: now, modified: now });
        id
    }

    pub(crate) fn root(&self) -> String {
        let root = self.folders.iter().find(|(_, folder)| folder.parent.is_none());
        root.map(|(id, _)| id.clone()).unwrap_or_default()
    }

    pub(crate) fn children<'d>(
        &'d self,
        of: &'d str,
    ) -> impl Iterator<Item = (&'d String, &'d Folder)> {
        self.folders.iter().filter(move |(_, folder)| folder.parent.as_deref() == Some(of))
    }

    /// Finds a child by name, without regard to case.
    pub(crate) fn child(&self, of: &str, name: &str) -> Option<String> {
        let lower = name.to_lowercase();
        self.children(of)
            .find(|(_, folder)| folder.name.to_lowercase() == lower)
            .map(|(id, _)| id.clone())
    }

    /// Returns the names below the root, each after a slash.
    pub(crate) fn path(&self, id: &str) -> String {
        match self.folders.get(id) {
            Some(Folder { name, parent: Some(parent), .. }) => {
                format!("{}/{name}", self.path(parent))
            }
            _ => String::new(),
        }
    }

    pub(crate) fn remove(&mut self, id: &str) {
        let below: Vec<String> = self.children(id).map(|(id, _)| id.clone()).collect();
        below.iter().for_each(|child| self.remove(child));
        self.folders.remove(id);
    }

    /// Returns the address at which people open a folder.
    pub(crate) fn url(&self, id: &str) -> Option<url::Url> {
        let mut url = url::Url::parse(&format!("{}/Shared Documents", self.address)).ok()?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(self.path(id).split('/').filter(|name| !name.is_empty()));
        }
        Some(url)
    }

    /// Renames a folder, which changes its version.
    pub(crate) fn rename(&mut self, id: &str, name: &str, now: Timestamp) {
        if let Some(folder) = self.folders.get_mut(id) {
            folder.name = name.into();
            folder.version += 1;
            folder.modified = now;
        }
    }
}
