//! Random histories of names: policies that change, a service that decorates, filters and cuts, replicas that lag, and functions that die.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod history;
mod rules;

use history::{Config, Misreading, run};

const PEOPLE: Config = Config { crash: 0, misreading: None };
const CRASH: Config = Config { crash: 30, ..PEOPLE };

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
fn functions_die() {
    holds(CRASH, 4000);
}

/// Every misreading is found, so the histories can be trusted to find the next one.
#[test]
fn each_misreading_of_the_rule_is_found() {
    let found = |misreading| {
        let config = Config { misreading: Some(misreading), ..CRASH };
        (0..4000).find_map(|seed| run(&config, seed, None).bad.map(|bad| (seed, bad)))
    };
    let mut unnoticed = vec![];
    for misreading in Misreading::ALL {
        match found(misreading) {
            Some((seed, bad)) => println!("{misreading:?}: {bad}, in history {seed}"),
            None => unnoticed.push(misreading),
        }
    }
    assert!(unnoticed.is_empty(), "nothing notices {unnoticed:?}");
}
