//! Random histories of two tenants: people change both sides, replicas lag, services fail,
//! directories break and functions crash. After the repair, both sides are equal and follow the
//! last human act.

mod act;
mod customers;
mod lies;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::act::{Act, Disturbance, Step, history};
use self::customers::settled;
use crate::faults::print_past_harness;

fn env_or(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |number| number.parse().unwrap())
}

/// Checks `HISTORIES` random histories from `SEED`; shrinks and prints a failing one.
#[test]
fn both_sides_converge_to_the_last_human_act() {
    let (histories, seed) = (env_or("HISTORIES", 60), env_or("SEED", 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let settled = std::cell::RefCell::new(runtime.block_on(settled()));
    let config = Config {
        cases: histories,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let outcome = TestRunner::new_with_rng(config, rng)
        .run(&history(), |history| runtime.block_on(settled.borrow_mut().replay(&history)));
    if let Err(error) = outcome {
        panic!("of seed {seed}: {error}");
    }
    print_past_harness(&format!(
        "{histories} random histories of two tenants (seed {seed}) end well"
    ));
}

/// A person leaves the group and is promoted in the team before the leave is visible.
#[tokio::test]
async fn leave_then_promotion_within_the_lag_converges() {
    let step = |tenant, act| Step { tenant, act, minutes: 0 };
    let history = [
        step(0, Act::Disturbance(Disturbance::Lagging)),
        step(0, Act::DeleteUser(1)),
        step(0, Act::JoinGroup(4)),
        step(1, Act::LeaveGroup(1)),
        step(1, Act::Promote(1)),
    ];
    settled().await.replay(&history).await.unwrap();
}

/// A person becomes an owner of the group and is removed from the team before that is visible.
#[tokio::test]
async fn ownership_then_leave_within_the_lag_converges() {
    let history = [
        Step { tenant: 0, act: Act::Disturbance(Disturbance::Lagging), minutes: 46 },
        Step { tenant: 0, act: Act::JoinTeam(1), minutes: 12 },
        Step { tenant: 0, act: Act::JoinTeam(4), minutes: 2 },
        Step { tenant: 1, act: Act::AddOwner(2), minutes: 0 },
        Step { tenant: 1, act: Act::LeaveTeam(2), minutes: 0 },
    ];
    settled().await.replay(&history).await.unwrap();
}
