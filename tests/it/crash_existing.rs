//! Crash at every step of the search for existing teams, and of creating their groups.

use std::io::Write as _;

use shared::existing::Wish;
use shared::existing::found;
use shared::existing::run::{self, Chooser, Counts, Source, Stage};
use shared::existing::search;
use shared::ids::TeamId;
use shared::tenant::{NewTeams, Settings};

use crate::crash::{Effect, until_cut_off};
use crate::town::{MINUTE, Town, every_team};

fn selected() -> Settings {
    Settings { new_teams: NewTeams::Selected, ..every_team() }
}

/// Three teams of three, each with a further space.
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

async fn assert_found(town: &Town, told: &str) {
    let search = search::load(town.store(), town.tenant()).await.unwrap().unwrap();
    assert_eq!((search.stage, search.people, search.teams), (search::Stage::Done, 5, 3), "{told}");
    let (found, _) = found::page(town.store(), town.tenant(), "", 100, None).await.unwrap();
    let titles: Vec<_> = found.iter().map(|(found, _)| found.title.as_str()).collect();
    assert_eq!(titles, ["Old 0", "Old 1", "Old 2"], "{told}");
    assert!(found.iter().all(|(found, _)| found.outlook.people == 2), "{told}");
}

fn say(points: usize, what: &str) {
    // The harness would keep what a passing test prints to itself.
    let mut past_the_harness = std::io::stderr();
    writeln!(past_the_harness, "{what}: {points} crash points end well").unwrap();
    assert!(points > 20, "{points} points are too few to be true");
}

#[tokio::test]
async fn a_search_survives_a_crash_at_every_step() {
    let mut points = 0;
    for effect in [Effect::NotDone, Effect::Done] {
        for at in 0.. {
            let (mut town, _) = with_teams().await;
            let blown = until_cut_off(&mut town, (at, effect), 2 * MINUTE).await;
            town.let_pass(10 * MINUTE).await;
            assert_found(&town, &format!("cut off at call {at}, its effect {effect:?}")).await;
            if !blown {
                break;
            }
            points += 1;
        }
    }
    say(points, "search");
}

#[tokio::test]
async fn a_run_survives_a_crash_at_every_step() {
    let mut points = 0;
    for effect in [Effect::NotDone, Effect::Done] {
        for at in 0.. {
            let (mut town, teams) = with_teams().await;
            town.let_pass(3 * MINUTE).await;
            confirm(&town).await;
            let blown = until_cut_off(&mut town, (at, effect), 3 * MINUTE).await;
            town.let_pass(20 * MINUTE).await;
            let told = format!("cut off at call {at}, its effect {effect:?}");
            let run = run::load(town.store(), town.tenant()).await.unwrap();
            assert_eq!((run.stage, run.counts), (Stage::Done, Counts { done: 3, ..Counts::default() }), "{told}");
            let groups = town.world().groups(town.handle.directory);
            assert_eq!(groups.len(), 3, "{told}");
            for team in teams {
                let title = town.world().team(team).unwrap().title;
                let group = groups.values().find(|group| group.display_name == title);
                town.assert_are_one(team, group.unwrap_or_else(|| panic!("{told}: no group for {title}")));
            }
            if !blown {
                break;
            }
            points += 1;
        }
    }
    say(points, "run");
}

async fn confirm(town: &Town) {
    let (settings, org) = (selected(), town.handle.org);
    let chooser = Chooser { store: town.store(), tenant: town.tenant(), org, settings: &settings, now: town.now() };
    let everything = Source::Found { title: String::new() };
    assert_eq!(chooser.choose_all(everything).await, Ok(Wish::Granted));
    let run = chooser.gather(run::load(town.store(), town.tenant()).await.unwrap()).await.unwrap();
    assert_eq!((&run.stage, run.totals.teams, run.totals.people), (&Stage::Choosing, 3, 6));
    assert_eq!(chooser.confirm(&run.hash()).await, Ok(Wish::Granted));
}
