//! Backfill under faults.

use domain::ids::TeamId;
use engine::backfill::candidate;
use engine::backfill::run::{
    self, BackfillCounts, BackfillStage, Chooser, ChosenState, SelectionSource,
};
use engine::backfill::{UpdateOutcome, search};
use engine::decision::Decider;
use engine::tenant::{NewTeams, Settings};

use super::{Story, story_tests};
use crate::support::{MINUTE, TwoTenants, every_team};

story_tests! {
    a_search: super::Search,
    a_run: super::BackfillRun,
}

fn selected() -> Settings {
    Settings { new_teams: NewTeams::Selected, ..every_team() }
}

/// Returns three teams of two, each with a second space, and a started search.
async fn with_linked_teams() -> (TwoTenants, Vec<TeamId>) {
    let mut env = TwoTenants::with_one_tenant(4, selected()).await;
    let teams: Vec<TeamId> = (0..3)
        .map(|n| {
            let team = env.create_team(
                &format!("Old {n}"),
                &[&env.people[n..], &env.people[..1]].concat()[..2],
            );
            env.world().create_room(env.people[n].person, "Further", Some(team));
            team
        })
        .collect();
    env.let_pass(6 * MINUTE).await;
    assert_eq!(search::begin(env.store(), env.tenant(), env.now()).await, Ok(UpdateOutcome::Done));
    (env, teams)
}

struct Search;

impl Story for Search {
    type Scene = TwoTenants;
    const NAME: &'static str = "search for existing teams";
    async fn before() -> (TwoTenants, Self) {
        (with_linked_teams().await.0, Self)
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.let_pass(2 * MINUTE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        let search = search::load(env.store(), env.tenant()).await.unwrap().unwrap();
        assert_eq!(
            (search.stage, search.people, search.teams),
            (search::SearchStage::Done, 5, 3),
            "{case}"
        );
        let (found, _) = candidate::page(env.store(), env.tenant(), "", 100, None).await.unwrap();
        let titles: Vec<_> = found.iter().map(|(found, _)| found.title.as_str()).collect();
        assert_eq!(titles, ["Old 0", "Old 1", "Old 2"], "{case}");
        assert!(found.iter().all(|(found, _)| found.outlook.people == 2), "{case}");
    }
}

struct BackfillRun(Vec<TeamId>);

impl Story for BackfillRun {
    type Scene = TwoTenants;
    const NAME: &'static str = "groups for three existing teams";
    async fn before() -> (TwoTenants, Self) {
        let (mut env, teams) = with_linked_teams().await;
        env.let_pass(3 * MINUTE).await;
        let (settings, org) = (selected(), env.handle.org);
        let chooser = Chooser {
            store: env.store(),
            tenant: env.tenant(),
            org,
            settings: &settings,
            now: env.now(),
        };
        let everything = SelectionSource::Candidate { title: String::new() };
        assert_eq!(chooser.choose_all(everything).await, Ok(UpdateOutcome::Done));
        let run = chooser
            .continue_selection(run::load(env.store(), env.tenant()).await.unwrap())
            .await
            .unwrap();
        assert_eq!(
            (&run.stage, run.totals.teams, run.totals.people),
            (&BackfillStage::Choosing, 3, 6)
        );
        assert_eq!(
            chooser.confirm(&run.hash(), Decider::operator(env.now())).await,
            Ok(UpdateOutcome::Done)
        );
        (env, Self(teams))
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.let_pass(3 * MINUTE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        let run = run::load(env.store(), env.tenant()).await.unwrap();
        let BackfillCounts { done, failed, .. } = run.counts;
        assert_eq!((&run.stage, done + failed), (&BackfillStage::Done, 3), "{case}");
        // A refused team shows its reason and can be chosen again; its link may complete later.
        let (shown, _) = run::page(env.store(), env.tenant(), &run, ChosenState::Failed, 10, None)
            .await
            .unwrap();
        assert!(
            shown.len() == failed && shown.iter().all(|one| one.why.is_some()),
            "{case}: {shown:?}"
        );
        let groups = env.world().groups(env.handle.directory);
        assert!((done..=3).contains(&groups.len()), "{case}: {} groups", groups.len());
        for team in self.0.iter().filter(|team| shown.iter().all(|one| one.team != **team)) {
            let title = env.world().team(*team).unwrap().title;
            let group = groups.values().find(|group| group.display_name == title);
            env.assert_team_matches(
                *team,
                group.unwrap_or_else(|| panic!("{case}: no group for {title}")),
            );
        }
    }
}
