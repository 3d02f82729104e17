//! Random histories of names, with policy changes, decorated names, lagging replicas and crashes.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod history;
mod rules;

use history::{Config, Misreading, run};

const PEOPLE: Config = Config { crash: 0, lost: 0, misreading: None };
const CRASH: Config = Config { crash: 30, ..PEOPLE };

const LOST: Config = Config { lost: 40, ..PEOPLE };
const LOST_FOR_EVER: Config = Config { lost: 100, ..PEOPLE };

fn holds(config: Config, seeds: u64) {
    for seed in 0..seeds {
        let verdict = run(&config, seed, None);
        if let Some(bad) = verdict.bad {
            let story = run(&config, seed, Some(vec![])).trace.join("\n");
            panic!("{bad}, in history {seed} of {config:?}:\n{story}");
        }
    }
}

#[test]
fn people_rename_and_policies_change() {
    holds(PEOPLE, 4000);
}

#[test]
fn functions_crash() {
    holds(CRASH, 4000);
}

#[test]
fn renames_are_lost() {
    holds(LOST, 4000);
}

#[test]
fn renames_are_lost_for_ever() {
    holds(LOST_FOR_EVER, 4000);
}

/// The histories find every misreading, so they can find the next one too.
#[test]
fn every_misreading_is_found() {
    let found = |misreading| {
        let config = match misreading {
            Misreading::LostIsAct => LOST,
            Misreading::TriesDropped => LOST_FOR_EVER,
            _ => CRASH,
        };
        let config = Config { misreading: Some(misreading), ..config };
        (0..4000).find_map(|seed| run(&config, seed, None).bad.map(|bad| (seed, bad)))
    };
    let mut not_found = vec![];
    for misreading in Misreading::ALL {
        match found(misreading) {
            Some((seed, bad)) => println!("{misreading:?}: {bad}, in history {seed}"),
            None => not_found.push(misreading),
        }
    }
    assert!(not_found.is_empty(), "not found: {not_found:?}");
}
