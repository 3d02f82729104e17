//! A group that exists already is connected, and both sides are united.

use clients::http::Deadline;
use domain::ids::{GroupId, TeamId};
use engine::adopt::{self, Candidate, Connected};
use engine::tenant::{NewTeams, Settings, Tenant};
use sandbox::Role;
use sandbox::house::House;
use store::keys;
use store::table::from_item;

use super::people::assert_nothing_open;
use super::{AT_ONCE, Story, trials};
use crate::town::{MINUTE, Town, every_team};

trials! {
    connecting: super::Connecting,
    uniting: super::Uniting,
}

/// A team whose creator was asked, and a group: of four people the first moderates the team, the second is a member of both and moderates it, too, the third owns the group.
async fn asked() -> (Town, TeamId, GroupId) {
    let mut town = Town::with_one_tenant(4, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = town.create_team("Garden", &town.people[..2]);
    town.world().promote(team, town.people[1].person).unwrap();
    let group = town.world().create_group(town.people[2].object, "Gardeners").unwrap();
    [1, 3].into_iter().for_each(|n| town.world().add_member(group, town.people[n].object));
    town.let_pass(6 * MINUTE).await;
    (town, team, group)
}

/// What the page's button does; `None` where it tells of a failure instead.
async fn connect(house: &House, town: &Town, team: TeamId, group: GroupId) -> Option<Connected> {
    let (store, now) = (house.sync().store.as_ref(), town.now());
    let candidate = Candidate::load(store, town.tenant(), team).await.ok()??;
    let union = house.sync().union(town.tenant(), &candidate, group, Deadline(now + MINUTE)).await.ok()?.ok()?;
    let tenant: Tenant = from_item(store.get(&keys::tenant(town.tenant())).await.ok()??).unwrap();
    adopt::connect(store, &tenant, &union, "Connected.".into(), now).await.ok()
}

async fn assert_united(town: &Town, team: TeamId, group: GroupId, told: &str) {
    let world = town.world();
    assert_eq!(world.groups(town.handle.directory).len(), 1, "{told}: no other group");
    let (seen, there) = (world.team(team).unwrap(), world.group(group).unwrap());
    let owners: Vec<bool> = town.people.iter().map(|person| there.owners.contains(&person.object)).collect();
    assert_eq!(owners, [true, true, true, false], "{told}: owners");
    assert!(town.people.iter().all(|person| there.members.contains(&person.object)), "{told}: members");
    let roles = [0, 1, 2, 3].map(|n| seen.people.get(&town.people[n].person).copied());
    let moderator = Some(Role::Moderator);
    assert_eq!(roles, [moderator, moderator, moderator, Some(Role::Member)], "{told}: the team");
    assert_eq!((seen.title.as_str(), there.display_name.as_str()), ("Gardeners", "Gardeners"), "{told}");
    assert_nothing_open(town, team, told).await;
}

struct Connecting(TeamId, GroupId);
impl Story for Connecting {
    type Scene = Town;
    const NAME: &'static str = "connecting an existing group";
    async fn before() -> (Town, Self) {
        let (town, team, group) = asked().await;
        (town, Self(team, group))
    }
    async fn act(&self, town: &mut Town) {
        connect(&town.house, town, self.0, self.1).await;
    }
    /// Whoever saw no page looks again when the lease of what was cut off has ended, and whatever was throttled.
    async fn meanwhile(&self, town: &mut Town) {
        town.let_pass(60 * MINUTE).await;
        if town.kept(self.0).await.is_none_or(|kept| kept.link.group() != Some(self.1)) {
            let connected = connect(&town.house, town, self.0, self.1).await;
            assert!(matches!(connected, Some(Connected::Linked)), "{connected:?} {:?}", town.kept(self.0).await);
        }
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_united(town, self.0, self.1, told).await;
    }
}

struct Uniting(TeamId, GroupId);
impl Story for Uniting {
    type Scene = Town;
    const NAME: &'static str = "uniting both sides";
    async fn before() -> (Town, Self) {
        let (town, team, group) = asked().await;
        let connected = connect(&town.house, &town, team, group).await;
        assert!(matches!(connected, Some(Connected::Linked)), "{connected:?}");
        (town, Self(team, group))
    }
    async fn act(&self, town: &mut Town) {
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_united(town, self.0, self.1, told).await;
    }
}
