//! The spaces of a team and their folders: their state, and changes by people.

use domain::ids::{GroupId, RoomId, TeamId};
use domain::membership::Side;
use engine::folders;
use engine::link::LinkRow;
use serde::Serialize;
use sim::{Refused, Room};

use super::action::{SpaceAction, SpaceChange};
use super::cast::Customer;
use super::environment::{Environment, refused};
use super::log::Note;
use super::names::checked;
use super::phrases;

/// A space and its folder, in the services and in the table.
#[derive(Serialize)]
pub(super) struct SpaceView {
    id: RoomId,
    title: String,
    /// The linked folder, by its present name.
    folder: Option<String>,
    state: Option<String>,
    why: Option<&'static str>,
}

/// Spaces and folders of a team.
#[derive(Serialize, Default)]
pub(super) struct SpacesView {
    spaces: Vec<SpaceView>,
    /// Folders of the group's library without a linked space.
    unlinked: Vec<String>,
    /// The reason why folders wait.
    blocker: Option<&'static str>,
}

/// The spaces of a team and the folders of its group.
pub(super) async fn view(
    env: &Environment,
    customer: &Customer,
    team: TeamId,
    group: Option<GroupId>,
    row: Option<&LinkRow>,
) -> SpacesView {
    let (world, store, tenant) = (env.world(), env.backend().store.as_ref(), customer.tenant);
    let known = folders::spaces(store, tenant, team).await.unwrap_or_default();
    let folder_row = folders::load(store, tenant, team).await.ok().flatten();
    let blocker = folder_row.and_then(|row| row.folders.blocker);
    let mut unlinked = group.map(|group| world.drive_folders(group)).unwrap_or_default();
    let mut spaces = vec![];
    for id in world.spaces(team) {
        let Some(room) = world.room(id) else { continue };
        let folder = room.folder.map(|linked| {
            let found = unlinked.iter().position(|folder| folder.id == linked.item);
            found.map_or(linked.name, |found| unlinked.swap_remove(found).path)
        });
        let status = known.get(&id).map(|space| space.status).filter(|_| row.is_some());
        spaces.push(SpaceView {
            id,
            title: room.title,
            folder,
            state: status.map(|status| status.state().to_string()),
            why: status.map(phrases::status),
        });
    }
    let mut unlinked: Vec<String> = unlinked.into_iter().map(|folder| folder.path).collect();
    unlinked.sort();
    SpacesView { spaces, unlinked, blocker: blocker.map(|blocker| phrases::blocker(blocker.by)) }
}

/// Changes a space or its folder.
pub(super) async fn change(
    env: &Environment,
    customer: &Customer,
    change: &SpaceChange,
) -> Result<Note, Refused> {
    let SpaceChange { team, space, kind, name } = change;
    let name = name.as_deref().unwrap_or_default();
    let world = env.world();
    if *kind == SpaceAction::Create {
        return create(env, customer, *team, name);
    }
    let id = space.filter(|space| world.spaces(*team).contains(space));
    let id = id.ok_or_else(|| refused("The team has no such space."))?;
    let room = world.room(id).ok_or_else(|| refused("There is no such space."))?;
    let (text, side) = match kind {
        SpaceAction::Create | SpaceAction::Rename | SpaceAction::Delete | SpaceAction::TakeOut => {
            if id == team.general_space() {
                return Err(refused(
                    "This is the General space: it exists as long as its team, and has its name.",
                ));
            }
            (change_space(env, id, *kind, name)?, Side::Team)
        }
        SpaceAction::RenameFolder | SpaceAction::DeleteFolder => {
            let group = group_of(env, customer, *team).await?;
            (change_folder(env, group, &room, *kind, name)?, Side::Group)
        }
        SpaceAction::Unlink => {
            folder_of(&room)?;
            group_of(env, customer, *team).await?;
            world.unlink_folder(id);
            ("The link to the folder was removed in Webex.".into(), Side::Team)
        }
    };
    Ok(Note::from(text).about(room.title).side(side))
}

fn create(
    env: &Environment,
    customer: &Customer,
    team: TeamId,
    name: &str,
) -> Result<Note, Refused> {
    let (world, name) = (env.world(), checked(name)?);
    let people = world.team(team).map(|team| team.people).unwrap_or_default();
    let by = people.into_keys().find(|person| *person != customer.handle.service_account);
    let by = by.ok_or_else(|| refused("The team has no members."))?;
    world.create_room(by, name, Some(team));
    Ok(Note::from("A space was created in the team, in Webex.").about(name).side(Side::Team))
}

fn change_space(
    env: &Environment,
    id: RoomId,
    kind: SpaceAction,
    name: &str,
) -> Result<String, Refused> {
    let world = env.world();
    Ok(match kind {
        SpaceAction::Delete => {
            world.delete_room(id);
            "The space was deleted in Webex.".into()
        }
        SpaceAction::TakeOut => {
            world.take_out_of_team(id);
            "The space was removed from its team in Webex.".into()
        }
        _ => {
            let name = checked(name)?;
            world.rename_room(id, name);
            format!("The space was renamed to “{name}” in Webex.")
        }
    })
}

fn change_folder(
    env: &Environment,
    group: GroupId,
    room: &Room,
    kind: SpaceAction,
    name: &str,
) -> Result<String, Refused> {
    let (world, item) = (env.world(), folder_of(room)?);
    if kind == SpaceAction::DeleteFolder {
        world.delete_drive_folder(group, item);
        return Ok("The folder was deleted in SharePoint.".into());
    }
    let name = checked(name)?;
    world.rename_drive_folder(group, item, name);
    Ok(format!("The folder was renamed to “{name}” in SharePoint."))
}

/// The id of the linked folder.
fn folder_of(room: &Room) -> Result<&str, Refused> {
    let linked = room.folder.as_ref().ok_or_else(|| refused("The space has no folder."))?;
    Ok(&linked.item)
}

async fn group_of(
    env: &Environment,
    customer: &Customer,
    team: TeamId,
) -> Result<GroupId, Refused> {
    let links = env.links(customer).await;
    let group = links.get(&team).and_then(|row| row.link.group());
    group.ok_or_else(|| refused("The team has no group."))
}
