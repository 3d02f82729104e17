//! Adoption under faults.

use clients::http::Deadline;
use domain::ids::{GroupId, TeamId};
use engine::activity::{AdoptionRight, Decision};
use engine::adopt::{self, AdoptableTeam, AdoptionOutcome};
use engine::decision::Decider;
use engine::tenant::{NewTeams, Settings, Tenant};
use sandbox::local_stack::LocalStack;
use sim::MembershipRole;
use store::keys;
use store::table::from_item;

use super::people::assert_nothing_open;
use super::{AT_ONCE, Story, story_tests};
use crate::support::{MINUTE, TwoTenants, every_team};

story_tests! {
    adopting: super::Adopting,
    uniting: super::Uniting,
}

/// Returns a team whose creator was asked, and a group. Of four people, the first moderates the
/// team, the second moderates it and is a member of the group, and the third owns the group.
async fn asked() -> (TwoTenants, TeamId, GroupId) {
    let mut env =
        TwoTenants::with_one_tenant(4, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = env.create_team("Garden", &env.people[..2]);
    env.world().promote(team, env.people[1].person).unwrap();
    let group = env.world().create_group(env.people[2].object, "Gardeners").unwrap();
    [1, 3].into_iter().for_each(|n| env.world().add_member(group, env.people[n].object));
    env.let_pass(6 * MINUTE).await;
    (env, team, group)
}

/// Adopts like the page's button; `None` if the page shows an error.
async fn adopt(
    stack: &LocalStack,
    env: &TwoTenants,
    team: TeamId,
    group: GroupId,
) -> Option<AdoptionOutcome> {
    let (store, now) = (stack.sync().store.as_ref(), env.now());
    let candidate = AdoptableTeam::load(store, env.tenant(), team).await.ok()??;
    let union = stack
        .sync()
        .preview_adoption(env.tenant(), &candidate, group, Deadline(now + MINUTE))
        .await
        .ok()?
        .ok()?;
    let tenant: Tenant = from_item(store.get(&keys::tenant(env.tenant())).await.ok()??).unwrap();
    let decision = Decision::GroupAdopted {
        group: "Gardeners".into(),
        user: env.people[2].object,
        right: AdoptionRight::GroupOwner,
    };
    adopt::adopt(store, &tenant, &union, decision, Decider::operator(now)).await.ok()
}

async fn assert_united(env: &TwoTenants, team: TeamId, group: GroupId, case: &str) {
    let world = env.world();
    assert_eq!(world.groups(env.handle.directory).len(), 1, "{case}: no other group");
    let (seen, there) = (world.team(team).unwrap(), world.group(group).unwrap());
    let owners: Vec<bool> =
        env.people.iter().map(|person| there.owners.contains(&person.object)).collect();
    assert_eq!(owners, [true, true, true, false], "{case}: owners");
    assert!(
        env.people.iter().all(|person| there.members.contains(&person.object)),
        "{case}: members"
    );
    let roles = [0, 1, 2, 3].map(|n| seen.people.get(&env.people[n].person).copied());
    let moderator = Some(MembershipRole::Moderator);
    assert_eq!(
        roles,
        [moderator, moderator, moderator, Some(MembershipRole::Member)],
        "{case}: the team"
    );
    assert_eq!(
        (seen.title.as_str(), there.display_name.as_str()),
        ("Gardeners", "Gardeners"),
        "{case}"
    );
    assert_nothing_open(env, team, case).await;
}

struct Adopting(TeamId, GroupId);

impl Story for Adopting {
    type Scene = TwoTenants;
    const NAME: &'static str = "adopting an existing group";
    async fn before() -> (TwoTenants, Self) {
        let (env, team, group) = asked().await;
        (env, Self(team, group))
    }
    async fn act(&self, env: &mut TwoTenants) {
        adopt(&env.stack, env, self.0, self.1).await;
    }
    /// Opens the page again, after an interrupted lease and any throttling have ended.
    async fn meanwhile(&self, env: &mut TwoTenants) {
        env.let_pass(60 * MINUTE).await;
        if env.link_row(self.0).await.is_none_or(|row| row.link.group() != Some(self.1)) {
            let adopted = adopt(&env.stack, env, self.0, self.1).await;
            assert!(
                matches!(adopted, Some(AdoptionOutcome::Linked)),
                "{adopted:?} {:?}",
                env.link_row(self.0).await
            );
        }
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_united(env, self.0, self.1, case).await;
    }
}

struct Uniting(TeamId, GroupId);

impl Story for Uniting {
    type Scene = TwoTenants;
    const NAME: &'static str = "uniting both sides";
    async fn before() -> (TwoTenants, Self) {
        let (env, team, group) = asked().await;
        let adopted = adopt(&env.stack, &env, team, group).await;
        assert!(matches!(adopted, Some(AdoptionOutcome::Linked)), "{adopted:?}");
        (env, Self(team, group))
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_united(env, self.0, self.1, case).await;
    }
}
