//! Trials: a story is told again and again from the same moment, each time with another mishap, and has to end as it does without.
//!
//! A crash after the k-th outside call leaves what is stored then, and nothing else: so a story is told once, what is stored is copied after each call that may have
//! changed something, and new functions go on from every copy. A fault changes what the functions do next: so the story is told anew for each.

mod connecting;
mod decisions;
mod endings;
mod existing;
mod folders;
mod histories;
mod mishap;
mod people;
mod reach;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use jiff::SignedDuration;
use sandbox::house::{Ground, House};

use crate::setup_browser::Customers;
use crate::town::{DAY, Town};
use mishap::Mishap;
use reach::{Outside, Plan};

/// What people do, and what has to come of it.
pub(crate) trait Story: Sized {
    /// Where it happens.
    type Scene: Scene;
    /// What it is called in the figures.
    const NAME: &'static str;
    /// What has happened, and settled, before.
    async fn before() -> (Self::Scene, Self);
    /// What happens while something may go wrong.
    async fn act(&self, scene: &mut Self::Scene);
    /// What people do when it has gone wrong, or seems to have.
    async fn meanwhile(&self, _: &mut Self::Scene) {}
    /// What must hold in the end.
    async fn assert_ended_well(&self, scene: &Self::Scene, told: &str);
}

/// Functions with people around them.
pub(crate) trait Scene {
    fn house(&mut self) -> &mut House;
    /// The same people around other functions.
    fn around(&self, house: House) -> Self;
}

impl Scene for Town {
    fn house(&mut self) -> &mut House {
        &mut self.house
    }

    fn around(&self, house: House) -> Self {
        let (handle, other) = (self.handle.clone(), self.other.clone());
        Self { house, handle, people: self.people.clone(), other, neighbour: self.neighbour }
    }
}

impl Scene for Customers {
    fn house(&mut self) -> &mut House {
        &mut self.house
    }

    fn around(&self, house: House) -> Self {
        Self { house, acme: self.acme.clone(), globex: self.globex.clone(), people: self.people.clone() }
    }
}

/// The scene on a ground, with new functions.
fn on<S: Scene>(scene: &mut S, ground: &Ground) -> S {
    let mut house = House::new(ground).unwrap();
    house.take_over(scene.house().tenants());
    scene.around(house)
}

/// The scene on a copy of its ground, whose functions reach out as planned.
fn again<S: Scene>(scene: &mut S, plan: Plan) -> (S, Outside) {
    let ground = scene.house().ground().copy();
    let outside = Outside::new(&ground, plan);
    let mut house = House::reaching_out(&ground, outside.reach()).unwrap();
    house.take_over(scene.house().tenants());
    (scene.around(house), outside)
}

async fn tell_to_the_end<S: Story>(story: &S, scene: &mut S::Scene, told: &str) {
    story.meanwhile(scene).await;
    scene.house().let_pass(SETTLED / 2).await;
    // What was only lost with a hint is found by the daily look.
    scene.house().ground().clock.advance(DAY.unsigned_abs());
    scene.house().let_pass(SETTLED / 2).await;
    let ground = scene.house().ground();
    assert_eq!(ground.queue.dead_letters(), [], "{told}: dead letters");
    assert_eq!(ground.world.violations(), [], "{told}");
    story.assert_ended_well(scene, told).await;
}

/// The harness would keep what a passing test prints to itself.
fn say(figures: &str) {
    let mut past_the_harness = std::io::stderr();
    writeln!(past_the_harness, "{figures}").unwrap();
}

/// The functions die after the k-th call, for every k, its effect done and not done.
pub(crate) async fn crashes<S: Story>() {
    let (mut settled, story) = S::before().await;
    let (mut scene, outside) = again(&mut settled, Plan::KeepMoments);
    story.act(&mut scene).await;
    let (calls, moments) = (outside.calls(), outside.moments());
    for moment in &moments {
        let mut after = on(&mut settled, &moment.ground);
        tell_to_the_end(&story, &mut after, &format!("{}, cut off {moment}", S::NAME)).await;
    }
    let (points, states) = (2 * calls.len(), moments.len());
    say(&format!("{}: {points} crash points, which leave {states} different states, end well", S::NAME));
    assert!(points > 20, "{}: {points} points are too few to be true", S::NAME);
}

/// Which of the calls of a kind are struck.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Struck {
    /// The first of each kind: what every run of the tests does.
    FirstOfItsKind,
    /// Every one: `TRIALS=every`.
    Every,
}

impl Struck {
    fn wanted() -> Self {
        if std::env::var("TRIALS").is_ok_and(|which| which == "every") { Self::Every } else { Self::FirstOfItsKind }
    }
}

/// Each call meets each fault that its service knows.
pub(crate) async fn faults<S: Story>() {
    let (mut settled, story) = S::before().await;
    let (mut scene, outside) = again(&mut settled, Plan::KeepNothing);
    story.act(&mut scene).await;
    let mut seen = BTreeSet::new();
    let (mut trials, mut badly) = (0, vec![]);
    for (at, call) in outside.calls().into_iter().enumerate() {
        if Struck::wanted() == Struck::FirstOfItsKind && !seen.insert(call.clone()) {
            continue;
        }
        for mishap in Mishap::of(&call) {
            let told = format!("{}, call {at} ({call}) met {mishap}", S::NAME);
            let (mut scene, outside) = again(&mut settled, Plan::Strike { at, mishap });
            let trial = async {
                story.act(&mut scene).await;
                outside.strike_no_more();
                tell_to_the_end(&story, &mut scene, &told).await;
            };
            trials += 1;
            if AssertUnwindSafe(trial).catch_unwind().await.is_err() {
                badly.push(told);
            }
        }
    }
    assert!(badly.is_empty(), "{} of {trials} faults end badly: {badly:#?}", badly.len());
    say(&format!("{}: {trials} faults at {} calls end well", S::NAME, outside.calls().len()));
    assert!(trials > 20, "{}: {trials} faults are too few to be true", S::NAME);
}

/// Two tests of a story.
macro_rules! trials {
    ($($name:ident: $story:ty),+ $(,)?) => {
        $(mod $name {
            #[tokio::test]
            async fn ends_well_after_a_crash_at_every_step() {
                crate::trials::crashes::<$story>().await;
            }

            #[tokio::test]
            async fn ends_well_after_a_fault_at_every_call() {
                crate::trials::faults::<$story>().await;
            }
        })+
    };
}
use trials;

/// Long enough for everything that happens at once.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(2);

/// Until nothing is recent any more.
const SETTLED: SignedDuration = SignedDuration::from_mins(40);
