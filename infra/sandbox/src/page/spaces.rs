//! The spaces of a team and their folders: how they are, and what people do to them.

use domain::ids::{GroupId, RoomId, TeamId};
use domain::membership::Side;
use engine::folders;
use engine::link::Kept;
use serde::{Deserialize, Serialize};

use super::act::checked;
use super::log::Words;
use super::play::{Play, refused};
use crate::world::Refused;

/// A space and its folder, as they are and as they are known.
#[derive(Serialize)]
pub(super) struct SpaceShown {
    id: RoomId,
    title: String,
    /// The folder that it is linked to, by the name that it has now.
    folder: Option<String>,
    state: Option<String>,
    why: Option<&'static str>,
}

/// Spaces and folders of a team.
#[derive(Serialize, Default)]
pub(super) struct SpacesShown {
    spaces: Vec<SpaceShown>,
    /// Folders of the group's library to which no space of the team is linked.
    unlinked: Vec<String>,
    waiting: Option<&'static str>,
}

/// What somebody does to a space or to its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceAct {
    /// A new space in the team.
    Create,
    /// The space gets another title.
    Rename,
    /// The space is deleted.
    Delete,
    /// The space leaves the team.
    TakeOut,
    /// The folder gets another name, in SharePoint.
    RenameFolder,
    /// The folder is deleted, in SharePoint.
    DeleteFolder,
    /// The link is removed, in Webex.
    Unlink,
}

impl Play {
    pub(super) async fn spaces(
        &self,
        at: usize,
        team: TeamId,
        group: Option<GroupId>,
        kept: Option<&Kept>,
    ) -> SpacesShown {
        let (world, store) = (self.world(), self.house.ground().store.as_ref());
        let tenant = self.customers[at].tenant;
        let known = folders::spaces(store, tenant, team).await.unwrap_or_default();
        let waiting = folders::load(store, tenant, team).await.ok().flatten().and_then(|kept| kept.folders.hindrance);
        let mut there = group.map(|group| world.drive_folders(group)).unwrap_or_default();
        let mut spaces = vec![];
        for id in world.spaces(team) {
            let Some(room) = world.room(id) else { continue };
            let linked = room.folder.map(|linked| {
                let found = there.iter().position(|folder| folder.id == linked.item);
                found.map_or(linked.name, |found| there.swap_remove(found).path)
            });
            let standing = known.get(&id).map(|space| space.standing).filter(|_| kept.is_some());
            spaces.push(SpaceShown {
                id,
                title: room.title,
                folder: linked,
                state: standing.map(|standing| standing.state().to_string()),
                why: standing.map(folders::Standing::explanation),
            });
        }
        let mut unlinked: Vec<String> = there.into_iter().map(|folder| folder.path).collect();
        unlinked.sort();
        SpacesShown { spaces, unlinked, waiting: waiting.map(|hindered| hindered.by.explanation()) }
    }

    /// Does something to a space or its folder.
    pub(super) async fn act_on_space(
        &self,
        at: usize,
        (team, space): (TeamId, Option<RoomId>),
        (act, name): (SpaceAct, Option<&str>),
    ) -> Result<Words, Refused> {
        let world = self.world();
        let named = || checked(name.unwrap_or_default());
        if act == SpaceAct::Create {
            let name = named()?;
            let people = world.team(team).map(|team| team.people).unwrap_or_default();
            let officer = self.customers[at].handle.officer;
            let by = people.into_keys().find(|person| *person != officer);
            world.create_room(by.ok_or_else(|| refused("The team has nobody."))?, name, Some(team));
            return Ok(Words::from("A space was made in the team, in Webex.").about(name).side(Side::Team));
        }
        let id = space.filter(|space| world.spaces(team).contains(space));
        let id = id.ok_or_else(|| refused("The team has no such space."))?;
        let room = world.room(id).ok_or_else(|| refused("There is no such space."))?;
        let group = self.links(at).await.get(&team).and_then(|kept| kept.link.group());
        let is_general = id == team.general_space();
        let folder = || {
            let linked = room.folder.as_ref().ok_or_else(|| refused("The space has no folder."))?;
            group.map(|group| (group, linked.item.clone())).ok_or_else(|| refused("The team has no group."))
        };
        let (text, side) = match act {
            SpaceAct::Rename | SpaceAct::Delete | SpaceAct::TakeOut if is_general => {
                return Err(refused("This is the General space: it comes and goes with its team, and bears its name."));
            }
            SpaceAct::Create | SpaceAct::Rename => {
                let name = named()?;
                world.rename_room(id, name);
                (format!("The space was renamed to “{name}” in Webex."), Side::Team)
            }
            SpaceAct::Delete => {
                world.delete_room(id);
                ("The space was deleted in Webex.".into(), Side::Team)
            }
            SpaceAct::TakeOut => {
                world.take_out_of_team(id);
                ("The space left its team in Webex.".into(), Side::Team)
            }
            SpaceAct::RenameFolder => {
                let ((group, item), name) = (folder()?, named()?);
                world.rename_drive_folder(group, &item, name);
                (format!("The folder was renamed to “{name}” in SharePoint."), Side::Group)
            }
            SpaceAct::DeleteFolder => {
                let (group, item) = folder()?;
                world.delete_drive_folder(group, &item);
                ("The folder was deleted in SharePoint.".into(), Side::Group)
            }
            SpaceAct::Unlink => {
                folder()?;
                world.unlink_folder(id);
                ("Somebody removed the link to the folder, in Webex.".into(), Side::Team)
            }
        };
        Ok(Words::from(text).about(room.title).side(side))
    }
}
