//! Who plays, how both sides stand, and where they differ. What is compared is the truth of the simulated services, whatever replicas show.

use std::collections::HashMap;

use domain::ids::{GroupId, RoomId, TeamId};
use domain::membership::{Side, Sides, Standing};
use sandbox::{Person, Refused, Role, TenantHandle, World};
use uuid::Uuid;

const FIRST: [&str; 12] =
    ["Ada", "Ben", "Chloé", "Dario", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Liam"];
const LAST: [&str; 5] = ["Arndt", "Bellini", "Costa", "Demir", "Eriksen"];

/// How many people a company can have.
pub(crate) const MOST: usize = FIRST.len() * LAST.len();

/// A tenant of the story, with its one team.
pub(crate) struct Company {
    pub(crate) handle: TenantHandle,
    pub(crate) people: Vec<Player>,
    pub(crate) team: TeamId,
    pub(crate) want: Want,
}

/// Somebody on both sides.
pub(crate) struct Player {
    pub(crate) name: String,
    pub(crate) ids: Person,
}

/// What the acts so far amount to: both sides have to come to this.
pub(crate) struct Want {
    /// The bare name.
    pub(crate) name: String,
    /// What the naming policy puts in front of names that are given from now on.
    pub(crate) prefix: &'static str,
    /// What everybody is, in the order of the people.
    pub(crate) standing: Vec<Standing>,
    /// The group, once there is one: it stays the same.
    pub(crate) group: Option<GroupId>,
    /// The team's spaces, each with its title and the name of its folder, once there are folders.
    pub(crate) spaces: Vec<(RoomId, Sides<String>)>,
}

/// One side as it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) name: String,
    /// What everybody is there, in the order of the people.
    pub(crate) standing: Vec<Standing>,
    /// People who are not of the company's: never any, except the officer in the team, who is not counted.
    pub(crate) strangers: usize,
    /// The spaces that are wanted, by their titles; in the group their folders.
    pub(crate) spaces: Vec<String>,
}

/// Both sides; one that does not exist has no face.
pub(crate) type Faces = Sides<Option<Face>>;

impl Company {
    /// A company of `size` people, the first of whom creates a team and takes so many in that there are `in_team`.
    pub(crate) fn found(
        world: &World,
        handle: TenantHandle,
        size: usize,
        (name, in_team): (&str, usize),
    ) -> Result<Self, Refused> {
        let names = LAST.iter().flat_map(|last| FIRST.iter().map(move |first| format!("{first} {last}")));
        let people: Vec<Player> =
            names.take(size).map(|name| Player { ids: world.add_person(&handle, &name), name }).collect();
        let team = world.create_team(people[0].ids.person, name);
        let mut standing = vec![Standing::Absent; people.len()];
        standing[0] = Standing::Owner;
        for n in 1..in_team {
            world.add_to_team(team, people[n].ids.person, Role::Member)?;
            standing[n] = Standing::Member;
        }
        let want = Want { name: name.into(), prefix: "", standing, group: None, spaces: vec![] };
        Ok(Self { handle, people, team, want })
    }

    pub(crate) fn name(&self, n: usize) -> &str {
        &self.people[n].name
    }

    /// Titles of the spaces that are wanted, and the folders that they are linked to.
    fn spaces(&self, world: &World) -> Sides<Vec<String>> {
        let folders = self.want.group.map(|group| world.drive_folders(group)).unwrap_or_default();
        let rooms = self.want.spaces.iter().filter_map(|(room, _)| world.room(*room));
        let (team, group) = rooms
            .map(|room| {
                let folder = room.folder.and_then(|linked| folders.iter().find(|folder| folder.id == linked.item));
                (room.title, folder.map_or_else(|| "no folder".to_owned(), |folder| folder.path.clone()))
            })
            .unzip();
        Sides { team, group }
    }

    /// Both sides as they are. The group is the only one of the directory that was not deleted.
    pub(crate) fn faces(&self, world: &World) -> Faces {
        let spaces = self.spaces(world);
        let team = world.team(self.team).map(|team| Face {
            name: team.title,
            spaces: spaces.team,
            standing: self.standings(|ids| match team.people.get(&ids.person) {
                Some(Role::Moderator) => Standing::Owner,
                Some(Role::Member) => Standing::Member,
                None => Standing::Absent,
            }),
            strangers: team
                .people
                .keys()
                .filter(|id| **id != self.handle.officer && !self.people.iter().any(|player| player.ids.person == **id))
                .count(),
        });
        let groups = world.groups(self.handle.directory);
        let group = groups.into_values().find(|group| group.deleted.is_none()).map(|group| Face {
            spaces: spaces.group,
            standing: self.standings(|ids| {
                if group.owners.contains(&ids.object) {
                    Standing::Owner
                } else if group.members.contains(&ids.object) {
                    Standing::Member
                } else {
                    Standing::Absent
                }
            }),
            strangers: group
                .members
                .union(&group.owners)
                .filter(|id| !self.people.iter().any(|player| player.ids.object == **id))
                .count(),
            name: group.display_name,
        });
        Faces { team, group }
    }

    fn standings(&self, of: impl Fn(&Person) -> Standing) -> Vec<Standing> {
        self.people.iter().map(|player| of(&player.ids)).collect()
    }

    /// Where either side is not as it has to be.
    pub(crate) fn differences(&self, world: &World) -> Vec<String> {
        let faces = self.faces(world);
        let mut found = Vec::new();
        for side in [Side::Team, Side::Group] {
            let Some(face) = &faces[side] else {
                found.push(format!("{}: there is no {side}", self.handle.name));
                continue;
            };
            let wanted = match side {
                Side::Team => self.want.name.clone(),
                Side::Group => format!("{}{}", self.want.prefix, self.want.name),
            };
            if face.name != wanted {
                found.push(format!("the {side} is called “{}”, not “{wanted}”", face.name));
            }
            for (n, (is, wanted)) in face.standing.iter().zip(&self.want.standing).enumerate() {
                if is != wanted {
                    found.push(format!("{} is {is} in the {side}, not {wanted}", self.name(n)));
                }
            }
            for (is, (_, wanted)) in face.spaces.iter().zip(&self.want.spaces) {
                if *is != wanted[side] {
                    found.push(format!("a space or folder of the {side} is “{is}”, not “{}”", wanted[side]));
                }
            }
            if face.strangers > 0 {
                found.push(format!("{} strangers in the {side}", face.strangers));
            }
        }
        let groups: Vec<GroupId> = world.groups(self.handle.directory).into_keys().collect();
        if groups.len() > 1 || self.want.group.is_some_and(|group| groups != [group]) {
            found.push(format!("{} groups, not the one that there was", groups.len()));
        }
        found
    }

    /// What calls name, in words.
    pub(crate) fn names(&self) -> HashMap<Uuid, String> {
        let people = self.people.iter().flat_map(|player| {
            [(player.ids.object.0, player.name.clone()), (player.ids.person.0, player.name.clone())]
        });
        let mut names: HashMap<Uuid, String> = people.collect();
        names.insert(self.team.0, "team".into());
        names.insert(self.handle.officer.0, "officer".into());
        names.extend(self.want.group.map(|group| (group.0, "group".into())));
        names.extend(self.want.spaces.iter().map(|(room, called)| (room.0, called.team.clone())));
        names
    }
}
