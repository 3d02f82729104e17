//! The companies of the story: their people, the state of both sides, and the expected state.
//!
//! Compared is the actual state of the simulated services, whatever their replicas show.

use std::collections::HashMap;

use domain::ids::{GroupId, RoomId, TeamId};
use domain::membership::{Role, Side, Sides};
use sim::{MembershipRole, Person, Refused, TenantHandle, World};
use uuid::Uuid;

const FIRST: [&str; 12] = [
    "Ada", "Ben", "Chloé", "Dario", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaya",
    "Liam",
];
const LAST: [&str; 5] = ["Arndt", "Bellini", "Costa", "Demir", "Eriksen"];

/// The maximum number of people of a company.
pub(crate) const MAX_PEOPLE: usize = FIRST.len() * LAST.len();

/// A tenant with one team.
pub(crate) struct Company {
    pub(crate) handle: TenantHandle,
    pub(crate) people: Vec<CastMember>,
    pub(crate) team: TeamId,
    pub(crate) expected: Expected,
}

/// A person with accounts on both sides.
pub(crate) struct CastMember {
    pub(crate) name: String,
    pub(crate) ids: Person,
}

/// The state that both sides must reach after the actions so far.
pub(crate) struct Expected {
    /// The name without the prefix of the naming policy.
    pub(crate) name: String,
    /// The naming policy's prefix for new names of the group.
    pub(crate) prefix: &'static str,
    /// The role of each person, by index.
    pub(crate) roles: Vec<Role>,
    /// The group, once it exists: it must stay the same.
    pub(crate) group: Option<GroupId>,
    /// The team's spaces, each with its title and its folder's name, once there are folders.
    pub(crate) spaces: Vec<(RoomId, Sides<String>)>,
}

/// The state of one side.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SideState {
    pub(crate) name: String,
    /// The role of each person, by index.
    pub(crate) roles: Vec<Role>,
    /// The number of other people, the service account in the team aside: never any.
    pub(crate) strangers: usize,
    /// Titles of the expected spaces; in the group the names of their folders.
    pub(crate) spaces: Vec<String>,
}

/// Both sides; a side that does not exist has no state.
pub(crate) type BothSides = Sides<Option<SideState>>;

impl Company {
    /// A company of `size` people, the first of whom creates a team with the next ones.
    pub(crate) fn create(
        world: &World,
        handle: TenantHandle,
        size: usize,
        name: &str,
        in_team: usize,
    ) -> Result<Self, Refused> {
        let names = LAST.iter().flat_map(|last| FIRST.iter().map(move |first| (first, last)));
        let member = |(first, last)| {
            let name = format!("{first} {last}");
            CastMember { ids: world.add_person(&handle, &name), name }
        };
        let people: Vec<CastMember> = names.take(size).map(member).collect();
        let team = world.create_team(people[0].ids.person, name);
        let mut roles = vec![Role::None; people.len()];
        roles[0] = Role::Owner;
        for n in 1..in_team {
            world.add_to_team(team, people[n].ids.person, MembershipRole::Member)?;
            roles[n] = Role::Member;
        }
        let expected =
            Expected { name: name.into(), prefix: "", roles, group: None, spaces: vec![] };
        Ok(Self { handle, people, team, expected })
    }

    pub(crate) fn name(&self, n: usize) -> &str {
        &self.people[n].name
    }

    /// Titles of the expected spaces, and the names of their linked folders.
    fn spaces(&self, world: &World) -> Sides<Vec<String>> {
        let group = self.expected.group;
        let folders = group.map(|group| world.drive_folders(group)).unwrap_or_default();
        let rooms = self.expected.spaces.iter().filter_map(|(room, _)| world.room(*room));
        let titles = rooms.map(|room| {
            let folder = room
                .folder
                .and_then(|linked| folders.iter().find(|folder| folder.id == linked.item));
            (
                room.title,
                folder.map_or_else(|| "no folder".to_owned(), |folder| folder.path.clone()),
            )
        });
        let (team, group) = titles.unzip();
        Sides { team, group }
    }

    /// The actual state of both sides. The group is the only existing one of the directory.
    pub(crate) fn both_sides(&self, world: &World) -> BothSides {
        let spaces = self.spaces(world);
        let team = world.team(self.team).map(|team| {
            let is_stranger = |id: &&_| {
                **id != self.handle.service_account
                    && !self.people.iter().any(|member| member.ids.person == **id)
            };
            SideState {
                strangers: team.people.keys().filter(is_stranger).count(),
                roles: self.roles(|ids| match team.people.get(&ids.person) {
                    Some(MembershipRole::Moderator) => Role::Owner,
                    Some(MembershipRole::Member) => Role::Member,
                    None => Role::None,
                }),
                name: team.title,
                spaces: spaces.team,
            }
        });
        let mut groups = world.groups(self.handle.directory).into_values();
        let group = groups.find(|group| group.deleted.is_none()).map(|group| {
            let is_stranger = |id: &&_| !self.people.iter().any(|member| member.ids.object == **id);
            SideState {
                strangers: group.members.union(&group.owners).filter(is_stranger).count(),
                roles: self.roles(|ids| {
                    if group.owners.contains(&ids.object) {
                        Role::Owner
                    } else if group.members.contains(&ids.object) {
                        Role::Member
                    } else {
                        Role::None
                    }
                }),
                name: group.display_name,
                spaces: spaces.group,
            }
        });
        Sides { team, group }
    }

    fn roles(&self, of: impl Fn(&Person) -> Role) -> Vec<Role> {
        self.people.iter().map(|member| of(&member.ids)).collect()
    }

    /// The differences of both sides from the expected state.
    pub(crate) fn differences(&self, world: &World) -> Vec<String> {
        let sides = self.both_sides(world);
        let mut found = Vec::new();
        for side in [Side::Team, Side::Group] {
            match &sides[side] {
                Some(state) => self.differences_of(side, state, &mut found),
                None => found.push(format!("{}: there is no {side}", self.handle.name)),
            }
        }
        let groups: Vec<GroupId> = world.groups(self.handle.directory).into_keys().collect();
        if groups.len() > 1 || self.expected.group.is_some_and(|group| groups != [group]) {
            found.push(format!("{} groups, instead of the first one", groups.len()));
        }
        found
    }

    fn differences_of(&self, side: Side, state: &SideState, found: &mut Vec<String>) {
        let expected = &self.expected;
        let name = match side {
            Side::Team => expected.name.clone(),
            Side::Group => format!("{}{}", expected.prefix, expected.name),
        };
        if state.name != name {
            found.push(format!("the name of the {side} is “{}”, not “{name}”", state.name));
        }
        for (n, (is, expected)) in state.roles.iter().zip(&expected.roles).enumerate() {
            if is != expected {
                found.push(format!("{} is {is} in the {side}, not {expected}", self.name(n)));
            }
        }
        for (is, (_, expected)) in state.spaces.iter().zip(&expected.spaces) {
            let expected = &expected[side];
            if is != expected {
                found.push(format!("a space or folder of the {side} is “{is}”, not “{expected}”"));
            }
        }
        if state.strangers > 0 {
            found.push(format!("{} strangers in the {side}", state.strangers));
        }
    }

    /// Names for the ids in calls.
    pub(crate) fn names(&self) -> HashMap<Uuid, String> {
        let people = self.people.iter().flat_map(|member| {
            let (object, person) = (member.ids.object.0, member.ids.person.0);
            [(object, member.name.clone()), (person, member.name.clone())]
        });
        let mut names: HashMap<Uuid, String> = people.collect();
        names.insert(self.team.0, "team".into());
        names.insert(self.handle.service_account.0, "service account".into());
        names.extend(self.expected.group.map(|group| (group.0, "group".into())));
        let spaces = self.expected.spaces.iter();
        names.extend(spaces.map(|(room, titles)| (room.0, titles.team.clone())));
        names
    }
}
