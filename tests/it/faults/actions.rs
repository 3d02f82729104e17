//! Page actions and card answers under faults.

use domain::ids::{GroupId, TeamId};
use engine::decision::Decider;
use engine::link::{self, Phase, Unlinked};
use engine::notify;
use engine::tenant::{NewTeams, Settings};
use sandbox::local_stack::LocalStack;
use serde_json::json;

use super::{AT_ONCE, SETTLED, Story, story_tests};
use crate::support::{MINUTE, TwoTenants, every_team};

story_tests! {
    unlinking: super::Unlinking,
    answering: super::Answering,
}

struct Unlinking(TeamId, GroupId);

impl Unlinking {
    /// Ends the link like the page's button; `None` if the page shows an error.
    async fn press(&self, stack: &LocalStack, env: &TwoTenants) -> Option<Unlinked> {
        let (tenant, directory) = (env.tenant(), env.handle.directory);
        let by = Decider::operator(env.now());
        let store = stack.sync().store.as_ref();
        link::unlink(store, tenant, directory, self.0, by).await.ok()
    }
}

impl Story for Unlinking {
    type Scene = TwoTenants;
    const NAME: &'static str = "the end of a link by an administrator";
    async fn before() -> (TwoTenants, Self) {
        let mut env = TwoTenants::with_one_tenant(4, every_team()).await;
        let team = env.create_team("Done", &env.people[..3]);
        env.let_pass(SETTLED).await;
        let group = env.group().0;
        (env, Self(team, group))
    }
    async fn act(&self, env: &mut TwoTenants) {
        self.press(&env.stack, env).await;
        env.let_pass(AT_ONCE).await;
    }
    /// Presses again, when an interrupted lease has ended.
    async fn meanwhile(&self, env: &mut TwoTenants) {
        env.let_pass(MINUTE).await;
        let row = env.link_row(self.0).await.unwrap();
        assert!(!row.is_leased(env.now()));
        if !row.link.is_over() {
            env.assert_in_sync(self.0);
            assert_eq!(self.press(&env.stack, env).await, Some(Unlinked::Done));
        }
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert!(env.link_row(self.0).await.unwrap().link.is_over(), "{case}");
        let claims = link::claims(env.store(), env.handle.directory, [self.1]).await.unwrap();
        assert!(claims.is_empty(), "{case}: the claim");
        let alerts = notify::all(env.store(), env.tenant()).await.unwrap();
        assert!(alerts.is_empty(), "{case}: {alerts:?}");
        assert_eq!(env.group().1.deleted, None, "{case}: the group stays");
    }
}

struct Answering(TeamId);

impl Answering {
    fn press(&self, env: &TwoTenants) {
        let creator = env.people[0].person;
        let card = env.world().cards_to(creator).remove(0);
        let answer = json!({"team": self.0, "group": "yes"});
        env.world().submit_card(card.message, creator, answer).unwrap();
    }
}

impl Story for Answering {
    type Scene = TwoTenants;
    const NAME: &'static str = "a card that is answered";
    async fn before() -> (TwoTenants, Self) {
        let settings = Settings { new_teams: NewTeams::Ask, ..every_team() };
        let mut env = TwoTenants::with_one_tenant(3, settings).await;
        let team = env.create_team("Asked", &env.people);
        env.let_pass(2 * MINUTE).await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        self.press(env);
        env.let_pass(AT_ONCE).await;
    }
    /// Presses again, because nothing happened.
    async fn meanwhile(&self, env: &mut TwoTenants) {
        env.let_pass(SETTLED).await;
        if matches!(env.link_row(self.0).await.unwrap().link.phase, Phase::Asked { .. }) {
            self.press(env);
        }
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        let phase = env.link_row(self.0).await.unwrap().link.phase;
        assert!(matches!(phase, Phase::Linked { .. }), "{case}: {phase:?}");
        env.assert_in_sync(self.0);
    }
}
