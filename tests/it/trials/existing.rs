//! Teams that were there before: found, and given groups.

use domain::ids::TeamId;
use engine::backfill::Wish;
use engine::backfill::candidate;
use engine::backfill::run::{self, Chooser, Counts, Source, Stage, State};
use engine::backfill::search;
use engine::tenant::{NewTeams, Settings};

use super::{Story, trials};
use crate::town::{MINUTE, Town, every_team};

trials! {
    a_search: super::Search,
    a_run: super::Run,
}

fn selected() -> Settings {
    Settings { new_teams: NewTeams::Selected, ..every_team() }
}

/// Three teams of two, each with a further space, and the wish to find them.
async fn with_teams() -> (Town, Vec<TeamId>) {
    let mut town = Town::with_one_tenant(4, selected()).await;
    let teams: Vec<TeamId> = (0..3)
        .map(|n| {
            let team = town.create_team(&format!("Old {n}"), &[&town.people[n..], &town.people[..1]].concat()[..2]);
            town.world().create_room(town.people[n].person, "Further", Some(team));
            team
        })
        .collect();
    town.let_pass(6 * MINUTE).await;
    assert_eq!(search::begin(town.store(), town.tenant(), town.now()).await, Ok(Wish::Granted));
    (town, teams)
}

struct Search;
impl Story for Search {
    type Scene = Town;
    const NAME: &'static str = "search for existing teams";
    async fn before() -> (Town, Self) {
        (with_teams().await.0, Self)
    }
    async fn act(&self, town: &mut Town) {
        town.let_pass(2 * MINUTE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        let search = search::load(town.store(), town.tenant()).await.unwrap().unwrap();
        assert_eq!((search.stage, search.people, search.teams), (search::Stage::Done, 5, 3), "{told}");
        let (found, _) = candidate::page(town.store(), town.tenant(), "", 100, None).await.unwrap();
        let titles: Vec<_> = found.iter().map(|(found, _)| found.title.as_str()).collect();
        assert_eq!(titles, ["Old 0", "Old 1", "Old 2"], "{told}");
        assert!(found.iter().all(|(found, _)| found.outlook.people == 2), "{told}");
    }
}

struct Run(Vec<TeamId>);
impl Story for Run {
    type Scene = Town;
    const NAME: &'static str = "groups for three existing teams";
    async fn before() -> (Town, Self) {
        let (mut town, teams) = with_teams().await;
        town.let_pass(3 * MINUTE).await;
        let (settings, org) = (selected(), town.handle.org);
        let chooser = Chooser { store: town.store(), tenant: town.tenant(), org, settings: &settings, now: town.now() };
        let everything = Source::Found { title: String::new() };
        assert_eq!(chooser.choose_all(everything).await, Ok(Wish::Granted));
        let run = chooser.gather(run::load(town.store(), town.tenant()).await.unwrap()).await.unwrap();
        assert_eq!((&run.stage, run.totals.teams, run.totals.people), (&Stage::Choosing, 3, 6));
        assert_eq!(chooser.confirm(&run.hash()).await, Ok(Wish::Granted));
        (town, Self(teams))
    }
    async fn act(&self, town: &mut Town) {
        town.let_pass(3 * MINUTE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        let run = run::load(town.store(), town.tenant()).await.unwrap();
        let Counts { done, failed, .. } = run.counts;
        assert_eq!((&run.stage, done + failed), (&Stage::Done, 3), "{told}");
        // What a service refused is told with its reason, and can be chosen again; its link may get on by itself.
        let (told_of, _) = run::page(town.store(), town.tenant(), (&run, State::Failed), 10, None).await.unwrap();
        assert!(told_of.len() == failed && told_of.iter().all(|one| one.why.is_some()), "{told}: {told_of:?}");
        let groups = town.world().groups(town.handle.directory);
        assert!((done..=3).contains(&groups.len()), "{told}: {} groups", groups.len());
        for team in self.0.iter().filter(|team| told_of.iter().all(|one| one.team != **team)) {
            let title = town.world().team(*team).unwrap().title;
            let group = groups.values().find(|group| group.display_name == title);
            town.assert_are_one(*team, group.unwrap_or_else(|| panic!("{told}: no group for {title}")));
        }
    }
}
