//! Crash at every step of giving a space its folder, and of giving the folder its new name.

use std::io::Write as _;

use shared::folders::{self, Standing};
use shared::ids::TeamId;
use shared::tenant::{Folders, Settings};

use crate::crash::{Effect, until_cut_off};
use crate::town::{MINUTE, Town, every_team};

async fn with_team() -> (Town, TeamId) {
    let mut town = Town::with_one_tenant(4, Settings { folders: Folders::EachSpace, ..every_team() }).await;
    let handle = town.handle.clone();
    town.house.consent_to_files(town.tenant(), &handle).await.unwrap();
    let team = town.with_linked_team("Engines").await;
    (town, team)
}

/// Whatever was cut off: each space has its one folder, the officer is in no space for it, and nothing is left open.
async fn assert_ends_well(town: &Town, team: TeamId, names: &[&str], told: &str) {
    assert_eq!(town.folder_names(), names, "{told}");
    let spaces = folders::spaces(town.store(), town.tenant(), team).await.unwrap();
    assert_eq!(spaces.len(), names.len(), "{told}");
    for (room, space) in spaces {
        assert_eq!((space.standing, space.stepped_in), (Standing::Linked, None), "{told}: {space:?}");
        town.assert_linked(room, &space.folder.unwrap().name);
    }
    town.assert_in_step(team);
}

fn say(points: usize, what: &str) {
    // The harness would keep what a passing test prints to itself.
    let mut past_the_harness = std::io::stderr();
    writeln!(past_the_harness, "{what}: {points} crash points end well").unwrap();
    assert!(points > 20, "{points} points are too few to be true");
}

#[tokio::test]
async fn a_new_folder_survives_a_crash_at_every_step() {
    let mut points = 0;
    for effect in [Effect::NotDone, Effect::Done] {
        for at in 0.. {
            let (mut town, team) = with_team().await;
            town.create_space(team, "Gears");
            let blown = until_cut_off(&mut town, (at, effect), 2 * MINUTE).await;
            town.let_pass(40 * MINUTE).await;
            assert_ends_well(
                &town,
                team,
                &["Engines", "Gears"],
                &format!("cut off at call {at}, its effect {effect:?}"),
            )
            .await;
            if !blown {
                break;
            }
            points += 1;
        }
    }
    say(points, "a folder");
}

#[tokio::test]
async fn a_renamed_and_a_deleted_folder_survive_a_crash_at_every_step() {
    let mut points = 0;
    for effect in [Effect::NotDone, Effect::Done] {
        for at in 0.. {
            let (mut town, team) = with_team().await;
            let [gears, cogs] = ["Gears", "Cogs"].map(|title| town.create_space(team, title));
            town.let_pass(2 * MINUTE).await;
            town.world().rename_room(gears, "Wheels");
            town.world().delete_drive_folder(town.group().0, &town.linked(cogs).unwrap().item);
            town.ask(team, shared::message::Cause::Administrator).await;
            let blown = until_cut_off(&mut town, (at, effect), 2 * MINUTE).await;
            town.let_pass(40 * MINUTE).await;
            // What was only lost with a wish is found by the daily look in seven.
            town.sync_now(team).await;
            let told = format!("cut off at call {at}, its effect {effect:?}");
            assert_ends_well(&town, team, &["Cogs", "Engines", "Wheels"], &told).await;
            if !blown {
                break;
            }
            points += 1;
        }
    }
    say(points, "a rename, and a folder made anew");
}
