//! Fault injection: a story is repeated from one moment, each time with another crash or fault.
//!
//! A crash after the k-th call leaves only what is stored. So a story runs once, the state is
//! copied after each write, and new functions continue from every copy. A fault changes later
//! calls, so the story runs again for each fault.

mod actions;
mod adopt;
mod backfill;
mod decisions;
mod endings;
mod fault;
mod folders;
mod histories;
mod outside;
mod people;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;

use self::fault::CallFault;
use self::outside::{Call, Outside, Plan};
use futures::FutureExt as _;
use jiff::SignedDuration;
use sandbox::local_stack::{Backend, LocalStack};

use crate::support::{Customers, DAY, TwoTenants};

/// A story: what people do, and the expected result.
pub(crate) trait Story: Sized {
    /// The scene of the story.
    type Scene: Scene;
    /// The name in the printed figures.
    const NAME: &'static str;
    /// Sets the scene, and lets it settle.
    async fn before() -> (Self::Scene, Self);
    /// Runs the acts during which a fault may occur.
    async fn act(&self, scene: &mut Self::Scene);
    /// Runs what people do after a failure.
    async fn meanwhile(&self, _: &mut Self::Scene) {}
    /// Asserts the expected result.
    async fn assert_ended_well(&self, scene: &Self::Scene, case: &str);
}

/// Functions with the people who use them.
pub(crate) trait Scene {
    fn stack(&mut self) -> &mut LocalStack;
    /// Returns the same people with other functions.
    fn with_stack(&self, stack: LocalStack) -> Self;
}

impl Scene for TwoTenants {
    fn stack(&mut self) -> &mut LocalStack {
        &mut self.stack
    }

    fn with_stack(&self, stack: LocalStack) -> Self {
        let (handle, other) = (self.handle.clone(), self.other.clone());
        Self { stack, handle, people: self.people.clone(), other, neighbour: self.neighbour }
    }
}

impl Scene for Customers {
    fn stack(&mut self) -> &mut LocalStack {
        &mut self.stack
    }

    fn with_stack(&self, stack: LocalStack) -> Self {
        Self {
            stack,
            acme: self.acme.clone(),
            globex: self.globex.clone(),
            people: self.people.clone(),
        }
    }
}

/// Returns the scene with new functions on a backend.
fn restart_on<S: Scene>(scene: &mut S, backend: &Backend) -> S {
    let mut stack = LocalStack::new(backend).unwrap();
    stack.set_tenants(scene.stack().tenants());
    scene.with_stack(stack)
}

/// Returns the scene on a copy of its backend, with faults as planned.
fn restart_on_copy<S: Scene>(scene: &mut S, plan: Plan) -> (S, Outside) {
    let backend = scene.stack().backend().snapshot();
    let outside = Outside::new(&backend, plan);
    let mut stack = LocalStack::with_connections(&backend, outside.connections()).unwrap();
    stack.set_tenants(scene.stack().tenants());
    (scene.with_stack(stack), outside)
}

async fn finish_story<S: Story>(story: &S, scene: &mut S::Scene, case: &str) {
    story.meanwhile(scene).await;
    scene.stack().let_pass(SETTLED / 2).await;
    // The daily sync finds changes whose events were lost.
    scene.stack().backend().clock.advance(DAY.unsigned_abs());
    scene.stack().let_pass(SETTLED / 2).await;
    let backend = scene.stack().backend();
    assert_eq!(backend.queue.dead_letters(), [], "{case}: dead letters");
    assert_eq!(backend.world.violations(), [], "{case}");
    story.assert_ended_well(scene, case).await;
}

/// Prints to stderr, because the harness hides the output of passing tests.
fn print_past_harness(figures: &str) {
    let mut past_the_harness = std::io::stderr();
    writeln!(past_the_harness, "{figures}").unwrap();
}

/// Crashes the functions after every call, with and without its effect.
pub(crate) async fn crashes<S: Story>() {
    let (mut settled, story) = S::before().await;
    let (mut scene, outside) = restart_on_copy(&mut settled, Plan::SaveMoments);
    story.act(&mut scene).await;
    let (calls, moments) = (outside.calls(), outside.moments());
    for moment in &moments {
        let mut after = restart_on(&mut settled, &moment.backend);
        finish_story(&story, &mut after, &format!("{}, cut off {moment}", S::NAME)).await;
    }
    let (points, states) = (2 * calls.len(), moments.len());
    print_past_harness(&format!(
        "{}: {points} crash points, which leave {states} different states, end well",
        S::NAME
    ));
    assert!(points > 20, "{}: {points} points are too few to be true", S::NAME);
}

/// The calls that get faults.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Selection {
    /// The first call of each kind: the default.
    FirstOfEachKind,
    /// Every call: `FAULTS=every`.
    Every,
    /// The first call of each kind, and only lies about it: `FAULTS=lies`.
    Lies,
}

impl Selection {
    fn from_env() -> Self {
        match std::env::var("FAULTS").as_deref() {
            Ok("every") => Self::Every,
            Ok("lies") => Self::Lies,
            _ => Self::FirstOfEachKind,
        }
    }

    /// Returns the faults that a call gets.
    fn faults_of(self, call: &Call) -> impl Iterator<Item = CallFault> {
        let all = CallFault::of(call).into_iter();
        all.filter(move |fault| self != Self::Lies || fault.is_lie())
    }

    /// Returns the fewest faults that a story can have.
    fn fewest(self) -> usize {
        if self == Self::Lies { 2 } else { 21 }
    }
}

/// Injects each possible fault into each call.
pub(crate) async fn faults<S: Story>() {
    let (mut settled, story) = S::before().await;
    let (mut scene, outside) = restart_on_copy(&mut settled, Plan::SaveNothing);
    story.act(&mut scene).await;
    let (selection, mut seen) = (Selection::from_env(), BTreeSet::new());
    let (mut runs, mut failed) = (0, vec![]);
    for (at, call) in outside.calls().into_iter().enumerate() {
        if selection != Selection::Every && !seen.insert(call.clone()) {
            continue;
        }
        for fault in selection.faults_of(&call) {
            let case = format!("{}, call {at} ({call}) met {fault}", S::NAME);
            let (mut scene, outside) = restart_on_copy(&mut settled, Plan::Inject { at, fault });
            let run = async {
                story.act(&mut scene).await;
                outside.stop_injecting();
                finish_story(&story, &mut scene, &case).await;
            };
            runs += 1;
            if AssertUnwindSafe(run).catch_unwind().await.is_err() {
                failed.push(case);
            }
        }
    }
    assert!(failed.is_empty(), "{} of {runs} faults end badly: {failed:#?}", failed.len());
    print_past_harness(&format!(
        "{}: {runs} faults at {} calls end well",
        S::NAME,
        outside.calls().len()
    ));
    assert!(runs >= selection.fewest(), "{}: {runs} faults are too few to be true", S::NAME);
}

/// Defines two tests for each story.
macro_rules! story_tests {
    ($($name:ident: $story:ty),+ $(,)?) => {
        $(mod $name {
            #[tokio::test]
            async fn survives_a_crash_at_every_call() {
                crate::faults::crashes::<$story>().await;
            }

            #[tokio::test]
            async fn survives_a_fault_at_every_call() {
                crate::faults::faults::<$story>().await;
            }
        })+
    };
}
use story_tests;

/// Long enough for all immediate work.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(2);

/// Long enough for all lag windows to pass.
const SETTLED: SignedDuration = SignedDuration::from_mins(40);
